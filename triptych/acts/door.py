"""The door for acts: permission, preview, then execution exactly once.

Acts wait for each other, so that a hundred at once are a hundred in a row. The records
of an act carry its signature and the token of the button that was pressed: a token that
the audit log has is not done again.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from triptych.acts import file_edits
from triptych.acts.deed import Draft, Filling, Site
from triptych.acts.deeds import DEEDS
from triptych.acts.filling import filled
from triptych.acts.tokens import entry_of_token, is_recorded
from triptych.core.acts import FileChange, OpenProposal, Outcome, Preview
from triptych.core.errors import RunLockedError, SettingsError, UsageError
from triptych.core.lock import hold_run_lock, wait_for_run_lock
from triptych.core.signatures import SIGNED, signing
from triptych.core.warehouse.locks import record_all
from triptych.core.workspace import Workspace
from triptych.month.proposing import pending_in_lake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from triptych.acts.deed import Deed
    from triptych.core.acts import Act, Actor, Dial, Given
    from triptych.core.lake.audit_log import AuditEntry

#: Maximum wait of an act for other acts [s], and for a run that is under way [s].
_PATIENCE: Final = 90.0
_RUN_PATIENCE: Final = 5.0
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,80}")
#: Audit log entry for an act that leaves no other entry.
ACTED: Final = "acted"
_UNDONE = "-undone"


class NotAllowedError(SettingsError):
    """The caller is not permitted to perform the act."""


class WorkspaceDoor:
    """The door of a workspace; several servers may each have a door.

    Parameters
    ----------
    root : Path
        The workspace.
    """

    def __init__(self, root: Path) -> None:
        self._workspace = Workspace(root)

    def acts(self) -> Sequence[Act]:
        """Return everything that can be done."""
        return [deed.act for deed in DEEDS.values()]

    def proposals(self) -> Sequence[OpenProposal]:
        """Return the proposals that await a second person."""
        return [
            OpenProposal(
                p.step, p.billing_month, p.proposed_by, p.proposed_at, p.document
            )
            for p in pending_in_lake(self._workspace)
        ]

    def choices(self, actor: Actor, name: str, field: str) -> Sequence[str]:
        """Return the allowed values of a field, from the current workspace."""
        listing = _deed(actor, name).choices.get(field)
        return listing(Site(self._workspace, actor)) if listing else ()

    def columns(self, actor: Actor, name: str, given: Given) -> Sequence[str]:
        """Return the columns of a table that was given; none where it has none."""
        deed = _deed(actor, name)
        if deed.columns is None:
            return ()
        texts = {k: v for k, v in given.items() if isinstance(v, str)}
        files = {k: v for k, v in given.items() if isinstance(v, bytes) and v}
        return deed.columns(Filling(texts, files)) if files else ()

    def dials(self, actor: Actor, name: str, given: Given) -> Sequence[Dial]:
        """Return the numbers that an act can set, from its starting point."""
        deed = _deed(actor, name)
        if deed.dials is None:
            return ()
        texts = {k: v for k, v in given.items() if isinstance(v, str)}
        return deed.dials(Site(self._workspace, actor), Filling(texts))

    def preview(self, actor: Actor, name: str, given: Given) -> Preview:
        """Return the effect of an act without writing anything."""
        deed = _deed(actor, name)
        draft = deed.draft(Site(self._workspace, actor), filled(deed.act, given))
        return _preview(draft)

    def apply(
        self,
        actor: Actor,
        name: str,
        given: Given,
        *,
        token: str,
        fingerprint: str | None = None,
        reason: str = "",
    ) -> Outcome:
        """Do an act once, however often it is asked for with the same token."""
        deed = _deed(actor, name)
        _check_token(token)
        filling = filled(deed.act, given, reason)
        with self._alone():
            entry = entry_of_token(self._workspace, token)
            if entry is not None:
                return _repeated(deed.act, entry, actor, token)
            site = Site(self._workspace, actor)
            draft = deed.draft(site, filling)
            preview = _preview(draft)
            if fingerprint not in {None, preview.fingerprint}:
                raise file_edits.ChangedSinceError(
                    "Something is different since the preview.",
                    next_step="Look at it again, then confirm; nothing was done.",
                )
            with signing(replace(actor.signature, token=token)):
                entry, did = self._done(deed, site, filling, draft, token)
        return Outcome(
            act=name,
            did=did,
            effect=draft.effect,
            entry_hash=entry.entry_hash,
            position=entry.position,
            changes=preview.changes,
            token=token,
        )

    def undo(self, actor: Actor, token: str) -> Outcome:
        """Take back the files that a token wrote, while they are as it left them."""
        _check_token(token)
        with self._alone():
            entry = entry_of_token(self._workspace, token)
            if entry is None or entry.event != file_edits.WRITTEN:
                raise UsageError(
                    "This act cannot be undone: the audit log only grows.",
                    next_step="Do the opposite, such as another comment.",
                )
            deed = _deed(actor, str(entry.detail["act"]))
            back = entry_of_token(self._workspace, token + _UNDONE)
            if back is not None:
                return _repeated(deed.act, back, actor, token + _UNDONE)
            edits = file_edits.undoing(self._workspace, token)
            did = f"Undone: {entry.detail['did']}"
            draft = Draft("", did, "The next run is as before.", edits)
            with signing(replace(actor.signature, token=token + _UNDONE)):
                entry = self._written(deed.act, draft, "", token + _UNDONE)
        changes = tuple(map(file_edits.change_of, edits))
        hashed, place = entry.entry_hash, entry.position
        return Outcome(deed.act.name, did, draft.effect, hashed, place, changes)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for other acts, and for a run that is about to end."""
        self._workspace.runs_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._workspace.runs_dir / "acts.lock")
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise RunLockedError(
                "Other acts on this workspace take longer than an act should.",
                where=str(lock.lock_file),
                next_step="Try again in a minute; nothing was done.",
            ) from None
        try:
            wait_for_run_lock(self._workspace.lock_file, seconds=_RUN_PATIENCE)
            file_edits.finish_interrupted(
                self._workspace, lambda token: is_recorded(self._workspace, token)
            )
            yield
        finally:
            lock.release()

    def _done(
        self, deed: Deed, site: Site, filling: Filling, draft: Draft, token: str
    ) -> tuple[AuditEntry, str]:
        if deed.perform is None:
            written = self._written(deed.act, draft, filling.reason, token)
            return written, draft.did
        if deed.is_logged_first:
            logged = self._acted(deed, site, filling, draft)
            return logged, deed.perform(site, filling) or draft.did
        came_of_it = deed.perform(site, filling)
        draft = replace(draft, did=came_of_it or draft.did)
        entry = entry_of_token(self._workspace, token)
        # Not every entry that an act leaves has a place for a remark or for its result.
        is_lost = bool(filling.reason) and (
            entry is None
            or filling.reason
            not in {entry.detail.get(key) for key in ("reason", "approval_reason")}
        )
        if entry is None or is_lost or came_of_it:
            entry = self._acted(deed, site, filling, draft)
        return entry, draft.did

    def _acted(
        self, deed: Deed, site: Site, filling: Filling, draft: Draft
    ) -> AuditEntry:
        detail = _detail(deed.act, draft, filling.reason, site.name)
        return record_all(self._workspace, [(ACTED, detail)])[0]

    def _written(self, act: Act, draft: Draft, reason: str, token: str) -> AuditEntry:
        detail = _detail(act, draft, reason, "")
        with hold_run_lock(self._workspace.lock_file):
            return file_edits.write(
                self._workspace, draft.edits, token=token, detail=detail
            )


def open_door(root: Path) -> WorkspaceDoor:
    """Return the door of a workspace."""
    return WorkspaceDoor(root)


def _deed(actor: Actor, name: str) -> Deed:
    deed = DEEDS.get(name)
    if deed is None:
        raise UsageError(f"There is no act {name!r}.", next_step="Load the page again.")
    if not actor.may(deed.act):
        role = f"the role {actor.role}" if actor.role else "whoever has no role"
        raise NotAllowedError(
            f"“{deed.act.title}” is not for {role}.",
            next_step=f"It is for {', '.join(sorted(deed.act.roles))}; whoever runs"
            " triptych gives roles in triptych.yml, access.roles.",
        )
    return deed


def _check_token(token: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise UsageError(
            "The act has no token by which it can be done once.",
            next_step="Load the page again.",
        )


def _preview(draft: Draft) -> Preview:
    changes = tuple(map(file_edits.change_of, draft.edits))
    if draft.entry:
        lines = [f"+ {key}: {value}\n" for key, value in draft.entry.items()]
        changes = (*changes, FileChange("audit log", "".join(lines)))
    digests = [file_edits.digests(each) for each in draft.edits]
    whole = json.dumps([draft.says, digests, [asdict(each) for each in changes]])
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return Preview(draft.says, draft.effect, changes, digest, draft.result)


def _detail(act: Act, draft: Draft, reason: str, name: str) -> dict[str, object]:
    detail: dict[str, object] = {"act": act.name, "did": draft.did}
    if reason:
        detail["reason"] = reason
    if draft.about:
        detail["about"] = draft.about
    return {**detail, "actor": name} if name else detail


def _repeated(act: Act, entry: AuditEntry, actor: Actor, token: str) -> Outcome:
    signature = entry.detail[SIGNED]
    if signature["subject"] != actor.signature.subject:
        raise UsageError(
            "This was confirmed by somebody else.", next_step="Load the page again."
        )
    return Outcome(
        act=act.name,
        did=str(entry.detail.get("did", f"{act.title}: done.")),
        effect="It was done already, and nothing was done twice.",
        entry_hash=entry.entry_hash,
        position=entry.position,
        token=token,
        is_repeated=True,
    )
