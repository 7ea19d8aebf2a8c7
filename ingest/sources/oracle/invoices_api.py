"""Asks Oracle Cloud's OSP Gateway for the invoices of a tenancy, page by page.

The list has the payable amount, but neither the tax nor the invoiced time; those are
requested by invoice. A next page is named by the header ``opc-next-page``. A user who
lacks a permission gets 404, as if there were nothing.

Source: Oracle Cloud Infrastructure API reference, *OSP Gateway API*, 20191001; *Details
for Subscriptions, Invoices, and Payment History* (permissions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ingest.http.client import HttpClient
from ingest.http.pages import follow_pages
from ingest.sources.oracle.signature import ADVICE as KEY_ADVICE
from ingest.sources.oracle.signature import OciSignature, read_profile
from triptych.core.errors import MalformedDeliveryError, SourceAccessError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from typing import Self

PERMISSION = "Allow group <group_name> to read invoices in tenancy"
ADVICE = (
    f"Its user needs the policy '{PERMISSION}', in the root compartment, and a key that"
    f" is valid. {KEY_ADVICE}"
)

_INVOICES = "/20191001/invoices"
_STATUS = {
    "OPEN": "issued",
    "PAST_DUE": "issued",
    "PAYMENT_SUBMITTED": "issued",
    "CLOSED": "paid",
}
_DENIED = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
)
_USAGE = "USAGE"
_DATED = re.compile(r"\d{4}-(0[1-9]|1[0-2])-")


@dataclass(frozen=True, slots=True)
class OciInvoice:
    """An invoice, its amounts as text.

    ``internal_id`` is the id by which Oracle is asked for it; ``invoice_id`` is the
    number that is printed on it. ``billing_month`` and ``tax`` are known once it was
    requested.
    """

    internal_id: str | None
    invoice_id: str | None
    kind: str | None
    amount: str | None
    currency: str | None
    status: str | None
    issued_at: str
    due_at: str | None
    tax: str | None = None
    billing_month: str | None = None

    @property
    def issue_month(self) -> str:
        """Return the month of its date, such as ``2026-03``."""
        return self.issued_at[:7]


class OciInvoicesApi:
    """The three questions that are asked: the list, an invoice, and its lines.

    Parameters
    ----------
    base_url : str
        Address of the OSP Gateway.
    source : str
        Name of the source, for messages.
    profile : str
        Name of the profile in ``~/.oci/config``.
    compartment : str, optional
        OCID of the compartment; the tenancy of the profile where there is none.
    home_region : str, optional
        Home region of the tenancy; the region of the profile where there is none.
    timeout_seconds : float
        Timeout for an answer.
    """

    def __init__(
        self,
        *,
        base_url: str,
        source: str,
        profile: str,
        compartment: str | None,
        home_region: str | None,
        timeout_seconds: float,
    ) -> None:
        self._base_url = base_url
        self._source = source
        self._profile = profile
        self._compartment = compartment
        self._home_region = home_region
        self._timeout_seconds = timeout_seconds

    @property
    def source(self) -> str:
        """Return the name of the source."""
        return self._source

    def invoices(self, start: date, end: date) -> list[OciInvoice]:
        """Return the invoices that are dated in a half-open time, by date and number.

        An invoice that comes twice, as when a page is repeated, counts once.

        Raises
        ------
        SourceAccessError
            There is no key, or its user may not read invoices.
        MalformedDeliveryError
            Pages go in a circle, contradict each other on an invoice, or lack the form
            that Oracle documents.
        TransientSourceError
            The server did not answer as it should, after several tries.
        """
        asked = {
            "timeInvoiceStart": f"{start}T00:00:00.000Z",
            "timeInvoiceEnd": f"{end}T00:00:00.000Z",
        }
        oci_invoices: dict[str, OciInvoice] = {}
        with _Session(self) as session:
            for item in session.items(_INVOICES, asked):
                invoice = self._invoice(item)
                key = (
                    invoice.internal_id or invoice.invoice_id or f"?{len(oci_invoices)}"
                )
                if oci_invoices.setdefault(key, invoice) != invoice:
                    raise self.malformed(
                        f"says two things about invoice {invoice.invoice_id}", _INVOICES
                    )
        return sorted(
            oci_invoices.values(), key=lambda i: (i.issue_month, i.invoice_id or "")
        )

    def with_details(self, invoices: Sequence[OciInvoice]) -> Iterator[OciInvoice]:
        """Yield each invoice with its tax and the month that it is for.

        The month is that in which its first line begins. Where no line gives it, usage
        is of the month before the invoice, for Oracle bills it in arrears, and all else
        is of the invoice's own month.

        Raises
        ------
        SourceAccessError, MalformedDeliveryError, TransientSourceError
            As :meth:`invoices`.
        """
        with _Session(self) as session:
            for invoice in invoices:
                tax, begins = None, []
                if invoice.internal_id:
                    path = f"{_INVOICES}/{quote(invoice.internal_id, safe='')}"
                    tax = _amount(session.one(path).get("tax"))
                    lines = session.items(f"{path}/invoiceLines", {})
                    begins = [str(line.get("timeStart") or "") for line in lines]
                first = min(filter(None, begins), default="")
                month = first[:7] or _usual_month(invoice)
                yield replace(invoice, tax=tax, billing_month=f"{month}-01")

    def open(self) -> tuple[HttpClient, Mapping[str, str]]:
        """Return a client that signs, and the parameters of each request."""
        profile = read_profile(self._profile, source=self._source)
        region = self._home_region or profile.region
        if not region:
            raise SourceAccessError(
                f"The profile {self._profile} has no region.",
                where=self._source,
                next_step="Set 'home_region' to the home region of the tenancy.",
            )
        client = HttpClient(
            base_url=self._base_url,
            source=self._source,
            auth=OciSignature(profile),
            secrets=profile.secrets,
            denied_advice=ADVICE,
            denied_statuses=_DENIED,
            timeout_seconds=self._timeout_seconds,
        )
        compartment = self._compartment or profile.tenancy
        return client, {"ospHomeRegion": region, "compartmentId": compartment}

    def malformed(self, what: str, path: str) -> MalformedDeliveryError:
        """Return the error of an answer that is not as Oracle documents."""
        return MalformedDeliveryError(
            f"An answer {what}.",
            where=f"{self._source} ({path})",
            next_step="What was loaded before stays current; run again later.",
        )

    def _invoice(self, item: Mapping[str, Any]) -> OciInvoice:
        try:
            told = item.get("invoiceStatus")
            return OciInvoice(
                internal_id=item.get("internalInvoiceId") or None,
                invoice_id=item.get("invoiceNumber") or item.get("invoiceId") or None,
                kind=item.get("invoiceType"),
                amount=_amount(item.get("invoiceAmount")),
                currency=(item.get("currency") or {}).get("currencyCode"),
                status=_STATUS.get(str(told), told),
                issued_at=_dated(item["timeInvoice"]),
                due_at=item.get("timeInvoiceDue"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.malformed(
                f"has an invoice of another form ({reason_of(error)})", _INVOICES
            ) from error


class _Session:
    """Open client that names the owner of the invoices in each request."""

    def __init__(self, api: OciInvoicesApi) -> None:
        self._api = api
        self._client, self._whose = api.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def one(self, path: str) -> Mapping[str, Any]:
        """Return the single object at a path."""
        answer = self._client.get_json(path, params=self._whose)
        if not isinstance(answer, dict):
            raise self._api.malformed("is no object", path)
        return answer

    def items(self, path: str, asked: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Yield the items of all pages of a path."""
        params = {**self._whose, **asked}
        pages = follow_pages(
            lambda token: self._client.get_page(path, params={**params, "page": token}),
            lambda page: page[1].get("opc-next-page") or None,
            source=f"{self._api.source} ({path})",
        )
        for body, _ in pages:
            items = body.get("items") if isinstance(body, dict) else None
            if not isinstance(items, list):
                raise self._api.malformed("has no list 'items'", path)
            for item in items:
                if not isinstance(item, dict):
                    raise self._api.malformed("has an item that is no object", path)
                yield item


def _dated(told: object) -> str:
    if not isinstance(told, str) or not _DATED.match(told):
        message = f"timeInvoice {told!r}"
        raise ValueError(message)
    return told


def _amount(told: object) -> str | None:
    """Return an amount as text, without exponent."""
    if isinstance(told, bool) or not isinstance(told, (int, Decimal)):
        return None if told is None else str(told)
    return f"{Decimal(told):f}"


def _usual_month(invoice: OciInvoice) -> str:
    year, month = map(int, invoice.issue_month.split("-"))
    months = year * 12 + month - 1 - (invoice.kind == _USAGE)
    return f"{months // 12:04}-{months % 12 + 1:02}"
