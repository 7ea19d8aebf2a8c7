"""``loads`` and ``withdraw``: list deliveries and take them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
    refuse_unknown_source,
)
from triptych.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from triptych.core.warehouse.load_lists import CataloguedLoad
    from triptych.evidence.withdrawing import WithdrawalReport

loads = typer.Typer(help="List, show and compare loads.")

LoadArgument = Annotated[str, typer.Argument(metavar="LOAD", help="Id of a load.")]


@loads.command("list")
def list_loads(
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="Only of this source.")
    ] = None,
    *,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also superseded and withdrawn loads."),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List loads, the newest first."""
    from triptych.core.warehouse.load_lists import read_loads

    opened = open_workspace(workspace, is_verbose=verbose)
    refuse_unknown_source(opened, source)
    rows = [
        load
        for load in reversed(read_loads(opened.workspace.raw_database))
        if (every or load.state == "current") and source in (None, load.source)
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            ("load", "source", "delivery", "rows", "refused", "loaded", "state"),
            [_cells(load) for load in rows],
        )
    else:
        print('Nothing is loaded. "triptych ingest" reads the sources.')


@loads.command()
def show(
    load: LoadArgument,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show the contents of a load, by month and currency."""
    from triptych.core.warehouse.load_lists import read_load

    opened = open_workspace(workspace, is_verbose=verbose)
    found = read_load(opened.workspace.raw_database, load)
    if as_json:
        print_json(found)
        return
    print_table(
        ("load", "source", "delivery", "rows", "refused", "loaded", "state"),
        [_cells(found.load)],
    )
    print_table(
        ("month", "currency", "rows", "billed", "effective"),
        [
            (
                total.billing_month,
                total.currency or "",
                f"{total.row_count:,}",
                "" if total.billed is None else str(total.billed),
                "" if total.effective is None else str(total.effective),
            )
            for total in found.totals
        ],
    )
    for origin in found.origins:
        print(f"from  {origin}")


@loads.command()
def diff(
    first: LoadArgument,
    second: LoadArgument,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare two loads by month and currency."""
    from triptych.core.warehouse.load_lists import compare_loads

    opened = open_workspace(workspace, is_verbose=verbose)
    rows = compare_loads(opened.workspace.raw_database, first, second)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("month", "currency", "rows", "billed", "effective"),
        [
            (
                row.billing_month,
                row.currency or "",
                f"{row.row_count:+,}",
                f"{row.billed:+}",
                f"{row.effective:+}",
            )
            for row in rows
        ],
    )


@loads.command()
def overlaps(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List the money that may count twice, with both deliveries."""
    from triptych.core.warehouse.coverage_overlaps import read_open_overlaps
    from triptych.core.warehouse.gate import open_published

    opened = open_workspace(workspace, is_verbose=verbose)
    listed = read_open_overlaps(open_published(opened.workspace.root))
    if as_json:
        print_json(listed)
        return
    for overlap in listed:
        print(overlap)
    if not listed:
        print("No money is known to count twice.")


@loads.command()
def settle(
    overlap: Annotated[
        str, typer.Argument(metavar="OVERLAP", help="Id of an overlap.")
    ],
    answer: Annotated[
        str,
        typer.Argument(
            metavar="same|different|supersedes",
            help="One of the two counts; both count; the second replaces the first.",
        ),
    ],
    *,
    because: Annotated[
        str,
        typer.Option("--because", metavar="TEXT", help="Reason, for the audit log."),
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Decide if two deliveries are the same money."""
    from triptych.evidence import overlap_settling

    opened = open_workspace(workspace, is_verbose=verbose)
    report = overlap_settling.settle(
        opened.workspace, overlap, overlap_settling.read_answer(answer), because=because
    )
    if as_json:
        print_json(report)
        return
    print(f"{report.effect[0].upper()}{report.effect[1:]}.")
    print('"triptych build" publishes figures accordingly.')
    if load := report.withdrawn_load_id:
        print(f"take back  triptych withdraw {load} --undo --because TEXT")
    print(f"audit log  {report.audit_log_hash}")


def withdraw(
    target: Annotated[
        str,
        typer.Argument(
            metavar="LOAD|SOURCE", help="Id of a load, or name of a source."
        ),
    ],
    *,
    because: Annotated[
        str,
        typer.Option("--because", metavar="TEXT", help="Reason, for the audit log."),
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Undo a withdrawal.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take a delivery, or all of a source, out of every figure; nothing is removed."""
    from triptych.evidence import withdrawing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = withdrawing.withdraw(
        opened.workspace, target, because=because, is_undone=undo
    )
    if as_json:
        print_json(report)
        return
    print(_conclusion(report))


def _conclusion(report: WithdrawalReport) -> str:
    number = len(report.load_ids)
    counted = f"{number:,} load{'' if number == 1 else 's'}"
    lines = [f"{'Put back' if report.is_undone else 'Withdrew'} {counted}."]
    lines += [f"{load_id} counts in its place." for load_id in report.counted_instead]
    lines += ['"triptych build" publishes figures accordingly.']
    return "\n".join([*lines, f"audit log  {report.audit_log_hash}"])


def _cells(load: CataloguedLoad) -> tuple[str, ...]:
    return (
        load.load_id,
        load.source,
        load.label,
        f"{load.row_count:,}",
        f"{load.quarantined_row_count:,}" if load.quarantined_row_count else "",
        f"{load.loaded_at:%Y-%m-%d %H:%M}",
        load.state,
    )
