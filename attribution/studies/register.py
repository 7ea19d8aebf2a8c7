"""Register of plans locked before post-launch figures could be read.

``studies/register.jsonl`` has an entry per registration or amendment, oldest first,
each with the hash of the entry before. Nothing is changed or removed; any change of
mind is an amendment, and the difference stays visible. The newest entry's hash covers
all: anybody who writes it down elsewhere can also verify that nothing was cut off the
end.

Each entry is also in the journal of the workspace, its sealed audit log, and first
there. The file is compared with it: entries missing at its end are rewritten from the
journal, and any other difference is refused.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from attribution.causal.refusal import Refusal
from attribution.studies.register_entries import (
    ACCEPTED,
    ASSIGNED,
    CONCLUDED,
    Entry,
    author_of,
    canonical,
    entry_content,
    entry_hash,
    parse_entry,
)
from attribution.studies.register_journal import first_difference
from attribution.studies.registration_power import power_to_register
from attribution.studies.restating import check_acceptance
from attribution.studies.withdrawals import (
    WITHDRAWAL_APPROVED,
    WITHDRAWN,
    check_decision,
)
from triptych.core.errors import SettingsError, UsageError
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from attribution.causal.plan import Plan
    from attribution.studies.register_journal import Journal

State = Literal["REGISTERED", "AMENDED", "EXPLORATORY"]
_FIRST_HASH = "0" * 64
#: Author of entries that a run makes.
PROGRAM = "triptych"
_RESTORE = (
    "Restore the file from a copy; entries are only added. If a run has read them, the"
    " audit log has them too: move the file away, and the next run writes it anew."
)


class StudyRegister:
    """The register of a workspace.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    journal : Journal, optional
        Journal in which each entry is kept first; None where there is none yet.
    """

    def __init__(self, path: Path, *, journal: Journal | None = None) -> None:
        self._path = path
        self._journal = journal

    def entries(self, study_id: str | None = None) -> list[Entry]:
        """Return the entries, oldest first, after the chain was checked.

        Raises
        ------
        SettingsError
            An entry differs from the written entry.
        """
        if not self._path.is_file():
            return []
        found, previous = [], _FIRST_HASH
        lines = self._path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            entry = parse_entry(line)
            intact = entry is not None and entry.previous_hash == previous
            if entry is None or not intact or entry.entry_hash != entry_hash(entry):
                raise SettingsError(
                    "this entry of the register is not what was written.",
                    where=f"{self._path.name}:{number}",
                    next_step=_RESTORE,
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
        """Lock a plan, or amend the locked plan.

        Parameters
        ----------
        plan : Plan
            Plan to declare.
        by : str
            Author of the declaration; no e-mail address.
        at : datetime
            Time, with its time zone.
        history : DataFrame, optional
            Available data; power is computed from the part before the launch.
        low_power_reason : str
            Reason to lock a study that would not find the smallest effect that matters.
            It is kept in the entry; where the power suffices it is not kept.

        Returns
        -------
        Entry or Refusal
            ``underpowered`` where the smallest effect that matters would not be found,
            and nobody gives a reason for the study.

        Raises
        ------
        UsageError
            Nobody is named, or the plan is already locked as it is.
        """
        author = author_of(by)
        with self._alone():
            self._catch_up()
            return self._locked(plan, author, at, history, low_power_reason.strip())

    def catch_up(self) -> bool:
        """Compare file and journal, and write the entries missing in either.

        A journal without any entry takes those of the file; a file that ends early gets
        the journal's entries beyond it.

        Returns
        -------
        bool
            True if the file was changed.

        Raises
        ------
        SettingsError
            An entry differs from the journal's; nothing was changed.
        """
        if self._journal is None:
            return False
        if not self._path.exists() and not self._journal.entries():
            return False  # nobody registers studies here
        with self._alone():
            return self._catch_up()

    def _alone(self) -> FileLock:
        """Return the lock against other writers, as decisions depend on reads."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self._path.with_name(f".{self._path.name}.lock"))

    def _catch_up(self) -> bool:
        if self._journal is None:
            return False
        own = register_lines(self._path)
        kept = self._journal.entries()
        if own and not kept:
            self._journal.add(own)
            return False
        number = first_difference(own, kept)
        if number is not None:
            raise SettingsError(
                "this entry of the register is not in the audit log in this form.",
                where=f"{self._path.name}:{number}",
                next_step=_RESTORE,
            )
        self._write(kept[len(own) :])
        return len(kept) > len(own)

    def _locked(
        self,
        plan: Plan,
        author: str,
        at: datetime,
        history: pd.DataFrame | None,
        low_power_reason: str,
    ) -> Entry | Refusal:
        everything = self.entries()
        before = _locking(everything, plan.id)
        if before and before[-1].plan_hash == plan.hash:
            raise UsageError(
                f"Study {plan.id!r} is already locked as it is.",
                next_step="Nothing is to be done; change its plan to amend it.",
            )
        power = power_to_register(history, plan, low_power_reason)
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
            nonce=token_hex(16) if plan.assignment and plan.assignment.units else "",
        )
        return self._append(unsealed)

    def withdraw(
        self, study_id: str, *, by: str, because: str, at: datetime, login: str = ""
    ) -> Entry:
        """Ask that a study no longer counts; until a second person agrees, it does.

        Parameters
        ----------
        study_id : str
            A locked study.
        by : str
            Person who asks; no e-mail address.
        because : str
            Reason.
        at : datetime
            Time, with its time zone.
        login : str
            Identity that an authority vouches for.

        Raises
        ------
        UsageError
            The study is not locked or already withdrawn, or no reason is given.
        """
        reason = " ".join(because.split())
        if not reason:
            raise UsageError(
                "A study is withdrawn for a reason.",
                next_step="Say why with --because.",
            )
        arms = {"login": login} if login else {}
        return self._decide(study_id, WITHDRAWN, author_of(by), at, reason, arms)

    def approve_withdrawal(
        self, study_id: str, *, by: str, at: datetime, login: str = ""
    ) -> Entry:
        """Agree, as a second person, that a withdrawn study no longer counts.

        Where ``access.two_people`` is ``identities``, the caller compares the logins
        with :func:`attribution.studies.withdrawals.check_logins` before.

        Raises
        ------
        UsageError
            The withdrawal was not asked for, is approved already, or ``by`` is the
            person who asked for it.
        """
        arms = {"login": login} if login else {}
        return self._decide(study_id, WITHDRAWAL_APPROVED, author_of(by), at, "", arms)

    def assigned(
        self, study_id: str, delivered: Mapping[str, str], *, by: str, at: datetime
    ) -> Entry:
        """Record the arms that a platform delivered.

        Parameters
        ----------
        study_id : str
            A locked study with a platform.
        delivered : mapping of str to str
            As :func:`attribution.studies.platform_exports.delivered_arms` reads it.
        by : str
            Author of the entry; no e-mail address.
        at : datetime
            Time, with its time zone.
        """
        return self._decide(study_id, ASSIGNED, author_of(by), at, "", delivered)

    def accept_data(
        self, study_id: str, data: str, *, by: str, login: str, at: datetime
    ) -> Entry:
        """Accept data that was edited after a study's end; two logins decide.

        Parameters
        ----------
        study_id, data : str
            A locked study, and the beginning of the hash of its data.
        by, login : str
            Person, and the identity that an authority vouches for.
        at : datetime
            Time, with its time zone.
        """
        return self._decide(
            study_id, ACCEPTED, author_of(by), at, data, {"login": login}
        )

    @property
    def kept_folder(self) -> Path:
        """Folder of the rows of concluded studies."""
        return self._path.with_name("concluded")

    def concluded(
        self, figures: Mapping[str, Mapping[str, str]], *, at: datetime
    ) -> None:
        """Enter the concluded figures of studies, all at once.

        Parameters
        ----------
        figures : mapping of str to mapping
            By study: plan, data, effect and the hash of its file.
        at : datetime
            Time, with its time zone.
        """
        with self._alone():
            self._catch_up()
            everything = self.entries()
            previous, fresh = everything[-1].entry_hash, []
            for study_id, arms in figures.items():
                locked = _locking(everything, study_id)[-1]
                entry = locked.followed_by(CONCLUDED, PROGRAM, at, previous, arms=arms)
                fresh.append(replace(entry, entry_hash=entry_hash(entry)))
                previous = fresh[-1].entry_hash
            contents = [entry_content(entry) for entry in fresh]
            if self._journal is not None:
                self._journal.add(contents)
            self._write(contents)

    def _decide(
        self,
        study_id: str,
        event: str,
        author: str,
        at: datetime,
        because: str,
        arms: Mapping[str, str] | None = None,
    ) -> Entry:
        with self._alone():
            self._catch_up()
            everything = self.entries()
            own = [entry for entry in everything if entry.study_id == study_id]
            if event not in {ASSIGNED, ACCEPTED}:
                check_decision(own, study_id, event, author)
            locked = _locking(own, study_id)[-1]
            previous = everything[-1].entry_hash
            entry = locked.followed_by(
                event, author, at, previous, because=because, arms=arms
            )
            if event == ACCEPTED:
                check_acceptance(own, entry)
            return self._append(entry)

    def _append(self, unsealed: Entry) -> Entry:
        """Add an entry, to the journal first."""
        entry = replace(unsealed, entry_hash=entry_hash(unsealed))
        if self._journal is not None:
            self._journal.add([entry_content(entry)])
        self._write([entry_content(entry)])
        return entry

    def _write(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Add entries, whole or not at all."""
        if not entries:
            return
        before = self._path.read_bytes() if self._path.is_file() else b""
        lines = "".join(f"{canonical(entry)}\n" for entry in entries)
        write_whole(self._path, before + lines.encode())

    def state_of(self, plan: Plan) -> State:
        """Return the label that an estimate of a plan may carry.

        Exploratory where it was never locked, was locked after its launch could be
        read, or differs from the locked plan; amended where that happened to an
        amendment.
        """
        return state_of_entries(self.entries(plan.id), plan)


def register_lines(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a register as they are written, after checking its chain.

    Raises
    ------
    SettingsError
        An entry differs from the written entry.
    """
    return [entry_content(entry) for entry in StudyRegister(path).entries()]


def state_of_entries(entries: Sequence[Entry], plan: Plan) -> State:
    """Return the label that an estimate may carry, by the study's entries.

    See :meth:`StudyRegister.state_of`.
    """
    locking = [entry for entry in entries if entry.locks_a_plan]
    if not locking or locking[-1].plan_hash != plan.hash:
        return "EXPLORATORY"
    if not locking[0].was_in_time:
        return "EXPLORATORY"
    return "AMENDED" if late_amendments(locking) else "REGISTERED"


def late_amendments(locking: Sequence[Entry]) -> list[Entry]:
    """Return amendments by authors who could have read the figures."""
    return [entry for entry in locking if not _amended_in_time(entry, locking[0])]


def _locking(entries: Sequence[Entry], study_id: str) -> list[Entry]:
    return [
        entry for entry in entries if entry.study_id == study_id and entry.locks_a_plan
    ]


def _amended_in_time(entry: Entry, first: Entry) -> bool:
    """Return True if neither the old nor the new launch could be read."""
    return entry.data_cut_off < min(
        str(entry.plan["launch"]), str(first.plan["launch"])
    )


def _cut_off(history: pd.DataFrame | None, at: datetime) -> date:
    """Return the last date that could have been read: that of the entry, or later.

    A history that ends early does not show that nobody looked further.
    """
    if history is None:
        return at.date()
    from attribution.causal.panel import dates_of  # noqa: PLC0415  (slow to load)

    last = dates_of(history).max()
    return max(at.date(), date(last.year, last.month, last.day))
