"""Recorded answers give the very rows that the API gave when they were recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ingest.connector import Window
from ingest.http.client import HttpClient
from ingest.sources.llm_providers.openai import OpenAi, OpenAiConfig
from ingest.sources.railway.connector import Railway, RailwayConfig
from ingest.streams import STREAMS
from tests.ingest.servers.railway_workspace import (
    NOW,
    OPTIONS,
    set_the_clock,
    workspace,
)
from triptych.core.errors import FatalSourceError, MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

Rows = dict[str, list[dict[str, Any]]]


def rows_of(connector: Any, root: Path) -> Rows:
    """Return the rows of every stream, in one order."""
    found: Rows = defaultdict(list)
    for delivery in connector.deliveries(Window()):
        if delivery.skip_reason:
            continue
        for part in connector.read(delivery, root):
            for batch in part.batches:
                names = [c.name for c in STREAMS[delivery.stream].columns]
                rows = batch.select(names).to_pylist()
                # A recording sees a deployment when it was made.
                found[delivery.stream] += [{**row, "observed_at": ""} for row in rows]
    return {stream: sorted(rows, key=repr) for stream, rows in found.items()}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Rows, Path]:
    """Return what Railway gave, and the recording of it."""
    set_the_clock(monkeypatch)
    exchanges: list[dict[str, Any]] = []
    ask = HttpClient.post_json

    def asking(self: HttpClient, path: str, *, body: dict[str, Any]) -> Any:
        answer = ask(self, path, body=body)
        exchanges.append(
            {
                "operationName": body["operationName"],
                "variables": body["variables"],
                "answered_at": NOW.isoformat(),
                "answer": answer,
            }
        )
        return answer

    with workspace() as serving, monkeypatch.context() as patch:
        patch.setattr(HttpClient, "post_json", asking)
        live = rows_of(railway(tmp_path, base_url=serving.server.url), tmp_path)
    lines = [json.dumps(exchange, default=float) for exchange in exchanges]
    path = tmp_path / "recorded" / "railway.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n", "utf-8")
    # Long after: a recording's present is when it was made.
    set_the_clock(monkeypatch, datetime(2031, 1, 1, tzinfo=UTC))
    monkeypatch.delenv("RAILWAY_API_TOKEN", raising=False)
    return live, path


def railway(root: Path, **options: Any) -> Railway:
    values = {"name": "railway", "type": "railway", **OPTIONS, **options}
    return Railway(RailwayConfig.model_validate(values), root=root)


def test_a_recording_of_railway_gives_the_rows_that_the_api_gave(
    recorded: tuple[Rows, Path], tmp_path: Path
) -> None:
    live, _ = recorded
    connector = railway(tmp_path, path="recorded")
    assert set(live) == {
        *("railway_usage", "invoices", "deployments"),
        *("model_usage", "serving_latency"),
    }
    assert rows_of(connector, tmp_path) == live
    assert all(finding.is_ok for finding in connector.check())


@pytest.mark.usefixtures("recorded")
def test_a_question_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    scratch = "EPHEMERAL_DISK_USAGE_GB"
    prices = [{"measurement": scratch, "valid_from": "2026-01-01", "dollars": 1}]
    connector = railway(tmp_path, path="recorded", prices=prices)
    with pytest.raises(FatalSourceError, match="no recorded answer to Usage"):
        rows_of(connector, tmp_path)


def test_a_damaged_recording_names_its_line(
    recorded: tuple[Rows, Path], tmp_path: Path
) -> None:
    _, path = recorded
    text = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*text[:3], text[3][:40]]), "utf-8")
    with pytest.raises(MalformedDeliveryError, match="no recorded exchange") as caught:
        rows_of(railway(tmp_path, path="recorded"), tmp_path)
    assert caught.value.where == "recorded/railway.jsonl:4"


def bucket(day: int, value: Any) -> dict[str, Any]:
    amount = {"value": value, "currency": "usd"}
    return {
        "object": "bucket",
        "start_time": int(datetime(2026, 3, day, tzinfo=UTC).timestamp()),
        "end_time": int(datetime(2026, 3, day + 1, tzinfo=UTC).timestamp()),
        "results": [
            {"amount": amount, "project_id": "p", "line_item": "x", "api_key_id": "k"}
        ],
    }


def openai(root: Path) -> OpenAi:
    options = {"name": "openai", "type": "openai", "path": "answers", "usage": False}
    return OpenAi(OpenAiConfig(**options, names=False), root=root)


def test_recorded_pages_of_openai_are_months_from_the_first_day_to_the_last(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "answers" / "v1" / "organization" / "costs"
    folder.mkdir(parents=True)
    pages = [[bucket(30, 1.25)], [bucket(2, 0.1), bucket(1, 0.2)]]
    for number, page in enumerate(pages):
        body = {"data": page, "has_more": number == 0, "next_page": "2"}
        (folder / f"{number}.json").write_text(json.dumps(body), "utf-8")
    connector = openai(tmp_path)
    [delivery] = connector.deliveries(Window())
    assert delivery.scope == "2026-03"
    rows = rows_of(connector, tmp_path)["llm_provider_costs"]
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("1.55")
    again = openai(tmp_path)
    assert [each.fingerprint for each in again.deliveries(Window())] == [
        delivery.fingerprint
    ]


def test_answers_that_were_not_recorded_are_named(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    with pytest.raises(FatalSourceError, match="no recorded answer to /v1/org"):
        rows_of(openai(tmp_path), tmp_path)
