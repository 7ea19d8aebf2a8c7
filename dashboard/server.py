"""How the dashboard is started: one Streamlit process for one workspace."""

from __future__ import annotations

import sys
from pathlib import Path

#: The script that Streamlit runs. Its folder holds the theme and the server's options.
APP = Path(__file__).with_name("app.py")


def command(
    workspace_root: Path, *, host: str = "127.0.0.1", port: int = 8501, headless: bool
) -> list[str]:
    """Return the command line that serves a workspace.

    Parameters
    ----------
    workspace_root : Path
        The folder that holds ``warehouse/``.
    host : str
        Address to listen on. Anything but loopback shows a refusal.
    port : int
        Port to listen on.
    headless : bool
        Whether to leave the browser closed.
    """
    return [
        *(sys.executable, "-m", "streamlit", "run", str(APP)),
        *("--server.address", host),
        *("--server.port", str(port)),
        *("--server.headless", str(headless).lower()),
        *("--server.showEmailPrompt", "false"),  # no question before the first page
        *("--browser.gatherUsageStats", "false"),
        *("--", "--workspace", str(workspace_root.resolve())),
    ]
