"""Which plans were locked before the figures after their launch could be read.

``studies/register.jsonl`` has one entry per registration or amendment, oldest first,
each with the hash of the one before. Nothing is changed or removed; whoever thinks
otherwise amends, and the difference stays visible. The newest entry's hash stands for
all: whoever writes it down elsewhere can also tell that nothing was cut off the end.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from attribution.refusal import Refusal
from triptych.errors import SettingsError, UsageError
from triptych.signatories import named_person

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from attribution.plan import Plan

State = Literal["REGISTERED", "AMENDED", "EXPLORATORY"]
_FIRST_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """A registration or an amendment.

    Attributes
    ----------
    study_id, plan_hash : str
        The study, and the SHA-256 of its canonical plan.
    event : {"registered", "amended"}
        Whether it is the study's first entry.
    at, by : str
        When, in UTC, and who.
    data_cut_off : str
        The last date that could have been read: the entry's, or the history's if later.
    minimum_detectable_effect : float or None
        Per unit and period; ``None`` without a history, or if no interval is bounded.
    changes : mapping
        What an amendment changed: field, before, after.
    plan : mapping
        The plan in its canonical form.
    previous_hash, entry_hash : str
        The chain.
    low_power_reason : str
        Why it was locked although the smallest effect that matters would not be found;
        empty where it would be.
    """

    study_id: str
    plan_hash: str
    event: str
    at: str
    by: str
    data_cut_off: str
    minimum_detectable_effect: float | None
    changes: dict[str, list[Any]]
    plan: dict[str, Any]
    previous_hash: str
    entry_hash: str = ""
    low_power_reason: str = ""

    @property
    def was_in_time(self) -> bool:
        """Whether nothing from the launch on could have been read."""
        return self.data_cut_off < str(self.plan["launch"])


class StudyRegister:
    """The register of a workspace.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self, study_id: str | None = None) -> list[Entry]:
        """Return the entries, oldest first, after the chain was checked.

        Raises
        ------
        SettingsError
            An entry is not what was written.
        """
        if not self._path.is_file():
            return []
        found, previous = [], _FIRST_HASH
        lines = self._path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            entry = _entry_of(line)
            intact = entry is not None and entry.previous_hash == previous
            if entry is None or not intact or entry.entry_hash != _hash(entry):
                raise SettingsError(
                    "this entry of the register is not what was written.",
                    where=f"{self._path.name}:{number}",
                    next_step="Restore the file from a copy; entries are only added.",
                )
            previous = entry.entry_hash
            found.append(entry)
        return [one for one in found if study_id in (None, one.study_id)]

    def register(
        self,
        plan: Plan,
        *,
        by: str,
        at: datetime,
        history: pd.DataFrame | None = None,
        low_power_reason: str = "",
    ) -> Entry | Refusal:
        """Lock a plan, or amend the one that is locked.

        Parameters
        ----------
        plan : Plan
            What is declared.
        by : str
            Who declares it; no e-mail address.
        at : datetime
            When, with its time zone.
        history : DataFrame, optional
            The data there is; power is worked out from what is before the launch.
        low_power_reason : str
            Why to lock a study that would not find the smallest effect that matters.
            It stands in the entry; where the power suffices it is not kept.

        Returns
        -------
        Entry or Refusal
            ``underpowered`` where the smallest effect that matters would not be found,
            and nobody says why it is asked all the same.

        Raises
        ------
        UsageError
            Nobody is named, or the plan is already locked as it is.
        """
        author = _author(by)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # What is read here decides what is written: nobody writes in between.
        with FileLock(self._path.with_name(f".{self._path.name}.lock")):
            return self._locked(plan, author, at, history, low_power_reason.strip())

    def _locked(
        self,
        plan: Plan,
        author: str,
        at: datetime,
        history: pd.DataFrame | None,
        low_power_reason: str,
    ) -> Entry | Refusal:
        everything = self.entries()
        before = [entry for entry in everything if entry.study_id == plan.id]
        if before and before[-1].plan_hash == plan.hash:
            raise UsageError(f"Study {plan.id!r} is already locked as it is.")
        power = _power(history, plan, low_power_reason)
        if isinstance(power, Refusal):
            return power
        unsealed = Entry(
            study_id=plan.id,
            plan_hash=plan.hash,
            event="amended" if before else "registered",
            at=at.isoformat(timespec="seconds"),
            by=author,
            data_cut_off=_cut_off(history, at).isoformat(),
            minimum_detectable_effect=power[0],
            changes=plan.changes_since(before[-1].plan) if before else {},
            plan=json.loads(plan.canonical()),
            previous_hash=everything[-1].entry_hash if everything else _FIRST_HASH,
            low_power_reason=power[1],
        )
        entry = replace(unsealed, entry_hash=_hash(unsealed))
        self._append(entry)
        return entry

    def _append(self, entry: Entry) -> None:
        """Add an entry: a reader, or a full disk, finds the old file or the new one."""
        before = self._path.read_bytes() if self._path.is_file() else b""
        fresh = self._path.with_name(f".{self._path.name}.new")
        try:
            with fresh.open("wb") as file:
                file.write(before + f"{_canonical(_said(entry))}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)

    def state_of(self, plan: Plan) -> State:
        """Return what an estimate of a plan may call itself.

        Exploratory where it was never locked, was locked after its launch could be
        read, or is not what was locked; amended where that happened to an amendment.
        """
        return state_of_entries(self.entries(plan.id), plan)


def state_of_entries(entries: Sequence[Entry], plan: Plan) -> State:
    """Return what an estimate may call itself, from the study's entries.

    See :meth:`StudyRegister.state_of`.
    """
    if not entries or entries[-1].plan_hash != plan.hash:
        return "EXPLORATORY"
    if not entries[0].was_in_time:
        return "EXPLORATORY"
    late = [entry for entry in entries if not _amended_in_time(entry, entries[0])]
    return "AMENDED" if late else "REGISTERED"


def _amended_in_time(entry: Entry, first: Entry) -> bool:
    """Return whether neither the old launch nor the new one could have been read."""
    return entry.data_cut_off < min(
        str(entry.plan["launch"]), str(first.plan["launch"])
    )


def _author(name: str) -> str:
    author = named_person(name, "--by")
    if "@" in author:
        raise UsageError(
            "--by is an e-mail address, and the register keeps none.",
            next_step="Give a person's name.",
        )
    return author


def _power(
    history: pd.DataFrame | None, plan: Plan, reason: str
) -> tuple[float | None, str] | Refusal:
    """Return the effect that would be found, and why less than needed is accepted."""
    if history is None:
        return None, ""
    # Slow to load, and entries are read far more often than plans are locked.
    from attribution.fitting_processes import one_blas_thread  # noqa: PLC0415
    from attribution.studies.power import minimum_detectable_effect  # noqa: PLC0415

    with one_blas_thread():
        detectable = minimum_detectable_effect(history, plan)
    if isinstance(detectable, Refusal):
        return detectable
    is_low = plan.minimum_effect is not None and detectable > plan.minimum_effect
    if is_low and not reason:
        return _underpowered(detectable, plan)
    known = detectable if math.isfinite(detectable) else None
    return known, reason if is_low else ""


def _underpowered(detectable: float, plan: Plan) -> Refusal:
    from attribution.studies.power import power_of  # noqa: PLC0415

    smallest = plan.minimum_effect or 0.0
    return Refusal(
        "underpowered",
        f"The smallest effect that would be found four times of five is"
        f" {detectable:.3g} {plan.outcome_unit} per unit and {plan.period}, and the"
        f" smallest that matters, {smallest:.3g}, would be found"
        f" {power_of(smallest, detectable):.0%} of times.",
        {"detectable": detectable, "minimum_effect": smallest},
        study_id=plan.id,
        plan_hash=plan.hash,
        break_even=plan.break_even,
    )


def _cut_off(history: pd.DataFrame | None, at: datetime) -> date:
    """Return the last date that could have been read: that of the entry, or later.

    A history that ends early does not show that nobody looked further.
    """
    if history is None:
        return at.date()
    from attribution.panel import dates_of  # noqa: PLC0415  (slow to load)

    last = dates_of(history).max()
    return max(at.date(), date(last.year, last.month, last.day))


def _entry_of(line: str) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (TypeError, ValueError):
        return None


def _said(entry: Entry) -> dict[str, Any]:
    """Return what an entry says; entries before there was a reason have no such key."""
    content = asdict(entry)
    if not entry.low_power_reason:
        content.pop("low_power_reason")
    return content


def _hash(entry: Entry) -> str:
    content = _said(entry)
    content.pop("entry_hash")
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


__all__ = ["Entry", "State", "StudyRegister", "state_of_entries"]
