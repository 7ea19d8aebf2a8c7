"""Acts on budgets: enter a line or import a file for a source to read.

The file stays the truth. A line for a month and scope that the file has already takes
its place; others are added at its end.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ingest.engine.row_checks import is_known_currency
from triptych.acts.deed import Deed, Draft
from triptych.acts.filling import NUMBER
from triptych.acts.roles import FINANCE
from triptych.acts.settings_files import GENERAL, judged_edits, read_text
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.core.settings.loading import CATALOG_FILE
from triptych.core.spreadsheet_text import FORMULA_SIGNS
from triptych.discovery.yaml_insertion import NewEntry, with_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from triptych.acts.deed import Filling, Site

_COLUMNS: Final = (
    *("budget_month", "scope_type", "scope_id", "budget_amount", "currency"),
)
_OTHER_NAMES: Final = {
    "month": "budget_month",
    "billing_month": "budget_month",
    "amount": "budget_amount",
    "budget": "budget_amount",
}
_SCOPES: Final = ("all", "cost_center", "team", "feature", "model", "platform")
#: Other spellings that the marts read as the same scope.
_OTHER_SCOPES: Final = {
    **dict.fromkeys(("everything", "total", "organisation", "organization"), "all"),
    **dict.fromkeys(("cost_centre", "costcenter", "costcentre"), "cost_center"),
    **{f"{name}_id": name for name in ("team", "feature", "model", "platform")},
}
_MONTH = re.compile(r"\d{4}-\d{2}(-\d{2})?", re.ASCII)
#: Month, kind of scope, scope.
_Key: TypeAlias = tuple[str, str, str]
#: Ids of the catalogue that a refusal names.
_NAMED: Final = 5
_DEFAULT_FILE: Final = "budgets.csv"
_EFFECT: Final = "The next run compares cost with it."


def _draft_line(site: Site, filling: Filling) -> Draft:
    is_all = filling.text("scope_type") == "all"
    row = {
        "budget_month": filling.text("month"),
        "scope_type": filling.text("scope_type"),
        "scope_id": filling.text("scope_id") or ("all" if is_all else ""),
        "budget_amount": filling.text("amount"),
        "currency": filling.text("currency").upper() or site.settings.currency,
    }
    scope = "everything" if is_all else f"{row['scope_type']} {row['scope_id']}"
    says = (
        f"Budget of {scope} for {row['budget_month']}:"
        f" {row['currency']} {row['budget_amount']}."
    )
    return _draft(site, [_judged(row, "the form", _declared(site))], says)


def _draft_file(site: Site, filling: Filling) -> Draft:
    declared = _declared(site)
    rows = [
        _judged(row, where, declared)
        for where, row in _rows(filling.files["file"], site.settings.currency)
    ]
    months = sorted({row["budget_month"] for row in rows})
    says = f"{len(rows):,} budgets are imported, {months[0]} to {months[-1]}."
    return _draft(site, rows, says)


def _draft(site: Site, rows: Sequence[dict[str, str]], says: str) -> Draft:
    root = site.workspace.root
    name, is_configured = _file_of(site)
    texts = {name: _merged(read_text(root, name), rows, name)}
    if not is_configured:
        source = {
            "name": "budgets",
            "type": "tables",
            "stream": "budgets",
            "path": name,
        }
        general = read_text(root, GENERAL)
        entry = [NewEntry(source)]
        texts[GENERAL] = with_entries(general, "sources", entry, where=GENERAL)
    return Draft(
        says=says,
        did=says,
        effect=_EFFECT,
        edits=judged_edits(root, texts),
        about="budgets",
    )


def _file_of(site: Site) -> tuple[str, bool]:
    """Return the file that budgets are read from, and if a source reads it."""
    for source in site.settings.sources:
        options: dict[str, Any] = dict(source.options)
        if source.type != "tables" or options.get("stream") != "budgets":
            continue
        path = str(options.get("path", ""))
        if not path.endswith(".csv") or "mapping" in options or "*" in path:
            raise UsageError(
                f"Source {source.name!r} reads budgets in columns or files of its own.",
                where=f"{GENERAL}:{source.line}",
                next_step="Change them where they come from.",
            )
        return path, True
    return _DEFAULT_FILE, False


def _declared(site: Site) -> Mapping[str, frozenset[str]]:
    """Return the ids of each kind of scope that the catalogue declares."""
    catalog = site.settings.catalog
    return {
        "cost_center": frozenset(entry.id for entry in catalog.cost_centers),
        "team": frozenset(entry.id for entry in catalog.teams),
        "feature": frozenset(entry.id for entry in catalog.features),
        "model": frozenset(entry.id for entry in catalog.models),
        "platform": frozenset(entry.id for entry in catalog.platforms),
    }


def _rows(content: bytes, currency: str) -> Iterable[tuple[str, dict[str, str]]]:
    """Yield where each line of a file is, and its cells by their column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            "The file is not UTF-8 text.", next_step="Save it as CSV in UTF-8."
        ) from None
    reader = csv.DictReader(io.StringIO(text))
    named = {
        header: _OTHER_NAMES.get(header.strip().lower(), header.strip().lower())
        for header in reader.fieldnames or ()
    }
    missing = set(_COLUMNS[:-1]) - set(named.values())
    if missing:
        raise UsageError(
            f"The file lacks the column {min(missing)}.",
            next_step=f"It needs {', '.join(_COLUMNS[:-1])}, and may have currency.",
        )
    count = 0
    for count, line in enumerate(reader, start=1):
        if None in line or None in line.values():
            raise UsageError(
                "The line has other cells than the header has columns.",
                where=f"the imported file, row {count}",
                next_step="Write amounts without separators, such as 12000.00.",
            )
        row = {named[key]: value.strip() for key, value in line.items()}
        row["currency"] = row.get("currency", "").upper() or currency
        kept = {column: row[column] for column in _COLUMNS}
        yield f"the imported file, row {count}", kept
    if not count:
        raise UsageError("The file has no budget.", next_step="Add one line at least.")


def _judged(
    row: dict[str, str], where: str, declared: Mapping[str, frozenset[str]]
) -> dict[str, str]:
    """Return a line of budgets that nothing is wrong with."""
    problems = []
    if not _is_month(row["budget_month"]):
        problems.append(f"{row['budget_month']!r} is no month, such as 2026-09")
    if row["scope_type"] not in _SCOPES:
        problems.append(f"{row['scope_type']!r} is not one of {', '.join(_SCOPES)}")
    if not row["scope_id"]:
        kind = row["scope_type"].replace("_", " ")
        problems.append(f"the id of the {kind} is missing")
    elif row["scope_id"].startswith(FORMULA_SIGNS):
        problems.append(f"{row['scope_id']!r} would be a formula in a spreadsheet")
    else:
        problems += _unknown_scope(row, declared)
    if not NUMBER.fullmatch(row["budget_amount"]):
        problems.append(f"{row['budget_amount']!r} is no amount, such as 12000.00")
    elif row["budget_amount"].startswith("-"):
        problems.append(f"{row['budget_amount']} is below zero, and no budget is")
    if not is_known_currency(row["currency"]):
        problems.append(f"{row['currency']!r} is no currency, such as EUR")
    if problems:
        raise UsageError(
            f"{problems[0]}.", where=where, next_step="Correct it; nothing was written."
        )
    return row


def _unknown_scope(
    row: dict[str, str], declared: Mapping[str, frozenset[str]]
) -> list[str]:
    """Return the problem of a scope that the catalogue does not declare, if any.

    A kind that it declares none of is named by tags alone.
    """
    ids = declared.get(row["scope_type"], frozenset())
    if not ids or row["scope_id"] in ids:
        return []
    kind = row["scope_type"].replace("_", " ")
    known = ", ".join(sorted(ids)[:_NAMED])
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return [
        f"{CATALOG_FILE} declares no {kind} {row['scope_id']!r}, only {known}{more}"
    ]


def _is_month(text: str) -> bool:
    if not _MONTH.fullmatch(text):
        return False
    try:
        date.fromisoformat(text if text.count("-") == 2 else f"{text}-01")  # noqa: PLR2004
    except ValueError:
        return False
    return True


def _merged(text: str, rows: Sequence[dict[str, str]], name: str) -> str:
    """Return the file with rows in the place of those of the same month and scope."""
    # Spreadsheets begin a file with a mark, and it stays.
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = list(csv.reader(io.StringIO(text.removeprefix(mark))))
    header = lines[0] if lines else list(_COLUMNS)
    if sorted(header) != sorted(_COLUMNS):
        raise UsageError(
            f"{name} has columns of its own: {', '.join(header)}.",
            where=f"{name}:1",
            next_step="Change it by hand.",
        )
    fresh: dict[_Key, list[list[str]]] = {}
    for row in rows:
        fresh.setdefault(_key(row), []).append([row[column] for column in header])
    replaced, body = set(fresh), []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise UsageError(
                "The line has other cells than the header has columns.",
                where=f"{name}:{number}",
                next_step="Change it by hand; nothing was written.",
            )
        key = _key(dict(zip(header, line, strict=True)))
        body += fresh.pop(key, []) if key in replaced else [line]
    body += [line for added in fresh.values() for line in added]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([header, *body])
    return mark + written.getvalue()


def _key(row: dict[str, str]) -> _Key:
    """Return month and scope as the marts read them; equal keys are summed."""
    word = re.sub(r"[ -]", "_", row["scope_type"].strip().lower())
    kind = _OTHER_SCOPES.get(word, word)
    scope = "all" if kind == "all" else row["scope_id"].strip()
    return row["budget_month"].strip()[:7], kind, scope


DEEDS: Final = (
    Deed(
        Act(
            "enter_budget",
            "Enter a budget",
            (
                ActField("month", "Month", help="Such as 2026-09."),
                ActField("scope_type", "Budget of", choices=_SCOPES),
                ActField("scope_id", "Its id", is_required=False),
                ActField("amount", "Amount", "number", help="Such as 12000.00."),
                ActField("currency", "Currency", is_required=False),
            ),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_line,
    ),
    Deed(
        Act(
            "import_budgets",
            "Import budgets",
            (
                ActField(
                    *("file", "CSV file", "file"),
                    help="budget_month, scope_type, scope_id, budget_amount, currency",
                ),
            ),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_file,
    ),
)
