"""Azure Billing, on a server that answers in the form of the REST API."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import ingest.http.client
from ingest.connector import Window
from ingest.source_kinds.calendar import month_start
from ingest.sources.azure.invoices import AzureInvoicesConfig
from ingest.sources.azure.invoices_api import TOKEN_VARIABLE
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, ScriptedServer, paged
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, first_failure
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.ingest.servers.http_server import Request

TOKEN = "made-up-management-token"
ACCOUNT = "0f0f0f0f-0000-0000-0000-000000000000:1a1a1a1a-0000_2019-05-31"
PATH = f"/providers/Microsoft.Billing/billingAccounts/{ACCOUNT}/invoices"
THIS_MONTH = datetime.now(UTC).date().replace(day=1)
LAST_MONTH = month_start(THIS_MONTH, 1)
Invoice = dict[str, Any]


def usd(value: object, currency: str = "USD") -> Invoice:
    return {"currency": currency, "value": value}


def invoice(number: str, month: date, total: object, **more: Any) -> Invoice:
    """Return an invoice in the form of the API."""
    properties = {
        "documentType": "Invoice",
        "status": "Due",
        "invoicePeriodStartDate": f"{month}T00:00:00Z",
        "invoiceDate": f"{month}T17:32:28Z",
        "totalAmount": usd(total),
        **more,
    }
    return {"id": f"{PATH}/{number}", "name": number, "properties": properties}


class Account:
    """The invoices of a billing account, two on a page."""

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []

    def pages(self, request: Request) -> list[list[Invoice]]:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.one("api-version") == "2024-04-01"
        assert request.one("periodStartDate") is not None
        return [self.invoices[n : n + 2] for n in range(0, len(self.invoices), 2)]


def rendered(invoices: Sequence[Invoice], token: str | None) -> Invoice:
    # Whatever server a page names, only the query of its address is followed.
    link = (
        f"https://elsewhere.example{PATH}?api-version=2024-04-01"
        f"&periodStartDate={LAST_MONTH}&$skiptoken={token}"
    )
    return {"value": list(invoices), **({} if token is None else {"nextLink": link})}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def account(server: ScriptedServer) -> Account:
    account = Account()
    route = paged(
        account.pages,
        render=rendered,
        token_of=lambda request: request.one("$skiptoken"),
    )
    server.route("GET", "/providers/Microsoft.Billing/*", route)
    return account


@pytest.fixture
def case(server: ScriptedServer, account: Account, tmp_path: Path) -> ConnectorCase:
    """Return two months: three documents, and one, on two pages."""
    first = [
        invoice("G1", LAST_MONTH, Decimal("119.00")),
        invoice("G2", LAST_MONTH, Decimal("0.125")),
        invoice("C1", LAST_MONTH, 19, documentType="CreditNote"),
        invoice("G3", THIS_MONTH, 7),
    ]
    account.invoices = list(first)

    def deliver_again() -> None:
        account.invoices = list(reversed(first))

    def deliver_late() -> dict[str, Decimal]:
        account.invoices = [*first, invoice("G4", LAST_MONTH, 1000)]
        return {"USD": Decimal("1107.125")}

    def deliver_hostile() -> int:
        bad = [
            invoice("X1", LAST_MONTH, "much"),
            invoice("", LAST_MONTH, 5),
            invoice("X2", LAST_MONTH, 5, totalAmount=usd(5, "DOUBLOON")),
        ]
        account.invoices = [*first, *bad]
        return len(bad)

    return ConnectorCase(
        connector_type="azure_invoices",
        options={
            "billing_account": ACCOUNT,
            "base_url": server.url,
            "months_back": 1,
            "timeout_seconds": 1,
        },
        root=tmp_path,
        expected_rows=4,
        expected_money={"USD": Decimal("107.125")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


def test_a_month_before_the_first_is_not_replaced_by_what_was_issued_late(
    case: ConnectorCase, account: Account
) -> None:
    """The invoice of a month's usage is issued after it; a purchase is billed in it."""
    before = month_start(THIS_MONTH, 2)
    purchase = invoice("P1", before, 900)
    usage = invoice("G0", before, 100, invoiceDate=f"{LAST_MONTH}T17:32:28Z")
    account.invoices = [purchase, usage]
    case.options["months_back"] = 2
    case.ingest().raise_first_failure()
    account.invoices = [usage]
    case.options["months_back"] = 1
    case.ingest().raise_first_failure()
    assert case.query('select sum("invoiced_amount") from evidence.invoices') == [
        (1000,)
    ]


class TestAzureInvoicesContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestAzureInvoicesMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = TOKEN_VARIABLE


def read(case: ConnectorCase, columns: str) -> list[tuple[object, ...]]:
    assert case.ingest().failures == []
    return case.query(f"SELECT {columns} FROM evidence.invoices ORDER BY invoice_id")


def test_an_invoice_is_what_was_payable_with_its_tax_and_what_credits_took_off(
    case: ConnectorCase, account: Account
) -> None:
    """33.99 and 1.00 of tax, less 25.46 of prepayment and 1.00 of free credits."""
    told = {
        "taxAmount": usd(Decimal("1.00")),
        "azurePrepaymentApplied": usd(Decimal("25.46")),
        "freeAzureCreditApplied": usd(1),
        "dueDate": "2026-07-16T17:32:28Z",
        "billingProfileDisplayName": "Operations",
    }
    account.invoices = [invoice("G1", LAST_MONTH, Decimal("8.53"), **told)]
    [found] = read(
        case,
        "invoice_id, invoice_issuer_name, billing_period_start::DATE, currency,"
        " invoiced_amount, tax_amount, credit_amount, status, description,"
        " due_at::VARCHAR",
    )
    amounts = (Decimal("8.53"), Decimal(1), Decimal("-26.46"))
    who = ("G1", "Microsoft", LAST_MONTH, "USD")
    assert found == (*who, *amounts, "issued", "Operations", "2026-07-16 17:32:28")


def test_a_credit_note_is_negative_and_names_the_invoice_that_it_corrects(
    case: ConnectorCase, account: Account
) -> None:
    note = {"documentType": "CreditNote", "creditForDocumentId": f"{PATH}/G1"}
    account.invoices = [
        invoice("C1", LAST_MONTH, 19, taxAmount=usd(3), **note),
        invoice("C2", LAST_MONTH, -19, **note),
    ]
    found = read(case, "invoiced_amount, tax_amount, corrected_invoice_id")
    assert found == [(-19, -3, "G1"), (-19, None, "G1")]


def test_states_are_those_of_an_invoice_and_other_documents_are_none(
    case: ConnectorCase, account: Account
) -> None:
    states = ("Due", "OverDue", "Paid", "Void")
    account.invoices = [
        *(invoice(f"G-{s}", LAST_MONTH, 1, status=s) for s in states),
        invoice("T1", LAST_MONTH, 1, documentType="TaxReceipt"),
        invoice("S1", LAST_MONTH, 1, documentType="Summary"),
    ]
    assert [status for (status,) in read(case, "status")] == [
        *("issued", "issued", "paid", "void"),
    ]


def test_one_question_tells_all_months_and_a_window_picks_of_them(
    case: ConnectorCase, server: ScriptedServer
) -> None:
    offered = list(case.connector().deliveries(Window(THIS_MONTH)))
    assert [one.period for one in offered] == [f"{THIS_MONTH:%Y-%m}"]
    assert len(server.requests) == 2
    assert server.requests[0].one("periodStartDate") == f"{LAST_MONTH}"


def test_pages_that_contradict_each_other_are_refused(
    case: ConnectorCase, account: Account
) -> None:
    account.invoices.append(invoice("G1", LAST_MONTH, 120))
    error = first_failure(case)
    assert isinstance(error, MalformedDeliveryError)
    assert "two things about invoice G1" in str(error)


@pytest.mark.parametrize(
    "body", [{"hello": "there"}, {"value": [{"name": "G1"}]}, {"value": ["G1"]}]
)
def test_an_answer_of_another_form_is_refused(
    case: ConnectorCase, server: ScriptedServer, body: object
) -> None:
    server.route("GET", "/providers/Microsoft.Billing/*", lambda _: Answer(body))
    assert isinstance(first_failure(case), MalformedDeliveryError)


def test_without_a_credential_it_says_which_one_it_needs(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module that is None cannot be imported.
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    monkeypatch.delenv(TOKEN_VARIABLE)
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert "Microsoft.Billing/billingAccounts/invoices/read" in str(error)
    assert TOKEN_VARIABLE in str(error)


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_whoever_is_signed_in_at_azure_asks(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch, is_signed_in: bool
) -> None:
    """The library of Azure's is not installed here; one of its form stands in."""
    exceptions = pytest.importorskip("azure.core.exceptions")

    class DefaultAzureCredential:
        def get_token(self, scope: str) -> SimpleNamespace:
            assert scope == "https://management.azure.com/.default"
            if not is_signed_in:
                raise exceptions.ClientAuthenticationError(message=f"echo {TOKEN}")
            return SimpleNamespace(token=TOKEN)

    module = SimpleNamespace(DefaultAzureCredential=DefaultAzureCredential)
    monkeypatch.setitem(sys.modules, "azure.identity", module)
    monkeypatch.delenv(TOKEN_VARIABLE)
    if is_signed_in:
        assert len(read(case, "invoice_id")) == case.expected_rows
    else:
        error = first_failure(case)
        assert isinstance(error, SourceAccessError)
        assert "azure-identity found none" in str(error)
        assert TOKEN not in str(error)


def test_an_unsafe_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be https"):
        AzureInvoicesConfig(
            name="azure",
            type="azure_invoices",
            billing_account="1",
            base_url="http://a.example",
        )
