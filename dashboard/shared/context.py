"""Content of a page: a run, a selection, and the addresses of figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from dashboard.shared import filters, gaps, selection_queries
from dashboard.shared import format as fmt
from triptych.core.warehouse.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.warehouse.reader import Snapshot

#: Condition of a figure's address on a column; see :meth:`Figure.of`.
Where: TypeAlias = "str | Sequence[str] | None"
#: Key of a session for the page that it draws.
STATE_KEY: Final = "page"
#: Owner of a figure that no scope narrows.
ORGANISATION: Final = "whole organisation"
_SCOPE_COLUMNS = {
    "model": "model_id",
    "team": "team_id",
    "cost centre": "cost_center",
}


@dataclass(frozen=True, slots=True)
class Stated:
    """An amount stated on a page: its label, and its address."""

    label: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a figure.

    ``figures`` are the amounts that the page states of it, by their addresses. Without
    a ``row_count``, the rows of the mart are those of the table above.
    """

    formula: str
    mart: str
    row_count: int | None = None
    figures: tuple[Stated, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Content of a page: a single run, a single selection."""

    snapshot: Snapshot
    run: selection_queries.Run
    selection: selection_queries.Selection
    standing: selection_queries.Standing
    drawn_keys: Counter[str] = field(default_factory=Counter, repr=False)

    @property
    def currency(self) -> str:
        """Currency of every amount on the page."""
        return self.selection.currency

    def at_least(self, amount: gaps.Amount = None) -> str:
        """Return words before an amount that missing data could change."""
        return "at least " if self.standing.is_material(amount) else ""

    @property
    def period(self) -> str:
        """The period in words."""
        return fmt.period(self.selection.period.label)

    @property
    def prior_period(self) -> str:
        """The period before in words."""
        return fmt.period(self.selection.period.prior_label or "")

    @property
    def compared_period(self) -> str:
        """Return the period before in words: all of it if this is not over.

        It is marked when its gaps could change the comparison.
        """
        whole = "" if self.standing.is_over else "all of "
        lacks = self.not_complete(*self.selection.period.prior_months)
        return f"{whole}{self.prior_period}{lacks}"

    def not_complete(self, *months: str) -> str:
        """Return words after other months with gaps that could change their cost."""
        if not months:
            return ""
        period = selection_queries.Period(months[-1], months)
        chosen = replace(self.selection, period=period)
        is_material = selection_queries.standing(self.snapshot, chosen).is_material()
        return " (not complete)" if is_material else ""

    @property
    def is_last_month_over(self) -> bool:
        """Return True if the last charged month is over; a quarter may run on."""
        month = max(self.selection.period.months)
        return selection_queries.is_over(self.snapshot, month)

    @property
    def scope(self) -> str:
        """The scope in words."""
        of = self.selection
        return filters.scope_in_words(self.snapshot, of.scope_kind, of.scope_id)

    @property
    def organisation_prefix(self) -> str:
        """Return the prefix of sentences on the whole organisation under a scope."""
        return "" if self.selection.covers_everything else "Whole organisation: "

    def organisation_label(self, label: str) -> str:
        """Return the label of a tile that no scope narrows."""
        return self.tile_label(
            label if self.selection.covers_everything else f"{label} · {ORGANISATION}"
        )

    @property
    def coverage(self) -> str:
        """Return coverage in words: a part without amount is covered by nothing."""
        text = fmt.coverage(self.standing.coverage_ratio)
        known = self.standing.coverage_ratio is not None
        return f"at most {text}" if known and self.standing.is_material() else text

    @property
    def without_ai_cost(self) -> str:
        """Return the note for a period without AI cost; else an empty string."""
        if not selection_queries.lacks_ai_cost(self.snapshot, self.selection):
            return ""
        return f"No charge of {self.period} is AI cost yet"

    def table_caption(self, caption: str) -> str:
        """Return the caption of a table, marked when data is missing."""
        end = (
            "; not complete: costs are at least" if self.standing.is_material() else ""
        )
        return f"{caption}{end}"

    def drawn(self, *, period: str = "", basis: str = "", scope: str = "") -> str:
        """Describe the data of a cost chart: the selection, with overrides.

        It is marked, too, when data is missing.
        """
        chosen = (period or self.period, basis or self.selection.basis.lower())
        return self.table_caption(" \u00b7 ".join((*chosen, scope or self.scope)))

    def tile_label(self, label: str) -> str:
        """Return a tile's label, marked when a source is stale."""
        return f"{label} · stale" if self.standing.stale_sources else label

    def total_label(self, label: str, amount: gaps.Amount = None) -> str:
        """Return the label of an amount that missing data could change.

        Without ``amount`` missing data is held against the whole period.
        """
        is_material = self.standing.is_material(amount)
        return self.tile_label(f"{label}, at least" if is_material else label)

    def figure(self, label: str, address: str, /, **where: Where) -> Stated:
        """Return an amount that the page states, with its address.

        Parameters
        ----------
        label : str
            Label of the amount beside its command.
        address : str
            ``schema.mart/column``.
        **where
            Conditions in addition to the months and the currency, or in their place; an
            empty tuple removes a condition.
        """
        mart, column = address.split("/")
        conditions: dict[str, Where] = {
            "billing_month": self.selection.period.months,
            "currency": self.currency,
        }
        kept = {k: v for k, v in {**conditions, **where}.items() if v != ()}
        return Stated(label, Figure.of(mart, column, kept))

    def scoped_figure(self, label: str, address: str, /, **where: Where) -> Stated:
        """Return an amount of the scope above, of a mart that has its column."""
        if self.selection.covers_everything:
            return self.figure(label, address, **where)
        scope = {_SCOPE_COLUMNS[self.selection.scope_kind]: self.selection.scope_id}
        return self.figure(label, address, **{**where, **scope})

    def next_key(self, name: str) -> str:
        """Return a key for a widget that a page draws more than once.

        It depends on widgets of that name only, not on others that are open.
        """
        self.drawn_keys[name] += 1
        return f"{name}-{self.drawn_keys[name]}"
