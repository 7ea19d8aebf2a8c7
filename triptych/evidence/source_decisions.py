"""Decides on the loads of sources that have left the settings.

It has another name now (*rename*), it was wrong or is over and counts no more
(*retire*), or it is over and counts on (*adopt*). Each has a reason, is in the audit
log and can be undone. Nothing is removed, and the figures of a closed month stay as
they were: the difference is an adjustment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ingest.engine.lake import open_catalogue, places_of
from triptych.core.errors import UsageError
from triptych.core.lake.source_names import SOURCE_RENAMED
from triptych.core.lake.withdrawals import LOADS_WITHDRAWN, WITHDRAWAL_UNDONE
from triptych.core.lock import hold_run_lock
from triptych.core.settings.problems import known_names
from triptych.core.warehouse.inspection import ask_catalogue
from triptych.core.warehouse.load_lists import read_loads
from triptych.core.warehouse.undecided_sources import ADOPTION_UNDONE, SOURCE_ADOPTED

if TYPE_CHECKING:
    from collections.abc import Collection

    from triptych.core.warehouse.load_lists import CataloguedLoad
    from triptych.core.workspace import Workspace

Act = Literal["rename", "retire", "adopt"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Decision on a source, and the reason.

    ``new_name`` belongs to *rename*. ``is_undone`` takes the decision back.
    """

    act: Act
    source: str
    because: str
    new_name: str = ""
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class DecisionReport:
    """Decision taken, and the number of its loads."""

    decision: Decision
    load_count: int
    audit_log_hash: str


def decide(
    workspace: Workspace, decision: Decision, *, configured: Collection[str]
) -> DecisionReport:
    """Carry a decision out and write it down.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the source.
    decision : Decision
        Decision and reason.
    configured : collection of str
        Names of the sources in the settings.

    Raises
    ------
    UsageError
        There is no reason, nothing to decide or undo, or the source is configured.
    RunLockedError
        A run is going on.
    """
    reason = decision.because.strip()
    if not reason:
        raise UsageError(
            "A decision about a source needs a reason.",
            next_step=f"Give it: triptych source {decision.act} … --because TEXT; the"
            " audit log keeps it.",
        )
    with hold_run_lock(workspace.lock_file):
        loads = _loads_of(workspace, decision)
        if not decision.is_undone:
            _refuse_configured(decision, configured)
        event, load_ids, detail = (
            _undone(workspace, decision, loads)
            if decision.is_undone
            else _done(decision, loads)
        )
        with open_catalogue(places_of(workspace)) as catalogue:
            entry = catalogue.withdraw(event, load_ids, {**detail, "reason": reason})
    return DecisionReport(decision, len(load_ids), entry.entry_hash)


_Step = tuple[str, list[str], dict[str, object]]


def _done(decision: Decision, loads: list[CataloguedLoad]) -> _Step:
    """Return event, loads and detail of a decision."""
    source = decision.source
    mine = [load for load in loads if load.source == source]
    current = [load.load_id for load in mine if load.state == "current"]
    if decision.act == "rename":
        _refuse_double(decision, loads)
        detail = {"target": source, "new_name": decision.new_name}
        return SOURCE_RENAMED, [load.load_id for load in mine], dict(detail)
    if not current:
        raise UsageError(
            f"No load of source {source!r} counts.",
            next_step='"triptych loads list --all" says what each is.',
        )
    if decision.act == "retire":
        whole = {"is_whole_source": True, "is_over": True, "is_retired": True}
        return LOADS_WITHDRAWN, current, {"target": source, **whole}
    return SOURCE_ADOPTED, [], {"target": source, "is_over": True}


def _undone(
    workspace: Workspace, decision: Decision, loads: list[CataloguedLoad]
) -> _Step:
    """Return event, loads and detail of taking a decision back."""
    source = decision.source
    if decision.act == "adopt":
        _last(workspace, decision, SOURCE_ADOPTED)
        return ADOPTION_UNDONE, [], {"target": source}
    known = {load.load_id: load for load in loads}
    if decision.act == "rename":
        detail = _last(workspace, decision, SOURCE_RENAMED)
        ids = [name for name in detail["load_ids"] if name in known]
        of_new = {"target": decision.new_name, "new_name": source}
        return SOURCE_RENAMED, ids, dict(of_new)
    detail = _last(workspace, decision, LOADS_WITHDRAWN)
    ids = [name for name in detail["load_ids"] if known[name].state == "withdrawn"]
    return WITHDRAWAL_UNDONE, ids, {"target": source}


def _last(workspace: Workspace, decision: Decision, event: str) -> dict[str, Any]:
    """Return the log detail of the newest such decision about a source."""
    rows = ask_catalogue(
        workspace.raw_database,
        "SELECT detail FROM catalogue.audit_log WHERE event = ?"
        " AND json_extract_string(detail, '$.target') = ?"
        " AND coalesce(json_extract_string(detail, '$.new_name'), '') = ?"
        " AND (event <> ? OR json_extract_string(detail, '$.is_retired') = 'true')"
        " ORDER BY position DESC LIMIT 1",
        [event, decision.source, decision.new_name, LOADS_WITHDRAWN],
    )
    if not rows:
        raise UsageError(
            f"Nothing of the kind was decided about source {decision.source!r}.",
            next_step='"triptych source list" shows what is to be decided.',
        )
    detail: dict[str, Any] = json.loads(rows[0][0])
    return detail


def _loads_of(workspace: Workspace, decision: Decision) -> list[CataloguedLoad]:
    """Return all loads, of which some are of the source or were."""
    loads = [
        load
        for load in read_loads(workspace.raw_database)
        if not load.is_of_closed_month
    ]
    sources = sorted({load.source for load in loads})
    name = decision.source
    if decision.is_undone and decision.act == "rename":
        name = decision.new_name
    if name in sources:
        return loads
    raise UsageError(
        f"There is no source {name!r} with loads;"
        f" {known_names('sources', sources, given=name)}.",
        next_step='"triptych loads list --all" lists all.',
    )


def _refuse_configured(decision: Decision, configured: Collection[str]) -> None:
    if decision.source in configured:
        raise UsageError(
            f"Source {decision.source!r} is in triptych.yml, and the next run would"
            " load it again.",
            where="triptych.yml",
            next_step="Rename or remove it there first. A wrong delivery is taken back"
            " with triptych withdraw.",
        )
    if decision.act == "rename" and decision.new_name not in configured:
        known = known_names("sources", configured, given=decision.new_name)
        raise UsageError(
            f"There is no source {decision.new_name!r} in the settings; {known}.",
            where="triptych.yml",
            next_step="Name the source there as it is called now, then rename.",
        )


def _refuse_double(decision: Decision, loads: list[CataloguedLoad]) -> None:
    """Stop where both names have a delivery of the same place, which would be two."""
    current = [load for load in loads if load.state == "current"]
    places = {
        (load.stream, load.scope)
        for load in current
        if load.source == decision.new_name
    }
    double = [
        load
        for load in current
        if load.source == decision.source and (load.stream, load.scope) in places
    ]
    if double:
        raise UsageError(
            f"{len(double):,} deliveries of {decision.source!r} count as"
            f" {decision.new_name!r} already, such as {double[0].label}: they count"
            " twice now.",
            next_step=f"triptych withdraw {decision.new_name} --because TEXT takes the"
            f" newer ones out; then rename. Or retire {decision.source!r}.",
        )
