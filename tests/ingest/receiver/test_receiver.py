"""The receiver, as a process of its own on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import pytest

from ingest.sources.events.inbox import Inbox, ReceivedEvent, now
from tests.ingest.servers.receiver_process import (
    BEARER,
    KEY,
    ReceiverProcess,
    deployed,
    signed,
)
from triptych.core.errors import RunLockedError
from triptych.core.lock import hold_run_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOUD_EVENT = "application/cloudevents+json"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReceiverProcess]:
    settings = "receive: {max_body_bytes: '65536', request_seconds: '2'}\n"
    with ReceiverProcess(tmp_path_factory.mktemp("receiver"), settings) as process:
        yield process


def kept_ids(receiver: ReceiverProcess) -> list[str]:
    return [
        one["event"]["context"]["id"]
        for one in receiver.kept()
        if one["kind"] == "cdevents"
    ]


def test_an_event_is_on_the_disk_when_it_is_acknowledged(
    receiver: ReceiverProcess,
) -> None:
    status, answer = receiver.post("/events", deployed("plain-1"), BEARER)
    assert (status, answer["status"]) == (202, "accepted")
    [file] = [path for path in receiver.files() if path.name.startswith(answer["id"])]
    assert file.name.endswith(".cdevents.service.deployed.0.3.0.json")
    kept = json.loads(file.read_text())
    assert kept["event"]["subject"]["id"] == "checkout"
    assert kept["received_at"][:10] == file.parent.name


def test_an_envelope_and_headers_say_the_same_event_and_it_is_kept_once(
    receiver: ReceiverProcess,
) -> None:
    event = deployed("modes-1")
    attributes = {
        "id": "modes-1",
        "source": "/ci/acme",
        "type": event["context"]["type"],
        "specversion": "1.0",
    }
    structured = {"Content-Type": CLOUD_EVENT, **BEARER}
    binary = {f"ce-{name}": value for name, value in attributes.items()} | BEARER
    encoded = base64.b64encode(json.dumps(event).encode()).decode()
    told = [
        receiver.post("/events", {**attributes, "data": event}, structured),
        receiver.post("/events", event, binary),
        receiver.post("/events", {**attributes, "data_base64": encoded}, structured),
    ]
    assert [(status, answer["status"]) for status, answer in told] == [
        (202, "accepted"),
        (202, "accepted before"),
        (202, "accepted before"),
    ]
    assert kept_ids(receiver).count("modes-1") == 1


def test_an_encoded_event_that_is_not_ascii_is_refused_in_words(
    receiver: ReceiverProcess,
) -> None:
    envelope = {
        "id": "odd",
        "source": "/ci/acme",
        "type": "dev.cdevents.service.deployed.0.3.0",
        "specversion": "1.0",
        "data_base64": "é\u0000",
    }
    headers = {"Content-Type": CLOUD_EVENT, **BEARER}
    status, answer = receiver.post("/events", envelope, headers)
    assert (status, answer) == (400, {"error": "data_base64 is no base64"})


def test_an_envelope_that_is_not_its_events_own_is_refused(
    receiver: ReceiverProcess,
) -> None:
    envelope = {
        "id": "another",
        "source": "/ci/acme",
        "type": "dev.cdevents.service.deployed.0.3.0",
        "specversion": "1.0",
        "data": deployed("inner"),
    }
    assert receiver.post("/events", envelope, BEARER) == (
        400,
        {"error": "context.id is not that of the envelope"},
    )


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="unsigned"),
        pytest.param({"Authorization": "Bearer wrong"}, id="wrong token"),
        pytest.param({"Authorization": f"Basic {KEY}"}, id="not a bearer"),
        pytest.param(
            {**signed(b"{}"), "webhook-signature": "v1,AAAA"}, id="wrong signature"
        ),
        pytest.param(signed(b"another body"), id="signature of another body"),
    ],
)
def test_who_is_not_known_is_refused_and_nothing_is_kept(
    receiver: ReceiverProcess, headers: dict[str, str]
) -> None:
    before = receiver.files()
    status, answer = receiver.post("/events", deployed("unsigned-1"), headers)
    assert (status, answer) == (401, {"error": "not authenticated"})
    assert receiver.files() == before


@pytest.mark.parametrize("age_seconds", [301, -301])
def test_a_signature_that_is_not_of_now_is_refused(
    receiver: ReceiverProcess, age_seconds: int
) -> None:
    body = json.dumps(deployed("old-1")).encode()
    headers = signed(body, sent=time.time() - age_seconds)
    assert receiver.post("/events", body, headers)[0] == 401
    assert receiver.post("/events", body, signed(body))[0] == 202


def test_a_signature_does_not_stand_for_headers_that_it_does_not_cover(
    receiver: ReceiverProcess,
) -> None:
    body = json.dumps(deployed("binary-1")).encode()
    attributes = {"ce-id": "x", "ce-source": "y", "ce-type": "z"}
    headers = {**signed(body), **attributes, "ce-specversion": "1.0"}
    assert receiver.post("/events", body, headers)[0] == 401


def test_a_signed_event_that_is_sent_again_is_acknowledged_and_kept_once(
    receiver: ReceiverProcess,
) -> None:
    body = json.dumps(deployed("replayed-1")).encode()
    headers = signed(body)
    told = [receiver.post("/events", body, headers)[1]["status"] for _ in range(3)]
    assert told == ["accepted", "accepted before", "accepted before"]
    assert kept_ids(receiver).count("replayed-1") == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "the body is no JSON"),
        (b"[]", "the body is no JSON object"),
        (b'{"a": NaN}', "the body is no JSON"),
        (b"[" * 20_000, "the body is no JSON"),
        (b"\xff\xfe", "the body is no JSON"),
        (b"{}", "it is neither a CloudEvent nor an event of CDEvents"),
        (json.dumps({"context": {"id": "x"}}).encode(), "context.source is missing"),
        (
            json.dumps(deployed("t", timestamp="2026-03-20T14:27:05")).encode(),
            "context.timestamp has no offset from UTC",
        ),
        (
            json.dumps(deployed("t", timestamp="1999-03-20T14:27:05Z")).encode(),
            "context.timestamp lies out of range",
        ),
        (
            json.dumps(
                {**deployed("t"), "subject": {"id": "s", "content": {}}}
            ).encode(),
            "subject.content.environment.id is missing",
        ),
    ],
)
def test_what_is_no_event_is_refused_with_the_field_that_is_wrong(
    receiver: ReceiverProcess, body: bytes, why: str
) -> None:
    before = receiver.files()
    assert receiver.post("/events", body, BEARER) == (400, {"error": why})
    assert receiver.files() == before


def test_a_body_that_is_too_large_is_refused_unread(receiver: ReceiverProcess) -> None:
    event = {**deployed("huge-1"), "padding": "x" * 70_000}
    assert receiver.post("/events", event, BEARER)[0] == 413
    announced = {"Content-Length": str(10**12), **BEARER}
    assert raw(receiver, announced, b"{}").startswith(b"HTTP/1.1 413 ")
    asking = {"Content-Length": str(10**12), "Expect": "100-continue", **BEARER}
    assert raw(receiver, asking, b"").startswith(b"HTTP/1.1 413 ")
    assert "huge-1" not in kept_ids(receiver)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, b"411"),
        ({"Content-Length": "-1"}, b"411"),
        ({"Content-Length": "2, 2"}, b"411"),
        ({"Transfer-Encoding": "chunked"}, b"411"),
        ({"Content-Length": "2", "Content-Encoding": "gzip"}, b"415"),
    ],
)
def test_a_body_of_unknown_size_is_refused(
    receiver: ReceiverProcess, headers: dict[str, str], status: bytes
) -> None:
    answer = raw(receiver, {**headers, **BEARER}, b"{}")
    assert answer.startswith(b"HTTP/1.1 " + status + b" ")


def test_other_paths_and_methods_are_answered(receiver: ReceiverProcess) -> None:
    status, answer = receiver.post("/nowhere", {}, BEARER)
    assert (status, answer["error"]) == (404, "no endpoint")
    assert "/events" in answer["known"]
    assert raw(receiver, {}, b"", "GET /health").startswith(b"HTTP/1.1 200 ")
    assert raw(receiver, {}, b"", "GET /events").startswith(b"HTTP/1.1 405 ")
    assert raw(receiver, {}, b"", "BREW /events").startswith(b"HTTP/1.1 501 ")


def test_without_its_secret_an_endpoint_refuses(tmp_path: Path) -> None:
    environment = {"TRIPTYCH_DEVLAKE_KEY": KEY}
    with ReceiverProcess(tmp_path, environment=environment) as receiver:
        assert receiver.post("/events", deployed("no-secret"), BEARER)[0] == 503
        assert receiver.files() == []


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "No secret is set, so every endpoint would refuse."),
        ({"TRIPTYCH_EVENTS_KEY": "short"}, "fewer than 16 characters"),
    ],
)
def test_it_does_not_start_without_a_secret_that_is_one(
    tmp_path: Path, environment: dict[str, str], told: str
) -> None:
    (tmp_path / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    ended = subprocess.run(
        [sys.executable, "-m", "triptych", "receive", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "short" not in ended.stderr


def test_hundreds_at_once_are_each_kept_once(receiver: ReceiverProcess) -> None:
    wanted = [f"many-{number}" for number in range(300)]

    def post(event_id: str) -> int:
        return receiver.post("/events", deployed(event_id), BEARER)[0]

    with ThreadPoolExecutor(48) as pool:
        # Each twice, so that an event meets itself while it is being written.
        statuses = list(pool.map(post, [one for one in wanted for _ in range(2)]))
    assert statuses == [202] * 600
    ids = kept_ids(receiver)
    assert sorted(one for one in ids if one.startswith("many-")) == sorted(wanted)


def test_slow_clients_keep_nobody_waiting_and_are_cut_off(
    receiver: ReceiverProcess,
) -> None:
    slow = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(20)]
    try:
        for connection in slow:
            connection.sendall(b"POST /events HTTP/1.1\r\nContent-Length: 50\r\n")
        began = time.monotonic()
        assert receiver.post("/events", deployed("beside-slow"), BEARER)[0] == 202
        assert time.monotonic() - began < 1
        # One byte after another, so that no single wait is long.
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline and not is_closed(slow[0]):
            time.sleep(0.2)
            try:
                slow[0].sendall(b"X")
            except OSError:
                break
        assert time.monotonic() < deadline, "a request of any length is served"
    finally:
        for connection in slow:
            connection.close()


def test_idle_connections_give_way_to_whoever_posts(
    receiver: ReceiverProcess,
) -> None:
    idle = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(256)]
    try:
        for number in range(3):
            event = deployed(f"beside-idle-{number}")
            assert receiver.post("/events", event, BEARER)[0] == 202
        assert is_closed(idle[0])
        assert not is_closed(idle[-1])
    finally:
        for connection in idle:
            connection.close()


def test_an_answer_is_nothing_that_a_browser_shows(receiver: ReceiverProcess) -> None:
    answer = raw(receiver, {}, b"", request="GET /health").decode().lower()
    assert "x-content-type-options: nosniff" in answer
    assert "frame-ancestors 'none'" in answer
    assert "cache-control: no-store" in answer


def test_it_takes_events_while_a_run_holds_the_workspace(
    receiver: ReceiverProcess,
) -> None:
    with hold_run_lock(receiver.workspace / "runs" / "lock"):
        assert receiver.post("/events", deployed("while-locked"), BEARER)[0] == 202


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_in_the_middle_it_loses_nothing_that_it_acknowledged(
    tmp_path: Path, seed: int
) -> None:
    acknowledged: dict[str, str] = {}
    is_over = threading.Event()
    with ReceiverProcess(tmp_path) as receiver:

        def post(worker: int) -> None:
            number = 0
            while not is_over.is_set():
                event_id = f"{worker}-{number}"
                number += 1
                try:
                    status, answer = receiver.post(
                        "/events", deployed(event_id), BEARER
                    )
                except (OSError, ValueError, HTTPException):
                    return
                assert status == 202
                acknowledged[event_id] = answer["id"]

        threads = [threading.Thread(target=post, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 40 * seed:
            time.sleep(0.005)
        receiver.kill()
        is_over.set()
        for thread in threads:
            thread.join()

    assert len(acknowledged) >= 40 * seed
    with ReceiverProcess(tmp_path) as again:
        kept = {one["event"]["context"]["id"]: one for one in again.kept()}
        assert acknowledged.keys() <= kept.keys()
        assert len(kept) == len(again.files())
        assert list((tmp_path / "inbox" / ".incoming").iterdir()) == []
        # What it acknowledged before the end, it knows after it.
        for event_id in list(acknowledged)[:5]:
            answer = again.post("/events", deployed(event_id), BEARER)[1]
            assert answer["status"] == "accepted before"


def test_told_to_stop_it_finishes_what_is_under_way_and_ends_with_zero(
    tmp_path: Path,
) -> None:
    with ReceiverProcess(tmp_path) as receiver:
        body = json.dumps(deployed("under-way")).encode()
        connection = socket.create_connection(("127.0.0.1", receiver.port))
        head = f"POST /events HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body[:20])
        time.sleep(0.3)
        assert receiver.process is not None
        receiver.process.terminate()
        time.sleep(0.5)
        connection.sendall(body[20:])
        assert connection.recv(100).startswith(b"HTTP/1.1 202 ")
        connection.close()
        assert receiver.stop() == 0
        assert kept_ids(receiver) == ["under-way"]


def test_no_body_no_secret_and_no_person_reaches_a_log_or_the_inbox(
    tmp_path: Path,
) -> None:
    person, address = "Jo Planted", "jo.planted@example.com"
    event = deployed("private-1")
    event["subject"]["content"]["description"] = f"{person} did it"
    event["customData"] = {
        "author": person,
        "model_id": address,
        "feature_id": f"written by {person} yesterday",
        "registered_model": "eta",
        "commit_sha": [person],
    }
    event["context"]["links"] = [{"tags": {"by": address}}]
    deployment: dict[str, Any] = {
        "id": "d-1",
        "startedDate": "2026-03-01T10:00:00Z",
        "finishedDate": "2026-03-01T10:10:00Z",
        "displayTitle": f"by {person}",
        "deploymentCommits": [
            {
                "repoUrl": f"https://{address}:pw@git.example.com/acme/eta",
                "commitSha": "a" * 40,
                "commitMsg": f"Signed-off-by: {person} <{address}>",
            }
        ],
    }
    issue = {
        "issueKey": "I-1",
        "title": f"{person} cannot log in",
        "description": address,
        "originalStatus": "Open",
        "createdDate": "2026-03-01T10:00:00Z",
        "assigneeName": person,
        "type": "INCIDENT",
    }
    with ReceiverProcess(tmp_path) as receiver:
        assert receiver.post("/events", event, BEARER)[0] == 202
        assert receiver.post("/devlake/deployments", deployment, BEARER)[0] == 202
        assert receiver.post("/devlake/issues", issue, BEARER)[0] == 202
        assert receiver.post("/events", {"context": {"id": person}}, BEARER)[0] == 400
        assert receiver.post(f"/events?{address}", {"a": person}, BEARER)[0] == 400
        receiver.stop()
        everything = receiver.log + "".join(
            path.read_text() + path.name for path in receiver.files()
        )
    assert receiver.log.count("event_taken") == 3
    assert '"registered_model": "eta"' in everything
    assert "https://git.example.com/acme/eta" in everything
    for planted in ("Planted", "planted", KEY, "pw@", "cannot log in"):
        assert planted not in everything


def test_an_mlflow_delivery_is_known_by_its_signature(
    receiver: ReceiverProcess,
) -> None:
    body = json.dumps(
        {
            "entity": "model_version_alias",
            "action": "created",
            "timestamp": "2026-03-24T22:30:46.448539+00:00",
            "data": {
                "name": "fraud-detector",
                "alias": "production",
                "version": "3",
                "description": "planted prose",
            },
        }
    ).encode()

    def headers(delivery_id: str, sent: float) -> dict[str, str]:
        stamp = str(int(sent))
        content = f"{delivery_id}.{stamp}.".encode() + body
        digest = hmac.new(KEY.encode(), content, hashlib.sha256).digest()
        return {
            "X-MLflow-Delivery-Id": delivery_id,
            "X-MLflow-Timestamp": stamp,
            "X-MLflow-Signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    fresh = headers("d-1", time.time())
    assert receiver.post("/mlflow", body, fresh)[0] == 202
    assert receiver.post("/mlflow", body, fresh)[1]["status"] == "accepted before"
    assert receiver.post("/mlflow", body, headers("d-2", time.time() - 400))[0] == 401
    assert receiver.post("/mlflow", body, BEARER)[0] == 401
    [kept] = [one for one in receiver.kept() if one["kind"] == "mlflow"]
    assert kept["type"] == "model_version_alias.created"
    assert kept["event"]["data"] == {
        "name": "fraud-detector",
        "alias": "production",
        "version": "3",
    }


def test_a_devlake_sender_that_says_something_new_of_a_deployment_is_heard(
    receiver: ReceiverProcess,
) -> None:
    commit = {"repoUrl": "git@git.example.com:acme/eta.git", "commitSha": "b" * 40}
    body = {
        "id": "again",
        "startedDate": "2026-03-01T10:00:00+01:00",
        "finishedDate": "2026-03-01T10:10:00+01:00",
        "deploymentCommits": [commit],
    }
    path = "/devlake/plugins/webhook/connections/1/deployments"
    told = [
        receiver.post(path, body, BEARER)[1]["status"],
        receiver.post(path, body, BEARER)[1]["status"],
        receiver.post(path, {**body, "result": "FAILURE"}, BEARER)[1]["status"],
    ]
    assert told == ["accepted", "accepted before", "accepted"]


def test_a_second_receiver_on_the_same_inbox_is_refused(tmp_path: Path) -> None:
    with Inbox(tmp_path / "inbox"), pytest.raises(RunLockedError, match="Another rec"):
        Inbox(tmp_path / "inbox").__enter__()


def test_a_disk_that_refuses_leaves_nothing_and_the_event_may_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = ReceivedEvent("cdevents", "service.deployed", "k", now(), {})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with Inbox(tmp_path / "inbox") as inbox:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space"):
                inbox.keep(event)
        assert len(inbox) == 0
        assert [p for p in (tmp_path / "inbox").rglob("*.json") if p.is_file()] == []
        assert inbox.keep(event)
        assert not inbox.keep(event)


def raw(
    receiver: ReceiverProcess,
    headers: dict[str, str],
    body: bytes,
    request: str = "POST /events",
) -> bytes:
    """Return what the server answers to a request written by hand."""
    lines = [f"{request} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", receiver.port), 10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
        return b"".join(pieces)


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
