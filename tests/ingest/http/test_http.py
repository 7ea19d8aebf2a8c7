from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

import ingest.http.client
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.pages import follow_pages
from ingest.http.refusals import NotThereError
from ingest.testing import _captured_logs
from tests.ingest.servers.http_server import (
    Answer,
    Fault,
    ScriptedServer,
    duplicate_page,
    expired_token,
    looping_token,
    not_json,
    out_of_order,
    paged,
    resolve_to_this_machine,
    slow,
    status,
    truncated_body,
)
from tests.ingest.servers.loopback_bigquery import dead_address
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "adm-made-up-secret-0123456789"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.route("GET", "/things", lambda _: Answer({"price": Decimal("0.10")}))
        yield running


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[HttpClient]:
    with open_client(server) as opened:
        yield opened


def open_client(server: ScriptedServer, **options: Any) -> HttpClient:
    settings: dict[str, Any] = {
        "base_url": server.url,
        "source": "acme",
        "headers": {"X-Api-Key": SECRET},
        "secrets": [SECRET],
        "denied_advice": "Set ACME_KEY to a key with the scope costs.read.",
        "timeout_seconds": 0.5,
        **options,
    }
    return HttpClient(**settings)


def failure_of(client: HttpClient, path: str = "/things") -> SourceError:
    with pytest.raises(SourceError) as caught:
        client.get_json(path)
    return caught.value


# --- what is asked, and what is read ------------------------------------------------


def test_numbers_with_a_point_are_read_as_they_were_written(
    server: ScriptedServer, client: HttpClient
) -> None:
    body = b'{"a": 0.1, "b": 1.10, "c": 3, "d": 0.12345678901234567890, "e": 1e-7}'
    server.route("GET", "/numbers", lambda _: Answer(body))
    read = client.get_json("/numbers")
    assert read["a"] == Decimal("0.1")
    assert str(read["b"]) == "1.10"
    assert read["c"] == 3
    assert isinstance(read["c"], int)
    assert str(read["d"]) == "0.12345678901234567890"
    assert read["e"] == Decimal("0.0000001")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused_at_once(
    server: ScriptedServer, client: HttpClient, number: str
) -> None:
    server.route("GET", "/things", lambda _: Answer(f'{{"a": {number}}}'.encode()))
    error = failure_of(client)
    assert isinstance(error, MalformedDeliveryError)
    assert number in str(error)
    assert len(server.requests) == 1


def test_a_file_is_taken_as_it_is_and_asked_for_again_where_it_broke_off(
    server: ScriptedServer, client: HttpClient
) -> None:
    content = bytes(range(256)) * 40
    server.route("GET", "/rates.zip", lambda _: Answer(content))
    server.faults += [status(500), truncated_body()]

    assert client.get_bytes("/rates.zip") == content
    assert len(server.asked("/rates.zip")) == 3


def test_a_file_without_end_is_refused(
    server: ScriptedServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.http.client, "MAX_FILE_BYTES", 1024)
    server.route("GET", "/rates.zip", lambda _: Answer(b"x" * 1025))

    with pytest.raises(MalformedDeliveryError, match="more than"):
        client.get_bytes("/rates.zip")
    assert len(server.requests) == 1


def test_lists_repeat_a_parameter_and_none_leaves_it_out(
    server: ScriptedServer, client: HttpClient
) -> None:
    client.get_json("/things", params={"by": ["a", "b"], "page": None, "deep": True})
    client.get_json("/things", params=[("by[]", "a b"), ("by[]", "c&d")])
    assert server.requests[0].query == {"by": ["a", "b"], "deep": ["true"]}
    assert server.requests[1].query == {"by[]": ["a b", "c&d"]}


def test_a_path_stays_below_the_prefix_of_the_base_address(
    server: ScriptedServer,
) -> None:
    server.route("GET", "/proxy/v1/things", lambda _: Answer([]))
    with open_client(server, base_url=f"{server.url}/proxy/") as client:
        assert client.get_json("/v1/things") == []


def test_a_body_is_posted_as_json(server: ScriptedServer, client: HttpClient) -> None:
    server.route("POST", "/query", lambda request: Answer({"seen": request.json()}))
    assert client.post_json("/query", body={"é": [1]}) == {"seen": {"é": [1]}}
    assert server.requests[0].headers["content-type"] == "application/json"


def test_the_key_goes_in_a_header_and_the_program_says_its_name(
    server: ScriptedServer, client: HttpClient
) -> None:
    client.get_json("/things")
    assert server.requests[0].headers["x-api-key"] == SECRET
    assert server.requests[0].headers["user-agent"].startswith("triptych/")


def test_an_address_in_place_of_a_path_is_never_called(client: HttpClient) -> None:
    with pytest.raises(ValueError, match="below the base address"):
        client.get_json("https://elsewhere.example/things")


# --- what passes by itself ----------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        [status(500), status(500)],
        [status(502), status(503), status(504), status(529)],
        [status(408), status(429)],
        [truncated_body()],
        [not_json(), status(200, body=b"")],
        [slow(1.0)],
    ],
)
def test_what_passes_by_itself_is_tried_again(
    server: ScriptedServer, client: HttpClient, faults: list[Fault]
) -> None:
    server.faults += faults
    assert client.get_json("/things") == {"price": Decimal("0.10")}
    assert len(server.requests) == len(faults) + 1


def test_the_tries_are_bounded_and_the_last_answer_is_told(
    server: ScriptedServer,
) -> None:
    server.faults += [status(500), status(503, body={"detail": "under repair"})] * 9
    with open_client(server, attempts=4) as client:
        error = failure_of(client)
    assert isinstance(error, TransientSourceError)
    assert str(error) == (
        "acme (GET /things): The server did not answer properly in 4 tries; the last"
        f" time it answered 503: under repair, at {server.url}. Run again later; what"
        " was loaded before stays current."
    )
    assert len(server.requests) == 4


def test_nobody_listening_is_said_with_the_kind_of_failure() -> None:
    address = f"http://{dead_address()}"
    with HttpClient(base_url=address, source="acme", attempts=2) as client:
        error = failure_of(client)
    assert isinstance(error, TransientSourceError)
    assert "ConnectError" in str(error)


def in_seconds(count: float) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=count)
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("retry_after", "at_least", "at_most"),
    [
        (lambda: "1", 0.95, 2.0),
        (lambda: in_seconds(2), 0.8, 2.5),  # a date has no parts of a second
        (lambda: "3600", 1.2, 2.5),  # capped
        (lambda: in_seconds(-60), 0.0, 0.5),
        (lambda: "soon", 0.0, 0.5),
    ],
)
def test_the_server_says_how_long_to_wait_within_bounds(
    server: ScriptedServer,
    retry_after: Callable[[], str],
    at_least: float,
    at_most: float,
) -> None:
    server.faults += [status(429, retry_after=retry_after())]
    with open_client(server, max_wait_seconds=1.3) as client:
        client.get_json("/things")
    first, second = (request.arrived_at for request in server.requests)
    assert at_least <= second - first < at_most


def test_requests_keep_their_distance_over_all_threads(server: ScriptedServer) -> None:
    with open_client(server, requests_per_second=20) as client:
        threads = [
            threading.Thread(target=client.get_json, args=("/things",))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    arrivals = sorted(request.arrived_at for request in server.requests)
    assert arrivals[-1] - arrivals[0] >= 4 * 0.05 - 0.03


# --- what does not pass -------------------------------------------------------------


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_credential_is_said_at_once_with_what_to_do(
    server: ScriptedServer, client: HttpClient, code: int
) -> None:
    server.faults += [status(code, body={"error": {"message": "no such key"}})]
    error = failure_of(client)
    assert isinstance(error, SourceAccessError)
    assert str(error) == (
        f"acme (GET /things): The server refuses the credential ({code}: no such key)."
        " Set ACME_KEY to a key with the scope costs.read."
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"message": "bad window", "type": "x"}}, "bad window"),
        ({"type": "error", "error": {"type": "x", "message": "bad"}}, "bad"),
        ({"status": "error", "error": "parse error"}, "parse error"),
        ({"errors": [{"message": "no field"}]}, "no field"),
        ({"detail": [{"loc": [], "msg": "too small"}]}, "too small"),
        ({"message": "nothing there"}, "nothing there"),
        (b"plain words", "plain words"),
        ({"code": 7}, '{"code": 7}'),
    ],
)
@pytest.mark.parametrize("code", [400, 404, 422, 501])
def test_a_refused_request_is_said_at_once_in_the_servers_words(
    server: ScriptedServer, client: HttpClient, code: int, body: object, told: str
) -> None:
    server.faults += [status(code, body=body)]
    error = failure_of(client)
    assert type(error) is (NotThereError if code == 404 else FatalSourceError)
    assert f"({code}: {told})" in str(error)
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed_with_the_key(
    server: ScriptedServer, client: HttpClient
) -> None:
    elsewhere = {"Location": f"{server.url}/things"}
    server.route("GET", "/old", lambda _: Answer({}, 307, elsewhere))
    error = failure_of(client, "/old")
    assert "redirects" in str(error)
    assert [request.path for request in server.requests] == ["/old"]


def test_a_key_never_goes_unencrypted_to_another_machine() -> None:
    with pytest.raises(FatalSourceError, match="unencrypted"):
        HttpClient(base_url="http://acme.example", source="acme", secrets=[SECRET])


def test_without_a_key_another_machine_may_be_asked_unencrypted(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to_this_machine("metrics.example", monkeypatch)
    address = server.url.replace("127.0.0.1", "metrics.example")
    with HttpClient(base_url=address, source="acme") as client:
        assert client.get_json("/things") == {"price": Decimal("0.10")}
    [request] = server.requests
    assert f"http://{request.headers['host']}" == address
    assert "authorization" not in request.headers


# --- secrets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        status(401, body={"error": {"message": f"Incorrect key: {SECRET}."}}),
        status(400, body={"error": {"message": "x" * 290 + SECRET}}),
        status(500, body=f"<html>{SECRET}</html>".encode()),
        status(200, body=f"<html>{SECRET}</html>".encode()),
        truncated_body(),
    ],
)
def test_no_message_log_or_representation_holds_the_key(
    server: ScriptedServer, client: HttpClient, fault: Fault
) -> None:
    server.faults += [fault] * 9
    with _captured_logs() as captured:
        logging.getLogger("httpx").setLevel(logging.DEBUG)
        error = failure_of(client)
    told = captured.getvalue() + repr(error) + str(error) + repr(client)
    assert SECRET[:12] not in told


def test_each_new_try_is_logged_with_its_reason(
    server: ScriptedServer, client: HttpClient
) -> None:
    server.faults += [status(503)]
    with _captured_logs() as captured:
        client.get_json("/things")
    assert "the server is asked again" in captured.getvalue()
    assert "503" in captured.getvalue()


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "  ")
    with pytest.raises(SourceAccessError, match=r"acme: .*ACME_KEY is not set. Make"):
        secret_from_environment("ACME_KEY", source="acme", advice="Make a key.")
    monkeypatch.setenv("ACME_KEY", f" {SECRET}\n")
    assert secret_from_environment("ACME_KEY", source="acme", advice="") == SECRET


# --- pages --------------------------------------------------------------------------


PAGES = [["a", "b"], ["c"], [], ["d"]]


@pytest.fixture
def read_pages(
    server: ScriptedServer, client: HttpClient
) -> Callable[[], list[list[str]]]:
    """Return a function that reads the pages of a server, following its tokens."""
    server.route(
        "GET",
        "/pages",
        paged(lambda _: PAGES, render=lambda items, next_: {"d": items, "next": next_}),
    )

    def read() -> list[list[str]]:
        return [
            page["d"]
            for page in follow_pages(
                lambda token: client.get_json("/pages", params={"page": token}),
                lambda page: page["next"],
                source="acme",
            )
        ]

    return read


def test_pages_are_followed_to_the_last_one(
    read_pages: Callable[[], list[list[str]]],
) -> None:
    assert read_pages() == PAGES


def test_pages_in_a_circle_are_noticed(
    server: ScriptedServer, read_pages: Callable[[], list[list[str]]]
) -> None:
    server.faults += [looping_token()]
    with pytest.raises(MalformedDeliveryError, match="the page token loops"):
        read_pages()
    assert len(server.requests) == len(PAGES)


def test_endless_pages_come_to_an_end() -> None:
    tokens = iter(range(10**9))
    with pytest.raises(MalformedDeliveryError, match="more than 5 pages"):
        list(
            follow_pages(
                lambda token: token,
                lambda _: str(next(tokens)),
                source="acme",
                max_pages=5,
            )
        )


def test_a_failure_between_pages_asks_for_the_same_page_again(
    server: ScriptedServer, read_pages: Callable[[], list[list[str]]]
) -> None:
    server.faults += [Fault(), status(500), truncated_body(), Fault(), not_json()]
    assert read_pages() == PAGES


def test_the_server_can_repeat_and_turn_its_pages_around(
    server: ScriptedServer, read_pages: Callable[[], list[list[str]]]
) -> None:
    server.faults += [duplicate_page()]
    assert read_pages() == [PAGES[0], *PAGES]
    server.faults += [out_of_order()]
    assert read_pages() == PAGES[::-1]


def test_an_expired_credential_ends_the_pages(
    server: ScriptedServer, read_pages: Callable[[], list[list[str]]]
) -> None:
    server.faults += [Fault(), expired_token()]
    with pytest.raises(SourceAccessError, match="expired"):
        read_pages()


def test_an_answer_that_drips_is_given_up_at_a_deadline(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.http.client, "_BODY_TIMEOUTS", 0)
    started = time.monotonic()
    with open_client(server, attempts=2) as client:
        error = failure_of(client)
    assert "does not come to an end" in str(error)
    assert time.monotonic() - started < 5
