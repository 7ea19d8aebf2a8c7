"""Langfuse: tokens by feature tag and model, from observations or metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import ingest.sources.llm_gateways.langfuse as module
from ingest.connector import Window
from ingest.sources.llm_gateways.langfuse import LangfuseConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import ScriptedServer, status
from tests.ingest.servers.langfuse_api import (
    BASIC,
    PUBLIC_KEY,
    SECRET_KEY,
    LangfuseApi,
    observation,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

YESTERDAY = datetime.now(UTC).replace(
    hour=0, minute=0, second=0, microsecond=0
) - timedelta(days=1)
SECRETS = (PUBLIC_KEY, SECRET_KEY, BASIC)
MAPPING = [
    {"match": {"tag": {"prefix": "feature:"}}, "model": "${tag}"},
    {"match": {"provider": "openai"}, "pool": "openai-key"},
]
TOKENS = (
    'select "model_id", "pool_id", sum("requests"), sum("input_tokens"),'
    ' sum("cached_input_tokens"), sum("output_tokens"),'
    ' sum("estimated_spend_amount")'
    " from evidence.llm_usage group by all order by all"
)


@pytest.fixture
def api(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> LangfuseApi:
    monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY)
    monkeypatch.setenv("LANGFUSE_SECRET_KEY", SECRET_KEY)
    nine, ten = YESTERDAY.replace(hour=9), YESTERDAY.replace(hour=10, minute=5)
    eta = ["beta", "feature:eta"]
    return LangfuseApi(
        server,
        [
            observation("o-1", nine, tags=eta),
            observation("o-2", nine.replace(minute=59), tags=eta),
            observation("o-3", ten, tags=["feature:chat"]),
            observation("o-4", ten),
            observation("span", ten, type="SPAN"),
            observation("o-5", YESTERDAY + timedelta(days=1), tags=eta),
        ],
    )


@pytest.fixture
def case(api: LangfuseApi, tmp_path: Path) -> ConnectorCase:
    """Five generations and a span around them, which repeats their usage."""

    def deliver_late() -> dict[str, Decimal]:
        api.observations.append(observation("o-6", YESTERDAY.replace(hour=9)))
        return {}

    def deliver_hostile() -> int:
        usage = {"input": "many", "output": 3}
        api.observations += [
            observation("o-7", YESTERDAY.replace(hour=9), usageDetails=usage),
            observation("o-8", YESTERDAY.replace(hour=9), usageDetails={"input": -1}),
        ]
        return 2

    return ConnectorCase(
        connector_type="langfuse",
        options={
            "base_url": api.server.url,
            "mapping": MAPPING,
            "feature_tag_prefix": "feature:",
            "timeout_seconds": 1,
        },
        root=tmp_path,
        expected_rows=4,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(*SECRETS, "somebody@example.com"),
    )


class TestLangfuseContract(ConnectorContract):
    """The shipped suite, over observations."""


@pytest.mark.full
class TestLangfuseMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves."""

    names_credential = "LANGFUSE_SECRET_KEY"

    @pytest.fixture
    def case(self, case: ConnectorCase) -> ConnectorCase:
        # What the server itself says in an error, only the keys must not stand in.
        case.secrets = SECRETS
        return case


class TestLangfuseMetricsContract(ConnectorContract):
    """The shipped suite, over metrics."""

    @pytest.fixture
    def case(self, case: ConnectorCase, api: LangfuseApi) -> ConnectorCase:
        case.options["detail"] = "metrics"
        metrics = api._metrics

        def with_bad_rows(request: object) -> object:
            answer = metrics(request)  # type: ignore[arg-type]
            if "hour" in str(request):
                for row in answer.body["data"]:  # type: ignore[index]
                    if row["providedModelName"] == "broken":
                        row["sum_inputTokens"] = "many"
            return answer

        def deliver_hostile() -> int:
            started_at = YESTERDAY.replace(hour=9)
            api.observations.append(
                observation("o-7", started_at, providedModelName="broken")
            )
            api.server.route("GET", "/api/public/v2/metrics", with_bad_rows)  # type: ignore[arg-type]
            return 1

        case.deliver_hostile = deliver_hostile
        return case


def test_exclusive_buckets_add_up_to_the_input_and_spans_count_for_nothing(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()
    # Each generation: 60 uncached + 40 cached input, 15 + 5 reasoning output.
    assert case.query(TOKENS) == [
        ("chat", "openai-key", 1, 100, 40, 20, Decimal("0.001")),
        ("eta", "openai-key", 3, 300, 120, 60, Decimal("0.003")),
        (None, "openai-key", 1, 100, 40, 20, Decimal("0.001")),
    ]
    assert case.query(
        'select distinct "input_tokens" - "uncached_input_tokens"'
        ' - "cached_input_tokens", "provider", "feature_tag", "project_id"'
        " from evidence.llm_usage where \"model_id\" = 'eta'"
    ) == [(0, "openai", "eta", "project-1")]


def test_metrics_give_the_same_tokens_but_not_which_were_cached(
    case: ConnectorCase, api: LangfuseApi
) -> None:
    case.options["detail"] = "metrics"
    case.ingest().raise_first_failure()
    assert case.query(TOKENS) == [
        ("chat", "openai-key", 1, 100, None, 20, Decimal("0.001")),
        ("eta", "openai-key", 3, 300, None, 60, Decimal("0.003")),
        (None, "openai-key", 1, 100, None, 20, Decimal("0.001")),
    ]
    assert api.server.asked("/api/public/v2/observations") == []


def test_metrics_that_reach_the_row_limit_are_asked_for_in_halves(
    case: ConnectorCase, api: LangfuseApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.options["detail"] = "metrics"
    monkeypatch.setattr(module, "_ROW_LIMIT", 3)
    api.row_limit = 3
    # Yesterday has three rows (eta at nine, chat and nobody's at ten): one too many.
    case.ingest().raise_first_failure()
    assert case.query('select sum("requests") from evidence.llm_usage') == [(5,)]

    ten = YESTERDAY.replace(hour=10, minute=6)
    api.observations.append(observation("o-9", ten, traceName="third"))
    report = case.ingest()
    with pytest.raises(MalformedDeliveryError, match="10:00 has 3 rows of metrics"):
        report.raise_first_failure()


def test_one_question_finds_the_days_and_only_changed_ones_are_read(
    case: ConnectorCase, api: LangfuseApi
) -> None:
    case.ingest()
    api.server.requests.clear()
    api.observations.append(observation("o-9", YESTERDAY.replace(hour=23)))
    case.ingest().raise_first_failure()
    assert len(api.server.asked("/api/public/v2/metrics")) == 1
    starts = {
        condition["value"]
        for request in api.server.asked("/api/public/v2/observations")
        for condition in json.loads(str(request.one("filter")))
        if condition["operator"] == ">="
    }
    assert starts == {f"{YESTERDAY:%Y-%m-%dT00:00:00Z}"}


def test_a_failed_generation_is_a_request_without_success(
    case: ConnectorCase, api: LangfuseApi
) -> None:
    api.observations = [
        observation("failed", YESTERDAY, level="ERROR", usageDetails=None),
        observation("fine", YESTERDAY),
    ]
    case.ingest().raise_first_failure()
    assert case.query(
        'select "requests", "successful_requests", "input_tokens"'
        " from evidence.llm_usage"
    ) == [(2, 1, 100)]


def test_what_is_no_token_is_not_counted_as_one(
    case: ConnectorCase, api: LangfuseApi
) -> None:
    usage = {
        "cache_read_input_tokens": 500,
        "cache_creation_input_tokens": 30,
        "prompt_tokens": 7,
        "images": 2,
        "completion_tokens": 9,
        "total": 548,
    }
    api.observations = [
        observation("o", YESTERDAY, providedModelName="claude-3", usageDetails=usage)
    ]
    case.ingest().raise_first_failure()
    assert case.query(
        'select "provider", "input_tokens", "uncached_input_tokens",'
        ' "cached_input_tokens", "cache_write_input_tokens", "output_tokens"'
        " from evidence.llm_usage"
    ) == [("anthropic", 537, 7, 500, 30, 9)]


def test_a_provider_may_be_named_by_the_beginning_of_its_models(
    case: ConnectorCase,
) -> None:
    case.options["providers"] = {"gpt-": "azure"}
    case.options["mapping"] = [{"match": {"provider": "azure"}, "pool": "azure-ai"}]
    case.ingest().raise_first_failure()
    assert case.query(
        'select distinct "provider", "pool_id" from evidence.llm_usage'
    ) == [("azure", "azure-ai")]


def test_the_asked_window_limits_the_days(case: ConnectorCase) -> None:
    connector = case.connector()
    yesterday = YESTERDAY.date()
    window = Window(yesterday, yesterday + timedelta(days=1))
    assert [each.scope for each in connector.deliveries(window)] == [f"{yesterday}"]
    assert list(connector.deliveries(Window(end=yesterday))) == []


def test_an_answer_of_another_form_is_no_day_without_traffic(
    case: ConnectorCase, api: LangfuseApi
) -> None:
    bodies: list[object] = [{"rows": []}, {"data": [{"time_dimension": "yesterday"}]}]
    for body in bodies:
        api.server.faults += [status(200, body=body)]
        report = case.ingest()
        with pytest.raises(
            MalformedDeliveryError, match="response format from Langfuse"
        ):
            report.raise_first_failure()


def test_without_keys_the_message_names_the_variables(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANGFUSE_SECRET_KEY")
    [finding] = case.connector().check()
    assert "LANGFUSE_SECRET_KEY is not set" in finding.message
    assert "Project Settings" in finding.next_step


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"base_url": "http://langfuse.example"}, "must be https"),
        (
            {"mapping": [{"match": {"team": "a"}, "model": "b"}]},
            "known labels: environment, model, name, provider, release, tag",
        ),
    ],
)
def test_a_wrong_option_says_what_is_expected(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        LangfuseConfig(name="x", type="langfuse", **options)
