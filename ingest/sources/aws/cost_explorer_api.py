"""Asks AWS Cost Explorer for daily totals, page by page.

Source: AWS Billing and Cost Management API reference, *GetCostAndUsage*.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ingest.storage.aws_service import AwsService, Operation
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ACTION = "ce:GetCostAndUsage"
WHERE = "AWS Cost Explorer (GetCostAndUsage)"
METRICS = ("UnblendedCost", "AmortizedCost", "UsageQuantity")

_MIXED_UNITS = frozenset({"", "N/A"})
_OPERATION = Operation(
    service="ce",
    method="get_cost_and_usage",
    action=ACTION,
    where=WHERE,
    answer_key="ResultsByTime",
    content="totals",
    settings="'region', 'accounts' or 'group_by'",
    access_advice="; a member account also needs access to Cost Explorer from its"
    " payer",
    next_page_key="NextPageToken",
    refusals={
        "DataUnavailableException": (
            "Cost Explorer has no data of these days (DataUnavailableException).",
            "Turn Cost Explorer on and wait for 24 hours, or correct 'start_date': it"
            " keeps 13 months.",
        )
    },
)


@dataclass(frozen=True, slots=True)
class DailyTotal:
    """Cost of a group on a single day.

    ``keys`` are the values that the groups were asked by. ``quantity`` is ``None``
    where usage of several units was added up.
    """

    start: date
    end: date
    keys: tuple[str, ...]
    unblended_cost: Decimal
    amortized_cost: Decimal
    currency: str
    quantity: Decimal | None
    unit: str | None
    is_estimated: bool


class CostExplorerApi:
    """Client of the single API operation used.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    endpoint_url : str, optional
        Address, where it is not AWS's own.
    region : str
        Region that requests are signed for.
    profile : str, optional
        Named profile of the credential chain.
    timeout_seconds : float
        Timeout for an answer.
    """

    def __init__(
        self,
        *,
        source: str,
        endpoint_url: str | None,
        region: str,
        profile: str | None,
        timeout_seconds: float,
    ) -> None:
        self._source = source
        self._service = AwsService(
            _OPERATION,
            endpoint_url=endpoint_url,
            region=region,
            profile=profile,
            timeout_seconds=timeout_seconds,
        )

    def daily_totals(
        self,
        start: date,
        end: date,
        *,
        group_by: Sequence[Mapping[str, str]],
        accounts: Sequence[str] = (),
    ) -> list[DailyTotal]:
        """Return the totals of each day and group from ``start`` up to ``end``.

        A group that comes twice, as when a page is repeated, counts once.

        Raises
        ------
        SourceAccessError
            Credentials are missing or wrong, or lack ``ce:GetCostAndUsage``.
        MalformedDeliveryError
            Pages go in a circle, or contradict each other on the same group.
        TransientSourceError
            The service did not answer as it should, after several tries.
        """
        totals: dict[tuple[date, tuple[str, ...]], DailyTotal] = {}
        asked = {"Granularity": "DAILY", "GroupBy": list(group_by)}
        for period in self._periods(start, end, accounts, asked):
            for group in period.get("Groups", []):
                total = _total(period, group)
                key = (total.start, total.keys)
                if totals.setdefault(key, total) != total:
                    raise _contradiction(" / ".join(total.keys), total.start)
        return [totals[key] for key in sorted(totals)]

    def monthly_states(
        self, start: date, end: date, *, accounts: Sequence[str] = ()
    ) -> dict[date, str]:
        """Return month → text that changes when its totals do; no month without any.

        A single request shows for all months which of them have to be read again.
        """
        states: dict[date, str] = {}
        for period in self._periods(start, end, accounts, {"Granularity": "MONTHLY"}):
            month, state = _state(period)
            if states.setdefault(month, state) != state:
                raise _contradiction("the month", month)
        return {month: state for month, state in sorted(states.items()) if state}

    def _periods(
        self, start: date, end: date, accounts: Sequence[str], asked: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {
            "TimePeriod": {"Start": f"{start}", "End": f"{end}"},
            "Metrics": list(METRICS),
            **asked,
        }
        if accounts:
            of_accounts = {"Key": "LINKED_ACCOUNT", "Values": list(accounts)}
            request["Filter"] = {"Dimensions": of_accounts}
        return self._service.items(request, source=self._source)


def _total(day: Mapping[str, Any], group: Mapping[str, Any]) -> DailyTotal:
    try:
        metrics = group["Metrics"]
        unblended, quantity = metrics["UnblendedCost"], metrics.get("UsageQuantity", {})
        amortized = metrics.get("AmortizedCost", unblended)
        unit = str(quantity.get("Unit", ""))
        is_mixed = unit in _MIXED_UNITS
        return DailyTotal(
            start=date.fromisoformat(day["TimePeriod"]["Start"][:10]),
            end=date.fromisoformat(day["TimePeriod"]["End"][:10]),
            keys=tuple(str(key) for key in group["Keys"]),
            unblended_cost=Decimal(unblended["Amount"]),
            amortized_cost=Decimal(amortized["Amount"]),
            currency=str(unblended["Unit"]),
            quantity=None if is_mixed else Decimal(quantity["Amount"]),
            unit=None if is_mixed else unit,
            is_estimated=bool(day.get("Estimated", False)),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise _unknown_form(error) from error


def _state(period: Mapping[str, Any]) -> tuple[date, str]:
    try:
        month = date.fromisoformat(period["TimePeriod"]["Start"][:10]).replace(day=1)
        amounts = {name: Decimal(m["Amount"]) for name, m in period["Total"].items()}
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise _unknown_form(error) from error
    if not any(amounts.values()):
        return month, ""
    parts = [f"{name} {amount}" for name, amount in sorted(amounts.items())]
    return month, "; ".join([*parts, f"estimated {period.get('Estimated', False)}"])


def _unknown_form(error: Exception) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"Unexpected response format from AWS ({reason_of(error)}).",
        where=WHERE,
        next_step="What was loaded before stays current.",
    )


def _contradiction(what: str, day: date) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"The pages of one answer give two amounts of {what} on {day}.",
        where=WHERE,
        next_step="What was loaded before stays current; run again later.",
    )
