"""Acts that bring files: a bill, an invoice, anything that a source reads."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from decimal import Decimal
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ingest.storage.files import distinct_file_names, is_data_file, without_brackets
from triptych.acts.deed import Deed, Draft
from triptych.acts.file_edits import edit
from triptych.acts.first_bill import with_currency
from triptych.acts.roles import FINANCE, INSIDE
from triptych.acts.settings_files import GENERAL, judged_edits, read_text
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.discovery.file_report import report_on
from triptych.discovery.inspection import folder_of, reading_of
from triptych.discovery.ledger_sample import bench
from triptych.run.pipeline import bound_connectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.acts.deed import Filling, Site
    from triptych.acts.file_edits import FileEdit
    from triptych.discovery.file_report import FileReport

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.() -]{0,120}")
#: Characters that browsers and people put into names and that other systems do not
#: accept.
_STRANGE = re.compile(r"[^A-Za-z0-9_.() /\\-]")
_ENDINGS: Final = frozenset(
    {".csv", ".gz", ".parquet", ".json", ".jsonl", ".xlsx", ".zip", ".tsv", ".txt"}
)
_MOST_BYTES: Final = 64 * 2**20
_MOST_UNPACKED_BYTES: Final = 4 * _MOST_BYTES
_BILLS: Final = "bills"
#: Streams with separate acts, which are for finance alone.
_OF_FINANCE: Final = frozenset({"invoices", "budgets"})
#: Source types that read any file with the name of a table.
_OF_TABLES: Final = frozenset({"tables", "focus_files", "gcp_billing"})


def _draft_upload(site: Site, filling: Filling) -> Draft:
    folders = _folders_read(site)
    folder = filling.text("folder") or _folder_of_bills(site)
    brought = _brought(filling)
    edits = tuple(file_edit(site, folder, *each) for each in brought)
    if folder not in folders:
        raise UsageError(
            f"No source reads {folder!r}.",
            where=folder,
            next_step=f"Sources read {', '.join(sorted(folders))}.",
        )
    lines: list[str] = []
    costs: dict[str, Decimal] = {}
    for change, (_, content) in zip(edits, brought, strict=True):
        name = PurePosixPath(change.name).name
        _refuse_what_finance_brings(site, folder, name)
        report = _as_bill(site, folder, name, content)
        _refuse_what_is_not_read(site, folder, name)
        line = f" {report.line.removeprefix(f'{name}: ')}" if report else ""
        lines.append(f"{name} is put into {folder}.{line}")
        for code, cost in report.costs.items() if report else ():
            costs[code] = costs.get(code, Decimal(0)) + cost
    before = read_text(site.workspace.root, GENERAL)
    text, currency = with_currency(site, before, costs)
    names = ", ".join(PurePosixPath(change.name).name for change in edits)
    if text != before:
        edits += judged_edits(site.workspace.root, {GENERAL: text})
    return Draft(
        says=f"{' '.join(lines)}{currency}",
        did=f"{names} {'are' if len(brought) > 1 else 'is'} in {folder}.",
        effect="The next run reads it."
        if folder in _folders_of_sources(site)
        else "No source reads that folder yet: name one in triptych.yml.",
        edits=edits,
        about=f"file:{edits[0].name}",
    )


def _brought(filling: Filling) -> list[tuple[str, bytes]]:
    """Return name and content of each file; of an archive those of its tables.

    Raises
    ------
    UsageError
        The archive is damaged, has no table, or unpacks to too much.
    """
    name, content = filling.text("name"), filling.files["file"]
    if not name.lower().endswith(".zip"):
        return [(name, content)]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if _is_table(m.filename)]
            _refuse_if_large(members)
            names = distinct_file_names(Path(m.filename).name for m in members)
            tables = [
                (name, archive.read(m)) for name, m in zip(names, members, strict=True)
            ]
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise UsageError(
            f"The archive cannot be unpacked: {error}.",
            next_step="Unpack it and upload its files.",
        ) from error
    if not tables:
        raise UsageError("The archive has no table.", next_step="Upload a bill.")
    return tables


def _is_table(name: str) -> bool:
    return is_data_file(name) and not Path(name).name.startswith(".")


def _refuse_if_large(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive that unpacks to more than goes this way."""
    size = sum(member.file_size for member in members)
    if size > _MOST_UNPACKED_BYTES:
        raise UsageError(
            f"The archive unpacks to {size:,} bytes, and at most"
            f" {_MOST_UNPACKED_BYTES:,} go this way.",
            next_step="Copy its files to the folder on the machine.",
        )


def _folders_read(site: Site) -> set[str]:
    """Return the folders of the workspace that sources read; where none, ``bills``."""
    return _folders_of_sources(site) or {_BILLS}


def _folders_of_sources(site: Site) -> set[str]:
    patterns = [
        str(dict(each.options).get("path") or "") for each in site.settings.sources
    ]
    found = {folder_of(pattern) for pattern in patterns if ":" not in pattern}
    return {
        folder
        for folder in found
        if folder
        and not PurePosixPath(folder).is_absolute()
        # A source of a file alone reads none that is put next to it.
        and not _is_file(site.workspace.root / folder)
    }


def _refuse_what_finance_brings(site: Site, folder: str, name: str) -> None:
    """Refuse a file of a source that only finance brings.

    Raises
    ------
    UsageError
        It would be read as invoices or budgets.
    """
    if site.actor.role in {None, *FINANCE}:
        return
    for source in site.settings.sources:
        options = dict(source.options)
        pattern = str(options.get("path") or "")
        if options.get("stream") in _OF_FINANCE and _takes(pattern, folder, name):
            raise UsageError(
                f"{name!r} would be read as {options['stream']}, which only finance"
                " brings.",
                where=f"{folder}/{name}",
                next_step="Ask somebody in finance to upload it.",
            )


def _refuse_what_is_not_read(site: Site, folder: str, name: str) -> None:
    """Refuse a file that every source of a folder passes over.

    Raises
    ------
    UsageError
        None takes a file of this name.
    """
    patterns = []
    for source in site.settings.sources:
        pattern = str(dict(source.options).get("path") or "")
        if folder_of(pattern) != folder:
            continue
        # Other types read files of particular kinds.
        is_data = source.type not in _OF_TABLES or is_data_file(name)
        if is_data and _takes(pattern, folder, name):
            return
        patterns.append(pattern)
    if patterns:
        raise UsageError(
            f"No source reads a file called {name!r} there.",
            where=f"{folder}/{name}",
            next_step=f"Sources read {', '.join(sorted(set(patterns)))}, of which CSV,"
            " Parquet and JSON Lines by how their names end.",
        )


def _takes(pattern: str, folder: str, name: str) -> bool:
    """Return True if a source path or pattern matches a file of a folder."""
    path = PurePosixPath(pattern)
    if path == PurePosixPath(folder, name):
        return True
    names = path.name if path.as_posix() != folder else "*"
    return folder_of(pattern) == folder and fnmatch(name, without_brackets(names))


def _is_file(path: Path) -> bool:
    """Return True if a path is that of a file, existing or not."""
    return path.is_file() if path.exists() else path.suffix.lower() in _ENDINGS


def _folder_of_bills(site: Site) -> str:
    """Return the first folder that a source of bills reads."""
    sources = bound_connectors(site.workspace, site.settings)
    read = (
        folder
        for source in sources
        for folder in sorted(_folders_read(site))
        if reading_of(source, folder) is not None
    )
    return next(read, _BILLS)


def _plain(name: str) -> str:
    """Return a file's name in letters that every system takes."""
    parts = unicodedata.normalize("NFKD", name)
    base = "".join(sign for sign in parts if not unicodedata.combining(sign))
    plain = _STRANGE.sub("_", base).lstrip("_")
    return f"bill{plain}" if plain.startswith(".") else plain


def new_file(site: Site, filling: Filling, folder: str) -> FileEdit:
    """Return the edit that puts an uploaded file into a folder.

    Raises
    ------
    UsageError
        It is too large, has no name of a table, or is there already.
    """
    return file_edit(site, folder, filling.text("name"), filling.files["file"])


def file_edit(site: Site, folder: str, name: str, content: bytes) -> FileEdit:
    """Return the edit that puts a file into a folder, as :func:`new_file` does."""
    name = _plain(name)
    if not _NAME.fullmatch(name) or PurePosixPath(name).suffix.lower() not in _ENDINGS:
        raise UsageError(
            f"{name!r} is not the name of a table.",
            next_step="It begins with a letter or a digit, and ends with one of"
            f" {', '.join(sorted(_ENDINGS))}.",
        )
    if len(content) > _MOST_BYTES:
        raise UsageError(
            f"The file has {len(content):,} bytes, and at most {_MOST_BYTES:,} go this"
            " way.",
            next_step="Copy it to the folder on the machine.",
        )
    change = edit(site.workspace.root, f"{folder}/{name}", content)
    if change.before is not None:
        raise UsageError(
            f"There is a file {folder}/{name}.",
            where=folder,
            next_step="Give it another name; a correction is a file of its own.",
        )
    return change


def _as_bill(site: Site, folder: str, name: str, content: bytes) -> FileReport | None:
    """Return what a bill is, as a run would read it; None where none is expected.

    Raises
    ------
    UsageError
        It is no bill, or a bill that a run would refuse.
    """
    sources = bound_connectors(site.workspace, site.settings)
    reading = next(filter(None, (reading_of(each, folder) for each in sources)), None)
    if reading is None:
        return None
    with TemporaryDirectory(prefix="triptych-upload-") as place, bench() as connection:
        path = Path(place) / name
        path.write_bytes(content)
        report = report_on(
            connection, path, label=name, table="uploaded", reading=reading
        )
    if not report.is_ok:
        raise UsageError(report.line, next_step=report.next_step or "Upload a bill.")
    return report


DEEDS: Final = (
    Deed(
        Act(
            "upload_file",
            "Upload a bill",
            (
                ActField("file", "File", "file", takes_many=True),
                ActField(
                    *("name", "Name"),
                    help="Such as 2026-09.csv. Empty: as the file is called.",
                    is_required=False,
                ),
                ActField("folder", "Folder", is_required=False),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft_upload,
    ),
)
