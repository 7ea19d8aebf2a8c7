"""Tokens that assistants sign in with over HTTP: each has a role and an end.

A token is shown once, when it is made. ``runs/mcp_tokens.json`` keeps its SHA-256, by
which it is recognised and with which nobody signs in: a token has 256 bits of chance,
so nothing slower is needed to protect it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, get_args

from filelock import FileLock

from triptych.core.errors import TriptychError, UsageError
from triptych.core.settings.access import Role
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FILE: Final = "mcp_tokens.json"
_BEGINNING: Final = "triptych_"
_MOST_DAYS: Final = 366


class TokensError(TriptychError):
    """The file of tokens cannot be read, so nobody is let in."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept.

    Attributes
    ----------
    name : str
        Owner of the token.
    role : {'finance', 'engineering', 'analyst', 'viewer'}
        Role of its bearer.
    cost_centers : tuple of str or None
        Only rows of these; None for all.
    expires_at : str
        ISO 8601, UTC.
    sha256 : str
        Of the token, hex.
    """

    name: str
    role: Role
    cost_centers: tuple[str, ...] | None
    expires_at: str
    sha256: str

    def is_expired(self, now: datetime) -> bool:
        """Return True if it no longer admits anybody."""
        return datetime.fromisoformat(self.expires_at) <= now


@dataclass(frozen=True, slots=True)
class TokenFile:
    """The tokens of a workspace."""

    runs_dir: Path

    @property
    def _path(self) -> Path:
        return self.runs_dir / _FILE

    def read(self) -> list[Token]:
        """Return every token, expired tokens too.

        Raises
        ------
        TokensError
            The file is damaged.
        """
        try:
            return [_token(each) for each in json.loads(self._path.read_text("utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TokensError(
                f"The tokens cannot be read: {error}.",
                where=str(self._path),
                next_step="Restore it from a backup, or remove it and make new tokens.",
            ) from error

    def add(
        self,
        name: str,
        role: Role,
        *,
        days: int,
        cost_centers: tuple[str, ...] | None = None,
        now: datetime | None = None,
    ) -> str:
        """Make a token, and return it; it cannot be shown again.

        Parameters
        ----------
        name : str
            Owner of the token; each name is there once.
        role : {'finance', 'engineering', 'analyst', 'viewer'}
            Role of its bearer.
        days : int
            Days of validity, 1 to 366.
        cost_centers : tuple of str, optional
            Only rows of these.
        now : datetime, optional
            To count from another time; aware.

        Raises
        ------
        UsageError
            The name is taken, or a value is out of its range.
        """
        if not 1 <= days <= _MOST_DAYS:
            raise UsageError(
                f"A token is for 1 to {_MOST_DAYS} days, not {days}.",
                where="--days",
                next_step="Give another number; a new token can follow it.",
            )
        self.runs_dir.mkdir(parents=True, exist_ok=True)
        text = _BEGINNING + secrets.token_urlsafe(32)
        end = (now or datetime.now(UTC)) + timedelta(days=days)
        token = Token(
            name, role, cost_centers, end.isoformat(timespec="seconds"), _sha256(text)
        )
        with FileLock(f"{self._path}.lock"):
            known = self.read()
            if any(each.name == name for each in known):
                raise UsageError(
                    f"There is a token of {name!r} already.",
                    where="NAME",
                    next_step="Revoke it first, or give another name.",
                )
            self._write([*known, token])
        return text

    def revoke(self, name: str) -> None:
        """Remove a token; its bearer is refused from the next request on.

        Raises
        ------
        UsageError
            There is none of this name.
        """
        with FileLock(f"{self._path}.lock"):
            known = self.read()
            left = [each for each in known if each.name != name]
            if len(left) == len(known):
                names = ", ".join(each.name for each in known) or "none"
                raise UsageError(
                    f"There is no token of {name!r}.",
                    where="NAME",
                    next_step=f"Known tokens: {names}.",
                )
            self._write(left)

    def find(self, text: str, now: datetime | None = None) -> Token | None:
        """Return the token that somebody shows, if it lets in."""
        given = _sha256(text)
        moment = now or datetime.now(UTC)
        for each in self.read():
            if hmac.compare_digest(each.sha256, given):
                return None if each.is_expired(moment) else each
        return None

    def _write(self, tokens: Sequence[Token]) -> None:
        content = json.dumps([asdict(each) for each in tokens], indent=1)
        write_whole(self._path, content)
        self._path.chmod(0o600)


def _token(row: dict[str, Any]) -> Token:
    token = Token(**row)
    if token.role not in get_args(Role):
        raise ValueError(f"there is no role {token.role!r}")
    datetime.fromisoformat(token.expires_at)
    centers = token.cost_centers
    narrowed = None if centers is None else tuple(centers)
    return Token(token.name, token.role, narrowed, token.expires_at, token.sha256)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
