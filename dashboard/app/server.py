"""Start of the dashboard: a single Streamlit process per workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from triptych.core.child_processes import python_module

if TYPE_CHECKING:
    from triptych.core.settings import AccessSettings, OidcSettings

#: The script that draws. Its folder holds the theme and the server's options.
APP = Path(__file__).with_name("router.py")
#: Script that Streamlit serves, with headers around its answers.
_SERVED = APP.with_name("served_app.py")


def command(
    workspace_root: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    headless: bool,
    mode: str = "local",
    secrets: Path | None = None,
    acts: str | None = None,
) -> list[str]:
    """Return the command line that serves a workspace.

    Parameters
    ----------
    workspace_root : Path
        The folder that holds ``warehouse/``.
    host : str
        Address to listen on. Where nobody signs in, anything but loopback shows a
        refusal.
    port : int
        Port to listen on.
    headless : bool
        True to leave the browser closed.
    mode : {'local', 'oidc', 'proxy'}
        Way of signing in. The server refuses to show anything if the settings differ
        later.
    secrets : Path, optional
        File of :func:`sign_in_secrets`, where they sign in by OpenID Connect.
    acts : str, optional
        Module with an ``open_door`` that performs requested acts; without a module,
        pages only show.
    """
    sign_in = [] if secrets is None else ["--secrets.files", str(secrets)]
    door = [] if acts is None else ["--acts", acts]
    return [
        *(*python_module("dashboard.app.serving"), "run", str(_SERVED)),
        *("--server.address", host),
        *("--server.port", str(port)),
        *("--server.headless", str(headless).lower()),
        *("--server.showEmailPrompt", "false"),  # no question before the first page
        *("--browser.gatherUsageStats", "false"),
        *sign_in,
        *("--", "--workspace", str(workspace_root.resolve()), "--access", mode),
        *door,
    ]


def environment(access: AccessSettings) -> dict[str, str]:
    """Return the variables that a server needs for the way in which people sign in.

    Without its own list the server answers to the host name to which people return from
    signing in. It never trusts a claim about the origin of a connection: the validity
    of a proxy's header depends on that origin.
    """
    names = ["localhost", "127.0.0.1"]
    if access.mode == "oidc" and access.oidc is not None:
        names.append(urlsplit(access.oidc.redirect_uri).hostname or "")
    return {
        "FORWARDED_ALLOW_IPS": "",
        "STREAMLIT_SERVER_ALLOWED_HOSTS": " ".join(dict.fromkeys(names)),
    }


def sign_in_secrets(
    oidc: OidcSettings, *, client_secret: str, cookie_secret: str
) -> str:
    """Return the TOML text that Streamlit reads to let people sign in.

    Parameters
    ----------
    oidc : OidcSettings
        The provider.
    client_secret : str
        Secret by which the provider recognises triptych.
    cookie_secret : str
        Secret that signs the cookie that keeps people signed in.
    """
    issuer = oidc.issuer.rstrip("/")
    auth = {
        "redirect_uri": oidc.redirect_uri,
        "cookie_secret": cookie_secret,
        "client_id": oidc.client_id,
        "client_secret": client_secret,
        "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
    }
    # A JSON string is also a TOML string.
    lines = [f"{key} = {json.dumps(value)}" for key, value in auth.items()]
    scope = json.dumps(" ".join(oidc.scopes))
    return "\n".join(
        ["[auth]", *lines, "", "[auth.client_kwargs]", f"scope = {scope}", ""]
    )
