"""Figures that people decide on, as they were planned: part of the planted truth.

Each is added up from the plan, from meters and from the lines that were drawn; nothing
here knows how the pipeline comes to the same.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ingest.sample_company.ledger import TOKEN_KINDS
from ingest.sample_company.money import UNITS, to_decimal
from ingest.sample_company.timeline import HOURS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.sample_company.charges import Charge
    from ingest.sample_company.ledger import Ledger
    from ingest.sample_company.metering import Meters
    from ingest.sample_company.splits import PoolMonth
    from ingest.sample_company.timeline import Timeline

    Tree = dict[str, Any]

_KINDS: Final = tuple(dict.fromkeys(TOKEN_KINDS.values()))
_OF_NO_KIND: Final = "other"
_TOKEN_POOLS: Final = ("llm-gateway", "openai-key")


def token_costs(
    split: Mapping[str, Mapping[str, PoolMonth]],
    ledger: Ledger,
    meters: Meters,
    timeline: Timeline,
) -> Tree:
    """Return model → month → kind → effective EUR: pools, and the models' own lines."""
    models = sorted(
        {one.model for pool in _TOKEN_POOLS for one in meters.of_pool(pool)}
    )
    return {
        model: {
            month.label: _by_kind(model, month.label, split, ledger)
            for month in timeline.months
        }
        for model in models
    }


def _by_kind(
    model: str,
    month: str,
    split: Mapping[str, Mapping[str, PoolMonth]],
    ledger: Ledger,
) -> Tree:
    parts: dict[str, float] = defaultdict(float)
    for pool in _TOKEN_POOLS:
        for kind, amounts in split[pool][month].kinds.items():
            parts[kind or _OF_NO_KIND] += amounts.get(model, 0.0)
    for kind in _KINDS:
        parts[kind] += ledger.token_euros(model, month, kind) / UNITS
    return {kind: millionths(parts[kind]) for kind in (*_KINDS, _OF_NO_KIND)}


def monthly_fees(ledger: Ledger) -> Tree:
    """Return source → month → service → EUR of fees on the first of a month."""
    tree: Tree = {}
    for source, month, currency, service in sorted(ledger.fees):
        euros = ledger.fee_euros(source, month, currency, service)
        services = tree.setdefault(source, {}).setdefault(month, {})
        services[service] = to_decimal(euros)
    return tree


def prepayments(charges: Iterable[Iterable[Charge]]) -> Tree:
    """Return commitment → amount prepaid for it, and amount drawn so far.

    A savings plan is paid month by month, and is none of them.
    """
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for month in charges:
        for charge in month:
            if charge.commitment_id:
                found[charge.commitment_id][charge.kind].append(charge.amount)
    return {
        commitment: {
            "paid": to_decimal(sum(amounts["purchase"])),
            "drawn": to_decimal(sum(amounts["covered"])),
        }
        for commitment, amounts in sorted(found.items())
        if len(amounts["purchase"]) == 1
    }


def served(meters: Meters, timeline: Timeline) -> Tree:
    """Return model → month → requests that were answered well, over all its pools."""
    tree: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for series in meters.usage:
        if series.successes is None:
            continue
        per_day = HOURS_PER_DAY if series.is_hourly else 1
        for month in timeline.months:
            first = timeline.day_offset(month) * per_day
            moments = slice(first, first + month.day_count * per_day)
            good = series.successes[moments][series.is_active[moments]]
            tree[series.model][month.label] += int(good.sum())
    return {model: dict(months) for model, months in sorted(tree.items())}


def millionths(amount: float) -> Decimal:
    """Return an amount that was divided by a meter, as far as it is right."""
    return Decimal(f"{amount + 0.0:.6f}")
