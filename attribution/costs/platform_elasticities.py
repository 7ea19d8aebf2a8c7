"""Growth of the bill of each platform, and of all, with usage, as rows.

From ``roi.mart_platform_usage``, between the two halves of a build; a platform with an
uninformative bill has a row with the reason and the remedy. A row without a platform
pools them all, month on month.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np

from attribution.costs.elasticity import (
    FEWEST_PERIODS,
    CostElasticity,
    NotEstimable,
    cost_elasticity,
)
from attribution.costs.pooled_elasticity import (
    FEWEST_PAIRS,
    MonthPair,
    PooledElasticity,
    pooled_elasticity,
)
from attribution.estimates import store as estimate_store
from attribution.estimates.fitting_processes import each
from attribution.estimates.library_versions import library_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from attribution.estimates.fitting_processes import ProcessAhead

#: Changes whenever the same months would be judged in another way.
METHOD_VERSION: Final = 3
TABLE: Final = "platform_elasticities"
#: The same rows with the inputs of each: no bill is judged again for another's.
KEPT: Final = "kept_elasticities"
#: About the time of a platform.
_SECONDS: Final = 0.005
_MONTHS: Final = """
select platform_id, list(effective_cost::double order by billing_month) as costs,
    list(requests::double order by billing_month) as requests
from roi.mart_platform_usage
group by platform_id
order by platform_id
"""
_PAIRS: Final = """
select billing_month, is_comparable_with_prior, effective_cost::double,
    lag(effective_cost::double) over in_order, requests::double,
    lag(requests::double) over in_order
from roi.mart_platform_usage
window in_order as (partition by platform_id order by billing_month)
order by platform_id, billing_month
"""
#: Remedies that make the growth of a bill estimable, by the code of the reason.
_WAYS_OUT: Final = {
    "too_few_periods": "placements of catalog.yml for its models and a meter of their"
    " requests; a month in which a model comes or goes is unknown",
    "cost_not_positive": "credits and refunds that belong to other months",
    "usage_not_positive": "a meter of the requests of those months",
    "usage_too_alike": "a longer series; the slope of all platforms needs less of it",
    "usage_steady": "a meter of the requests that were served: an amount that is the"
    " same each day or month says nothing",
    "too_few_pairs": "placements of catalog.yml for each platform that serves a model,"
    " and a meter of its requests; each further month adds a pair",
}


@dataclass(frozen=True, slots=True)
class _Platform:
    """The bill of a platform and its requests, month by month; NaN is unknown."""

    platform_id: str
    costs: tuple[float, ...]
    requests: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Pool:
    """Neighbouring months of all platforms that compare, and how many do not."""

    pairs: tuple[MonthPair, ...]
    left_out_count: int


def update_platform_elasticities(
    build_database: Path, *, ahead: ProcessAhead | None = None
) -> None:
    """Estimate how each bill and all of them grow, unless no month has changed.

    Parameters
    ----------
    build_database : Path
        After the first half of the build.
    ahead : ProcessAhead, optional
        Estimates them, where it was started.
    """
    with duckdb.connect(str(build_database)) as connection:
        estimate_store.prepare(connection)
        bills: list[_Platform | _Pool] = list(_read(connection))
        if bills:
            bills.append(_read_pool(connection))
        digests = [_digest(bill) for bill in bills]
        digest = hashlib.sha256("|".join(digests).encode()).hexdigest()
        if estimate_store.is_current(connection, TABLE, digest):
            return
        known = {
            row.pop("digest"): row for row in estimate_store.read(connection, KEPT)
        }
        new = {
            own: one
            for own, one in zip(digests, bills, strict=True)
            if own not in known
        }
        long = {own: one for own, one in new.items() if _is_long_enough(one)}
        made = each(_row_of, list(long.values()), len(long) * _SECONDS, ahead=ahead)
        # A refusal needs none of the libraries that are loaded to fit.
        refused = {own: _row_of(one) for own, one in new.items() if own not in long}
        found = known | dict(zip(long, made, strict=True)) | refused
        rows = [found[own] for own in digests]
        kept = [{"digest": own, **found[own]} for own in digests]
        estimate_store.replace(connection, TABLE, digest, {TABLE: rows, KEPT: kept})


def _is_long_enough(bill: _Platform | _Pool) -> bool:
    if isinstance(bill, _Platform):
        return len(bill.costs) >= FEWEST_PERIODS["month"]
    return len(bill.pairs) >= FEWEST_PAIRS


def _row_of(bill: _Platform | _Pool) -> dict[str, Any]:
    if isinstance(bill, _Platform):
        return elasticity_row(bill.platform_id, bill.costs, bill.requests)
    slope = pooled_elasticity(bill.pairs)
    counts = len(bill.pairs), bill.left_out_count
    if isinstance(slope, NotEstimable):
        return _row(None, *counts, refused=slope)
    return _row(None, *counts, found=slope)


def elasticity_row(
    platform_id: str, costs: tuple[float, ...], requests: tuple[float, ...]
) -> dict[str, Any]:
    """Return the row of a platform.

    Parameters
    ----------
    platform_id : str
        Platform of the bill.
    costs, requests : tuple of float
        In the order of months, of equal length: the bill in the reporting currency, and
        requests that were served; NaN is unknown.
    """
    elasticity = cost_elasticity(costs, requests, grain="month")
    if isinstance(elasticity, NotEstimable):
        known = np.isfinite(costs) & np.isfinite(requests)
        return _row(
            platform_id, int(known.sum()), int((~known).sum()), refused=elasticity
        )
    count, unknown = elasticity.period_count, elasticity.unknown_period_count
    return _row(platform_id, count, unknown, found=elasticity)


def _row(
    platform_id: str | None,
    count: int,
    unknown: int,
    *,
    found: CostElasticity | PooledElasticity | None = None,
    refused: NotEstimable | None = None,
) -> dict[str, Any]:
    return {
        "platform_id": platform_id,
        "elasticity": found and found.elasticity,
        "elasticity_low_90": found and found.elasticity_low_90,
        "elasticity_high_90": found and found.elasticity_high_90,
        "period_count": count,
        "unknown_period_count": unknown,
        "usage_ratio": found.usage_ratio if isinstance(found, CostElasticity) else None,
        "intercept": found.intercept if isinstance(found, CostElasticity) else None,
        "scale": found and found.scale,
        "reason_code": refused and refused.code,
        "reason": refused and refused.text,
        "way_out": refused and _WAYS_OUT[refused.code],
    }


def _read(connection: duckdb.DuckDBPyConnection) -> Iterator[_Platform]:
    for platform_id, costs, requests in connection.execute(_MONTHS).fetchall():
        yield _Platform(platform_id, _known(costs), _known(requests))


def _read_pool(connection: duckdb.DuckDBPyConnection) -> _Pool:
    rows = connection.execute(_PAIRS).fetchall()
    pairs = tuple(
        MonthPair(month, *figures)
        for month, is_comparable, *figures in rows
        if is_comparable and min(figures[:2]) > 0
    )
    return _Pool(pairs, len(rows) - len(pairs))


def _known(values: list[float | None]) -> tuple[float, ...]:
    return tuple(float("nan") if value is None else value for value in values)


def _digest(bill: _Platform | _Pool) -> str:
    content = f"{METHOD_VERSION} ({library_versions()})|{bill}"
    return hashlib.sha256(content.encode()).hexdigest()
