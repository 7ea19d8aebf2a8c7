"""Gathers a board pack from the published run, with the functions that pages ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dashboard.exports.board_pack.budget_page import budget_page
from dashboard.exports.board_pack.effect_pages import delivery_page, return_page
from dashboard.exports.board_pack.evidence_page import evidence_page
from dashboard.exports.board_pack.money_pages import cost_page, summary_page
from dashboard.exports.board_pack.parts import Beside, BoardPack, Picture, Table
from dashboard.exports.board_pack.record_page import record_page
from dashboard.exports.provenance import provenance
from dashboard.shared import selection_queries
from dashboard.shared.context import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dashboard.exports.board_pack.parts import Part
    from triptych.core.warehouse.locks import ClosingMonth
    from triptych.core.warehouse.reader import Snapshot


def read_pack(
    snapshot: Snapshot,
    billing_month: str,
    basis: selection_queries.Basis,
    *,
    closing: ClosingMonth | None = None,
) -> BoardPack:
    """Return a month for the board.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    billing_month : str
        ``YYYY-MM``.
    basis : {'Amortised', 'Billed'}
        FOCUS EffectiveCost or BilledCost; budgets and forecasts are amortised always.
    closing : ClosingMonth, optional
        The close that the pack is rendered for.

    Raises
    ------
    UsageError
        It is no month, or it has no charges.
    """
    facts = provenance(snapshot, billing_month, basis, closing=closing)
    run = selection_queries.run(snapshot)
    period = next(
        one for one in selection_queries.periods(snapshot) if one.label == billing_month
    )
    selection = selection_queries.Selection(period, basis, run.currency)
    standing = selection_queries.standing(snapshot, selection)
    if closing is not None:
        standing = replace(standing, period_state="locked", adjustment_count=0)
    view = Page(snapshot, run, selection, standing)
    annex = (
        cost_page(view),
        budget_page(view),
        delivery_page(view),
        return_page(view),
        record_page(view, facts),
    )
    pages = (
        summary_page(view),
        evidence_page(view),
        *(replace(page, title=f"Annex: {page.title}") for page in annex),
    )
    return BoardPack(
        facts,
        tuple(
            replace(page, parts=tuple(_as_complete_as_known(view, page.parts)))
            for page in pages
        ),
    )


def _as_complete_as_known(view: Page, parts: Iterable[Part]) -> Iterator[Part]:
    """Yield parts with tables that note the month's gap, as on pages."""
    for part in parts:
        match part:
            case Table() if view.standing.is_material():
                yield part.of_partial_month(view.table_caption(part.caption))
            case Picture(figures=Table() as figures) if view.standing.is_material():
                caption = view.table_caption(figures.caption)
                yield replace(part, figures=figures.of_partial_month(caption))
            case Beside():
                columns = (tuple(_as_complete_as_known(view, c)) for c in part.columns)
                yield replace(part, columns=tuple(columns))
            case _:
                yield part
