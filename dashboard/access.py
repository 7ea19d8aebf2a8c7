"""Who may open which page, and whose workspace is shown.

There is no login: the dashboard serves this machine only, and refuses to show
anything when the server listens on an address that others can reach.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

from triptych.errors import SettingsError
from triptych.settings import workspace_from_environment
from triptych.warehouse.reader import PublishedReader

_WORKSPACE_FLAG = "--workspace"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NotPermittedError(SettingsError):
    """The page may not be shown to whoever can reach the server."""


def workspace_root() -> Path:
    """Return the workspace named after ``--``, else in the environment, else here."""
    arguments = sys.argv[1:]
    if _WORKSPACE_FLAG in arguments[:-1]:
        return Path(arguments[arguments.index(_WORKSPACE_FLAG) + 1])
    return workspace_from_environment() or Path()


def reader() -> PublishedReader:
    """Return this process's reader of the workspace."""
    return _reader(str(workspace_root().resolve()))


@st.cache_resource(max_entries=8, show_spinner=False)
def _reader(root: str) -> PublishedReader:
    return PublishedReader(Path(root))


def require_permission() -> None:
    """Refuse when the server can be reached from other machines.

    Raises
    ------
    NotPermittedError
        The server does not listen on loopback only.
    """
    address = st.get_option("server.address")
    if address not in _LOOPBACK:
        raise NotPermittedError(
            "This dashboard has no login, so it is shown on this machine only,"
            f" but the server listens on {address or 'every address'}.",
            next_step='Start it with "triptych dashboard", or on 127.0.0.1.',
        )
