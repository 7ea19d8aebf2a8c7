"""Inspection of every bill of a workspace, as a run would read it.

Files are compared with each other, with the workspace's currency, and with the tag keys
that its rules name.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, islice, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ingest.connector import FilePart, LandingOptions, Window
from ingest.storage.files import GLOB_CHARACTERS, without_brackets
from triptych.core.errors import TriptychError
from triptych.core.lake.in_place import file_checksum
from triptych.core.workspace import FILES_OF_SETTINGS
from triptych.discovery.doubtful_bills import doubtful_bills, restated
from triptych.discovery.doubtful_tables import doubtful_tables, pools_without_meter
from triptych.discovery.file_report import report_on
from triptych.discovery.ledger_sample import Reading
from triptych.discovery.observation import Observation
from triptych.discovery.table_rows import open_tables
from triptych.discovery.unknown_names import unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from ingest.connector import Connector
    from triptych.core.settings import Settings
    from triptych.discovery.file_report import FileReport
    from triptych.discovery.table_rows import OpenedTable

#: Types of source that read every file of a folder.
_FOLDERS = frozenset({"focus_files", "gcp_billing"})
#: Types that read the files named by manifests; older copies lie in the same folder.
_MANIFESTED = frozenset(
    {"aws_cur_legacy", "aws_data_exports", "azure_focus", "oci_focus"}
)
#: Types of source from which exchange rates come.
_RATE_TYPES = frozenset({"ecb_rates"})
#: The newest are opened; a run will report on the others.
MOST_FILES = 60
_ALIKE = 0.5
_LEAST_COMMON_ROWS = 20
#: Providers that deliver a file each hour have thousands of pairs.
_MOST_PAIRS = 400
_FOR_PEOPLE = "Nothing to do."


@dataclass(frozen=True, slots=True)
class SourceInspection:
    """The files of a source, opened: bills, or tables of other streams."""

    source: str
    source_type: str
    files: tuple[FileReport, ...]
    observations: tuple[Observation, ...]
    tables: tuple[OpenedTable, ...] = ()


def inspect_sources(
    connection: duckdb.DuckDBPyConnection,
    connectors: Sequence[Connector],
    *,
    root: Path,
) -> list[SourceInspection]:
    """Open the local bills of each source.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From :func:`triptych.discovery.ledger_sample.bench`; the charges stay in it.
    connectors : sequence of Connector
        The sources.
    root : Path
        Workspace folder.
    """
    inspections = []
    for number, connector in enumerate(connectors):
        paths = bill_paths(connector, root)
        opened = sorted(paths, key=lambda path: -path.stat().st_mtime)[:MOST_FILES]
        reports = tuple(
            report_on(
                connection,
                path,
                label=_label(path, root),
                table=f"file_{number}_{position}",
                reading=_reading_of(connector),
            )
            for position, path in enumerate(paths)
            if path in opened
        )
        opened_source = open_tables(connection, connector, number)
        observations = (
            *_of_files(reports, connector.type),
            *opened_source.observations,
        )
        if len(paths) > len(opened):
            more = len(paths) - len(opened)
            note = Observation("note", f"{more:,} older files were not opened.")
            observations = (*observations, note)
        name, type_ = connector.config.name, connector.type
        tables = opened_source.tables
        inspections.append(SourceInspection(name, type_, reports, observations, tables))
    return inspections


def reading_of(connector: Connector, folder: str) -> Reading | None:
    """Return how a source reads the bills of a folder; None where it reads none."""
    path = getattr(connector.config, "path", None) or ""
    is_there = folder_of(path) == Path(folder).as_posix()
    return _reading_of(connector) if is_there and connector.type in _FOLDERS else None


def folder_of(pattern: str) -> str | None:
    """Return the folder of the files that a path or pattern takes, or None.

    ``bills``, ``bills/*.csv`` and ``bills/**/*.csv`` all take those of ``bills``, and
    ``bills/*/*.csv`` takes those of folders in it.
    """
    parts = Path(pattern).parts
    fixed = list(takewhile(lambda part: not GLOB_CHARACTERS & set(part), parts))
    rest = parts[len(fixed) :]
    takes_files = len(rest) <= 1 or rest[0] == "**"
    return Path(*fixed).as_posix() if fixed and takes_files else None


def _reading_of(connector: Connector) -> Reading:
    config = connector.config
    declares = connector.type == "focus_files"
    return Reading(
        getattr(config, "delimiter", ","),
        getattr(config, "encoding", "utf-8"),
        connector.landing("focus") if declares else LandingOptions(),
        is_of_native=connector.type == "gcp_billing",
    )


def bill_paths(connector: Connector, root: Path) -> list[Path]:
    """Return the local bills of a source, and all files in a bill folder."""
    pattern = getattr(connector.config, "path", None)
    if not pattern or "://" in pattern:
        return []
    if connector.type in _MANIFESTED:
        return sorted(_named_by_manifests(connector))
    if connector.type not in _FOLDERS:
        return []
    place = root / pattern
    found: Iterable[Path]
    if GLOB_CHARACTERS & set(pattern) and not place.exists():
        anchor = Path(pattern).anchor
        base = Path(anchor) if anchor else root
        found = base.glob(without_brackets(pattern.removeprefix(anchor)))
    elif place.is_dir():
        found = place.rglob("*")
    else:
        found = [place]
    return sorted(
        path for path in found if path.is_file() and not _is_hidden(path, root)
    )


def _named_by_manifests(connector: Connector) -> Iterator[Path]:
    # Errors in a manifest are reported by the connector's own probe.
    with suppress(TriptychError), TemporaryDirectory(prefix="triptych-look-") as folder:
        for delivery in connector.deliveries(Window()):
            for part in connector.read(delivery, Path(folder)):
                if isinstance(part, FilePart) and not part.is_owned:
                    yield part.path


def _is_hidden(path: Path, root: Path) -> bool:
    below = path.relative_to(root).parts if path.is_relative_to(root) else path.parts
    return any(part.startswith((".", "~$")) for part in below)


def observe_together(
    connection: duckdb.DuckDBPyConnection,
    inspections: Sequence[SourceInspection],
    settings: Settings,
    connectors: Sequence[Connector] = (),
) -> list[Observation]:
    """Return observations that only show when all files are seen together."""
    reports = [report for each in inspections for report in each.files]
    bills = [report for report in reports if report.state == "bill"]
    return [
        *_currencies(bills, settings),
        *_repeated(connection, bills, settings.root),
        *_partial_months(connection, bills),
        *unknown_names(connection, bills, settings),
        *doubtful_bills(connection, [bill for bill in bills if bill.row_count]),
        *doubtful_tables(
            connection,
            [table for each in inspections for table in each.tables],
            bills,
            settings,
        ),
        *pools_without_meter(connectors, settings),
        *_names_of_no_settings(settings.root),
    ]


def _names_of_no_settings(root: Path) -> Iterator[Observation]:
    """Name files that are called nearly as settings are, and so are not read."""
    for name in FILES_OF_SETTINGS:
        other = root / Path(name).with_suffix(".yaml")
        if other.exists():
            yield Observation(
                "note", f"{other.name} is not read.", f"Rename it to {name}."
            )


def _label(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _of_files(reports: Sequence[FileReport], source_type: str) -> Iterator[Observation]:
    for report in reports:
        if report.state == "other" and report.connector == source_type:
            # A manifest where its connector looks for it.
            continue
        if report.is_ok and _takes(source_type, report):
            level = "note" if report.refused else "ok"
            yield Observation(level, report.line, report.advice)
        elif report.is_ok:
            yield Observation(
                "missing",
                f"{report.line} A source of type {source_type} does not take it.",
                "Put it in a folder of its own, for a source of type"
                f" {report.connector} or focus_files.",
            )
        elif report.next_step == _FOR_PEOPLE or report.is_empty:
            yield Observation("note", report.line)
        else:
            yield Observation("missing", report.line, report.next_step)


def _takes(source_type: str, report: FileReport) -> bool:
    """Check if a type of source reads a bill; a folder of files reads all."""
    return source_type == "focus_files" or report.connector in {
        source_type,
        "focus_files",
    }


def _currencies(
    bills: Sequence[FileReport], settings: Settings
) -> Iterator[Observation]:
    has_rates = any(
        source.type in _RATE_TYPES
        or (source.type == "tables" and source.options.get("stream") == "fx_rates")
        for source in settings.sources
    )
    foreign = sorted(
        {code for bill in bills for code in bill.costs} - {settings.currency}
    )
    if not foreign or has_rates:
        return
    codes = " and ".join(foreign)
    is_all = not any(settings.currency in bill.costs for bill in bills)
    first = f"Set currency: {foreign[0]} in triptych.yml, or a" if is_all else "A"
    yield Observation(
        "missing",
        f"Bills are in {codes}, the workspace is in {settings.currency}, and no source"
        " brings exchange rates: these charges would be in no total.",
        f"{first}dd a source of type ecb_rates.",
    )


def _repeated(
    connection: duckdb.DuckDBPyConnection, bills: Sequence[FileReport], root: Path
) -> Iterator[Observation]:
    sizes = Counter((root / bill.label).stat().st_size for bill in bills)
    checksums: dict[str, str] = {}
    unique: list[FileReport] = []
    for bill in bills:
        path = root / bill.label
        # Only files of equal size can be the same.
        checksum = file_checksum(path) if sizes[path.stat().st_size] > 1 else bill.label
        if checksum in checksums:
            yield Observation(
                "missing",
                f"{bill.label} and {checksums[checksum]} are the same file: one of"
                " them will not be counted.",
                "Remove one of them.",
            )
            continue
        checksums[checksum] = bill.label
        unique.append(bill)
    pairs = (
        (one, other)
        for one, other in combinations(unique, 2)
        if set(one.months) & set(other.months)
    )
    for one, other in islice(pairs, _MOST_PAIRS):
        yield from _overlap(connection, one, other)


def _overlap(
    connection: duckdb.DuckDBPyConnection, file_report: FileReport, other: FileReport
) -> Iterator[Observation]:
    columns = (
        "charge_period_start, billed_cost, resource_id, sku_id, sku_meter,"
        " sub_account_id, charge_description"
    )
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT {columns} FROM {file_report.table}"
        f" INTERSECT ALL SELECT {columns} FROM {other.table})"
    ).fetchone()
    common = int(row[0]) if row else 0
    ratio = common / max(min(file_report.row_count, other.row_count), 1)
    if common >= _LEAST_COMMON_ROWS and ratio >= _ALIKE:
        yield Observation(
            "missing",
            f"{file_report.label} and {other.label} share {common:,} charges"
            f" ({ratio:.0%} of the smaller file): they would count twice, so the later"
            " one is refused.",
            "Keep the newer of the two, or set may_repeat: true if both are right.",
        )
    else:
        yield from restated(connection, file_report, other)


def _partial_months(
    connection: duckdb.DuckDBPyConnection, bills: Sequence[FileReport]
) -> Iterator[Observation]:
    """Yield past months that end before their last day or begin late."""
    tables = [bill.table for bill in bills if bill.row_count and not bill.is_sampled]
    if not tables:
        return
    days = " UNION ALL ".join(
        f"SELECT billing_period_start AS month, charge_period_start AS day FROM {table}"
        for table in tables
    )
    rows = connection.execute(
        "SELECT strftime(month, '%Y-%m'), CAST(min(day) AS DATE),"
        f" CAST(max(day) AS DATE) FROM ({days}) GROUP BY date_trunc('month', month),"
        " strftime(month, '%Y-%m')"
        " HAVING last_day(CAST(any_value(month) AS DATE)) < current_date"
        " AND (date_diff('day', max(day), last_day(CAST(any_value(month) AS DATE))) > 2"
        " OR date_diff('day', any_value(month), min(day)) > 2) ORDER BY 1"
    ).fetchall()
    for month, first, last in rows:
        yield Observation(
            "note",
            f"{month} has charges from {first} to {last} only.",
            "Export the whole month, unless nothing was used on the other days.",
        )
