"""Finds that a delivery repeats charges of another that counts.

A bill that is exported again under another name, with the rows of yesterday and some
more, would count twice, as would the same bill from two sources. Where two loads may
have the same charges, sketches give the part they have in common
(:mod:`ingest.engine.charge_sketches`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ingest.engine.overlapping_loads import LEAST_COMMON, may_repeat
from triptych.core.errors import MalformedDeliveryError
from triptych.core.lake.loads import SKETCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triptych.core.lake.loads import ChargedMonth, NewLoad

#: A delivery that shares less than this part of the smaller delivery is another bill.
LEAST_RATIO: Final = 0.5


@dataclass(frozen=True, slots=True)
class Repetition:
    """Charges of a month that a load shares with another load in force.

    ``ratio`` is the part of the smaller load, ``amount`` that part of its money.
    """

    load: NewLoad
    other: ChargedMonth
    ratio: float
    amount: Decimal

    def error(self) -> MalformedDeliveryError:
        """Return it as the refusal of the load."""
        other = self.other
        money = f"{self.amount:,.2f} {other.total.currency or ''}".strip()
        return MalformedDeliveryError(
            f"It repeats about {self.ratio:.0%} of the charges of"
            f" {other.total.billing_month} in {other.label} (source"
            f" {other.source!r}, load {other.load_id}), which counts: {money} would"
            " count twice. It was not loaded.",
            where=self.load.label,
            next_step=ways_out(self.load, other.source, other.load_id),
        )


def ways_out(load: NewLoad, source: str, load_id: str) -> str:
    """Return advice for charges that already count by another source's load."""
    renamed = (
        f" If {source!r} is called {load.source!r} now: triptych source rename"
        f" {source} {load.source} --because TEXT."
    )
    return (
        f"If it replaces that load: triptych withdraw {load_id} --because TEXT, and run"
        f" again.{'' if source == load.source else renamed} If both are right, set"
        f" may_repeat: true on source {load.source!r}."
    )


class SketchesInForce:
    """The charges of the loads in force, as far as new loads may repeat them.

    Parameters
    ----------
    months : iterable of ChargedMonth
        Of the loads in force before the batch.
    """

    def __init__(self, months: Iterable[ChargedMonth]) -> None:
        self._by_load: dict[tuple[str, str, str], list[ChargedMonth]]
        self._by_load = defaultdict(list)
        # Of thousands of loads few have anything in common: hashes find those.
        self._by_hash: dict[tuple[object, ...], dict[int, list[ChargedMonth]]]
        self._by_hash = defaultdict(lambda: defaultdict(list))
        for month in months:
            self._put(month)

    def put(self, load: NewLoad) -> None:
        """Replace the load in force with a load."""
        for month in self._by_load.pop(load.key, ()):
            loads = self._by_hash[month.place]
            for number in month.sketch:
                loads[number].remove(month)
        for month in load.charged_months():
            self._put(month)

    def repetition(self, load: NewLoad) -> Repetition | None:
        """Return the load that shares the most charges with a load, by money."""
        found = [
            Repetition(load, other, ratio, Decimal(ratio) * abs(_least(month, other)))
            for month in load.charged_months()
            for other in self._alike(month)
            if may_repeat(month, other)
            for ratio in [_ratio(month.sketch, other.sketch)]
            if ratio is not None
        ]
        return max(found, key=lambda each: each.amount, default=None)

    def _alike(self, month: ChargedMonth) -> list[ChargedMonth]:
        """Return the months that share enough hashes with a month."""
        loads = self._by_hash[month.place]
        common: Counter[ChargedMonth] = Counter()
        for number in month.sketch:
            common.update(loads.get(number, ()))
        return [other for other, count in common.items() if count >= LEAST_COMMON]

    def _put(self, month: ChargedMonth) -> None:
        if len(month.sketch) >= LEAST_COMMON:
            self._by_load[month.key].append(month)
            loads = self._by_hash[month.place]
            for number in month.sketch:
                loads[number].append(month)


def _least(charged_month: ChargedMonth, other: ChargedMonth) -> Decimal:
    return min(charged_month.amount, other.amount, key=abs)


def _ratio(one: tuple[int, ...], other: tuple[int, ...]) -> float | None:
    """Return the part of the smaller set that is in both; None where it is small."""
    # Beyond the largest hash that either has kept, nothing is known of it.
    ends = [max(each) for each in (one, other) if len(each) >= SKETCH_SIZE]
    known = [{h for h in each if not ends or h <= min(ends)} for each in (one, other)]
    common = len(known[0] & known[1])
    ratio = common / max(min(map(len, known)), 1)
    return ratio if common >= LEAST_COMMON and ratio >= LEAST_RATIO else None
