"""OTLP JSON lines in files: traces, days, and lines that are none."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.reading.event_rows import UnfitEventError
from ingest.sources.llm_gateways.gateway_usage import UnreadableError
from ingest.sources.llm_gateways.opentelemetry import OpenTelemetryConfig
from ingest.sources.llm_gateways.otel_conventions import standard_conventions
from ingest.sources.llm_gateways.otel_spans import SpanReader, Traces, weight_of
from ingest.sources.llm_gateways.otlp import spans_of_json
from ingest.testing import ConnectorCase, ConnectorContract

if TYPE_CHECKING:
    from pathlib import Path

#: 2026-03-01 10:30 UTC [ns].
START = 1_772_361_000_000_000_000
HOUR = 3_600_000_000_000
NEW = standard_conventions()


def span(
    number: int, *, trace: int = 1, parent: int = 0, **named: Any
) -> dict[str, Any]:
    """Return a span of JSON; a request of 100 and 10 tokens unless named otherwise."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        **named,
    }
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "startTimeUnixNano": str(START),
        "attributes": [
            {"key": name, "value": {"intValue": value}}
            if isinstance(value, int)
            else {"key": name, "value": {"stringValue": value}}
            for name, value in attributes.items()
            if value is not None
        ],
    }


def identity(number: int, **named: Any) -> dict[str, Any]:
    """Return a span without tokens."""
    named = {"gen_ai.operation.name": "invoke_agent", **named}
    without = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
    return span(number, **without, **named)


def write(path: Path, *spans: dict[str, Any]) -> None:
    """Write a line of a Collector's file exporter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    request = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [
                        {"key": "service.name", "value": {"stringValue": "care"}}
                    ]
                },
                "scopeSpans": [{"spans": list(spans)}],
            }
        ]
    }
    with path.open("a") as file:
        file.write(json.dumps(request) + "\n")


def file_case(root: Path, **options: Any) -> ConnectorCase:
    """Return a source of the folder ``spans`` with two requests of two hours."""
    file = root / "spans" / "2026-03-01" / "traces.jsonl"
    late = {**span(2), "startTimeUnixNano": str(START + HOUR)}
    write(file, span(1), late)

    def deliver_again() -> None:
        write(file, span(1))

    def deliver_late() -> dict[str, Decimal]:
        write(file, span(3))
        return {}

    def deliver_hostile() -> int:
        write(file, {**span(4), "traceState": "ot=th:xyz"})
        with file.open("a") as text:
            text.write('{"neither": 1}\n{"cut off": ')
        return 2

    return ConnectorCase(
        "opentelemetry",
        {"path": "spans", **options},
        root,
        2,
        {},
        deliver_again,
        deliver_late,
        deliver_hostile,
    )


class TestOpenTelemetryContract(ConnectorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        return file_case(tmp_path)


def tokens(case: ConnectorCase, by: str) -> dict[str, int]:
    """Return the input tokens by a column."""
    assert case.ingest().failures == []
    rows = case.query(
        f"SELECT {by}, sum(input_tokens) FROM evidence.llm_usage"
        " WHERE requests > 0 GROUP BY 1 ORDER BY 1"
    )
    return {str(name): int(Decimal(str(count))) for name, count in rows}


def test_a_trace_past_midnight_inherits_and_counts_once(tmp_path: Path) -> None:
    case = file_case(tmp_path)
    first, second = (
        tmp_path / "spans" / f"2026-03-0{day}" / "x.jsonl" for day in (1, 2)
    )
    write(first, span(11, trace=7, parent=10))
    # The agent's span ends, and is exported, after midnight; a request is repeated.
    write(second, identity(10, trace=7, **{"triptych.task.id": "T"}))
    write(second, span(11, trace=7, parent=10), span(12, trace=7, parent=10))
    assert tokens(case, "task_id") == {"None": 200, "T": 200}


def test_tasks_in_a_trace_are_told_apart_by_their_spans(tmp_path: Path) -> None:
    case = file_case(tmp_path)
    file = tmp_path / "spans" / "2026-03-01" / "traces.jsonl"
    write(
        file,
        identity(20, trace=8, **{"triptych.task.id": "A", "triptych.team": "x"}),
        identity(21, trace=8, **{"triptych.task.id": "B"}),
        span(22, trace=8, parent=20),
        span(23, trace=8, parent=21),
        span(24, trace=8, parent=99),
    )
    # The third has no parent, and its trace two tasks: it belongs to neither.
    assert tokens(case, "task_id") == {"A": 100, "B": 100, "None": 300}
    assert tokens(case, "team_id") == {"None": 200, "x": 300}


def test_rules_give_a_model_and_a_pool(tmp_path: Path) -> None:
    case = file_case(
        tmp_path,
        mapping=[
            {"match": {"service": "care"}, "model": "care-chat"},
            {"match": {"provider": "openai"}, "pool": "openai-key"},
        ],
    )
    assert tokens(case, "model_id || ' ' || pool_id") == {"care-chat openai-key": 200}


def test_labels_and_attributes_that_no_span_has_are_refused() -> None:
    base = {"name": "x", "type": "opentelemetry"}
    rule = {"match": {"colour": "red"}, "model": "m"}
    with pytest.raises(ValidationError, match="a rule matches 'colour'"):
        OpenTelemetryConfig.model_validate({**base, "mapping": [rule]})
    with pytest.raises(ValidationError, match="'colour' is no field of a span"):
        OpenTelemetryConfig.model_validate({**base, "attributes": {"colour": ["c"]}})


@given(st.integers(0, 2**56 - 1))
def test_a_threshold_is_the_share_that_was_rejected(rejected: int) -> None:
    digits = f"{rejected:014x}".rstrip("0") or "0"
    assert weight_of({"th": digits}) == 1 / (1 - Fraction(rejected, 2**56))


@pytest.mark.parametrize("stated", [{"th": "x"}, {"th": "0" * 15}, {"p": "64"}])
def test_a_statement_that_cannot_be_read_counts_nothing(stated: dict[str, str]) -> None:
    with pytest.raises(UnreadableError, match="sampling"):
        weight_of(stated)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([None, "A", "B"])), max_size=10
    )
)
def test_every_request_of_a_random_tree_is_counted_once(
    nodes: list[tuple[int, str | None]],
) -> None:
    traces = Traces(tuple(NEW.identities))
    for number, (parent, task) in enumerate(nodes):
        named = {} if task is None else {"task": task}
        traces.add({"trace": "t", "span": number, "parent": parent, **named})
    tasks = {task for _, task in nodes if task is not None}
    reader = SpanReader("scale", {}, NEW.repeating)
    for number, (parent, task) in enumerate(nodes):
        request = {
            "trace": "t",
            "span": f"r{number}",
            "parent": parent,
            "start_ns": START,
            "input_tokens": 7,
            "output_tokens": 1,
            **({} if task is None else {"task": task}),
        }
        reading = reader.reading(request, traces)
        assert reading.input_tokens == 7
        assert reading.origin.task_id in {None, *tasks}
        if task is not None:
            assert reading.origin.task_id == task
        elif len(tasks) == 1:
            assert {reading.origin.task_id} == tasks


@pytest.mark.parametrize(
    "request_", [7, {"resourceSpans": {"a": 1}}, {"resourceSpans": [3]}]
)
def test_json_of_another_form_is_refused(request_: object) -> None:
    with pytest.raises(UnfitEventError, match="no OTLP JSON"):
        list(spans_of_json(request_, NEW.wanted))


def test_requests_of_a_tool_or_an_evaluation_are_a_step_of_their_task(
    tmp_path: Path,
) -> None:
    case = file_case(tmp_path)
    file = tmp_path / "spans" / "2026-03-01" / "traces.jsonl"
    tool = identity(31, trace=9, parent=30, **{"gen_ai.operation.name": "execute_tool"})
    write(
        file,
        identity(30, trace=9, **{"triptych.task.id": "A"}),
        tool,
        span(32, trace=9, parent=31),
        span(33, trace=9, parent=30),
        span(34, trace=9, parent=30, **{"triptych.task.step": "evaluation"}),
    )
    assert tokens(case, "task_id || ' ' || coalesce(task_step, 'agent')") == {
        "A agent": 100,
        "A evaluation": 100,
        "A tool": 100,
        "None": 200,
    }
