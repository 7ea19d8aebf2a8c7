"""Sichtweite Inc.: three GPU machines at AWS in one pool, shared by three models.

One p4d.24xlarge (eight A100) is on demand, one is a spot machine, one is reserved
without anything upfront. In September the reserved one is off for the last six days,
and the reservation is left unused. The machines are cut into slices (MIG), and a meter
counts slice hours: seven of them are a GPU hour. September's bill has a refund for a
day of August, a tax, and the website's storage, which is no AI.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.acceptance.companies.files import (
    DAY,
    Truth,
    copy_settings,
    cur_line,
    day_count,
    month_days,
    total,
    write_rows,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

MONTHS = ("2026-08", "2026-09")
MODELS = {"chat": "assist", "embed": "search", "rerank": "search"}
RESERVATION = "arn:aws:ec2:eu-central-1:123456789012:reserved-instances/ri-0a1"
#: What a machine costs an hour [USD]; of the reserved one, its recurring fee.
RATES = {"i-od": Decimal(32), "i-spot": Decimal(12), "i-ri": Decimal(20)}
HOURS, GPUS, SLICES = Decimal(24), Decimal(8), Decimal(7)
#: First day on which the reserved machine is off; days of September after it, and it.
OFF_FROM, OFF_DAYS = "2026-09-25", Decimal(6)
REFUND_DAY, REFUND = "2026-08-10", Decimal("-640.00")
TAX, STORAGE = Decimal("100.00"), Decimal("10.00")
REQUESTS = {"chat": 50_000, "embed": 400_000, "rerank": 80_000}
BUDGETS = {"2026-08": Decimal("50000.00"), "2026-09": Decimal("40000.00")}
#: All that was promised: a year of 8,760 hours from 1 August.
COMMITTED = RATES["i-ri"] * 8_760


@dataclass(frozen=True, slots=True)
class Held:
    """What a model requests and uses on a machine on one day [GPU hours]."""

    node: str
    model: str
    requested: Decimal
    used: Decimal


def _held(node: str, model: str, requested: int, used: int) -> Held:
    return Held(node, model, Decimal(requested), Decimal(used))


#: While the reserved machine runs, and on the days on which it is off.
USUAL = (
    _held("i-od", "chat", 96, 84),
    _held("i-ri", "embed", 96, 96),
    _held("i-ri", "rerank", 48, 24),
    _held("i-spot", "rerank", 48, 36),
    _held("i-spot", "embed", 96, 72),
)
OFF = (
    _held("i-od", "chat", 96, 84),
    _held("i-od", "embed", 48, 48),
    _held("i-spot", "rerank", 48, 36),
    _held("i-spot", "embed", 96, 72),
)


# --------------------------------------------------------------------------------------
# The truth, from the plan alone
# --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Split:
    """Where the money of the pool goes [USD]: by model, and of these what was used."""

    money: Decimal
    by_model: dict[str, Decimal]
    used: Decimal

    @property
    def idle(self) -> Decimal:
        """What nobody requested."""
        return self.money - total(self.by_model.values())

    @property
    def requested_idle(self) -> Decimal:
        """What models requested and did not use."""
        return total(self.by_model.values()) - self.used


def split(money: Decimal, nodes: tuple[str, ...], held: tuple[Held, ...]) -> Split:
    """Divide money by the part of its machines' GPU hours that each model holds."""
    capacity = GPUS * HOURS * len(nodes)
    own = [one for one in held if one.node in nodes]
    by_model = dict.fromkeys(MODELS, Decimal(0))
    for one in own:
        by_model[one.model] += money * one.requested / capacity
    return Split(money, by_model, total(money * one.used / capacity for one in own))


def added(*parts: tuple[Decimal, Split]) -> Split:
    """Add up splits, each a number of times."""
    by_model = {
        model: total(times * part.by_model[model] for times, part in parts)
        for model in MODELS
    }
    money = total(times * part.money for times, part in parts)
    return Split(money, by_model, total(times * part.used for times, part in parts))


_DAY = {node: rate * HOURS for node, rate in RATES.items()}
#: Machines at the usual price are one kind of GPU hour, spot machines another.
USUAL_DAY = split(_DAY["i-od"] + _DAY["i-ri"], ("i-od", "i-ri"), USUAL)
OFF_DAY = split(_DAY["i-od"], ("i-od",), OFF)
SPOT_DAY = split(_DAY["i-spot"], ("i-spot",), USUAL)
#: A refund is divided like the charge of its day.
REFUNDED = split(REFUND, ("i-od", "i-ri"), USUAL)

AUGUST = added((day_count("2026-08"), USUAL_DAY), (day_count("2026-08"), SPOT_DAY))
SEPTEMBER = added(
    (day_count("2026-09") - OFF_DAYS, USUAL_DAY),
    (OFF_DAYS, OFF_DAY),
    (day_count("2026-09"), SPOT_DAY),
)


def truth() -> Truth:
    """Return every figure that the product may state, worked out from the plan."""
    one = Decimal(1)
    billed_september = added((one, SEPTEMBER), (one, REFUNDED))
    unused = OFF_DAYS * _DAY["i-ri"]
    facts = _month("2026-08", AUGUST, Decimal(0))
    facts |= _month("2026-09", billed_september, unused)
    facts |= _reservation(unused) | _hours()
    # Worked out by hand: 43,200 + 2,880 − 640, and what of it nobody requested.
    assert facts["2026-09.ai_cost.effective"] == Decimal("45440.00")
    assert facts["2026-09.idle.infrastructure"] == Decimal("14304.00")
    assert facts["2026-08.ai_cost.effective"] == Decimal("47616.00")
    facts["2026-08.ledger"] = facts["2026-08.ai_cost.effective"]
    facts["2026-09.ledger"] = Decimal("45440.00") + TAX + STORAGE
    facts["2026-09.tax"] = TAX
    facts["2026-09.out_of_scope"] = STORAGE
    facts["bridge.change"] = Decimal("-2176.00")
    facts["bridge.corrections"] = REFUND
    models = total(billed_september.by_model.values())
    requests = sum(REQUESTS.values()) * day_count("2026-09")
    facts["2026-09.cost_per_thousand_requests.all"] = models * 1_000 / requests
    # No machine's price changed.
    facts["bridge.rate"] = Decimal(0)
    return facts


def _month(month: str, pool: Split, unused: Decimal) -> Truth:
    """Return the money of a month [USD], the refund in the month of its bill."""
    spend = pool.money + unused
    facts: Truth = {
        "ai_cost.effective": spend,
        # The recurring fee is billed whole, used or not.
        "ai_cost.billed": spend,
        "unused_commitment": unused,
        "unallocated.effective": Decimal(0),
        "unallocated.billed": Decimal(0),
        "idle.infrastructure": pool.idle,
        "idle.requested": pool.requested_idle,
        "idle.used": pool.used,
        "idle.share": pool.idle / pool.money,
        "team.platform.idle": pool.idle,
        "team.assist": pool.by_model["chat"],
        "team.search": pool.by_model["embed"] + pool.by_model["rerank"],
        "budget": BUDGETS[month],
        "budget.variance": spend - BUDGETS[month],
        "budget.share": spend / BUDGETS[month],
    }
    for model, cost in pool.by_model.items():
        served = REQUESTS[model] * day_count(month)
        facts |= {
            f"model.{model}": cost,
            f"requests.{model}": served,
            f"cost_per_thousand_requests.{model}": cost * 1_000 / served,
        }
    return {f"{month}.{name}": value for name, value in facts.items()}


def _reservation(unused: Decimal) -> Truth:
    """Return what the reservation bought, covered and left unused [USD]."""
    bought = {month: _DAY["i-ri"] * day_count(month) for month in MONTHS}
    used = total(bought.values()) - unused
    return {
        "2026-08.reservation.purchased": bought["2026-08"],
        "2026-08.reservation.used": bought["2026-08"],
        "2026-08.reservation.unused": Decimal(0),
        "2026-08.reservation.utilisation": Decimal(1),
        "2026-09.reservation.purchased": bought["2026-09"],
        "2026-09.reservation.used": bought["2026-09"] - unused,
        "2026-09.reservation.unused": unused,
        "2026-09.reservation.utilisation": 1 - unused / bought["2026-09"],
        "reservation.used_to_date": used,
        "reservation.lapsed": unused,
        "reservation.left": COMMITTED - used - unused,
    }


def _hours() -> Truth:
    """Return GPU hours, and what one of August costs: at the machines, and by model."""
    august, september = (day_count(month) for month in MONTHS)
    machine_day = GPUS * HOURS
    facts: Truth = {
        "2026-08.capacity_gpu_hours": 3 * machine_day * august,
        "2026-09.capacity_gpu_hours": machine_day * (3 * september - OFF_DAYS),
        "2026-08.idle_gpu_hours": august * (3 * machine_day - _requested(USUAL)),
        "2026-09.idle_gpu_hours": (september - OFF_DAYS)
        * (3 * machine_day - _requested(USUAL))
        + OFF_DAYS * (2 * machine_day - _requested(OFF)),
        # What the machines charge by the GPU hours that they offer.
        "2026-08.price.gpu_hour": AUGUST.money / (3 * machine_day * august),
        "2026-08.price.gpu_hour.spot": RATES["i-spot"] / GPUS,
        "2026-08.price.gpu_hour.usual": (RATES["i-od"] + RATES["i-ri"]) / (2 * GPUS),
    }
    for model in MODELS:
        held = august * _requested(USUAL, model)
        used = august * total(one.used for one in USUAL if one.model == model)
        facts[f"2026-08.gpu_hours.held.{model}"] = held
        facts[f"2026-08.gpu_hours.used.{model}"] = used
        # Divided by what it holds, for that is what the money is divided by.
        facts[f"2026-08.cost_per_gpu_hour.{model}"] = AUGUST.by_model[model] / held
    return facts


def _requested(held: tuple[Held, ...], model: str | None = None) -> Decimal:
    """Return what models request on one day [GPU hours]."""
    return total(one.requested for one in held if model in {None, one.model})


# --------------------------------------------------------------------------------------
# The files
# --------------------------------------------------------------------------------------


def write(root: Path) -> None:
    """Write the workspace of the company."""
    copy_settings("gpu", root)
    for month in MONTHS:
        write_rows(root / f"bills/aws/cur-{month}.csv", _bill(month))
    _write_meters(root / "meters")
    budgets = [
        {"budget_month": month, "scope_type": "all", "scope_id": "all",
         "budget_amount": amount, "currency": "USD"}
        for month, amount in BUDGETS.items()
    ]  # fmt: skip
    write_rows(root / "budgets.csv", budgets)
    commitment = {
        "commitment_id": RESERVATION, "commitment_name": "One GPU machine",
        "commitment_type": "reserved", "bill_source": "aws",
        "starts_at": "2026-08-01", "ends_at": "2027-08-01",
        "granted_amount": COMMITTED, "currency": "USD",
    }  # fmt: skip
    write_rows(root / "commitments.csv", [commitment])


def _bill(month: str) -> list[dict[str, object]]:
    """Return CUR 2.0 of a month: machines by day, the reservation, and the rest."""
    period = month_days(month)
    running = [day for day in period if str(day) < OFF_FROM]
    lines = [_machine(month, day, node) for day in period for node in RATES
             if node != "i-ri" or day in running]  # fmt: skip
    lines.append(_recurring_fee(month, period, len(period) - len(running)))
    if month == "2026-09":
        lines += _refund_tax_and_storage(month, period)
    return lines


def _machine(month: str, day: date, node: str) -> dict[str, object]:
    """Return a day of a machine; what a reservation covers is billed by its fee."""
    usage, term = {
        "i-od": ("BoxUsage", "OnDemand"),
        "i-spot": ("SpotUsage", "Spot"),
        "i-ri": ("BoxUsage", "Reserved"),
    }[node]
    covered = {
        "line_item_type": "DiscountedUsage",
        "unblended_cost": 0,
        "reservation_effective_cost": _DAY[node],
        "reservation_reservation_a_r_n": RESERVATION,
    }
    own = covered if node == "i-ri" else {"unblended_cost": _DAY[node]}
    return cur_line(
        month, day, day + DAY, {"cluster": "gpu"},
        product_code="AmazonEC2",
        usage_type=f"EUC1-{usage}:p4d.24xlarge",
        operation="RunInstances",
        resource_id=node,
        usage_amount=HOURS,
        term=term,
        unit="Hrs",
        public_on_demand_cost=RATES["i-od"] * HOURS,
        public_on_demand_rate=RATES["i-od"],
        instance_type="p4d.24xlarge",
        servicecode="AmazonEC2",
        line_item_description=f"p4d.24xlarge, {term}",
        **own,
    )  # fmt: skip


def _recurring_fee(month: str, period: list[date], off: int) -> dict[str, object]:
    """Return the fee of the reservation: all hours of a month, and the unused ones."""
    return cur_line(
        month, period[0], period[-1] + DAY, {},
        line_item_type="RIFee",
        product_code="AmazonEC2",
        usage_type="EUC1-HeavyUsage:p4d.24xlarge",
        operation="RunInstances",
        usage_amount=HOURS * len(period),
        unblended_cost=_DAY["i-ri"] * len(period),
        line_item_description="USD 20.0 hourly fee per Linux, p4d.24xlarge instance",
        unit="Hrs",
        instance_type="p4d.24xlarge",
        servicecode="AmazonEC2",
        reservation_reservation_a_r_n=RESERVATION,
        reservation_unused_amortized_upfront_fee_for_billing_period=0,
        reservation_unused_recurring_fee=_DAY["i-ri"] * off,
    )  # fmt: skip


def _refund_tax_and_storage(month: str, period: list[date]) -> list[dict[str, object]]:
    first = period[0]
    refunded = next(day for day in month_days("2026-08") if str(day) == REFUND_DAY)
    machine = {
        "product_code": "AmazonEC2",
        "usage_type": "EUC1-BoxUsage:p4d.24xlarge",
        "instance_type": "p4d.24xlarge",
        "resource_id": "i-od",
    }
    return [
        cur_line(
            month, refunded, refunded + DAY, {"cluster": "gpu"},
            line_item_type="Refund", unblended_cost=REFUND,
            line_item_description="Refund for impaired service", **machine,
        ),
        cur_line(
            month, first, period[-1] + DAY, {},
            line_item_type="Tax", product_code="AmazonEC2", unblended_cost=TAX,
            line_item_description="Tax for product code AmazonEC2",
        ),
        cur_line(
            month, first, first + DAY, {"purpose": "website"},
            product_code="AmazonS3", usage_type="EUC1-TimedStorage-ByteHrs",
            unblended_cost=STORAGE, servicecode="AmazonS3",
            resource_id="website-images", line_item_description="Storage",
        ),
    ]  # fmt: skip


def _write_meters(folder: Path) -> None:
    readings, served = [], []
    for day in [day for month in MONTHS for day in month_days(month)]:
        is_off = str(day) >= OFF_FROM
        readings += [
            _reading(day, node, capacity=GPUS * HOURS)
            for node in RATES
            if node != "i-ri" or not is_off
        ]
        readings += [
            _reading(day, one.node, one.model, requested=one.requested, used=one.used)
            for one in (OFF if is_off else USUAL)
        ]
        served += [
            {"date": day, "model": model, "requests": count,
             "successful_requests": count}
            for model, count in REQUESTS.items()
        ]  # fmt: skip
    write_rows(folder / "slices.csv", readings)
    write_rows(folder / "requests.csv", served)


def _reading(
    day: date, node: str, model: str = "", **gpu_hours: Decimal
) -> dict[str, object]:
    """Return what the meter of slices read on a day: seven slices are a GPU."""
    names = ("capacity", "requested", "used")
    hours = {
        f"{name}_slice_hours": gpu_hours[name] * SLICES if name in gpu_hours else ""
        for name in names
    }
    return {
        "day": day,
        "pool": "gpu",
        "node": node,
        "model": model,
        "gpu_model": "A100",
        "capacity_type": "spot" if node == "i-spot" else "on-demand",
        **hours,
    }
