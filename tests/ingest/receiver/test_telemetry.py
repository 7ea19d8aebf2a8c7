"""Spans at the receiver, from the exporters of the OpenTelemetry SDK."""

from __future__ import annotations

import gzip
import json
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Status, StatusCode

from ingest.testing import ConnectorCase
from tests.ingest.servers.receiver_process import BEARER, ReceiverProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

PLANTED = "Dear Ms Example, the diagnosis of your mother"
#: Attributes as instrumentations set them, with texts that must not be stored.
TEXTS = {
    "gen_ai.input.messages": json.dumps([{"role": "user", "content": PLANTED}]),
    "gen_ai.output.messages": PLANTED,
    "gen_ai.system_instructions": PLANTED,
    "gen_ai.tool.call.arguments": PLANTED,
    "gen_ai.prompt.0.content": PLANTED,
    "llm.input_messages.0.message.content": PLANTED,
    "input.value": PLANTED,
    "url.full": f"https://example.com/?q={PLANTED}",
}
NEW = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.cache_read.input_tokens": 600,
    "gen_ai.usage.cache_creation.input_tokens": 100,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.reasoning.output_tokens": 20,
}
#: The same request in names of 2024, where cached tokens are not part of the prompt.
OLD = {
    "llm.request.type": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.prompt_tokens": 300,
    "gen_ai.usage.cache_read_input_tokens": 600,
    "gen_ai.usage.cache_creation_input_tokens": 100,
    "gen_ai.usage.completion_tokens": 50,
    "gen_ai.usage.reasoning_tokens": 20,
}
ROWS = (
    "SELECT agent, team_id, tenant, conversation_id, task_id, attempt_id,"
    " task_outcome, requests, successful_requests, input_tokens,"
    " uncached_input_tokens, cached_input_tokens, cache_write_input_tokens,"
    " output_tokens, reasoning_tokens FROM evidence.llm_usage"
    " WHERE requests > 0 ORDER BY task_id, attempt_id"
)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverProcess]:
    """Run a receiver that keeps a company's own name of the team."""
    settings = "receive: {telemetry_attributes: {team: [acme.squad]}}\n"
    with ReceiverProcess(tmp_path / "workspace", settings) as process:
        yield process


def exporting_to(
    receiver: ReceiverProcess, compression: Compression = Compression.Gzip
) -> TracerProvider:
    """Return a provider whose spans are posted as each ends."""
    provider = TracerProvider(resource=Resource({"service.name": "care"}))
    exporter = OTLPSpanExporter(
        f"http://127.0.0.1:{receiver.port}/v1/traces",
        headers={"Authorization": BEARER["Authorization"]},
        compression=compression,
        timeout=30,
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def ingested(receiver: ReceiverProcess, **options: Any) -> ConnectorCase:
    """Return the workspace after its spans were loaded, twice."""
    case = ConnectorCase(
        "opentelemetry", options, receiver.workspace, 0, {}, dict, dict, int
    )
    assert case.ingest().failures == []
    assert case.ingest().committed == []
    return case


def run_task(
    provider: TracerProvider, task: str, requests: list[dict[str, Any]]
) -> None:
    """Send the spans of an agent at a task: requests, a tool, texts everywhere."""
    tracer = provider.get_tracer("test")
    identity = {"triptych.task.id": task, "acme.squad": "care", "tenant.id": "clinic"}
    with tracer.start_as_current_span(
        f"invoke_agent {PLANTED}",
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "triage",
            "gen_ai.conversation.id": "c-1",
            "gen_ai.usage.input_tokens": 999_999,
            **identity,
        },
    ) as agent:
        for attributes in requests:
            with tracer.start_as_current_span("POST"):  # an HTTP client in between
                span = tracer.start_span("chat", attributes={**attributes, **TEXTS})
                span.add_event("gen_ai.content.prompt", {"gen_ai.prompt": PLANTED})
                span.end()
        span = tracer.start_span("execute_tool", attributes=TEXTS)
        span.set_status(Status(StatusCode.ERROR, PLANTED))
        span.end()
        agent.set_attribute("triptych.task.outcome", "Resolved")


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
@pytest.mark.parametrize("names", [NEW, OLD])
def test_tokens_by_kind_are_those_that_an_sdk_sent(
    receiver: ReceiverProcess, names: dict[str, Any], compression: Compression
) -> None:
    provider = exporting_to(receiver, compression)
    run_task(provider, "T-1", [names, names])
    case = ingested(receiver)
    [row] = case.query(ROWS)
    assert row[:5] == ("triage", "care", "clinic", "c-1", "T-1")
    assert row[6] == "success"
    assert row[7:] == tuple(map(Decimal, (2, 2, 2000, 600, 1200, 200, 100, 40)))
    [(provider_name, model, project)] = case.query(
        "SELECT DISTINCT provider, provider_model, project_id FROM evidence.llm_usage"
        " WHERE requests > 0"
    )
    assert (provider_name, model) == ("anthropic", "claude-sonnet-4-5-20250929")
    assert project == "care"


def test_no_file_of_the_workspace_has_a_planted_text(receiver: ReceiverProcess) -> None:
    run_task(exporting_to(receiver), "T-1", [NEW | TEXTS, OLD])
    body = otlp_json({**NEW, **TEXTS, "gen_ai.agent.name": PLANTED * 9})
    assert receiver.post("/v1/traces", body, BEARER)[0] == 200
    ingested(receiver)
    receiver.stop()
    files = [path for path in receiver.workspace.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        assert b"diagnosis" not in content, path
        assert b"Example" not in content, path


def otlp_json(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a request of OTLP in JSON with a single span."""
    pairs = [
        {
            "key": key,
            "value": {"intValue": str(value)}
            if isinstance(value, int)
            else {"stringValue": value},
        }
        for key, value in attributes.items()
    ]
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "name": PLANTED,
        "startTimeUnixNano": str(int(datetime.now(UTC).timestamp() * 1e9)),
        "attributes": pairs,
        **fields,
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def test_json_and_gzip_are_read_like_protobuf(receiver: ReceiverProcess) -> None:
    plain = otlp_json(NEW)
    packed = gzip.compress(json.dumps(otlp_json(NEW, spanId="ab" * 8)).encode())
    headers = {**BEARER, "Content-Encoding": "gzip"}
    assert receiver.post("/v1/traces", plain, BEARER) == (200, {})
    assert receiver.post("/v1/traces", plain, BEARER) == (200, {})  # repeated: once
    assert receiver.post("/v1/traces", packed, headers) == (200, {})
    [row] = ingested(receiver).query(ROWS)
    assert row[7:] == tuple(map(Decimal, (2, 2, 2000, 600, 1200, 200, 100, 40)))


def test_a_body_of_two_gzip_members_is_read_whole(receiver: ReceiverProcess) -> None:
    text = json.dumps(otlp_json(NEW)).encode()
    packed = gzip.compress(text[:200]) + gzip.compress(text[200:])
    headers = {**BEARER, "Content-Encoding": "gzip"}
    assert receiver.post("/v1/traces", packed, headers) == (200, {})
    assert len(ingested(receiver).query(ROWS)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {}, 401),
        (b"{}", {"Authorization": "Bearer wrong"}, 401),
        (b"\xff\xff", {**BEARER, "Content-Type": "application/x-protobuf"}, 400),
        (b"[]", BEARER, 400),
        (b'{"resourceSpans": 7}', BEARER, 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}', BEARER, 400),
        (b"x", {**BEARER, "Content-Encoding": "gzip"}, 400),
        (b"x", {**BEARER, "Content-Encoding": "zstd"}, 415),
        (b"{}", {**BEARER, "Content-Type": "text/plain"}, 400),
    ],
)
def test_bodies_that_are_no_spans_are_refused_and_nothing_is_kept(
    receiver: ReceiverProcess, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert receiver.post("/v1/traces", body, headers)[0] == status
    assert not (receiver.workspace / "telemetry").exists()


def test_a_body_that_decompresses_to_too_much_is_refused(tmp_path: Path) -> None:
    settings = "receive: {max_telemetry_bytes: 65536}\n"
    with ReceiverProcess(tmp_path / "workspace", settings) as receiver:
        headers = {**BEARER, "Content-Encoding": "gzip"}
        body = gzip.compress(b" " * 1_000_000)
        answer = receiver.post("/v1/traces", body, headers)
    assert answer == (400, {"error": "the decompressed body is too large"})


def test_sampled_spans_are_refused_or_scaled(receiver: ReceiverProcess) -> None:
    # Three quarters were rejected: this span stands for four.
    sampled = otlp_json(NEW, traceState="vendor=x,ot=th:c;rv:123")
    assert receiver.post("/v1/traces", sampled, BEARER)[0] == 200
    case = ConnectorCase(
        "opentelemetry", {}, receiver.workspace, 0, {}, dict, dict, int
    )
    [failure] = case.ingest().failures
    assert "1 of 1 spans state that they are sampled" in str(failure)
    case.options["sampling"] = "scale"
    assert case.ingest().failures == []
    [counts] = case.query(
        "SELECT requests, seen_requests, input_tokens, output_tokens"
        " FROM evidence.llm_usage"
    )
    assert counts == tuple(map(Decimal, (4, 1, 4000, 200)))


class Recording(SpanExporter):
    """Exporter that counts the spans whose export was acknowledged."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self.acknowledged: list[int] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            for span in spans:
                assert span.context is not None
                self.acknowledged.append(span.context.span_id)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def send_until_killed(receiver: ReceiverProcess, exporter: SpanExporter) -> None:
    """Export span after span for as long as the receiver runs."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    assert receiver.process is not None
    while receiver.process.poll() is None:
        tracer.start_span("chat", attributes=NEW).end()


def test_no_acknowledged_span_is_lost_when_the_receiver_is_killed(
    tmp_path: Path,
) -> None:
    acknowledged: set[int] = set()
    for _ in range(3):
        with ReceiverProcess(tmp_path / "workspace") as receiver:
            exporter = Recording(
                OTLPSpanExporter(
                    f"http://127.0.0.1:{receiver.port}/v1/traces",
                    headers={"Authorization": BEARER["Authorization"]},
                    timeout=1,
                )
            )
            threads = [
                threading.Thread(target=send_until_killed, args=(receiver, exporter))
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            while len(exporter.acknowledged) < 25:
                time.sleep(0.005)
            receiver.kill()
            for thread in threads:
                thread.join()
            acknowledged.update(exporter.acknowledged)
    assert len(acknowledged) >= 75
    kept = set()
    for path in (tmp_path / "workspace" / "telemetry").rglob("*.jsonl"):
        lines = path.read_text().split("\n")[:-1]
        kept.update(int(json.loads(line)["span"], 16) for line in lines)
    assert acknowledged <= kept
