"""The act that brings invoices: a CSV file, and a source that reads its folder."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from ingest.streams import STREAMS
from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE
from triptych.acts.settings_files import GENERAL, judged_edits, read_text
from triptych.acts.uploads import new_file
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.discovery.yaml_insertion import NewEntry, with_entries

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site

_INVOICES: Final = "invoices"
_GUIDE: Final = "docs/how_to/invoices.md"


def _draft_invoices(site: Site, filling: Filling) -> Draft:
    folder, is_configured = _folder(site)
    change = new_file(site, filling, folder)
    if not change.name.lower().endswith(".csv"):
        raise UsageError(
            f"{PurePosixPath(change.name).name!r} is not the name of a CSV file.",
            next_step="Give it a name that ends in .csv; no run reads it else.",
        )
    count = _judged(filling.files["file"])
    texts = {}
    if not is_configured:
        source = {
            "name": _INVOICES,
            "type": "tables",
            "stream": _INVOICES,
            "path": _INVOICES,
        }
        general = read_text(site.workspace.root, GENERAL)
        entry = [NewEntry(source)]
        texts[GENERAL] = with_entries(general, "sources", entry, where=GENERAL)
    name = PurePosixPath(change.name).name
    return Draft(
        says=f"{name} is put into {folder}: it has {count:,} rows of invoices.",
        did=f"{name} is in {folder}.",
        effect="The next run compares them with the ledger.",
        edits=(change, *judged_edits(site.workspace.root, texts)),
        about=f"file:{change.name}",
    )


def _folder(site: Site) -> tuple[str, bool]:
    """Return the folder that invoices are read from, and if a source reads it."""
    for source in site.settings.sources:
        options: dict[str, Any] = dict(source.options)
        if source.type != "tables" or options.get("stream") != _INVOICES:
            continue
        path = str(options.get("path", ""))
        if PurePosixPath(path).suffix or "*" in path or "mapping" in options:
            raise UsageError(
                f"Source {source.name!r} reads invoices in a form of its own.",
                where=f"{GENERAL}:{source.line}",
                next_step=f"Put the file where it reads: {path or 'its database'}.",
            )
        return path, True
    return _INVOICES, False


def _judged(content: bytes) -> int:
    """Return how many lines a file has, if it has all that an invoice needs."""
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        raise UsageError(
            "The file is no CSV in UTF-8.", next_step="Save it as CSV in UTF-8."
        ) from None
    header = {cell.strip().casefold() for cell in lines[0]} if lines else set()
    for column in STREAMS[_INVOICES].columns:
        names = {name.casefold() for name in (column.name, *column.aliases)}
        if column.is_required and not names & header:
            raise UsageError(
                f"The file lacks the column {column.name}.",
                next_step=f"{_GUIDE} lists the columns; nothing was written.",
            )
    rows = [line for line in lines[1:] if line]
    if not rows:
        raise UsageError("The file has no invoice.", next_step="Add one line at least.")
    return len(rows)


DEEDS: Final = (
    Deed(
        Act(
            "upload_invoices",
            "Upload invoices",
            (
                ActField(
                    *("file", "CSV file", "file"),
                    help="invoice_id, billing_period_start, currency, invoiced_amount",
                ),
                ActField("name", "Name", is_required=False),
            ),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_invoices,
    ),
)
