"""Content of a board pack: pages of parts that PDF and XLSX both write.

A part keeps numbers as numbers, with the format of each; text is Markdown of the kind
that pages use, with ``**`` and escapes, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dashboard.shared import format as fmt
from dashboard.shared.tables import Column, holds_money, is_number, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.exports.board_pack.drawings import Drawing
    from dashboard.exports.provenance import Provenance
    from dashboard.pages.summary.figures import Tile

_BOLD = re.compile(r"(?<!\\)\*\*")
_EMPHASIS = re.compile(r"(?<!\\)\*")
_ESCAPED = re.compile(r"\\(.)")
_CODE = re.compile(r"(?<!\\)`")
#: Columns of a net value, wherever it has an interval.
NET_VALUE = (
    Column("net_value", "Net value", "estimate"),
    Column("net_value_low_90", "90 % from", "estimate"),
    Column("net_value_high_90", "90 % to", "estimate"),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """Name of the parts that follow."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraph; a quiet paragraph is small and explains how to read a part."""

    markdown: str
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences beneath each other."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tiles:
    """Figures side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures; the first ``printed`` of them fit on paper.

    The workbook has all of them, and also the columns ``in_workbook``. ``totals`` are
    positions of rows that are sums, and the text added to their names where something
    is missing. ``widths`` are parts of the width of the page, an entry for each printed
    column.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Any], ...]
    printed: int = 0
    widths: tuple[float, ...] = ()
    totals: Mapping[int, str] = field(default_factory=dict)
    in_workbook: tuple[Column, ...] = ()

    def texts(self, currency: str) -> list[list[str]]:
        """Return the printed rows as they are written."""
        return [
            [
                written(row.get(column.name), column, currency, row)
                for column in self.columns
            ]
            for row in self.rows[: self.printed]
        ]

    def of_partial_month(self, caption: str) -> Table:
        """Return the table of a month that lacks something, under another caption."""
        if not holds_money(self.columns):
            return self
        named = next(column.name for column in self.columns if not is_number(column))
        rows = tuple(
            row | {named: f"{row[named]}{self.totals.get(position, '')}"}
            if position in self.totals
            else row
            for position, row in enumerate(self.rows)
        )
        return replace(self, caption=caption, rows=rows)


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, drawn with lines and areas.

    ``figures`` are those that it draws, for the workbook, unless a table beside it has
    them.
    """

    caption: str
    drawing: Drawing
    figures: Table | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """Columns of parts, side by side on paper and beneath each other in a sheet."""

    columns: tuple[tuple[Part, ...], ...]
    are_boxed: bool = False


Part: TypeAlias = Heading | Text | Bullets | Tiles | Table | Picture | Beside


@dataclass(frozen=True, slots=True)
class PackPage:
    """A page of the PDF and a sheet of the workbook."""

    title: str
    sheet: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class BoardPack:
    """Month for the board: its provenance and its pages."""

    provenance: Provenance
    pages: tuple[PackPage, ...]

    @property
    def title(self) -> str:
        """Title of the pack."""
        return f"Board pack, {fmt.month(self.provenance.billing_month)}"


def spans(markdown: str) -> list[tuple[str, bool]]:
    """Return text in pieces, each with whether it is bold."""
    pieces = _BOLD.split(markdown)
    return [(_bare(one), n % 2 == 1) for n, one in enumerate(pieces) if one]


def plain(markdown: str) -> str:
    """Return text without marks and escapes."""
    return "".join(text for text, _ in spans(markdown))


def _bare(text: str) -> str:
    return _ESCAPED.sub(r"\1", _CODE.sub("", _EMPHASIS.sub("", text)))


def flattened(parts: Sequence[Part]) -> list[Part]:
    """Return parts beneath each other, without columns."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Beside):
            for column in part.columns:
                found += flattened(column)
        else:
            found.append(part)
    return found
