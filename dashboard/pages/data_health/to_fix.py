"""Issues to fix on *Data health*, the largest amounts first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.close import queries as close_queries
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import access, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal

    from dashboard.shared.context import Page

_REFUSED: Final = "core.mart_quarantine_reasons"
_SCHEMA: Final = pa.schema(
    [
        ("what", pa.string()),
        ("amount", pa.decimal128(38, 10)),
        ("currency", pa.string()),
        ("why_no_amount", pa.string()),
        ("bound", pa.string()),
        ("next_step", pa.string()),
    ]
)


def show(view: Page, quarantine: pa.Table) -> None:
    """Draw the issues to fix, largest amounts first; nothing without issues."""
    may_close = access.visitor().may_open("close")
    rows = [*_of_period(view), *refused(quarantine.to_pylist())]
    found = ranked(rows, view.currency)
    if not may_close:
        st.caption("Invoices are for finance, and not looked at here.")
    if not found:
        st.markdown(
            f"**No money is known to be missing in {view.period}.** Rows without an"
            " amount, sources and data quality stand below and in *Freshness*."
        )
        return
    tables.show(
        pa.Table.from_pylist(found, schema=_SCHEMA),
        [
            tables.Column("what", "What"),
            tables.Column("amount", "Money", "money", "why_no_amount"),
            tables.Column("bound", "Which is"),
            tables.Column("next_step", "Where to fix it"),
        ],
        page=view,
        name="what-to-fix",
        caption="Unknown amounts and other currencies first, then the most money",
        origin=Origin(
            formula=f"Of {view.period}: usage cost that is unallocated, charges without"
            " an exchange rate, amounts that no invoice explains; of all months:"
            " charges that were refused, by source and reason.",
            mart=_REFUSED,
        ),
        is_of_period=False,
    )


def ranked(rows: Iterable[Mapping[str, Any]], currency: str) -> list[Mapping[str, Any]]:
    """Return rows by their size: those without a known amount first.

    Other currencies come before the page's: nothing shows that they are less, and
    amounts in two currencies are never compared.
    """
    return sorted(
        rows,
        key=lambda row: (
            row["amount"] is not None,
            row["currency"] == currency,
            row["currency"] or "",
            -(row["amount"] or 0),
            row["what"],
        ),
    )


def refused(reasons: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield refused charges by source and reason, without readings that cost nothing.

    Parameters
    ----------
    reasons : iterable of mapping
        Rows of ``queries.quarantine_reasons``.
    """
    for row in reasons:
        if row["money"] != "no charge":
            rows = fmt.plural(row["row_count"], "row")
            reason = str(row["reason"]).replace("_", " ")
            yield _row(
                f"{rows} of {row['source']} refused: {reason}",
                row["amount"],
                row["currency"],
                "Quarantine, below",
                bound="at most",
            )


def _of_period(view: Page) -> Iterator[dict[str, Any]]:
    headline = cost_by_model_queries.headline(
        view.snapshot,
        # Evidence covers the whole organisation, regardless of the chosen scope.
        replace(view.selection, scope_kind="everything", scope_id=""),
        "Fully loaded",
    )
    if headline.unallocated:
        yield _row(
            "Unallocated usage",
            headline.unallocated,
            view.currency,
            "Cost by model, Unallocated",
            # Missing cost may be unallocated, too.
            bound=view.at_least(headline.unallocated).strip() or "exact",
        )
    for currency, amount in view.standing.gap.unconverted:
        yield _row(
            "Charges without an exchange rate", amount, currency, "Months, below"
        )
    if access.visitor().may_open("close"):
        totals = close_queries.invoice_totals(view.snapshot, view.selection)
        yield from of_invoices(totals.to_pylist())


def of_invoices(totals: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield amounts not yet invoiced and unexplained amounts by currency."""
    for row in totals:
        currency = row["currency"]
        if row["not_invoiced"]:
            low, high = row["not_invoiced_low"], row["not_invoiced_high"]
            is_bounded = low is not None and high is not None
            yield _row(
                "Expected, not invoiced yet",
                row["not_invoiced"],
                currency,
                "Close & reconcile, Accruals",
                bound=f"estimate, {fmt.interval(float(low), float(high), currency)}"
                if is_bounded
                else "estimate",
            )
        if row["unexplained_gross"]:
            yield _row(
                "Between invoices and bills, not explained",
                row["unexplained_gross"],
                currency,
                "Close & reconcile, Invoices",
            )


def _row(
    what: str,
    amount: Decimal | None,
    currency: str | None,
    next_step: str,
    *,
    bound: str = "exact",
) -> dict[str, Any]:
    return {
        "what": what,
        "amount": amount,
        "currency": currency,
        "why_no_amount": "not known" if amount is None else None,
        "bound": None if amount is None else bound,
        "next_step": next_step,
    }
