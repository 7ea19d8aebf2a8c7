"""``reconcile``: a month's invoices against its bills, both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triptych.cli.options import (
    JsonOption,
    PeriodOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
)
from triptych.cli.printing import print_json, print_table
from triptych.core.errors import NotReconciledError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.month.reconciliation import PeriodReport

Row = dict[str, Any]

_KINDS = ("tax", "credit", "rounding", "exchange", "timing", "missing_line")


def reconcile(
    *,
    period: PeriodOption,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the bills of this source.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Hold a month's invoices against its bills, both ways."""
    from triptych.month.reconciliation import read_period

    report = read_period(existing_workspace(workspace).root, period, source=source)
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if not report.is_reconciled:
        raise NotReconciledError(
            f"{period} is not reconciled: {report.summary}",
            next_step='See "docs/how_to/reconcile_a_month.md" for what to do.',
        )


def _print_report(report: PeriodReport) -> None:
    print(f"{report.billing_month}, as published by run {report.run_id}")
    _print_invoices(report.invoices)
    for invoice in report.invoices:
        explained = _explanation(invoice)
        if explained:
            print(f"{_name(invoice)}: explained by {explained}.")
    for heading, states in (
        ("Charges without an invoice", {"no_invoice"}),
        ("Invoices without a charge", {"no_ledger"}),
        ("Invoices that do not tie", {"not_reconciled"}),
        ("Drafts", {"draft"}),
    ):
        _print_open(heading, [i for i in report.invoices if i["state"] in states])
    for bill in report.sources:
        verdict = "reconciled" if bill["is_reconciled"] else bill["reason"]
        print(f"{bill['source']}: {verdict}")


def _print_invoices(invoices: Sequence[Row]) -> None:
    columns = {
        "invoice_issuer_name": "issuer",
        "invoice_id": "invoice",
        "source": "source",
        "currency": "currency",
        "invoiced_amount": "invoiced",
        "ledger_billed_cost": "ledger",
        "explained_amount": "explained",
        "unexplained_amount": "unexplained",
        "state": "state",
    }
    print_table(
        list(columns.values()),
        [[_shown(invoice[name]) for name in columns] for invoice in invoices],
    )


def _print_open(heading: str, invoices: Sequence[Row]) -> None:
    if not invoices:
        return
    print(f"{heading}:")
    for invoice in invoices:
        print(f"  {_name(invoice)}: {invoice['reason']}")
        if invoice["missing_lines"]:
            print(f"    {invoice['missing_lines']}")


def _explanation(invoice: Row) -> str:
    parts = [
        f"{kind.replace('_', ' ')} {_shown(amount)} {invoice['currency']}"
        for kind in _KINDS
        if (amount := invoice[f"explained_{kind}_amount"])
    ]
    return ", ".join(parts)


def _name(invoice: Row) -> str:
    number = invoice["invoice_id"] or "no number"
    return f"{invoice['invoice_issuer_name']} {number}"


def _shown(value: object) -> object:
    """Return an amount with every digit that it has, and at least two."""
    if not isinstance(value, Decimal):
        return value
    digits = f"{value:f}".rstrip("0") if "." in f"{value:f}" else f"{value:f}"
    whole, _, fraction = digits.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"
