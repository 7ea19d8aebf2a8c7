"""Prices of Anthropic, whose cost report has no quantities, planted by hand.

March became April. Costs and tokens are in reports of their own, of the same days. A
cost is rounded to a hundredth of a cent. What the bridge has to find of each model:

- same: input at 3.00 a million and output at 15.00, of tokens that no rounding suits
- little: as same, of so few tokens that rounding is a thousandth of the cost
- cut: the price of output fell from 15.00 to 12.00: -3 x 2 million tokens of two days
- batch: as same, with output in a batch at 7.50 under the same description
- regions: two costs of one kind of token; nobody knows which tokens are of which
- uncounted: costs without usage
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chosen_marts import ingest_and_build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chosen_marts import ChosenMarts

TRIPTYCH: Final = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: claude, type: anthropic, path: answers}
"""
MODELS: Final = ("same", "little", "cut", "batch", "regions", "uncounted")
ALLOCATION: Final = "scope: [{name: all, match: {}}]\nassignments:\n" + "".join(
    f"  - {{name: {name}, match: {{sub_account_id: {name}}}, model: {name}}}\n"
    for name in MODELS
)
INPUT, OUTPUT = "uncached_input_tokens", "output_tokens"
DAYS: Final = (
    *(date(2026, 3, 30), date(2026, 3, 31)),
    *(date(2026, 4, 1), date(2026, 4, 2)),
)
#: Workspace, tier and kind → tokens of a day and their price by million, March, April.
PLAN: Final = {
    ("same", "standard", INPUT): ((1_234_567, "3"), (345_679, "3")),
    ("same", "standard", OUTPUT): ((98_765, "15"), (123_457, "15")),
    ("little", "standard", OUTPUT): ((1_237, "15"), (3_411, "15")),
    ("cut", "standard", INPUT): ((2_000_000, "3"), (4_000_000, "3")),
    ("cut", "standard", OUTPUT): ((1_000_000, "15"), (1_000_000, "12")),
    ("batch", "standard", OUTPUT): ((98_765, "15"), (45_679, "15")),
    ("batch", "batch", OUTPUT): ((87_653, "7.5"), (543_211, "7.5")),
    ("regions", "standard", OUTPUT): ((1_000_000, "15"), (1_000_000, "12")),
    ("uncounted", "standard", OUTPUT): ((1_000_000, "15"), (1_000_000, "12")),
}


def cents(tokens: int, price: str) -> Decimal:
    """Return the cost of tokens at a price by million, in cents, as reported."""
    exact = tokens * Decimal(price) / 10_000
    return exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def change(model: str) -> Decimal:
    """Return the change of a model's cost in dollars, of all days."""
    moved = Decimal(0)
    for (name, _, _), (before, after) in PLAN.items():
        if name == model:
            moved += cents(*after) - cents(*before)
    return moved * 2 / 100


def results(position: int) -> tuple[list[Any], list[Any]]:
    """Return results of a day in the cost report and in the usage report."""
    costs, usage = [], []
    for (workspace, tier, kind), months in PLAN.items():
        tokens, price = months[position]
        scope = {
            "workspace_id": workspace,
            "model": "claude-sonnet-4",
            "service_tier": tier,
            "context_window": "0-200k",
        }
        parts = [cents(tokens, price)]
        if workspace == "regions":
            parts = [parts[0] - 100, Decimal(100)]
        for region, amount in zip(("us", "eu"), parts, strict=False):
            words = "Input" if kind == INPUT else "Output"
            described = {
                "description": f"Claude Sonnet 4 Usage - {words} Tokens",
                "cost_type": "tokens",
                "token_type": kind,
                "inference_geo": region,
            }
            money = {"currency": "USD", "amount": str(amount)}
            costs.append({**scope, **described, **money})
        if workspace != "uncounted":
            usage.append({**scope, "api_key_id": "key", kind: tokens})
    return costs, usage


def write_answers(folder: Path) -> None:
    """Write both reports of all days, and no names."""
    pages: dict[str, list[Any]] = {"cost_report": [], "usage_report/messages": []}
    for day in DAYS:
        period = {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
        }
        for name, rows in zip(pages, results(day.month - 3), strict=True):
            pages[name].append({**period, "results": rows})
    for name, buckets in pages.items():
        path = folder / "v1/organizations" / name / "days.json"
        path.parent.mkdir(parents=True)
        page = {"data": buckets, "has_more": False, "next_page": None}
        path.write_text(json.dumps(page), encoding="utf-8")
    names = folder / "v1/organizations/workspaces/all.json"
    names.parent.mkdir(parents=True)
    names.write_text('{"data": [], "has_more": false}', encoding="utf-8")


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return model → its row of the bridge."""
    root = tmp_path_factory.mktemp("reports")
    for name, text in {"triptych.yml": TRIPTYCH, "allocation.yml": ALLOCATION}.items():
        (root / name).write_text(text, encoding="utf-8")
    write_answers(root / "answers")
    built: ChosenMarts = ingest_and_build(root, "cost.mart_cost_bridge")
    rows = built.query(
        "SELECT * FROM cost.mart_cost_bridge WHERE basis = 'effective'"
    ).to_pylist()
    return {row["model_id"]: row for row in rows}


@pytest.mark.parametrize(
    ("model", "rate"), [("same", "0"), ("little", "0"), ("cut", "-6"), ("batch", "0")]
)
def test_cost_and_tokens_of_one_scope_have_a_rate(
    bridge: dict[str, dict[str, Any]], model: str, rate: str
) -> None:
    row = bridge[model]
    assert row["change_amount"] == change(model)
    assert row["rate_amount"] == Decimal(rate)
    assert row["purchase_mix_amount"] == 0
    assert (row["unknown_rate_cost"], row["other_amount"]) == (0, 0)


@pytest.mark.parametrize("model", ["regions", "uncounted"])
def test_costs_without_tokens_of_their_scope_have_no_rate(
    bridge: dict[str, dict[str, Any]], model: str
) -> None:
    row = bridge[model]
    assert row["rate_amount"] == 0
    assert row["unknown_rate_cost"] == row["cost"]
    assert row["other_amount"] == row["change_amount"] == change(model)
