"""What every page has in common: its run, its selection, and its states."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import streamlit as st

from dashboard import access, data, explaining, filters, gap_chip
from dashboard import format as fmt
from triptych.errors import TriptychError
from triptych.warehouse.figures import Figure
from triptych.warehouse.reader import NothingPublishedError, PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from triptych.warehouse.reader import Snapshot

#: What a figure's address says of a column; see :meth:`Figure.of`.
Where: TypeAlias = "str | Sequence[str] | None"

_LOG = logging.getLogger(__name__)
_STATE_KEY = "page"
_POLL_SECONDS = 15
_MAX_REASON = 300
_SYNTHETIC = ":violet-badge[SYNTHETIC] A simulated company. None is real."
_SCOPE_COLUMNS = {
    "model": "model_id",
    "team": "team_id",
    "cost centre": "cost_center",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a figure comes from.

    ``figures`` are the amounts that the page states of it, by their addresses.
    """

    formula: str
    mart: str
    row_count: int
    figures: tuple[explaining.Stated, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What a page may show: one run, one selection."""

    snapshot: Snapshot
    run: data.Run
    selection: data.Selection
    standing: data.Standing
    numbers: Iterator[int] = field(default_factory=count, repr=False)

    @property
    def currency(self) -> str:
        """Currency of every amount on the page."""
        return self.selection.currency

    def at_least(self, amount: data.Amount = None) -> str:
        """Words before an amount that what is missing could change."""
        return "at least " if self.standing.is_material(amount) else ""

    @property
    def period(self) -> str:
        """The period in words."""
        return fmt.month(self.selection.period.label)

    @property
    def prior_period(self) -> str:
        """The period before in words."""
        return fmt.month(self.selection.period.prior_label or "")

    @property
    def scope(self) -> str:
        """The scope in words."""
        if self.selection.covers_everything:
            return filters.EVERYTHING
        return f"{self.selection.scope_kind} {self.selection.scope_id}"

    @property
    def of_organisation(self) -> str:
        """What is said of a figure that no scope narrows; nothing without a scope."""
        if self.selection.covers_everything:
            return ""
        return f", whole organisation and not {fmt.markdown(self.scope)}"

    @property
    def organisation_prefix(self) -> str:
        """How a sentence on the whole organisation begins under a scope."""
        return "" if self.selection.covers_everything else "Whole organisation: "

    def organisation_label(self, label: str) -> str:
        """Return the label of a tile that no scope narrows."""
        return self.tile_label(
            label
            if self.selection.covers_everything
            else f"{label} · whole organisation"
        )

    @property
    def coverage(self) -> str:
        """Coverage in words: what has no amount is covered by nothing."""
        text = fmt.coverage(self.standing.coverage_ratio)
        known = self.standing.coverage_ratio is not None
        return f"at most {text}" if known and self.standing.is_material() else text

    def table_caption(self, caption: str) -> str:
        """Return the caption of a table, which says when something is missing."""
        end = (
            "; not complete: costs are at least" if self.standing.is_material() else ""
        )
        return f"{caption}{end}"

    def tile_label(self, label: str) -> str:
        """Return a tile's label, which says so when a source is stale."""
        return f"{label} · stale" if self.standing.stale_sources else label

    def total_label(self, label: str, amount: data.Amount = None) -> str:
        """Return the label of an amount that what is missing could change.

        Without ``amount`` what is missing is held against the whole period.
        """
        is_material = self.standing.is_material(amount)
        return self.tile_label(f"{label}, at least" if is_material else label)

    def figure(self, label: str, address: str, /, **where: Where) -> explaining.Stated:
        """Return an amount that the page states, with its address.

        Parameters
        ----------
        label : str
            What the amount is called beside its command.
        address : str
            ``schema.mart/column``.
        **where
            Conditions besides the months and the currency, or in their place; an
            empty tuple takes one away.
        """
        mart, column = address.split("/")
        conditions: dict[str, Where] = {
            "billing_month": self.selection.period.months,
            "currency": self.currency,
        }
        kept = {k: v for k, v in {**conditions, **where}.items() if v != ()}
        return explaining.Stated(label, Figure.of(mart, column, kept))

    def scoped_figure(
        self, label: str, address: str, /, **where: Where
    ) -> explaining.Stated:
        """Return an amount of the scope above, of a mart that has its column."""
        if self.selection.covers_everything:
            return self.figure(label, address, **where)
        scope = {_SCOPE_COLUMNS[self.selection.scope_kind]: self.selection.scope_id}
        return self.figure(label, address, **{**where, **scope})

    def next_key(self, name: str) -> str:
        """Return a key for a widget that a page draws more than once."""
        return f"{name}-{next(self.numbers)}"

    def show_origin(self, origin: Origin) -> None:
        """Offer where a figure comes from, and the way to its source rows."""
        explaining.show(self, origin)


def current(file: str) -> Page:
    """Return what the router prepared for the page that runs now.

    Parameters
    ----------
    file : str
        ``__file__`` of the page: it asks for itself whether it may be shown.

    Raises
    ------
    NotPermittedError
        It is not for whoever looks, whatever the router thought.
    """
    access.require_page(file)
    page: Page = st.session_state[_STATE_KEY]
    return page


def link_to(name: str, *, label: str) -> None:
    """Draw a link to another page, or its words alone where it is not for them."""
    if access.visitor().may_open(name):
        st.page_link(f"views/{name}.py", label=label)
    else:
        st.markdown(label)


def prepare(
    snapshot: Snapshot, looking: access.Visitor, *, with_delivery: bool = False
) -> bool:
    """Draw what stands above every page; return whether there is anything to show.

    ``with_delivery`` lets the bar choose what ships without a bill too.
    """
    run = data.run(snapshot)
    if run.is_synthetic:
        _show_watermark()
    note = _SYNTHETIC if run.is_synthetic else ""
    if looking.cost_centers is not None:
        _show_limits(looking.cost_centers)
    selection = filters.bar(snapshot, note, with_delivery=with_delivery)
    if selection is None:
        st.markdown(note)
        _show_no_charges(run)
        return False
    standing = data.standing(snapshot, selection)
    page = Page(snapshot, run, selection, standing)
    st.session_state[_STATE_KEY] = page
    _show_standing(page)
    return True


def _show_limits(cost_centers: tuple[str, ...]) -> None:
    """Say that what is shown is not all there is."""
    noun = "cost centre" if len(cost_centers) == 1 else "cost centres"
    st.info(
        f"You see {noun} **{fmt.markdown(', '.join(cost_centers))}** only. What belongs"
        " to others or to none is in no figure here, and in no total."
    )


@contextmanager
def told_in_words() -> Iterator[None]:
    """Tell what fails inside in one paragraph; the traceback goes to the log."""
    try:
        yield
    except NothingPublishedError as error:
        st.info(
            f"**Nothing has been published here yet.** {fmt.markdown(error.where)}"
            " has no published run. Run `triptych run`; this page fills by itself"
            " when it is done. To look around first, run `triptych demo`."
        )
    except TriptychError as error:
        _LOG.exception("The page cannot be shown.")
        st.error(f"**This page cannot be shown.** {fmt.markdown(str(error))}")
    except duckdb.Error as error:
        _LOG.exception("The published warehouse could not answer.")
        st.error(
            "**This page cannot be shown.** The published warehouse could not answer:"
            f" {fmt.markdown(_first_line(error))} Run `triptych build` to publish it"
            " again; earlier figures are not shown in its place."
        )
    except Exception:  # noqa: BLE001 - the last resort of a page, logged in full
        _LOG.exception("The page failed.")
        st.error(
            "**This page cannot be shown.** It failed in a way that was not expected."
            " The server's log has the details. Other pages may still work."
        )


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().splitlines()[0][:_MAX_REASON].rstrip(".") + "."


def pointed_at(reader: PublishedReader) -> Path | None:
    """Return the published file that the pointer names, if there is a pointer."""
    try:
        return reader.current_path()
    except (OSError, TriptychError):
        return None


@st.fragment(run_every=_POLL_SECONDS)
def watch(reader: PublishedReader, shown: Path | None) -> None:
    """Draw the page again when another run has been published."""
    if pointed_at(reader) != shown:
        st.rerun()


def _show_standing(page: Page) -> None:
    standing = page.standing
    is_in_doubt = standing.is_partial or standing.is_estimated
    colour = "orange" if is_in_doubt and not standing.is_closed else "green"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_state(page, colour)
        if standing.is_partial:
            gap_chip.show(page)
    if standing.stale_sources:
        _show_stale(standing)
    if page.currency != page.run.currency:
        st.info(
            f"These are charges in {page.currency} for which there is no exchange rate"
            f" to {page.run.currency}. They are in no figure in {page.run.currency}."
        )


def _show_state(page: Page, colour: str) -> None:
    """Draw how final the figures are, of which run and of what moment."""
    standing = page.standing
    st.markdown(
        f":{colour}-badge[{standing.label}] &nbsp;"
        f"Data as of **{fmt.moment(page.run.evidence_as_of)}** · "
        f"coverage **{page.coverage}** · "
        f"run **{fmt.markdown(page.run.run_id)}** · "
        f"{fmt.markdown(page.run.organisation)}",
        help="Coverage is the part of usage cost that rules and meters could place"
        " with a model, a team, a pool or a commitment. The rest is unallocated or"
        " remainder. Open: the period is not over. Estimated: an invoice is missing,"
        " is a draft or does not tie. Reconciled: every invoice ties. Locked: closed by"
        " two people, its figures no longer move. Restated: something came to light"
        " after it was closed, which is in the adjustments and not in its figures.",
        width="content",
    )


def _show_stale(standing: data.Standing) -> None:
    sources = "; ".join(
        f"{fmt.markdown(source)} (newest data {fmt.moment(newest)})"
        for source, newest in standing.stale_sources
    )
    st.warning(
        f"**Stale.** Older than expected: {sources}. Every figure below may still"
        " grow. *Data health* shows each source; run `triptych ingest` to refresh."
    )


def _show_watermark() -> None:
    # Drawn by the style sheet: it is decoration, and the badge above says the word.
    st.html(
        "<style>.watermark::before {content: 'SYNTHETIC'}</style>"
        '<div class="watermark" aria-hidden="true" style="position:fixed;inset:0;'
        "z-index:0;display:flex;align-items:center;justify-content:center;"
        "pointer-events:none;font-weight:800;font-size:min(16vw,13rem);"
        'letter-spacing:.06em;opacity:.035;transform:rotate(-24deg)"></div>'
    )


def _show_no_charges(run: data.Run) -> None:
    st.info(
        f"**No charges yet.** Run {fmt.markdown(run.run_id)} is published, but it has"
        " no charge in any month. Ingest a bill with `triptych ingest`, then run"
        " `triptych build`. `triptych check` says whether the sources can be reached."
    )
