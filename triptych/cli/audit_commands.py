"""``audit``: the hash to keep elsewhere, and the records that changed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.cli.options import OpenWorkspace
    from triptych.evidence.kept_files import Difference
    from triptych.month.auditing import AuditReport

audit = typer.Typer(help="Verify the audit log and closed months.")


@audit.command()
def head(
    *,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the head to a file as well."),
    ] = None,
    is_sent: Annotated[
        bool, typer.Option("--send", help="Post the head to the webhook as well.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the hash of the newest entry, to be kept elsewhere."""
    from triptych.month import audit_heads, auditing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = auditing.verify(opened.workspace)
    if report.doubts:
        # Kept now, it would vouch for records in doubt.
        _print(report, is_compared=False)
        raise typer.Exit(1)
    newest = auditing.head_of(report, opened.settings.organisation)
    if to is not None:
        audit_heads.write_head(newest, to)
    if is_sent:
        audit_heads.send_head(newest, opened.settings)
    if as_json:
        print_json(newest)
    else:
        print(report.head_hash)


@audit.command()
def verify(
    *,
    kept_hash: Annotated[
        str | None,
        typer.Option("--head", metavar="HASH", help="Hash that was kept elsewhere."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Head or copy of lake/audit_log.jsonl, as kept."
        ),
    ] = None,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence",
            help="Compare every byte of evidence, manifests, published and BI files.",
        ),
    ] = False,
    is_repaired: Annotated[
        bool,
        typer.Option(
            "--repair", help="With --evidence: restore files that sources still have."
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Check the audit log, closed months, and the files of evidence."""
    from triptych.evidence.kept_files import missing_evidence
    from triptych.month import auditing

    opened = open_workspace(workspace, is_verbose=verbose)
    if is_repaired and not evidence:
        raise UsageError(
            "--repair needs --evidence.",
            next_step='Run "triptych verify --evidence --repair".',
        )
    if evidence:
        _verify_evidence(opened, is_repaired=is_repaired, as_json=as_json)
        return
    report = auditing.verify(opened.workspace, kept_hash=kept_hash, kept_log=against)
    differences = missing_evidence(opened.workspace)
    if as_json:
        print_json({**asdict(report), "evidence": differences})
    else:
        _print(report, is_compared=kept_hash is not None or against is not None)
        _print_differences(differences)
    if report.doubts or differences:
        raise typer.Exit(1)


def _verify_evidence(
    opened: OpenWorkspace, *, is_repaired: bool, as_json: bool
) -> None:
    from triptych.evidence.kept_files import verify_evidence
    from triptych.evidence.repairing import repair

    if is_repaired:
        done = repair(opened.workspace, opened.settings, progress=opened.progress)
        report, content = done.evidence, asdict(done)
    else:
        done, report = None, verify_evidence(opened.workspace)
        content = asdict(report)
    if as_json:
        print_json(content)
    else:
        for where in done.repaired if done else ():
            print(f"{where}: put back.")
        for load_id in done.read_again if done else ():
            print(f'{load_id}: "triptych run" reads its delivery again.')
        _print_differences(report.differences)
        if not report.differences:
            print(
                f"{report.file_count:,} files as recorded,"
                f" {report.byte_count / 1_000_000:,.1f} MB compared."
            )
    if report.differences:
        raise typer.Exit(1)


def _print_differences(differences: Sequence[Difference]) -> None:
    for each in differences:
        print(str(each))


@audit.command()
def rekey(
    *,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides it.")],
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Reason, for the audit log.")
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Seal the audit log with another key, because the former is lost or known."""
    from triptych.core.lake.journal_key import key_id_of
    from triptych.month import auditing

    opened = open_workspace(workspace, is_verbose=verbose)
    entry = auditing.rekey(opened.workspace, by=by, because=because)
    if as_json:
        print_json(entry)
        return
    print(f"Sealed with key {key_id_of(entry.seal or '')} from entry {entry.position}.")
    print(f"audit log     {entry.entry_hash}")


@audit.command()
def restored(
    *,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides it.")],
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Reason, for the audit log.")
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Record that an older state was put back, or that its anchor begins again."""
    from triptych.month import auditing

    opened = open_workspace(workspace, is_verbose=verbose)
    entry = auditing.accept_restored(opened.workspace, by=by, because=because)
    if as_json:
        print_json(entry)
        return
    print(f"Recorded as entry {entry.position}. Runs go on from there.")
    print(f"audit log     {entry.entry_hash}")


def _print(report: AuditReport, *, is_compared: bool) -> None:
    for doubt in report.doubts:
        month = f"{doubt.billing_month}  " if doubt.billing_month else ""
        print(f"{month}{doubt.where}: {doubt.what}")
    if report.doubts:
        print(
            "Restore what differs from a backup; until then these months are in doubt."
        )
        return
    months = ", ".join(report.closed_months) or "none"
    print(f"{report.entry_count:,} entries as written; closed months: {months}.")
    if report.sealed_from is not None:
        print(
            f"Sealed from entry {report.sealed_from:,}, written on"
            f" {report.sealed_since:%Y-%m-%d}."
        )
    if report.anchor_note is not None:
        print(report.anchor_note)
    if not is_compared:
        print(
            "A log that somebody with its key wrote again is found only by a hash that"
            f' was kept elsewhere: "triptych audit verify --head'
            f' {report.head_hash[:12]}…".'
        )
