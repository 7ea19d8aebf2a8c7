"""Real and upstream bills, from file to mart, against sums made apart.

The expected totals are added up here with Python's csv and decimal modules, row by
row; nothing of triptych takes part in them.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FOCUS = SHARED / "focus"
NISE = SHARED / "nise"
TEN_DECIMALS = Decimal("1e-10")

pytestmark = pytest.mark.skipif(
    not FOCUS.is_dir(), reason="the developer data is not beside this checkout"
)

FOCUS_FILES = (
    "fdt_consolidated_multi_provider_1_3.csv",
    "focus_1.0_sample_1000.csv",
    "focus_1_2_cost_and_usage_aws.csv",
    "focus_1_2_cost_and_usage_azure.csv",
    "focus_1_2_cost_and_usage_gcp.csv",
    "focus_1_3_cost_and_usage_aws.csv",
)


def _source_name(file: str) -> str:
    return file.removesuffix(".csv").replace(".", "-").replace("_", "-").lower()


def _run(root: Path, text: str) -> ChosenMarts:
    (root / "triptych.yml").write_text(text, encoding="utf-8")
    return ingest_and_build(
        root, "cost.mart_cost_waterfall", "core.mart_loads", "core.dim_models"
    )


def _focus_sums(path: Path, column: str) -> dict[tuple[str, str], Decimal]:
    """Sum a money column by month and currency with exact decimals."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            month = row["BillingPeriodStart"][:7]
            sums[month, row["BillingCurrency"]] += Decimal(row[column])
    return dict(sums)


def _ledger(
    snapshot: ChosenMarts, source: str, column: str
) -> dict[tuple[str, str], Decimal]:
    rows = snapshot.query(
        f"SELECT billing_month, currency, {column} FROM cost.mart_cost_waterfall"
        " WHERE step = 'ledger' AND source = ?",
        [source],
    ).to_pylist()
    return {(row["billing_month"], row["currency"]): row[column] for row in rows}


@pytest.fixture(scope="module")
def focus_snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    sources = "\n".join(
        f"  - {{name: {_source_name(file)}, type: focus_files, path: {FOCUS / file}}}"
        for file in FOCUS_FILES
    )
    return _run(
        tmp_path_factory.mktemp("focus"),
        f"organisation: Developer data\ncurrency: USD\nsources:\n{sources}\n",
    )


@pytest.mark.parametrize("file", FOCUS_FILES)
@pytest.mark.parametrize(
    ("column", "focus_column"),
    [("billed_cost", "BilledCost"), ("effective_cost", "EffectiveCost")],
)
def test_the_ledger_of_a_focus_file_equals_its_independent_sum_to_the_last_digit(
    focus_snapshot: ChosenMarts, file: str, column: str, focus_column: str
) -> None:
    expected = {
        key: amount.quantize(TEN_DECIMALS)
        for key, amount in _focus_sums(FOCUS / file, focus_column).items()
    }
    assert _ledger(focus_snapshot, _source_name(file), column) == expected


def test_no_line_item_of_the_developer_set_is_lost_or_quarantined(
    focus_snapshot: ChosenMarts,
) -> None:
    rows = focus_snapshot.query(
        "SELECT label, row_count, quarantined_row_count FROM core.mart_loads"
    ).to_pylist()
    counted = {
        Path(row["label"]).name: row["row_count"] + row["quarantined_row_count"]
        for row in rows
    }
    for file in FOCUS_FILES:
        with (FOCUS / file).open(encoding="utf-8-sig", newline="") as text:
            assert counted[file] == sum(1 for _ in csv.DictReader(text))


@pytest.mark.full
def test_a_folder_with_every_focus_version_counts_each_file_once(
    tmp_path: Path,
) -> None:
    """Versions 1.0, 1.2 and 1.3 stand in one folder, beside another dataset."""
    snapshot = _run(
        tmp_path,
        "organisation: Developer data\ncurrency: USD\nsources:\n"
        f"  - {{name: all, type: focus_files, path: '{FOCUS}/*.csv'}}\n",
    )
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for file in FOCUS_FILES:
        for key, amount in _focus_sums(FOCUS / file, "BilledCost").items():
            expected[key] += amount
    assert _ledger(snapshot, "all", "billed_cost") == {
        key: amount.quantize(TEN_DECIMALS) for key, amount in expected.items()
    }


def test_the_specifications_examples_load_with_their_quirks(tmp_path: Path) -> None:
    """Byte order marks, slashed dates, $10,000.00, null words, column subsets.

    By hand from the files: 48 + 120 + 60 + 972 for the agreement that is billed as
    it is used, 10,000.00 written with a dollar sign, and per token what two rows say.
    """
    examples = FOCUS / "spec_examples"
    snapshot = _run(
        tmp_path,
        "organisation: Developer data\ncurrency: USD\nsources:\n"
        "  - name: agreement\n    type: focus_files\n"
        f"    path: {examples}/v1.2_saas_spend_agreements_a1.csv\n"
        "    dates: month first\n"
        "  - name: dollars\n    type: focus_files\n"
        f"    path: {examples}/v1.2_simple_saas_agreements_a1.csv\n"
        "    dates: month first\n"
        "  - name: tokens\n    type: focus_files\n"
        f"    path: {examples}/ai_per_token_foundation_model_api.csv\n"
        "  - name: unused\n    type: focus_files\n"
        f"    path: {examples}/v1.2_zero_percent*.csv\n"
        "    defaults: {BillingCurrency: USD}\n",
    )
    assert _ledger(snapshot, "agreement", "billed_cost") == {
        ("2025-04", "USD"): Decimal(48),
        ("2025-05", "USD"): Decimal(120),
        ("2025-06", "USD"): Decimal(60),
        ("2026-03", "USD"): Decimal(972),
    }
    assert _ledger(snapshot, "dollars", "billed_cost") == {
        ("2025-04", "USD"): Decimal(10_000)
    }
    with (examples / "ai_per_token_foundation_model_api.csv").open() as file:
        billed = sum(Decimal(row["BilledCost"]) for row in csv.DictReader(file))
    assert sum(_ledger(snapshot, "tokens", "billed_cost").values()) == billed
    steps = snapshot.query(
        "SELECT step FROM cost.mart_cost_waterfall"
        " WHERE source = 'unused' AND effective_cost <> 0"
    ).to_pylist()
    assert {"step": "unused_commitment"} in steps


CUR_MAPPING = """
    mapping:
      line_item_unblended_cost: '"lineItem/UnblendedCost"'
      line_item_currency_code: '"lineItem/CurrencyCode"'
      bill_billing_period_start_date: '"bill/BillingPeriodStartDate"'
      line_item_usage_start_date: '"lineItem/UsageStartDate"'
      line_item_usage_end_date: '"lineItem/UsageEndDate"'
      line_item_line_item_type: '"lineItem/LineItemType"'
      line_item_product_code: '"lineItem/ProductCode"'
      line_item_resource_id: '"lineItem/ResourceId"'
      line_item_usage_account_id: '"lineItem/UsageAccountId"'
      line_item_operation: '"lineItem/Operation"'
      savings_plan_savings_plan_a_r_n: '"savingsPlan/SavingsPlanArn"'
      savings_plan_savings_plan_effective_cost: '"savingsPlan/SavingsPlanEffectiveCost"'
      savings_plan_total_commitment_to_date: '"savingsPlan/TotalCommitmentToDate"'
      savings_plan_used_commitment: '"savingsPlan/UsedCommitment"'
      reservation_effective_cost: '"reservation/EffectiveCost"'
      resource_tags: >-
        json_object('model', "resourceTags/user:model",
        'team', "resourceTags/user:team")
"""


def _generated(path: str) -> str:
    matches = sorted(NISE.glob(path))
    if not matches:
        pytest.skip(f"{path} is not among the developer data")
    return str(matches[0])


@pytest.mark.full
def test_a_legacy_aws_report_comes_in_by_mapping_and_amortises_to_its_unblended_cost(
    tmp_path: Path,
) -> None:
    """Known: unblended 7366.571612904; of the fee 480.00, 37.584 was left unused.

    The plan has no upfront payment, so amortised and unblended totals are equal; the
    report lacks the commitment columns, so unused is fee minus covered.
    """
    june = _generated("aws/bucket/billing/cur/20260601-20260701/*/June-2026-cur.csv.gz")
    july = _generated("aws/bucket/billing/cur/20260701-20260801/*/July-2026-cur.csv.gz")
    sources = "".join(
        f"  - name: {name}\n    type: tables\n    stream: aws_cur2\n"
        f"    path: {path}{CUR_MAPPING}"
        for name, path in (("june", june), ("july", july))
    )
    (tmp_path / "allocation.yml").write_text(
        "assignments:\n"
        '  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}\n'
    )
    snapshot = _run(
        tmp_path, f"organisation: Developer data\ncurrency: USD\nsources:\n{sources}"
    )
    totals = snapshot.query(
        "SELECT sum(billed_cost) AS billed, sum(effective_cost) AS effective"
        " FROM cost.mart_cost_waterfall WHERE step = 'ledger'"
    ).to_pylist()[0]
    assert totals == {
        "billed": Decimal("7366.571612904"),
        "effective": Decimal("7366.571612904"),
    }
    unused = snapshot.query(
        "SELECT sum(effective_cost) AS unused FROM cost.mart_cost_waterfall"
        " WHERE step = 'unused_commitment'"
    ).to_pylist()[0]
    assert unused == {"unused": Decimal("37.584")}
    models = snapshot.query("SELECT model_id FROM core.dim_models").to_pylist()
    assert {"model_id": "ranker-7b"} in models


@pytest.mark.full
def test_native_azure_cost_details_come_in_by_mapping(tmp_path: Path) -> None:
    """Known: 1.296929237341 USD in June, 1.567384264579 in July; ends are inclusive."""
    _generated("azure/container/exp/cost/*/*.csv")
    snapshot = _run(
        tmp_path,
        "organisation: Developer data\ncurrency: USD\nsources:\n"
        "  - name: azure\n    type: tables\n    stream: focus\n"
        f"    path: {NISE}/azure/container/exp/cost\n"
        "    mapping:\n"
        "      BilledCost: CostInBillingCurrency\n"
        "      EffectiveCost: CostInBillingCurrency\n"
        "      BillingPeriodStart: BillingPeriodStartDate\n"
        "      ChargePeriodStart: Date\n"
        '      ChargePeriodEnd: CAST("Date" AS DATE) + 1\n'
        "      ChargeCategory: ChargeType\n"
        "      ServiceName: MeterCategory\n"
        "    defaults: {ProviderName: Microsoft}\n",
    )
    assert _ledger(snapshot, "azure", "billed_cost") == {
        ("2026-06", "USD"): Decimal("1.296929237341").quantize(TEN_DECIMALS),
        ("2026-07", "USD"): Decimal("1.567384264579").quantize(TEN_DECIMALS),
    }


@pytest.mark.full
def test_a_google_export_file_nets_its_credits_and_shows_promotions_apart(
    tmp_path: Path,
) -> None:
    """Known: cost 736.32 EUR, 96 promotions of 0.55, net 683.52 EUR in June 2026."""
    path = _generated("gcp/bucket/*/202606.csv")
    snapshot = _run(
        tmp_path,
        "organisation: Developer data\ncurrency: EUR\nsources:\n"
        f"  - {{name: gcp, type: gcp_billing, path: {path}}}\n",
    )
    rows = snapshot.query(
        "SELECT step, billed_cost FROM cost.mart_cost_waterfall WHERE source = 'gcp'"
    ).to_pylist()
    steps = {row["step"]: row["billed_cost"] for row in rows}
    assert steps["ledger"] == Decimal("683.52")
    assert steps["credit"] == Decimal("-52.80")
