"""Prices of model APIs by kind of token, on two bills of vendors, planted by hand.

March became April. What the bills say of each model, and so what its bars are:

- cut: input 100 and then 50 million tokens at 2.50, output 20 at 10.00 and 30 at 8.00;
  the price of output alone fell, and the rate is -2 x 30 = -60
- same: the same tokens, output at 10.00 in both months: no rate moved
- tiers: output at 15.00, in a batch at 7.50, under one name; 10 and 10 million tokens,
  then 10 and 40: no rate moved, and the batch has 30 x 7.50 = 225 more
- cheaper: as tiers, but in April the batch costs 5.00: the rate is -2.5 x 40 = -100
- untold: as cut, without any quantity: the rate is unknown, and no bar of it
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ingest_and_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chosen_marts import ChosenMarts

TRIPTYCH = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: bill, type: tables, stream: llm_provider_costs, path: bill.csv}
"""
HEAD = (
    "provider,project_id,line_item,token_type,provider_model,service_tier,"
    "context_window,amount,quantity,quantity_unit,currency,period_start,period_end"
)
MODELS = ("cut", "same", "tiers", "cheaper", "untold")
ALLOCATION = "scope: [{name: all, match: {}}]\nassignments:\n" + "".join(
    f"  - {{name: {name}, match: {{sub_account_id: {name}}}, model: {name}}}\n"
    for name in MODELS
)
GPT = 'openai,{model},"gpt-4o-2024-08-06, {kind}",,,,'
CLAUDE = (
    "anthropic,{model},Claude Opus Usage - Output Tokens,output_tokens,claude-opus,"
    "{kind},0-200k"
)
#: Model → line, and kind → millions of tokens and their price, in March and in April.
PLAN: dict[str, tuple[str, dict[str, tuple[tuple[int, str], tuple[int, str]]]]] = {
    "cut": (
        GPT,
        {"input": ((100, "2.5"), (50, "2.5")), "output": ((20, "10"), (30, "8"))},
    ),
    "same": (
        GPT,
        {"input": ((100, "2.5"), (50, "2.5")), "output": ((20, "10"), (30, "10"))},
    ),
    "tiers": (
        CLAUDE,
        {"standard": ((10, "15"), (10, "15")), "batch": ((10, "7.5"), (40, "7.5"))},
    ),
    "cheaper": (
        CLAUDE,
        {"standard": ((10, "15"), (10, "15")), "batch": ((10, "7.5"), (40, "5"))},
    ),
    "untold": (
        GPT,
        {"input": ((100, "2.5"), (50, "2.5")), "output": ((20, "10"), (30, "8"))},
    ),
}
#: Model → rate and the change of its cost.
WANTED = {
    "cut": ("-60", "-85"),
    "same": ("0", "-25"),
    "tiers": ("0", "225"),
    "cheaper": ("-100", "125"),
    "untold": ("0", "-85"),
}
OF_USE = ("volume", "efficiency", "purchase_mix", "mix")
OTHERS = ("new", "retired", "correction", "unused_commitment", "fx", "not_invoiced")


def bill() -> Iterator[str]:
    """Yield the lines of both bills, each of one day."""
    yield HEAD
    for model, (line, kinds) in PLAN.items():
        for kind, months in kinds.items():
            for month, (tokens, price) in zip(("03", "04"), months, strict=True):
                day = f"2026-{month}-05,2026-{month}-06"
                told = "," if model == "untold" else f"{tokens}000000,tokens"
                named = line.format(model=model, kind=kind)
                yield f"{named},{tokens * Decimal(price)},{told},USD,{day}"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return model → its row of the bridge."""
    root = tmp_path_factory.mktemp("kinds")
    texts = {"triptych.yml": TRIPTYCH, "allocation.yml": ALLOCATION}
    for name, text in {**texts, "bill.csv": "\n".join([*bill(), ""])}.items():
        (root / name).write_text(text, encoding="utf-8")
    built: ChosenMarts = ingest_and_build(root, "cost.mart_cost_bridge")
    rows = built.query(
        "SELECT * FROM cost.mart_cost_bridge WHERE basis = 'effective'"
    ).to_pylist()
    return {row["model_id"]: row for row in rows}


@pytest.mark.parametrize("model", MODELS)
def test_a_price_of_one_kind_of_token_is_the_rate_and_nothing_else(
    lines: dict[str, dict[str, Any]], model: str
) -> None:
    rate, change = map(Decimal, WANTED[model])
    row = lines[model]
    assert row["rate_amount"] == rate
    assert row["change_amount"] == change
    assert {bar for bar in OTHERS if row[f"{bar}_amount"]} == set()
    of_use = sum(row[f"{bar}_amount"] for bar in OF_USE)
    if model == "untold":
        assert (of_use, row["other_amount"]) == (0, change)
        assert row["unknown_rate_cost"] == row["cost"]
    else:
        assert (of_use, row["other_amount"]) == (change - rate, 0)
        assert row["unknown_rate_cost"] == 0
