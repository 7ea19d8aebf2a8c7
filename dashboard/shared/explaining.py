"""Behind a figure's "How": formula, mart, versions, loads, and its source rows."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import downloads, source_queries, tabs
from dashboard.shared import format as fmt
from dashboard.shared.context import Stated
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from streamlit.elements.lib.column_types import ColumnConfig

    from dashboard.shared.context import Origin, Page
    from triptych.core.warehouse.figures import Figure
    from triptych.core.warehouse.made_of import Load

_LISTED_LOADS = 4
_VERSION_DIGITS = 12
#: Headings of the columns of line items and source rows.
ROW_COLUMNS: dict[str, ColumnConfig | str | None] = {
    "charge_date": st.column_config.DateColumn("Day"),
    "charge_description": "Charge",
    "amount": st.column_config.NumberColumn("Cost", format="accounting"),
    "billing_currency": "Currency",
    "service_name": "Service",
    "resource_id": "Resource",
    "sku_id": "SKU",
    "consumed_quantity": "Quantity",
    "consumed_unit": "Unit",
    "component": "Component",
    "rule_name": "Rule",
    "source": "Source",
    "load_id": "Load",
    "source_uri": "Delivered as",
    "invoice_id": "Invoice",
}


def show(view: Page, origin: Origin) -> None:
    """Offer a figure's origin: a click to this, another to its rows."""
    key = view.next_key(f"how-{origin.mart}")
    part = st.popover(
        "How",
        icon=":material/info:",
        type="tertiary",
        key=key,
        on_change="rerun",
    )
    if not (part.open or tabs.is_whole()):
        return
    with part:
        is_asked = _show_facts(view, origin, key)
    if is_asked:
        show_sources(view, origin)


def _show_facts(page: Page, origin: Origin, key: str) -> bool:
    """Draw where a figure comes from; return whether its rows are asked for."""
    is_asked = False
    st.markdown(origin.formula)
    # First the parts that a phone shows first: the figure, its command, the way on.
    for stated in origin.figures:
        _show_stated(page, stated)
    if origin.figures:
        is_asked = st.button(
            "Source rows",
            key=f"source-rows-{key}",
            help="The line items and meter readings behind it, and what they add"
            " up to.",
        )
    st.markdown(f"{facts(page, origin)}\n- Terms: [glossary](glossary)")
    return is_asked


def facts(view: Page, origin: Origin) -> str:
    """Return the known facts of a figure's making, as a list in Markdown."""
    run = view.run
    made = source_queries.made_of(
        view.snapshot, origin.mart, view.selection.period.months
    )
    count = origin.row_count
    rows = "" if count is None else f", {fmt.plural(count, 'row')}"
    lines = [
        f"Mart: `{origin.mart}`{rows}",
        f"Run: `{run.run_id}`, triptych {run.triptych_version}",
        f"Selection: {view.period}, {view.selection.basis.lower()},"
        f" {view.currency}, {fmt.markdown(view.scope)}",
        f"Data as of {fmt.moment(run.evidence_as_of)}",
        f"Approved: {_approvals(view)}",
    ]
    if view.standing.is_partial:
        lines.append(f"Lacks: {fmt.markdown('; '.join(view.standing.gap.lacks))}")
    if made is None:
        lines.append("Versions and loads: not kept by this run")
    else:
        lines.append(f"Versions: {_versions(made)}")
        lines.append(f"Loads: {_loads(made.loads)}")
    return "\n".join(f"- {line}" for line in lines)


def _versions(made: source_queries.MadeOf) -> str:
    return ", ".join(
        f"{version.name.split(' (')[0]} `{version.version[:_VERSION_DIGITS]}`"
        for version in made.versions
    )


def _loads(loads: Sequence[Load]) -> str:
    listed = "; ".join(
        f"{fmt.markdown(load.source)} {load.stream} `{load.label}`,"
        f" {fmt.plural(load.row_count, 'row')}"
        for load in loads[:_LISTED_LOADS]
    )
    more = len(loads) - _LISTED_LOADS
    return f"{listed or 'none'}{f'; and {more} more' if more > 0 else ''}"


def _approvals(view: Page) -> str:
    """Describe who closed and approved each month, or that nobody has."""
    said = []
    for month, state, closer, approver in source_queries.sign_offs(
        view.snapshot, view.selection.period.months
    ):
        if closer is None:
            said.append(f"{fmt.month(month)} is {state}, not approved yet")
            continue
        said.append(
            f"{fmt.month(month)} is {state}, closed by {fmt.markdown(closer)},"
            f" approved by {fmt.markdown(approver or 'nobody')}"
        )
    return "; ".join(said) or "by nobody yet"


def _show_stated(view: Page, stated: Stated) -> None:
    value = source_queries.figure_value(view.snapshot, stated.figure)
    st.markdown(f"{stated.label}: **{exact(view, stated.figure, value)}**")
    st.code(command(stated.figure), language=None, wrap_lines=True)


def command(figure: Figure) -> str:
    """Return the command that explains a figure, to copy into a shell."""
    return f"triptych explain {shlex.quote(str(figure))}"


def exact(view: Page, figure: Figure, value: Decimal | float | None) -> str:
    """Return a value with every digit, with its currency if it is money."""
    if value is None:
        return fmt.unknown("not known")
    is_money = any(part in figure.column for part in ("cost", "amount"))
    if isinstance(value, Decimal) and is_money:
        currency = figure.condition("currency")
        own = currency.values[0] if currency else view.currency
        at_least = view.at_least(value) if figure.is_cost else ""
        return fmt.markdown(f"{at_least}{fmt.money_exact(value, own)}")
    return f"{value:f}" if isinstance(value, Decimal) else f"{value}"


@st.dialog("Source rows", width="large")
def show_sources(view: Page, origin: Origin) -> None:
    """Draw the rows of evidence behind the figures of a popover."""
    made = source_queries.made_of(
        view.snapshot, origin.mart, view.selection.period.months
    )
    if made is None:
        st.info("This run was published without its loads. Run `triptych build`.")
        return
    charges = [f"Charges: {one.label}" for one in origin.figures]
    others = filter(view.snapshot.shows_rows_of, made.other_streams)
    options = [*(charges if made.has_bills else ()), *others, "Loads"]
    chosen = st.segmented_control(
        "Rows of", options, default=options[0], required=True, key="source_rows_of"
    )
    try:
        if chosen in charges:
            _show_charges(view, origin.figures[charges.index(chosen)])
        elif chosen == "Loads":
            ids = tuple(load.load_id for load in made.loads)
            _show_table(
                view, source_queries.current_loads(view.snapshot, ids), "source-loads"
            )
        else:
            _show_evidence(view, str(chosen), made.loads)
    except TriptychError as error:
        st.info(fmt.markdown(str(error)))


def _show_charges(view: Page, stated: Stated) -> None:
    figure = stated.figure
    with st.spinner("Reading line items \u2026"):
        added = source_queries.added_up(view.snapshot, figure, view.run.currency)
        items = source_queries.charges_behind(view.snapshot, figure)
    value = source_queries.figure_value(view.snapshot, figure)
    published = exact(view, figure, value)
    rows = items.to_pylist()
    totals = {row["billing_currency"]: row["total_amount"] for row in rows}
    count = rows[0]["total_count"] if rows else 0
    together = " and ".join(
        fmt.markdown(fmt.money_exact(amount, currency))
        for currency, amount in totals.items()
    )
    if added is None:
        st.markdown(
            f"{stated.label}: **{published}**. It is worked out from"
            f" **{fmt.plural(count, 'line item')}**, together {together or 'nothing'},"
            " divided by meters or counted with other evidence. To work it out again:"
        )
        st.code(command(figure), language=None, wrap_lines=True)
    else:
        is_equal = (
            isinstance(value, Decimal) and abs(value - added.total) <= added.tolerance
        )
        verdict = "equal" if is_equal else "**different**"
        st.markdown(
            f"{stated.label}: **{published}**. Added up again from"
            f" **{fmt.plural(added.item_count, 'line item')}** of the evidence:"
            f" **{exact(view, figure, added.total)}**, {verdict}."
        )
    if rows and count > len(rows):
        st.caption(f"The largest {len(rows):,} of {fmt.plural(count, 'line item')}.")
    _show_table(view, items.drop_columns(["total_amount", "total_count"]), "charges")


def _show_evidence(view: Page, stream: str, loads: Sequence[Load]) -> None:
    own = [load for load in loads if load.stream == stream]
    count = sum(load.row_count for load in own)
    answer = source_queries.evidence_rows(
        view.snapshot, stream, tuple(load.load_id for load in own)
    )
    st.markdown(
        f"**{fmt.plural(count, 'row')}** of `{stream}` in"
        f" {fmt.plural(len(own), 'load')}"
        + (f"; the first {answer.num_rows:,}." if answer.num_rows < count else ".")
    )
    _show_table(view, answer, f"evidence-{stream}")


def _show_table(view: Page, answer: pa.Table, name: str) -> None:
    st.dataframe(
        answer,
        hide_index=True,
        column_config=ROW_COLUMNS,
        placeholder=fmt.UNKNOWN,
        alt="Rows of evidence. The same rows are in the download.",
    )
    downloads.download(answer, page=view, name=name)


__all__ = ["Stated", "command", "exact", "facts", "show", "show_sources"]
