"""``accrue``: what a month has cost is booked before its invoices are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json

if TYPE_CHECKING:
    from decimal import Decimal

    from triptych.accruing import BookedAccrual


def accrue(
    *,
    period: Annotated[
        str, typer.Option("--period", metavar="YYYY-MM", help="The billing month.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who books it.")],
    approved_by: Annotated[
        str,
        typer.Option(
            "--approved-by", metavar="NAME", help="Who approves it: somebody else."
        ),
    ],
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="A remark for the audit log."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Book what a month's missing invoices are expected to come to."""
    from triptych import accruing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = accruing.accrue(
        opened.workspace,
        opened.settings,
        period=period,
        by=by,
        approved_by=approved_by,
        reason=reason,
        progress=opened.progress,
    )
    if as_json:
        print_json(report)
        return
    print(
        f"{period} is accrued as of {report.as_of:%Y-%m-%d}: by {report.booked_by},"
        f" approved by {report.approved_by}."
    )
    for accrual in report.accruals:
        print(_line(accrual))
    for sentence in report.unknown:
        print(f"not booked    {sentence}")
    print(f"audit log     {report.audit_log_hash}")
    print(f"Published run {report.published_run_id}")


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


__all__ = ["accrue"]
