"""Judgements of the days of single series, kept from run to run.

A week is judged from the weeks before it alone, so of a series with changed days only
the weeks from the first of them on are judged again: of a new day, its week.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.costs.anomalies.detection import Judgement, judged_together
from attribution.estimates import store as estimate_store
from attribution.estimates.fitting_processes import each
from attribution.estimates.library_versions import library_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.costs.anomalies.series import CostSeries
    from attribution.estimates.fitting_processes import ProcessAhead

    Key = tuple[str, str | None, str | None, str | None]

#: Changes whenever the same days would be judged in another way.
METHOD_VERSION = 2
_TABLE = "kept_judgements"
#: About the time of a week, and so many series take little more than a single series.
_WEEK_SECONDS, _TOGETHER = 0.00015, 128


@dataclass(frozen=True, eq=False, slots=True)
class _Due:
    series: CostSeries
    before: Judgement | None

    @property
    def seconds(self) -> float:
        same = self.before.common_days(self.series.values) if self.before else 0
        return (len(self.series.values) - same) / 7 * _WEEK_SECONDS


def judgements_of(
    connection: duckdb.DuckDBPyConnection,
    series: Sequence[CostSeries],
    *,
    ahead: ProcessAhead | None = None,
) -> list[Judgement]:
    """Return the judgements of each series' days, and keep just these.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database with its estimates.
    series : sequence of CostSeries
        All of them.
    ahead : ProcessAhead, optional
        Judges them, where it was started.
    """
    before = _read(connection)
    digests = {_key(cost_series): _digest(cost_series) for cost_series in series}
    found = {
        key: judgement
        for key, (digest, judgement) in before.items()
        if digests.get(key) == digest
    }
    due = _due(series, before)
    seconds = sum(asked.seconds for asked in due)
    together = each(_judge, _groups(due), seconds, ahead=ahead)
    made = [judgement for of_group in together for judgement in of_group]
    rows = [
        _row(one.series, digests[_key(one.series)], judgement)
        for one, judgement in zip(due, made, strict=True)
    ]
    gone = before.keys() - digests.keys()
    estimate_store.keep(connection, _TABLE, rows, gone=gone)
    found |= {
        _key(one.series): judgement for one, judgement in zip(due, made, strict=True)
    }
    return [found[_key(cost_series)] for cost_series in series]


def begin_judgements(
    connection: duckdb.DuckDBPyConnection,
    series: Sequence[CostSeries],
    ahead: ProcessAhead,
) -> None:
    """Have a process judge the days that :func:`judgements_of` will be asked for.

    Nothing is written: the tables of estimates are not yet, or are those of before.
    """
    before = _read(connection) if estimate_store.is_prepared(connection, _TABLE) else {}
    ahead.begin(_judge, _groups(_due(series, before)))


def _due(
    series: Sequence[CostSeries], before: Mapping[Key, tuple[str, Judgement]]
) -> list[_Due]:
    """Return the series with changed days, each with its earlier judgement."""
    due = []
    for cost_series in series:
        digest, judgement = before.get(_key(cost_series), ("", None))
        if digest != _digest(cost_series):
            due.append(_Due(cost_series, judgement))
    return due


def _groups(due: Sequence[_Due]) -> list[Sequence[_Due]]:
    """Return groups of series, each judged together by a single process."""
    return [due[at : at + _TOGETHER] for at in range(0, len(due), _TOGETHER)]


def _judge(due: Sequence[_Due]) -> list[Judgement]:
    return judged_together(
        [(asked.series.values, asked.series.first_day, asked.before) for asked in due]
    )


def _key(series: CostSeries) -> Key:
    return series.currency, series.model_id, series.source, series.service_name


def _digest(series: CostSeries) -> str:
    content = f"{METHOD_VERSION} ({library_versions()})|{series.digest}"
    return hashlib.sha256(content.encode()).hexdigest()


def _row(series: CostSeries, digest: str, judgement: Judgement) -> dict[str, Any]:
    return {
        "currency": series.currency,
        "model_id": series.model_id,
        "source": series.source,
        "service_name": series.service_name,
        "digest": digest,
        "first_day": judgement.first_day,
        "day_values": judgement.values,
        "expected": judgement.expected,
        "high": judgement.high,
        "direction": judgement.direction.astype(np.int32),
        "taught": judgement.taught.astype(np.int32),
        "settled_first": [first for first, _ in judgement.settled],
        "settled_last": [last for _, last in judgement.settled],
        "together_first": [first for first, _ in judgement.together],
        "together_last": [last for _, last in judgement.together],
    }


def _read(
    connection: duckdb.DuckDBPyConnection,
) -> dict[Key, tuple[str, Judgement]]:
    found: dict[Key, tuple[str, Judgement]] = {}
    table = estimate_store.read_arrays(connection, _TABLE)
    names = ("currency", "model_id", "source", "service_name", "digest", "first_day")
    for place, row in enumerate(table.select(names).to_pylist()):
        judgement = Judgement(
            _array(table["day_values"][place]),
            row["first_day"],
            _array(table["expected"][place]),
            _array(table["high"][place]),
            _array(table["direction"][place]).astype(np.int8),
            _array(table["taught"][place]).astype(np.bool_),
            _runs(table, "settled", place),
            _runs(table, "together", place),
        )
        key = row["currency"], row["model_id"], row["source"], row["service_name"]
        found[key] = row["digest"], judgement
    return found


def _runs(table: pa.Table, name: str, place: int) -> list[tuple[int, int]]:
    first, last = table[f"{name}_first"][place], table[f"{name}_last"][place]
    return list(zip(first.as_py(), last.as_py(), strict=True))


def _array(numbers: Any) -> NDArray[Any]:  # noqa: ANN401  (a scalar of pyarrow)
    return np.asarray(numbers.values.to_numpy(zero_copy_only=False))
