"""Asks the Azure Billing API for the invoices of a billing account, page by page.

The amount payable when an invoice was generated is its ``totalAmount``: tax is in it,
and prepayment and free credits are taken off. The amount due now reflects payments
since. A page names the next by an address, of which only the query is taken: the
credential goes to a single server.

Source: Azure REST API reference, *Invoices - List By Billing Account*, 2024-04-01.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from ingest.http.client import HttpClient
from ingest.http.pages import follow_pages
from triptych.core.errors import MalformedDeliveryError, SourceAccessError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

TOKEN_VARIABLE = "AZURE_MANAGEMENT_TOKEN"  # noqa: S105  (a name, no token)
PERMISSION = "Microsoft.Billing/billingAccounts/invoices/read"
ADVICE = (
    f"The credential needs {PERMISSION}: give it the role 'Billing account reader' on"
    f" the billing account. Put a token of it into {TOKEN_VARIABLE}, or install"
    " azure-identity and sign in."
)

_API_VERSION = "2024-04-01"
_SCOPE = "https://management.azure.com/.default"
_DOCUMENTS = frozenset({"Invoice", "CreditNote"})
_STATUS = {"Due": "issued", "OverDue": "issued", "Paid": "paid", "Void": "void"}
_CREDITS = ("azurePrepaymentApplied", "freeAzureCreditApplied")


@dataclass(frozen=True, slots=True)
class AzureInvoice:
    """An invoice or credit note, its amounts as text; a credit note is negative.

    ``month`` is the first day of the month in which its period begins.
    """

    invoice_id: str | None
    month: str
    amount: str | None
    tax: str | None
    credit: str | None
    currency: str | None
    status: str | None
    corrected_invoice_id: str | None
    description: str | None
    issued_at: str | None
    due_at: str | None


class AzureInvoicesApi:
    """Client of the single request used.

    Parameters
    ----------
    base_url : str
        Address of Azure Resource Manager.
    source : str
        Name of the source, for messages.
    billing_account : str
        Id of the billing account.
    timeout_seconds : float
        Timeout for an answer.
    """

    def __init__(
        self,
        *,
        base_url: str,
        source: str,
        billing_account: str,
        timeout_seconds: float,
    ) -> None:
        self._base_url = base_url
        self._source = source
        account = quote(billing_account, safe="")
        self._path = f"/providers/Microsoft.Billing/billingAccounts/{account}/invoices"
        self._timeout_seconds = timeout_seconds

    @property
    def where(self) -> str:
        """Return the name in messages."""
        return f"{self._source} ({self._path})"

    def invoices(self, start: date, end: date) -> list[AzureInvoice]:
        """Return the invoices and credit notes of a time, by month and number.

        An invoice that comes twice, as when a page is repeated, counts once.

        Raises
        ------
        SourceAccessError
            There is no credential, or it may not read invoices.
        MalformedDeliveryError
            Pages go in a circle, contradict each other on an invoice, or lack the form
            that Microsoft documents.
        TransientSourceError
            The server did not answer as it should, after several tries.
        """
        azure_invoices: dict[str, AzureInvoice] = {}
        for item in self._items(start, end):
            invoice = self._invoice(item)
            if invoice is None:
                continue
            key = invoice.invoice_id or f"?{len(azure_invoices)}"
            if azure_invoices.setdefault(key, invoice) != invoice:
                raise self._malformed(f"says two things about invoice {key}")
        return sorted(
            azure_invoices.values(), key=lambda i: (i.month, i.invoice_id or "")
        )

    def _items(self, start: date, end: date) -> Iterator[Mapping[str, Any]]:
        asked = {
            "api-version": _API_VERSION,
            "periodStartDate": f"{start}",
            "periodEndDate": f"{end}",
        }
        token = _token(self._source)
        with HttpClient(
            base_url=self._base_url,
            source=self._source,
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token],
            denied_advice=ADVICE,
            timeout_seconds=self._timeout_seconds,
        ) as client:
            pages = follow_pages(
                lambda query: client.get_json(
                    self._path, params=asked if query is None else parse_qsl(query)
                ),
                lambda page: urlsplit(page.get("nextLink") or "").query or None,
                source=self._source,
            )
            for page in map(self._checked, pages):
                yield from page["value"]

    def _checked(self, page: object) -> Mapping[str, Any]:
        if not isinstance(page, dict) or not isinstance(page.get("value"), list):
            raise self._malformed("has no list 'value'")
        return page

    def _invoice(self, item: Mapping[str, Any]) -> AzureInvoice | None:
        try:
            told = item["properties"]
            kind = told.get("documentType", "Invoice")
            if kind not in _DOCUMENTS:
                return None
            begin = told["invoicePeriodStartDate"]
            sign = -1 if kind == "CreditNote" else 1
            return AzureInvoice(
                invoice_id=item.get("name") or None,
                month=f"{begin[:7]}-01",
                amount=_amount(told.get("totalAmount"), sign),
                tax=_amount(told.get("taxAmount"), sign),
                credit=_credit(told),
                currency=(told.get("totalAmount") or {}).get("currency"),
                status=_STATUS.get(told.get("status"), told.get("status")),
                corrected_invoice_id=_last_part(told.get("creditForDocumentId")),
                description=told.get("billingProfileDisplayName"),
                issued_at=told.get("invoiceDate"),
                due_at=told.get("dueDate"),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise self._malformed(
                f"has an invoice of another form ({reason_of(error)})"
            ) from error

    def _malformed(self, what: str) -> MalformedDeliveryError:
        return MalformedDeliveryError(
            f"An answer {what}.",
            where=self.where,
            next_step="What was loaded before stays current; run again later.",
        )


def _token(source: str) -> str:
    if token := os.environ.get(TOKEN_VARIABLE, "").strip():
        return token
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise SourceAccessError(
            f"There is no credential in {TOKEN_VARIABLE}, and azure-identity is not"
            " installed.",
            where=source,
            next_step=ADVICE,
        ) from error
    from azure.core.exceptions import ClientAuthenticationError

    try:
        return str(DefaultAzureCredential().get_token(_SCOPE).token)
    except ClientAuthenticationError as error:
        raise SourceAccessError(
            f"There is no credential in {TOKEN_VARIABLE}, and azure-identity found none"
            f" ({type(error).__name__}).",
            where=source,
            next_step=ADVICE,
        ) from error


def _amount(told: Mapping[str, Any] | None, sign: int) -> str | None:
    """Return an amount as text; a credit note is negative however it is written."""
    value = (told or {}).get("value")
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None if value is None else str(value)
    number = Decimal(value)
    return f"{number if sign > 0 else -abs(number):f}"


def _credit(told: Mapping[str, Any]) -> str | None:
    """Return prepayment and free credits, negative; None if not given."""
    values = [(told.get(name) or {}).get("value") for name in _CREDITS]
    known = [Decimal(v) for v in values if isinstance(v, (int, Decimal))]
    return f"{Decimal(0) - sum(known):f}" if known else None


def _last_part(path: str | None) -> str | None:
    return path.rpartition("/")[2] if path else None
