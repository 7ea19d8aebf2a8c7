"""Acts that accept discovery proposals: an entry or all of a kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import INSIDE
from triptych.acts.settings_files import judged_edits
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.core.settings.problems import known_names
from triptych.discovery.accepting import new_texts
from triptych.discovery.discover import discover
from triptych.run.pipeline import bound_connectors

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site
    from triptych.discovery.discover import Discovery
    from triptych.discovery.proposals import Proposal

_EVERYTHING: Final = "everything"
#: Names of the proposal groups in forms.
_GROUPS: Final = {
    "what is AI": "scope",
    "models": "models",
    "features, teams and cost centres": "owners",
    "shared accelerators": "pools",
}


def discovered(site: Site) -> Discovery:
    """Return the current discovery results of the bills."""
    return discover(bound_connectors(site.workspace, site.settings), site.settings)


def currencies_of_bills(site: Site) -> tuple[str, ...]:
    """Return the currencies of the bills, that of most of the money first."""
    seen = discovered(site)
    return (seen.currency, *seen.other_currencies) if seen.currency else ()


def _by_words(proposals: tuple[Proposal, ...]) -> dict[str, Proposal]:
    return {f"{each.section}: {each.name}": each for each in proposals}


def _proposal_words(site: Site) -> tuple[str, ...]:
    return tuple(_by_words(discovered(site).proposals))


def _draft_one(site: Site, filling: Filling) -> Draft:
    known, name = _by_words(discovered(site).proposals), filling.text("proposal")
    if name not in known:
        raise UsageError(
            f"Nothing called {name!r} is proposed;"
            f" {known_names('proposals', list(known), given=name)}.",
            next_step="It may be accepted already.",
        )
    proposal = known[name]
    if filling.text("new_name"):
        proposal = proposal.renamed(filling.text("new_name"))
    root = site.workspace.root
    return Draft(
        says=f"{proposal.title}.",
        did=f"Accepted: {name}.",
        effect="The next run divides cost by it.",
        edits=judged_edits(root, new_texts(root, [proposal])),
        about=f"proposal:{name}",
    )


def _draft_all(site: Site, filling: Filling) -> Draft:
    which, seen = filling.text("which"), discovered(site)
    group = _GROUPS.get(which)
    chosen = [each for each in seen.proposals if group in {None, each.group}]
    if not chosen:
        raise UsageError(
            f"Nothing new is proposed for {which}."
            if seen.line_count
            else "No bill is there to look at.",
            next_step="Upload a bill first; what rules decide is not proposed again.",
        )
    counts = Counter(each.section.replace("_", " ") for each in chosen)
    entries = ", ".join(f"{count} of {section}" for section, count in counts.items())
    root = site.workspace.root
    return Draft(
        says=f"{len(chosen)} entries are added: {entries}.{_coverage(seen, group)}",
        did=f"Accepted: {which}, {len(chosen)} entries.",
        effect="The next run divides cost by them.",
        edits=judged_edits(root, new_texts(root, chosen)),
        about="proposals",
    )


def _coverage(seen: Discovery, group: str | None) -> str:
    """Describe AI cost once all proposals are accepted; empty for a part."""
    if group is not None:
        return ""
    cover, code = seen.coverage, seen.currency
    return (
        f" {cover.model_share:.1%} of AI cost, {code} {cover.ai:,.2f}, is on named"
        f" models then; {code} {cover.unowned:,.2f} stays unallocated."
    )


DEEDS: Final = (
    Deed(
        Act(
            "accept_proposals",
            "Accept proposals",
            (
                ActField(
                    *("which", "Of what"),
                    help="What comes of it is shown before anything is written.",
                    choices=(_EVERYTHING, *_GROUPS),
                ),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft_all,
    ),
    Deed(
        Act(
            "accept_proposal",
            "Accept a single proposal",
            (
                ActField("proposal", "Proposal"),
                ActField("new_name", "Other name", is_required=False),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft_one,
        choices={"proposal": _proposal_words},
    ),
)
