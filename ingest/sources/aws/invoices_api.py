"""Asks AWS Invoicing for the invoices of a billing month, page by page.

An invoice comes as a summary without its lines, in three currencies: that of products
and services, that of tax, and that in which it is paid. AWS marks a document as a
credit memo by its type, so its sign is made certain here.

Source: AWS Billing and Cost Management API reference, *ListInvoiceSummaries*.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from ingest.storage.aws_service import AwsService, Operation
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

ACTION = "invoicing:ListInvoiceSummaries"
WHERE = "AWS Invoicing (ListInvoiceSummaries)"

#: Amount of an invoice that counts: of products and services, or as it is paid.
AmountKind = Literal["base", "payment"]

_AMOUNTS: dict[AmountKind, str] = {
    "base": "BaseCurrencyAmount",
    "payment": "PaymentCurrencyAmount",
}
_CREDIT_MEMO = "CREDIT_MEMO"
_RECEIPT = "PAYMENT_RECEIPT"
_CANCELLED = "CANCELLED"
_PAGE_SIZE = 100
_OPERATION = Operation(
    service="invoicing",
    method="list_invoice_summaries",
    action=ACTION,
    where=WHERE,
    answer_key="InvoiceSummaries",
    content="invoices",
    settings="'account' or 'region'",
    refusals={
        "ResourceNotFoundException": (
            "AWS knows no such account (ResourceNotFoundException).",
            "Correct 'account': the twelve digits of the account that is invoiced.",
        )
    },
)


@dataclass(frozen=True, slots=True)
class AwsInvoice:
    """An invoice or credit memo; a credit memo is negative.

    ``amount`` is the payable amount, tax included. Amounts that are not numbers are
    kept as written, for the checks of the stream to refuse.
    """

    invoice_id: str
    issuer: str | None
    amount: str | None
    tax: str | None
    currency: str | None
    status: str
    corrected_invoice_id: str | None
    description: str
    issued_at: datetime | None
    due_at: datetime | None


class InvoicesApi:
    """Client of the single API operation used.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    account : str
        Account of the invoices to request.
    amount : {"base", "payment"}
        Amount of an invoice that counts.
    endpoint_url, region, profile, timeout_seconds
        As for :class:`ingest.storage.aws_service.AwsService`.
    """

    def __init__(
        self,
        *,
        source: str,
        account: str,
        amount: AmountKind,
        endpoint_url: str | None,
        region: str,
        profile: str | None,
        timeout_seconds: float,
    ) -> None:
        self._source = source
        self._account = account
        self._amount = _AMOUNTS[amount]
        self._service = AwsService(
            _OPERATION,
            endpoint_url=endpoint_url,
            region=region,
            profile=profile,
            timeout_seconds=timeout_seconds,
        )

    def invoices(self, month: date) -> list[AwsInvoice]:
        """Return the invoices and credit memos of a billing month, by their numbers.

        Receipts of payments are left out: they repeat the content of an invoice. An
        invoice that comes twice, as when a page is repeated, counts once.

        Raises
        ------
        SourceError
            As :meth:`ingest.storage.aws_service.AwsService.ask`.
        MalformedDeliveryError
            Pages go in a circle, contradict each other on an invoice, or lack the form
            that AWS documents.
        """
        aws_invoices: dict[str, AwsInvoice] = {}
        for summary in self._summaries(month):
            if summary.get("InvoiceType") == _RECEIPT:
                continue
            invoice = self._invoice(summary)
            # An invoice without a number is refused by the checks of the stream.
            key = invoice.invoice_id or f"?{len(aws_invoices)}"
            if aws_invoices.setdefault(key, invoice) != invoice:
                raise MalformedDeliveryError(
                    "The pages of one answer say two things about invoice"
                    f" {invoice.invoice_id}.",
                    where=WHERE,
                    next_step="What was loaded before stays current; run again later.",
                )
        return [aws_invoices[key] for key in sorted(aws_invoices)]

    def _summaries(self, month: date) -> Iterator[Mapping[str, Any]]:
        request = {
            "Selector": {"ResourceType": "ACCOUNT_ID", "Value": self._account},
            "Filter": {"BillingPeriod": {"Month": month.month, "Year": month.year}},
            "MaxResults": _PAGE_SIZE,
        }
        return self._service.items(request, source=self._source)

    def _invoice(self, summary: Mapping[str, Any]) -> AwsInvoice:
        amounts = summary.get(self._amount) or {}
        is_credit = summary.get("InvoiceType") == _CREDIT_MEMO
        is_void = summary.get("TaxAuthorityStatus") == _CANCELLED
        words = (summary.get("InvoiceFrequency"), summary.get("BillType"))
        return AwsInvoice(
            invoice_id=str(summary.get("InvoiceId") or ""),
            issuer=(summary.get("Entity") or {}).get("InvoicingEntity"),
            amount=_signed(amounts.get("TotalAmount"), is_credit=is_credit),
            tax=_signed(_tax(amounts), is_credit=is_credit),
            currency=amounts.get("CurrencyCode"),
            status="void" if is_void else "issued",
            corrected_invoice_id=summary.get("OriginalInvoiceId"),
            description=", ".join(str(w).lower().replace("_", " ") for w in words if w),
            issued_at=summary.get("IssuedDate"),
            due_at=summary.get("DueDate"),
        )


def _tax(amounts: Mapping[str, Any]) -> str | None:
    """Return the tax inside an amount; ``None`` where nothing is said of it."""
    taxes = (amounts.get("AmountBreakdown") or {}).get("Taxes") or {}
    total, before = amounts.get("TotalAmount"), amounts.get("TotalAmountBeforeTax")
    if taxes.get("TotalAmount") is not None:
        return str(taxes["TotalAmount"])
    if total is None or before is None:
        return None
    try:
        return f"{Decimal(total) - Decimal(before):f}"
    except InvalidOperation:
        return None


def _signed(text: str | None, *, is_credit: bool) -> str | None:
    if text is None or not is_credit:
        return text
    try:
        return f"{-abs(Decimal(text)):f}"
    except InvalidOperation:
        return text
