from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import Connector
from ingest.sources.llm_providers.openai import OpenAi, OpenAiConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, ScriptedServer, status
from tests.ingest.servers.llm_bench import CASE_START, TODAY, Bench, exact
from tests.ingest.servers.loopback_llm_providers import OPENAI_KEY, OpenAiOrganisation
from tests.ingest.servers.openai_bench import COMPLETIONS_PATH, COSTS_PATH, MAPPING
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, first_failure
from triptych.core.errors import (
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def case(bench: Bench, organisation: OpenAiOrganisation) -> ConnectorCase:
    """Return the sample organisation as the shared suites want it."""

    def money() -> dict[str, Decimal]:
        return {"USD": exact([cost["value"] for cost in organisation.costs])}

    def deliver_late() -> dict[str, Decimal]:
        # A vendor restates yesterday, and today goes on.
        yesterday = TODAY - timedelta(days=1)
        for cost in organisation.costs:
            if cost["day"] == yesterday:
                cost["value"] += Decimal("0.000000000000000003")
        late = {**organisation.costs[-1], "line_item": "o3, output", "value": 2}
        organisation.costs.append(late | {"value": Decimal("2.5")})
        return money()

    def deliver_hostile() -> int:
        last = organisation.costs[-1]
        for number, value in enumerate(("a lot", None, Decimal(1))):
            currency = "usd" if number < 2 else "dollars"
            line = f"hostile {number}"
            organisation.costs.append(
                {**last, "line_item": line, "value": value, "currency": currency}
            )
        return 3

    organisation.forget_before(CASE_START)
    filled = bench.case(
        mapping=MAPPING, start_date=CASE_START, usage_kinds=["completions"]
    )
    filled.expected_rows = len(organisation.costs)
    filled.expected_money = money()
    filled.deliver_late = deliver_late
    filled.deliver_hostile = deliver_hostile
    filled.secrets = (OPENAI_KEY,)
    return filled


class TestOpenAiContract(ConnectorContract):
    """The shared suite, on the sample organisation."""


class TestOpenAiMisbehaviour(SurvivesMisbehaviour):
    """The shared suite, on a server that misbehaves."""

    names_credential = "OPENAI_ADMIN_KEY"


# --- money --------------------------------------------------------------------------


def test_the_connector_follows_the_protocol(tmp_path: Path) -> None:
    config = OpenAiConfig(name="openai", type="openai")
    assert isinstance(OpenAi(config, root=tmp_path), Connector)
    assert config.base_url == "https://api.openai.com"


def test_a_charge_says_project_key_line_item_and_quantity(bench: Bench) -> None:
    first = bench.rows("llm_provider_costs")[0]
    assert first == {
        **dict.fromkeys(first),
        "period_start": "2026-01-20T00:00:00+00:00",
        "period_end": "2026-01-21T00:00:00+00:00",
        "provider": "openai",
        "amount": first["amount"],
        "currency": "usd",
        "project_id": "proj_search",
        "project_name": "Search",
        "api_key_id": "key_search_prod",
        "line_item": "gpt-4o-2024-08-06, cached input",
        "quantity": first["quantity"],
        "quantity_unit": "tokens",
    }


@pytest.mark.parametrize(
    "dimensions",
    [[], ["project_id"], ["project_id", "line_item"], ["api_key_id", "line_item"]],
)
def test_however_finely_costs_are_told_the_sum_is_the_same(
    bench: Bench, organisation: OpenAiOrganisation, dimensions: list[str]
) -> None:
    for cost in organisation.costs:
        cost["value"] = cost["value"].quantize(Decimal("0.000000001"))
    bench.ingest(group_costs_by=dimensions, usage=False)
    found = bench.query("select sum(amount) from evidence.llm_provider_costs")
    assert found == [(organisation.money(),)]
    asked = bench.server.asked(COSTS_PATH)[0].query.get("group_by", [])
    assert asked == dimensions


def test_an_amount_that_is_written_as_text_is_read_alike(
    bench: Bench, organisation: OpenAiOrganisation
) -> None:
    del organisation.costs[1:]
    organisation.costs[0]["value"] = "0.00000255000000000000000000"
    bench.ingest(usage=False)
    found = bench.query("select amount from evidence.llm_provider_costs")
    assert found == [(Decimal("0.00000255"),)]


def test_the_published_examples_are_read_as_they_stand(
    bench: Bench, server: ScriptedServer, shared_data: Path
) -> None:
    folder = shared_data / "events" / "openai"
    bench.at(datetime(2024, 11, 2, tzinfo=UTC))
    costs, completions, embeddings = (
        json.loads((folder / f"{name}.json").read_text("utf-8"))
        for name in ("costs", "usage_completions", "usage_embeddings")
    )
    # The example says that more follows, and shows one page.
    completions |= {"has_more": False, "next_page": None}
    server.route("GET", COSTS_PATH, lambda _: Answer(costs))
    server.route("GET", COMPLETIONS_PATH, lambda _: Answer(completions))
    server.route(
        "GET", "/v1/organization/usage/embeddings", lambda _: Answer(embeddings)
    )
    # Installed before: the first route that fits answers.
    server._routes = dict(reversed(server._routes.items()))

    bench.ingest(
        start_date=date(2024, 11, 1), usage_kinds=["completions", "embeddings"]
    )

    assert bench.query(
        "select amount, currency, period_start from evidence.llm_provider_costs"
    ) == [(Decimal("0.06"), "USD", datetime(2024, 11, 1))]  # noqa: DTZ001
    assert bench.query(
        "select usage_kind, uncached_input_tokens, cached_input_tokens,"
        " cache_write_input_tokens, input_tokens, output_tokens, requests"
        " from evidence.llm_usage order by usage_kind"
    ) == [
        ("completions", 500, 400, 100, 1000, 500, 5),
        ("embeddings", 16, None, None, 16, None, 2),
    ]


# --- answers that are not as promised -----------------------------------------------


def test_names_are_asked_once_and_followed_to_the_last_page(
    bench: Bench, organisation: OpenAiOrganisation
) -> None:
    organisation.names_per_page = 1
    rows = bench.rows("llm_provider_costs")
    assert {(row["project_id"], row["project_name"]) for row in rows} == {
        ("proj_search", "Search"),
        ("proj_support", "Support"),
    }
    assert len(bench.server.asked("/v1/organization/projects")) == 2


_OTHER_FORMS: tuple[tuple[Any, str], ...] = (
    ([], "no list 'data'"),
    ({"data": []}, "whether there is more"),
    ({"data": [], "has_more": True, "next_page": None}, "no next page"),
    ({"has_more": False}, "no list 'data'"),
    ({"data": [{"results": []}], "has_more": False}, "does not say its day"),
    (
        {
            "data": [{"start_time": 1769904000, "end_time": 1769990400}],
            "has_more": False,
        },
        "no list 'results'",
    ),
)


def refusal_of(body: Any, case: ConnectorCase, server: ScriptedServer) -> str:
    server._routes["GET", COSTS_PATH] = lambda _: Answer(body)
    error = first_failure(case)
    assert isinstance(error, MalformedDeliveryError)
    return str(error)


def test_an_answer_of_another_form_is_refused_and_says_what_is_missing(
    bench: Bench,
) -> None:
    bench.ingest(usage=False)
    before = bench.query("select sum(amount) from evidence.llm_provider_costs")
    case = bench.case(usage=False)
    case.run_count = bench.run_count
    for body, told in _OTHER_FORMS:
        assert told in refusal_of(body, case, bench.server)
    assert before == bench.query("select sum(amount) from evidence.llm_provider_costs")


def test_a_count_that_is_no_number_refuses_the_month_of_usage_and_not_its_bill(
    bench: Bench, server: ScriptedServer
) -> None:
    day = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
    result = {"input_tokens": "many", "output_tokens": 1, "num_model_requests": 1}
    bucket = {"start_time": day, "end_time": day + 86400, "results": [result]}
    body = {"data": [bucket], "has_more": False}
    server._routes = {
        ("GET", COMPLETIONS_PATH): lambda _: Answer(body),
        **server._routes,
    }
    report = bench.case(start_date=date(2026, 3, 1)).ingest()
    assert [str(f.error) for f in report.failures] == [
        "contract: OpenAI usage/completions: Unexpected response format:"
        " 'input_tokens' is not a whole number. Nothing of it was"
        " loaded; what was loaded before stays current. If it stays so, the API has"
        " changed."
    ]
    assert [load.stream for load in report.committed] == ["llm_provider_costs"]


def test_a_day_that_changes_between_two_pages_is_read_on_the_next_run(
    bench: Bench, server: ScriptedServer
) -> None:
    day = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())

    def page(request: Any) -> Answer:
        token = request.one("page")
        amount = {"value": 1 if token is None else 2, "currency": "usd"}
        result = {"amount": amount, "project_id": None, "line_item": "a"}
        bucket = {"start_time": day, "end_time": day + 86400, "results": [result]}
        return Answer(
            {"data": [bucket], "has_more": token is None, "next_page": "page_1"}
        )

    server._routes["GET", COSTS_PATH] = page
    case = bench.case(start_date=date(2026, 3, 1), usage=False)
    error = first_failure(case)
    assert isinstance(error, TransientSourceError)
    assert "answer differently for 2026-03-01" in str(error)


def test_days_that_were_not_asked_for_are_left_to_their_own_month(
    bench: Bench, organisation: OpenAiOrganisation, server: ScriptedServer
) -> None:
    def page(request: Any) -> Answer:
        """Answer every day there is, whatever was asked."""
        buckets = []
        for month, value in ((2, 3), (3, 5)):
            day = int(datetime(2026, month, 1, tzinfo=UTC).timestamp())
            result = {
                "amount": {"value": value, "currency": "usd"},
                # No two answers are alike, so none is taken for a copy.
                "line_item": f"asked from {request.one('start_time')}",
            }
            buckets.append(
                {"start_time": day, "end_time": day + 86400, "results": [result]}
            )
        return Answer({"data": buckets, "has_more": False, "next_page": None})

    assert organisation.costs
    server._routes["GET", COSTS_PATH] = page
    bench.ingest(start_date=date(2026, 2, 1), usage=False)
    assert bench.query("select sum(amount) from evidence.llm_provider_costs") == [(8,)]


# --- access -------------------------------------------------------------------------


def test_a_missing_key_is_one_finding_that_says_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_ADMIN_KEY")
    [finding] = bench.case().connector().check()
    assert not finding.is_ok
    assert "OPENAI_ADMIN_KEY is not set" in finding.message
    assert "Admin keys" in finding.next_step


def test_each_missing_permission_is_a_finding_of_its_own(bench: Bench) -> None:
    missing = {"error": {"message": "Missing scopes: api.usage.read"}}
    bench.server.faults += [status(403, body=missing)] * 2
    costs, usage, projects = bench.case().connector().check()
    assert not costs.is_ok
    assert "Missing scopes: api.usage.read" in costs.message
    assert "api.usage.read" in costs.next_step
    assert not usage.is_ok
    assert projects.is_ok
    assert projects.message == "OpenAI lists 2 projects."


def test_two_organisations_have_a_key_each(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_ADMIN_KEY")
    monkeypatch.setenv("OPENAI_RESEARCH_KEY", OPENAI_KEY)
    bench.ingest(key_variable="OPENAI_RESEARCH_KEY", usage=False)
    with pytest.raises(SourceAccessError, match="OPENAI_OTHER_KEY"):
        bench.rows("llm_provider_costs", key_variable="OPENAI_OTHER_KEY")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("base_url", "http://api.example", "must be https"),
        ("base_url", "https://user:pw@api.example", "must be https"),
        ("usage_kinds", ["dreams"], "there is no usage report 'dreams'"),
        ("group_costs_by", ["model"], "Input should be"),
        ("mapping", [{"match": {"team": "a"}, "model": "m"}], "known labels"),
        ("key_variable", "sk-live", "should match"),
        ("api_key", "sk-live", "Extra inputs"),
        ("lag_days", -1, "greater than or equal"),
    ],
)
def test_options_that_cannot_work_are_refused(
    option: str, value: object, told: str
) -> None:
    settings = {"name": "openai", "type": "openai", option: value}
    with pytest.raises(ValidationError, match=told):
        OpenAiConfig.model_validate(settings)
