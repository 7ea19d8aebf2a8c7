"""Acts that undo wrong arrivals: a delivery, or a renamed source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.core.settings.problems import known_names
from triptych.core.warehouse.coverage_overlaps import published_overlaps
from triptych.core.warehouse.inspection import ask_catalogue
from triptych.core.warehouse.load_lists import read_loads
from triptych.core.warehouse.undecided_sources import read_undecided
from triptych.evidence.overlap_settling import (
    ANSWERS,
    decided_settlement,
    read_answer,
    settle,
)
from triptych.evidence.source_decisions import Decision, decide
from triptych.evidence.withdrawing import withdraw

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site
    from triptych.core.warehouse.load_lists import CataloguedLoad

_BECAUSE: Final = ActField(
    "because", "Because", "prose", help="Why; the audit log keeps it."
)
_TAKE_BACK, _PUT_BACK = "take it back", "put it back"


def _loads(site: Site) -> list[CataloguedLoad]:
    """Return the loads that can be taken back or put back, the newest first."""
    kept = [
        load
        for load in read_loads(site.workspace.raw_database)
        if load.state in {"current", "withdrawn"} and not load.is_of_closed_month
    ]
    return sorted(kept, key=lambda load: load.loaded_at, reverse=True)


def _words(load: CataloguedLoad) -> str:
    taken = ", taken back" if load.state == "withdrawn" else ""
    return (
        f"{load.source}: {load.label}, {load.row_count:,} rows,"
        f" {load.loaded_at:%Y-%m-%d %H:%M}{taken} ({load.load_id})"
    )


def _load_words(site: Site) -> tuple[str, ...]:
    return tuple(_words(load) for load in _loads(site))


def _load(site: Site, filling: Filling) -> CataloguedLoad:
    given = filling.text("load")
    by_name: dict[str, CataloguedLoad] = {}
    for load in _loads(site):
        by_name |= {_words(load): load, load.load_id: load}
    if given not in by_name:
        raise UsageError(
            f"Delivery {given!r} is not in the list.",
            next_step="Choose one from the list; triptych loads list --all shows all.",
        )
    return by_name[given]


def _draft_withdrawal(site: Site, filling: Filling) -> Draft:
    load = _load(site, filling)
    is_back = load.state == "withdrawn"
    verb = "counts again" if is_back else "no longer counts in any figure"
    has_earlier = not is_back and _has_earlier(site, load)
    instead = " The one that it had replaced counts again." if has_earlier else ""
    return Draft(
        says=f"{load.label} of {load.source}, {load.row_count:,} rows, {verb}.{instead}"
        " Nothing is removed.",
        did=f"{load.label} of {load.source} {verb}.",
        effect="The next run publishes figures accordingly. Choose the same delivery"
        " again to reverse this.",
        entry={
            "load": load.load_id,
            "act": _PUT_BACK if is_back else _TAKE_BACK,
            "because": filling.text("because"),
        },
        about=f"load:{load.load_id}",
    )


def _has_earlier(site: Site, load: CataloguedLoad) -> bool:
    """Return True if a load replaced another load with files still there."""
    rows = ask_catalogue(
        site.workspace.raw_database,
        "SELECT 1 FROM catalogue.loads WHERE superseded_by = ? AND len(files) > 0",
        [load.load_id],
    )
    return bool(rows)


def _withdraw(site: Site, filling: Filling) -> None:
    load = _load(site, filling)
    withdraw(
        site.workspace,
        load.load_id,
        because=filling.text("because"),
        is_undone=load.state == "withdrawn",
    )


def _former_sources(site: Site) -> tuple[str, ...]:
    undecided = read_undecided(site.workspace.raw_database, _configured(site))
    return tuple(each.source for each in undecided)


def _configured(site: Site) -> tuple[str, ...]:
    return tuple(each.name for each in site.settings.sources)


def _draft_rename(site: Site, filling: Filling) -> Draft:
    old, new = filling.text("old"), filling.text("new")
    former, configured = _former_sources(site), _configured(site)
    for name, known, noun in (
        (old, former, "sources that left the settings"),
        (new, configured, "sources"),
    ):
        if name not in known:
            raise UsageError(
                f"{name!r} is not one of the {noun};"
                f" {known_names(noun, list(known), given=name)}.",
                next_step="Choose one of the list.",
            )
    return Draft(
        says=f"All that {old} delivered is of {new} from now on, with its history."
        " Nothing is loaded again.",
        did=f"{old} is {new} now.",
        effect="The next run publishes figures accordingly. To reverse it:"
        f" triptych source rename {old} {new} --undo.",
        entry={"from": old, "to": new, "because": filling.text("because")},
        about=f"source:{new}",
    )


def _rename(site: Site, filling: Filling) -> None:
    decision = Decision(
        *("rename", filling.text("old"), filling.text("because")),
        new_name=filling.text("new"),
    )
    decide(site.workspace, decision, configured=_configured(site))


def _overlap_words(site: Site) -> tuple[str, ...]:
    overlaps = published_overlaps(site.workspace.root)
    return tuple(f"{overlap.overlap_id}: {overlap.what}" for overlap in overlaps)


def _draft_settlement(site: Site, filling: Filling) -> Draft:
    overlap_id = filling.text("overlap").partition(":")[0]
    answer = read_answer(filling.text("answer"))
    decided = decided_settlement(site.workspace, overlap_id, answer)
    verb = decided.effect
    return Draft(
        says=f"{decided.overlap.what} {site.name} decides: {answer}; {verb}.",
        did=f"{site.name} settled an overlap of {decided.overlap.vendor}: {verb}.",
        effect="The next run publishes figures accordingly.",
        entry={
            "overlap": overlap_id,
            "answer": answer,
            "because": filling.text("because"),
        },
        about=f"overlap:{overlap_id}",
    )


def _settle(site: Site, filling: Filling) -> None:
    settle(
        site.workspace,
        filling.text("overlap").partition(":")[0],
        read_answer(filling.text("answer")),
        because=filling.text("because"),
    )


DEEDS: Final = (
    Deed(
        Act(
            "settle_overlap",
            "Settle what may count twice",
            (
                ActField("overlap", "Overlap"),
                ActField(
                    "answer",
                    "Answer",
                    help="same: one counts; different: both count; supersedes: the"
                    " second replaces the first.",
                    choices=ANSWERS,
                ),
                _BECAUSE,
            ),
            FINANCE,
        ),
        _draft_settlement,
        _settle,
        choices={"overlap": _overlap_words},
    ),
    Deed(
        Act(
            "withdraw_load",
            "Take a delivery back, or put it back",
            (ActField("load", "Delivery"), _BECAUSE),
            FINANCE,
        ),
        _draft_withdrawal,
        _withdraw,
        choices={"load": _load_words},
    ),
    Deed(
        Act(
            "rename_source",
            "A source has a new name",
            (
                ActField("old", "Former name"),
                ActField("new", "Name in triptych.yml"),
                _BECAUSE,
            ),
            FINANCE,
        ),
        _draft_rename,
        _rename,
        choices={"old": _former_sources, "new": _configured},
    ),
)
