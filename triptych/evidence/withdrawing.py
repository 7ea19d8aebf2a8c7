"""Takes a delivery back, or all of a source, and undoes that; the reason is kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.engine.lake import open_catalogue, places_of
from triptych.core.errors import UsageError
from triptych.core.lake.withdrawals import LOADS_WITHDRAWN, WITHDRAWAL_UNDONE
from triptych.core.lock import hold_run_lock
from triptych.core.warehouse.inspection import ask_catalogue
from triptych.core.warehouse.load_lists import CataloguedLoad, read_loads
from triptych.evidence.overlap_settling import settlements_of, undo_settlement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WithdrawalReport:
    """Loads that were withdrawn or restored, and those that replace them."""

    load_ids: tuple[str, ...]
    counted_instead: tuple[str, ...]
    is_undone: bool
    audit_log_hash: str


def withdraw(
    workspace: Workspace, target: str, *, because: str, is_undone: bool = False
) -> WithdrawalReport:
    """Take a load, or all loads of a source, out of every figure.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the loads.
    target : str
        Id of a load, or name of a source.
    because : str
        Reason, for the audit log.
    is_undone : bool
        True to put withdrawn loads back, or charges of a load that an answer to an
        overlap had left out; for a source the loads withdrawn with all of
        it, unless its loads were only withdrawn singly.

    Raises
    ------
    UsageError
        There is no reason, or no such load or source to withdraw or put back.
    RunLockedError
        A run is going on.
    """
    reason = because.strip()
    if not reason:
        raise UsageError(
            "A withdrawal needs a reason.",
            next_step='Give it: triptych withdraw LOAD --because "…"; the audit log'
            " keeps it.",
        )
    with hold_run_lock(workspace.lock_file):
        if is_undone and (settled := settlements_of(workspace, target)):
            entries = [undo_settlement(workspace, each, reason) for each in settled]
            return WithdrawalReport((target,), (), True, entries[-1].entry_hash)
        loads = read_loads(workspace.raw_database)
        wanted = _wanted(loads, target, "withdrawn" if is_undone else "current")
        if is_undone:
            wanted = _withdrawn_together(workspace, wanted) or wanted
        event = WITHDRAWAL_UNDONE if is_undone else LOADS_WITHDRAWN
        load_ids = [load.load_id for load in wanted]
        with open_catalogue(places_of(workspace)) as catalogue:
            entry = catalogue.withdraw(
                event,
                load_ids,
                {
                    "target": target,
                    "reason": reason,
                    "is_whole_source": target not in load_ids,
                },
            )
        known = {load.load_id for load in loads if load.state == "current"}
        now = [
            load.load_id
            for load in read_loads(workspace.raw_database)
            if load.state == "current" and load.load_id not in known
        ]
    instead = () if is_undone else tuple(now)
    return WithdrawalReport(tuple(load_ids), instead, is_undone, entry.entry_hash)


def _wanted(
    loads: Sequence[CataloguedLoad], target: str, state: str
) -> list[CataloguedLoad]:
    named = [load for load in loads if target in (load.load_id, load.source)]
    wanted = [load for load in named if load.state == state]
    if any(load.is_of_closed_month for load in named):
        raise UsageError(
            f"{target!r} keeps the figures of a closed month.",
            next_step="Reopen the month: triptych reopen --period YYYY-MM.",
        )
    if wanted:
        return wanted
    if not named:
        sources = sorted({load.source for load in loads})
        raise UsageError(
            f"There is no load and no source {target!r}; sources with loads are"
            f" {', '.join(sources) or 'none'}.",
            next_step='"triptych loads list --all" lists all.',
        )
    states = ", ".join(sorted({load.state for load in named}))
    raise UsageError(
        f"No load of {target!r} is {state}: it is {states}.",
        next_step='"triptych loads list --all" says what each is.',
    )


def _withdrawn_together(
    workspace: Workspace, loads: Sequence[CataloguedLoad]
) -> list[CataloguedLoad]:
    """Return the loads that were withdrawn with all of their source.

    A load that was withdrawn by itself before was wrong before.
    """
    rows = ask_catalogue(
        workspace.raw_database,
        "SELECT detail FROM catalogue.audit_log WHERE event = ? ORDER BY position",
        [LOADS_WITHDRAWN],
    )
    is_together: dict[str, bool] = {}
    for (text,) in rows:
        detail = json.loads(text)
        is_whole = bool(detail.get("is_whole_source"))
        is_together |= dict.fromkeys(detail["load_ids"], is_whole)
    return [load for load in loads if is_together.get(load.load_id)]
