"""Report on a file: format, provider, months, money, tags.

A bill is landed by the code that would load it, so the report agrees with a run. Files
that are no bill get the source that takes them, or the reason why nothing does.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ingest.connector import LandingOptions
from ingest.reading.malformed import BAD_DATA, as_failed, in_another_encoding
from ingest.sources.tables.bill_formats import (
    FOCUS_FORMAT,
    format_of_header,
    other_dataset,
)
from ingest.storage.files import (
    LONGEST_LINE,
    column_names,
    format_of_name,
    is_data_file,
    open_text,
)
from ingest.storage.workbooks import find_sheet, is_workbook
from triptych.discovery.bill_facts import (
    TagCoverage,
    costs,
    listed,
    number,
    tags_of,
    top,
)
from triptych.discovery.bill_mapping import BillMapping, map_bill
from triptych.discovery.ledger_sample import Reading, sample_file
from triptych.discovery.other_files import belongs_to, content_of, why_not_read
from triptych.discovery.refused_rows import advice_on, refused_example

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path

    import duckdb

    from ingest.sources.tables.bill_formats import BillFormat

_AS_IT_IS = Reading()
State = Literal["bill", "other", "damaged", "not_read"]
_EXAMPLES = 3
#: Words of a header shared with a bill that lacks required columns.
_FOCUS_WORDS = frozenset(
    {"billedcost", "effectivecost", "chargecategory", "billingperiodstart"}
)


@dataclass(frozen=True, slots=True)
class FileReport:
    """Description of a file.

    Attributes
    ----------
    label : str
        Common name of the file.
    state : str
        ``bill``: it would be loaded as charges. ``other``: another source takes it.
        ``damaged``: it begins as a bill and cannot be loaded. ``not_read``: nothing
        takes it.
    format, connector : str
        Kind of file, and the type of source for it; empty where there is none.
    problem, next_step : str
        Problem and remedy; empty where there is none.
    costs : dict of str to Decimal
        Billed cost by currency.
    sheet : str
        Of a workbook: which sheet was read, and what was passed over.
    is_sampled : bool
        Only its beginning was looked at: counts and money are of that.
    mapped : BillMapping or None
        Reading of its columns, where no source knows them.
    example, advice : str
        The first refused row with its line and value, and what to do about it.
    """

    label: str
    state: State
    format: str
    connector: str = ""
    problem: str = ""
    next_step: str = ""
    months: tuple[str, ...] = ()
    costs: dict[str, Decimal] = field(default_factory=dict)
    row_count: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    providers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    tags: tuple[TagCoverage, ...] = ()
    columns: tuple[str, ...] = ()
    is_sampled: bool = False
    table: str = ""
    mapped: BillMapping | None = None
    sheet: str = ""
    example: str = ""
    advice: str = ""

    def record(self) -> dict[str, object]:
        """Return the fields for programs: all but the table of its charges."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        del fields["table"], fields["mapped"]
        return {**fields, "line": self.line}

    @property
    def is_ok(self) -> bool:
        """Return True if a run would take the file as it is."""
        return self.state == "bill" and not self.problem

    @property
    def is_empty(self) -> bool:
        """Return True if it is a bill with a header and no line."""
        return self.state == "bill" and not self.row_count

    @property
    def line(self) -> str:
        """Return all of it that fits on a line."""
        if self.state != "bill":
            return f"{self.label}: {self.format}. {self.problem}".strip()
        money = ", ".join(f"{code} {cost:,.2f}" for code, cost in self.costs.items())
        parts = [
            f"{self.format} of {_some(self.providers) or 'an unknown provider'}",
            _span(self.months),
            money,
            f"{self.row_count:,} rows" + (" (beginning)" if self.is_sampled else ""),
        ]
        refused = sum(self.refused.values())
        if refused:
            reasons = ", ".join(self.refused)
            first = f"; the first is {self.example}" if self.example else ""
            parts.append(f"{refused:,} of them refused ({reasons}{first})")
        text = f"{self.label}: {', '.join(part for part in parts if part)}"
        sheet = f" {self.sheet}." if self.sheet else ""
        return f"{text}.{sheet} {self.problem}".rstrip()


def report_on(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    label: str,
    table: str,
    reading: Reading = _AS_IT_IS,
    answers: Mapping[str, str] | None = None,
) -> FileReport:
    """Open a file and report on it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From :func:`triptych.discovery.ledger_sample.bench`.
    path : Path
        The file.
    label : str
        Common name of the file.
    table : str
        Table of its charges in ``connection``, if it is a bill.
    reading : Reading
        Reading of the file by the source that has it.
    answers : mapping, optional
        Role → column of a table that no source knows; without it, none is mapped.
    """
    is_data = is_data_file(path.name)
    if known := content_of(path) if is_data else why_not_read(path):
        kind, connector, problem, next_step = known
        state: State = "other" if connector else "not_read"
        return FileReport(label, state, kind, connector, problem, next_step)
    columns = _columns(path, reading)
    kind_of_bill = format_of_header(columns)
    if kind_of_bill is None and reading.is_mapped and columns:
        kind_of_bill = FOCUS_FORMAT
    dataset = other_dataset(columns)
    if dataset and kind_of_bill is None:
        return FileReport(
            label,
            "not_read",
            f"FOCUS data set {dataset}",
            problem="It is not Cost and Usage and holds no charges.",
            next_step="Leave it out, or keep it for reference: it is not loaded.",
        )
    is_usual = reading.delimiter == _AS_IT_IS.delimiter
    if answers is not None and is_usual and len(columns) == 1:
        mark, _ = _other_separator(columns[0]) or ("", "")
        if mark:
            return _separated(connection, path, label, table, mark, reading, answers)
    if kind_of_bill is None and answers is not None and columns:
        mapped = map_bill(path, delimiter=reading.delimiter, answers=answers)
        if mapped is not None:
            return _mapped(connection, path, mapped, label, table, reading, columns)
    if kind_of_bill is None:
        return _no_bill(path, columns, label, reading)
    return _bill(connection, path, kind_of_bill, label, table, reading, columns)


def _separated(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    label: str,
    table: str,
    mark: str,
    reading: Reading,
    answers: Mapping[str, str],
) -> FileReport:
    """Report on a table with columns separated by another sign."""
    read = replace(reading, delimiter=mark)
    report = report_on(
        connection, path, label=label, table=table, reading=read, answers=answers
    )
    vendor = report.providers[0] if report.providers else "bills"
    mapped = replace(report.mapped or BillMapping(vendor), delimiter=mark)
    return replace(report, mapped=mapped) if report.state == "bill" else report


def _mapped(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    mapped: BillMapping,
    label: str,
    table: str,
    reading: Reading,
    columns: list[str],
) -> FileReport:
    """Report on a table that is read as a bill, or that another source takes."""
    if mapped.unclear:
        known = _no_bill(path, columns, label, reading)
        if known.connector:
            return known
        problem, next_step = mapped.line, mapped.next_step
        return replace(known, problem=problem, next_step=next_step, mapped=mapped)
    options = LandingOptions(mapped.mapping, mapped.defaults)
    read = replace(reading, options=options)
    report = _bill(connection, path, FOCUS_FORMAT, label, table, read, columns)
    return replace(report, format="Table", mapped=mapped)


def _columns(path: Path, reading: Reading) -> list[str]:
    """Return the names of a file's columns as the source that has it reads them."""
    if not reading.is_of_native:
        columns = column_names(path, delimiter=reading.delimiter)
        kind = format_of_header(columns)
        if kind is not None and kind.is_native:
            return columns
    form = {"delimiter": reading.delimiter, "encoding": reading.encoding}
    return column_names(path, **form)


def _is_in(encoding: str, path: Path) -> bool:
    """Check if a CSV's first line is in an encoding; other files pass."""
    try:
        if format_of_name(path.name) == "csv" and not is_workbook(path):
            with open_text(path, encoding=encoding) as text:
                text.readline(LONGEST_LINE)
    except UnicodeError:
        return False
    except (OSError, EOFError, zlib.error):
        pass
    return True


def _no_bill(
    path: Path, columns: list[str], label: str, reading: Reading
) -> FileReport:
    folded = {name.strip().casefold() for name in columns}
    if not columns and not _is_in(reading.encoding, path):
        failure = in_another_encoding(reading.encoding, label)
        return FileReport(
            label, "not_read", "data file", "", failure.what, failure.next_step
        )
    if not columns:
        kind, _, problem, next_step = why_not_read(path)
        return FileReport(label, "not_read", kind, "", problem, next_step)
    if len(columns) == 1 and (word := _other_separator(columns[0])):
        mark, name = word
        return FileReport(
            label,
            "damaged",
            "table",
            problem=f"Its header is one column that contains {name}s.",
            next_step=f"Set 'delimiter: {json.dumps(mark)}' on this source.",
        )
    if folded & _FOCUS_WORDS:
        lacking = [name for name in _NEEDED if name.casefold() not in folded]
        return FileReport(
            label,
            "damaged",
            "part of a FOCUS bill",
            "focus_files",
            f"It lacks {', '.join(lacking)}.",
            "Export these columns too, or give them with 'mapping' or 'defaults' in"
            " triptych.yml.",
        )
    kind, connector, next_step = belongs_to(columns)
    state: State = "other" if connector else "not_read"
    problem = "It is not a bill." if connector else "No source takes its columns."
    return FileReport(label, state, kind, connector, problem, next_step)


def _other_separator(header: str) -> tuple[str, str] | None:
    marks = {";": "semicolon", "\t": "tab", "|": "pipe"}
    return next(((mark, name) for mark, name in marks.items() if mark in header), None)


_NEEDED = (
    "BilledCost",
    "EffectiveCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
)


def _bill(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kind: BillFormat,
    label: str,
    table: str,
    reading: Reading,
    columns: list[str],
) -> FileReport:
    try:
        sampled = sample_file(
            connection, path, kind, table=table, label=label, reading=reading
        )
    except BAD_DATA as error:
        failure = as_failed(error, label)
        return FileReport(
            label,
            "damaged",
            kind.title,
            kind.connector,
            failure.what,
            failure.next_step,
        )
    refused: dict[str, int] = {}
    for row in sampled.rejected:
        refused[row.reason] = refused.get(row.reason, 0) + 1
    row_count = number(connection, f"SELECT count(*) FROM {table}")
    problem, next_step, example, advice = "", "", "", ""
    for row in sampled.rejected[:1]:
        example = f"{label}:{row.row_number} {refused_example(row)}"
        advice = advice_on(row)
    if not row_count:
        problem = "It has no charge that can be loaded."
        next_step = advice or "Export the bill again with its charges."
    return FileReport(
        label,
        "bill",
        kind.title,
        kind.connector,
        problem,
        next_step,
        months=listed(connection, table, "strftime(billing_period_start, '%Y-%m')"),
        costs=costs(connection, table),
        row_count=row_count + len(sampled.rejected),
        refused=refused,
        providers=top(connection, table, "service_provider_name"),
        services=top(connection, table, "service_name"),
        accounts=top(connection, table, "coalesce(sub_account_name, sub_account_id)"),
        tags=tags_of(connection, table),
        columns=tuple(columns),
        is_sampled=sampled.is_sampled,
        table=table,
        sheet=find_sheet(path).line if is_workbook(path) else "",
        example=example,
        advice=advice,
    )


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_EXAMPLES])
    more = len(names) - _EXAMPLES
    return f"{shown} and {more} more" if more > 0 else shown


def _span(months: tuple[str, ...]) -> str:
    if len(months) > 1:
        return f"{months[0]} to {months[-1]}"
    return months[0] if months else ""
