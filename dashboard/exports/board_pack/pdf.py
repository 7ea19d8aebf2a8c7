"""A board pack as PDF: A4 pages with charts that are lines and areas."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typst

from dashboard.exports.board_pack.parts import (
    Beside,
    Bullets,
    Heading,
    Picture,
    Table,
    Text,
    Tiles,
    spans,
)
from dashboard.shared import format as fmt
from dashboard.shared.tables import is_number

if TYPE_CHECKING:
    from dashboard.exports.board_pack.parts import BoardPack, Part
    from dashboard.exports.provenance import Provenance

_FOLDER = Path(__file__).parent
_TEMPLATES = ("drawings.typ", "pack.typ")


def render_pack_pdf(pack: BoardPack) -> bytes:
    """Return the pack as PDF.

    Only the fonts that come with typst are used and the moment is the run's, so the
    same pack gives the same bytes on every machine.
    """
    template = b"\n".join((_FOLDER / name).read_bytes() for name in _TEMPLATES)
    return typst.compile(
        template,
        ignore_system_fonts=True,
        sys_inputs={"pack": json.dumps(_said(pack), ensure_ascii=False)},
        timestamp=pack.provenance.dated.replace(tzinfo=UTC),
        format="pdf",
    )


def _said(pack: BoardPack) -> dict[str, Any]:
    facts = pack.provenance
    return {
        "title": pack.title,
        "organisation": facts.organisation,
        "month": fmt.month(facts.billing_month),
        "basis": facts.basis,
        "state": facts.state,
        "coverage": facts.coverage,
        "as_of": fmt.moment(facts.evidence_as_of),
        "run": facts.run_id,
        "mark": facts.mark,
        "lacks": _gap(facts),
        "pages": [
            {
                "title": page.title,
                "parts": [_part(part, facts.currency) for part in page.parts],
            }
            for page in pack.pages
        ],
    }


def _gap(facts: Provenance) -> str:
    """Return the month's gap; immaterial gaps are named on the last page."""
    if not facts.gap.lacks or facts.gap.is_material():
        return facts.gap.note(is_material=True)
    return f"{facts.gap.size}, in no total. The last page names each."


def _part(  # noqa: PLR0911  (one for each kind)
    part: Part, currency: str
) -> dict[str, Any]:
    match part:
        case Heading():
            return {"kind": "heading", "text": part.text}
        case Text():
            return {
                "kind": "text",
                "spans": spans(part.markdown),
                "is_quiet": part.is_quiet,
            }
        case Bullets():
            return {"kind": "bullets", "items": [spans(item) for item in part.items]}
        case Tiles():
            return {
                "kind": "tiles",
                "tiles": [
                    {
                        "label": tile.label,
                        "value": tile.value,
                        "note": tile.note,
                        "change": tile.change or "",
                    }
                    for tile in part.tiles
                ],
            }
        case Picture():
            drawing = part.drawing
            return {
                "kind": "picture",
                "caption": part.caption,
                "drawing": drawing.kind,
                "height": drawing.height_mm,
                "content": drawing.content,
            }
        case Table():
            return _table(part, currency)
        case Beside():
            return {
                "kind": "beside",
                "are_boxed": part.are_boxed,
                "columns": [
                    [_part(one, currency) for one in column] for column in part.columns
                ],
            }


def _table(table: Table, currency: str) -> dict[str, Any]:
    more = len(table.rows) - table.printed
    return {
        "kind": "table",
        "is_printed": table.printed > 0,
        "caption": table.caption,
        "heads": [column.label for column in table.columns],
        "are_numbers": [is_number(column) for column in table.columns],
        "widths": list(table.widths),
        "rows": table.texts(currency),
        "totals": sorted(table.totals),
        "more": f"and {fmt.plural(more, 'row')} more, in the workbook"
        if more > 0
        else "",
    }
