"""The bill of an API key, divided by a gateway's tokens to the last digit.

The bill is a FOCUS file and the meter a LiteLLM proxy on loopback, which does not
behave all the time. What is expected is worked out here in fractions, from the
proxy's own lines and the rows of the bill.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

import ingest.http.client
from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.servers.http_server import (
    ScriptedServer,
    duplicate_page,
    status,
    truncated_body,
)
from tests.ingest.servers.litellm_proxy import KEY, LitellmProxy, log_line

if TYPE_CHECKING:
    from collections.abc import Iterator

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = "__unallocated__"
#: Model (by the feature tag; "": a request without one), tokens in and out, by day.
TRAFFIC: dict[int, list[tuple[str, int, int]]] = {
    1: [("eta", 700, 50), ("chat", 1_001, 333), ("eta", 13, 0), ("", 100, 11)],
    2: [("eta", 1, 0), ("chat", 1, 0), ("vision", 1, 0)],
    # The 3rd is billed and not metered, the 5th is metered and not billed.
    4: [("", 10, 10)],
    5: [("eta", 999, 999)],
}
BILL = {
    1: ["10.00", "0.0000000007", "3.33"],
    2: ["100.00"],
    3: ["7.77"],
    4: ["5.55"],
}
TAX, OTHER = Decimal("24.11"), Decimal("40.00")
HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceProviderName,ServiceName,ResourceId\n"
)
TRIPTYCH = """\
organisation: Example GmbH
currency: USD
sources:
  - {{name: openai, type: focus_files, path: bill.csv}}
  - name: gateway
    type: litellm
    base_url: {url}
    start_date: 2026-03-01
    page_size: 2
    feature_tag_prefix: "feature:"
    mapping:
      - {{match: {{tag: {{prefix: "feature:"}}}}, model: "${{tag}}"}}
      - {{match: {{provider: openai}}, pool: openai-key}}
"""
ALLOCATION = """\
scope: [{name: all, match: {}}]
assignments:
  - {name: gateway key, match: {resource_id: key-of-the-gateway}, pool: openai-key}
  - {name: other key, match: {resource_id: "*"}, model: batch-job}
pools: [{name: openai-key, driver: tokens}]
"""


def lines() -> Iterator[dict[str, Any]]:
    for day, requests in TRAFFIC.items():
        for number, (model, tokens_in, tokens_out) in enumerate(requests):
            yield log_line(
                f"r-{day}-{number}",
                MARCH + timedelta(days=day - 1, hours=3 * number, minutes=59),
                prompt_tokens=tokens_in,
                completion_tokens=tokens_out,
                total_tokens=tokens_in + tokens_out,
                spend=Decimal("0.50"),
                request_tags=[f"feature:{model}"] if model else ["User-Agent: curl"],
            )


def bill() -> str:
    def row(day: int, amount: str, category: str, resource: str) -> str:
        start, end = MARCH + timedelta(days=day - 1), MARCH + timedelta(days=day)
        dates = f"2026-03-01,{start:%Y-%m-%d},{end:%Y-%m-%d}"
        return (
            f"{amount},{amount},USD,{dates},{category},OpenAI,OpenAI API,{resource}\n"
        )

    rows = [
        row(day, amount, "Usage", "key-of-the-gateway")
        for day, amounts in BILL.items()
        for amount in amounts
    ]
    rows += [row(1, str(OTHER), "Usage", "another-key"), row(31, str(TAX), "Tax", "")]
    return HEADER + "".join(rows)


def expected() -> dict[tuple[date, str | None], Decimal]:
    """Return day and model → its part, each day's bill divided by its tokens."""
    parts: dict[tuple[date, str | None], Decimal] = {}
    for day, amounts in BILL.items():
        tokens: dict[str, int] = defaultdict(int)
        for model, tokens_in, tokens_out in TRAFFIC.get(day, []):
            tokens[model or NOBODY] += tokens_in + tokens_out
        shares = {
            model: Fraction(count * 10**14 // sum(tokens.values()), 10**14)
            for model, count in tokens.items()
        } or {NOBODY: Fraction(1)}
        total = sum((Decimal(amount) for amount in amounts), Decimal(0))
        split = {
            model: Decimal(
                int(Fraction(total) * share * 10**10 + Fraction(1, 2))
            ).scaleb(-10)
            for model, share in shares.items()
        }
        largest = min(shares, key=lambda model: (-shares[model], model))
        split[largest] += total - sum(split.values())
        for model, part in split.items():
            charged = (MARCH + timedelta(days=day - 1)).date()
            parts[charged, None if model == NOBODY else model] = part
    return parts


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root = tmp_path_factory.mktemp("gateway_pools")
    with ScriptedServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_API_KEY", KEY)
        patch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
        LitellmProxy(server, list(lines()))
        (root / "bill.csv").write_text(bill(), "utf-8")
        (root / "triptych.yml").write_text(TRIPTYCH.format(url=server.url), "utf-8")
        (root / "allocation.yml").write_text(ALLOCATION, "utf-8")
        server.faults += [status(500), truncated_body(), duplicate_page()]
        return ingest_and_build(
            root,
            *("cost.fct_daily_model_costs", "cost.mart_cost_waterfall"),
            *("cost.mart_gateway_gaps", "cost.mart_meter_gaps"),
            "cost.mart_model_unit_costs",
        )


def rows(snapshot: ChosenMarts, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in snapshot.query(sql).to_pylist()]


def test_each_day_of_the_key_is_divided_by_its_tokens_to_the_last_digit(
    snapshot: ChosenMarts,
) -> None:
    for basis in ("billed_cost", "effective_cost"):
        found = rows(
            snapshot,
            f"select charge_date, model_id, sum({basis})"
            " from cost.fct_daily_model_costs where pool_id = 'openai-key'"
            " group by all",
        )
        assert {(day, model): cost for day, model, cost in found} == expected()
    # 2nd of March: a third each, and the last unit to the first of equals.
    assert expected()[date(2026, 3, 2), "chat"] == Decimal("33.3333333334")
    assert expected()[date(2026, 3, 2), "eta"] == Decimal("33.3333333333")


def test_nothing_of_the_bill_is_lost_or_doubled(snapshot: ChosenMarts) -> None:
    key = sum(Decimal(amount) for amounts in BILL.values() for amount in amounts)
    assert sum(expected().values()) == key
    assert rows(
        snapshot,
        "select step, billed_cost from cost.mart_cost_waterfall"
        " where billed_cost <> 0 order by step_order",
    ) == [
        ("ledger", key + TAX + OTHER),
        ("tax", TAX),
        ("direct", OTHER),
        ("shared", sum(part for (_, model), part in expected().items() if model)),
        (
            "unallocated",
            sum(part for (_, model), part in expected().items() if not model),
        ),
    ]


def test_what_no_rule_gives_a_model_is_unallocated_with_its_reason(
    snapshot: ChosenMarts,
) -> None:
    part = expected()
    assert rows(
        snapshot,
        "select reason, sum(billed_cost) from cost.mart_meter_gaps"
        " where pool_id = 'openai-key' group by all order by all",
    ) == [
        ("no_reading", Decimal("7.77")),
        (
            "unmapped_workload",
            part[date(2026, 3, 1), None] + part[date(2026, 3, 4), None],
        ),
    ]


def test_the_meter_gives_the_cost_per_token_of_each_model(
    snapshot: ChosenMarts,
) -> None:
    found = rows(
        snapshot,
        "select model_id, input_tokens, output_tokens, requests"
        " from cost.mart_model_unit_costs where requests is not null order by all",
    )
    assert found == [
        ("chat", 1002, 333, 2),
        ("eta", 1713, 1049, 4),
        ("vision", 1, 0, 1),
    ]


def test_the_gap_between_gateway_and_bill_is_published(snapshot: ChosenMarts) -> None:
    # Nine requests of 0.50, eight of them on billed days; the tax is not compared.
    key = sum(Decimal(amount) for amounts in BILL.values() for amount in amounts)
    [row] = rows(
        snapshot,
        "select billing_month, provider, gateway, currency, billed_cost,"
        " tax_and_credit_cost, gateway_spend_amount, gap_amount, gateway_requests,"
        " gateway_tokens, provider_tokens, billed_day_count"
        " from cost.mart_gateway_gaps",
    )
    tokens = sum(i + o for day in TRAFFIC.values() for _, i, o in day)
    spend = Decimal("4.50")
    assert row == (
        *("2026-03", "openai", "gateway", "USD", key + TAX + OTHER, TAX, spend),
        *(key + OTHER - spend, 9, tokens, None, 4),
    )
    [ratios] = rows(
        snapshot,
        "select mapped_token_ratio, gap_ratio, day_coverage_ratio"
        " from cost.mart_gateway_gaps",
    )
    # 131 tokens have no feature; of four billed days three have readings.
    assert ratios == pytest.approx(
        (1 - 131 / tokens, float((key + OTHER - spend) / (key + OTHER)), 0.75)
    )
