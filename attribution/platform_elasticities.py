"""How the bill of each platform grew with what it served, as rows.

From ``roi.mart_platform_usage``, between the two halves of a build; a platform whose
bill cannot say so has a row with the reason.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np

from attribution import estimate_store
from attribution.cost_elasticity import CostElasticity, NotEstimable, cost_elasticity
from attribution.fitting_processes import each
from attribution.library_versions import library_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Changes whenever the same months would be judged in another way.
METHOD_VERSION: Final = 1
TABLE: Final = "platform_elasticities"
#: The same rows with what each was made of: no bill is judged again for another's.
KEPT: Final = "kept_elasticities"
#: About what a platform takes.
_SECONDS: Final = 0.005
_MONTHS: Final = """
select platform_id, list(effective_cost::double order by billing_month) as costs,
    list(requests::double order by billing_month) as requests
from roi.mart_platform_usage
group by platform_id
order by platform_id
"""


@dataclass(frozen=True, slots=True)
class _Platform:
    """The bill of a platform and its requests, month by month; NaN is unknown."""

    platform_id: str
    costs: tuple[float, ...]
    requests: tuple[float, ...]


def update_platform_elasticities(build_database: Path) -> None:
    """Estimate how the bill of each platform grows, unless no month of it has changed.

    Parameters
    ----------
    build_database : Path
        After the first half of the build.
    """
    with duckdb.connect(str(build_database)) as connection:
        estimate_store.prepare(connection)
        platforms = list(_read(connection))
        digests = [_digest(one) for one in platforms]
        digest = hashlib.sha256("|".join(digests).encode()).hexdigest()
        if estimate_store.is_current(connection, TABLE, digest):
            return
        known = {
            row.pop("digest"): row for row in estimate_store.read(connection, KEPT)
        }
        new = {
            own: one
            for own, one in zip(digests, platforms, strict=True)
            if own not in known
        }
        made = each(_row_of, list(new.values()), len(new) * _SECONDS)
        found = known | dict(zip(new, made, strict=True))
        rows = [found[own] for own in digests]
        kept = [{"digest": own, **found[own]} for own in digests]
        estimate_store.replace(connection, TABLE, digest, {TABLE: rows, KEPT: kept})


def _row_of(one: _Platform) -> dict[str, Any]:
    return elasticity_row(one.platform_id, one.costs, one.requests)


def elasticity_row(
    platform_id: str, costs: tuple[float, ...], requests: tuple[float, ...]
) -> dict[str, Any]:
    """Return the row of a platform.

    Parameters
    ----------
    platform_id : str
        Whose bill it is.
    costs, requests : tuple of float
        In the order of months, of equal length: the bill in the reporting currency, and
        requests that were served; NaN is unknown.
    """
    found = cost_elasticity(costs, requests, grain="month")
    if isinstance(found, NotEstimable):
        known = np.isfinite(costs) & np.isfinite(requests)
        return _row(platform_id, int(known.sum()), int((~known).sum()), refused=found)
    count, unknown = found.period_count, found.unknown_period_count
    return _row(platform_id, count, unknown, found=found)


def _row(
    platform_id: str,
    count: int,
    unknown: int,
    *,
    found: CostElasticity | None = None,
    refused: NotEstimable | None = None,
) -> dict[str, Any]:
    return {
        "platform_id": platform_id,
        "elasticity": found and found.elasticity,
        "elasticity_low_90": found and found.elasticity_low_90,
        "elasticity_high_90": found and found.elasticity_high_90,
        "period_count": count,
        "unknown_period_count": unknown,
        "usage_ratio": found and found.usage_ratio,
        "intercept": found and found.intercept,
        "scale": found and found.scale,
        "reason_code": refused and refused.code,
        "reason": refused and refused.text,
    }


def _read(connection: duckdb.DuckDBPyConnection) -> Iterator[_Platform]:
    for platform_id, costs, requests in connection.execute(_MONTHS).fetchall():
        yield _Platform(platform_id, _known(costs), _known(requests))


def _known(values: list[float | None]) -> tuple[float, ...]:
    return tuple(float("nan") if one is None else one for one in values)


def _digest(platform: _Platform) -> str:
    content = f"{METHOD_VERSION} ({library_versions()})|{platform}"
    return hashlib.sha256(content.encode()).hexdigest()


__all__ = ["METHOD_VERSION", "elasticity_row", "update_platform_elasticities"]
