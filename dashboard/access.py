"""Who is looking, which pages they may open, and what of a run they may see.

Whoever looks has a role: told by an OpenID Connect provider (``oidc``), by a proxy that
signed them in (``proxy``), or none because the server is reached from this machine only
(``local``). It is checked three times: the router builds the menu from it, each page
asks again, and the snapshot that a page asks has only what the role may see. Nothing of
a person is kept or logged: a role is all that is taken from what they bring.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from dashboard.roles import may_open, restriction_of
from triptych.errors import SettingsError
from triptych.settings import load_access, workspace_from_environment
from triptych.settings.service import is_loopback_host
from triptych.warehouse.reader import PublishedReader, Snapshot
from triptych.warehouse.restricted import RestrictedSnapshot, Restriction, restricted

if TYPE_CHECKING:
    from triptych.settings import AccessSettings, OidcSettings, ProxySettings, Role

_WORKSPACE_FLAG = "--workspace"
_MODE_FLAG = "--access"
_LOOPBACK = "127.0.0.1"
#: Logins that were ended, as long as this server runs.
_ENDED_LOGINS: set[bytes] = set()
_Section = TypeVar("_Section")


class NotPermittedError(SettingsError):
    """The page may not be shown to whoever looks."""


class NotSignedInError(NotPermittedError):
    """Nobody has signed in, or too long ago."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks, as far as anything here depends on it.

    ``role`` is None for this machine itself, which sees everything. ``cost_centers``
    are those whose rows are seen; None for all.
    """

    role: Role | None = None
    cost_centers: tuple[str, ...] | None = None

    def may_open(self, page: str) -> bool:
        """Tell whether a page, by its address, is for this visitor."""
        is_limited = self.cost_centers is not None
        return self.role is None or may_open(self.role, page, is_limited=is_limited)

    @property
    def restriction(self) -> Restriction | None:
        """What of a run is seen; None for all."""
        if self.role is None:
            return None
        return restriction_of(self.role, self.cost_centers)


def workspace_root() -> Path:
    """Return the workspace named after ``--``, else in the environment, else here."""
    named = _argument(_WORKSPACE_FLAG)
    return Path(named) if named else workspace_from_environment() or Path()


def _argument(flag: str) -> str | None:
    arguments = sys.argv[1:]
    if flag in arguments[:-1]:
        return arguments[arguments.index(flag) + 1]
    return None


def reader() -> PublishedReader:
    """Return this process's reader of the workspace."""
    return _reader(str(workspace_root().resolve()))


@st.cache_resource(max_entries=8, show_spinner=False)
def _reader(root: str) -> PublishedReader:
    return PublishedReader(Path(root))


def as_seen_by(visitor: Visitor, snapshot: Snapshot) -> Snapshot:
    """Return a run as a visitor may see it."""
    restriction = visitor.restriction
    if restriction is None:
        return snapshot
    root = str(workspace_root().resolve())
    return _restricted(root, str(snapshot.path), restriction.key, snapshot, restriction)


@st.cache_resource(max_entries=32, show_spinner=False)
def _restricted(
    root: str,
    path: str,
    key: str,
    _snapshot: Snapshot,
    _restriction: Restriction,
) -> RestrictedSnapshot:
    del path, key  # only parts of the cache key
    return restricted(_snapshot, Path(root), _restriction)


def require_page(page: str) -> Visitor:
    """Return who looks, if the page is for them.

    Parameters
    ----------
    page : str
        Address of the page, or the file that draws it.

    Raises
    ------
    NotPermittedError
        It is not, or nobody may see anything here.
    """
    looking = visitor()
    name = Path(page).stem
    if not looking.may_open(name):
        raise NotPermittedError(
            f"This page is not for {_told(looking)}.",
            next_step="Choose another in the menu, or ask whoever runs triptych for"
            " another role.",
        )
    return looking


def _told(visitor: Visitor) -> str:
    limited = "" if visitor.cost_centers is None else " of single cost centres"
    return f"the role {visitor.role}{limited}"


def visitor() -> Visitor:
    """Return who looks now.

    Raises
    ------
    NotSignedInError
        They have to sign in.
    NotPermittedError
        They have no role, or nobody may see anything here.
    SettingsError
        ``access`` in ``triptych.yml`` is wrong.
    """
    settings = access_settings()
    match settings.mode:
        case "oidc":
            values = _claimed(_required(settings.oidc), datetime.now(UTC))
        case "proxy":
            values = _told_by_proxy(_required(settings.proxy))
        case _:
            _require_loopback()
            return Visitor()
    entry = settings.entry_for(values)
    if entry is None:
        raise NotPermittedError(
            "You are signed in, but have no role here.",
            next_step="Ask whoever runs triptych: roles stand in triptych.yml under"
            " access.roles.",
        )
    return Visitor(entry.role, entry.cost_centers)


def _required(settings: _Section | None) -> _Section:
    if settings is None:  # pragma: no cover - the settings were judged whole
        raise NotPermittedError("The settings of 'access' are not whole.")
    return settings


def access_settings() -> AccessSettings:
    """Return who may see what, as ``triptych.yml`` has it now.

    Raises
    ------
    NotPermittedError
        The server was started for another way of signing in: what it relies on, such
        as the address that it listens on, would not fit.
    """
    path = workspace_root() / "triptych.yml"
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    settings = _access_settings(str(path.parent.resolve()), changed)
    started_for = _argument(_MODE_FLAG) or "local"
    if settings.mode != started_for:
        raise NotPermittedError(
            f"This server was started for access {started_for!r}, and triptych.yml now"
            f" says {settings.mode!r}.",
            next_step='Start it again with "triptych dashboard".',
        )
    return settings


@st.cache_resource(max_entries=8, show_spinner=False)
def _access_settings(root: str, changed: int) -> AccessSettings:
    del changed  # only a part of the cache key
    return load_access(Path(root))


def _require_loopback() -> None:
    """Refuse when the server can be reached from other machines."""
    address = st.get_option("server.address")
    if not is_loopback_host(address or ""):
        raise NotPermittedError(
            "Nobody has to sign in to this dashboard, so it is shown on this machine"
            f" only, but the server listens on {address or 'every address'}.",
            next_step='Start it with "triptych dashboard" on 127.0.0.1, or say under'
            " access in triptych.yml who may see what.",
        )


def _claimed(oidc: OidcSettings, now: datetime) -> frozenset[str]:
    """Return the values of the claim that whoever signed in brought."""
    user = st.user.to_dict()
    if not is_signed_in() or _login_of(user) in _ENDED_LOGINS:
        raise NotSignedInError("Nobody has signed in.")
    issued = user.get("iat")
    # Streamlit keeps its cookie for thirty days and looks at no time in the token.
    oldest = now - timedelta(hours=oidc.session_hours)
    is_of_now = (
        isinstance(issued, int | float)
        and oldest.timestamp() <= issued <= (now + timedelta(minutes=5)).timestamp()
    )
    is_of_here = user.get("iss") == oidc.issuer.rstrip("/") or (
        user.get("iss") == oidc.issuer
    )
    if not (is_of_now and is_of_here):
        raise NotSignedInError("The login is too old, or of another provider.")
    claim: object = user.get(oidc.claim)
    listed = claim if isinstance(claim, list) else [claim]
    return frozenset(value for value in listed if isinstance(value, str))


def sign_out() -> None:
    """End the login for good: a copy of its cookie opens nothing any more."""
    _ENDED_LOGINS.add(_login_of(st.user.to_dict()))
    st.logout()


def _login_of(user: dict[str, Any]) -> bytes:
    """Return what tells one login from another, and nothing of a person."""
    said = json.dumps(user, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).digest()


def is_signed_in() -> bool:
    """Tell whether somebody came back from the provider, whoever they are."""
    return st.user.to_dict().get("is_logged_in") is True


def _told_by_proxy(proxy: ProxySettings) -> frozenset[str]:
    """Return what the proxy's header says; nothing where no proxy says it."""
    if not proxy.trusts(_peer()):
        raise NotPermittedError(
            "You did not come through the proxy that signs people in.",
            next_step="Use its address. Whoever runs triptych: its own address belongs"
            " under access.proxy.addresses.",
        )
    told = st.context.headers.get_all(proxy.header)
    if len(told) != 1:
        # None, or one of the proxy and one of somebody else: which is not known.
        raise NotPermittedError(
            f"The proxy told {'no' if not told else 'more than one'} {proxy.header}.",
            next_step="It must set this header itself, and drop what clients send.",
        )
    parts = (part.strip() for part in told[0].split(proxy.separator))
    return frozenset(part for part in parts if part)


def _peer() -> str:
    """Return the address of whoever is connected; Streamlit has None for loopback."""
    return st.context.ip_address or _LOOPBACK
