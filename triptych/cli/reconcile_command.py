"""``reconcile``: a month's invoices against its bills, both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triptych.cli.options import (
    ApproveOption,
    JsonOption,
    PeriodOption,
    TypedApproverOption,
    TypedByOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
    open_workspace,
    refuse_typed_people,
)
from triptych.cli.printing import print_json, print_table
from triptych.core.errors import NotReconciledError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.cli.options import OpenWorkspace
    from triptych.month.reconciliation import PeriodReport

Row = dict[str, Any]

_KINDS = ("tax", "credit", "rounding", "exchange", "timing", "missing_line")


def reconcile(  # noqa: PLR0913  (one per option)
    *,
    period: PeriodOption,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the bills of this source.")
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="INVOICE",
            help="Propose to accept what is open of this invoice; without a number, of"
            " this issuer.",
        ),
    ] = None,
    up_to: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="Accept at most this, in its currency."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why it is accepted.")
    ] = None,
    approve: ApproveOption = False,
    by: TypedByOption = None,
    approved_by: TypedApproverOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Hold a month's invoices against its bills, or accept a difference by two."""
    from triptych.month.reconciliation import read_period

    if accept is not None:
        opened = open_workspace(workspace, is_verbose=verbose)
        refuse_typed_people(opened.settings, by, approved_by)
        _accept(opened, (period, accept, up_to, reason), (by, approved_by), approve)
        return
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


def _accept(
    opened: OpenWorkspace,
    given: tuple[str, str, str | None, str | None],
    typed: tuple[str | None, str | None],
    is_approval: bool,  # noqa: FBT001
) -> None:
    from triptych.core.signatures import of_operating_system, signing
    from triptych.month import accepting

    period, named, up_to, reason = given
    place = opened.workspace, opened.settings
    of = {"period": period, "named": named}
    with signing(of_operating_system()) as user:
        if is_approval:
            document = accepting.approve_acceptance(
                *place, **of, progress=opened.progress
            )
        else:
            terms = accepting.read_terms(up_to, reason)
            if typed[1] is None:
                document = accepting.propose_acceptance(*place, **of, terms=terms)
                print(f"{user.name} proposes to accept {document.name} of {period}:")
                print(f"open          {document.open_amount:,.2f}")
                print("Another user accepts it:")
                print(
                    f'triptych reconcile --period {period} --accept "{named}" --approve'
                )
                return
            people = typed[0] or user.name, typed[1]
            document = accepting.accept(
                *(*place, people), **of, terms=terms, progress=opened.progress
            )
    print(f"{document.name} of {period} is accepted, with what is open of it.")


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
        ("Accepted differences", {"accepted"}),
    ):
        _print_open(heading, [i for i in report.invoices if i["state"] in states])
    _print_since_close(report.open_items)
    for bill in report.sources:
        verdict = "reconciled" if bill["is_reconciled"] else bill["reason"]
        print(f"{bill['source']}: {verdict}")


def _print_since_close(items: Sequence[Row]) -> None:
    if not items:
        return
    print("Since the close:")
    columns = {
        "state": "state",
        "invoice_issuer_name": "issuer",
        "invoice_id": "invoice",
        "source": "source",
        "currency": "currency",
        "invoiced_amount": "invoiced",
        "ledger_billed_cost": "ledger",
        "open_amount": "open",
        "age_days": "days",
        "reason": "reason",
    }
    print_table(
        list(columns.values()),
        [[_shown(item[name]) for name in columns] for item in items],
    )


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
