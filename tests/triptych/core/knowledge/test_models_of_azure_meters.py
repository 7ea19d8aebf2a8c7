"""Divide a pool by the models that Azure's meters name by version alone.

*5.4 mini inp Gl* is gpt-5.4-mini and *5.4 inp Dz* gpt-5.4: the meters of a bill divide
by the models that discovery reads, and two spellings of one model are one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.chosen_marts import ingest_and_build

if TYPE_CHECKING:
    from pathlib import Path

TRIPTYCH = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: azure, type: focus_files, path: bill.csv}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
"""
ALLOCATION = """\
scope: [{name: all, match: {}}]
assignments: [{name: account, match: {service_name: "*"}, pool: azure-openai}]
pools: [{name: azure-openai, driver: tokens}]
"""
BILL_HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceProviderName,ServiceName,ChargeDescription"
)
#: Meter → what it charges [USD].
METERS = {
    "Azure OpenAI GPT5 - 5.4 mini inp Gl 1M Tokens": "3.00",
    "Azure OpenAI GPT5 - 5.4 mini inp Dz 1M Tokens": "0.25",
    "Azure OpenAI GPT5 - 5.4 inp Gl 1M Tokens": "10.00",
}
#: Model of the company, the vendor's model, tokens of input.
USAGE = [("chat", "gpt-5.4-mini", 900), ("report", "gpt-5.4-2026-03-05", 100)]


def test_each_model_pays_its_own_meters(tmp_path: Path) -> None:
    days = "2026-03-01,2026-03-02,2026-03-03,Usage,Microsoft,Azure OpenAI"
    lines = [f"{cost},{cost},USD,{days},{meter}" for meter, cost in METERS.items()]
    (tmp_path / "bill.csv").write_text("\n".join([BILL_HEADER, *lines]), "utf-8")
    readings = [
        f"{ours},{theirs},2026-03-02,2026-03-03,{tokens},0"
        for ours, theirs, tokens in USAGE
    ]
    header = (
        "model_id,provider_model,period_start,period_end,input_tokens,"
        "cached_input_tokens"
    )
    (tmp_path / "usage.csv").write_text("\n".join([header, *readings]), "utf-8")
    (tmp_path / "triptych.yml").write_text(TRIPTYCH, "utf-8")
    (tmp_path / "allocation.yml").write_text(ALLOCATION, "utf-8")
    built = ingest_and_build(tmp_path, "cost.fct_daily_model_costs")
    costs = built.query(
        "select model_id, assignment_method, sum(billed_cost) as cost"
        " from cost.fct_daily_model_costs group by all order by all"
    ).to_pylist()
    assert [tuple(row.values()) for row in costs] == [
        ("chat", "usage_driver", Decimal("3.25")),
        ("report", "usage_driver", Decimal("10.00")),
    ]
