"""Every figure says where it comes from, and the evidence gives it again.

The amounts were added up by hand; see ``explained_case``.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.e2e.cases.explained_case import (
    CHARGES,
    charge,
    copy_of_explained_company,
    explain,
    explained,
    run,
    write_bill,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

LEDGER = "cost.mart_cost_waterfall/effective_cost?billing_month=2026-03&step=ledger"
COSTS = "cost.fct_daily_model_costs"
DIRECT = f"{COSTS}/effective_cost?billing_month=2026-03&model_id=eta&component=direct"
SHARED = f"{COSTS}/effective_cost?billing_month=2026-03&model_id=eta&component=shared"
POOL = "cost.fct_daily_pool_costs/pool_billed_cost?billing_month=2026-03&pool_id=gpu"
UNIT = (
    "cost.mart_model_unit_costs/cost_per_thousand_requests?billing_month=2026-03"
    "&model_id=eta&currency=EUR"
)
DOLLARS = f"{COSTS}/effective_cost?charge_date=2026-03-06&model_id=eta&component=direct"
APRIL = f"{COSTS}/billed_cost?billing_month=2026-04&currency=EUR"


@pytest.fixture(scope="module")
def root(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    return copy_of_explained_company(built_workspaces, folder / "workspace")


@pytest.mark.parametrize(
    ("figure", "value", "method", "item_count"),
    [
        (LEDGER, "212.0000000000", "line items", 6),
        (DIRECT, "98.0000000000", "line items", 3),
        (
            f"{COSTS}/billed_cost?billing_month=2026-03",
            "232.0000000000",
            "line items",
            6,
        ),
        (POOL, "100.0000000000", "line items", 1),
        # 40 and USD 10 at 0.80.
        (DOLLARS, "48.0000000000", "line items", 2),
        (SHARED, "67.5000000000", "models run again", None),
        # One of two days is metered: its 50, and half of 67.5 that come once.
        (UNIT, 41.875, "models run again", None),
        (
            "cost.mart_exchange_rates/rate?billing_month=2026-03&from_currency=USD",
            "0.800000000000000000",
            "models run again",
            None,
        ),
    ],
)
def test_the_evidence_gives_the_figure_that_was_added_up_by_hand(
    root: Path, figure: str, value: object, method: str, item_count: int | None
) -> None:
    told = explained(root, figure)
    again = told["rederivation"]
    assert told["value"] == again["value"] == value
    assert again["verdict"] == "equal to the last digit"
    assert (again["method"], again["line_item_count"]) == (method, item_count)


def test_a_unit_cost_is_derived_above_and_below_its_line(root: Path) -> None:
    parts = {one["name"]: one for one in explained(root, UNIT)["rederivation"]["parts"]}
    assert {
        name: (one["published"], one["rederived"], one["share_of"])
        for name, one in parts.items()
    } == {
        "numerator request_metered_cost": ("83.7500000000", "83.7500000000", None),
        "denominator requests": ("2000.0000000000", "2000.0000000000", None),
        "direct": ("98.0000000000", "98.0000000000", None),
        "pool gpu by its 1 line items": ("90.0000000000", "90.0000000000", None),
        "shared of pool gpu": ("67.5000000000", "67.5000000000", "90.0000000000"),
    }
    assert all(one["is_equal"] for one in parts.values())


def test_parts_of_a_cost_of_all_models_leave_out_what_no_model_has(root: Path) -> None:
    mart = "cost.mart_model_unit_costs"
    whole = explained(root, f"{mart}/fully_loaded_cost?currency=EUR")["rederivation"]
    parts = {part["name"]: part for part in whole["parts"]}
    assert parts["direct"]["is_equal"]
    of_models = explained(root, f"{mart}/direct_cost?currency=EUR")["value"]
    assert parts["direct"]["published"] == of_models


def test_a_figure_says_all_that_it_is_made_of(root: Path) -> None:
    told = explained(root, DOLLARS)
    assert (told["unit"], told["basis"]) == ("EUR", "effective (amortised)")
    assert told["formula"].startswith("Sum of the effective cost of the line items")
    assert (told["mart"], told["row_count"]) == (COSTS, 1)
    [rate] = told["exchange_rates"]
    assert (rate["from_currency"], float(rate["rate"]), rate["rate_source"]) == (
        *("USD", 0.8, "rates"),
    )
    loads = {one["source"]: one for one in told["loads"]}
    assert {name: one["row_count"] for name, one in loads.items()} == {
        "acme": 8,
        "rates": 1,
        "usage": 2,
    }
    assert loads["acme"]["label"] == "bills/acme.csv"
    assert all(len(one["checksums"][0]) == 64 for one in loads.values())
    assert told["files"] == {"checked_count": 3, "unknown_count": 0, "changed": []}
    assert told["nodes"][0] == COSTS
    assert "staging.stg_focus__charges" in told["nodes"]
    live = "dbt_project/models/intermediate/costs/int_daily_model_costs_live.sql:"
    assert told["sql"].startswith(live)
    assert [one["name"] for one in told["versions"]] == [
        "rules (allocation.yml)",
        "catalogue (catalog.yml)",
        "settings (triptych.yml)",
        "studies (studies/*.yml)",
        "register (assumptions.yml)",
        "models (SQL of the run)",
        "inputs (loads, settings, rules, locks, studies, models)",
    ]


def test_a_month_without_a_rate_says_at_least(root: Path) -> None:
    code, told = explain(root, APRIL)
    assert code == 0
    assert "  at least 7.0000000000 EUR\n" in told
    assert "acme lacks exchange rate GBP to EUR for 2026-04" in told
    assert "2026-04 GBP to EUR: no rate" in told
    pounds = explained(root, APRIL.replace("EUR", "GBP"))
    assert pounds["value"] == pounds["rederivation"]["value"] == "3.0000000000"


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (
            "cost.mart_cost_waterfal/billed_cost",
            "Did you mean cost.mart_cost_waterfall",
        ),
        (LEDGER.replace("effective", "effected"), "Did you mean effective_cost"),
        (LEDGER.replace("ledger", "leger"), "Did you mean ledger?"),
        (DIRECT.replace("eta", "etta"), "There is no value 'etta'. Did you mean eta"),
        (f"{COSTS}/model_id", "model_id holds no number."),
        (
            LEDGER.replace("&step=ledger", ""),
            "Rows of another step hold the same money",
        ),
        (f"{COSTS}/billed_cost?billing_month=2026-04", "Its rows are in EUR and GBP."),
        (
            "cost.mart_model_unit_costs/gpu_cost_per_gpu_hour?billing_month=2026-03",
            "rows of it do not add up",
        ),
        ("ledger", "is no figure"),
    ],
)
def test_what_is_no_figure_is_refused_in_words(
    root: Path, figure: str, told: str
) -> None:
    code, output = explain(root, figure)
    assert code == 2
    assert told in output


def test_what_can_be_explained_is_listed(root: Path) -> None:
    code, output = explain(root, "--list", "cost.mart_cost", "--json")
    assert code == 0
    listed = {f"{one['mart']}/{one['column']}" for one in json.loads(output)}
    assert "cost.mart_cost_waterfall/billed_cost" in listed
    assert "cost.mart_cost_waterfall/step" not in listed
    assert not [one for one in listed if one.startswith("cost.fct")]


def copied(root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(root, tmp_path / "copy")


def tamper(root: Path, stream: str, column: str, was: Any, now: Any) -> str:
    """Change one value in the lake's file of a stream; return the file's name."""
    [file] = (root / "lake" / stream).rglob("*.parquet")
    table = pq.read_table(file)
    position = table.column_names.index(column)
    values = table[column]
    changed = pc.if_else(
        pc.equal(values, pa.scalar(was, values.type)),
        pa.scalar(now, values.type),
        values,
    )
    assert not changed.equals(values)
    pq.write_table(table.set_column(position, column, changed), file)
    return file.relative_to(root).as_posix()


def test_a_changed_file_of_the_lake_is_found_by_checksum_and_by_amount(
    root: Path, tmp_path: Path
) -> None:
    copy = copied(root, tmp_path)
    [file] = (copy / "lake" / "focus").rglob("*.parquet")
    amount = pq.read_table(file)["EffectiveCost"].to_pylist()[1]
    name = tamper(copy, "focus", "EffectiveCost", amount, amount + 1)
    code, told = explain(copy, DIRECT)
    assert code == 1
    assert f"{name} was changed" in told
    assert "different: published less re-derived is -1.0000000000" in told


def test_a_changed_meter_is_found_in_what_it_divides(
    root: Path, tmp_path: Path
) -> None:
    copy = copied(root, tmp_path)
    [file] = (copy / "lake" / "model_usage").rglob("*.parquet")
    hours = pq.read_table(file)["gpu_hours"].to_pylist()[0]
    tamper(copy, "model_usage", "gpu_hours", hours, hours - 2)
    # One of two GPU hours instead of three of four: 45.00 of 90.00.
    code, told = explain(copy, SHARED)
    assert code == 1
    assert "re-derived from models run again: 45.0000000000" in told
    assert "pool gpu by its 1 line items: 90.0000000000, equal" in told


def test_a_missing_file_is_told_and_the_figure_is_not_called_equal(
    root: Path, tmp_path: Path
) -> None:
    copy = copied(root, tmp_path)
    [file] = (copy / "lake" / "focus").rglob("*.parquet")
    file.unlink()
    code, told = explain(copy, SHARED)
    assert code == 1
    assert "cannot be read" in told
    assert "equal to the last digit" not in told


@pytest.mark.full  # one more run; fast has only that a restated file moves the figures
def test_a_replaced_delivery_is_no_longer_behind_the_figure(
    root: Path, tmp_path: Path
) -> None:
    copy = copied(root, tmp_path)
    before = explained(copy, DIRECT)
    write_bill(copy, (*CHARGES, charge("1.00,1.00", 7, model="eta")))
    run(copy)
    told = explained(copy, DIRECT)
    assert told["value"] == told["rederivation"]["value"] == "99.0000000000"
    assert told["rederivation"]["line_item_count"] == 4
    loads = [one for one in told["loads"] if one["source"] == "acme"]
    assert [one["row_count"] for one in loads] == [9]
    assert loads[0]["load_id"] not in {one["load_id"] for one in before["loads"]}
    # What was delivered changed, and with it the inputs; no rule and no model did.
    assert told["versions"][:-1] == before["versions"][:-1]
    assert told["versions"][-1]["name"].startswith("inputs (loads, ")
    assert told["versions"][-1] != before["versions"][-1]
    # Only March was built anew, and both months are still derived.
    assert explained(copy, APRIL)["rederivation"]["is_equal"]
    assert explained(copy, SHARED)["rederivation"]["is_equal"]
