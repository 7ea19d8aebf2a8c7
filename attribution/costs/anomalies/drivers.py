"""Drivers of a cost increase: price, volume, or new resources.

The consumption of a line item is compared with that of the same weekdays of the four
weeks before, SKU by SKU: ``q1·(p1 − p0)`` is the price's part, ``(q1 − q0)·p0`` the
volume's. A resource without a past is new, as far as it does not replace a resource
that is gone: pods and instances come and go every day under individual names.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = "unknown"
#: A cause has to carry so much of the excess to be called likely.
_LEAST_PART = 0.4


class Item(NamedTuple):
    """Consumption of a SKU by a resource, before and during an anomaly.

    Money is effective cost; the value before is the cost of the same number of the same
    weekdays. Quantities are ``None`` where the bill gives none.
    """

    sku: str
    unit: str | None
    resource: str | None
    prior_cost: float
    cost: float
    prior_quantity: float | None
    quantity: float | None


@dataclass(frozen=True, slots=True)
class Driver:
    """The likely cause with the figures that decided it.

    Attributes
    ----------
    name : str
        price, volume, new_resource or unknown.
    subject : str or None
        The SKU or the resource that carries most of it.
    price_excess, volume_excess, new_resource_excess : float
        Parts of the excess, in money.
    unit : str or None
        Of the subject's quantities.
    prior_unit_price, unit_price, prior_quantity, quantity : float or None
        Of the subject, over the days of the anomaly.
    new_resource_count : int
        Resources without a past.
    """

    name: str
    subject: str | None = None
    price_excess: float = 0.0
    volume_excess: float = 0.0
    new_resource_excess: float = 0.0
    unit: str | None = None
    prior_unit_price: float | None = None
    unit_price: float | None = None
    prior_quantity: float | None = None
    quantity: float | None = None
    new_resource_count: int = 0


@dataclass(slots=True)
class _Sku:
    """Single SKU in a single unit, its new resources apart."""

    sku: str
    unit: str | None
    prior_cost: float = 0.0
    cost: float = 0.0
    prior_quantity: float = 0.0
    quantity: float = 0.0
    new_cost: float = 0.0
    gone_cost: float = 0.0
    new_quantity: float = 0.0
    gone_quantity: float = 0.0
    new_resources: dict[str, float] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        self.prior_cost += item.prior_cost
        self.cost += item.cost
        self.prior_quantity += item.prior_quantity or 0.0
        self.quantity += item.quantity or 0.0
        if item.resource is not None and item.prior_cost <= 0.0 < item.cost:
            self.new_cost += item.cost
            self.new_quantity += item.quantity or 0.0
            self.new_resources[item.resource] = item.cost
        elif item.resource is not None and item.cost <= 0.0 < item.prior_cost:
            self.gone_cost += item.prior_cost
            self.gone_quantity += item.prior_quantity or 0.0

    @property
    def from_new(self) -> float:
        """Return the cost of new resources beyond those they replace.

        Counted resources are replaced hour by hour: dearer hours are no new hours.
        """
        if self.prior_cost <= 0.0:
            return self.cost  # the SKU itself is new
        if self.new_quantity > 0.0 and self.gone_quantity > 0.0:
            more = max(0.0, 1.0 - self.gone_quantity / self.new_quantity)
            return self.new_cost * more
        return max(0.0, self.new_cost - self.gone_cost)

    @property
    def is_counted(self) -> bool:
        return self.prior_quantity > 0.0 and self.quantity > 0.0

    @property
    def prior_price(self) -> float | None:
        return self.prior_cost / self.prior_quantity if self.is_counted else None

    @property
    def price(self) -> float | None:
        return self.cost / self.quantity if self.is_counted else None

    def price_and_volume(self) -> tuple[float, float]:
        """Return the parts of price and volume, without new resources."""
        before, now = self.prior_price, self.price
        if before is None or now is None:
            return 0.0, 0.0
        # A net cost of nothing, such as a charge and its credit, has no new part.
        from_new = self.from_new / self.cost if self.cost else 0.0
        quantity = self.quantity * (1.0 - from_new)
        return quantity * (now - before), (quantity - self.prior_quantity) * before


def likely_driver(items: Iterable[Item], excess: float) -> Driver:
    """Return the likely reason that some days cost more than earlier days.

    Parameters
    ----------
    items : iterable of Item
        Everything that was consumed, before or during.
    excess : float
        Money above expectation; a cause must carry a good part of it.
    """
    skus: dict[tuple[str, str | None], _Sku] = {}
    for item in items:
        key = (item.sku, item.unit)
        skus.setdefault(key, _Sku(*key)).add(item)
    parts: dict[str, dict[tuple[str, str | None], float]] = defaultdict(dict)
    for key, sku in skus.items():
        parts["price"][key], parts["volume"][key] = sku.price_and_volume()
        parts["new_resource"][key] = sku.from_new
    sums = {name: sum(of_sku.values()) for name, of_sku in parts.items()}
    name = max(sums, key=lambda one: sums[one], default=UNKNOWN)
    if not sums or sums[name] < _LEAST_PART * excess:
        name = UNKNOWN
    return _described(name, skus, parts, sums)


def _described(
    name: str,
    skus: dict[tuple[str, str | None], _Sku],
    parts: dict[str, dict[tuple[str, str | None], float]],
    sums: dict[str, float],
) -> Driver:
    amounts = (
        sums.get("price", 0.0), sums.get("volume", 0.0), sums.get("new_resource", 0.0)
    )  # fmt: skip
    count = sum(len(sku.new_resources) for sku in skus.values() if sku.from_new > 0.0)
    if name == UNKNOWN:
        return Driver(UNKNOWN, None, *amounts, new_resource_count=count)
    of_name = parts[name]
    sku = skus[max(of_name, key=lambda key: (of_name[key], key[0]))]
    new = sku.new_resources
    is_new = name == "new_resource" and bool(new)
    return Driver(
        name,
        max(new, key=lambda one: (new[one], one)) if is_new else sku.sku,
        *amounts,
        unit=sku.unit,
        prior_unit_price=sku.prior_price,
        unit_price=sku.price,
        prior_quantity=sku.prior_quantity or None,
        quantity=sku.quantity or None,
        new_resource_count=count,
    )
