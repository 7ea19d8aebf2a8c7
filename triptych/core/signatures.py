"""Actors: an identity vouched for by an authority, never a typed name.

On this machine the operating system names the user of a process; behind a login the
provider names the signed-in user. Records made while a signature is in force carry it,
and rules for two people compare identities.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Authority = Literal["operating_system", "oidc", "proxy", "token"]
#: Key of the signature in an entry of the audit log.
SIGNED = "signed"
_EMAIL = re.compile(r"\S+@\S+\.\S+")
#: Words of a person in what is recorded.
_WORDS = frozenset({"reason", "because", "text", "note"})
#: Control characters but tabs and line breaks, and what turns the direction of text:
#: with them a terminal or a page shows other words than were written.
_HIDING = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
_CURRENT: ContextVar[Signature | None] = ContextVar("signature", default=None)


@dataclass(frozen=True, slots=True)
class Signature:
    """An identity, who vouches for it, and the name that readers see.

    ``token`` identifies a single press of a button: an act that carries it is done
    once.
    """

    subject: str
    authority: Authority
    name: str
    token: str | None = None

    def record(self) -> dict[str, str]:
        """Return the audit log's record of it."""
        kept = {"subject": self.subject, "authority": self.authority}
        return kept if self.token is None else {**kept, "token": self.token}


def signature_of(
    subject: str, authority: Authority, *, name: str = "", issuer: str = ""
) -> Signature:
    """Return a signature that keeps no e-mail address.

    Parameters
    ----------
    subject : str
        Name of the person at the authority. Of an address only a digest is kept.
    authority : {'operating_system', 'oidc', 'proxy', 'token'}
        Authority that vouches for it.
    name : str
        Name that readers see; the subject if there is no name, or it is an address.
    issuer : str
        Identity provider: equal subjects of two providers are two people.
    """
    plain = " ".join(unicodedata.normalize("NFKC", subject).split())
    kept = plain
    if _EMAIL.search(plain):
        kept = hashlib.sha256(plain.casefold().encode()).hexdigest()[:16]
    shown = " ".join(name.split())
    if not shown or _EMAIL.search(shown):
        shown = kept
    return Signature(f"{issuer}|{kept}" if issuer else kept, authority, shown)


def of_operating_system() -> Signature:
    """Return the user who owns this process, regardless of variables."""
    try:
        # Not on every platform; and a container's user may have no entry.
        import pwd  # noqa: PLC0415

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, AttributeError):
        name = f"user {os.getuid()}" if hasattr(os, "getuid") else "local user"
    return signature_of(name, "operating_system")


@contextmanager
def signing(signature: Signature) -> Iterator[Signature]:
    """Add a signature to everything recorded inside."""
    before = _CURRENT.set(signature)
    try:
        yield signature
    finally:
        _CURRENT.reset(before)


def current_signature() -> Signature | None:
    """Return the signature that is in force; None where nobody signs."""
    return _CURRENT.get()


def signed(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the detail to record, with the signature that is in force."""
    signature = current_signature()
    return detail if signature is None else {**detail, SIGNED: signature.record()}


def unsigned(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded detail, without its signature."""
    return {key: value for key, value in detail.items() if key != SIGNED}


def require_second_person(
    first: Mapping[str, str] | None, second: Signature, act: str
) -> None:
    """Refuse an approval by the requester.

    Identities that cannot be separated count as the same: identities of two authorities
    may belong to the same person.

    Raises
    ------
    UsageError
        Nobody signed the request to be approved, or the same person did.
    """
    if first is None:
        raise UsageError(
            f"Nobody signed what is to be approved: {act}.",
            next_step="Propose it anew; then a second person can approve it.",
        )
    if first["authority"] != second.authority:
        raise UsageError(
            f"{second.name} cannot approve this: it was proposed under another way of"
            " signing in, and the two identities may be one person's.",
            next_step="Approve it the way it was proposed, or propose it anew.",
        )
    if _normal(first["subject"]) == _normal(second.subject):
        raise UsageError(
            f"{second.name} cannot both {act} and approve it.",
            next_step="Somebody else has to approve, under a login of their own.",
        )


def _normal(subject: str) -> str:
    return unicodedata.normalize("NFKC", subject).casefold().strip()


def refuse_unreadable(detail: Mapping[str, object]) -> None:
    """Refuse half characters of another encoding, and words that hide characters.

    Raises
    ------
    UsageError
        A text is not UTF-8, or a person's words have a character that hides others.
    """
    for name, value in detail.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"{name!r} is not UTF-8: {value!r}.",
                next_step="Type it in a terminal whose encoding is UTF-8 (LC_ALL)."
                " Nothing was recorded.",
            ) from None
        hiding = (
            _HIDING.search(value) if name in _WORDS and isinstance(value, str) else None
        )
        if hiding:
            raise UsageError(
                f"{name!r} has the character U+{ord(hiding[0]):04X}, which hides"
                " others.",
                next_step="Write it without this character. Nothing was recorded.",
            )
