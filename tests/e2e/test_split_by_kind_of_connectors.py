"""The case of two models on one key, through each connector that counts tokens.

What the key is charged and who used it is that of ``test_split_by_kind``: 8.75 for
7 million of input, 11.875 for 95 million cached and 65 for 6.5 million of output, where
search-rag's tokens cost 23.125 and report-writer's 62.50. OpenAI and Anthropic deliver
the bill and the meter; LiteLLM and Langfuse only the meter, beside a FOCUS file.

Bedrock's lines come with the usage report of AWS, Vertex AI's with Google's billing
export, each with words of its own for model and kind; what was used of them CloudWatch
tells (as a table), and the gateway. There a third model has a line of another of the
vendor's models to itself: 4.00 for 8 million of input.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import ingest.http.client
from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.layouts.aws_export_layout import ExportLayout, Folder
from tests.ingest.layouts.gcp_export_layout import row as google_row
from tests.ingest.servers.http_server import ScriptedServer
from tests.ingest.servers.langfuse_api import (
    PUBLIC_KEY,
    SECRET_KEY,
    LangfuseApi,
    observation,
)
from tests.ingest.servers.litellm_proxy import KEY, LitellmProxy, log_line
from tests.ingest.servers.loopback_llm_providers import (
    ANTHROPIC_KEY,
    OPENAI_KEY,
    AnthropicOrganisation,
    OpenAiOrganisation,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY, NOON = date(2026, 3, 1), datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 10, tzinfo=UTC)
#: Dollars for input, cached input and output.
CHARGED = (Decimal("8.75"), Decimal("11.875"), Decimal(65))
#: Model → tokens of input that no cache had, that one had, and of output.
USED = {
    "search-rag": (5_000_000, 95_000_000, 500_000),
    "report-writer": (2_000_000, 0, 6_000_000),
}
COSTS = {"search-rag": Decimal("23.125"), "report-writer": Decimal("62.50")}
CONNECTORS = ("openai", "anthropic", "litellm", "langfuse")
#: Models of other vendors are products of the marketplace, with a code of their own.
SONNET = "Claude Sonnet 4 (Amazon Bedrock Edition)"
_PRODUCT_CODE = "8z7ncgs8cw4fzeaz3z8q9y6po"
#: Amount → usage type of Bedrock, SKU of Vertex AI.
CLOUD_LINES = {
    "8.75": (
        "USE1-MP:USE1_InputTokenCount-Units",
        "Gemini 2.5 Pro Text Input - Predictions",
    ),
    "11.875": (
        "USE1-MP:USE1_CacheReadInputTokenCount-Units",
        "Gemini 2.5 Pro Text Input Caching",
    ),
    "65": (
        "USE1-MP:USE1_OutputTokenCount-Units",
        "Gemini 2.5 Pro Text Output - Predictions",
    ),
    "4": (
        "USE1-Claude4.5Haiku-input-tokens-cross-region-global",
        "Gemini 2.5 Flash GA Text Input - Predictions",
    ),
}
#: What meters call the vendor's models: of both, and of the third model's own.
BEDROCK = (
    "us.anthropic.claude-sonnet-4-20250514-v1:0",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
)
VERTEX = ("vertex_ai/gemini-2.5-pro", "vertex_ai/gemini-2.5-flash")
USED_AT_CLOUDS = {**USED, "triage": (8_000_000, 0, 0)}
MODEL = "gpt-4.1-2025-04-14"
SOURCES = """\
organisation: Example GmbH
currency: USD
sources:
  - {{name: bills, type: focus_files, path: bills.csv}}
  - {{name: aws, type: aws_data_exports, path: aws, prefix: exports, export: cur}}
  - {{name: gcp, type: gcp_billing, path: gcp}}
  - {{name: cloudwatch, type: tables, stream: model_usage, path: cloudwatch.csv}}
  - name: openai
    type: openai
    base_url: {openai}
    start_date: 2026-03-01
    usage_kinds: [completions]
    mapping:
      - {{match: {{api_key_id: "*"}}, model: "${{api_key_id}}", pool: openai}}
  - name: anthropic
    type: anthropic
    base_url: {anthropic}
    start_date: 2026-03-01
    mapping:
      - {{match: {{api_key_id: "*"}}, model: "${{api_key_id}}", pool: anthropic}}
  - name: litellm
    type: litellm
    base_url: {litellm}
    start_date: 2026-03-01
    mapping:
      - {{match: {{provider: vertex_ai, tag: "*"}}, model: "${{tag}}", pool: vertex}}
      - {{match: {{tag: "*"}}, model: "${{tag}}", pool: litellm}}
  - name: langfuse
    type: langfuse
    base_url: {langfuse}
    start_date: 2026-03-01
    mapping: [{{match: {{tag: "*"}}, model: "${{tag}}", pool: langfuse}}]
"""
ALLOCATION = """\
assignments:
  - {name: openai, match: {source: openai}, pool: openai}
  - {name: anthropic, match: {source: anthropic}, pool: anthropic}
  - {name: litellm, match: {sub_account_id: litellm}, pool: litellm}
  - {name: langfuse, match: {sub_account_id: langfuse}, pool: langfuse}
  - {name: bedrock, match: {source: aws}, pool: bedrock}
  - {name: vertex, match: {source: gcp}, pool: vertex}
pools:
  - {name: bedrock, driver: tokens}
  - {name: vertex, driver: tokens}
  - {name: openai, driver: tokens}
  - {name: anthropic, driver: tokens}
  - {name: litellm, driver: tokens}
  - {name: langfuse, driver: tokens}
"""
ENVIRONMENT = {
    "OPENAI_ADMIN_KEY": OPENAI_KEY,
    "ANTHROPIC_ADMIN_KEY": ANTHROPIC_KEY,
    "LITELLM_API_KEY": KEY,
    "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
    "LANGFUSE_SECRET_KEY": SECRET_KEY,
}


def openai() -> OpenAiOrganisation:
    company = OpenAiOrganisation()
    kinds = ("input", "cached input", "output")
    for kind, amount in zip(kinds, CHARGED, strict=True):
        line = f"{MODEL}, {kind}"
        company.costs.append({"day": DAY, "line_item": line, "value": amount})
    for model, (uncached, cached, output) in USED.items():
        company.usage["completions"].append(
            {
                "day": DAY,
                "api_key_id": model,
                "model": MODEL,
                "input_tokens": uncached + cached,
                "input_cached_tokens": cached,
                "output_tokens": output,
                "num_model_requests": 1,
            }
        )
    return company


def anthropic() -> AnthropicOrganisation:
    company = AnthropicOrganisation()
    shared = {"model": "claude-opus-4-6", "service_tier": "standard"}
    kinds = ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")
    for kind, amount in zip(kinds, CHARGED, strict=True):
        charge = {"day": DAY, "cost_type": "tokens", "token_type": kind, **shared}
        company.costs.append({**charge, "description": kind, "cents": amount * 100})
    for model, (uncached, cached, output) in USED.items():
        company.usage["messages"].append(
            {
                "day": DAY,
                "api_key_id": model,
                **shared,
                "uncached_input_tokens": uncached,
                "cache_read": cached,
                "output_tokens": output,
            }
        )
    return company


def logs() -> Iterator[dict[str, Any]]:
    for model, tokens in USED.items():
        yield gateway_line(model, tokens, "openai", f"openai/{MODEL}")
    for model, tokens in USED_AT_CLOUDS.items():
        called = VERTEX[model == "triage"]
        yield gateway_line(model, tokens, "vertex_ai", called)


def gateway_line(
    model: str, tokens: tuple[int, int, int], provider: str, called: str
) -> dict[str, Any]:
    uncached, cached, output = tokens
    usage = {"prompt_tokens_details": {"cached_tokens": cached}}
    return log_line(
        f"{provider}-{model}",
        NOON,
        custom_llm_provider=provider,
        model=called,
        prompt_tokens=uncached + cached,
        completion_tokens=output,
        total_tokens=uncached + cached + output,
        request_tags=[model],
        metadata={"usage_object": usage},
    )


def usage_report() -> pa.Table:
    """Return Bedrock's lines as CUR 2.0 has them."""
    moments = pa.timestamp("ms")
    begin, end = (datetime(2026, 3, day) for day in (1, 2))  # noqa: DTZ001  (UTC)
    count = len(CLOUD_LINES)
    return pa.table(
        {
            "line_item_unblended_cost": [float(amount) for amount in CLOUD_LINES],
            "line_item_currency_code": ["USD"] * count,
            "bill_billing_period_start_date": pa.array([begin] * count, moments),
            "line_item_usage_start_date": pa.array([begin] * count, moments),
            "line_item_usage_end_date": pa.array([end] * count, moments),
            "line_item_line_item_type": ["Usage"] * count,
            "line_item_product_code": [*[_PRODUCT_CODE] * (count - 1), "AmazonBedrock"],
            "bill_billing_entity": [*["AWS Marketplace"] * (count - 1), "AWS"],
            "product": pa.array(
                [*[[("product_name", SONNET)]] * (count - 1), []],
                pa.map_(pa.string(), pa.string()),
            ),
            "line_item_usage_type": [meter for meter, _ in CLOUD_LINES.values()],
        }
    )


def billing_export() -> str:
    """Return Vertex AI's lines as Google exports them."""
    rows = [
        google_row(
            float(amount),
            "2026-03-02T05:00:00Z",
            service={"id": "C7E2-9256-1C43", "description": "Vertex AI"},
            sku={"id": f"SKU{number}", "description": sku},
            usage_start_time="2026-03-01T08:00:00Z",
            usage_end_time="2026-03-01T09:00:00Z",
            currency="USD",
            invoice={"month": "202603", "publisher_type": "GOOGLE"},
        )
        for number, (amount, (_, sku)) in enumerate(CLOUD_LINES.items())
    ]
    return "".join(f"{json.dumps(each)}\n" for each in rows)


def cloudwatch() -> str:
    """Return sums of CloudWatch's metrics by day; its input is what no cache had."""
    header = (
        "day,model_id,pool_id,provider_model,input_tokens,cached_input_tokens,"
        "output_tokens\n"
    )
    return header + "".join(
        f"{DAY},{model},bedrock,{BEDROCK[model == 'triage']},"
        f"{uncached + cached},{cached},{output}\n"
        for model, (uncached, cached, output) in USED_AT_CLOUDS.items()
    )


def generations() -> Iterator[dict[str, Any]]:
    for model, (uncached, cached, output) in USED.items():
        usage = {"input": uncached, "input_cached_tokens": cached, "output": output}
        yield observation(
            model, NOON, providedModelName=MODEL, usageDetails=usage, tags=[model]
        )


def bills() -> str:
    columns = (
        "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
        "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceProviderName,"
        "ServiceName,SubAccountId,SkuMeter"
    )
    kinds = ("input", "cached input", "output")
    return "\n".join(
        [
            columns,
            *(
                f"{amount},{amount},USD,2026-03-01,2026-03-01,2026-03-02,Usage,OpenAI,"
                f'OpenAI API,{gateway},"{MODEL}, {kind}"'
                for gateway in ("litellm", "langfuse")
                for kind, amount in zip(kinds, CHARGED, strict=True)
            ),
            "",
        ]
    )


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root = tmp_path_factory.mktemp("split_by_kind")
    ticks = itertools.count()
    servers = {name: ScriptedServer() for name in CONNECTORS}
    with (
        servers["openai"],
        servers["anthropic"],
        servers["litellm"],
        servers["langfuse"],
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
        patch.setattr(
            "ingest.sources.llm_providers.llm_provider._now",
            lambda: NOW + timedelta(microseconds=next(ticks)),
        )
        openai().install(servers["openai"])
        anthropic().install(servers["anthropic"])
        LitellmProxy(servers["litellm"], list(logs()))
        LangfuseApi(servers["langfuse"], list(generations()))
        write(root, servers)
        return ingest_and_build(
            root,
            *("cost.fct_daily_model_costs", "cost.fct_daily_service_costs"),
            "cost.mart_model_unit_costs",
        )


def write(root: Path, servers: dict[str, ScriptedServer]) -> None:
    urls = {name: server.url for name, server in servers.items()}
    (root / "bills.csv").write_text(bills(), "utf-8")
    (root / "gcp").mkdir()
    (root / "gcp/march.jsonl").write_text(billing_export(), "utf-8")
    (root / "cloudwatch.csv").write_text(cloudwatch(), "utf-8")
    aws = ExportLayout(Folder(root / "aws"), export="cur")
    aws.overwrite("2026-03", [usage_report()])
    (root / "triptych.yml").write_text(SOURCES.format(**urls), "utf-8")
    (root / "allocation.yml").write_text(ALLOCATION, "utf-8")


@pytest.mark.parametrize("connector", [*CONNECTORS, "bedrock", "vertex"])
def test_each_model_pays_for_its_own_kinds_of_tokens(
    snapshot: ChosenMarts, connector: str
) -> None:
    rows = snapshot.query(
        "SELECT model_id, assignment_method, sum(billed_cost) AS cost"
        f" FROM cost.fct_daily_model_costs WHERE pool_id = '{connector}' GROUP BY ALL"
    ).to_pylist()
    at_clouds = {} if connector in CONNECTORS else {"triage": Decimal(4)}
    assert {row["model_id"]: row["cost"] for row in rows} == COSTS | at_clouds
    assert {row["assignment_method"] for row in rows} == {"usage_driver"}


def test_unit_costs_are_the_prices_of_the_kinds(snapshot: ChosenMarts) -> None:
    """All six keys have the same prices, and search-rag 95 of 100 million cached."""
    rows = snapshot.query(
        "SELECT model_id, cost_per_million_input_tokens AS input,"
        " cost_per_million_cached_input_tokens AS cached,"
        " cost_per_million_output_tokens AS output, cache_hit_ratio AS hits"
        " FROM cost.mart_model_unit_costs WHERE model_id <> 'triage'"
        " ORDER BY model_id DESC"
    ).to_pylist()
    assert [row["model_id"] for row in rows] == ["search-rag", "report-writer"]
    for row in rows:
        assert row["input"] == pytest.approx(1.25)
        assert row["output"] == pytest.approx(10)
    assert rows[0]["cached"] == pytest.approx(0.125)
    assert [row["hits"] for row in rows] == [pytest.approx(0.95), 0]


def test_a_product_of_the_marketplace_has_its_name(snapshot: ChosenMarts) -> None:
    rows = snapshot.query(
        "SELECT service_name, sum(billed_cost) AS cost FROM"
        " cost.fct_daily_service_costs WHERE source = 'aws' GROUP BY ALL"
    ).to_pylist()
    assert {row["service_name"]: row["cost"] for row in rows} == {
        SONNET: Decimal("85.625"),
        "AmazonBedrock": Decimal(4),
    }
