"""A scenario worked out: its id, and everything that is said of it, as plain values.

The id is a digest of what decides the numbers: the content of the file, the base run,
the version of what the run's returns were made of, the seed, and the method. The same
id has the same numbers.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.cost_elasticity import NotEstimable
from attribution.roi.reading import amount, nothing, payback, probability_above
from attribution.roi.register import ALL
from attribution.roi.worlds import Worlds
from attribution.scenarios.binding import Bound, bound
from attribution.scenarios.outcome import DISCOUNT_RATE, Model, sum_of
from attribution.scenarios.projection import carried_forward
from attribution.scenarios.rules import RULE_TEXTS
from attribution.scenarios.sensitivity import (
    Comparison,
    difference,
    net_difference,
    tornado,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from attribution.cost_elasticity import CostElasticity
    from attribution.scenarios.base_run import BaseRun
    from attribution.scenarios.outcome import Outcome, Part
    from attribution.scenarios.projection import Projection
    from attribution.scenarios.scenario_file import Scenario

    Floats = NDArray[np.float64]
    Row = dict[str, Any]

#: Changes whenever the same file and run would give other numbers.
METHOD_VERSION: Final = 1
_BOTH: Final = ("50", "90")
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
        What changes.
    base : BaseRun
        What it starts from.

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
    rows = list(tornado(compared, worlds)) if changed.has_discount else []
    return {
        **_head(scenario, base, found),
        "summary": _summary(changed, before, found),
        "months": list(_months(changed, before)),
        "features": list(_features(changed, before)),
        "tornado": rows,
        "changes": list(_changes(named, projection, changed, worlds)),
        "elasticity": _elasticity(base),
        "notes": [*found.notes, *_base_notes(base)],
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


def _summary(changed: Outcome, before: Outcome, found: Bound) -> Row:
    npv_reason, difference_reason = _reasons(changed, found)
    row: Row = {
        "npv_reason": npv_reason,
        "difference_reason": difference_reason,
        "benefit_unknown_of": [
            one.feature_id
            for one in changed.parts
            if one.feature_id and not one.is_known
        ],
        **_sums("", changed, is_known=npv_reason is None),
        **_sums("base_", before, is_known=npv_reason is None),
    }
    if npv_reason is None:
        counted = [one for one in changed.known if one.case and one.case.is_counted]
        present = sum_of(one.flows.benefit * changed.discount for one in counted)
        row |= amount("counted_benefit", present.sum(axis=1))
        nets = [one.flows.present_net for one in counted]
        alone = np.sum([net for net in nets if net is not None], axis=0)
        row |= amount("counted_npv", alone) if nets else nothing("counted_npv")
        row["counted_features"] = [one.feature_id for one in counted]
    else:
        row |= {**nothing("counted_benefit"), **nothing("counted_npv")}
        row["counted_features"] = []
    return {**row, **_differences(changed, before, difference_reason)}


def _reasons(changed: Outcome, found: Bound) -> tuple[str | None, str | None]:
    """Return why there is no net present value, and why no difference to the base."""
    unknown = [one for one in changed.parts if one.feature_id and not one.is_known]
    texts = {
        one.feature_id: one.case.reason.text
        for one in unknown
        if one.case and one.case.reason
    }
    told = "; ".join(f"{name}: {text}" for name, text in texts.items())
    if not changed.has_discount:
        reason = "no approved discount rate holds, and 'discount_rate' names none"
        return f"not computable: {reason}", f"not computable: {reason}"
    if float(sum_of(one.flows.cost for one in changed.parts).sum()) <= 0:
        return "not computable: nothing is spent", None
    npv = None
    if not changed.known or (found.projection.is_limited and unknown):
        npv = f"not computable: {told or 'no feature has a return'}"
    touched = [name for name in texts if name in changed.touched]
    if touched:
        why = "; ".join(f"{name}: {texts[name]}" for name in touched)
        return npv, f"not computable: a change acts on an unknown benefit ({why})"
    return npv, None


def _sums(prefix: str, one: Outcome, *, is_known: bool) -> Row:
    discount = one.discount
    row: Row = {
        **amount(f"{prefix}cost", (one.cost * discount).sum(axis=1), levels=_BOTH),
        **amount(f"{prefix}other_cost", (one.other * discount).sum(axis=1)),
        **amount(f"{prefix}monthly_cost", one.cost.mean(axis=1)),
    }
    if not is_known:
        return {
            **row,
            **nothing(f"{prefix}benefit"),
            **nothing(f"{prefix}npv", levels=_BOTH),
            f"{prefix}probability_npv_positive": None,
            **_prefixed(prefix, dict.fromkeys(_PAYBACK)),
        }
    present = one.present_net
    return {
        **row,
        **amount(f"{prefix}benefit", (one.benefit * discount).sum(axis=1)),
        **amount(f"{prefix}npv", present, levels=_BOTH),
        f"{prefix}probability_npv_positive": probability_above(present),
        **_prefixed(prefix, payback(one.net * discount, for_good=True)),
    }


_PAYBACK: Final = (
    *("payback_months_p50", "payback_months_p90"),
    *("probability_never_paid_back", "payback_horizon_months"),
)


def _prefixed(prefix: str, row: Row) -> Row:
    return {f"{prefix}{name}": value for name, value in row.items()}


def _differences(changed: Outcome, before: Outcome, reason: str | None) -> Row:
    cost = ((changed.cost - before.cost) * changed.discount).sum(axis=1)
    row: Row = amount("cost_difference", cost, levels=_BOTH)
    if reason is not None:
        return {
            **row,
            **nothing("npv_difference", levels=_BOTH),
            "probability_difference_positive": None,
            **_prefixed("difference_", dict.fromkeys(_PAYBACK)),
        }
    gained = net_difference(changed, before)
    worth = difference(changed, before)
    return {
        **row,
        **amount("npv_difference", worth, levels=_BOTH),
        "probability_difference_positive": probability_above(worth),
        **_prefixed("difference_", payback(gained * changed.discount, for_good=True)),
    }


def _months(changed: Outcome, before: Outcome) -> Iterator[Row]:
    """Yield money by measure and month: of the scenario, the base, and between."""
    gained = net_difference(changed, before)
    discount = changed.discount
    measures = {
        "cost": changed.cost,
        "other_cost": changed.other,
        "benefit": changed.benefit,
        "net_value": changed.net,
        "cumulative_net_value": np.cumsum(changed.net * discount, axis=1),
        "difference": gained,
        "cumulative_difference": np.cumsum(gained * discount, axis=1),
        "base_cost": before.cost,
        "base_benefit": before.benefit,
        "base_net_value": before.net,
    }
    for measure, draws in measures.items():
        for number, month in enumerate(changed.months):
            drawn = np.broadcast_to(draws[:, number], draws.shape[0])
            yield {
                "measure": measure,
                "month": month,
                "month_number": number + 1,
                **amount("value", drawn, levels=_BOTH),
            }


def _features(changed: Outcome, before: Outcome) -> Iterator[Row]:
    for one, other in zip(changed.parts, before.parts, strict=True):
        case = one.case
        reason = case.reason if case else None
        row: Row = {
            "feature_id": one.feature_id,
            "grade": case.grade if case else None,
            "counted": bool(case and case.is_counted),
            "reason": f"not computable: {reason.text}" if reason else None,
            **amount("cost", _present(one.flows.cost, one)),
            **amount("base_cost", _present(other.flows.cost, other)),
            **nothing("benefit"),
            **nothing("npv"),
            "probability_npv_positive": None,
            **nothing("base_npv"),
        }
        present = one.flows.present_net
        if one.is_known and present is not None:
            row |= amount("benefit", _present(one.flows.benefit, one))
            row |= amount("npv", present)
            row["probability_npv_positive"] = probability_above(present)
        earlier = other.flows.present_net
        if other.is_known and earlier is not None:
            row |= amount("base_npv", earlier)
        yield row


def _present(money: Floats, one: Part) -> Floats:
    discount = one.flows.discount
    return np.asarray((money * (1.0 if discount is None else discount)).sum(axis=1))


def _changes(
    scenario: Scenario, projection: Projection, whole: Outcome, worlds: Worlds
) -> Iterator[Row]:
    """Yield each change, its rule, and what the scenario gains by it among the others.

    The gain is the difference between the scenario and the same without the change.
    """
    for one in scenario.changes:
        others = tuple(other for other in scenario.changes if other is not one)
        rest = bound(scenario.model_copy(update={"changes": others}), projection)
        without = Model(rest, discount_rate=scenario.discount_rate).outcome(worlds)
        gain = difference(whole, without) if whole.has_discount else None
        yield {
            "change": one.name,
            "title": one.title,
            "kind": one.kind,
            "rule": RULE_TEXTS[one.kind],
            "values": one.model_dump(mode="json", exclude_none=True),
            **(nothing("npv_gain") if gain is None else amount("npv_gain", gain)),
        }


def _elasticity(base: BaseRun) -> Row:
    found = base.elasticity
    history = [
        {"month": one.month, "cost": one.cost, "requests": one.requests}
        for one in base.bills
    ]
    if isinstance(found, NotEstimable):
        return {"reason": f"not estimable: {found.text}", "history": history}
    doubled = found.cost_at(_DOUBLE)
    return {
        **_lines_of(found),
        "reason": None,
        "elasticity": found.elasticity,
        "elasticity_low_90": found.elasticity_low_90,
        "elasticity_high_90": found.elasticity_high_90,
        "scale": found.scale,
        "period_count": found.period_count,
        "usage_ratio": found.usage_ratio,
        "usage_unit": "successful requests a month",
        "cost_now": found.cost_at(1.0).cost,
        "doubled_usage": doubled.usage,
        "doubled_cost": doubled.cost,
        "doubled_cost_low_90": doubled.cost_low_90,
        "doubled_cost_high_90": doubled.cost_high_90,
        "doubled_is_extrapolated": doubled.is_extrapolated,
        "history": history,
    }


def _lines_of(found: CostElasticity) -> Row:
    """Return the ends of the fitted line, and of one of slope 1 through its middle."""
    most = found.most_usage
    ends = (most / found.usage_ratio, most)
    middle = (ends[0] * ends[1]) ** 0.5
    at_middle = found.cost_at(middle / found.last_usage).cost
    return {
        "line": [
            {"requests": end, "cost": found.cost_at(end / found.last_usage).cost}
            for end in ends
        ],
        "slope_one": [
            {"requests": end, "cost": at_middle * end / middle} for end in ends
        ],
    }


def _base_notes(base: BaseRun) -> Iterator[str]:
    for name in sorted(base.unconverted):
        yield f"{name}: a part of its cost has no amount in {base.currency}."


__all__ = ["METHOD_VERSION", "id_of", "result_of"]
