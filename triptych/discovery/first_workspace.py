"""A new workspace made from bills: they are opened first, and copied into it."""

from __future__ import annotations

import re
import shutil
import textwrap
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, Final

import yaml

from ingest.storage.files import is_data_file
from triptych.core.errors import UsageError
from triptych.core.workspace import initialise
from triptych.discovery.file_report import report_on
from triptych.discovery.ledger_sample import bench
from triptych.discovery.mapped_sources import source_of_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from triptych.core.workspace import Workspace
    from triptych.discovery.bill_mapping import BillMapping
    from triptych.discovery.file_report import FileReport

#: The rule of an empty workspace: with bills at hand, the contents of their tags
#: decide.
_RULE_FOR_ANY_TAG = re.compile(
    r"^  - name: model tag\n    match: .*\n    model: .*\n", re.MULTILINE
)
#: The source of an empty workspace, after which others are added.
_BILLS = (
    "    path: bills                # file, folder or glob, relative to this folder\n"
)
_LARGEST_MEMBER: Final = 4 << 30
_CURRENCY_LINE = re.compile(r"^currency: \w{3}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FirstWorkspace:
    """A new workspace and the outcome of the named files."""

    workspace: Workspace
    taken: tuple[FileReport, ...]
    left_out: tuple[FileReport, ...]
    currency: str


def workspace_from(
    directory: Path, named: Sequence[Path], answers: Mapping[str, str] | None = None
) -> FirstWorkspace:
    """Create a workspace with copies of bills in its folder ``bills``.

    A table that no source knows is read by its columns: it gets a folder of its vendor
    in ``mapped`` and a source with the mapping.

    Parameters
    ----------
    directory : Path
        New or empty folder.
    named : sequence of Path
        Files, or folders of files.
    answers : mapping, optional
        Role → column, where columns of such a table are ambiguous.

    Raises
    ------
    UsageError
        None of the files is a bill, or the folder is in use; nothing was written.
    """
    with ExitStack() as opened:
        return _made_of(directory, named, answers or {}, opened)


def _made_of(
    directory: Path,
    named: Sequence[Path],
    answers: Mapping[str, str],
    opened: ExitStack,
) -> FirstWorkspace:
    """Make the workspace while unpacked archives are there."""
    unpacked = Path(opened.enter_context(TemporaryDirectory(prefix="triptych-zip-")))
    paths = list(_files(named, unpacked))
    with bench() as connection:
        reports = [
            (
                path,
                report_on(
                    connection,
                    path,
                    label=_label(path, unpacked),
                    table=f"file_{number}",
                    answers=answers,
                ),
            )
            for number, path in enumerate(paths)
        ]
    taken = [(path, report) for path, report in reports if report.is_ok]
    left_out = tuple(report for _, report in reports if not report.is_ok)
    if not taken:
        raise _no_bill(named, left_out)
    workspace = initialise(directory)
    sources: dict[str, dict[str, Any]] = {"bills": {"type": "focus_files"}}
    for path, report in taken:
        folder = workspace.root / "bills"
        if report.mapped is not None:
            folder = workspace.root / _place(report.mapped, sources)
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, _free_name(folder, path.name))
    currency = _currency(report for _, report in taken)
    settings = workspace.settings_file.read_text(encoding="utf-8")
    text = _CURRENCY_LINE.sub(f"currency: {currency}", settings, count=1)
    added = "".join(_written(each) for each in sources.values() if "name" in each)
    text = text.replace(_BILLS, _BILLS + added, 1)
    workspace.settings_file.write_text(text, encoding="utf-8")
    allocation = workspace.root / "allocation.yml"
    rules = _RULE_FOR_ANY_TAG.sub("", allocation.read_text(encoding="utf-8"), count=1)
    allocation.write_text(rules, encoding="utf-8")
    return FirstWorkspace(
        workspace, tuple(report for _, report in taken), left_out, currency
    )


def _place(mapped: BillMapping, sources: dict[str, dict[str, Any]]) -> str:
    """Return the folder of a mapped bill, and add the source that reads it."""
    entry = source_of_mapping(mapped, sources)
    sources.setdefault(entry["name"], entry)
    return str(entry["path"])


def _written(entry: dict[str, Any]) -> str:
    """Return an entry of ``sources`` as text."""
    text = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=100)
    return "\n" + textwrap.indent(text, "  ")


def _files(named: Sequence[Path], unpacked: Path) -> Iterator[Path]:
    """Yield the files that are meant, of archives those with data."""
    for path in named:
        if path.is_dir():
            below = path.rglob("*")
            yield from _files(
                sorted(
                    each
                    for each in below
                    if each.is_file() and not each.name.startswith(".")
                ),
                unpacked,
            )
        elif path.is_file() and path.suffix.lower() == ".zip":
            yield from _unpack(path, unpacked / path.stem)
        elif path.is_file():
            yield path
        else:
            raise UsageError(
                "There is no such file.",
                where=str(path),
                next_step="Name a bill, or a folder with bills; nothing was written.",
            )


def _unpack(path: Path, folder: Path) -> Iterator[Path]:
    """Unpack the data files of an archive, each by its own name alone."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_without_data(path, archive)
            for member in archive.infolist():
                name = Path(member.filename).name
                if member.is_dir() or name[:1] == "." or not is_data_file(name):
                    continue
                place = _free_name(folder, name)
                with archive.open(member) as source, place.open("wb") as target:
                    _copy(source, target, path)
                yield place
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise UsageError(
            f"The archive cannot be unpacked: {error}.",
            where=str(path),
            next_step="Unpack it and name its files; nothing was written.",
        ) from error


def _refuse_without_data(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive without a bill, such as one that holds an archive."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if not any(is_data_file(name) for name in names):
        raise UsageError(
            f"The archive has no CSV or Parquet file, only {', '.join(names[:3])}.",
            where=str(path),
            next_step="Unpack what is in it and name its files; nothing was written.",
        )


def _copy(source: IO[bytes], target: IO[bytes], path: Path) -> None:
    """Copy a member of an archive up to the maximum size of a bill."""
    left = _LARGEST_MEMBER
    while chunk := source.read(1 << 20):
        left -= len(chunk)
        if left < 0:
            raise UsageError(
                f"The archive has a file of more than {_LARGEST_MEMBER >> 30} GiB.",
                where=str(path),
                next_step="Unpack it and name its files; nothing was written.",
            )
        target.write(chunk)


def _label(path: Path, unpacked: Path) -> str:
    """Return a file's label in messages: its path, or its archive name."""
    return str(path.relative_to(unpacked) if path.is_relative_to(unpacked) else path)


def _no_bill(named: Sequence[Path], left_out: Sequence[FileReport]) -> UsageError:
    if not left_out:
        return UsageError(
            "There is no file.",
            where=", ".join(str(path) for path in named),
            next_step="Name a bill, or a folder with bills; nothing was written.",
        )
    lines = " ".join(report.line for report in left_out)
    advice = next((report.next_step for report in left_out if report.next_step), "")
    return UsageError(
        f"None of the files is a bill that can be loaded. {lines}",
        next_step=f"{advice} Nothing was written.".strip(),
    )


def _free_name(folder: Path, name: str) -> Path:
    stem, dot, suffix = name.partition(".")
    candidates = [name, *(f"{stem}_{number}{dot}{suffix}" for number in range(2, 1000))]
    return next(folder / each for each in candidates if not (folder / each).exists())


def _currency(reports: Iterable[FileReport]) -> str:
    costs: dict[str, Decimal] = {}
    for report in reports:
        for code, cost in report.costs.items():
            costs[code] = costs.get(code, Decimal(0)) + abs(cost)
    return max(costs, key=lambda code: (costs[code], code))
