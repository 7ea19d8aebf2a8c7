"""What the allocation must come to, in fractions, written apart from the SQL.

Shares are rounded down at fourteen decimals; each part of an amount is rounded to
ten, halves away from zero, and what that leaves over goes to the largest share,
ties by id.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.dbt.allocation_case import (
    ALIASES,
    METERED_DRIVERS,
    NODE_NAMES,
    POLICY_COMPONENTS,
    Pool,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tests.dbt.allocation_case import Accelerator, Case, Charge, Compute, Usage

IDLE = "__idle__"
UNALLOCATED = "__unallocated__"
BASES = ("billed_cost", "effective_cost")
INTERVALS = ("hour", "day", "month")

Span = tuple[str, str, datetime]
Reading = tuple[datetime, str | None, Fraction, Fraction]
Weights = dict[str | None, Fraction]
#: source, month, day, currency, component, pool, model, team
Place = tuple[str, str, datetime, str, str, str | None, str | None, str | None]
Amounts = tuple[Decimal, ...]


def rounded(value: Fraction, places: int) -> Fraction:
    """Round halves away from zero."""
    scale = 10**places
    magnitude = int(abs(value) * scale + Fraction(1, 2))
    return Fraction(magnitude if value >= 0 else -magnitude, scale)


def rounded_down(value: Fraction, places: int) -> Fraction:
    """Round a value that is not negative down."""
    return Fraction(int(value * 10**places), 10**places)


def divided(amount: Fraction, shares: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Divide an amount so that the parts sum to it exactly."""
    parts = {name: rounded(amount * share, 10) for name, share in shares.items()}
    receiver = min(shares, key=lambda name: (-shares[name], name))
    parts[receiver] += amount - sum(parts.values())
    return parts


def start_of(interval: str, moment: datetime) -> datetime:
    """Return the start of the hour, day or month of a moment."""
    day = moment.replace(hour=0)
    return {"hour": moment, "day": day, "month": day.replace(day=1)}[interval]


class Allocation:
    """The reference for one case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._pools = {pool.name: pool for pool in (*case.pools, *_policy_pools(case))}
        self._weights: dict[Span, Weights] = {}
        self._capacities: dict[Span, Fraction] = defaultdict(Fraction)
        for pool in self._pools.values():
            for reading in self._readings(pool):
                self._add(pool, reading)

    def components(self) -> dict[Place, Amounts]:
        """Return the amounts of the whole ledger, by where they end."""
        totals: dict[Place, list[Fraction]] = defaultdict(lambda: [Fraction()] * 2)
        for place, amounts in [*self._undivided(), *self._divided()]:
            pairs = zip(totals[place], amounts, strict=True)
            totals[place] = [total + amount for total, amount in pairs]
        return {place: _decimals(amounts) for place, amounts in totals.items()}

    def _undivided(self) -> Iterator[tuple[Place, list[Fraction]]]:
        for charge in self._case.charges:
            if charge.component != "shared" and not self._is_distributed(charge):
                keeps = (
                    charge.component != "unused_commitment"
                    or self._case.keeps_unused_owner
                )
                owner = (charge.model, charge.team) if keeps else (None, None)
                place = _place(charge, charge.component, None, *owner)
                yield place, [Fraction(getattr(charge, basis)) for basis in BASES]

    def _divided(self) -> Iterator[tuple[Place, list[Fraction]]]:
        for charge, amounts in self._origins():
            pool_name = charge.pool or f"__{charge.component}__"
            pool = self._pools.get(pool_name)
            component = charge.component
            if component == "shared" and pool is not None:
                component = pool.component
            span = self._metered_span(charge, pool_name)
            shares = self._shares(pool, span)
            parts = [divided(amount, shares) for amount in amounts]
            for name in shares:
                money = [part[name] for part in parts]
                if name == IDLE and pool is not None and pool.idle == "distribute":
                    yield from self._distributed(charge, pool_name, span, money)
                    continue
                ends_in = _ends_in(component, name)
                model = None if name in {IDLE, UNALLOCATED} else name
                yield _place(charge, ends_in, pool_name, model, None), money

    def _distributed(
        self, charge: Charge, pool: str, span: Span, idle: list[Fraction]
    ) -> Iterator[tuple[Place, list[Fraction]]]:
        weights = {m: w for m, w in self._weights[span].items() if m and w > 0}
        total = sum(weights.values(), Fraction())
        if not weights:
            yield _place(charge, "idle", pool, None, None), idle
            return
        shares = {m: rounded_down(w / total, 14) for m, w in weights.items()}
        parts = [divided(amount, shares) for amount in idle]
        for model in shares:
            money = [part[model] for part in parts]
            yield _place(charge, "idle", pool, model, None), money

    def _origins(self) -> Iterator[tuple[Charge, list[Fraction]]]:
        """Yield one charge for each origin, with the sums of all that belong to it."""
        groups: dict[tuple[object, ...], list[Charge]] = defaultdict(list)
        for charge in self._case.charges:
            if charge.component == "shared" or self._is_distributed(charge):
                key = (
                    *(charge.pool, charge.component, charge.interval),
                    *(charge.started_at, charge.source, charge.currency),
                )
                groups[key].append(charge)
        for charges in groups.values():
            sums = [
                sum((Fraction(getattr(c, basis)) for c in charges), Fraction())
                for basis in BASES
            ]
            yield charges[0], sums

    def _is_distributed(self, charge: Charge) -> bool:
        is_owned = charge.model is not None or charge.team is not None
        return charge.component in self._case.distributed and not is_owned

    def _metered_span(self, charge: Charge, pool: str) -> Span:
        interval = charge.interval if charge.component == "shared" else "month"
        span = (pool, interval, start_of(interval, charge.started_at))
        has_reading = self._capacities.get(span, 0) > 0 or any(
            weight > 0 for weight in self._weights.get(span, {}).values()
        )
        if interval == "hour" and not has_reading:
            return (pool, "day", start_of("day", charge.started_at))
        return span

    def _shares(self, pool: Pool | None, span: Span) -> dict[str, Fraction]:
        if pool is not None and pool.driver == "fixed":
            return self._fixed_shares(pool)
        weights = self._weights.get(span, {})
        used = sum(weights.values(), Fraction())
        total = max(used, self._capacities.get(span, Fraction()))
        shares = {
            model or UNALLOCATED: rounded_down(weight / total, 14)
            for model, weight in weights.items()
            if weight > 0
        }
        if total > used:
            shares[IDLE] = rounded_down((total - used) / total, 14)
        return shares or {UNALLOCATED: Fraction(1)}

    def _fixed_shares(self, pool: Pool) -> dict[str, Fraction]:
        shares: dict[str, Fraction] = defaultdict(Fraction)
        for name, model, percentage in self._case.percentages:
            if name == pool.name:
                shares[_canonical(model)] += Fraction(percentage) / 100
        return dict(shares)

    def _add(self, pool: Pool, reading: Reading) -> None:
        moment, model, weight, capacity = reading
        for interval in INTERVALS:
            span = (pool.name, interval, start_of(interval, moment))
            weights = self._weights.setdefault(span, {})
            before = weights.get(model, Fraction())
            is_even = pool.driver == "even"
            weights[model] = max(before, weight) if is_even else before + weight
            self._capacities[span] += capacity

    def _readings(self, pool: Pool) -> Iterator[Reading]:
        nodes = list(self._readings_of_nodes(pool))
        yield from nodes
        days_read = {_day(moment) for moment, *_ in nodes}
        if pool.driver in METERED_DRIVERS:
            for usage in self._case.usage:
                if (
                    usage.pool in {None, pool.name}
                    and _day(usage.started_at) not in days_read
                ):
                    weight = _usage_weight(pool.driver, usage)
                    model = _canonical(usage.model)
                    yield usage.started_at, model, weight, Fraction()
        elif pool.driver == "direct_cost":
            for (model, day), cost in self._direct_costs().items():
                weight = rounded(max(cost, Fraction()), 8)
                yield day, model, weight, Fraction()
        elif pool.driver == "even":
            days = {(_canonical(u.model), _day(u.started_at)) for u in self._case.usage}
            for model, day in days | self._direct_costs().keys():
                yield day, model, Fraction(1), Fraction()

    def _readings_of_nodes(self, pool: Pool) -> Iterator[Reading]:
        """Yield what meters of nodes say; on a day of theirs, usage does not count."""
        if pool.driver == "gpu_hours":
            own = [row for row in self._case.accelerators if row.pool == pool.name]
            yield from _readings_once(own, _gpus)
        elif pool.driver == "cpu_memory_hours":
            cores = [row for row in self._case.compute if row.pool == pool.name]
            yield from _readings_once(cores, _cpu_memory)

    def _direct_costs(self) -> dict[tuple[str, datetime], Fraction]:
        costs: dict[tuple[str, datetime], Fraction] = defaultdict(Fraction)
        for charge in self._case.charges:
            if charge.component == "direct" and charge.model is not None:
                key = (charge.model, _day(charge.started_at))
                costs[key] += Fraction(charge.effective_cost)
        return dict(costs)


def _policy_pools(case: Case) -> Iterable[Pool]:
    for component in POLICY_COMPONENTS:
        if component in case.distributed:
            yield Pool(f"__{component}__", "direct_cost", "show", component)


def _readings_once(
    rows: Sequence[Accelerator] | Sequence[Compute],
    weigh: Callable[..., Fraction],
) -> Iterator[Reading]:
    """Yield each reading; of a node that two meters look at, the greater of each."""
    meters: dict[tuple[str | None, datetime], set[str]] = defaultdict(set)
    for row in rows:
        if row.node is not None:
            meters[_node(row), row.started_at].add(row.meter)
    merged: dict[tuple[str | None, datetime], list[Any]] = defaultdict(list)
    for row in rows:
        if len(meters[_node(row), row.started_at]) > 1:
            merged[_node(row), row.started_at].append(row)
        else:
            model, weight = _canonical_or_nobody(row.model), _held([row], weigh)
            yield row.started_at, model, weight, weigh(*_greatest([row], "capacity"))
    for (_, moment), seen in merged.items():
        yield moment, None, Fraction(), weigh(*_greatest(seen, "capacity"))
        for model in {_canonical_or_nobody(row.model) for row in seen}:
            own = [row for row in seen if _canonical_or_nobody(row.model) == model]
            yield moment, model, _held(own, weigh), Fraction()


def _held(rows: Sequence[Any], weigh: Callable[..., Fraction]) -> Fraction:
    requested, used = _greatest(rows, "requested"), _greatest(rows, "used")
    return weigh(*(max(pair) for pair in zip(requested, used, strict=True)))


def _greatest(rows: Sequence[Any], name: str) -> list[Fraction]:
    """Return what the meter that reads most makes of each quantity of that name."""
    sums: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    for row in rows:
        value = getattr(row, name)
        quantities = value if isinstance(value, tuple) else (value,)
        for position, quantity in enumerate(quantities):
            sums[row.meter, position] += _fraction(quantity)
    positions = sorted({position for _, position in sums})
    return [max(v for (_, each), v in sums.items() if each == p) for p in positions]


def _node(row: Accelerator | Compute) -> str | None:
    return NODE_NAMES.get(row.node, row.node) if row.node else None


def _gpus(hours: Fraction) -> Fraction:
    return hours


def _cpu_memory(core_hours: Fraction, gibibyte_hours: Fraction) -> Fraction:
    return core_hours + Fraction("0.134") * gibibyte_hours


def _usage_weight(driver: str, usage: Usage) -> Fraction:
    match driver:
        case "gpu_hours":
            return _fraction(usage.gpu_hours)
        case "requests":
            return _fraction(usage.requests)
        case "tokens":
            return _fraction(usage.input_tokens)
    return _cpu_memory(_fraction(usage.core_hours), _fraction(usage.gibibyte_hours))


def _ends_in(component: str, participant: str) -> str:
    if participant == IDLE:
        return "idle"
    if participant == UNALLOCATED and component in {"shared", "overhead"}:
        return "unallocated"
    return component


def _place(
    charge: Charge,
    component: str,
    pool: str | None,
    model: str | None,
    team: str | None,
) -> Place:
    day = _day(charge.started_at)
    month = day.strftime("%Y-%m")
    return (
        *(charge.source, month, day, charge.currency),
        *(component, pool, model, team),
    )


def _decimals(amounts: Iterable[Fraction]) -> Amounts:
    scaled = [amount * 10**10 for amount in amounts]
    assert all(amount.denominator == 1 for amount in scaled)
    return tuple(Decimal(int(amount)).scaleb(-10) for amount in scaled)


def _canonical(model: str) -> str:
    return ALIASES.get(model, model)


def _canonical_or_nobody(model: str | None) -> str | None:
    return None if model is None else _canonical(model)


def _fraction(value: Decimal | None) -> Fraction:
    return Fraction(0 if value is None else value)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0)
