"""Withdrawal of a study: requested with a reason, decided by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.core.errors import UsageError
from triptych.core.signatories import is_same_person
from triptych.core.signatures import require_second_person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.studies.register import Entry
    from triptych.core.signatures import Signature

#: Events of the register.
WITHDRAWN: Final = "withdrawn"
WITHDRAWAL_APPROVED: Final = "withdrawal_approved"


def login_of(signature: Signature) -> str:
    """Return the identity that a signature is of, with who vouches for it."""
    return f"{signature.authority}:{signature.subject}"


def check_logins(own: Sequence[Entry], second: Signature) -> None:
    """Refuse an approval under the login of the withdrawal.

    Raises
    ------
    UsageError
        Both are the same login, or logins that cannot be told apart.
    """
    asked = next((entry for entry in own if entry.event == WITHDRAWN), None)
    if asked is None:
        return
    authority, _, subject = asked.arms.get("login", "").partition(":")
    first = {"authority": authority, "subject": subject} if subject else None
    require_second_person(first, second, "withdraw a study")


def are_two_logins(*entries: Entry) -> bool:
    """Return True if every entry has a login, and no two the same."""
    logins = [entry.arms.get("login", "").casefold() for entry in entries]
    return all(logins) and len(set(logins)) == len(logins)


def check_decision(
    own: Sequence[Entry], study_id: str, event: str, author: str
) -> None:
    """Refuse a step of a withdrawal that cannot be taken.

    Parameters
    ----------
    own : sequence of Entry
        The study's entries, oldest first.
    study_id, event, author : str
        Event to write, and its author.

    Raises
    ------
    UsageError
        The study is not locked, the step was taken before, nothing was requested, or a
        single person would decide alone.
    """
    if not own:
        raise UsageError(
            f"Study {study_id!r} is not locked, so there is nothing to withdraw.",
            next_step='"triptych study list" names those that are.',
        )
    asked = next((entry for entry in own if entry.event == WITHDRAWN), None)
    if event == WITHDRAWN and asked is not None:
        raise UsageError(
            f"Study {study_id!r} was withdrawn by {asked.by} on {asked.at[:10]}.",
            next_step="A second person decides, with --approve.",
        )
    if event == WITHDRAWN:
        return
    if asked is None:
        raise UsageError(
            f"Study {study_id!r} was not withdrawn, so there is nothing to approve.",
            next_step="Withdraw it first, with --because.",
        )
    if any(entry.event == WITHDRAWAL_APPROVED for entry in own):
        raise UsageError(
            f"The withdrawal of study {study_id!r} is already approved.",
            next_step="Nothing is to be done.",
        )
    if is_same_person(asked.by, author):
        raise UsageError(
            f"{author} withdrew study {study_id!r} and cannot approve that.",
            next_step="A second person decides.",
        )
