"""How the dashboard is started: one Streamlit process for one workspace."""

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
#: What Streamlit serves: that script, with headers around its answers.
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
        Whether to leave the browser closed.
    mode : {'local', 'oidc', 'proxy'}
        How people sign in. The server refuses to show anything when the settings say
        otherwise later.
    secrets : Path, optional
        File of :func:`sign_in_secrets`, where they sign in by OpenID Connect.
    acts : str, optional
        Module whose ``open_door`` does what people ask for; without one pages only
        show.
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

    Without a list of its own the server answers to the name under which they come back
    from signing in. It never takes somebody's word for where a connection comes from:
    whether the header of a proxy counts depends on that.
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
    """Return what Streamlit reads from a TOML file to let people sign in.

    Parameters
    ----------
    oidc : OidcSettings
        The provider.
    client_secret : str
        What the provider knows triptych by.
    cookie_secret : str
        What the cookie is signed with that keeps people signed in.
    """
    issuer = oidc.issuer.rstrip("/")
    auth = {
        "redirect_uri": oidc.redirect_uri,
        "cookie_secret": cookie_secret,
        "client_id": oidc.client_id,
        "client_secret": client_secret,
        "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
    }
    # A string of JSON is one of TOML.
    lines = [f"{key} = {json.dumps(value)}" for key, value in auth.items()]
    scope = json.dumps(" ".join(oidc.scopes))
    return "\n".join(
        ["[auth]", *lines, "", "[auth.client_kwargs]", f"scope = {scope}", ""]
    )
