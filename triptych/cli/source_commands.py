"""``source``: handle loads of sources removed from the settings."""

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
    from pathlib import Path

    from triptych.evidence.source_decisions import Decision

source = typer.Typer(
    help="Decide about sources that count and are not in triptych.yml any more."
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the source.")
]
BecauseOption = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="Reason, for the audit log.")
]
UndoOption = Annotated[bool, typer.Option("--undo", help="Take the decision back.")]

_DONE = {
    ("rename", False): "Renamed {source} to {new}: {count} keep their history.",
    ("rename", True): "Named {source} as before: {count}.",
    ("retire", False): "Retired {source}: {count} count no more.",
    ("retire", True): "Put back {source}: {count} count again.",
    ("adopt", False): "Adopted {source}: what was delivered counts on.",
    ("adopt", True): "{source} is to be decided again.",
}


@source.command("list")
def list_undecided(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List the sources that are to be decided, with their money."""
    from triptych.core.warehouse.undecided_sources import read_undecided

    opened = open_workspace(workspace, is_verbose=verbose)
    names = [entry.name for entry in opened.settings.sources]
    found = read_undecided(opened.workspace.raw_database, names)
    if as_json:
        print_json(found)
        return
    for each in found:
        print(each)
    if not found:
        print("Every source that counts is in triptych.yml, or was decided.")


@source.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its former name.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Its name in triptych.yml.")
    ],
    *,
    because: BecauseOption = "",
    undo: UndoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Let the loads of a source be of another, with all of their history."""
    from triptych.evidence.source_decisions import Decision

    decision = Decision("rename", old, because, new_name=new, is_undone=undo)
    _carry_out(decision, workspace, as_json=as_json, is_verbose=verbose)


@source.command()
def retire(
    name: NameArgument,
    *,
    because: BecauseOption = "",
    undo: UndoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take a source out of every figure; nothing is removed."""
    from triptych.evidence.source_decisions import Decision

    decision = Decision("retire", name, because, is_undone=undo)
    _carry_out(decision, workspace, as_json=as_json, is_verbose=verbose)


@source.command()
def adopt(
    name: NameArgument,
    *,
    because: BecauseOption = "",
    undo: UndoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Let a source that delivers no more count on as it is."""
    from triptych.evidence.source_decisions import Decision

    decision = Decision("adopt", name, because, is_undone=undo)
    _carry_out(decision, workspace, as_json=as_json, is_verbose=verbose)


def _carry_out(
    decision: Decision, workspace: Path | None, *, as_json: bool, is_verbose: bool
) -> None:
    from triptych.evidence.source_decisions import decide

    opened = open_workspace(workspace, is_verbose=is_verbose)
    names = [entry.name for entry in opened.settings.sources]
    report = decide(opened.workspace, decision, configured=names)
    if as_json:
        print_json(report)
        return
    count = f"{report.load_count:,} load{'' if report.load_count == 1 else 's'}"
    text = _DONE[decision.act, decision.is_undone]
    print(text.format(source=decision.source, new=decision.new_name, count=count))
    print('"triptych build" publishes figures accordingly.')
    print(f"audit log  {report.audit_log_hash}")
