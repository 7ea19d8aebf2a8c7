"""``close`` and ``reopen``: a month becomes final, or stops being it."""

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
    from triptych.cli.options import OpenWorkspace
    from triptych.core.lake.audit_log import AuditEntry


def close(  # noqa: PLR0913  (one per option)
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
    """Propose to lock a reconciled month; another user locks it with --approve."""
    from triptych.core.signatures import of_operating_system, signing
    from triptych.core.warehouse.gate import open_published
    from triptych.month.adjustments import adjustments_booked_with
    from triptych.month.closing_by_two import propose_close

    opened = open_workspace(workspace, is_verbose=verbose)
    refuse_typed_people(opened.settings, by, approved_by)
    with signing(of_operating_system()) as user:
        if approve or approved_by:
            typed = None if approve else (by or user.name, approved_by or "")
            _locked(opened, period, typed, reason, as_json=as_json)
            return
        entry = propose_close(
            opened.workspace, opened.settings, period=period, reason=reason
        )
    if as_json:
        print_json(entry)
        return
    print(f"{user.name} proposes to close {period}. Another user closes it:")
    print(f"triptych close --period {period} --approve")
    for adjustment in adjustments_booked_with(
        open_published(opened.workspace.root), period
    ):
        print(f"books         {adjustment}")
    print(f"audit log     {entry.entry_hash}")


def _locked(
    opened: OpenWorkspace,
    period: str,
    typed: tuple[str, str] | None,
    reason: str | None,
    *,
    as_json: bool,
) -> None:
    from dashboard.exports import stored_with_a_close
    from triptych.month import closing
    from triptych.month.closing_by_two import approve_close
    from triptych.run import after_run

    place = opened.workspace, opened.settings
    renderers = (stored_with_a_close,)
    if typed is None:
        report = approve_close(
            *place,
            period=period,
            reason=reason,
            renderers=renderers,
            progress=opened.progress,
        )
    else:
        report = closing.close(
            *place,
            closing.SignOff(*typed, reason),
            period=period,
            renderers=renderers,
            progress=opened.progress,
        )
    after_run.tell_close(opened.settings, report.proof)
    if as_json:
        print_json(report)
        return
    print(
        f"{period} is closed: by {report.locked_by}, approved by {report.approved_by}."
    )
    print(f"lock          {report.lock_id}")
    print(f"rows kept     {report.row_count:,}")
    for adjustment in report.adjustments:
        print(f"booked        {adjustment}")
    print(f"content hash  {report.content_hash}")
    print(f"audit log     {report.audit_log_hash}")
    print(f"files         {report.folder}")
    print(f"Published run {report.published_run_id}")


def reopen(  # noqa: PLR0913  (one per option)
    *,
    period: PeriodOption,
    approve: ApproveOption = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Reason, for the audit log."),
    ] = None,
    by: TypedByOption = None,
    approved_by: TypedApproverOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose to open a closed month again; another user opens it with --approve."""
    from triptych.core.signatures import of_operating_system, signing
    from triptych.month import reopening
    from triptych.month.closing import SignOff

    opened = open_workspace(workspace, is_verbose=verbose)
    refuse_typed_people(opened.settings, by, approved_by)
    place = opened.workspace, opened.settings
    with signing(of_operating_system()) as user:
        if approve:
            report = reopening.approve_reopening(
                *place, period=period, progress=opened.progress
            )
        elif approved_by:
            decided = SignOff(by or user.name, approved_by, reason)
            report = reopening.reopen(
                *place, decided, period=period, progress=opened.progress
            )
        else:
            entry = reopening.propose_reopening(
                opened.workspace, period=period, reason=reason
            )
            _print_proposed_reopening(user.name, period, entry, as_json=as_json)
            return
    if as_json:
        print_json(report)
        return
    print(
        f"{period} is open again: by {report.reopened_by}, approved by"
        f" {report.approved_by}: {report.reason}"
    )
    print(f"audit log     {report.audit_log_hash}")
    print(f"Published run {report.published_run_id}")


def _print_proposed_reopening(
    name: str, period: str, entry: AuditEntry, *, as_json: bool
) -> None:
    if as_json:
        print_json(entry)
        return
    print(f"{name} proposes to open {period} again. Another user opens it:")
    print(f"triptych reopen --period {period} --approve")
    print(f"audit log     {entry.entry_hash}")
