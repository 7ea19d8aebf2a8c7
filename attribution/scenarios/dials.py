"""Dials of a scenario: values, ranges, and a file with the new values.

A dial is a value of a change, or the horizon. Turning a dial that has an interval moves
the ends with it, in proportion, so that it stays as uncertain as it was.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from attribution.scenarios.changes import MOST_MONTHS, Amount
from triptych.core.acts import Dial
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attribution.scenarios.changes import Change
    from attribution.scenarios.scenario_file import Scenario

_HORIZON: Final = "horizon_months"
_LINE: Final = re.compile(
    r"\s*(?P<name>[a-z0-9_.]+)\s*=\s*"
    r"(?P<value>-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*",
    re.ASCII,
)
#: A dial has about this many places, and their distance is 1, 2 or 5 of a decimal.
_PLACES: Final = 200
#: As a part of the widest value, so that a factor never reaches zero.
_LEAST: Final = 0.01


def dials_of(scenario: Scenario) -> tuple[Dial, ...]:
    """Return the dials of a scenario, in the order of its file."""
    horizon = Dial(
        _HORIZON, "Horizon, months", scenario.horizon_months, 1, MOST_MONTHS, 1
    )
    return (horizon, *_of_changes(scenario))


def _of_changes(scenario: Scenario) -> Iterator[Dial]:
    for number, (name, change) in enumerate(scenario.named_changes):
        written = (each for each in change.amounts if each in change.model_fields_set)
        for field in written:
            label = f"{name[:1].upper()}{name[1:]}: {field.replace('_', ' ')}"
            yield _dial(f"changes.{number}.{field}", label, change, field)


def _dial(name: str, label: str, change: Change, field: str) -> Dial:
    amount = change.amounts[field]
    if field in change.parts:
        return Dial(name, label, amount.value, 0.0, 1.0, 0.01)
    most = _round_up(2 * (amount.value or 1.0))
    step = _round_up(most / _PLACES)
    least = most * _LEAST if field in change.positive else 0.0
    return Dial(name, label, amount.value, least, most, step)


def _round_up(number: float) -> float:
    """Return the next 1, 2 or 5 of a power of ten."""
    power = 10.0 ** math.floor(math.log10(number))
    nearest = next(n for n in (1, 2, 5, 10) if number <= n * power * (1 + 1e-9))
    return nearest * power


def turned(text: str) -> dict[str, float]:
    """Return value by dial from lines such as ``changes.0.factor = 0.8``.

    Raises
    ------
    UsageError
        A line is none.
    """
    values = {}
    for line in filter(str.strip, text.splitlines()):
        found = _LINE.fullmatch(line)
        if found is None:
            raise UsageError(
                f"{line.strip()!r} sets no value.",
                next_step="Write a line for each, such as changes.0.factor = 0.8.",
            )
        values[found["name"]] = float(found["value"])
    return values


def edits_of(
    scenario: Scenario, values: Mapping[str, float]
) -> dict[tuple[str | int, ...], object]:
    """Return the edits of a scenario's file, by their place there.

    Raises
    ------
    UsageError
        The scenario has no such dial.
    """
    known = {dial.name: dial for dial in dials_of(scenario)}
    edits: dict[tuple[str | int, ...], object] = {}
    for name, value in values.items():
        if name not in known:
            raise UsageError(
                f"The scenario has no {name!r} to change.",
                where=scenario.name,
                next_step=f"It has: {', '.join(known)}.",
            )
        if value == known[name].value:
            continue
        if name == _HORIZON:
            edits[_HORIZON,] = round(value)
        else:
            edits |= _moved(scenario, name, value)
    return edits


def _moved(
    scenario: Scenario, name: str, value: float
) -> dict[tuple[str | int, ...], object]:
    _, number, field = name.split(".")
    change = scenario.changes[int(number)]
    amount = change.amounts[field]
    place = ("changes", int(number), field)
    if amount.low is None or amount.high is None:
        return {place: _short(value)}
    moved = _around(amount, value, most=1.0 if field in change.parts else math.inf)
    return {(*place, end): _short(number) for end, number in moved.items()}


def _around(amount: Amount, value: float, *, most: float) -> dict[str, float]:
    """Return a value with its interval, in proportion; to or from 0, by as much."""
    low, high = float(amount.low or 0.0), float(amount.high or 0.0)
    if amount.value and value:
        ends = low * value / amount.value, high * value / amount.value
    else:
        ends = low + value - amount.value, high + value - amount.value
    return {"value": value, "low": max(ends[0], 0.0), "high": min(ends[1], most)}


def _short(number: float) -> float:
    """Return a number without the digits that only arithmetic put there."""
    return float(f"{number:.6g}")
