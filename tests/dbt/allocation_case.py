"""A ledger, its meters and its rules, as generated for a test of the allocation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from typing import TypeVar

    Row = TypeVar("Row")

MODELS = ("a", "b", "c")
#: The other name of a model, in meters and percentages.
ALIASES = {"b_alias": "b"}
#: The id under which a node is billed, and its name in the cluster.
NODE_NAMES = {"i-1": "n1"}
NODES = ("n1", "n2", "i-1", None)
SOURCES = ("aws", "gcp")
CURRENCIES = ("USD", "EUR")
#: Two days on both sides of the end of a month.
DAYS = (datetime(2026, 1, 31), datetime(2026, 2, 1))  # noqa: DTZ001  (UTC throughout)
HOURS = (0, 13)
METERED_DRIVERS = ("gpu_hours", "cpu_memory_hours", "requests", "tokens")
POLICY_COMPONENTS = ("tax", "credit", "unused_commitment")


@dataclass(frozen=True, slots=True)
class Charge:
    """One row of ``int_charges_owned``."""

    source: str
    currency: str
    component: str
    interval: str
    started_at: datetime
    billed_cost: Decimal
    effective_cost: Decimal
    model: str | None = None
    team: str | None = None
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading of ``int_model_usage``."""

    model: str
    pool: str | None
    started_at: datetime
    gpu_hours: Decimal | None
    core_hours: Decimal | None
    gibibyte_hours: Decimal | None
    requests: Decimal | None
    input_tokens: Decimal | None


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One reading of ``int_accelerator_usage``."""

    meter: str
    model: str | None
    pool: str
    node: str | None
    started_at: datetime
    capacity: Decimal | None
    requested: Decimal | None
    used: Decimal | None


@dataclass(frozen=True, slots=True)
class Compute:
    """One reading of ``int_compute_usage``; pairs are core-hours and GiB-hours."""

    meter: str
    model: str | None
    pool: str
    node: str | None
    started_at: datetime
    capacity: tuple[Decimal | None, Decimal | None]
    requested: tuple[Decimal | None, Decimal | None]
    used: tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class Pool:
    """One row of ``control.pools``."""

    name: str
    driver: str
    idle: str
    component: str


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the models from the pools to the components read."""

    charges: tuple[Charge, ...]
    usage: tuple[Usage, ...]
    accelerators: tuple[Accelerator, ...]
    compute: tuple[Compute, ...]
    pools: tuple[Pool, ...]
    percentages: tuple[tuple[str, str, Decimal], ...]
    distributed: frozenset[str]
    keeps_unused_owner: bool

    def shuffled(self, order: random.Random) -> Case:
        """Return the same rows in another order."""

        def shuffle(rows: Sequence[Row]) -> tuple[Row, ...]:
            return tuple(order.sample(rows, len(rows)))

        return replace(
            self,
            charges=shuffle(self.charges),
            usage=shuffle(self.usage),
            accelerators=shuffle(self.accelerators),
            compute=shuffle(self.compute),
            pools=shuffle(self.pools),
            percentages=shuffle(self.percentages),
        )

    def with_meters_doubled(self) -> Case:
        """Return the case in which every meter reads twice as much."""

        def twice(value: Decimal | None) -> Decimal | None:
            return None if value is None else value * 2

        return replace(
            self,
            usage=tuple(
                replace(
                    row,
                    gpu_hours=twice(row.gpu_hours),
                    core_hours=twice(row.core_hours),
                    gibibyte_hours=twice(row.gibibyte_hours),
                    requests=twice(row.requests),
                    input_tokens=twice(row.input_tokens),
                )
                for row in self.usage
            ),
            accelerators=tuple(
                replace(
                    row,
                    capacity=twice(row.capacity),
                    requested=twice(row.requested),
                    used=twice(row.used),
                )
                for row in self.accelerators
            ),
            compute=tuple(
                replace(
                    row,
                    capacity=(twice(row.capacity[0]), twice(row.capacity[1])),
                    requested=(twice(row.requested[0]), twice(row.requested[1])),
                    used=(twice(row.used[0]), twice(row.used[1])),
                )
                for row in self.compute
            ),
        )


def _decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    unit = Decimal(1).scaleb(-places)
    bounds = [int(Decimal(bound) / unit) for bound in (low, high)]
    return st.integers(*bounds).map(lambda count: count * unit)


def _amounts() -> st.SearchStrategy[Decimal]:
    extremes = [
        "0",
        "0.0000000001",
        "-0.0000000001",
        "1000000000",
        "-1000000000",
        "0.01",
    ]
    return st.one_of(
        st.sampled_from([Decimal(extreme) for extreme in extremes]),
        _decimals("-100", "100", 10),
        _decimals("-1000000000", "1000000000", 10),
    )


def _quantities() -> st.SearchStrategy[Decimal | None]:
    special = [None, Decimal(0), Decimal(1), Decimal(3)]
    return st.one_of(
        st.sampled_from(special), _decimals("0", "1000", 4), _decimals("0", "9e11", 0)
    )


def _moments() -> st.SearchStrategy[datetime]:
    return st.builds(
        lambda day, hour: day.replace(hour=hour),
        st.sampled_from(DAYS),
        st.sampled_from(HOURS),
    )


@st.composite
def _charges(draw: st.DrawFn, pools: Sequence[str]) -> Charge:
    component = draw(
        st.sampled_from(
            ["shared", "shared", "shared", "direct", "unallocated", *POLICY_COMPONENTS]
        )
    )
    is_shared = component == "shared"
    interval = draw(st.sampled_from(["hour", "day", "month"])) if is_shared else "day"
    moment = draw(_moments())
    owner = draw(st.sampled_from(["model", "team", "nobody"]))
    owns = component not in {"shared", "unallocated"}
    return Charge(
        source=draw(st.sampled_from(SOURCES)),
        currency=draw(st.sampled_from(CURRENCIES)),
        component=component,
        interval=interval,
        started_at=moment if interval == "hour" else moment.replace(hour=0),
        billed_cost=draw(_amounts()),
        effective_cost=draw(_amounts()),
        model=draw(st.sampled_from(MODELS)) if owns and owner == "model" else None,
        team="ml" if owns and owner == "team" else None,
        pool=draw(st.sampled_from(pools)) if is_shared else None,
    )


def _usage(pools: Sequence[str]) -> st.SearchStrategy[Usage]:
    return st.builds(
        Usage,
        model=st.sampled_from([*MODELS, *ALIASES]),
        pool=st.sampled_from([None, *pools]),
        started_at=_moments(),
        gpu_hours=_quantities(),
        core_hours=_quantities(),
        gibibyte_hours=_quantities(),
        requests=_quantities(),
        input_tokens=_quantities(),
    )


def _accelerators(pools: Sequence[str]) -> st.SearchStrategy[Accelerator]:
    return st.builds(
        Accelerator,
        meter=st.sampled_from(["opencost", "prometheus"]),
        model=st.sampled_from([None, *MODELS, *ALIASES]),
        pool=st.sampled_from(pools),
        node=st.sampled_from(NODES),
        started_at=_moments(),
        capacity=_quantities(),
        requested=_quantities(),
        used=_quantities(),
    )


def _compute(pools: Sequence[str]) -> st.SearchStrategy[Compute]:
    pair = st.tuples(_quantities(), _quantities())
    return st.builds(
        Compute,
        meter=st.sampled_from(["opencost", "aws"]),
        model=st.sampled_from([None, *MODELS, *ALIASES]),
        pool=st.sampled_from(pools),
        node=st.sampled_from(NODES),
        started_at=_moments(),
        capacity=pair,
        requested=pair,
        used=pair,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a ledger with pools of any driver, divided by any meters."""
    drivers = ["gpu_hours", *METERED_DRIVERS, "direct_cost", "even", "fixed"]
    pools = tuple(
        Pool(
            f"pool-{position}",
            draw(st.sampled_from(drivers)),
            draw(st.sampled_from(["show", "distribute"])),
            draw(st.sampled_from(["shared", "overhead"])),
        )
        for position in range(draw(st.integers(1, 3)))
    )
    names = [pool.name for pool in pools]
    distributed = draw(st.frozensets(st.sampled_from(POLICY_COMPONENTS)))
    percentages: list[tuple[str, str, Decimal]] = []
    for pool in pools:
        if pool.driver == "fixed":
            first = draw(_decimals("0", "100", 8))
            second = ((100 - first) / 2).quantize(Decimal("1e-8"), ROUND_DOWN)
            percentages += [
                (pool.name, "a", first),
                (pool.name, "b_alias", second),
                (pool.name, "b", 100 - first - second),
            ]
    seen = draw(st.lists(_accelerators(names), max_size=4))
    # Another meter often looks at the same node in the same hour.
    seen += [
        replace(row, meter="dcgm", used=draw(_quantities()))
        for row in seen
        if draw(st.booleans())
    ]
    nodes = draw(st.lists(_compute(names), max_size=4))
    nodes += [
        replace(row, meter="second", node="i-1" if row.node == "n1" else row.node)
        for row in nodes
        if draw(st.booleans())
    ]
    return Case(
        charges=tuple(
            draw(st.lists(_charges([*names, "undeclared"]), min_size=1, max_size=12))
        ),
        usage=tuple(draw(st.lists(_usage(names), max_size=6))),
        accelerators=tuple(seen),
        compute=tuple(nodes),
        pools=pools,
        percentages=tuple(percentages),
        distributed=distributed,
        keeps_unused_owner=draw(st.booleans()) or "unused_commitment" in distributed,
    )
