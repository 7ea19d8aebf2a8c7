"""Actions available from a page: acts as values, and their door.

Pages know these types; the implementation behind the door is passed to them when the
server starts. Without a door, pages only show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from triptych.core.settings import Role
    from triptych.core.signatures import Signature

#: A column is one of the table that the field before it was given.
FieldKind = Literal["text", "prose", "number", "day", "file", "column"]
#: Input by the name of the field; a file is its bytes.
Given: TypeAlias = "Mapping[str, str | bytes]"


@dataclass(frozen=True, slots=True)
class ActField:
    """A field of an act: its label and its allowed values.

    ``choices`` are those that do not depend on the workspace; pages may offer others.
    A number is written with a point and no separators, a day as ``YYYY-MM-DD``.
    """

    name: str
    label: str
    kind: FieldKind = "text"
    help: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = True
    #: Of a file: several are given as one ZIP archive.
    takes_many: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done: its fields, who may do it, and if it can be undone.

    ``roles`` are those of the signed-in user. Without sign-in, the operating-system
    user of this machine may do everything, as with the commands.
    """

    name: str
    title: str
    fields: tuple[ActField, ...]
    roles: frozenset[Role]
    can_be_undone: bool = False
    #: True if it takes as long as a run, because it publishes a run.
    publishes: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Person who acts: a signature and the permissions from the settings."""

    signature: Signature
    role: Role | None = None
    is_limited: bool = False

    def may(self, act: Act) -> bool:
        """Return True if this person may perform an act."""
        if self.role is None:
            return self.signature.authority == "operating_system"
        return self.role in act.roles and not self.is_limited


@dataclass(frozen=True, slots=True)
class FileChange:
    """A workspace file that an act writes, and its differences."""

    name: str
    diff: str


@dataclass(frozen=True, slots=True)
class Dial:
    """A number that an act can set otherwise than its start has it, and how far."""

    name: str
    label: str
    value: float
    least: float
    most: float
    step: float


@dataclass(frozen=True, slots=True)
class Preview:
    """Effect of an act before it is performed.

    ``fingerprint`` identifies all of it: an act that is given it does exactly this or
    nothing. ``result`` has figures computed to show the effect.
    """

    says: str
    effect: str
    changes: tuple[FileChange, ...]
    fingerprint: str
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of an act: a sentence, changes of the next run, its log entry.

    ``is_repeated`` is set if the token had acted before, and nothing was done now.
    """

    act: str
    did: str
    effect: str
    entry_hash: str
    position: int
    changes: tuple[FileChange, ...] = field(default=())
    token: str = ""
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """Proposal for a month that a second person has to approve.

    ``step`` is ``close``, ``accrue``, ``reopen`` or ``accept``, the last of a
    ``document``; ``at`` is UTC, without zone.
    """

    step: str
    billing_month: str
    proposed_by: str
    at: datetime
    document: str = ""


class Door(Protocol):
    """The only way from a page into the workspace."""

    def acts(self) -> Sequence[Act]:
        """Return everything that can be done."""
        ...

    def proposals(self) -> Sequence[OpenProposal]:
        """Return the proposals that await a second person."""
        ...

    def choices(self, actor: Actor, name: str, field: str) -> Sequence[str]:
        """Return the allowed values of a field, from the current workspace."""
        ...

    def columns(self, actor: Actor, name: str, given: Given) -> Sequence[str]:
        """Return the columns of a table that was given; none where it has none."""
        ...

    def dials(self, actor: Actor, name: str, given: Given) -> Sequence[Dial]:
        """Return the numbers that an act can set, from its starting point."""
        ...

    def preview(self, actor: Actor, name: str, given: Given) -> Preview:
        """Return the effect of an act without writing anything.

        Raises
        ------
        TriptychError
            It is not for this person, or cannot be done; the message gives the reason.
        """
        ...

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
        """Do it once, however often it is asked for with the same token.

        Raises
        ------
        TriptychError
            As for :meth:`preview`; or something is different since then.
        """
        ...

    def undo(self, actor: Actor, token: str) -> Outcome:
        """Undo the writes of a token, while nothing came after them.

        Raises
        ------
        TriptychError
            It cannot be undone, or not any more.
        """
        ...
