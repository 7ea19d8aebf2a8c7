"""Every estimator, end to end, in worlds that were frozen before it.

A study of each trial goes through :func:`attribution.estimate` as a registered plan
does, so that refusals and grades count: what is refused gives no figure, and what is
graded A or B is counted in money.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution import Estimate, Plan, estimate
from attribution.causal.random_assignment import Draw, list_hash
from benchmarks.frozen_worlds import FROZEN_WORLDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from benchmarks.frozen_worlds.world import Trial

#: Coverage may be this much below nominal, or this share of studies is refused.
SLACK, REFUSAL_BAR = 0.03, 0.9
_COUNTED = ("A", "B")
#: The first seed that worlds are judged on. What chooses a threshold looks at seeds
#: below :data:`JUDGED_FROM` only, so no figure of a card has been chosen by itself.
JUDGED_FROM = 200_000
#: Fields of a plan that are the same in every world.
FIXED_FACTS: Mapping[str, Any] = {
    "id": "frozen-world",
    "feature": "copilot",
    "outcome": "outcome",
    "outcome_unit": "units",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a study said of one trial.

    Attributes
    ----------
    grade : str
        X where it was refused.
    code : str
        Of the refusal; empty where there is an estimate.
    error : float
        The point estimate minus the truth; NaN where it was refused.
    ends : tuple of float
        Ends of the 95 % and the 90 % interval, minus the truth.
    found : bool
        Whether the 95 % interval leaves out no effect at all.
    """

    grade: str
    code: str
    error: float
    ends: tuple[float, float, float, float]
    found: bool


def delivered_draw(frame: pd.DataFrame, plan: Plan) -> Draw | None:
    """Return the draw of arms that a platform assigned as the data has them."""
    assigned = plan.assignment
    if assigned is None:
        return None
    unit = assigned.cluster or "unit"
    arms = frame.groupby(unit)[assigned.column].first()
    name = "{:.0f}".format if assigned.cluster else str
    drawn = {name(key): int(arm) for key, arm in arms.items()}
    return Draw("the platform's export", list_sha256=list_hash(drawn))


def answer(trial: Trial, *, seed: int = 0) -> Answer:
    """Ask a study of a trial, as it is asked where its plan was registered."""
    plan = Plan.model_validate({**FIXED_FACTS, **trial.facts})
    result = estimate(
        trial.frame,
        plan,
        seed=seed,
        is_registered=True,
        draw=delivered_draw(trial.frame, plan),
    )
    if not isinstance(result, Estimate):
        return Answer("X", result.code, np.nan, (np.nan,) * 4, found=False)
    wide, usual = result.effect.interval(0.95), result.effect.interval(0.9)
    low, high, lower, higher = (end - trial.truth for end in (*wide, *usual))
    return Answer(
        result.grade,
        "",
        result.effect.point - trial.truth,
        (low, high, lower, higher),
        found=wide[0] > 0 or wide[1] < 0,
    )


def row_of_world(
    name: str, replications: int, first_seed: int = JUDGED_FROM
) -> dict[str, Any]:
    """Return the figures of one world.

    Parameters
    ----------
    name : str
        One of :data:`benchmarks.frozen_worlds.FROZEN_WORLDS`.
    replications : int
        How many trials.
    first_seed : int
        Of the first of them; the others follow.
    """
    seeds = range(first_seed, first_seed + replications)
    answers = [answer(FROZEN_WORLDS[name].trial(seed)) for seed in seeds]
    return figures_of_world(name, answers)


def figures_of_world(name: str, answers: list[Answer]) -> dict[str, Any]:
    """Return the figures of answers, which may have been asked for piece by piece.

    Parameters
    ----------
    name : str
        The world.
    answers : list of Answer
        One for each trial.
    """
    world, replications = FROZEN_WORLDS[name], len(answers)
    told = [one for one in answers if not one.code]
    counted = [one for one in told if one.grade in _COUNTED]
    codes = Counter(one.code for one in answers if one.code)
    row = {
        "world": name,
        "estimator": world.design,
        "origin": world.origin,
        "beyond": world.beyond,
        "replications": replications,
        "refused": 1.0 - len(told) / replications,
        "refusal": codes.most_common(1)[0][0] if codes else None,
        "counted": len(counted) / replications,
        "coverage_95": _coverage(told, 0),
        "coverage_90": _coverage(told, 2),
        "counted_coverage_95": _coverage(counted, 0),
        "counted_coverage_90": _coverage(counted, 2),
        "found_95": _mean([one.found for one in told]),
        "median_width_90": _median([one.ends[3] - one.ends[2] for one in told]),
        "bias": _mean([one.error for one in told]),
    }
    return row | {"holds": holds(row)}


def calibrate_frozen_worlds(replications: int) -> dict[str, Any]:
    """Return the rows of all worlds, on all cores, and what they say together."""
    names = list(FROZEN_WORLDS)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        counts = [replications] * len(names)
        rows = list(processes.map(row_of_world, names, counts))
    return card_of_worlds(rows)


def card_of_worlds(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the card of rows, which may have been measured one by one.

    Parameters
    ----------
    rows : list of dict
        As :func:`row_of_world` makes them.
    """
    judged = [row for row in rows if not row["beyond"]]
    missed = [row["world"] for row in judged if not row["holds"]]
    fewest = min(row["replications"] for row in rows)
    held = len(judged) - len(missed)
    return {
        "estimator": "frozen_worlds",
        "replications": fewest,
        "rows": rows,
        "missed_bars": missed,
        "note": "",
        "summary": f"counted intervals of 90 and 95 % hold at most {SLACK:.0%} less"
        f" often than promised, or nine studies of ten are not counted, in {held} of"
        f" {len(judged)} simulated worlds ({fewest} studies or more each).",
    }


def holds(row: Mapping[str, Any]) -> bool:
    """Return whether figures that are counted are honest, or there are hardly any."""
    if row["counted"] <= 1.0 - REFUSAL_BAR + 1e-9:
        return True
    bars = {"counted_coverage_95": 0.95, "counted_coverage_90": 0.9}
    return all(row[name] >= nominal - SLACK for name, nominal in bars.items())


def _coverage(answers: list[Answer], at: int) -> float | None:
    return _mean([one.ends[at] <= 0 <= one.ends[at + 1] for one in answers])


def _mean(values: list[Any]) -> float | None:
    return float(np.mean(values)) if values else None


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None
