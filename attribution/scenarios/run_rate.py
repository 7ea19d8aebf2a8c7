"""From the published run rate to a month of a scenario's base, line by line.

A run rate is the value of counted features in a month now; the first month of a base is
the same a month or more later, at the mean cost of months. Both fade by the same rule.
The run rate is read from the run, so that it is the figure of every other page, and
every difference has a line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from attribution.arrays import Floats
    from attribution.scenarios.outcome import Outcome, Part
    from attribution.scenarios.projection import Projection

    Row = dict[str, Any]

#: A run that was published before there was a run rate has no such column.
_HAS: Final = """
select count(*) from information_schema.columns
where table_schema = 'roi' and table_name = 'mart_portfolio_roi'
    and column_name = 'run_rate_net'
"""
_PORTFOLIO: Final = """
select run_rate_month, run_rate_net, run_rate_net_low_90, run_rate_net_high_90,
    run_rate_feature_count, run_rate_unknown_feature_count
from roi.mart_portfolio_roi as returns where returns.window = 'to_date'
"""
#: Runs were published with each feature's own last month: where that is earlier than
#: the portfolio's, nothing was spent any more.
_FEATURES: Final = """
select feature_id,
    case when run_rate_month >= $month then run_rate_net end,
    case when run_rate_month < $month and effect_status <> 'unknown' then 'stopped'
        else effect_status end
from roi.mart_feature_roi as returns
where returns.window = 'to_date' and counted order by feature_id
"""
_HAS_LADDER: Final = """
select count(*) from information_schema.tables
where table_schema = 'roi' and table_name = 'mart_return_ladder'
"""
_LADDER_COLUMNS: Final = (
    *("line", "is_sum", "until_month", "currency"),
    *("amount", "amount_low_90", "amount_high_90", "probability_positive"),
)
_LADDER: Final = f"""
select {", ".join(_LADDER_COLUMNS)} from roi.mart_return_ladder as ladder
where ladder.window = 'to_date' and scope_type = 'portfolio' order by line_order
"""
#: Reason that a feature that counts is not in a base → in words.
LEFT_OUT: Final = {
    "out_of_scope": "counted, and the scenario is not about it",
    "not_known": "counted, and not known over the horizon",
}
#: Reason that a line differs → in words; ``month``, ``run_rate`` and ``status`` are
#: filled in.
REASONS: Final = {
    "month": "{month} at the mean cost of months, in place of {run_rate} ({status})",
    "no_run_rate": "counted, and without a run rate ({status})",
    "not_in_headline": "not in the headline of the run",
    **LEFT_OUT,
    "overlap": "claimed by several features, subtracted once",
    "unexplained": "not in the run rate of any feature",
    "without_bound": "draws without bound are in no mean",
    "total": "run rate of what counts, and net value of the first month of the base",
}
_STATUSES: Final = {
    "measured": "measured then",
    "last_measured": "faded since it was last measured",
    "unknown": "last measured more than a year before",
    "stopped": "nothing was spent on it any more",
}
_CENT: Final = 0.005


@dataclass(frozen=True, slots=True)
class PublishedRunRate:
    """The run rate of a run, as it is published.

    Attributes
    ----------
    month : str
        The month, ``YYYY-MM``.
    net, low, high : float
        Benefit less all cost of the month of counted features, with its 90 % interval.
    feature_count, unknown_count : int
        Counted features that have a run rate, and that have none any more.
    features : tuple
        Of each counted feature: name, net value or ``None``, state of knowledge on its
        effect in that month.
    ladder : tuple
        Rows of ``roi.mart_return_ladder`` to date, from benefit to a month now.
    """

    month: str
    net: float
    low: float
    high: float
    feature_count: int
    unknown_count: int
    features: tuple[tuple[str, float | None, str | None], ...]
    ladder: tuple[Row, ...] = field(default=(), repr=False)


def read_run_rate(connection: duckdb.DuckDBPyConnection) -> PublishedRunRate | None:
    """Read the run rate of a run; ``None`` where it has none.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Finds the public marts by their names.
    """
    if connection.execute(_HAS).fetchall() == [(0,)]:
        return None
    row = connection.execute(_PORTFOLIO).fetchone()
    if row is None or row[0] is None or row[1] is None:
        return None
    features = connection.execute(_FEATURES, {"month": row[0]}).fetchall()
    month, net, low, high, counted, unknown = row
    return PublishedRunRate(
        month, net, low, high, counted, unknown, tuple(features), _ladder(connection)
    )


def _ladder(connection: duckdb.DuckDBPyConnection) -> tuple[Row, ...]:
    """Read the counted lines to date; none for a run of an earlier version."""
    if connection.execute(_HAS_LADDER).fetchall() == [(0,)]:
        return ()
    lines = connection.execute(_LADDER).fetchall()
    return tuple(dict(zip(_LADDER_COLUMNS, line, strict=True)) for line in lines)


def run_rate_of(before: Outcome, projection: Projection) -> Row | None:
    """Return the run rate of a run, and its way to the first month of a base.

    Parameters
    ----------
    before : Outcome
        The base.
    projection : Projection
        Run that it was carried forward from.

    Returns
    -------
    dict or None
        The columns of the mart, its ``ladder`` to date, and ``lines`` with ``line``,
        ``feature_id``, ``run_rate``, ``base``, ``difference``, ``reason_code`` and
        ``reason``; the last, ``total``, is their sum. ``None`` where the run has no
        run rate.
    """
    published = projection.base.run_rate
    if published is None:
        return None
    return {
        "run_rate_month": published.month,
        "run_rate_net": published.net,
        "run_rate_net_low_90": published.low,
        "run_rate_net_high_90": published.high,
        "run_rate_feature_count": published.feature_count,
        "run_rate_unknown_feature_count": published.unknown_count,
        "ladder": list(published.ladder),
        "base_month": before.months[0],
        "lines": list(_lines(before, projection, published)),
    }


def _lines(
    before: Outcome, projection: Projection, published: PublishedRunRate
) -> Iterator[Row]:
    counted = {name: (net, status) for name, net, status in published.features}
    rows = [_feature_row(part, counted, before, published) for part in before.counted]
    rows += [
        _row("net_value", name, net or 0.0, 0.0, reason_left_out(name, projection))
        for name, (net, _) in counted.items()
        if name not in {part.feature_id for part in before.counted}
    ]
    left = published.net - sum(net or 0.0 for net, _ in counted.values())
    twice = _mean(before.overlap[:, 0])
    # Only a harm that is claimed twice makes the whole more than its parts.
    is_overlap = left < 0 or twice < 0
    rows.append(_row("overlap", None, left if is_overlap else 0.0, -twice, "overlap"))
    if not is_overlap:
        rows.append(_row("rest", None, left, 0.0, "unexplained"))
    missing = _mean(before.net[:, 0]) - sum(row["base"] for row in rows)
    if abs(missing) > _CENT:
        rows.append(_row("rest", None, 0.0, missing, "without_bound"))
    yield from (row for row in rows if _is_money(row))
    base = sum(row["base"] for row in rows)
    yield _row("total", None, published.net, base, "total")


def reason_left_out(name: str, projection: Projection) -> str:
    """Return why a feature that counts in the run is not in a base."""
    return "out_of_scope" if name not in projection.features else "not_known"


def _is_money(row: Row) -> bool:
    return bool(max(abs(row["run_rate"]), abs(row["base"])) > _CENT)


def _feature_row(
    part: Part,
    counted: dict[str, tuple[float | None, str | None]],
    before: Outcome,
    published: PublishedRunRate,
) -> Row:
    flows, name = part.flows, part.feature_id
    net, status = counted.get(name or "", (None, None))
    code = "month"
    if name not in counted:
        code = "not_in_headline"
    elif net is None:
        code = "no_run_rate"
    words = {
        "month": before.months[0],
        "run_rate": published.month,
        "status": _STATUSES.get(status or "", "not known"),
    }
    return _row("net_value", name, net or 0.0, _mean(flows.net[:, 0]), code, **words)


def _row(
    line: str, feature: str | None, rate: float, base: float, code: str, **words: str
) -> Row:
    return {
        "line": line,
        "feature_id": feature,
        "run_rate": rate,
        "base": base,
        "difference": base - rate,
        "reason_code": code,
        "reason": REASONS[code].format(**words),
    }


def _mean(draws: Floats) -> float:
    finite = draws[np.isfinite(draws)]
    return float(finite.mean()) + 0.0 if len(finite) else 0.0
