"""``accrue``: book the cost of a month before its invoices arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    ApproveOption,
    JsonOption,
    PeriodOption,
    TypedApproverOption,
    TypedByOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
    refuse_typed_people,
)
from triptych.cli.printing import print_json

if TYPE_CHECKING:
    from decimal import Decimal

    from triptych.month.accruing import AccrualReport, BookedAccrual, Booking


def accrue(  # noqa: PLR0913  (one per option)
    *,
    period: PeriodOption,
    approve: ApproveOption = False,
    by: TypedByOption = None,
    approved_by: TypedApproverOption = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="A remark for the audit log."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose to book a month's missing invoices; another user does with --approve."""
    from triptych.core.signatures import of_operating_system, signing
    from triptych.month import accruing

    opened = open_workspace(workspace, is_verbose=verbose)
    refuse_typed_people(opened.settings, by, approved_by)
    place = opened.workspace, opened.settings
    with signing(of_operating_system()) as user:
        if approve:
            report = accruing.approve_accrual(
                *place, period=period, reason=reason, progress=opened.progress
            )
        elif approved_by:
            report = accruing.accrue(
                *place,
                period=period,
                by=by or user.name,
                approved_by=approved_by,
                reason=reason,
                progress=opened.progress,
            )
        else:
            entry = accruing.propose_accrual(*place, period=period, reason=reason)
            if as_json:
                print_json(entry)
                return
            print(f"{user.name} proposes to book {period}:")
            _print_amounts(accruing.bookable(*place, period))
            print(f"audit log     {entry.entry_hash}")
            print(f"Another user books it: triptych accrue --period {period} --approve")
            return
    _print(report, as_json=as_json)


def _print(report: AccrualReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    period = report.billing_month
    print(
        f"{period} is accrued as of {report.as_of:%Y-%m-%d}: by {report.booked_by},"
        f" approved by {report.approved_by}."
    )
    _print_amounts(report)
    print(f"audit log     {report.audit_log_hash}")
    print(f"Published run {report.published_run_id}")


def _print_amounts(booked: AccrualReport | Booking) -> None:
    for accrual in booked.accruals:
        print(_line(accrual))
    for sentence in booked.unknown:
        print(f"not booked    {sentence}")


def _line(accrual: BookedAccrual) -> str:
    interval = (
        "no interval"
        if accrual.low is None or accrual.high is None
        else f"{_money(accrual.low)} to {_money(accrual.high)}"
    )
    return (
        f"{accrual.issuer}: {accrual.currency} {_money(accrual.amount)}"
        f" ({interval}; {accrual.method.replace('_', ' ')})"
    )


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
