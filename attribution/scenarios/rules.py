"""Rules for each kind of change to cost, effect and hours.

A rule multiplies the quantities that it applies to, from its first month on. Purchases
by the token depend on the growth of use, and a commitment on the remainder of all
others, so it comes last. ``docs/concepts/scenarios.md`` has it in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.scenarios.base_run import IDLE
from attribution.scenarios.changes import (
    Adoption,
    Amount,
    AssumptionChange,
    Commitment,
    Discount,
    ModelSwap,
    PlatformMove,
    Price,
    Sourcing,
    StopFeature,
    TeamHours,
    Utilisation,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attribution.arrays import Floats
    from attribution.roi.register import Assumed
    from attribution.scenarios.changes import Change
    from attribution.scenarios.draft import Draft

    Values = Mapping[str, Assumed]
    Rule = Callable[[Draft, Change, Values], None]

_MILLION: Final = 1_000_000.0


def _price(draft: Draft, change: Change, values: Values) -> None:
    assert isinstance(change, Price)  # noqa: S101  (RULES says so)
    factor = draft.worlds.of(values["factor"])
    lines = draft.projection.lines_where(**change.match.named)
    draft.multiply(lines, draft.from_month(change.from_month, factor))


def _discount(draft: Draft, change: Change, values: Values) -> None:
    assert isinstance(change, Discount)  # noqa: S101
    kept = 1.0 - _part_of_one(draft, values["ratio"])
    lines = draft.projection.lines_where(**change.match.named)
    draft.multiply(lines, draft.from_month(change.from_month, kept))


def _part_of_one(draft: Draft, assumption: Assumed) -> Floats:
    """Return draws of a part, which no tail takes above 1."""
    return np.minimum(draft.worlds.of(assumption), 1.0)


def _utilisation(draft: Draft, change: Change, values: Values) -> None:
    """Do the same work on less capacity: unheld capacity goes first."""
    assert isinstance(change, Utilisation)  # noqa: S101
    base = draft.projection.base
    now = base.utilisations[change.pool]
    assert now is not None  # noqa: S101  (refused before)
    # The whole pool decides, regardless of the part of it in scope.
    whole = [line for line in base.lines if line.pool_id == change.pool]
    nobody = sum(line.cost for line in whole if line.component in IDLE)
    somebody = sum(line.cost for line in whole) - nobody
    saved = (nobody + somebody) * (1.0 - now / _part_of_one(draft, values["to"]))
    # If more is needed than now, everything grows alike.
    grown = 1.0 - np.minimum(saved, 0.0) / (nobody + somebody)
    gone = np.clip(saved, 0.0, nobody)
    lines = draft.projection.lines_where(pool=change.pool)
    idle = [n for n in lines if draft.projection.lines[n].component in IDLE]
    held = [n for n in lines if n not in idle]
    for numbers, cost, less in ((idle, nobody, gone), (held, somebody, saved - gone)):
        if numbers and cost > 0:
            factor = np.where(saved < 0, grown, 1.0 - less / cost)
            draft.multiply(numbers, draft.from_month(change.from_month, factor))


def _volume(draft: Draft, change: Change, values: Values) -> None:
    assert isinstance(change, Volume)  # noqa: S101
    start = change.from_month
    if change.factor is not None:
        factor = draft.worlds.of(values["factor"])
        path = draft.path(factor, month=start, over_months=change.over_months)
    else:
        yearly = draft.worlds.of(values["growth_factor_per_year"])
        path = draft.growth(yearly, month=start)
    draft.grow(change.feature, path, draft.worlds.of(values["cost_elasticity"]))


def _adoption(draft: Draft, change: Change, values: Values) -> None:
    assert isinstance(change, Adoption)  # noqa: S101
    factor = draft.worlds.of(values["factor"])
    path = draft.path(factor, month=change.from_month, over_months=change.over_months)
    draft.grow(change.feature, path, draft.worlds.of(values["cost_elasticity"]))


def _model_swap(draft: Draft, change: Change, values: Values) -> None:
    assert isinstance(change, ModelSwap)  # noqa: S101
    lines = draft.projection.lines_where(model=change.model)
    factor = draft.worlds.of(values["cost_factor"])
    draft.multiply(lines, draft.from_month(change.from_month, factor))
    feature = draft.projection.feature_of(change.model)
    if feature is not None and change.effect_factor != Amount(value=1.0):
        effect = draft.worlds.of(values["effect_factor"])
        path = draft.from_month(change.from_month, effect)
        draft.benefits[feature] = draft.benefits[feature] * path
    draft.spend_once(feature, values["one_off_cost"], month=change.from_month)


def _platform_move(draft: Draft, change: Change, values: Values) -> None:
    """Pay both platforms while both run, and then the new platform alone."""
    assert isinstance(change, PlatformMove)  # noqa: S101
    lines = draft.projection.lines_on(change.platform, change.models)
    factor = draft.worlds.of(values["cost_factor"])
    both = change.double_running_months
    starts = draft.from_month(change.from_month, factor, before=0.0)
    ends = draft.from_month(change.from_month + both, np.zeros(1))
    draft.multiply(lines, ends + starts)
    draft.spend_once(
        None,
        values["migration_cost"],
        month=change.from_month,
        over_months=max(both, 1),
    )


def _team_hours(draft: Draft, change: Change, values: Values) -> None:
    assert isinstance(change, TeamHours)  # noqa: S101
    sign = 1.0 if change.direction == "more" else -1.0
    hours = draft.worlds.of(values["hours_per_month"]) * sign
    more = draft.from_month(change.from_month, hours, before=0.0)
    # Nobody works less than not at all.
    draft.hours[change.feature] = np.maximum(draft.hours[change.feature] + more, 0.0)


def _stop_feature(draft: Draft, change: Change, values: Values) -> None:
    """End a feature's own cost; shared cost loses only the avoidable part."""
    assert isinstance(change, StopFeature)  # noqa: S101
    lines = draft.projection.lines_where(feature=change.feature)
    direct = [n for n in lines if draft.projection.lines[n].component == "direct"]
    nothing = draft.from_month(change.from_month, np.zeros(1))
    draft.multiply(direct, nothing)
    kept = 1.0 - _part_of_one(draft, values["avoidable_shared_ratio"])
    shared = [n for n in lines if n not in direct]
    draft.multiply(shared, draft.from_month(change.from_month, kept))
    draft.benefits[change.feature] = draft.benefits[change.feature] * nothing
    draft.hours[change.feature] = draft.hours[change.feature] * nothing
    draft.spend_once(change.feature, values["exit_cost"], month=change.from_month)


def _sourcing(draft: Draft, change: Change, values: Values) -> None:
    """Pay a price per token and a fixed amount in place of current cost.

    Twice the use takes twice the tokens, regardless of the earlier cost, and no more of
    the fixed amount.
    """
    assert isinstance(change, Sourcing)  # noqa: S101
    projection = draft.projection
    lines = projection.lines_where(model=change.model)
    now = sum(projection.lines[number].cost for number in lines)
    millions = projection.base.tokens[change.model] / _MILLION
    price = draft.worlds.of(values["price_per_million_tokens"])[:, None]
    fixed = draft.worlds.of(values["fixed_cost_per_month"])[:, None]
    for feature in dict.fromkeys(projection.lines[n].feature_id for n in lines):
        own = [n for n in lines if projection.lines[n].feature_id == feature]
        factor = (price * millions * draft.uses[feature] + fixed) / now
        draft.replace_growth(own, factor, month=change.from_month)
    feature = projection.feature_of(change.model)
    draft.spend_once(feature, values["one_off_cost"], month=change.from_month)


def _commitment(draft: Draft, change: Change, values: Values) -> None:
    """Pay the promised spend less the discount, and any excess in full."""
    assert isinstance(change, Commitment)  # noqa: S101
    projection = draft.projection
    lines = projection.lines_where(**change.match.named)
    demand = draft.cost_of(lines)
    now = sum(projection.lines[number].cost for number in lines)
    promised = (draft.worlds.of(values["level"]) * now)[:, None]
    kept = 1.0 - _part_of_one(draft, values["discount"])[:, None]
    paid = promised * kept + np.maximum(demand - promised, 0.0)
    numbers = np.arange(1, projection.count + 1)
    holds = (numbers >= change.from_month) & (
        numbers < change.from_month + change.months
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(holds & (demand > 0), paid / demand, 1.0)
    draft.multiply(lines, factor)
    draft.unused = draft.unused + np.where(holds & (demand <= 0), paid, 0.0)


def _assumption(draft: Draft, change: Change, values: Values) -> None:
    """Change nothing here: the register has another value already."""
    assert isinstance(change, AssumptionChange)  # noqa: S101
    del draft, values


#: In this order regardless of the order of the file: tokens grow with the use that is
#: above them, and the last looks at all others.
RULES: Final[Mapping[str, Rule]] = {
    "assumption": _assumption,
    "price": _price,
    "discount": _discount,
    "utilisation": _utilisation,
    "volume": _volume,
    "adoption": _adoption,
    "model_swap": _model_swap,
    "sourcing": _sourcing,
    "platform_move": _platform_move,
    "team_hours": _team_hours,
    "stop_feature": _stop_feature,
    "commitment": _commitment,
}
#: The same in a sentence each, for readers of results.
RULE_TEXTS: Final[Mapping[str, str]] = {
    "assumption": "the register says the new value; nothing else changes",
    "price": "cost × factor",
    "discount": "cost × (1 − ratio)",
    "utilisation": "cost of the pool × (utilisation now ÷ to), idle cost first",
    "volume": "effect × factor, cost × factor to the power of its elasticity",
    "adoption": "effect × factor, cost × factor to the power of its elasticity",
    "model_swap": "cost × cost factor, effect × effect factor, one-off cost once",
    "sourcing": "cost = price × tokens × use + fixed cost, one-off cost once",
    "platform_move": "cost × (1 + cost factor) while both run, then × cost factor;"
    " migration cost in equal parts while both run",
    "team_hours": "hours at the approved rate",
    "stop_feature": "no effect, no direct cost; shared cost × (1 − avoidable part)",
    "commitment": "promised spend × (1 − discount), and what exceeds it in full",
}
