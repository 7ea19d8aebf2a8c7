"""Two model APIs on loopback go through the whole pipeline, to cost per model.

The servers answer in their vendors' forms, page by page and not without faults. What is
expected is added up here from the servers' own records, in Decimal.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import pytest

import ingest.http.client
from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.servers.http_server import (
    ScriptedServer,
    out_of_order,
    status,
    truncated_body,
)
from tests.ingest.servers.loopback_llm_providers import (
    ANTHROPIC_KEY,
    OPENAI_KEY,
    AnthropicOrganisation,
    OpenAiOrganisation,
    sample_anthropic,
    sample_openai,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START, NOW = date(2026, 2, 20), datetime(2026, 3, 10, 9, tzinfo=UTC)
TEN, EIGHTEEN = Decimal(1).scaleb(-10), Decimal(1).scaleb(-18)
#: Token type of a line of the bill → what was used of it. No line is for what was
#: written to the cache, so that it was charged as input.
KINDS = {
    "uncached_input_tokens": ("uncached_input_tokens", "cache_5m", "cache_1h"),
    "cache_read_input_tokens": ("cache_read",),
    "output_tokens": ("output_tokens",),
}
#: What the split of one pool and day may be off, from shares of fourteen digits.
NEARLY = Decimal("1e-6")
SOURCES = """\
organisation: Example GmbH
currency: USD
sources:
  - name: openai
    type: openai
    base_url: {openai}
    start_date: 2026-02-20
    mapping:
      - {{match: {{api_key_id: key_support_prod}}, pool: support-key}}
      - {{match: {{project_id: proj_search}}, model: search-ranker}}
  - name: anthropic
    type: anthropic
    base_url: {anthropic}
    start_date: 2026-02-20
    mapping:
      - {{match: {{project_id: wrkspc_agents}}, model: agents}}
      - {{match: {{provider_model: {{prefix: claude-}}}}, pool: claude}}
"""
ALLOCATION = """\
scope:
  - {name: all, match: {}}
assignments:
  - {name: claude, match: {tags: {pool: claude}}, pool: claude}
  - {name: support key, match: {tags: {pool: support-key}}, pool: support-key}
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
pools:
  - {name: claude, driver: tokens}
  - {name: support-key, driver: tokens}
"""


@dataclass
class Companies:
    """Both organisations, and a workspace that reads them."""

    openai: OpenAiOrganisation
    anthropic: AnthropicOrganisation
    servers: tuple[ScriptedServer, ScriptedServer]
    root: Path

    def marts(self) -> ChosenMarts:
        """Return the marts that are asked here, of what is new, too."""
        return ingest_and_build(
            self.root,
            *("cost.mart_cost_waterfall", "cost.fct_daily_model_costs"),
            "intermediate.int_line_items",
        )

    def amounts(self) -> Iterator[tuple[str, str, dict[str, object], Decimal]]:
        """Yield source, month, record and dollars of every charge there is."""
        for cost in self.openai.costs:
            amount = cost["value"].quantize(EIGHTEEN, ROUND_HALF_UP)
            yield "openai", f"{cost['day']:%Y-%m}", cost, amount
        for cost in self.anthropic.costs:
            amount = cost["cents"] * Decimal("0.01")
            yield "anthropic", f"{cost['day']:%Y-%m}", cost, amount

    def ledger(self) -> dict[tuple[str, str], Decimal]:
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for source, month, _, amount in self.amounts():
            sums[source, month] += amount
        return {key: total.quantize(TEN) for key, total in sums.items()}

    def where(
        self, source: str, holds: Callable[[dict[str, object]], bool]
    ) -> dict[str, Decimal]:
        """Return the sums by month of charges of a source for which something holds."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for name, month, record, amount in self.amounts():
            if name == source and holds(record):
                sums[month] += amount
        return {month: total.quantize(TEN) for month, total in sums.items()}


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companies]:
    """Return both organisations, whose servers misbehave in the first run."""
    root = tmp_path_factory.mktemp("model_apis")
    end = NOW.date() + timedelta(days=1)
    made = sample_openai(START, end), sample_anthropic(START, end)
    ticks = itertools.count()
    with (
        ScriptedServer() as openai,
        ScriptedServer() as anthropic,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
        patch.setattr(
            "ingest.sources.llm_providers.llm_provider._now",
            lambda: NOW + timedelta(microseconds=next(ticks)),
        )
        patch.setenv("OPENAI_ADMIN_KEY", OPENAI_KEY)
        patch.setenv("ANTHROPIC_ADMIN_KEY", ANTHROPIC_KEY)
        made[0].install(openai)
        made[1].install(anthropic)
        sources = SOURCES.format(openai=openai.url, anthropic=anthropic.url)
        (root / "triptych.yml").write_text(sources, "utf-8")
        (root / "allocation.yml").write_text(ALLOCATION, "utf-8")
        found = Companies(*made, (openai, anthropic), root)
        for server in found.servers:
            server.faults += [status(500), truncated_body(), out_of_order()]
        yield found


@pytest.fixture(scope="module")
def marts(companies: Companies) -> ChosenMarts:
    return companies.marts()


def test_the_ledger_of_each_vendor_and_month_is_its_bill_to_the_last_digit(
    companies: Companies, marts: ChosenMarts
) -> None:
    rows = marts.query(
        "SELECT source, billing_month, currency, billed_cost, effective_cost"
        " FROM cost.mart_cost_waterfall WHERE step = 'ledger'"
    ).to_pylist()
    assert {row["currency"] for row in rows} == {"USD"}
    expected = companies.ledger()
    assert set(expected) == {
        (source, month)
        for source in ("openai", "anthropic")
        for month in ("2026-02", "2026-03")
    }
    for column in ("billed_cost", "effective_cost"):
        found = {(row["source"], row["billing_month"]): row[column] for row in rows}
        assert found == expected


def test_the_steps_of_the_waterfall_add_up_to_the_ledger(marts: ChosenMarts) -> None:
    apart = marts.query(
        "SELECT source, billing_month,"
        " sum(CASE WHEN step = 'ledger' THEN billed_cost ELSE -billed_cost END) AS gap"
        " FROM cost.mart_cost_waterfall GROUP BY ALL"
    ).to_pylist()
    assert len(apart) == 4
    assert {row["gap"] for row in apart} == {Decimal(0)}


def test_a_mapped_projects_charges_are_its_models_direct_cost(
    companies: Companies, marts: ChosenMarts
) -> None:
    rows = marts.query(
        "SELECT billing_month, model_id, sum(billed_cost) AS cost"
        " FROM cost.fct_daily_model_costs WHERE component = 'direct' GROUP BY ALL"
    ).to_pylist()
    found = {(row["billing_month"], row["model_id"]): row["cost"] for row in rows}
    search = companies.where("openai", lambda c: c["project_id"] == "proj_search")
    # Code execution names no model of Anthropic's, so it is in no pool.
    agents = companies.where("anthropic", lambda c: c["cost_type"] == "code_execution")
    expected = {(month, "search-ranker"): cost for month, cost in search.items()}
    expected |= {(month, "agents"): cost for month, cost in agents.items()}
    # Line items are rounded by day; what that leaves is a remainder of its own.
    assert set(found) == set(expected)
    for key, cost in expected.items():
        assert abs(found[key] - cost) < NEARLY, key


def test_each_kind_of_token_divides_its_own_lines_and_those_of_nobody_stay_unallocated(
    companies: Companies, marts: ChosenMarts
) -> None:
    rows = marts.query(
        "SELECT coalesce(model_id, '') AS model, sum(billed_cost) AS cost"
        " FROM cost.fct_daily_model_costs WHERE pool_id = 'claude' GROUP BY ALL"
    ).to_pylist()
    found = {row["model"]: row["cost"] for row in rows}
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for (day, kind), cost in _pool_by_day_and_kind(companies).items():
        tokens = _tokens_by_model(companies, day, KINDS[kind])
        for model, count in tokens.items():
            expected[model] += cost * count / sum(tokens.values())
    assert set(found) == set(expected) == {"agents", ""}
    for model, cost in expected.items():
        assert abs(found[model] - cost) < NEARLY
    total = sum(_pool_by_day_and_kind(companies).values())
    assert abs(sum(found.values()) - total) < NEARLY


def _pool_by_day_and_kind(companies: Companies) -> dict[tuple[object, str], Decimal]:
    sums: dict[tuple[object, str], Decimal] = defaultdict(Decimal)
    for source, _, record, amount in companies.amounts():
        if source == "anthropic" and record.get("model"):
            sums[record["day"], str(record["token_type"])] += amount
    return sums


def _tokens_by_model(
    companies: Companies, day: object, fields: tuple[str, ...]
) -> dict[str, int]:
    counted: dict[str, int] = defaultdict(int)
    for record in companies.anthropic.usage["messages"]:
        if record["day"] == day:
            model = "agents" if record["workspace_id"] else ""
            counted[model] += sum(record[name] for name in fields)
    return counted


def test_a_charge_is_traced_to_its_key_line_item_and_vendor(
    marts: ChosenMarts,
) -> None:
    rows = marts.query(
        "SELECT DISTINCT provider, service_name, sub_account_id, resource_id, sku_id,"
        " platform_id FROM intermediate.int_line_items"
        " WHERE resource_id = 'key_support_test' ORDER BY ALL"
    ).to_pylist()
    assert rows == [
        {
            "provider": "OpenAI",
            "service_name": "OpenAI API",
            "sub_account_id": "proj_support",
            "resource_id": "key_support_test",
            "sku_id": f"gpt-4o-2024-08-06, {kind}",
            "platform_id": "openai",
        }
        for kind in ("cached input", "input", "output")
    ]


def test_a_restated_day_moves_the_ledger_to_what_is_true_now(
    companies: Companies, marts: ChosenMarts
) -> None:
    assert marts.ingested.committed
    yesterday = NOW.date() - timedelta(days=1)
    before = companies.ledger()
    for cost in companies.openai.costs:
        if cost["day"] == yesterday:
            cost["value"] += Decimal("0.3")
    after = companies.marts()
    assert [(load.source, load.stream) for load in after.ingested.committed] == [
        ("openai", "llm_provider_costs")
    ]
    rows = after.query(
        "SELECT source, billing_month, billed_cost FROM cost.mart_cost_waterfall"
        " WHERE step = 'ledger'"
    )
    found = {
        (row["source"], row["billing_month"]): row["billed_cost"]
        for row in rows.to_pylist()
    }
    assert found == companies.ledger()
    # Thirteen charges a day, each 0.30 dearer.
    assert found["openai", "2026-03"] - before["openai", "2026-03"] == Decimal("3.9")
