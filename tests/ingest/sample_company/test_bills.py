"""The written bills, read with DuckDB alone: totals, money rules, mess on purpose."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from pathlib import Path

Files = duckdb.DuckDBPyConnection

_TOTALS = {
    source: f"""
        SELECT strftime(CAST(BillingPeriodStart AS TIMESTAMP), '%Y-%m'),
            BillingCurrency, count(*), sum(BilledCost), sum(EffectiveCost)
        FROM {source} GROUP BY ALL"""
    for source in ("aws", "tidewater")
}
_TOTALS["gcp"] = (
    "SELECT month, currency, count(*), sum(net), sum(net) FROM gcp GROUP BY ALL"
)


@pytest.fixture(scope="module", autouse=True)
def _read_once(files: Files) -> None:
    """Unpack and parse the bills that are text once for all questions to them."""
    for bill in ("tidewater", "google"):
        files.execute(f"ALTER VIEW {bill} RENAME TO {bill}_text")
        files.execute(f"CREATE TABLE {bill} AS FROM {bill}_text")


@pytest.mark.parametrize("source", ["aws", "gcp", "tidewater"])
def test_files_add_up_to_the_planted_ledger_to_the_last_digit(
    files: Files, truth: dict[str, Any], source: str
) -> None:
    found = {
        (month, currency): (count, billed, effective)
        for month, currency, count, billed, effective in files.execute(
            _TOTALS[source]
        ).fetchall()
    }
    planted = {
        (month, currency): (
            total["line_items"],
            Decimal(total["billed_cost"]),
            Decimal(total["effective_cost"]),
        )
        for month, by_currency in truth["ledger"][source].items()
        for currency, total in by_currency.items()
    }
    assert found == planted


def test_one_row_of_each_bill_cannot_be_read(files: Files) -> None:
    [hostile] = files.execute(
        "SELECT BillingCurrency FROM delivered"
        " WHERE BillingCurrency NOT IN ('USD', 'EUR')"
    ).fetchall()
    assert hostile == ("EUX",)
    [broken] = files.execute(
        "SELECT cost FROM google WHERE try_cast(cost AS DOUBLE) IS NULL"
    ).fetchall()
    assert broken == ("not yet known",)
    [text] = files.execute(
        "SELECT BilledCost FROM read_csv('bills/hybrid/*.csv.gz', all_varchar = true)"
        " WHERE try_cast(BilledCost AS DOUBLE) IS NULL"
    ).fetchall()
    assert text == ("twelve",)


def count(files: Files, source: str, condition: str) -> int:
    """Return how many rows of a FOCUS bill meet a condition."""
    row = files.execute(f"SELECT count(*) FROM {source} WHERE {condition}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("source", ["aws", "tidewater"])
@pytest.mark.parametrize(
    "violation",
    [
        pytest.param(
            "ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL"
            " AND EffectiveCost <> 0",
            id="M2-purchase",
        ),
        pytest.param(
            "CommitmentDiscountStatus IS NOT NULL AND BilledCost <> 0", id="M2-covered"
        ),
        pytest.param(
            "ChargeCategory IN ('Usage', 'Purchase') AND CommitmentDiscountId IS NULL"
            " AND BilledCost <> EffectiveCost",
            id="M4",
        ),
        pytest.param(
            "abs(CAST(ListCost AS DOUBLE) - CAST(ListUnitPrice AS DOUBLE)"
            " * CAST(PricingQuantity AS DOUBLE))"
            " > 1e-9 * greatest(abs(CAST(ListCost AS DOUBLE)), 1)",
            id="M6-list",
        ),
        pytest.param(
            "abs(CAST(ContractedCost AS DOUBLE) - CAST(ContractedUnitPrice AS DOUBLE)"
            " * CAST(PricingQuantity AS DOUBLE))"
            " > 1e-9 * greatest(abs(CAST(ContractedCost AS DOUBLE)), 1)",
            id="M6-contracted",
        ),
        pytest.param(
            "(ConsumedQuantity IS NOT NULL OR ConsumedUnit IS NOT NULL) AND"
            " (ChargeCategory <> 'Usage' OR CommitmentDiscountStatus = 'Unused')",
            id="M7",
        ),
        pytest.param(
            "ChargeCategory IN ('Tax', 'Credit') AND BilledCost <> EffectiveCost",
            id="M9",
        ),
        pytest.param("ChargePeriodStart >= ChargePeriodEnd", id="S1"),
    ],
)
def test_money_rules_hold(files: Files, source: str, violation: str) -> None:
    assert count(files, source, "true") > 1_000
    assert count(files, source, violation) == 0


def test_the_commitment_is_used_up_exactly_over_its_whole_term(files: Files) -> None:
    [(months, bought, accrued, unused)] = files.execute(
        """
        SELECT count(DISTINCT BillingPeriodStart),
            sum(BilledCost) FILTER (ChargeCategory = 'Purchase'),
            sum(EffectiveCost) FILTER (CommitmentDiscountStatus IS NOT NULL),
            sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Unused')
        FROM aws WHERE CommitmentDiscountId IS NOT NULL
        """
    ).fetchall()
    assert months == 12
    assert bought == accrued == Decimal(7_500 * 12)
    assert Decimal(20_000) < unused < Decimal(60_000)


def test_aws_bills_in_dollars_until_the_currency_changes(files: Files) -> None:
    rows = files.execute(
        """
        SELECT BillingCurrency, InvoiceIssuerName, count(DISTINCT BillingAccountId),
            count(DISTINCT BillingPeriodStart), min(BillingPeriodStart)::DATE::VARCHAR
        FROM aws GROUP BY ALL ORDER BY 5
        """
    ).fetchall()
    assert rows == [
        ("USD", "Amazon Web Services, Inc.", 1, 4, "2025-05-01"),
        ("EUR", "Amazon Web Services EMEA SARL", 1, 14, "2025-09-01"),
    ]


def test_what_comes_late_keeps_its_charge_period(files: Files) -> None:
    rows = files.execute(
        """
        SELECT ChargeCategory, ChargeClass, strftime(BillingPeriodStart, '%Y-%m'),
            strftime(min(ChargePeriodStart), '%Y-%m'), sum(BilledCost)
        FROM aws WHERE ChargePeriodStart < BillingPeriodStart
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    assert rows == [
        ("Credit", None, "2025-12", "2025-10", Decimal(-1_500)),
        ("Usage", "Correction", "2025-12", "2025-10", Decimal(-840)),
    ]


def test_account_ids_keep_their_leading_zero(files: Files) -> None:
    rows = files.execute("SELECT DISTINCT SubAccountId[1] FROM aws").fetchall()
    assert rows == [("0",)]


def test_manifests_name_only_whole_files_of_the_current_execution(
    company: Path,
) -> None:
    base = company / "bills" / "aws" / "exports" / "focus"
    manifests = sorted(base.glob("metadata/BILLING_PERIOD=*/focus-Manifest.json"))
    assert len(manifests) == 18
    named = set()
    for path in manifests:
        content = json.loads(path.read_text(encoding="utf-8"))
        columns = {column["name"] for column in content["columns"]}
        assert {"BilledCost", "InvoiceId", "Tags", "SkuPriceDetails"} <= columns
        for uri in content["dataFiles"]:
            assert uri.startswith("s3://nordhafen-billing/exports/focus/data/")
            assert path.parent.name in uri
            named.add(base / uri.split("/exports/focus/", 1)[1])
    assert all(path.stat().st_size > 0 for path in named)
    left_behind = set(base.glob("data/**/*.parquet")) - named
    sizes = sorted(path.stat().st_size > 0 for path in left_behind)
    assert sizes == [False, True, True]  # one blanked chunk, two old executions


def test_the_untagged_and_the_wrongly_tagged_are_there(files: Files) -> None:
    assert count(files, "aws", "cardinality(Tags) = 0 AND ResourceId IS NOT NULL") > 100
    renamed = "Tags['ml_model'] IS NOT NULL AND ChargePeriodStart >= '2025-11-01'"
    assert count(files, "aws", renamed) > 0
    assert count(files, "aws", "Tags['ml_model'] = 'pm_vision'") > 0


def test_google_credits_are_negative_and_of_several_types(files: Files) -> None:
    rows = dict(
        files.execute(
            """
            SELECT credit.type, sum(credit.amount)
            FROM (SELECT unnest(credits) AS credit FROM gcp) GROUP BY ALL
            """
        ).fetchall()
    )
    assert set(rows) == {
        "SUSTAINED_USAGE_DISCOUNT",
        "COMMITTED_USAGE_DISCOUNT",
        "PROMOTION",
    }
    assert all(amount < 0 for amount in rows.values())


def test_google_rows_have_every_cost_type_and_cross_the_edges_of_months(
    files: Files,
) -> None:
    kinds = {
        kind
        for (kind,) in files.execute("SELECT DISTINCT cost_type FROM gcp").fetchall()
    }
    assert kinds == {"regular", "tax", "rounding_error"}
    rows = files.execute(
        """
        SELECT sign(datediff('month', CAST(month || '-01' AS DATE),
            CAST(usage_start_time AS DATE))), count(*)
        FROM gcp GROUP BY ALL
        """
    ).fetchall()
    assert {side for side, _ in rows} == {-1, 0, 1}


def test_the_price_of_a_token_survives_the_change_of_its_unit(files: Files) -> None:
    rows = files.execute(
        """
        SELECT usage.pricing_unit, max(month),
            sum(CAST(cost AS DOUBLE)) / sum(usage.amount) * 1e6
        FROM gcp WHERE sku.description = 'Text output tokens'
        GROUP BY ALL ORDER BY 2
        """
    ).fetchall()
    assert [unit for unit, _, _ in rows] == ["1000 tokens", "1000000 tokens"]
    assert [price for _, _, price in rows] == pytest.approx([9.6, 9.6], rel=1e-6)


def test_one_invoice_was_never_entered_and_the_others_match_the_bill(
    files: Files, truth: dict[str, Any]
) -> None:
    entered = {
        (issuer, month): Decimal(amount)
        for issuer, month, amount in files.execute(
            """
            SELECT invoice_issuer_name, billing_period_start[1:7], invoiced_amount
            FROM read_csv('meters/invoices.csv', all_varchar = true)
            WHERE try_cast(invoiced_amount AS DECIMAL(18, 2)) IS NOT NULL
            """
        ).fetchall()
    }
    source_of = {
        "Google Cloud": "gcp",
        "Tidewater GPU Cloud GmbH": "tidewater",
        "OpenAI": "openai",
        "Anthropic": "anthropic",
    }
    ledger = truth["ledger"]
    for (issuer, month), amount in entered.items():
        [total] = ledger[source_of.get(issuer, "aws")][month].values()
        assert abs(amount - Decimal(total["billed_cost"])) <= Decimal("0.005")
    missing = truth["missing_invoice"]["billing_month"]
    assert ("Google Cloud", missing) not in entered
    # Railway's own API has its invoices.
    by_hand = {
        source: months for source, months in ledger.items() if source != "railway"
    }
    assert len(entered) == sum(len(months) for months in by_hand.values()) - 1
