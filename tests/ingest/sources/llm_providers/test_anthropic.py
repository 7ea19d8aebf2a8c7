from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import Connector, Window
from ingest.sources.llm_providers.anthropic import Anthropic, AnthropicConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, ScriptedServer, status
from tests.ingest.servers.llm_bench import CASE_START, START, TODAY, Bench, exact
from tests.ingest.servers.loopback_llm_providers import (
    ANTHROPIC_KEY,
    AnthropicOrganisation,
    sample_anthropic,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COSTS_PATH = "/v1/organizations/cost_report"
USAGE_PATH = "/v1/organizations/usage_report/messages"
MAPPING = [
    {"match": {"project_id": "wrkspc_agents"}, "model": "agents"},
    {"match": {"provider_model": {"prefix": "claude-"}}, "pool": "claude"},
]


@pytest.fixture(scope="module")
def sample() -> AnthropicOrganisation:
    return sample_anthropic(START, TODAY + timedelta(days=1))


@pytest.fixture
def organisation(sample: AnthropicOrganisation) -> AnthropicOrganisation:
    return sample.copy()


@pytest.fixture
def bench(
    server: ScriptedServer,
    organisation: AnthropicOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    bench = Bench(server, organisation, tmp_path, "anthropic", monkeypatch)
    bench.open(ANTHROPIC_KEY)
    return bench


@pytest.fixture
def case(bench: Bench, organisation: AnthropicOrganisation) -> ConnectorCase:
    """Return the sample organisation as the shared suites want it."""

    def money() -> dict[str, Decimal]:
        cents = [cost["cents"] for cost in organisation.costs]
        return {"USD": exact([amount * Decimal("0.01") for amount in cents])}

    def deliver_late() -> dict[str, Decimal]:
        # A vendor restates yesterday, and today goes on.
        yesterday = TODAY - timedelta(days=1)
        for cost in organisation.costs:
            if cost["day"] == yesterday:
                cost["cents"] += Decimal("0.0000000001")
        last = organisation.costs[-1]
        late = {"token_type": "cache_creation", "cents": Decimal("250.5")}
        organisation.costs.append({**last, **late})
        return money()

    def deliver_hostile() -> int:
        last = organisation.costs[-1]
        for number, cents in enumerate(("a lot", "NaN", Decimal(1), Decimal(1))):
            currency = ("USD", "USD", "DOLLARS", "JPY")[number]
            description = f"hostile {number}"
            organisation.costs.append(
                {
                    **last,
                    "description": description,
                    "cents": cents,
                    "currency": currency,
                }
            )
        return 4

    organisation.forget_before(CASE_START)
    filled = bench.case(mapping=MAPPING, start_date=CASE_START)
    filled.expected_rows = len(organisation.costs)
    filled.expected_money = money()
    filled.deliver_late = deliver_late
    filled.deliver_hostile = deliver_hostile
    filled.secrets = (ANTHROPIC_KEY,)
    return filled


class TestAnthropicContract(ConnectorContract):
    """The shared suite, on the sample organisation."""


@pytest.mark.full
class TestAnthropicMisbehaviour(SurvivesMisbehaviour):
    """The shared suite, on a server that misbehaves."""

    names_credential = "ANTHROPIC_ADMIN_KEY"


# --- money --------------------------------------------------------------------------


def test_the_connector_follows_the_protocol(tmp_path: Path) -> None:
    config = AnthropicConfig(name="anthropic", type="anthropic")
    assert isinstance(Anthropic(config, root=tmp_path), Connector)
    assert config.base_url == "https://api.anthropic.com"


@pytest.mark.parametrize(
    ("cents", "dollars"),
    [
        ("123.45", "1.2345"),
        ("123.78912", "1.2378912"),
        ("1", "0.01"),
        ("0", "0"),
        ("-250", "-2.5"),
        ("0.0000000000000001", "0.000000000000000001"),
        (
            "12345678901234567890.1234567890123456",
            "123456789012345678.901234567890123456",
        ),
    ],
)
def test_cents_become_dollars_digit_for_digit(
    bench: Bench, organisation: AnthropicOrganisation, cents: str, dollars: str
) -> None:
    del organisation.costs[1:]
    organisation.costs[0]["cents"] = cents
    bench.ingest(usage=False)
    found = bench.query("select amount from evidence.llm_provider_costs")
    assert found == [(Decimal(dollars),)]


def test_costs_sum_by_month_and_workspace_in_dollars(
    bench: Bench, organisation: AnthropicOrganisation
) -> None:
    bench.ingest(usage=False)
    found = bench.query(
        "select strftime(period_start, '%Y-%m'), project_name, currency, sum(amount)"
        " from evidence.llm_provider_costs group by all order by all"
    )
    expected = []
    for month in ("2026-01", "2026-02", "2026-03"):
        for workspace, name in (
            ("wrkspc_agents", "Agents"),
            (None, "Default workspace"),
        ):
            cents = [
                cost["cents"]
                for cost in organisation.costs
                if f"{cost['day']:%Y-%m}" == month and cost["workspace_id"] == workspace
            ]
            expected.append((month, name, "USD", sum(cents, Decimal(0)).scaleb(-2)))
    assert found == expected


def test_a_charge_says_what_its_description_is_made_of(bench: Bench) -> None:
    rows = bench.rows("llm_provider_costs", mapping=MAPPING)
    [first] = [
        row
        for row in rows
        if row["project_id"] is None
        and row["token_type"] == "output_tokens"
        and row["period_start"].startswith("2026-01-20")
    ]
    assert first == {
        **dict.fromkeys(first),
        "period_start": "2026-01-20T00:00:00+00:00",
        "period_end": "2026-01-21T00:00:00+00:00",
        "provider": "anthropic",
        "amount": first["amount"],
        "currency": "USD",
        "project_name": "Default workspace",
        "line_item": "Claude Opus 4.6 Usage - Output Tokens",
        "description": "Claude Opus 4.6 Usage - Output Tokens",
        "cost_type": "tokens",
        "provider_model": "claude-opus-4-6",
        "token_type": "output_tokens",
        "service_tier": "standard",
        "context_window": "0-200k",
        "tags": '{"anthropic:model": "claude-opus-4-6", "pool": "claude"}',
    }


def test_results_that_differ_in_their_tier_alone_both_count(
    bench: Bench, organisation: AnthropicOrganisation
) -> None:
    organisation.days_per_page = 1
    first = organisation.costs[0]
    organisation.costs[1:] = [{**first, "service_tier": "batch"}]
    bench.ingest(usage=False)
    found = bench.query("select sum(amount) from evidence.llm_provider_costs")
    assert found == [(2 * first["cents"] * Decimal("0.01"),)]


# --- usage --------------------------------------------------------------------------


def test_the_input_is_uncached_plus_read_plus_both_kinds_of_written(
    bench: Bench, organisation: AnthropicOrganisation
) -> None:
    bench.ingest()
    found = bench.query(
        "select api_key_id, sum(uncached_input_tokens), sum(cached_input_tokens),"
        " sum(cache_write_input_tokens), sum(input_tokens), sum(output_tokens),"
        " count(*) from evidence.llm_usage where usage_kind = 'messages'"
        " group by all order by all"
    )
    expected = []
    for key in ("apikey_agents", None):
        records = [r for r in organisation.usage["messages"] if r["api_key_id"] == key]
        uncached = sum(r["uncached_input_tokens"] for r in records)
        read = sum(r["cache_read"] for r in records)
        written = sum(r["cache_5m"] + r["cache_1h"] for r in records)
        output = sum(r["output_tokens"] for r in records)
        whole = uncached + read + written
        expected.append((key, uncached, read, written, whole, output, len(records)))
    assert found == expected


def test_the_vendors_own_example_is_read_as_it_stands(
    bench: Bench, organisation: AnthropicOrganisation
) -> None:
    """1500 uncached, 200 read, 1000 and 500 written: an input of 3200 tokens."""
    organisation.usage["messages"][:] = [
        {
            "day": TODAY,
            "workspace_id": "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
            "api_key_id": "apikey_01Rj2N8SVvo6BePZj99NhmiT",
            "model": "claude-opus-4-6",
            "service_tier": "standard",
            "uncached_input_tokens": 1500,
            "cache_read": 200,
            "cache_1h": 1000,
            "cache_5m": 500,
            "output_tokens": 500,
            "web_searches": 10,
        }
    ]
    messages, searches = bench.rows("llm_usage")
    assert messages["input_tokens"] == "3200"
    assert messages["cache_write_input_tokens"] == "1500"
    assert messages["output_tokens"] == "500"
    assert messages["requests"] is None  # the vendor does not count them
    assert searches["usage_kind"] == "web_search_calls"
    assert (searches["quantity"], searches["quantity_unit"]) == ("10", "calls")
    assert searches["input_tokens"] is None


def test_rules_give_usage_a_model_and_a_pool(bench: Bench) -> None:
    bench.ingest(mapping=MAPPING)
    found = bench.query(
        "select distinct project_name, model_id, pool_id from evidence.llm_usage"
        " order by all"
    )
    assert found == [
        ("Agents", "agents", "claude"),
        ("Default workspace", None, "claude"),
    ]


# --- what is asked ------------------------------------------------------------------


def test_each_report_is_asked_by_day_in_utc_and_grouped(bench: Bench) -> None:
    bench.ingest()
    costs = bench.server.asked(COSTS_PATH)[0].query
    assert costs == {
        "starting_at": ["2026-01-20T00:00:00Z"],
        "ending_at": ["2026-02-01T00:00:00Z"],
        "bucket_width": ["1d"],
        "limit": ["31"],
        "group_by[]": ["workspace_id", "description"],
    }
    usage = bench.server.asked(USAGE_PATH)[0].query
    assert usage["group_by[]"] == [
        "workspace_id",
        "api_key_id",
        "model",
        "service_tier",
        "context_window",
    ]


def test_only_open_months_are_asked_again(bench: Bench) -> None:
    bench.ingest(usage=False)
    bench.server.requests.clear()
    bench.ingest(usage=False)
    assert bench.months_asked(COSTS_PATH) == ["2026-03"]


def test_a_month_that_is_named_is_asked_again(bench: Bench) -> None:
    bench.ingest(usage=False)
    bench.server.requests.clear()
    bench.ingest(Window(date(2026, 2, 1), date(2026, 3, 1)), usage=False)
    assert bench.months_asked(COSTS_PATH) == ["2026-02"]


def test_without_names_nothing_but_reports_is_asked(bench: Bench) -> None:
    rows = bench.rows("llm_provider_costs", names=False)
    assert {row["project_name"] for row in rows} == {None, "Default workspace"}
    assert bench.server.asked("/v1/organizations/workspaces") == []


@pytest.mark.parametrize("lost", [date(2026, 2, 28), date(2026, 2, 10)])
def test_a_day_that_is_left_out_of_an_answer_is_missed(
    bench: Bench, organisation: AnthropicOrganisation, lost: date
) -> None:
    def pages(
        days: list[date], _: int, results_of: Callable[[date], list[Any]]
    ) -> list[list[tuple[date, list[Any]]]]:
        return [[(day, results_of(day)) for day in days if day != lost]]

    bench.monkeypatch.setattr(organisation, "pages", pages)
    report = bench.case(usage=False).ingest()
    assert [str(failure.error) for failure in report.failures] == [
        f"contract: Anthropic cost_report: The answer leaves out {lost}. Run again;"
        " nothing of this answer was loaded."
    ]
    assert [load.label[-7:] for load in report.committed] == ["2026-01", "2026-03"]


def test_days_before_the_organisation_was_there_are_not_missed(
    bench: Bench, organisation: AnthropicOrganisation
) -> None:
    first = date(2026, 2, 10)
    offered = organisation.pages
    organisation.forget_before(first)
    bench.monkeypatch.setattr(
        organisation,
        "pages",
        lambda days, limit, results_of: offered(
            [day for day in days if day >= first], limit, results_of
        ),
    )
    bench.ingest(usage=False)
    assert bench.query("select count(*) from evidence.llm_provider_costs") == [
        (len(organisation.costs),)
    ]


# --- what check says ----------------------------------------------------------------


def test_check_says_what_the_bill_never_holds(bench: Bench) -> None:
    costs, usage, workspaces = bench.case().connector().check()
    assert "never tells what Priority Tier costs" in costs.message
    assert "no Priority Tier of late" in usage.message
    assert workspaces.message == "Anthropic lists 1 workspaces."


def test_check_counts_the_tokens_whose_cost_is_nowhere(
    bench: Bench, organisation: AnthropicOrganisation
) -> None:
    for days, tier in ((1, "priority"), (2, "priority_on_demand"), (30, "priority")):
        organisation.usage["messages"].append(
            {
                "day": TODAY - timedelta(days=days),
                "service_tier": tier,
                "uncached_input_tokens": 1000,
                "cache_read": 20,
            }
        )
    usage = bench.case().connector().check()[1]
    assert usage.is_ok
    assert "In 7 days 2040 input tokens went through Priority Tier" in usage.message


def test_a_key_of_a_workspace_is_refused_with_the_key_that_it_takes(
    bench: Bench,
) -> None:
    refused = {
        "type": "error",
        "error": {"type": "authentication_error", "message": "invalid x-api-key"},
    }
    bench.server.faults += [status(401, body=refused)] * 3
    findings = bench.case().connector().check()
    assert [finding.is_ok for finding in findings] == [False] * 3
    assert "invalid x-api-key" in findings[0].message
    assert "ANTHROPIC_ADMIN_KEY" in findings[0].next_step
    assert "Settings > Admin keys" in findings[0].next_step


def test_an_overloaded_vendor_is_asked_again(bench: Bench) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error"}}
    bench.server.faults += [status(529, body=overloaded)] * 2
    report = bench.ingest(usage=False)
    # One load for each of January, February and March.
    assert len(report.committed) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"error": {"message": "no usage for this key"}}, 403),
        Answer({"data": "none", "has_more": False}),
    ],
)
def test_costs_load_without_rates_where_the_usage_report_fails(
    bench: Bench, organisation: AnthropicOrganisation, answer: Answer
) -> None:
    bench.server.route("GET", USAGE_PATH, lambda _: answer)
    report = bench.case().ingest()
    assert report.failures
    assert all("usage" in str(failure.error) for failure in report.failures)
    assert {load.stream for load in report.committed} == {"llm_provider_costs"}
    billed = exact([cost["cents"] * Decimal("0.01") for cost in organisation.costs])
    costs = "select sum(amount) from evidence.llm_provider_costs"
    assert bench.query(costs) == [(billed,)]
    for row in bench.rows("llm_provider_costs"):
        reason = json.loads(row["tags"] or "{}").get("anthropic:quantity")
        assert reason == ("usage report not read" if row["token_type"] else None)
        assert row.get("quantity") is None


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("base_url", "ftp://127.0.0.1", "must be https"),
        ("mapping", [{"match": {"tag": "a"}, "model": "m"}], "known labels"),
        ("mapping", [{"match": {"project_id": "a"}}], "needs 'model', 'pool'"),
        ("admin_key", "sk-live", "Extra inputs"),
    ],
)
def test_options_that_cannot_work_are_refused(
    option: str, value: Any, told: str
) -> None:
    settings = {"name": "anthropic", "type": "anthropic", option: value}
    with pytest.raises(ValidationError, match=told):
        AnthropicConfig.model_validate(settings)


def test_the_clock_of_the_bill_is_utc(bench: Bench) -> None:
    bench.at(datetime(2026, 3, 1, 0, 30, tzinfo=UTC))
    bench.ingest(usage=False)
    # Months are read side by side, so the last to be asked need not be the newest.
    asked = bench.server.asked(COSTS_PATH)
    last = max(asked, key=lambda request: request.one("starting_at") or "")
    assert last.one("starting_at") == "2026-03-01T00:00:00Z"
    assert last.one("ending_at") == "2026-03-02T00:00:00Z"
