"""``discover``: contents of the bills, and their use for the workspace."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path  # noqa: TC003  (typer reads annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.workspace import Workspace
    from triptych.discovery.discover import Discovery
    from triptych.discovery.proposals import Proposal

YesOption = Annotated[
    bool,
    typer.Option(
        "--yes", help="Accept proposals of medium or high confidence without asking."
    ),
]
_GROUPS = {
    "scope": "Which charges are AI",
    "models": "Models",
    "owners": "Features, teams and cost centres",
    "pools": "Shared accelerators",
}


def discover(
    *,
    yes: YesOption = False,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="Write the proposals there, as YAML to copy."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose which charges are AI, which models they are and who owns them."""
    from triptych.discovery import discover as discovery
    from triptych.discovery.accepting import write_commented
    from triptych.run.pipeline import bound_connectors

    opened = open_workspace(workspace, is_verbose=verbose)
    connectors = bound_connectors(opened.workspace, opened.settings)
    found = discovery.discover(connectors, opened.settings)
    if as_json:
        print_json(_record(found))
    else:
        print_discovery(found)
    if to is not None:
        write_commented(found.proposals, to)
        print(f"Proposals are in {to}; nothing else was changed.", file=sys.stderr)
    elif not as_json or yes:
        settle(opened.workspace, found, yes=yes)


def settle(workspace: Workspace, found: Discovery, *, yes: bool) -> None:
    """Ask about the proposals, or take the likely, and write those accepted."""
    from triptych.discovery.accepting import accept, is_likely, undecided_of

    if not found.proposals:
        return
    if not yes and not sys.stdin.isatty():
        print(
            'No proposal was accepted: "triptych discover --yes" takes the likely,'
            ' "triptych discover --to FILE" writes them to a file.'
        )
        return
    likely = [each for each in found.proposals if is_likely(each)]
    chosen = likely if yes else _asked(found.proposals)
    taken = {each.rule_id for each in chosen}
    skipped = [each for each in found.proposals if each.rule_id not in taken]
    undecided = undecided_of(workspace.root, skipped)
    for path in accept(workspace, chosen, skipped=skipped):
        print(f"Added to {path.name}")
    if undecided:
        names = ", ".join(each.name for each in undecided)
        print(f"Undecided, not AI until you accept it, asked again next time: {names}")
    unsure = [each.name for each in found.proposals if each not in likely]
    if yes and unsure:
        print(
            f"Left for you to decide, confidence low: {', '.join(unsure)}"
            ' ("triptych discover" asks)'
        )


def ask(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Ask a person about each group of proposals: all, none, or each singly."""
    from rich.prompt import Prompt

    chosen: list[Proposal] = []
    for group, title in _GROUPS.items():
        mine = [each for each in proposals if each.group == group]
        if not mine:
            continue
        answer = Prompt.ask(
            f"{title}: {len(mine)} entries",
            choices=["all", "none", "each"],
            default="all",
        )
        if answer == "all":
            chosen += mine
        elif answer == "each":
            chosen += _ask_each(mine)
    return chosen


def _ask_each(proposals: Sequence[Proposal]) -> list[Proposal]:
    from rich.prompt import Prompt

    from triptych.discovery.accepting import comment_on

    chosen = []
    for proposal in proposals:
        print(f"{proposal.title}\n  {comment_on(proposal)}")
        answer = Prompt.ask(
            f"  {proposal.section} {proposal.name}",
            choices=["accept", "rename", "merge", "skip"],
            default="accept",
        )
        if answer == "skip":
            continue
        if answer == "rename":
            proposal = proposal.renamed(Prompt.ask("  New name"))  # noqa: PLW2901
        if answer == "merge":
            into = Prompt.ask("  Into which model, feature, team or pool")
            proposal = merged(proposal, into)  # noqa: PLW2901
        chosen.append(proposal)
    return chosen


def merged(proposal: Proposal, into: str) -> Proposal:
    """Return a proposal with its charges moved to an owner of the same kind."""
    entry = dict(proposal.entry)
    if "id" in entry:
        return proposal.renamed(into)
    for kind in ("model", "feature", "team", "pool"):
        if kind in entry:
            entry[kind] = into
    return replace(proposal, entry=entry)


def _asked(proposals: Sequence[Proposal]) -> list[Proposal]:
    try:
        return ask(proposals)
    except EOFError:
        raise UsageError(
            "The answers ended before the questions did; nothing was changed.",
            where="discover",
            next_step="Answer each, or add --yes or --to FILE.",
        ) from None


def print_discovery(found: Discovery) -> None:
    """Print the findings and the proposals."""
    from triptych.core.knowledge.knowledge_base import reviewed_on
    from triptych.discovery.accepting import confidence_word

    if not found.line_count:
        print("No bill is there to look at: put one where a source finds it.")
        return
    coverage, code = found.coverage, found.currency
    print(
        f"{found.line_count:,} charges, {code} {coverage.bill:,.2f} amortised; AI among"
        f" them: {code} {coverage.ai:,.2f} (knowledge base of {reviewed_on()})"
    )
    if found.other_currencies:
        print(f"  Charges in {', '.join(found.other_currencies)} come on top.")
    for role in found.roles:
        reasons = "; ".join(role.reasons)
        examples = ", ".join(role.examples)
        print(f"  tag {role.key}: {role.role} ({reasons}), such as {examples}")
    for same in found.spellings:
        others = ", ".join(same[1:])
        print(f"  {others} and {same[0]} are taken for the same, {same[0]}")
    if not found.proposals:
        print("Nothing new to propose.")
        return
    print_table(
        ("section", "entry", "cost", "", "lines", "of AI", "confidence"),
        [
            (
                each.section,
                each.name,
                f"{each.evidence.cost:,.2f}",
                each.evidence.currency,
                each.evidence.line_count,
                f"{each.evidence.share_of_ai:.1%}",
                confidence_word(each.evidence.confidence),
            )
            for each in found.proposals
        ],
    )
    print(
        f"If all are accepted: {coverage.model_share:.1%} of AI cost is on named"
        f" models, {code} {coverage.on_owners:,.2f} on features, teams and pools, and"
        f" {code} {coverage.unowned:,.2f} stays unallocated."
    )


def _record(found: Discovery) -> dict[str, object]:
    return {
        "currency": found.currency,
        "other_currencies": found.other_currencies,
        "line_count": found.line_count,
        "tag_roles": found.roles,
        "proposals": found.proposals,
        "coverage": found.coverage,
        "files": [
            report.record() for each in found.inspections for report in each.files
        ],
    }
