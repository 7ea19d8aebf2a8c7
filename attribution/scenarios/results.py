"""A scenario worked out: its id, and everything that is said of it, as plain values.

The id is a digest of the inputs that decide the numbers: the content of the file, the
base run, the version of the inputs of the run's returns, the seed, and the method. The
same id has the same numbers.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from attribution.costs.elasticity import NotEstimable
from attribution.roi.reading import amount, nothing
from attribution.roi.register import ALL
from attribution.roi.worlds import Worlds
from attribution.scenarios.binding import Bound, bound
from attribution.scenarios.figures import (
    features_of,
    months_of,
    reasons_of,
    summary_of,
)
from attribution.scenarios.outcome import DISCOUNT_RATE, Model
from attribution.scenarios.projection import carried_forward
from attribution.scenarios.reconciliation import reconciliation_of
from attribution.scenarios.rules import RULE_TEXTS
from attribution.scenarios.run_rate import run_rate_of
from attribution.scenarios.sensitivity import Comparison, difference, tornado

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.costs.elasticity import CostElasticity
    from attribution.scenarios.base_run import BaseRun
    from attribution.scenarios.figures import Reasons
    from attribution.scenarios.outcome import Outcome
    from attribution.scenarios.projection import Projection
    from attribution.scenarios.scenario_file import Scenario

    Row = dict[str, Any]

#: Changes whenever the same file and run would give other numbers.
METHOD_VERSION: Final = 8
_ID_LENGTH: Final = 12
_DOUBLE: Final = 2.0


def id_of(scenario: Scenario, base: BaseRun) -> str:
    """Return the id of a scenario on a run."""
    content = [scenario.content, base.run_id, base.version, METHOD_VERSION]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]


def result_of(scenario: Scenario, base: BaseRun) -> Row:
    """Work a scenario out.

    Parameters
    ----------
    scenario : Scenario
        Changes to apply.
    base : BaseRun
        Base that it starts from.

    Returns
    -------
    dict
        Values that JSON can hold: the head, ``summary``, and rows of ``months``,
        ``features``, ``tornado``, ``assumptions`` and ``changes``.

    Raises
    ------
    UsageError
        A change is about something that the run does not have.
    """
    worlds = Worlds(scenario.seed)
    projection = carried_forward(
        base, horizon_months=scenario.horizon_months, features=scenario.features
    )
    named = scenario.with_names
    found = bound(named, projection)
    unchanged = Bound(projection, (), {})
    rate = scenario.discount_rate
    compared = Comparison(
        Model(found, discount_rate=rate), Model(unchanged, discount_rate=rate)
    )
    changed, before = compared.outcomes(worlds)
    reasons = reasons_of(changed, before)
    return {
        **_head(scenario, base, found),
        "summary": summary_of(changed, before, reasons),
        "months": list(months_of(changed, before, reasons)),
        "features": list(features_of(changed, before, projection)),
        "tornado": list(_drivers(compared, worlds, reasons)),
        "changes": list(_changes(named, projection, changed, worlds)),
        "elasticity": _elasticity(base),
        "notes": [
            *found.notes,
            *_cost_notes(projection),
            *_effect_notes(changed, before),
        ],
        "reconciliation": list(reconciliation_of(before, projection, worlds))
        if reasons.npv is None
        else [],
        "run_rate": run_rate_of(before, projection) if not reasons.benefit else None,
    }


def _head(scenario: Scenario, base: BaseRun, found: Bound) -> Row:
    months = found.projection.months
    return {
        "scenario_id": id_of(scenario, base),
        "name": scenario.name,
        "base_run_id": base.run_id,
        "inputs_version": base.version,
        "method_version": METHOD_VERSION,
        "seed": scenario.seed,
        "currency": base.currency,
        "is_synthetic": base.is_synthetic,
        "horizon_months": scenario.horizon_months,
        "first_month": months[0],
        "last_month": months[-1],
        "run_rate_months": list(base.months),
        "discount_rate": _discount_rate(scenario, found),
        "discount_convention": "money counts at its month's end, at a rate a year",
        "file": scenario.content,
        "replaced": [
            {"assumption_id": id_, "value": one.value, "low": one.low, "high": one.high}
            for id_, one in sorted(found.replaced.items())
        ],
    }


def _discount_rate(scenario: Scenario, found: Bound) -> Row | None:
    if scenario.discount_rate is not None:
        return {"value": scenario.discount_rate, "source": DISCOUNT_RATE}
    one = found.projection.register.one(
        "discount_rate",
        feature_id=ALL,
        month=found.projection.months[0],
        approved_only=True,
    )
    return None if one is None else {"value": one.value, "source": one.id}


def _drivers(compared: Comparison, worlds: Worlds, reasons: Reasons) -> Iterator[Row]:
    """Yield the tornado, without figures for unknown quantities."""
    measures = {"npv": reasons.npv, "difference": reasons.difference}
    unknown = [name for name, reason in measures.items() if reason]
    if len(unknown) == len(measures):
        return
    without = {key: value for name in unknown for key, value in _no_driver(name)}
    for row in tornado(compared, worlds):
        yield row | without


def _no_driver(measure: str) -> Iterator[tuple[str, str | None]]:
    for part in ("at_low", "at_high", "variance_share"):
        yield f"{measure}_{part}", None
    yield f"break_even_{measure}", None
    yield f"break_even_{measure}_status", "not_computable"


def _changes(
    scenario: Scenario, projection: Projection, whole: Outcome, worlds: Worlds
) -> Iterator[Row]:
    """Yield each change, its rule, and its gain among the other changes.

    The gain is the difference between the scenario and the same without the change.
    """
    for change in scenario.changes:
        others = tuple(other for other in scenario.changes if other is not change)
        rest = bound(scenario.model_copy(update={"changes": others}), projection)
        without = Model(rest, discount_rate=scenario.discount_rate).outcome(worlds)
        is_known = reasons_of(whole, without).difference is None
        yield {
            "change": change.name,
            "title": change.title,
            "kind": change.kind,
            "rule": RULE_TEXTS[change.kind],
            "values": change.model_dump(mode="json", exclude_none=True),
            **(
                amount("npv_gain", difference(whole, without))
                if is_known
                else nothing("npv_gain")
            ),
        }


def _elasticity(base: BaseRun) -> Row:
    elasticity = base.elasticity
    history = [
        {"month": bill.month, "cost": bill.cost, "requests": bill.requests}
        for bill in base.bills
    ]
    if isinstance(elasticity, NotEstimable):
        return {"reason": f"not estimable: {elasticity.text}", "history": history}
    doubled = elasticity.cost_at(_DOUBLE)
    return {
        **_lines_of(elasticity),
        "reason": None,
        "elasticity": elasticity.elasticity,
        "elasticity_low_90": elasticity.elasticity_low_90,
        "elasticity_high_90": elasticity.elasticity_high_90,
        "scale": elasticity.scale,
        "period_count": elasticity.period_count,
        "usage_ratio": elasticity.usage_ratio,
        "usage_unit": "successful requests a month",
        "cost_now": elasticity.cost_at(1.0).cost,
        "doubled_usage": doubled.usage,
        "doubled_cost": doubled.cost,
        "doubled_cost_low_90": doubled.cost_low_90,
        "doubled_cost_high_90": doubled.cost_high_90,
        "doubled_is_extrapolated": doubled.is_extrapolated,
        "history": history,
    }


def _lines_of(elasticity: CostElasticity) -> Row:
    """Return the ends of the fitted line and of the slope-1 line in its middle."""
    most = elasticity.most_usage
    ends = (most / elasticity.usage_ratio, most)
    middle = (ends[0] * ends[1]) ** 0.5
    at_middle = elasticity.cost_at(middle / elasticity.last_usage).cost
    return {
        "line": [
            {
                "requests": end,
                "cost": elasticity.cost_at(end / elasticity.last_usage).cost,
            }
            for end in ends
        ],
        "slope_one": [
            {"requests": end, "cost": at_middle * end / middle} for end in ends
        ],
    }


def _cost_notes(projection: Projection) -> Iterator[str]:
    """Yield notes on costs in scope that exceed the known amount."""
    base = projection.base
    scope = set(projection.features) | (set() if projection.is_limited else {None})
    for name in sorted(scope & base.unconverted, key=str):
        told = name or "what belongs to no feature"
        yield f"{told}: a part of its cost has no amount in {base.currency}."


def _effect_notes(changed: Outcome, before: Outcome) -> Iterator[str]:
    """Yield the result of a change on effects that do not count."""
    for part in changed.parts:
        name, case = part.feature_id, part.case
        if not name or not case or not part.is_known or part.is_counted:
            continue
        if (changed.factors[name] != before.factors[name]).any():
            why = case.not_counted.text if case.not_counted else "not counted"
            yield f"{name}: its effect changes, and is not counted ({why})."
