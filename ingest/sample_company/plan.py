"""From the table of spending to the charges of each month.

Amounts are planned in euros, brought to the case's proportion (a month of the hybrid
costs 40 % less than a month of phase 1) and only then turned into whole units of the
billing currency.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.anomalies import price_factor, surges
from ingest.sample_company.api_spending import BY_DAY as API_SPENDING
from ingest.sample_company.charges import BY_DAY, surge_ratio
from ingest.sample_company.events import Draft, base_charge, event_drafts, month_account
from ingest.sample_company.exchange import PRECISE_UNITS, draw_exchange
from ingest.sample_company.mixed_gpus import mixed_gpu_drafts
from ingest.sample_company.money import to_units
from ingest.sample_company.organisation import MODELS
from ingest.sample_company.price_list import SKUS, per_thousand
from ingest.sample_company.railway_bill import MONTHLY_FEES
from ingest.sample_company.spending import PROMOTION, SPENDING, Spend
from ingest.sample_company.timeline import PHASES, epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sample_company.charges import Charge, Tags
    from ingest.sample_company.exchange import Exchange
    from ingest.sample_company.timeline import Month, Timeline

HYBRID_TO_MANAGED: Final = 0.60
_WIGGLE: Final = 0.02
_PROMOTED_MONTHS: Final = 3
_ALIASES: Final = {model.id: model.aliases for model in MODELS}


@dataclass(frozen=True, slots=True)
class Plan:
    """All charges by month, and the inputs of their planning.

    Parameters
    ----------
    timeline : Timeline
        The months.
    charges : tuple of tuples of Charge
        Charges of each month; taxes are not among them, they follow from the lines.
    exchange : Exchange
        Dollar exchange rates.
    """

    timeline: Timeline
    charges: tuple[tuple[Charge, ...], ...]
    exchange: Exchange


def make_plan(timeline: Timeline, rng: np.random.Generator) -> Plan:
    """Plan every charge of every month."""
    exchange = draw_exchange(timeline, rng)
    drafts = [list(_month_drafts(month, timeline, rng)) for month in timeline.months]
    factor = _hybrid_factor(drafts, exchange, timeline)
    charges = tuple(
        tuple(_with_amount(draft, factor, exchange) for draft in month)
        for month in drafts
    )
    return Plan(timeline, charges, exchange)


def _hybrid_factor(
    drafts: list[list[Draft]], exchange: Exchange, timeline: Timeline
) -> float:
    """Return the factor from the hybrid's mean month to its part of phase 1."""

    def total(months: tuple[Month, ...], *, scaled: bool) -> float:
        return sum(
            draft.effective
            for month in months
            for draft in drafts[month.index]
            if draft.is_ai_spend and draft.is_scaled == scaled
        )

    managed, hybrid = timeline.of("managed_kubernetes"), timeline.of("hybrid")
    mean = total(managed, scaled=False) / len(managed)
    # Railway's fees are fixed, and come with its invoices.
    fees = sum(MONTHLY_FEES * _rate(exchange, month) for month in hybrid[:-1])
    wanted = HYBRID_TO_MANAGED * mean * len(hybrid) - fees
    return (wanted - total(hybrid, scaled=False)) / total(hybrid, scaled=True)


def _rate(exchange: Exchange, month: Month) -> float:
    return exchange.precise_rate(month) / PRECISE_UNITS


def _with_amount(draft: Draft, factor: float, exchange: Exchange) -> Charge:
    charge = draft.charge
    lasting = sum(c.rate for c in charge.credits if c.type != PROMOTION.type)
    eur = draft.eur * (factor if draft.is_scaled else 1.0) / (1.0 - lasting)
    is_euro = charge.currency == "EUR"
    rate = 1.0 if is_euro else _rate(exchange, charge.month)
    return replace(charge, amount=to_units(eur / rate))


def _month_drafts(
    month: Month, timeline: Timeline, rng: np.random.Generator
) -> Iterator[Draft]:
    position = PHASES.index(month.phase)
    for spend in (*SPENDING, *API_SPENDING):
        wiggle = float(np.exp(rng.normal(0.0, _WIGGLE)))
        if spend.eur[position]:
            charge = _charge_of(spend, month, timeline)
            more = price_factor(spend.sku, month, timeline)
            if charge.surges:
                more *= surge_ratio(charge, epoch_seconds(timeline.end))
            yield Draft(spend.eur[position] * wiggle * more, charge)
    yield from event_drafts(month, timeline)
    yield from mixed_gpu_drafts(month, timeline)


def _charge_of(spend: Spend, month: Month, timeline: Timeline) -> Charge:
    sku = SKUS[spend.sku]
    is_token = sku.key.startswith("gcp-tokens")
    is_promoted = is_token and month.index < _PROMOTED_MONTHS
    periods = {"hour": month.hour_count, "day": month.day_count, "month": 1}
    sku = per_thousand(sku) if is_token and month.phase != "hybrid" else sku
    price = sku.price * price_factor(spend.sku, month, timeline)
    base = base_charge(
        spend.name,
        spend.source,
        replace(sku, price=price),
        month_account(spend.account, month, timeline),
        month,
        timeline,
    )
    return replace(
        base,
        kind=spend.kind,
        line_count=periods[spend.grain] * spend.resources,
        placement=spend.placement,
        grain=spend.grain,
        pattern=spend.pattern,
        resource_count=spend.resources,
        tags=_tags(spend, month, timeline),
        credits=(*spend.credits, *((PROMOTION,) if is_promoted else ())),
        surges=surges(spend.source, spend.name, month, timeline),
    )


def _tags(spend: Spend, month: Month, timeline: Timeline) -> Tags:
    """Return the tags, with the model's under the name that it had at the time."""
    if spend.placement.kind != "model" or spend.source in BY_DAY:
        return spend.tags
    model = spend.placement.target
    if spend.source != "aws" or month.index >= timeline.migration_index:
        return (*spend.tags, ("model", model))
    return (*spend.tags, ("ml_model", (_ALIASES[model] or (model,))[0]))
