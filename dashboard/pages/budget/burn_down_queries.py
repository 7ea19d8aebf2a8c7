"""Burn-down of commitments and grants of credit, each in its currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot


#: State of each commitment, by its name: where several share a name, the id follows.
_STANDING = """(
    select
        *,
        case when count(*) over (partition by commitment_name) > 1
            then commitment_name || ' (' || commitment_id || ')'
            else commitment_name end as commitment
    from cost.mart_commitment_burn_down
    where is_newest
)"""


@per_run
def commitments_burning_down(snapshot: Snapshot) -> pa.Table:
    """Return the state of each commitment, the most money at risk first."""
    return table(
        snapshot,
        f"""
        select
            commitment,
            replace(commitment_type, '_', ' ') as kind,
            state,
            currency,
            granted_amount as granted,
            used_to_date_amount as used,
            lapsed_to_date_amount as lapsed,
            remaining_amount as remaining,
            ends_on,
            days_to_expiry,
            run_rate_amount_per_day as run_rate,
            forecast_used_amount as forecast_used,
            at_risk_amount as at_risk,
            unused_at_expiry_amount as unused,
            days_until_used_up,
            known_until,
            source,
            commitment_id,
            reason
        from {_STANDING}
        order by array_position(
                ['running', 'unknown', 'not_started', 'expired'], state
            ),
            at_risk_amount desc nulls last, unused_at_expiry_amount desc, commitment
        """,
    )


@per_run
def burn_down_months(snapshot: Snapshot) -> pa.Table:
    """Return the balance of each running commitment at each month's end.

    Parts of the granted amount, so that commitments of any currency and size compare;
    the last row of each is its expiry, at the present pace.
    """
    return table(
        snapshot,
        f"""
        with running as (select * from {_STANDING} where state = 'running'),
        points as (
            select
                months.commitment_id, months.known_until as day,
                months.remaining_ratio as left_ratio, 'known' as kind
            from cost.mart_commitment_burn_down as months
            inner join running using (commitment_id)
            union all
            select commitment_id, known_until, remaining_ratio, 'expected'
            from running
            where at_risk_amount is not null
            union all
            select commitment_id, ends_on, at_risk_ratio, 'expected'
            from running
            where at_risk_amount is not null
        )
        select
            running.commitment,
            points.day,
            points.left_ratio,
            points.kind
        from points
        inner join running using (commitment_id)
        order by commitment, points.kind desc, points.day
        """,
    )
