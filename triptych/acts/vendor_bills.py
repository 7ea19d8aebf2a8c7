"""Bring a vendor's bill that no source knows: its columns are asked for and kept."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ingest.storage.files import column_names, is_data_file
from triptych.acts.deed import Deed, Draft
from triptych.acts.first_bill import with_currency
from triptych.acts.roles import INSIDE
from triptych.acts.settings_files import GENERAL, judged_edits, read_text
from triptych.acts.uploads import new_file
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.discovery.file_report import report_on
from triptych.discovery.ledger_sample import bench
from triptych.discovery.mapped_sources import source_of_mapping
from triptych.discovery.written_dates import DATE_ORDERS
from triptych.discovery.yaml_insertion import NewEntry, with_entries

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site
    from triptych.discovery.file_report import FileReport

#: Role of a column → the question for it.
_QUESTIONS: Final = {
    "day": "Column of the day",
    "amount": "Column of the amount",
    "currency": "Column of the currency",
    "service": "Column of the service",
    "model": "Column of the model",
    "account": "Column of the account",
}
_SEPARATORS: Final = (";", "\t", "|")


def _draft(site: Site, filling: Filling) -> Draft:
    report = _report(filling)
    if report.mapped is None or not report.is_ok:
        raise _refusal(report)
    known = {each.name: _written(each) for each in site.settings.sources}
    entry = source_of_mapping(report.mapped, known)
    change = new_file(site, filling, entry["path"])
    name = PurePosixPath(change.name).name
    kept = f"The source {entry['name']} reads it already."
    before = read_text(site.workspace.root, GENERAL)
    text, currency = with_currency(site, before, report.costs)
    if entry["name"] not in known:
        text = with_entries(text, "sources", [NewEntry(entry)], where=GENERAL)
        kept = f"The source {entry['name']} keeps the mapping for later bills."
    edits = (change,)
    if text != before:
        edits += judged_edits(site.workspace.root, {GENERAL: text})
    line = report.line.removeprefix(f"{report.label}: ")
    mapped = report.mapped.line
    return Draft(
        says=f"{name} is put into {entry['path']}. {line} {mapped} {kept}{currency}",
        did=f"{name} is in {entry['path']}.",
        effect="The next run reads it.",
        edits=edits,
        about=f"file:{change.name}",
    )


def _written(source: Any) -> dict[str, Any]:  # noqa: ANN401  (of any type)
    """Return the options of a source as they are compared with an entry."""
    return {**dict(source.options), "name": source.name, "type": source.type}


def _report(filling: Filling) -> FileReport:
    """Open the bill as the answers map it."""
    asked = (*_QUESTIONS, "dates", "vendor")
    answers = {role: filling.text(role) for role in asked if filling.text(role)}
    name = filling.text("name")
    with TemporaryDirectory(prefix="triptych-map-") as place, bench() as connection:
        path = Path(place) / PurePosixPath(name.replace("\\", "/")).name
        path.write_bytes(filling.files["file"])
        return report_on(connection, path, label=name, table="mapped", answers=answers)


def _refusal(report: FileReport) -> UsageError:
    if report.is_ok:
        return UsageError(
            f"{report.label} is known: {report.format}.",
            next_step="Bring it with “Upload a bill”.",
        )
    unclear = report.mapped.unclear if report.mapped else {}
    asked = [_QUESTIONS.get(role, "Dates are written") for role in unclear]
    if not asked and report.state == "not_read":
        asked = [_QUESTIONS["day"], _QUESTIONS["amount"]]
    next_step = f"Answer {', '.join(f'“{each}”' for each in asked)}." if asked else ""
    return UsageError(report.line, next_step=next_step or report.next_step)


def _columns(filling: Filling) -> tuple[str, ...]:
    """Return the columns of the file, whatever separates them."""
    name = PurePosixPath(filling.text("name").replace("\\", "/")).name
    if not is_data_file(name):
        return ()
    with TemporaryDirectory(prefix="triptych-map-") as place:
        path = Path(place) / name
        path.write_bytes(filling.files["file"])
        columns = column_names(path)
        marks = (m for m in _SEPARATORS if len(columns) == 1 and m in columns[0])
        mark = next(marks, ",")
        return tuple(column_names(path, delimiter=mark))


DEEDS: Final = (
    Deed(
        Act(
            "map_bill",
            "Map a vendor's bill",
            (
                ActField("file", "File", "file"),
                ActField(
                    *("name", "Name"),
                    help="Such as acme-2026-09.csv. Empty: as the file is called.",
                    is_required=False,
                ),
                *(
                    ActField(
                        *(role, question, "column"),
                        help="Empty: as the names of the columns say.",
                        is_required=False,
                    )
                    for role, question in _QUESTIONS.items()
                ),
                ActField(
                    *("dates", "Dates are written"),
                    choices=tuple(DATE_ORDERS),
                    is_required=False,
                ),
                ActField("vendor", "Vendor", is_required=False),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft,
        columns=_columns,
    ),
)
