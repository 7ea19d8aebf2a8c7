"""AWS Invoicing: with the real boto3 client, on a server that answers as AWS does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import ingest.http.client
from ingest.connector import Window
from ingest.source_kinds.calendar import month_start
from ingest.sources.aws.invoices import AwsInvoicesConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import ScriptedServer, paged, status
from tests.ingest.servers.loopback_s3 import SECRETS, set_environment
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, first_failure
from triptych.core.errors import FatalSourceError, MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.ingest.servers.http_server import Request

ACCOUNT = "000123456789"
TARGET = "Invoicing.ListInvoiceSummaries"
THIS_MONTH = datetime.now(UTC).date().replace(day=1)
LAST_MONTH = month_start(THIS_MONTH, 1)
ISSUED = datetime(2026, 7, 3, 8, 30, tzinfo=UTC)
Summary = dict[str, Any]


def amounts(total: str, currency: str = "USD", **more: Any) -> Summary:
    return {"TotalAmount": total, "CurrencyCode": currency, **more}


def invoice(number: str, month: date, total: str, **more: Any) -> Summary:
    """Return a summary in the form of the API; its times are seconds."""
    return {
        "AccountId": ACCOUNT,
        "InvoiceId": number,
        "IssuedDate": ISSUED.timestamp(),
        "DueDate": ISSUED.timestamp() + 86_400,
        "Entity": {"InvoicingEntity": "Amazon Web Services EMEA SARL"},
        "BillingPeriod": {"Month": month.month, "Year": month.year},
        "InvoiceType": "INVOICE",
        "InvoiceFrequency": "RECURRING",
        "BillType": "ANNIVERSARY",
        "BaseCurrencyAmount": amounts(total),
        **more,
    }


class Account:
    """The invoices of an account, two on a page."""

    def __init__(self) -> None:
        self.invoices: list[Summary] = []

    def pages(self, request: Request) -> list[list[Summary]]:
        asked = request.json()
        assert request.headers["x-amz-target"] == TARGET
        assert asked["Selector"] == {"ResourceType": "ACCOUNT_ID", "Value": ACCOUNT}
        period = asked["Filter"]["BillingPeriod"]
        chosen = [i for i in self.invoices if i["BillingPeriod"] == period]
        return [chosen[n : n + 2] for n in range(0, len(chosen), 2)]


def rendered(invoices: Sequence[Summary], token: str | None) -> Summary:
    page: Summary = {"InvoiceSummaries": list(invoices)}
    return page if token is None else {**page, "NextToken": token}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def account(server: ScriptedServer) -> Account:
    account = Account()
    token_of = lambda request: request.json().get("NextToken")  # noqa: E731
    route = paged(account.pages, render=rendered, token_of=token_of)
    server.route("POST", "/", route)
    return account


@pytest.fixture
def case(server: ScriptedServer, account: Account, tmp_path: Path) -> ConnectorCase:
    """Return two months: three documents on two pages, and one."""
    first = [
        invoice("EUINDE26-1", LAST_MONTH, "119.00"),
        invoice("EUINDE26-2", LAST_MONTH, "0.125"),
        invoice("EUCNDE26-1", LAST_MONTH, "19.00", InvoiceType="CREDIT_MEMO"),
        invoice("EUINDE26-3", THIS_MONTH, "7"),
    ]
    account.invoices = list(first)

    def deliver_again() -> None:
        account.invoices = list(reversed(first))

    def deliver_late() -> dict[str, Decimal]:
        account.invoices = [*first, invoice("EUINDE26-4", LAST_MONTH, "1000")]
        return {"USD": Decimal("1107.125")}

    def deliver_hostile() -> int:
        bad = [
            invoice("X-1", LAST_MONTH, "much"),
            invoice("", LAST_MONTH, "5"),
            invoice(
                "X-2", LAST_MONTH, "5", BaseCurrencyAmount=amounts("5", "DOUBLOON")
            ),
        ]
        account.invoices = [*first, *bad]
        return len(bad)

    return ConnectorCase(
        connector_type="aws_invoices",
        options={
            "account": ACCOUNT,
            "endpoint_url": server.url,
            "months_back": 1,
            "timeout_seconds": 1,
        },
        root=tmp_path,
        expected_rows=4,
        expected_money={"USD": Decimal("107.125")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=SECRETS,
    )


class TestAwsInvoicesContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestAwsInvoicesMisbehaviour(SurvivesMisbehaviour):
    """The service misbehaves, the data does not."""


def read(case: ConnectorCase, columns: str) -> list[tuple[object, ...]]:
    assert case.ingest().failures == []
    return case.query(f"SELECT {columns} FROM evidence.invoices ORDER BY invoice_id")


def test_an_invoice_is_what_is_payable_and_says_who_issued_it_when_and_for_what(
    case: ConnectorCase, account: Account
) -> None:
    whole = amounts("119.00", TotalAmountBeforeTax="100.00")
    account.invoices = [invoice("A", LAST_MONTH, "", BaseCurrencyAmount=whole)]
    [found] = read(
        case,
        "invoice_id, invoice_issuer_name, billing_period_start::DATE, currency,"
        " invoiced_amount, tax_amount, credit_amount, status, description,"
        " issued_at::VARCHAR, due_at::VARCHAR",
    )
    assert found == (
        *("A", "Amazon Web Services EMEA SARL", LAST_MONTH, "USD", 119, 19, None),
        *("issued", "recurring, anniversary"),
        *("2026-07-03 08:30:00", "2026-07-04 08:30:00"),
    )


@pytest.mark.parametrize(
    ("said", "tax"),
    [
        ({}, None),
        ({"TotalAmountBeforeTax": "9.50"}, Decimal("0.5")),
        ({"AmountBreakdown": {"Taxes": {"TotalAmount": "0.75"}}}, Decimal("0.75")),
        ({"TotalAmountBeforeTax": "10"}, Decimal(0)),
    ],
)
def test_tax_is_what_is_said_and_unknown_where_nothing_is(
    case: ConnectorCase, account: Account, said: Summary, tax: Decimal | None
) -> None:
    whole = amounts("10", **said)
    account.invoices = [invoice("A", LAST_MONTH, "", BaseCurrencyAmount=whole)]
    assert read(case, "tax_amount") == [(tax,)]


@pytest.mark.parametrize("written", ["11.90", "-11.90"])
def test_a_credit_memo_is_negative_however_it_is_written(
    case: ConnectorCase, account: Account, written: str
) -> None:
    taxes: Summary = {"AmountBreakdown": {"Taxes": {"TotalAmount": written}}}
    memo = {
        "InvoiceType": "CREDIT_MEMO",
        "OriginalInvoiceId": "A",
        "BaseCurrencyAmount": amounts(written, **taxes),
    }
    account.invoices = [invoice("C", LAST_MONTH, "", **memo)]
    found = read(case, "invoiced_amount, tax_amount, corrected_invoice_id")
    assert found == [(Decimal("-11.9"), Decimal("-11.9"), "A")]


def test_a_receipt_of_a_payment_is_no_invoice_and_a_cancelled_one_is_void(
    case: ConnectorCase, account: Account
) -> None:
    account.invoices = [
        invoice("A", LAST_MONTH, "5", TaxAuthorityStatus="CANCELLED"),
        invoice("R", LAST_MONTH, "5", InvoiceType="PAYMENT_RECEIPT"),
    ]
    assert read(case, "invoice_id, status") == [("A", "void")]


def test_the_amount_that_is_paid_counts_where_it_is_asked_for(
    case: ConnectorCase, account: Account
) -> None:
    case.options["amount"] = "payment"
    paid = {"PaymentCurrencyAmount": amounts("9.21", "EUR")}
    account.invoices = [invoice("A", LAST_MONTH, "10", **paid)]
    assert read(case, "invoiced_amount, currency") == [(Decimal("9.21"), "EUR")]


def test_only_months_of_the_window_are_asked_for(
    case: ConnectorCase, server: ScriptedServer, account: Account
) -> None:
    offered = list(case.connector().deliveries(Window(THIS_MONTH)))
    assert [one.period for one in offered] == [f"{THIS_MONTH:%Y-%m}"]
    assert len(server.requests) == 1
    assert account.invoices


def test_pages_that_contradict_each_other_are_refused(
    case: ConnectorCase, account: Account
) -> None:
    account.invoices.append(invoice("EUINDE26-1", LAST_MONTH, "120"))
    error = first_failure(case)
    assert isinstance(error, MalformedDeliveryError)
    assert "two things about invoice EUINDE26-1" in str(error)


def test_an_account_that_aws_does_not_know_is_said(
    case: ConnectorCase, server: ScriptedServer
) -> None:
    server.faults += [status(400, body={"__type": "x#ResourceNotFoundException"})]
    error = first_failure(case)
    assert isinstance(error, FatalSourceError)
    assert "Correct 'account'" in str(error)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"account": "123"}, "account"),
        ({"account": ACCOUNT, "amount": "tax"}, "amount"),
        ({"account": ACCOUNT, "endpoint_url": "http://a.example"}, "must be https"),
    ],
)
def test_options_that_cannot_work_are_refused(
    options: dict[str, Any], part: str
) -> None:
    with pytest.raises(ValidationError, match=part):
        AwsInvoicesConfig(name="aws", type="aws_invoices", **options)
