"""Meters, rates, invoices and outcomes as the CSV and Parquet of ``tables`` sources.

Meters arrive as real meters do: out of order, some rows twice, and an unreadable row
per source.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.sample_company.charges import DAY_SECONDS, HOUR_SECONDS
from ingest.sample_company.formats.columns import chosen, constant, decimals, times
from ingest.sample_company.metering import COUNTED_BY_RAILWAY
from ingest.sample_company.timeline import HOURS_PER_DAY, epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.sample_company.metering import AcceleratorSeries, UsageSeries
    from ingest.sample_company.outcomes import Outcomes, OutcomeSeries, ProcessSeries
    from ingest.sample_company.timeline import Month, Timeline

_MILLI_DECIMALS: Final = 3
#: The gateway counts tokens and Prometheus vector queries.
_POOLS_IN_TABLES: Final = ("kubernetes",)
#: Seconds per thousandth of an hour are 3.6: in tenths, times 36.
_TENTHS_PER_MILLI_HOUR: Final = 36
_TWICE_EVERY: Final = 211
_COUNTS: Final = (
    "requests",
    "successes",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
)


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Name of a model in a meter: until ``renamed_on_day`` its old name."""

    old_names: dict[str, str]
    renamed_on_day: int

    def at(self, model: str, day: int) -> str:
        """Return the name on a day."""
        is_old = day < self.renamed_on_day
        return self.old_names.get(model, model) if is_old else model


class MeterWriter:
    """Writer of meter files; ``duplicate_count`` counts rows written twice."""

    def __init__(self, timeline: Timeline, names: ModelNames, seed: int) -> None:
        self._timeline = timeline
        self._names = names
        self._seed = seed
        self._start = epoch_seconds(timeline.first_day)
        self.duplicate_count = 0

    def write_accelerators(
        self, path: Path, month: Month, series: Sequence[AcceleratorSeries]
    ) -> None:
        """Write the GPU hours of a month; the last month has a row without pool."""
        hours = self._hours(month)
        tables = [
            self._accelerator_table(accelerator_series, month, hours)
            for accelerator_series in series
            if accelerator_series.capacity[hours].any()
            or accelerator_series.requested[hours].any()
        ]
        table = self._disordered(pa.concat_tables(tables), month)
        if month.index == len(self._timeline.months) - 1:
            table = pa.concat_tables([table, _replaced(table, "pool_id", None)])
        _write_parquet(table, path)

    def write_gpu_usage(
        self, path: Path, month: Month, series: Sequence[UsageSeries]
    ) -> None:
        """Write hourly usage of a month; the last month has a negative count."""
        tables = [
            self._gpu_usage_table(usage_series, month)
            for usage_series in series
            if usage_series.is_hourly
            and usage_series.is_active[self._hours(month)].any()
        ]
        table = self._disordered(pa.concat_tables(tables), month)
        if month.index == len(self._timeline.months) - 1:
            row = table.slice(0, 1)
            position = row.schema.get_field_index("requests")
            negative = pa.array([-5], pa.int64())
            row = row.set_column(position, "requests", negative)
            table = pa.concat_tables([table, row])
        _write_parquet(table, path)

    def write_daily_usage(self, path: Path, series: Sequence[UsageSeries]) -> None:
        """Write daily usage of the whole timeline as a single CSV file."""
        rows = [
            self._daily_row(usage_series, int(day))
            for usage_series in series
            if not usage_series.is_hourly and usage_series.pool in _POOLS_IN_TABLES
            for day in np.flatnonzero(usage_series.is_active)
        ]
        rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(3,)))
        twice = rows[::_TWICE_EVERY]
        self.duplicate_count += len(twice)
        rows += twice
        shuffled = [rows[index] for index in rng.permutation(len(rows))]
        hostile = ["yesterday", *shuffled[0][1:]]
        write_csv(path, _DAILY_HEADER, [*shuffled, hostile])

    def _hours(self, month: Month) -> slice:
        start = self._timeline.day_offset(month) * HOURS_PER_DAY
        return slice(start, start + month.hour_count)

    def _model_name(self, model: str, month: Month) -> str:
        return self._names.at(model, self._timeline.day_offset(month))

    def _period(self, hours: NDArray[np.int64]) -> dict[str, pa.Array]:
        start = self._start + hours * HOUR_SECONDS
        return {
            "period_start": times(start),
            "period_end": times(start + HOUR_SECONDS),
        }

    def _accelerator_table(
        self, accelerator_series: AcceleratorSeries, month: Month, hours: slice
    ) -> pa.Table:
        number = np.arange(hours.start, hours.stop)
        count = len(number)
        model = (
            self._model_name(accelerator_series.model, month)
            if accelerator_series.model
            else None
        )
        is_capacity = accelerator_series.model is None
        nothing = pa.nulls(count, pa.decimal128(18, _MILLI_DECIMALS))
        return pa.table(
            {
                **self._period(number),
                "pool_id": _text(accelerator_series.pool, count),
                "model_id": _text(model, count),
                "capacity_gpu_hours": _milli(accelerator_series.capacity[hours])
                if is_capacity
                else nothing,
                "requested_gpu_hours": nothing
                if is_capacity
                else _milli(accelerator_series.requested[hours]),
                "used_gpu_hours": nothing
                if is_capacity
                else _milli(accelerator_series.used[hours]),
            }
        )

    def _gpu_usage_table(self, usage_series: UsageSeries, month: Month) -> pa.Table:
        hours = self._hours(month)
        number = np.arange(hours.start, hours.stop)
        count = len(number)
        assert usage_series.gpu_milli_hours is not None  # noqa: S101
        tenths = usage_series.gpu_milli_hours[hours] * _TENTHS_PER_MILLI_HOUR
        nothing = pa.nulls(count, pa.int64())
        return pa.table(
            {
                **self._period(number),
                "model_id": _text(self._model_name(usage_series.model, month), count),
                "pool_id": _text(usage_series.pool, count),
                "requests": nothing
                if usage_series.requests is None
                else pa.array(usage_series.requests[hours]),
                "successful_requests": nothing
                if usage_series.successes is None
                else pa.array(usage_series.successes[hours]),
                "gpu_seconds": decimals(tenths, precision=18, scale=1),
            }
        )

    def _disordered(self, table: pa.Table, month: Month) -> pa.Table:
        """Return the rows out of order, and some of them twice."""
        rng = np.random.default_rng(
            np.random.SeedSequence(self._seed, spawn_key=(4, month.index))
        )
        count = table.num_rows
        twice = np.arange(0, count, _TWICE_EVERY)
        self.duplicate_count += len(twice)
        order = rng.permutation(np.concatenate([np.arange(count), twice]))
        return table.take(pa.array(order))

    def _daily_row(self, usage_series: UsageSeries, day: int) -> list[object]:
        counts = [_at(getattr(usage_series, name), day) for name in _COUNTS]
        is_moved = day >= self._names.renamed_on_day
        if is_moved and usage_series.model in COUNTED_BY_RAILWAY:
            counts = [""] * len(counts)
        hours = [
            _at(values, day, divisor=1_000)
            for values in (
                usage_series.core_milli_hours,
                usage_series.memory_milli_hours,
            )
        ]
        name = self._names.at(usage_series.model, day)
        date = np.datetime64(self._timeline.first_day) + day
        return [str(date), name, usage_series.pool, *counts, *hours]


_DAILY_HEADER: Final = (
    "date",
    "model_id",
    "pool_id",
    "requests",
    "successful_requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "cpu_core_hours",
    "memory_gibibyte_hours",
)


def _at(values: NDArray[np.int64] | None, day: int, divisor: int = 1) -> object:
    if values is None:
        return ""
    number = int(values[day])
    if divisor == 1:
        return number
    return f"{number // divisor}.{number % divisor:03d}"


def write_outcomes(path: Path, outcomes: Outcomes, timeline: Timeline) -> int:
    """Write every outcome, and a row without unit; return the row count."""
    tables = [_outcome_table(series, timeline) for series in outcomes.series]
    table = pa.concat_tables(tables)
    _write_parquet(pa.concat_tables([table, _replaced(table, "unit", None)]), path)
    return int(table.num_rows)


def _outcome_table(series: OutcomeSeries, timeline: Timeline) -> pa.Table:
    count = len(series.day)
    instants = epoch_seconds(timeline.first_day) + series.day * DAY_SECONDS
    arm = (
        _text(None, count)
        if series.arm is None
        else chosen(series.arms, series.arm).cast(pa.string())
    )
    return pa.table(
        {
            "outcome_date": times(instants),
            "metric": _text(series.metric.name, count),
            "unit": chosen(series.units, series.unit).cast(pa.string()),
            "value": pa.array(series.value, pa.float64()),
            "feature_id": _text(series.metric.feature or None, count),
            "unit_of_measure": _text(series.metric.unit_of_measure, count),
            "currency": _text(series.metric.currency or None, count),
            "arm": arm,
            "is_treated": pa.array(series.is_treated, pa.bool_()),
        }
    )


def write_assignments(path: Path, outcomes: Outcomes, timeline: Timeline) -> int:
    """Write the experiment's exposures as GrowthBook exports them; return rows."""
    [drawn] = [series for series in outcomes.series if series.arm is not None]
    assert drawn.arm is not None  # noqa: S101  (it was just looked for)
    [start] = outcomes.starts[drawn.metric.feature].values()
    first = date.fromordinal(timeline.first_day.toordinal() + start)
    arms = dict(zip(drawn.unit.tolist(), drawn.arm.tolist(), strict=True))
    rows = [
        (drawn.units[unit], f"{first}T08:00:00Z", drawn.metric.feature, arm)
        for unit, arm in sorted(arms.items())
    ]
    write_csv(path, ("user_id", "timestamp", "experiment_id", "variation_id"), rows)
    return len(rows)


def write_process(
    path: Path,
    process: ProcessSeries,
    timeline: Timeline,
    *,
    process_id: str,
    feature: str,
) -> int:
    """Write a counted process, and a row with words for a number; returns rows."""
    header = (
        "volume_date", "process_id", "volume", "automated_volume",
        "handling_minutes", "feature_id",
    )  # fmt: skip
    first = np.datetime64(timeline.first_day)
    rows: list[list[object]] = [
        [str(first + int(day)), process_id, int(n), int(a), float(m), feature]
        for day, n, a, m in zip(
            process.day,
            process.volume,
            process.automated,
            process.minutes,
            strict=True,
        )
    ]
    hostile = [rows[0][0], process_id, "a pile", 0, 0, feature]
    write_csv(path, header, [*rows, hostile])
    return len(rows)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a CSV file with the same line ends on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode())


def _milli(values: NDArray[np.int64]) -> pa.Array:
    return decimals(values, precision=18, scale=_MILLI_DECIMALS)


def _text(value: str | None, count: int) -> pa.Array:
    return constant(value, count).cast(pa.string())


def _replaced(table: pa.Table, name: str, value: str | None) -> pa.Table:
    """Return the first row with another value in a single column."""
    position = table.schema.get_field_index(name)
    return table.slice(0, 1).set_column(position, name, _text(value, 1))


def _write_parquet(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy", store_schema=False)
