"""The suite for connectors that speak HTTP: the server misbehaves, the data does not.

A connector's test module subclasses it and gives two fixtures::

    class TestAcmeMisbehaviour(SurvivesMisbehaviour):
        @pytest.fixture
        def server(self): …   # a ScriptedServer whose routes are made with paged()
        @pytest.fixture
        def case(self, server, …): return ConnectorCase(…)   # as for the contract suite

The case's source must ask for at least two pages, and must give up on an answer after
``timeout_seconds`` (an option of the connector) of at most :attr:`slow_seconds`.
"""

from __future__ import annotations

import pytest

import ingest.http.client
from ingest.testing import ConnectorCase, _captured_logs, _money, _row_count
from tests.ingest.servers.http_server import (
    Answer,
    Fault,
    Request,
    ScriptedServer,
    duplicate_page,
    expired_token,
    looping_token,
    not_json,
    out_of_order,
    slow,
    status,
    to_json,
    truncated_body,
)
from triptych.core.errors import (
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
    TriptychError,
)

#: A login, an address and a name, planted into answers that are not as they should be.
PEOPLE = ("planted-login", "jo.planted@example.com", "Jo Planted")
_PERSON = {"login": PEOPLE[0], "email": PEOPLE[1], "name": PEOPLE[2], "user": PEOPLE[0]}
_KEYS = ("items", "data", "values", "results", "seats", "incidents", "edges")
PEOPLE_IN_ANSWERS = (
    Answer(to_json({key: [_PERSON] for key in _KEYS}).encode()[:-2]),
    Answer({key: [{"assignee": _PERSON, "user": _PERSON}] for key in _KEYS}),
    Answer(dict.fromkeys(_KEYS, PEOPLE[0])),
    Answer({key: [{"date": PEOPLE[1], "created_at": PEOPLE[0]}] for key in _KEYS}),
    Answer({key: [_PERSON] for key in _KEYS}, 400),
    Answer({key: [_PERSON] for key in _KEYS}, 500),
    Answer({"message": f"{PEOPLE[1]} may not read it"}, 403),
)


class SurvivesMisbehaviour:
    """Subclass it and give it the fixtures ``server`` and ``case``."""

    #: How long a slow answer takes; longer than the case's ``timeout_seconds``.
    slow_seconds = 1.2
    #: A text that the message about an expired credential has to hold, such as the
    #: name of the environment variable.
    names_credential = ""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)

    def test_a_server_that_asks_to_wait_is_given_the_time(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [status(429, retry_after="1")]

        assert_whole(case)

        (refused,) = server.faulted
        waits = [again.arrived_at - refused.arrived_at for again in repeats(server)]
        assert waits
        assert min(waits) >= 1

    @pytest.mark.parametrize(
        "faults",
        [
            pytest.param([status(500), status(500)], id="500 twice"),
            pytest.param([status(503), status(502), status(504)], id="5xx"),
            pytest.param([truncated_body()], id="truncated body"),
            pytest.param([not_json()], id="no JSON"),
        ],
    )
    def test_what_passes_is_tried_again_and_nothing_is_lost(
        self, case: ConnectorCase, server: ScriptedServer, faults: list[Fault]
    ) -> None:
        server.faults += faults

        assert_whole(case)

        assert len(server.faulted) == len(faults)
        assert repeats(server)

    def test_a_later_page_that_fails_is_tried_again_and_nothing_doubles(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [Fault(), status(500), truncated_body(), Fault(), status(500)]
        assert_whole(case)

    def test_an_answer_that_takes_too_long_is_asked_for_again(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [slow(self.slow_seconds)]

        assert_whole(case)

        assert repeats(server)

    def test_a_server_that_stays_down_is_said_to_be_so(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [status(503)] * 100

        error = first_failure(case)

        assert isinstance(error, TransientSourceError)
        assert "503" in str(error)
        assert _row_count(case) == 0

        server.faults.clear()
        assert_whole(case)

    def test_an_expired_credential_is_named_and_the_old_load_stays_current(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        assert_whole(case)
        case.deliver_late()
        server.faults += [expired_token()] * 100

        error = first_failure(case)

        assert isinstance(error, SourceAccessError)
        assert "expired" in str(error)
        assert self.names_credential in str(error)
        assert not repeats(server), "a refused credential is not tried again"
        assert _row_count(case) == case.expected_rows
        assert _money(case) == case.expected_money

    def test_a_credential_that_expires_on_the_way_commits_no_part(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [Fault(), *[expired_token()] * 100]

        assert isinstance(first_failure(case), SourceAccessError)

        assert _row_count(case) < case.expected_rows
        server.faults.clear()
        assert_whole(case)

    def test_pages_that_go_in_a_circle_end_with_a_clear_message(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [looping_token()]

        error = first_failure(case)

        assert isinstance(error, MalformedDeliveryError)
        assert "loops" in str(error)
        assert _row_count(case) == 0

        server.page_fault = None
        assert_whole(case)

    def test_a_page_that_comes_twice_counts_once(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [duplicate_page()]
        assert_whole(case)

    def test_pages_out_of_order_lose_and_double_nothing(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [out_of_order()]
        assert_whole(case)

    def test_no_secret_is_told_whatever_the_server_says(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        assert case.secrets
        echo = {"error": {"message": f"wrong: {' '.join(case.secrets)} " + "x" * 500}}
        html = " ".join(case.secrets).encode()
        text = ""
        for faults in (
            [status(401, body=echo)],
            [status(403, body=echo)],
            [status(400, body=echo)],
            [status(500, body=html)] * 100,
            [status(200, body=html)] * 100,
        ):
            server.faults.clear()
            server.faults += faults
            with _captured_logs() as captured:
                error = first_failure(case)
                server.faults.clear()
                server.faults += faults
                findings = case.connector().check()
            assert not all(finding.is_ok for finding in findings)
            text += captured.getvalue() + repr(error) + str(error) + repr(findings)
            text += repr(case.connector())
        for table in ("loads", "quarantine", "sources", "audit_log"):
            text += repr(case.query(f"SELECT * FROM catalogue.{table}"))
        for secret in case.secrets:
            assert secret not in text

    def test_nobody_is_quoted_whatever_the_server_says(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        text = ""
        for answer in PEOPLE_IN_ANSWERS:
            server.faults.clear()
            server.faults += [Fault(answer)] * 100
            with _captured_logs() as captured:
                text += repr(case.ingest())
                server.faults.clear()
                server.faults += [Fault(answer)] * 100
                text += repr(case.connector().check())
            text += captured.getvalue()
        for table in ("loads", "quarantine", "sources", "audit_log"):
            text += repr(case.query(f"SELECT * FROM catalogue.{table}"))
        for person in PEOPLE:
            assert person not in text


def assert_whole(case: ConnectorCase) -> None:
    """Ingest, and find every row and all money."""
    report = case.ingest()
    assert report.failures == []
    assert _row_count(case) == case.expected_rows
    assert _money(case) == case.expected_money


def first_failure(case: ConnectorCase) -> TriptychError:
    """Ingest, and return what went wrong first."""
    report = case.ingest()
    assert report.failures
    return report.failures[0].error


def repeats(server: ScriptedServer) -> list[Request]:
    """Return the requests that ask again for what went wrong before."""
    return [
        request
        for request in server.requests
        for refused in server.faulted
        if request.arrived_at > refused.arrived_at
        and request.question() == refused.question()
    ]


__all__ = ["SurvivesMisbehaviour", "assert_whole", "first_failure"]
