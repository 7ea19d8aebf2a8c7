"""Viewers, the pages they may open, and the data they may see.

Each viewer has a role: given by an OpenID Connect provider (``oidc``), by a proxy that
signed them in (``proxy``), or none because the server is reached from this machine only
(``local``). It is checked three times: the router builds the menu from it, each page
checks again, and the snapshot that a page queries has only data that the role may see.
Of a viewer a role is all that is taken; a person who acts signs with an identity.
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

from dashboard.shared.ended_logins import EndedLogins
from dashboard.shared.roles import may_view
from triptych.core.acts import Actor
from triptych.core.errors import SettingsError
from triptych.core.settings import load_access, workspace_from_environment
from triptych.core.settings.service import is_loopback_host
from triptych.core.signatures import of_operating_system, signature_of
from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from triptych.core.settings import AccessSettings, OidcSettings, ProxySettings
    from triptych.core.warehouse.reader import PublishedReader, Snapshot

_WORKSPACE_FLAG = "--workspace"
_MODE_FLAG = "--access"
_DOOR_FLAG = "--acts"
_LOOPBACK = "127.0.0.1"
#: Streamlit keeps its cookie for thirty days.
_COOKIE = timedelta(days=31)
_Section = TypeVar("_Section")


class NotPermittedError(SettingsError):
    """The page may not be shown to the viewer."""


class NotSignedInError(NotPermittedError):
    """Nobody has signed in, or too long ago."""


@dataclass(frozen=True, slots=True)
class Visitor(Viewer):
    """Viewer of pages, as far as anything here depends on it."""

    def may_open(self, page: str) -> bool:
        """Return True if a page, by its address, is for this visitor."""
        return may_view(self, page)


def workspace_root() -> Path:
    """Return the workspace named after ``--``, else in the environment, else here."""
    named = _argument(_WORKSPACE_FLAG)
    return Path(named) if named else workspace_from_environment() or Path()


def _argument(flag: str) -> str | None:
    arguments = sys.argv[1:]
    if flag in arguments[:-1]:
        return arguments[arguments.index(flag) + 1]
    return None


def door_module() -> str | None:
    """Return the module that performs acts; None where pages only show."""
    return _argument(_DOOR_FLAG)


def reader() -> PublishedReader:
    """Return this process's reader of the workspace."""
    return _gate(str(workspace_root().resolve())).reader


@st.cache_resource(max_entries=8, show_spinner=False)
def _gate(root: str) -> Gate:
    return Gate(Path(root))


def as_seen_by(visitor: Visitor, snapshot: Snapshot) -> Snapshot:
    """Return a run as a visitor may see it."""
    return _gate(str(workspace_root().resolve())).seen_by(visitor, snapshot)


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
    path = Path(page)
    name = path.parent.name if path.suffix else page
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
    return _visitor_under(access_settings())


def actor() -> Actor | None:
    """Return the current actor by identity; None where nobody vouches for it.

    On loopback that is the operating-system user who runs the server; behind a login
    the subject of the login. A proxy vouches for people only where a header of it is
    named for that.

    Raises
    ------
    NotSignedInError, NotPermittedError, SettingsError
        As for :func:`visitor`.
    """
    settings = access_settings()
    looking = _visitor_under(settings)
    is_limited = looking.cost_centers is not None
    match settings.mode:
        case "oidc":
            user = st.user.to_dict()
            if not user.get("sub"):
                return None
            signature = signature_of(
                str(user["sub"]),
                "oidc",
                name=str(user.get("name") or user.get("preferred_username") or ""),
                issuer=str(user["iss"]).rstrip("/"),
            )
        case "proxy":
            named = _named_by_proxy(_required(settings.proxy))
            if named is None:
                return None
            signature = signature_of(named, "proxy")
        case _:
            signature = of_operating_system()
    return Actor(signature, looking.role, is_limited)


def _named_by_proxy(proxy: ProxySettings) -> str | None:
    """Return the name in the proxy's header; None without a name, or with two."""
    if proxy.user_header is None:
        return None
    names = st.context.headers.get_all(proxy.user_header)
    return names[0].strip() or None if len(names) == 1 else None


def _visitor_under(settings: AccessSettings) -> Visitor:
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
            next_step="Ask whoever runs triptych: roles are in triptych.yml under"
            " access.roles.",
        )
    return Visitor(entry.role, entry.cost_centers)


def _required(settings: _Section | None) -> _Section:
    if settings is None:  # pragma: no cover - the settings were judged whole
        raise NotPermittedError(
            "The settings of 'access' are not whole.",
            next_step='"triptych check" says what they lack.',
        )
    return settings


def access_settings() -> AccessSettings:
    """Return the access settings, as ``triptych.yml`` has them now.

    Raises
    ------
    NotPermittedError
        The server was started for another way of signing in: its assumptions, such as
        the address that it listens on, would not fit.
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
    """Return the values of the signed-in user's claim."""
    user = st.user.to_dict()
    if not is_signed_in() or _ended_logins().has(_login_of(user)):
        raise NotSignedInError("No one is signed in.", next_step="Sign in.")
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
        raise NotSignedInError(
            "The login is too old, or of another provider.", next_step="Sign in again."
        )
    claim: object = user.get(oidc.claim)
    listed = claim if isinstance(claim, list) else [claim]
    return frozenset(value for value in listed if isinstance(value, str))


def sign_out() -> None:
    """End the login for good: a copy of its cookie opens nothing any more."""
    now = datetime.now(UTC)
    login = _login_of(st.user.to_dict())
    _ended_logins().add(login, until=now + _COOKIE, now=now)
    st.logout()


def _ended_logins() -> EndedLogins:
    return _ended_logins_of(str(workspace_root().resolve()))


@st.cache_resource(max_entries=8, show_spinner=False)
def _ended_logins_of(root: str) -> EndedLogins:
    return EndedLogins(Workspace(Path(root)).runs_dir / "ended_logins")


def _login_of(user: dict[str, Any]) -> bytes:
    """Return a key that distinguishes logins without personal data."""
    said = json.dumps(user, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).digest()


def is_signed_in() -> bool:
    """Return True if anybody came back from the provider."""
    return st.user.to_dict().get("is_logged_in") is True


def _told_by_proxy(proxy: ProxySettings) -> frozenset[str]:
    """Return the values of the proxy's header; empty if no proxy sent it."""
    if not proxy.trusts(_peer()):
        raise NotPermittedError(
            "You did not come through the proxy that signs people in.",
            next_step="Use its address. Whoever runs triptych: its own address belongs"
            " under access.proxy.addresses.",
        )
    told = st.context.headers.get_all(proxy.header)
    if len(told) != 1:
        # None, or a header of the proxy and a header of somebody else: which is not
        # known.
        raise NotPermittedError(
            f"The proxy told {'no' if not told else 'more than one'} {proxy.header}.",
            next_step="It must set this header itself, and drop what clients send.",
        )
    parts = (part.strip() for part in told[0].split(proxy.separator))
    return frozenset(part for part in parts if part)


def _peer() -> str:
    """Return the address of the peer; Streamlit has None for loopback."""
    return st.context.ip_address or _LOOPBACK
