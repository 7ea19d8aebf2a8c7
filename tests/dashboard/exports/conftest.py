"""Board packs of the warehouse by hand, which tests look at and none changes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

import openpyxl
import pypdf
import pytest

from dashboard.exports.board_pack import (
    read_pack,
    render_pack_pdf,
    render_pack_xlsx,
)
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import Variant, publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

    from dashboard.exports.board_pack.parts import BoardPack
    from dashboard.shared.selection_queries import Basis
    from triptych.core.warehouse.reader import Snapshot

MONTH: Final = "2026-09"


class Pages:
    """The words of each page, read when they are asked for.

    Parameters
    ----------
    content : bytes
        A PDF file.
    """

    def __init__(self, content: bytes) -> None:
        self._pages = pypdf.PdfReader(io.BytesIO(content)).pages
        self._words: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, place: int) -> str:
        """Return the words of a page without spaces: a line may break anywhere."""
        if place not in self._words:
            self._words[place] = squeezed(self._pages[place].extract_text())
        return self._words[place]


def squeezed(text: str) -> str:
    return "".join(text.replace("\u00a0", " ").split())


@dataclass(frozen=True)
class Printed:
    """A pack in all of its forms; each is made once."""

    root: Path
    snapshot: Snapshot
    pack: BoardPack

    @cached_property
    def pdf(self) -> bytes:
        return render_pack_pdf(self.pack)

    @cached_property
    def pages(self) -> Pages:
        return Pages(self.pdf)

    @cached_property
    def xlsx(self) -> bytes:
        return render_pack_xlsx(self.pack)

    @cached_property
    def book(self) -> Any:
        return openpyxl.load_workbook(io.BytesIO(self.xlsx))


#: Returns the pack of September of a warehouse by hand, made once for what is asked.
Prints = Callable[..., Printed]


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Prints:
    @cache
    def made(variant: Variant, has_returns: bool, factor: str, basis: Basis) -> Printed:
        root = tmp_path_factory.mktemp("printed")
        # The company that has returns is a simulated one.
        publish(root, variant, is_synthetic=has_returns, factor=factor)
        if has_returns:
            add_returns(root)
        return print_of(root, basis)

    def prints(
        variant: Variant = "normal",
        *,
        has_returns: bool = False,
        factor: str = "1",
        basis: Basis = "Amortised",
    ) -> Printed:
        return made(variant, has_returns, factor, basis)

    return prints


def print_of(root: Path, basis: Basis = "Amortised") -> Printed:
    """Return the pack of September of what is published now."""
    snapshot = PublishedReader(root).snapshot()
    return Printed(root, snapshot, read_pack(snapshot, MONTH, basis))


def row_of(sheet: Worksheet, name: str) -> list[Any]:
    """Return the cells of the first row that begins with a name."""
    return next(list(row) for row in sheet.iter_rows() if row[0].value == name)
