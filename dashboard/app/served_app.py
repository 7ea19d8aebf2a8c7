"""Pages as the server runs them, with headers that browsers obey.

No other site may show a page as its own. Scripts and styles are not limited by a
policy: Streamlit's are written into its page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message: TypeAlias = MutableMapping[str, Any]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_HEADERS: Final = (
    (
        b"content-security-policy",
        b"frame-ancestors 'none'; object-src 'none'; base-uri 'self'",
    ),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
#: Streamlit's metrics of its server, which it shows to any caller.
_CLOSED: Final = "/_stcore/metrics"


class SecurityHeaders:
    """Puts the headers on each answer of an ASGI application, and closes a path.

    Parameters
    ----------
    app : callable
        The application.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if str(scope.get("path", "")).rstrip("/").endswith(_CLOSED):
            await _not_found(send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


async def _not_found(send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


# Starlette takes a middleware as its class, its arguments and their names.
app = st.App("router.py", middleware=[(SecurityHeaders, (), {})])  # type: ignore[list-item]
