"""BigQuery table of a billing export, read slice by slice.

Rows of the export are only ever added, and they trickle in: a late row of May may be
exported in June. So the table is cut by the day on which Google exported a row, and a
FOCUS table by billing month. A single grouped query lists the slices and their changes;
a slice is then read with a single query.

A table partitioned by ingestion time is not cut by its partitions, because a
partition's day need not be the export day. The grouped query returns in which
partitions a slice lies, and reading the slice scans no others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ingest.connector import RowsPart
from ingest.http.pages import as_many_as_announced
from ingest.source_kinds.calendar import midnight
from ingest.sources.google.cloud import Advice, Permission, google_errors, open_bigquery
from ingest.sources.google.export import (
    SelectedColumn,
    arrow_schema,
    as_numeric,
    columns_of_table,
    select_export,
    select_focus,
    sum_of_credits,
)
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from google.cloud.bigquery import Client, ScalarQueryParameter, SchemaField, Table
    from google.cloud.bigquery.table import RowIterator

#: Changing the flattened form of a row makes every slice new again.
_READING_VERSION = 1
_ROWS_PER_PAGE = 20_000
_QUERY_SECONDS = 1_800
_DAY = timedelta(days=1)

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class TableName:
    """Full name of a table, and how the BigQuery client reaches it."""

    job_project: str
    dataset_project: str
    dataset: str
    table: str
    location: str | None = None
    api_endpoint: str | None = None

    @property
    def path(self) -> str:
        """Return ``project.dataset.table``."""
        return f"{self.dataset_project}.{self.dataset}.{self.table}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of the slices of an export: key, grain of the key, and money."""

    stream: str
    key: str
    grain: Literal["day", "month"]
    currency: str
    money: tuple[str, ...]
    newest: tuple[str, ...]


USAGE_COST = Layout(
    stream="gcp_billing_export",
    key="export_time",
    grain="day",
    currency="currency",
    money=("cost",),
    newest=("export_time",),
)
FOCUS_COST = Layout(
    stream="focus",
    key="BillingPeriodStart",
    grain="month",
    currency="BillingCurrency",
    money=("BilledCost", "EffectiveCost"),
    newest=("x_ExportTime", "ChargePeriodEnd"),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of an export day or billing month; ``start`` None: undated rows.

    ``first_partition`` and ``last_partition`` bound the partitions it lies in, as
    days; both are None where that is not known.
    """

    start: date | None
    fingerprint: str
    row_count: int
    first_partition: date | None = None
    last_partition: date | None = None


class BillingTable:
    """Reader of the slices of an export table.

    Parameters
    ----------
    name : TableName
        Table to read.
    layout : Layout
        Usage cost export or FOCUS export.
    timeout_seconds : float
        Time limit of a call, with its repetitions [seconds].
    """

    def __init__(
        self, name: TableName, *, layout: Layout, timeout_seconds: float
    ) -> None:
        self._name = name
        self._layout = layout
        self._timeout_seconds = timeout_seconds
        self._advice = Advice(
            where=f"BigQuery table {name.path}",
            on_denied="Grant roles/bigquery.dataViewer on the dataset and"
            f" roles/bigquery.jobUser in project {name.job_project}.",
            needs=_permissions(name),
            on_missing="Turn the export on under Billing > Billing export (the first"
            " rows take hours), or correct 'dataset', 'billing_account', 'export' or"
            " 'table' in triptych.yml.",
        )

    def slices(self, start: date | None, end: date | None) -> list[Slice]:
        """Return the slices with a start in ``[start, end)``, oldest first.

        Raises
        ------
        SourceError
            BigQuery could not be asked.
        """
        with google_errors(self._advice), self._open() as client:
            table = self._table(client)
            present = self._present(table)
            sql = self._listing_sql(present, _pruning_column(table), start, end)
            answer = self._run(client, sql, _bounds(start, end))
            rows = list(self._whole(answer, answer, lambda _: 1))
        return _as_slices(rows)

    def read(self, slice_: Slice) -> RowsPart:
        """Return the rows of a slice, as Arrow batches that arrive page by page."""
        with google_errors(self._advice), self._open() as client:
            table = self._table(client)
            present = self._present(table)
        select = select_focus if self._layout.stream == "focus" else select_export
        columns = select(present)
        batches = self._batches(slice_, columns, _pruning_column(table))
        return RowsPart(batches, arrow_schema(columns), f"bigquery://{self._name.path}")

    def newest(self, since: date) -> datetime | None:
        """Return the newest export time, or billing month, from ``since`` on."""
        with google_errors(self._advice), self._open() as client:
            present = self._present(self._table(client))
            key = self._layout.key
            newest = next(
                (c for c in self._layout.newest if c.casefold() in present), key
            )
            sql = (
                f"SELECT MAX({newest}) AS newest FROM `{self._name.path}`"
                f" WHERE {key} >= @slice_start"
            )
            rows = list(self._run(client, sql, _bounds(since, None)))
        found = rows[0]["newest"] if rows else None
        return found if isinstance(found, datetime) else None

    def _open(self) -> Client:
        return open_bigquery(
            project=self._name.job_project,
            location=self._name.location,
            api_endpoint=self._name.api_endpoint,
        )

    def _table(self, client: Client) -> Table:
        from google.cloud import bigquery

        return client.get_table(
            self._name.path,
            retry=bigquery.DEFAULT_RETRY.with_timeout(self._timeout_seconds),
            timeout=self._timeout_seconds,
        )

    def _present(self, table: Table) -> dict[str, SchemaField]:
        present = columns_of_table(table.schema)
        needed = (self._layout.key, *self._layout.money)
        absent = [name for name in needed if name.casefold() not in present]
        if absent:
            raise MalformedDeliveryError(
                f"The table has no column {', '.join(absent)}, so it is no"
                f" {'FOCUS' if self._layout.stream == 'focus' else 'usage cost'}"
                " export.",
                where=self._advice.where,
                next_step="Correct 'export' or 'table' in triptych.yml.",
            )
        return present

    def _listing_sql(
        self,
        present: Mapping[str, SchemaField],
        pruning: str | None,
        start: date | None,
        end: date | None,
    ) -> str:
        layout = self._layout
        has_currency = layout.currency.casefold() in present
        currency = layout.currency if has_currency else "CAST(NULL AS STRING)"
        newest = next((c for c in layout.newest if c.casefold() in present), layout.key)
        day = f"DATE({layout.key})"
        day = day if layout.grain == "day" else f"DATE_TRUNC({day}, MONTH)"
        columns = [
            f"{day} AS slice",
            f"{currency} AS money_of",
            "COUNT(*) AS row_count",
            f"MAX({newest}) AS newest",
            *(
                f"SUM({as_numeric(column)}) AS sum_{number}"
                for number, column in enumerate(layout.money)
            ),
        ]
        if layout.stream != "focus" and "credits" in present:
            columns.append(f"SUM({sum_of_credits()}) AS sum_of_credits")
        if pruning:
            columns.append(f"DATE(MIN({pruning})) AS first_partition")
            columns.append(f"DATE(MAX({pruning})) AS last_partition")
        return (
            f"SELECT {', '.join(columns)} FROM `{self._name.path}`"
            f"{_within(layout.key, start, end)} GROUP BY slice, money_of"
        )

    def _batches(
        self, slice_: Slice, columns: Sequence[SelectedColumn], pruning: str | None
    ) -> Iterator[pa.RecordBatch]:
        selected = ", ".join(f"{column.sql} AS `{column.name}`" for column in columns)
        key = self._layout.key
        bounds: dict[str, date | None] = {}
        if slice_.start is None:
            condition = f"{key} IS NULL"
        else:
            condition = f"{key} >= @slice_start AND {key} < @slice_end"
            bounds = _bounds(slice_.start, _following(slice_.start, self._layout.grain))
        if pruning and slice_.first_partition and slice_.last_partition:
            # Rows still in the streaming buffer have no partition yet.
            condition += (
                f" AND (({pruning} >= @first_partition"
                f" AND {pruning} < @after_partition) OR {pruning} IS NULL)"
            )
            bounds["first_partition"] = slice_.first_partition
            bounds["after_partition"] = slice_.last_partition + _DAY
        sql = f"SELECT {selected} FROM `{self._name.path}` WHERE {condition}"
        schema = arrow_schema(columns)
        with google_errors(self._advice), self._open() as client:
            answer = self._run(client, sql, bounds)
            batches = answer.to_arrow_iterable()
            for batch in self._whole(answer, batches, lambda batch: batch.num_rows):
                if batch.num_rows:
                    yield batch.rename_columns(schema.names).cast(schema)

    def _whole(
        self,
        answer: RowIterator,
        items: Iterable[_Item],
        size_of: Callable[[_Item], int],
    ) -> Iterator[_Item]:
        return as_many_as_announced(
            items,
            announced=lambda: answer.total_rows,
            size_of=size_of,
            where=self._advice.where,
        )

    def _run(
        self, client: Client, sql: str, bounds: Mapping[str, date | None]
    ) -> RowIterator:
        from google.cloud import bigquery
        from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

        retry = bigquery.DEFAULT_RETRY.with_timeout(self._timeout_seconds)
        job_retry = DEFAULT_JOB_RETRY.with_timeout(self._timeout_seconds)
        job = client.query(
            sql,
            job_config=bigquery.QueryJobConfig(query_parameters=_parameters(bounds)),
            retry=retry,
            timeout=self._timeout_seconds,
            job_retry=job_retry,
        )
        return job.result(
            page_size=_ROWS_PER_PAGE,
            retry=retry,
            timeout=_QUERY_SECONDS,
            job_retry=job_retry,
        )


def _permissions(name: TableName) -> tuple[Permission, ...]:
    reading = (
        "Grant roles/bigquery.dataViewer on the dataset"
        f" {name.dataset_project}.{name.dataset}."
    )
    querying = f"Grant roles/bigquery.jobUser in project {name.job_project}."
    return (
        Permission("bigquery.jobs.create", f"project {name.job_project}", querying),
        Permission("bigquery.tables.get", f"table {name.path}", reading),
        Permission("bigquery.tables.getData", f"table {name.path}", reading),
    )


def _pruning_column(table: Table) -> str | None:
    """Return the partitioning column, unless rows are already selected by it."""
    partitioning = table.time_partitioning
    if partitioning is None:
        return None
    if partitioning.field is None:
        return "_PARTITIONTIME"
    field = next((f for f in table.schema if f.name == partitioning.field), None)
    is_timestamp = field is not None and field.field_type.upper() == "TIMESTAMP"
    return f"`{partitioning.field}`" if is_timestamp else None


def _within(key: str, start: date | None, end: date | None) -> str:
    bounds = []
    if start is not None:
        bounds.append(f"{key} >= @slice_start")
    if end is not None:
        bounds.append(f"{key} < @slice_end")
    # A row without a key counts too; leaving it out would lose its money.
    return f" WHERE ({' AND '.join(bounds)}) OR {key} IS NULL" if bounds else ""


def _bounds(start: date | None, end: date | None) -> dict[str, date | None]:
    return {"slice_start": start, "slice_end": end}


def _parameters(bounds: Mapping[str, date | None]) -> list[ScalarQueryParameter]:
    from google.cloud import bigquery

    return [
        bigquery.ScalarQueryParameter(name, "TIMESTAMP", midnight(day))
        for name, day in bounds.items()
        if day is not None
    ]


def _following(start: date, grain: Literal["day", "month"]) -> date:
    if grain == "day":
        return start + _DAY
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)


def _as_slices(rows: Sequence[Any]) -> list[Slice]:
    """Gather the groups of each slice; a slice may have several currencies."""
    groups: dict[date | None, list[Any]] = {}
    for row in rows:
        groups.setdefault(row["slice"], []).append(row)
    return [
        _as_slice(start, groups[start])
        for start in sorted(groups, key=lambda day: day or date.min)
    ]


def _as_slice(start: date | None, groups: Sequence[Any]) -> Slice:
    partitions = [
        (group["first_partition"], group["last_partition"])
        for group in groups
        if group.get("first_partition") is not None
    ]
    lines = sorted(
        " ".join(
            f"{name}={group[name]}"
            for name in sorted(group.keys())
            if not name.endswith("_partition")
        )
        for group in groups
    )
    text = "\n".join((str(_READING_VERSION), *lines))
    return Slice(
        start=start,
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:32],
        row_count=sum(group["row_count"] for group in groups),
        first_partition=min((first for first, _ in partitions), default=None),
        last_partition=max((last for _, last in partitions), default=None),
    )
