"""Reads Google's public price catalogue, and which project an account pays for.

These are list prices: the price that a customer pays is in the billing export, never
here. A price is per pricing unit (``hour``, ``GiBy.mo``) and per tier; the number of
base units (``s``, ``By.s``) in a pricing unit is kept as a factor, so that nothing is
divided, and so rounded, before a quantity is known.

Source: Cloud Billing API v1, services CloudCatalog and CloudBilling.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from ingest.connector import RowsPart
from ingest.http.pages import each_once, until_the_last
from ingest.source_kinds.calendar import midnight
from ingest.sources.google.cloud import (
    Advice,
    Permission,
    bounded_call,
    google_errors,
    open_billing,
    open_catalogue,
)
from ingest.streams import MONEY, QUANTITY, STREAMS, TIMESTAMP
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime

    import pyarrow as pa
    from google.cloud import billing_v1
    from google.cloud.billing_v1 import types
    from google.type.money_pb2 import Money

_ROWS_PER_BATCH = 5_000
_NANOS = Decimal("1e-9")

_PRICES = Advice(
    where="Cloud Billing price catalogue",
    on_denied="Enable the Cloud Billing API (cloudbilling.googleapis.com) in the"
    " project of the credentials; list prices need no other role.",
    on_missing="Correct 'price_services': an id such as 6F81-5844-456A, or the name"
    " that the catalogue shows.",
)
_GRANT_ACCOUNTS = "Grant roles/billing.viewer on the billing account."
_ACCOUNTS = Advice(
    where="Cloud Billing accounts",
    on_denied=_GRANT_ACCOUNTS,
    on_missing="Correct 'billing_account': it is written 01A2B3-C4D5E6-F7A8B9.",
)


@dataclass(frozen=True, slots=True)
class PricedService:
    """A service of the catalogue: ``services/<id>`` and the name it shows."""

    id: str
    name: str


class PriceCatalogue:
    """Asks the two services of the Cloud Billing API.

    Parameters
    ----------
    api_endpoint : str, optional
        Another address than Google's, such as a server on this machine.
    timeout_seconds : float
        Time limit of a call, with all its repetitions [seconds].
    currency : str
        Currency of the prices; empty asks in US dollars.
    """

    def __init__(
        self,
        *,
        api_endpoint: str | None = None,
        timeout_seconds: float = 60,
        currency: str = "",
    ) -> None:
        self._endpoint = api_endpoint
        self._timeout_seconds = timeout_seconds
        self._currency = currency

    def services(self, wanted: Sequence[str] = ()) -> list[PricedService]:
        """Return the services with id or name in ``wanted``; empty means all.

        Raises
        ------
        FatalSourceError
            A wanted service is not in the catalogue.
        """
        with google_errors(_PRICES), open_catalogue(self._endpoint) as client:
            pager = client.list_services(**bounded_call(self._timeout_seconds))
            listed = _listed(pager, "services", "service_id", where=_PRICES.where)
            every = [PricedService(s.service_id, s.display_name) for s in listed]
        if not wanted:
            return every
        names = {name.removeprefix("services/").casefold() for name in wanted}
        chosen = [s for s in every if {s.id.casefold(), s.name.casefold()} & names]
        found = {key for s in chosen for key in (s.id.casefold(), s.name.casefold())}
        _refuse_unknown(sorted(names - found))
        return chosen

    def price_rows(self, service: PricedService, month: date) -> RowsPart:
        """Return a row per SKU and price tier of a service."""
        name = f"services/{service.id}"
        rows = self._price_rows(service, name, midnight(month))
        return _as_part("sku_prices", rows, uri=f"cloudbilling://{name}/skus")

    def _price_rows(
        self, service: PricedService, name: str, month: datetime
    ) -> Iterator[dict[str, Any]]:
        request = {"parent": name, "currency_code": self._currency}
        with google_errors(_PRICES), open_catalogue(self._endpoint) as client:
            pager = client.list_skus(
                request=request, **bounded_call(self._timeout_seconds)
            )
            for sku in _listed(pager, "skus", "sku_id", where=name):
                for pricing in sku.pricing_info:
                    for row in _tier_rows(sku, pricing):
                        yield {
                            "price_month": month,
                            "service_id": service.id,
                            "service_name": service.name,
                            **row,
                        }

    def projects(self, account: str | None, month: date) -> list[dict[str, Any]]:
        """Return a row per project and the billing account that pays for it.

        Parameters
        ----------
        account : str, optional
            Only this account, such as ``01A2B3-C4D5E6-F7A8B9``; else every account
            that the credentials may see.
        month : date
            First day of the month for which this is said.
        """
        with google_errors(_ACCOUNTS), open_billing(self._endpoint) as client:
            return [
                _project_row(billing_account, project, midnight(month))
                for billing_account in self._accounts(client, account)
                for project in self._projects(client, billing_account)
            ]

    def probe_projects(self, account: str | None) -> int:
        """Return how many accounts can be seen, after asking the first for a project.

        Raises
        ------
        SourceAccessError
            Accounts or their projects may not be listed; names the permission.
        """
        with google_errors(_ACCOUNTS), open_billing(self._endpoint) as client:
            accounts = self._accounts(client, account)
            for found in accounts[:1]:
                next(self._projects(client, found), None)
            return len(accounts)

    def _accounts(
        self, client: billing_v1.CloudBillingClient, account: str | None
    ) -> list[types.BillingAccount]:
        call = bounded_call(self._timeout_seconds)
        if account is None:
            advice = _accounts_with("billing.accounts.list", "the billing accounts")
            with google_errors(advice):
                pager = client.list_billing_accounts(**call)
                return list(
                    _listed(pager, "billing_accounts", "name", where=_ACCOUNTS.where)
                )
        name = f"billingAccounts/{account}"
        with google_errors(_accounts_with("billing.accounts.get", name)):
            return [client.get_billing_account(name=name, **call)]

    def _projects(
        self, client: billing_v1.CloudBillingClient, account: types.BillingAccount
    ) -> Iterator[types.ProjectBillingInfo]:
        advice = _accounts_with("billing.resourceAssociations.list", account.name)
        with google_errors(advice):
            call = bounded_call(self._timeout_seconds)
            pager = client.list_project_billing_info(name=account.name, **call)
            yield from _listed(
                pager, "project_billing_info", "name", where=account.name
            )


def _listed(pager: Any, field: str, key: str, *, where: str) -> Iterator[Any]:  # noqa: ANN401
    """Yield the items of a pager of Google's client, each once."""
    pages = until_the_last(
        pager.pages, token_of=lambda page: page.next_page_token, where=where
    )
    items = (item for page in pages for item in getattr(page, field))
    return each_once(items, key=lambda item: getattr(item, key))


def projects_part(rows: list[dict[str, Any]]) -> RowsPart:
    """Return project links as rows of the stream ``billing_projects``."""
    return _as_part("billing_projects", rows, uri="cloudbilling://billingAccounts")


def digest(rows: Iterable[dict[str, Any]]) -> str:
    """Return a digest of rows that does not depend on their order."""
    lines = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def to_decimal(money: Money) -> Decimal:
    """Return a Money message's amount: whole units and billionths, exactly.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> to_decimal(SimpleNamespace(units=-1, nanos=-750_000_000))
    Decimal('-1.750000000')
    """
    return Decimal(money.units) + Decimal(money.nanos) * _NANOS


def _accounts_with(permission: str, on: str) -> Advice:
    needs = (Permission(permission, on, _GRANT_ACCOUNTS),)
    return replace(_ACCOUNTS, needs=needs)


def _tier_rows(sku: types.Sku, pricing: types.PricingInfo) -> Iterator[dict[str, Any]]:
    expression = pricing.pricing_expression
    for tier in expression.tiered_rates:
        yield {
            "service_provider_name": sku.service_provider_name or None,
            "sku_id": sku.sku_id,
            "sku_description": sku.description,
            "resource_family": sku.category.resource_family,
            "resource_group": sku.category.resource_group,
            "usage_type": sku.category.usage_type,
            "region_ids": ",".join(sku.service_regions),
            "pricing_unit": expression.usage_unit,
            "base_unit": expression.base_unit,
            "base_units_per_pricing_unit": _from_double(
                expression.base_unit_conversion_factor
            ),
            "aggregation_level": pricing.aggregation_info.aggregation_level.name,
            "aggregation_interval": pricing.aggregation_info.aggregation_interval.name,
            "currency_conversion_rate": _from_double(pricing.currency_conversion_rate),
            "tier_start_quantity": _from_double(tier.start_usage_amount),
            "list_unit_price": to_decimal(tier.unit_price),
            "currency": tier.unit_price.currency_code,
        }


def _project_row(
    account: types.BillingAccount, project: types.ProjectBillingInfo, month: datetime
) -> dict[str, Any]:
    return {
        "observed_month": month,
        "billing_account_id": account.name.removeprefix("billingAccounts/"),
        "billing_account_name": account.display_name,
        "account_currency": account.currency_code or None,
        "is_account_open": account.open_,
        "project_id": project.project_id,
        "is_billing_enabled": project.billing_enabled,
    }


def _as_part(stream: str, rows: Iterable[dict[str, Any]], *, uri: str) -> RowsPart:
    import pyarrow as pa

    schema = _arrow_schema(stream)

    def batches() -> Iterator[pa.RecordBatch]:
        remaining = iter(rows)
        while chunk := list(islice(remaining, _ROWS_PER_BATCH)):
            yield pa.RecordBatch.from_pylist(chunk, schema=schema)

    return RowsPart(batches(), schema, uri)


def _arrow_schema(stream: str) -> pa.Schema:
    import pyarrow as pa

    types = {
        MONEY: pa.decimal128(38, 18),
        QUANTITY: pa.decimal128(38, 18),
        TIMESTAMP: pa.timestamp("us", tz="UTC"),
        "BOOLEAN": pa.bool_(),
    }
    columns = STREAMS[stream].columns
    return pa.schema([(c.name, types.get(c.type, pa.string())) for c in columns])


def _from_double(number: float) -> Decimal:
    # The shortest text of a double has just the digits that were written into it.
    return Decimal(repr(number))


def _refuse_unknown(names: Sequence[str]) -> None:
    if names:
        raise FatalSourceError(
            f"The catalogue has no service {', '.join(map(repr, names))}.",
            where=_PRICES.where,
            next_step=_PRICES.on_missing,
        )
