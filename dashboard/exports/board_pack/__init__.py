"""A month for the board: two pages and an annex as PDF, and the same as a workbook.

Every sentence and figure comes from the functions that the pages call, of a single
published run, so pack and pages agree by construction.
"""

from __future__ import annotations

from dashboard.exports.board_pack.pdf import render_pack_pdf
from dashboard.exports.board_pack.reading import read_pack
from dashboard.exports.board_pack.xlsx import render_pack_xlsx

__all__ = ["read_pack", "render_pack_pdf", "render_pack_xlsx"]
