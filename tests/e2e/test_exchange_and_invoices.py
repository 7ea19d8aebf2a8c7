"""From files to published tables: exchange as a line, and what was invoiced."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.layouts.ecb_rates_layout import history_zip
from tests.ingest.servers.http_server import Answer, ScriptedServer
from tests.ingest.servers.loopback_s3 import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ingest.servers.http_server import Request

#: What is asked here.
MARTS = (
    *("core.mart_month_completeness", "core.mart_quarantine_reasons"),
    *("cost.mart_cost_waterfall", "cost.mart_exchange_rates", "cost.mart_invoices"),
)
SETTINGS = """\
organisation: Example GmbH
currency: EUR
sources:
  - name: aws
    type: aws_invoices
    account: "000123456789"
    start_date: 2026-01-01
    endpoint_url: URL
  - name: azure
    type: azure_invoices
    billing_account: "12345678"
    start_date: 2026-01-01
    base_url: URL
  - {name: bills, type: focus_files, path: bills}
  - {name: ecb, type: ecb_rates, path: eurofxref-hist.zip}
  - {name: treasury, type: tables, stream: fx_rates, path: rates.csv}
  - {name: register, type: tables, stream: invoices, path: invoices}
"""
BILLS = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory\n"
)
#: USD 100.00 in each of three months, EUR 7.00, and GBP 3.00 for which no rate comes.
CHARGES = (
    *("100.00,80.00,USD,2026-01-01,2026-01-05,2026-01-06,Usage\n",),
    *("100.00,80.00,USD,2026-02-01,2026-02-05,2026-02-06,Usage\n",),
    *("100.00,80.00,USD,2026-03-01,2026-03-05,2026-03-06,Usage\n",),
    *("7.00,7.00,EUR,2026-02-01,2026-02-05,2026-02-06,Usage\n",),
    *("3.00,3.00,GBP,2026-02-01,2026-02-05,2026-02-06,Usage\n",),
)
#: January averages 1.25 dollars a euro: 0.80; March is at 1.60: 0.625.
RATES = {
    "2026-01-02": {"USD": "1.20"},
    "2026-01-30": {"USD": "1.30"},
    "2026-02-02": {"USD": "1.50"},
    "2026-03-02": {"USD": "1.60"},
}
#: February is typed in, and beats 1 / 1.50.
TYPED = "date,base,quote,rate\n2026-02-27,USD,EUR,0.75\n"
INVOICES = (
    "invoice,issuer,billing_month,currency,amount,tax,kind,invoice_line_id,status,"
    "corrected_invoice_id\n"
    "A-1,Acme,2026-02,USD,60.00,,charge,1,paid,\n"
    "A-1,Acme,2026-02,USD,40.00,,charge,2,paid,\n"
    "A-1,Acme,2026-02,USD,19.00,,tax,3,paid,\n"
    "A-2,Acme,2026-02,USD,-11.90,-1.90,charge,1,paid,A-1\n"
    "A-3,Acme,2026-02,USD,ten,,charge,1,paid,\n"
    "A-4,Acme,2026-02,USD,10.00,one,charge,1,paid,\n"
    "A-5,Acme,2026-02,USD,10.00,,freight,1,paid,\n"
)


#: What AWS and Azure say of February: 10.50 and 2.00 of tax, and 8.53 after a credit.
AWS_INVOICE = {
    "InvoiceId": "EUINDE26-1",
    "InvoiceType": "INVOICE",
    "Entity": {"InvoicingEntity": "Amazon Web Services EMEA SARL"},
    "BaseCurrencyAmount": {
        "TotalAmount": "12.50",
        "TotalAmountBeforeTax": "10.50",
        "CurrencyCode": "USD",
    },
}
AZURE_INVOICE = {
    "name": "G1",
    "properties": {
        "documentType": "Invoice",
        "status": "Paid",
        "invoicePeriodStartDate": "2026-02-01T00:00:00Z",
        "totalAmount": {"currency": "EUR", "value": 8.53},
        "azurePrepaymentApplied": {"currency": "EUR", "value": 25.46},
    },
}


def aws_answer(request: Request) -> Answer:
    asked = request.json()["Filter"]["BillingPeriod"]
    is_february = asked == {"Month": 2, "Year": 2026}
    return Answer({"InvoiceSummaries": [AWS_INVOICE] if is_february else []})


@pytest.fixture(scope="module")
def vendors() -> Iterator[str]:
    """Serve the invoices of two vendors, as their APIs do."""
    with ScriptedServer() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AZURE_MANAGEMENT_TOKEN", "made-up-management-token")
        azure = {"value": [AZURE_INVOICE]}
        server.route("POST", "/", aws_answer)
        server.route("GET", "/providers/Microsoft.Billing/*", lambda _: Answer(azure))
        yield server.url


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, vendors: str) -> Path:
    root = tmp_path_factory.mktemp("exchange")
    (root / "bills").mkdir()
    (root / "bills" / "all.csv").write_text(BILLS + "".join(CHARGES))
    (root / "eurofxref-hist.zip").write_bytes(history_zip(RATES))
    (root / "rates.csv").write_text(TYPED)
    settings = (
        SETTINGS.replace("URL", vendors).rstrip("}\n")
        + ",\n     mapping: {tax_amount: tax,"
    )
    (root / "triptych.yml").write_text(settings + " line_type: kind}}\n")
    (root / "invoices").mkdir()
    (root / "invoices" / "acme.csv").write_text(INVOICES)
    duckdb.connect().execute(
        "COPY (SELECT 'B-9' AS InvoiceId, 'Best' AS InvoiceIssuerName,"
        " TIMESTAMP '2026-03-01' AS BillingPeriodStart, 'EUR' AS BillingCurrency,"
        " unnest([10.05, 0.95]::DECIMAL(9, 2)[]) AS BilledCost,"
        " NULL::VARCHAR AS kind, NULL::DECIMAL(9, 2) AS tax, 'draft' AS status)"
        f" TO '{root}/invoices/best.parquet' (FORMAT parquet)"
    )
    return root


@pytest.fixture(scope="module")
def marts(root: Path) -> ChosenMarts:
    return ingest_and_build(root, *MARTS)


def asked(marts: ChosenMarts, sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = marts.query(sql).to_pylist()
    return rows


def test_each_month_is_converted_at_its_own_rate_and_exchange_is_a_line(
    marts: ChosenMarts,
) -> None:
    lines = asked(
        marts,
        "SELECT billing_month AS month, rate, rate_source AS source, rate_rule AS rule,"
        " rate_derivation AS derivation, day_count AS days, unconverted_billed_cost,"
        " billed_cost, effective_cost, exchange_effect_billed_cost AS effect"
        " FROM cost.mart_exchange_rates WHERE from_currency = 'USD' ORDER BY ALL",
    )
    assert [
        (line["month"], line["source"], line["rule"], line["derivation"], line["days"])
        for line in lines
    ] == [
        ("2026-01", "ecb", "month_average", "inverse", 2),
        ("2026-02", "treasury", "typed_in", "direct", 1),
        ("2026-03", "ecb", "month_average", "inverse", 1),
    ]
    assert [
        (line["rate"], line["billed_cost"], line["effective_cost"], line["effect"])
        for line in lines
    ] == [
        (Decimal("0.8"), Decimal(80), Decimal(64), None),
        (Decimal("0.75"), Decimal(75), Decimal(60), Decimal(-5)),
        (Decimal("0.625"), Decimal("62.5"), Decimal(50), Decimal("-12.5")),
    ]


def test_what_has_no_rate_keeps_its_currency_and_the_month_says_so(
    marts: ChosenMarts,
) -> None:
    ledger = asked(
        marts,
        "SELECT currency, billed_cost FROM cost.mart_cost_waterfall"
        " WHERE billing_month = '2026-02' AND step = 'ledger' ORDER BY currency",
    )
    assert ledger == [
        {"currency": "EUR", "billed_cost": Decimal(82)},
        {"currency": "GBP", "billed_cost": Decimal(3)},
    ]
    [pounds] = asked(
        marts,
        "SELECT rate, unconverted_billed_cost AS billed, billed_cost"
        " FROM cost.mart_exchange_rates WHERE from_currency = 'GBP'",
    )
    assert pounds == {"rate": None, "billed": Decimal(3), "billed_cost": None}
    missing = asked(marts, "SELECT missing FROM core.mart_month_completeness")
    assert {"missing": "exchange rate GBP to EUR for 2026-02"} in missing


def test_invoices_are_summed_with_tax_and_credit_notes_in_their_own_currency(
    marts: ChosenMarts,
) -> None:
    invoices = asked(
        marts,
        "SELECT invoice_issuer_name AS issuer, invoice_id AS id, currency,"
        " billing_month AS month, invoiced_amount AS invoiced, tax_amount AS tax,"
        " status, is_final, is_credit_note, corrected_invoice_id, line_count"
        " FROM cost.mart_invoices ORDER BY ALL",
    )
    assert [tuple(invoice.values()) for invoice in invoices] == [
        (
            *("Acme", "A-1", "USD", "2026-02", Decimal(119), Decimal(19)),
            *("paid", True, False, None, 3),
        ),
        (
            *("Acme", "A-2", "USD", "2026-02", Decimal("-11.9"), Decimal("-1.9")),
            *("paid", True, True, "A-1", 1),
        ),
        (
            *("Amazon Web Services EMEA SARL", "EUINDE26-1", "USD", "2026-02"),
            *(Decimal("12.5"), Decimal(2), "issued", True, False, None, 1),
        ),
        (
            *("Best", "B-9", "EUR", "2026-03", Decimal(11), None),
            *("draft", False, False, None, 2),
        ),
        (
            *("Microsoft", "G1", "EUR", "2026-02", Decimal("8.53"), None),
            *("paid", True, False, None, 1),
        ),
    ]
    [credit] = asked(
        marts,
        "SELECT credit_amount FROM cost.mart_invoices WHERE invoice_id = 'G1'",
    )
    assert credit == {"credit_amount": Decimal("-25.46")}


def test_lines_that_cannot_count_are_in_quarantine_with_their_reason(
    marts: ChosenMarts,
) -> None:
    reasons = asked(
        marts,
        "SELECT reason FROM core.mart_quarantine_reasons WHERE stream = 'invoices'"
        " ORDER BY reason",
    )
    assert [row["reason"] for row in reasons] == [
        "invoiced_amount_unreadable",
        "tax_amount_unreadable",
        "unknown_line_type",
    ]


def test_a_corrected_file_replaces_an_invoice_whole_and_month_end_is_a_setting(
    root: Path, marts: ChosenMarts
) -> None:
    assert marts.ingested.committed
    settings = root / "triptych.yml"
    settings.write_text(settings.read_text() + "fx: {rate: month_end}\n")
    corrected = (
        INVOICES.split("\n", maxsplit=1)[0] + "\nA-1,Acme,2026-02,USD,99.00,,,1,paid,\n"
    )
    (root / "invoices" / "corrected.csv").write_text(corrected)

    marts = ingest_and_build(root, *MARTS)

    [invoice] = asked(
        marts,
        "SELECT invoiced_amount AS invoiced, line_count, superseded_line_count AS old"
        " FROM cost.mart_invoices WHERE invoice_id = 'A-1'",
    )
    assert invoice == {"invoiced": Decimal(99), "line_count": 1, "old": 3}
    [january] = asked(
        marts,
        "SELECT rate, rate_rule, billed_cost FROM cost.mart_exchange_rates"
        " WHERE from_currency = 'USD' AND billing_month = '2026-01'",
    )
    # 1 / 1.30 to fifteen decimals
    assert january == {
        "rate": Decimal("0.769230769230769"),
        "rate_rule": "month_end",
        "billed_cost": Decimal("76.9230769231"),
    }
