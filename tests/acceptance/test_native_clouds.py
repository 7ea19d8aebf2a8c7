"""Bills as clouds write them, each through its own connector, against sums made apart.

The expected totals are added up here with Python's csv and decimal modules, row by
row; nothing of triptych takes part in them.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chosen_marts import ChosenMarts, ingest_and_build
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NISE = SHARED / "nise"
SAMPLE = SHARED / "focus" / "focus_1.0_sample_1000.csv"
TEN_DECIMALS = Decimal("1e-10")

pytestmark = pytest.mark.skipif(
    not NISE.is_dir(), reason="the developer data is not beside this checkout"
)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    """Return the marts that are made of all of them."""
    root = tmp_path_factory.mktemp("native")
    reports = root / "oracle" / "FOCUS Reports" / "2024" / "10" / "01"
    reports.mkdir(parents=True)
    with SAMPLE.open(newline="") as file:
        lines = list(csv.reader(file))
    provider = lines[0].index("ProviderName")
    rows = [row for row in lines[1:] if row[provider] == "Oracle"]
    with gzip.open(reports / "a.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([lines[0], *rows])
    (root / "triptych.yml").write_text(
        "organisation: Developer data\ncurrency: USD\nsources:\n"
        "  - name: aws\n    type: aws_cur_legacy\n"
        f"    path: {NISE}/aws/bucket\n    prefix: billing\n    report: cur\n"
        "  - name: azure\n    type: azure_focus\n"
        f"    path: {NISE}/azure/container\n    prefix: exp\n    export: cost\n"
        "  - {name: oracle, type: oci_focus, path: oracle}\n"
    )
    (root / "allocation.yml").write_text(
        yaml.safe_dump({"assignments": rules_of_a_new_workspace(root / "new")})
    )
    return ingest_and_build(
        root, "cost.mart_cost_waterfall", "cost.fct_daily_model_costs"
    )


def rules_of_a_new_workspace(folder: Path) -> Any:
    """Return the rules that ``triptych init`` writes: the tag of a model, no more."""
    text = (initialise(folder).root / "allocation.yml").read_text("utf-8")
    return yaml.safe_load(text)["assignments"]


def _rows(pattern: str) -> Iterator[dict[str, str]]:
    for path in sorted(NISE.glob(pattern)):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)


def _sums(pattern: str, month: str, amount: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in _rows(pattern):
        sums[row[month][:7]] += Decimal(row[amount])
    return {key: value.quantize(TEN_DECIMALS) for key, value in sums.items()}


def _steps(
    snapshot: ChosenMarts, source: str, step: str
) -> dict[str, tuple[Decimal, ...]]:
    rows = snapshot.query(
        "SELECT billing_month, billed_cost, effective_cost"
        " FROM cost.mart_cost_waterfall WHERE source = ? AND step = ?",
        [source, step],
    ).to_pylist()
    return {
        row["billing_month"]: (row["billed_cost"], row["effective_cost"])
        for row in rows
    }


def test_a_legacy_aws_report_amortises_to_its_unblended_cost(
    snapshot: ChosenMarts,
) -> None:
    """No upfront payment: amortised equals unblended; of the fee 37.584 was unused."""
    pattern = "aws/bucket/billing/cur/*/*/*.csv.gz"
    expected = _sums(pattern, "bill/BillingPeriodStartDate", "lineItem/UnblendedCost")
    assert sum(expected.values()) == Decimal("7366.571612904")
    ledger = _steps(snapshot, "aws", "ledger")
    assert ledger == {month: (cost, cost) for month, cost in expected.items()}
    covered = fee = Decimal(0)
    for row in _rows(pattern):
        if row["lineItem/LineItemType"] == "SavingsPlanRecurringFee":
            fee += Decimal(row["lineItem/UnblendedCost"])
        if row["lineItem/LineItemType"] == "SavingsPlanCoveredUsage":
            covered += Decimal(row["savingsPlan/SavingsPlanEffectiveCost"])
    unused = _steps(snapshot, "aws", "unused_commitment")
    assert sum(effective for _, effective in unused.values()) == fee - covered
    assert fee - covered == Decimal("37.584")


def test_native_azure_cost_details_equal_their_files(snapshot: ChosenMarts) -> None:
    expected = _sums(
        "azure/container/exp/cost/*/*.csv",
        "BillingPeriodStartDate",
        "CostInBillingCurrency",
    )
    ledger = _steps(snapshot, "azure", "ledger")
    assert ledger == {month: (cost, cost) for month, cost in expected.items()}


def test_tags_of_both_clouds_reach_their_models(snapshot: ChosenMarts) -> None:
    """By the rule of a new workspace: a report calls the tag ``user:model``."""
    for source, model, pattern, tag, amount in (
        (
            "aws",
            "ranker-7b",
            "aws/bucket/billing/cur/*/*/*.csv.gz",
            "resourceTags/user:model",
            "lineItem/UnblendedCost",
        ),
        (
            "azure",
            "chat-70b",
            "azure/container/exp/cost/*/*.csv",
            "Tags",
            "CostInBillingCurrency",
        ),
    ):
        expected = Decimal(0)
        for row in _rows(pattern):
            if model in row[tag]:
                assert row.get("lineItem/LineItemType", "Usage") == "Usage"
                expected += Decimal(row[amount])
        assert expected
        [found] = snapshot.query(
            "SELECT sum(billed_cost) AS cost FROM cost.fct_daily_model_costs"
            " WHERE source = ? AND model_id = ? AND component = 'direct'",
            [source, model],
        ).to_pylist()
        assert found["cost"] == expected.quantize(TEN_DECIMALS)


def test_oracles_report_equals_its_rows(snapshot: ChosenMarts) -> None:
    with SAMPLE.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["ProviderName"] == "Oracle"]
    billed = sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))
    billed = billed.quantize(TEN_DECIMALS)
    assert sum(b for b, _ in _steps(snapshot, "oracle", "ledger").values()) == billed
