"""Acts on the register of assumptions: somebody proposes, somebody else approves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE, PLANNING
from triptych.acts.settings_files import ASSUMPTIONS, judged_edits, read_text
from triptych.acts.tokens import last_written
from triptych.acts.yaml_values import with_value
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.core.signatories import is_same_person
from triptych.core.signatures import SIGNED, require_second_person
from triptych.discovery.yaml_insertion import NewEntry, with_entries, without_entry

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site
    from triptych.core.acts import FieldKind
    from triptych.core.settings import Assumption

_KINDS: Final = (
    *("conversion", "margin", "discount_rate", "hurdle_rate", "integration"),
    *("labour", "driver", "replaced_cost"),
)
_RUN: Final = "The next run values returns with it."
_ROOM: Final = "Another proposal can take its place; no headline changes."


def _draft_proposal(site: Site, filling: Filling) -> Draft:
    name = filling.text("id")
    entry: dict[str, object] = {
        "id": name,
        "kind": filling.text("kind"),
        "applies_to": _applies_to(filling),
    }
    for key in ("value", "low", "high"):
        if filling.text(key):
            entry[key] = _number(filling.text(key))
    entry["unit"] = filling.text("unit")
    if filling.text("better"):
        entry["better"] = filling.text("better")
    if filling.text("cash"):
        entry["cash"] = filling.text("cash") == "yes"
    if filling.text("months"):
        entry["months"] = _number(filling.text("months"))
    entry |= {
        "owner": site.name,
        "source": filling.text("source"),
        "valid_from": filling.text("valid_from"),
    }
    if filling.text("valid_to"):
        entry["valid_to"] = filling.text("valid_to")
    text = read_text(site.workspace.root, ASSUMPTIONS)
    fresh = with_entries(text, "assumptions", [NewEntry(entry)], where=ASSUMPTIONS)
    return Draft(
        says=f"{site.name} proposes {name}. It counts once somebody else approves it.",
        did=f"{site.name} proposed {name}.",
        effect="The next run shows it as proposed; no headline counts it.",
        edits=judged_edits(site.workspace.root, {ASSUMPTIONS: fresh}),
        about=_about(name, filling.text("valid_from")),
    )


def _about(name: str, valid_from: str) -> str:
    """Return an entry's subject: a version, as another may propose the next."""
    return f"assumption:{name}@{valid_from}"


def _applies_to(filling: Filling) -> object:
    named = {
        key: filling.text(key) for key in ("feature", "metric") if filling.text(key)
    }
    return named or "all"


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _draft_approval(site: Site, filling: Filling) -> Draft:
    name, valid_from = filling.text("id"), filling.optional("valid_from")
    place, assumption = _proposed(site, name, valid_from)
    _refuse_own(site, assumption)
    text = read_text(site.workspace.root, ASSUMPTIONS)
    path = ("assumptions", place, "approved_by")
    fresh = with_value(text, path, site.name, where=ASSUMPTIONS)
    return Draft(
        says=f"{site.name} stands for {name}, {assumption.value:g} {assumption.unit},"
        f" which {assumption.owner} proposed.",
        did=f"{site.name} approved {name}.",
        effect=_RUN,
        edits=judged_edits(site.workspace.root, {ASSUMPTIONS: fresh}),
        about=_about(name, assumption.valid_from.isoformat()),
    )


def _draft_end(site: Site, filling: Filling) -> Draft:
    name, day = filling.text("id"), filling.text("valid_to")
    place, assumption = _proposed(site, name, filling.optional("valid_from"))
    text = read_text(site.workspace.root, ASSUMPTIONS)
    path = ("assumptions", place, "valid_to")
    fresh = with_value(text, path, day, where=ASSUMPTIONS)
    return Draft(
        says=f"The proposal {name} of {assumption.owner} ends on {day}.",
        did=f"{site.name} ended the proposal {name} on {day}.",
        effect=_ROOM,
        edits=judged_edits(site.workspace.root, {ASSUMPTIONS: fresh}),
        about=_about(name, assumption.valid_from.isoformat()),
    )


def _draft_withdrawal(site: Site, filling: Filling) -> Draft:
    name = filling.text("id")
    place, assumption = _proposed(site, name, filling.optional("valid_from"))
    text = read_text(site.workspace.root, ASSUMPTIONS)
    fresh = without_entry(text, "assumptions", place, where=ASSUMPTIONS)
    return Draft(
        says=f"The proposal {name} of {assumption.owner} is taken back.",
        did=f"{site.name} withdrew the proposal {name}.",
        effect=_ROOM,
        edits=judged_edits(site.workspace.root, {ASSUMPTIONS: fresh}),
        about=_about(name, assumption.valid_from.isoformat()),
    )


def _proposed(site: Site, name: str, valid_from: str | None) -> tuple[int, Assumption]:
    register = site.settings.assumptions.assumptions
    for place, each in enumerate(register):
        is_meant = valid_from in {None, each.valid_from.isoformat()}
        if each.id == name and is_meant and not each.is_approved:
            return place, each
    raise UsageError(
        f"No proposal of {name!r} waits for approval.",
        where=ASSUMPTIONS,
        next_step=f"Waiting: {', '.join(waiting(site)) or 'none'}.",
    )


def waiting(site: Site) -> tuple[str, ...]:
    """Return the assumptions backed by nobody but their owner."""
    register = site.settings.assumptions.assumptions
    return tuple(sorted({each.id for each in register if not each.is_approved}))


def _refuse_own(site: Site, assumption: Assumption) -> None:
    """Refuse the proposer, by identity, or by name if written by hand."""
    signature = site.actor.signature
    about = _about(assumption.id, assumption.valid_from.isoformat())
    entry = last_written(site.workspace, "propose_assumption", about)
    if entry is not None:
        act = "propose an assumption"
        require_second_person(entry.detail[SIGNED], signature, act)
    for own in (signature.name, signature.subject.rsplit("|", 1)[-1]):
        if is_same_person(assumption.owner, own):
            raise UsageError(
                f"{site.name} owns {assumption.id} and cannot approve it.",
                where=ASSUMPTIONS,
                next_step="Somebody else has to stand for it.",
            )


def _optional(name: str, label: str, kind: FieldKind = "text") -> ActField:
    return ActField(name, label, kind, is_required=False)


DEEDS: Final = (
    Deed(
        Act(
            "propose_assumption",
            "Propose an assumption",
            (
                ActField("id", "Name", help="Such as margin-freight."),
                ActField("kind", "Kind", choices=_KINDS),
                _optional("feature", "Feature"),
                _optional("metric", "Metric"),
                ActField("value", "Value", "number"),
                _optional("low", "90 % from", "number"),
                _optional("high", "90 % to", "number"),
                ActField("unit", "Unit", help="ratio, EUR/hour, EUR/minute …"),
                ActField(
                    *("better", "Better"),
                    choices=("more", "less"),
                    is_required=False,
                ),
                ActField(
                    *("cash", "In the books"),
                    choices=("yes", "no"),
                    is_required=False,
                ),
                _optional("months", "Months", "number"),
                ActField("source", "Source"),
                ActField("valid_from", "Valid from", "day"),
                _optional("valid_to", "Valid to", "day"),
            ),
            PLANNING,
            can_be_undone=True,
        ),
        _draft_proposal,
    ),
    Deed(
        Act(
            "approve_assumption",
            "Approve an assumption",
            (
                ActField("id", "Assumption"),
                _optional("valid_from", "Valid from", "day"),
            ),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_approval,
        choices={"id": waiting},
    ),
    Deed(
        Act(
            "end_proposed_assumption",
            "End a proposed assumption",
            (
                ActField("id", "Assumption"),
                _optional("valid_from", "Valid from", "day"),
                ActField(
                    *("valid_to", "Ends on", "day"),
                    help="First day that it no longer covers.",
                ),
            ),
            PLANNING,
            can_be_undone=True,
        ),
        _draft_end,
        choices={"id": waiting},
    ),
    Deed(
        Act(
            "withdraw_assumption",
            "Withdraw a proposed assumption",
            (
                ActField("id", "Assumption"),
                _optional("valid_from", "Valid from", "day"),
            ),
            PLANNING,
            can_be_undone=True,
        ),
        _draft_withdrawal,
        choices={"id": waiting},
    ),
)
