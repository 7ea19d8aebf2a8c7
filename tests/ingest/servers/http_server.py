"""A real HTTP server on loopback that answers by script, and misbehaves on demand.

Routes answer what a vendor would; :class:`Fault` makes the next requests go wrong the
way vendors' servers do. A route made with :func:`paged` also knows how pages go wrong:
repeated, out of order, in a circle.

::

    with ScriptedServer() as server:
        server.route("GET", "/v1/costs", paged(pages, render=page_of_costs, token_of=…))
        server.faults += [status(429, retry_after="1"), truncated_body()]
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from typing import Self

    import pytest


@dataclass(frozen=True)
class Request:
    """What arrived. Header names are lower case; a query value is a list.

    ``target`` is path and query as they were written.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    arrived_at: float = 0.0
    target: str = ""

    def question(self) -> tuple[str, str, str, bytes]:
        """Return what is asked, without when and by whom."""
        return self.method, self.path, repr(sorted(self.query.items())), self.body

    def json(self) -> Any:
        return json.loads(self.body)

    def one(self, name: str) -> str | None:
        """Return the last value of a query parameter, if it is there."""
        values = self.query.get(name)
        return values[-1] if values else None


@dataclass(frozen=True)
class Answer:
    """What goes back: ``body`` is sent as JSON unless it is bytes."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return to_json(self.body).encode()


Route = Callable[[Request], Answer]
Pages = Sequence[Sequence[Any]]
PageFault = Literal["duplicate", "loop", "disorder"]


@dataclass(frozen=True)
class Fault:
    """One way to go wrong.

    ``answer`` replaces what the route would say; ``wait_seconds`` delays it;
    ``is_truncated`` cuts the body short of its announced length and hangs up;
    ``pages`` lasts from the next request on, for every paged route.
    """

    answer: Answer | None = None
    wait_seconds: float = 0.0
    is_truncated: bool = False
    pages: PageFault | None = None


def status(code: int, *, retry_after: str | None = None, body: object = None) -> Fault:
    """Answer with an error."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    message = {"error": {"message": f"status {code}"}} if body is None else body
    return Fault(Answer(message, code, headers))


def expired_token() -> Fault:
    """Answer 401, as to a credential that has run out."""
    return status(401, body={"error": {"message": "The token has expired."}})


def not_json() -> Fault:
    """Answer 200 with the page of a gateway that stands in between."""
    return Fault(Answer(b"<html>Please wait</html>"))


def truncated_body() -> Fault:
    """Send half of what was announced, and hang up."""
    return Fault(is_truncated=True)


def slow(seconds: float) -> Fault:
    """Say nothing for a while, then answer."""
    return Fault(wait_seconds=seconds)


def duplicate_page() -> Fault:
    """Deliver the first page twice, as its own successor."""
    return Fault(pages="duplicate")


def out_of_order() -> Fault:
    """Deliver the pages in reverse order."""
    return Fault(pages="disorder")


def looping_token() -> Fault:
    """Let the last page name the first as its successor."""
    return Fault(pages="loop")


def resolve_to_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a name stand for this machine, which is another machine to who asks."""
    real = socket.getaddrinfo

    def resolve(asked: str, *args: object, **more: object) -> object:
        known = "127.0.0.1" if asked == host else asked
        return real(known, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("NO_PROXY", host)


class ScriptedServer:
    """Serves on a free port of 127.0.0.1 while its context lasts.

    Attributes
    ----------
    url : str
        Its address, without a slash at the end.
    requests : list of Request
        All that arrived, in order.
    faults : deque of Fault
        What goes wrong next; one per request, from the left.
    faulted : list of Request
        Those that went wrong.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.faulted: list[Request] = []
        self.page_fault: PageFault | None = None
        self.url = ""
        self._routes: dict[tuple[str, str], Route] = {}
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def route(self, method: str, path: str, answer: Route | PagedRoute) -> None:
        """Answer requests of ``path``; a path that ends in ``*`` is a prefix."""
        if isinstance(answer, PagedRoute):
            self._routes[method, path] = lambda request: answer(
                request, self.page_fault
            )
        else:
            self._routes[method, path] = answer

    def asked(self, path: str) -> list[Request]:
        """Return the requests of one path."""
        return [request for request in self.requests if request.path == path]

    def next_fault(self, request: Request) -> Fault:
        """Note a request, and return what is to go wrong with it."""
        with self._lock:
            self.requests.append(request)
            fault = self.faults.popleft() if self.faults else Fault()
            self.page_fault = fault.pages or self.page_fault
            if fault != Fault(pages=fault.pages):
                self.faulted.append(request)
            return fault

    def answer_to(self, request: Request) -> Answer:
        """Return what the route of a request says."""
        for (method, path), answer in self._routes.items():
            is_prefix = path.endswith("*") and request.path.startswith(path[:-1])
            if method == request.method and (path == request.path or is_prefix):
                return answer(request)
        return Answer({"error": {"message": f"no route to {request.path}"}}, 404)


@dataclass(frozen=True)
class PagedRoute:
    """A route whose answer comes in pages; made by :func:`paged`."""

    pages: Callable[[Request], Pages]
    render: Callable[[Sequence[Any], str | None], object]
    token_of: Callable[[Request], str | None]

    def __call__(self, request: Request, fault: PageFault | None) -> Answer:
        token = self.token_of(request)
        turned = turn_to(self.pages(request) or [[]], token, fault)
        if turned is None:
            return Answer({"error": {"message": f"unknown page {token}"}}, 400)
        rendered = self.render(*turned)
        return rendered if isinstance(rendered, Answer) else Answer(rendered)


def paged(
    pages: Callable[[Request], Pages],
    *,
    render: Callable[[Sequence[Any], str | None], object],
    token_of: Callable[[Request], str | None] = lambda request: request.one("page"),
) -> PagedRoute:
    """Return a route that answers page after page.

    Parameters
    ----------
    pages : callable
        Returns what there is for a request, a sequence of items per page.
    render : callable
        Returns the body of a page from its items and the token of the next page, or
        an :class:`Answer` where headers say it.
    token_of : callable
        Returns the token in a request; ``None`` for the first page.
    """
    return PagedRoute(pages, render, token_of)


def turn_to(
    pages: Pages, token: str | None, fault: PageFault | None
) -> tuple[Sequence[Any], str | None] | None:
    """Return a page and the token of the next; None if there is no such page."""
    pages = _in_order(pages, fault)
    number = 0 if token is None else int(token.rpartition("_")[2])
    if not 0 <= number < len(pages):
        return None
    following = f"page_{number + 1}" if number + 1 < len(pages) else None
    if following is None and fault == "loop":
        # A token that was given before; with one page only, its own.
        following = "page_1" if len(pages) > 1 else "page_0"
    return pages[number], following


def to_json(value: object) -> str:
    """Return JSON in which a Decimal is the number that it is."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        fields = (f"{json.dumps(str(k))}: {to_json(v)}" for k, v in value.items())
        return "{" + ", ".join(fields) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(to_json, value)) + "]"
    return json.dumps(value)


def _in_order(pages: Pages, fault: PageFault | None) -> Pages:
    if fault == "disorder":
        return list(reversed(pages))
    if fault == "duplicate":
        return [pages[0], *pages]
    return pages


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A thread that is slow on purpose is not waited for.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the script."""


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else each answer waits some 40 ms for the headers to be acknowledged.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            request = self._request()
            fault = server.next_fault(request)
            answer = fault.answer or server.answer_to(request)
            time.sleep(fault.wait_seconds)
            with suppress(BrokenPipeError, ConnectionResetError):
                self._send(answer, is_truncated=fault.is_truncated)

        def _request(self) -> Request:
            parts = urlsplit(self.path)
            return Request(
                self.command,
                parts.path,
                parse_qs(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                time.monotonic(),
                self.path,
            )

        def _send(self, answer: Answer, *, is_truncated: bool) -> None:
            content = answer.content()
            self.send_response(answer.status)
            headers = {"Content-Type": "application/json", **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            if is_truncated:
                self.close_connection = True
                content = content[: len(content) // 2]
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

    return Handler
