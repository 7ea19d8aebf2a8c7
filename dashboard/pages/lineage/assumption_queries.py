"""The register of assumptions as it was published, and which returns each feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.names import named_sql
from dashboard.shared.published import has_mart, per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

_REGISTER = "core.mart_assumptions"
_RETURNS = "roi.mart_roi_sensitivity"
#: A return has a row for each assumption that moves it.
_FEEDS = f"""
    select driver, scope_id, coalesce(features.feature, scope_id) as feature
    from {_RETURNS}
    left join {named_sql("feature")} as features
        on scope_id = features.feature_id
    where scope_type = 'feature' and kind <> 'effect'
"""
_FEEDS_NOTHING = "select '' as driver, '' as scope_id, '' as feature where false"


@per_run
def assumptions(snapshot: Snapshot, month: str = "") -> pa.Table | None:
    """Return the dated versions of all assumptions, the approved first.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    month : str
        ``YYYY-MM``: only versions that are valid on a day of the month; all by default.

    Returns
    -------
    pyarrow.Table or None
        A row for each version; None where the run has no register.
    """
    if not has_mart(snapshot, _REGISTER):
        return None
    feeds = _FEEDS if has_mart(snapshot, _RETURNS) else _FEEDS_NOTHING
    return table(
        snapshot,
        f"""
        with feeding as ({feeds})
        select
            register.assumption_id,
            register.assumption_version,
            replace(register.kind, '_', ' ') as kind,
            register.feature_id,
            register.metric,
            cast(register.assumed as decimal(28, 10)) as assumed,
            cast(register.assumed_low as decimal(28, 10)) as assumed_low,
            cast(register.assumed_high as decimal(28, 10)) as assumed_high,
            register.unit,
            register.owner,
            register.evidence,
            register.approved_by,
            register.is_approved,
            case when register.is_approved then 'approved'
                else 'not counted' end as standing,
            'nobody yet' as nobody,
            register.valid_from,
            register.valid_to,
            'open' as no_end,
            coalesce(fed.features, 'no return of this run') as feeds,
            coalesce(fed.ids, '') as fed_ids
        from {_REGISTER} as register
        left join lateral (
            select string_agg(distinct feature, ', ' order by feature) as features,
                string_agg(distinct scope_id, ', ' order by scope_id) as ids
            from feeding where driver = register.assumption_id
        ) as fed on true
        where $month = '' or (
            register.valid_from < $first::date + interval 1 month
            and coalesce(register.valid_to > $first::date, true)
        )
        order by not register.is_approved, register.kind, register.assumption_id,
            register.valid_from desc
        """,
        month=month,
        first=f"{month or '2000-01'}-01",
    )
