"""Data quality: freshness, loads, quarantine and completeness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.measured import relation, whole
from dashboard.shared.published import has_mart, per_run, table
from triptych.core.measures.compile import compile_relation
from triptych.core.measures.query import query
from triptych.core.warehouse.figures import ANY

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

LOAD_LIMIT = 200


@per_run
def freshness(snapshot: Snapshot) -> pa.Table:
    """Return a row per source and stream, the most urgent first.

    A stream that a source could deliver but does not is no worry.
    """
    mart = "core.mart_source_freshness"
    known = table(snapshot, f"select * from {mart} limit 0").column_names
    # A run of an earlier version does not know which sources have ended.
    is_ended = "is_ended" if "is_ended" in known else "false"
    reason = "settled_reason" if "settled_reason" in known else "null::varchar"
    return table(
        snapshot,
        f"""
        select
            source,
            stream,
            case
                when load_count > 0 and is_stale then 'stale'
                when load_count > 0 and {is_ended} then 'ended'
                when load_count > 0 then 'fresh'
                when loaded.source is null then 'never loaded'
                else 'not delivered'
            end as state,
            newest_evidence_at,
            last_loaded_at,
            expected_lag_hours,
            source_type,
            load_count,
            row_count,
            quarantined_row_count,
            {reason} as settled_reason
        from {mart}
        left join (select distinct source from {mart} where load_count > 0) as loaded
            using (source)
        order by
            array_position(
                ['never loaded', 'stale', 'fresh', 'ended', 'not delivered'], state
            ),
            source,
            stream
        """,
    )


@per_run
def loads(snapshot: Snapshot) -> pa.Table:
    """Return the newest loads, current and superseded, with how many there are."""
    return table(
        snapshot,
        f"""
        select
            loaded_at,
            source,
            stream,
            scope,
            period,
            status,
            row_count,
            quarantined_row_count,
            label,
            load_id,
            count(*) over () as total_count
        from core.mart_loads
        order by loaded_at desc, load_id
        limit {LOAD_LIMIT}
        """,
    )


@per_run
def withdrawn_charges(snapshot: Snapshot) -> pa.Table | None:
    """Return charges that are left out for another delivery; None of an old run."""
    if not has_mart(snapshot, "core.mart_withdrawn_charges"):
        return None
    return table(
        snapshot,
        """
        from core.mart_withdrawn_charges
        order by billing_month desc, source, provider, load_id
        """,
    )


@per_run
def quarantine_reasons(snapshot: Snapshot) -> pa.Table:
    """Return why rows were set aside: unknown amounts first, then the most money.

    ``amount`` is the most that the charges among them could have cost; ``money`` states
    that it is unknown, or that there is none: meter readings cost nothing. A charge
    without a readable month is in each month that it may belong to: the sum counts it
    more than once, and is never too little.
    """
    refused = compile_relation(
        query("refused_amount", by=("source", "stream", "reason", "currency")),
        {"amount": "refused_amount"},
    )
    return table(
        snapshot,
        f"""
        select
            reasons.source,
            reasons.stream,
            reasons.reason,
            reasons.row_count,
            charges.amount,
            charges.currency,
            case
                when charges.source is null then 'no charge'
                when charges.amount is null then 'not known'
            end as money,
            reasons.example,
            reasons.first_seen_at,
            reasons.last_seen_at
        from core.mart_quarantine_reasons as reasons
        left join {refused} as charges using (source, stream, reason)
        order by charges.source is null, charges.amount desc nulls first,
            reasons.row_count desc, reasons.source, reasons.stream, reasons.reason
        """,
    )


@per_run
def quality_issues(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return contradictions in the data delivered for the period.

    A source that is to be decided, or a budget that counts nowhere, is shown with all
    of its months.
    """
    return table(
        snapshot,
        """
        select
            rule_id,
            severity,
            description,
            source,
            billing_month,
            row_count,
            affected_billed_cost,
            currency
        from core.mart_data_quality_issues
        where list_contains($months, billing_month) or rule_id in ('S1', 'B1')
        order by severity, affected_billed_cost desc nulls last, rule_id, source
        """,
        months=list(selection.period.months),
    )


@per_run
def month_completeness(snapshot: Snapshot) -> pa.Table:
    """Return a row per month and source: the least complete, then newest."""
    return table(
        snapshot,
        """
        select
            billing_month,
            source,
            case when is_complete then 'complete' else 'not complete' end as state,
            missing,
            missing_row_count,
            case when not is_complete then missing_amount end as missing_amount,
            case
                when is_complete then 'nothing'
                when missing_amount is null then 'not known'
            end as why_no_amount,
            currency,
            day_count,
            newest_charge_date
        from core.mart_month_completeness
        order by is_complete, missing_amount desc nulls first, billing_month desc,
            source
        """,
    )


@per_run
def coverage(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return assigned and unassigned usage cost by source."""
    everything = whole(selection)
    by_source = relation(
        everything,
        {
            "usage_cost": "ai_cost",
            "placed_cost": "assigned_cost",
            "unallocated_cost": "unallocated_cost",
            "unused_cost": "unassigned_commitment_cost",
            "remainder_cost": "remainder_cost",
            "coverage_ratio": "assigned_cost_ratio",
        },
        by=("source",),
        months="chosen",
        counted=True,
        is_zero_without_rows=True,
    )
    unused = relation(
        everything,
        {"cost": "effective_cost"},
        by=("source",),
        where={"component": "unused_commitment", "model_id": ANY},
        months="chosen",
    )
    return table(
        snapshot,
        f"""
        select by_source.*, cost is not null as has_unused_of_models
        from {by_source} as by_source
        left join {unused} as unused using (source)
        order by coverage_ratio nulls first, source
        """,
    )
