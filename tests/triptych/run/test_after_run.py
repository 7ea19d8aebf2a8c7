"""Who is told after a run, of what, how often; and that it never fails the run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from ingest.receiver.authentication import verify_signature
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.ingest.servers.http_server import (
    Answer,
    Request,
    ScriptedServer,
    slow,
    status,
)
from tests.triptych.core.warehouse.journal_fixture import (
    KEPT,
    write_closed_workspace,
)
from triptych.cli import app
from triptych.core.errors import RunLockedError, SettingsError, SourceError
from triptych.core.lake import lake_log
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run import after_run
from triptych.run.after_run import reported
from triptych.service import webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

SECRET = "a-made-up-secret-for-the-tests-0001"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("TRIPTYCH_WEBHOOK_KEY", SECRET)


@pytest.fixture
def receiver() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.route("POST", "/hook", lambda _: Answer(b"", 204))
        yield server


@pytest.fixture
def root(tmp_path: Path, receiver: ScriptedServer) -> Path:
    configure(tmp_path, url=f"{receiver.url}/hook")
    (tmp_path / "runs").mkdir()
    return tmp_path


def configure(root: Path, **options: object) -> None:
    general = {
        "organisation": "Acme",
        "currency": "EUR",
        "metrics": {"textfile": "triptych.prom"},
        "webhook": options,
        "sources": [{"name": "bills", "type": "focus_files", "path": "nowhere"}],
    }
    (root / "triptych.yml").write_text(yaml.safe_dump(general))


def run_ends(root: Path, error: Exception | None = None) -> None:
    with reported(Workspace(root), load_settings(root)):
        if error is not None:
            raise error


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", "-w", str(root), *arguments])


def on_published(root: Path, statement: str) -> None:
    """Publish the warehouse anew with a change to it."""
    path = publish(root, run_id=f"run-{len(list(root.rglob('*.duckdb'))):04d}")
    with duckdb.connect(path) as connection:
        connection.execute(statement)


def told(receiver: ScriptedServer, kind: str) -> list[Request]:
    return [r for r in receiver.asked("/hook") if r.json()["type"] == kind]


def test_a_failed_run_is_told_with_a_signature_that_can_be_checked(
    root: Path, receiver: ScriptedServer
) -> None:
    result = run(root)
    assert result.exit_code == 3, result.output
    [request] = receiver.requests
    # As receivers of Standard Webhooks do it, and as our own receiver does.
    signed = b".".join(
        (
            request.headers["webhook-id"].encode(),
            request.headers["webhook-timestamp"].encode(),
            request.body,
        )
    )
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    assert request.headers["webhook-signature"] == expected
    verify_signature(
        request.body, request.headers, secret=SECRET, now=datetime.now(UTC)
    )
    said = request.json()
    assert said["type"] == "run.failed"
    data = said["data"]
    assert (data["organisation"], data["exit_code"]) == ("Acme", 3)
    assert data["state"] == "failed"
    assert "nowhere" in data["error"]
    assert data["run_id"] in {path.name for path in (root / "runs").iterdir()}


def test_the_head_of_the_audit_log_is_sent_signed_and_written_to_a_file(
    tmp_path: Path, receiver: ScriptedServer
) -> None:
    workspace = write_closed_workspace(tmp_path)
    configure(tmp_path, url=f"{receiver.url}/hook")
    kept = tmp_path / "head.json"
    asked = ["audit", "head", "--send", "--to", str(kept), "-w", str(tmp_path)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    [request] = told(receiver, "audit.head")
    head = lake_log.read_log(workspace.lake)[-1][5]
    assert request.json()["data"] == json.loads(kept.read_text())
    assert request.json()["data"]["head_hash"] == head == result.stdout.strip()
    next(workspace.locked_dir.rglob(KEPT)).write_text("amount\n1850\n")
    result = CliRunner().invoke(app, asked)
    # Kept now, it would vouch for what is in doubt.
    assert result.exit_code == 1
    assert len(told(receiver, "audit.head")) == 1


def test_a_close_is_told_with_the_hash_that_proves_it(
    root: Path, receiver: ScriptedServer
) -> None:
    close = {"billing_month": "2026-08", "head_hash": "ab12"}
    after_run.tell_close(load_settings(root), close)
    [request] = told(receiver, "month.closed")
    assert request.json()["data"] == {"organisation": "Acme", **close}
    configure(root, url=f"{receiver.url}/hook", events=["run_failed"])
    after_run.tell_close(load_settings(root), close)
    assert len(receiver.requests) == 1


def test_a_failed_run_leaves_its_metrics(root: Path) -> None:
    run(root)
    families = text_string_to_metric_families((root / "triptych.prom").read_text())
    found = {f.name: f.samples[0].value for f in families}
    assert found["triptych_last_run_success"] == 0
    assert found["triptych_last_run_duration_seconds"] >= 0


@pytest.mark.parametrize(
    "faults",
    [
        [status(503), status(429)],
        [status(500), status(502), status(504)],
    ],
    ids=["busy", "broken"],
)
def test_what_passes_is_tried_again_with_the_same_id(
    root: Path, receiver: ScriptedServer, faults: list[object]
) -> None:
    receiver.faults += faults  # type: ignore[arg-type]
    run(root)
    assert len(receiver.requests) == len(faults) + 1
    assert len({r.headers["webhook-id"] for r in receiver.requests}) == 1
    assert len({r.body for r in receiver.requests}) == 1


def test_a_receiver_that_refuses_is_asked_once_and_changes_no_exit_code(
    root: Path, receiver: ScriptedServer
) -> None:
    receiver.faults.append(status(401))
    result = run(root)
    assert result.exit_code == 3
    assert len(receiver.requests) == 1
    assert "The receiver refused the message with status 401" in result.stderr
    assert SECRET not in result.output


def test_a_receiver_that_is_not_there_or_silent_changes_no_exit_code(
    root: Path, receiver: ScriptedServer
) -> None:
    configure(root, url="http://127.0.0.1:9/hook")
    assert run(root).exit_code == 3
    configure(root, url=f"{receiver.url}/hook", timeout_seconds=0.1)
    receiver.faults += [slow(0.5)] * 4
    result = run(root)
    assert result.exit_code == 3
    assert "was not delivered in 4 tries: ReadTimeout" in result.stderr


def test_nothing_is_sent_unsigned(
    root: Path, receiver: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIPTYCH_WEBHOOK_KEY")
    result = run(root)
    assert result.exit_code == 3
    assert receiver.requests == []
    assert "The variable TRIPTYCH_WEBHOOK_KEY has no secret" in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/triptych",
        "https://user:word@hooks.example.com/",
        "ftp://example.com",
    ],
)
def test_an_address_to_which_nothing_secret_may_go_is_refused(
    root: Path, url: str
) -> None:
    configure(root, url=url)
    with pytest.raises(SettingsError, match=r"triptych\.yml:\d+"):
        load_settings(root)


def test_a_month_is_told_once_when_it_turns_red(
    root: Path, receiver: ScriptedServer
) -> None:
    publish(root)
    run_ends(root)
    [request] = receiver.requests
    said = request.json()
    assert said["type"] == "month.red"
    months = {(m["event"], m["billing_month"]): m for m in said["data"]["months"]}
    assert set(months) == {
        ("month_not_reconciled", "2026-09"),
        ("month_over_budget", "2026-09"),
    }
    # Railway's invoice is still to come, which is no alarm.
    reason = months["month_not_reconciled", "2026-09"]["reason"]
    assert reason == "gcp: 1 of 1 not tied."
    # 2,699 against a budget of 900
    over = months["month_over_budget", "2026-09"]
    assert float(over["variance_amount"]) == 1799
    assert over["variance_ratio"] == pytest.approx(1799 / 900)
    run_ends(root)
    assert len(receiver.requests) == 1
    # Nothing was signed yet: the log has no entry.
    assert said["data"]["head_hash"] == ""


def test_a_month_that_turns_red_again_is_told_again(
    root: Path, receiver: ScriptedServer
) -> None:
    configure(root, url=f"{receiver.url}/hook", events=["month_not_reconciled"])
    mended = "update cost.mart_period_reconciliation set state = 'reconciled'"
    publish(root)
    run_ends(root)
    on_published(root, mended)
    run_ends(root)
    assert len(receiver.requests) == 1
    on_published(root, "select 1")
    run_ends(root)
    assert len(told(receiver, "month.red")) == 2


def test_a_budget_in_another_currency_is_told_for_itself(
    root: Path, receiver: ScriptedServer
) -> None:
    configure(root, url=f"{receiver.url}/hook", events=["month_over_budget"])
    publish(root)
    run_ends(root)
    on_published(
        root,
        "insert into cost.mart_budget_variance by name (select * replace ('USD' as"
        " currency, 7 as variance_amount) from cost.mart_budget_variance"
        " where scope_type = 'all' and state = 'over')",
    )
    run_ends(root)
    first, second = receiver.requests
    assert [m["currency"] for m in first.json()["data"]["months"]] == ["EUR"]
    [dollars] = second.json()["data"]["months"]
    assert (dollars["currency"], float(dollars["variance_amount"])) == ("USD", 7)


def test_what_could_not_be_told_is_told_with_the_next_run(
    root: Path, receiver: ScriptedServer
) -> None:
    publish(root)
    receiver.faults.append(status(403))
    run_ends(root)
    run_ends(root)
    assert len(receiver.requests) == 2
    assert receiver.requests[0].json()["data"] == receiver.requests[1].json()["data"]


def test_events_that_nobody_asked_for_are_not_told(
    root: Path, receiver: ScriptedServer
) -> None:
    configure(root, url=f"{receiver.url}/hook", events=["month_over_budget"])
    publish(root)
    with pytest.raises(SourceError):
        run_ends(root, SourceError("No answer.", where="aws", next_step="Wait."))
    [request] = receiver.requests
    assert [m["event"] for m in request.json()["data"]["months"]] == [
        "month_over_budget"
    ]


def test_a_run_that_did_not_begin_is_no_failed_run(
    root: Path, receiver: ScriptedServer
) -> None:
    with pytest.raises(RunLockedError):
        run_ends(root, RunLockedError("Another run.", next_step="Wait."))
    assert receiver.requests == []
    assert not (root / "triptych.prom").exists()


def test_what_nobody_expected_is_told_without_its_text(
    root: Path, receiver: ScriptedServer
) -> None:
    with pytest.raises(ZeroDivisionError):
        run_ends(root, ZeroDivisionError("password=hunter2"))
    [request] = receiver.requests
    data = request.json()["data"]
    assert (data["error"], data["exit_code"]) == ("ZeroDivisionError", 1)
    assert b"hunter2" not in request.body
    # No run wrote anything down, so the message speaks of none.
    assert data["run_id"] is None


def test_a_mistake_of_our_own_in_telling_fails_no_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(webhook, "signature_of", mistaken)
    result = run(root)
    assert result.exit_code == 3
    assert "Webhook notification failed." in result.stderr


def test_metrics_that_cannot_be_written_are_a_warning(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "triptych.prom").mkdir()
    result = run(root)
    assert result.exit_code == 3
    assert "The metrics were not written." in result.stderr + capsys.readouterr().out


def test_lines_of_json_are_all_that_standard_error_holds(root: Path) -> None:
    result = run(root, "--log-format", "json")
    assert result.exit_code == 3
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    run_ids = {line["run_id"] for line in lines if "run_id" in line}
    assert len(run_ids) == 1
    states = [line["state"] for line in lines if line["event"] == "run"]
    assert states == ["ingesting", "ingested", "failed"]
    last = lines[-1]
    assert (last["event"], last["exit_code"]) == ("failure", 3)
    assert "nowhere" in last["error"]


def test_the_setting_and_the_variable_choose_the_format_too(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_LOG__FORMAT", "json")
    monkeypatch.delenv("TRIPTYCH_WEBHOOK_KEY")
    result = run(root)
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    [logged] = [line for line in lines if line["event"] == "log"]
    assert logged["level"] == "warning"
    assert logged["text"] == "Webhook notification failed."
    assert "TRIPTYCH_WEBHOOK_KEY has no secret" in logged["why"]
    assert logged["run_id"]
