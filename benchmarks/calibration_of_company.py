"""The studies of the sample company, asked of many seeds.

Only the outcomes are simulated, no bills. Each of the six plans is asked of each seed:
whether its 90 % interval holds what was planted, and whether the same plan, moved to
where its window ends when the real launch comes, finds an effect that nobody planted.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attribution.causal.estimating import estimate
from attribution.causal.plan import Plan
from attribution.causal.refusal import Refusal
from benchmarks.calibration_of_frozen_worlds import delivered_draw
from ingest.sample_company import outcomes as simulated
from ingest.sample_company.timeline import plan_timeline
from ingest.sample_company.workspace.studies import study_texts
from triptych.core.settings.document import parse_document
from triptych.core.settings.problems import Problems

if TYPE_CHECKING:
    from attribution.causal.result import Estimate
    from ingest.sample_company.outcomes import Outcomes, OutcomeSeries
    from ingest.sample_company.timeline import Timeline

LEVEL = 0.9
#: Of a hundred honest intervals of 90 %, 84 to 96 hold: two standard errors.
COVERAGE_BARS = (0.84, 0.96)
PLACEBO_BAR = 0.16
MONTHS = 18
#: What was planted as a part of the outcome, or as so much of it.
RELATIVE_EFFECTS = {
    "eta-prediction": simulated.ETA_EFFECT,
    "predictive-maintenance": simulated.MAINTENANCE_EFFECT,
    "support-assistant": simulated.ASSISTANT_EFFECT,
    "route-optimiser": simulated.ROUTE_EFFECT,
}
ABSOLUTE_EFFECTS = {"driver-safety": simulated.SAFETY_EFFECT}
PROCESS = "incoming-invoices"


def calibrate_company(replications: int) -> dict[str, Any]:
    """Return how often intervals hold the planted effects, and placebos find any."""
    timeline = plan_timeline(MONTHS)
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in range(replications):
        outcomes = simulated.observe(timeline, seed)
        for plan in plans_of(outcomes, timeline):
            answer = _asked(plan, outcomes, timeline, seed)
            found.setdefault(plan.id, []).append(answer)
    rows = [_row(study, answers) for study, answers in found.items()]
    missed = [text for row in rows for text in _missed(row, replications)]
    return {
        "design": "company",
        "summary": f"{replications} companies of {MONTHS} months, intervals of 90 %.",
        "replications": replications,
        "rows": rows,
        "missed_bars": missed,
    }


def plans_of(outcomes: Outcomes, timeline: Timeline) -> list[Plan]:
    """Return the plans of a company, as its files say them."""
    plans = []
    for name, text in study_texts(outcomes, timeline).items():
        problems = Problems()
        document = parse_document(text, name=name, problems=problems)
        problems.raise_if_any()
        plans.append(Plan.model_validate(document.data))
    return plans


def frame_of(outcomes: Outcomes, timeline: Timeline, plan: Plan) -> pd.DataFrame:
    """Return what the marts lay out for a plan, worked out without them."""
    if plan.outcome == PROCESS:
        frame = _process_frame(outcomes, timeline)
    else:
        frame = _metric_frame(outcomes, timeline, plan)
    inside = (frame["date"] >= pd.Timestamp(plan.window.start)) & (
        frame["date"] < pd.Timestamp(plan.window.end)
    )
    frame = frame[inside]
    if plan.period == "month":
        month = frame["date"].dt.to_period("M").dt.to_timestamp()
        frame = frame.assign(date=month)
        frame = frame.groupby(["unit", "date"], as_index=False).mean()
    return frame.reset_index(drop=True)


def planted(found: Estimate, plan: Plan, outcomes: Outcomes) -> float:
    """Return the effect that was planted in the cells of an estimate, in total."""
    if plan.id in ABSOLUTE_EFFECTS:
        return ABSOLUTE_EFFECTS[plan.id] * found.cells
    if plan.outcome == PROCESS:
        return _saved_minutes(found, outcomes, plan)
    part = RELATIVE_EFFECTS[plan.id]
    # Of what was seen with the effect, so much is the effect.
    return float(found.observed.sum()) * part / (1.0 + part)


def _metric_frame(outcomes: Outcomes, timeline: Timeline, plan: Plan) -> pd.DataFrame:
    by_name = {series.metric.name: series for series in outcomes.series}
    own = by_name[plan.outcome]
    frame = _series_frame(own, timeline, "outcome")
    if own.arm is not None:
        frame["arm"] = own.arm.astype(float)
    for name in plan.columns:
        if name in by_name:
            other = _series_frame(by_name[name], timeline, name)
            frame = frame.merge(other[["date", name]], on="date", how="left")
    return frame


def _series_frame(series: OutcomeSeries, timeline: Timeline, name: str) -> pd.DataFrame:
    first = pd.Timestamp(timeline.first_day)
    return pd.DataFrame(
        {
            "unit": np.array(series.units, dtype=object)[series.unit],
            "date": first + pd.to_timedelta(series.day, unit="D"),
            name: series.value,
        }
    )


def _process_frame(outcomes: Outcomes, timeline: Timeline) -> pd.DataFrame:
    process = outcomes.process
    first = pd.Timestamp(timeline.first_day)
    return pd.DataFrame(
        {
            "unit": "all",
            "date": first + pd.to_timedelta(process.day, unit="D"),
            "outcome": process.minutes / process.volume,
            "volume": process.volume.astype(float),
            "automated_volume": process.automated.astype(float),
            "handling_minutes": process.minutes,
        }
    )


def _saved_minutes(found: Estimate, outcomes: Outcomes, plan: Plan) -> float:
    """Return minutes that automated documents would have taken at each day's pace."""
    process = outcomes.process
    start = outcomes.starts["invoice-reading"]["company"]
    last = start + (found.dates[-1] - pd.Timestamp(plan.launch)).days
    chosen = (process.day >= start) & (process.day <= last)
    handled = process.volume - process.automated
    saved = process.automated * process.minutes / handled
    return -float(saved[chosen].sum())


def _asked(
    plan: Plan, outcomes: Outcomes, timeline: Timeline, seed: int
) -> dict[str, Any]:
    frame = frame_of(outcomes, timeline, plan)
    draw = delivered_draw(frame, plan)
    found = estimate(frame, plan, seed=seed, is_registered=True, draw=draw)
    placebo = _asked_too_early(plan, outcomes, timeline, seed)
    answer: dict[str, Any] = {"placebo": _finds(placebo), "refused": None}
    if isinstance(found, Refusal):
        return answer | {"refused": found.code}
    low, high = found.effect.interval(LEVEL)
    truth = planted(found, plan, outcomes)
    return answer | {
        "holds": low <= truth <= high,
        "finds": low > 0 or high < 0,
        "error": (found.effect.point - truth) / found.cells,
        "width": (high - low) / found.cells,
        "grade": found.grade,
        "design": found.design,
    }


def _asked_too_early(
    plan: Plan, outcomes: Outcomes, timeline: Timeline, seed: int
) -> Estimate | Refusal:
    earlier = moved_before_its_launch(plan, timeline)
    frame = frame_of(outcomes, timeline, earlier)
    draw = delivered_draw(frame, earlier)
    return estimate(frame, earlier, seed=seed, is_registered=True, draw=draw)


def moved_before_its_launch(plan: Plan, timeline: Timeline) -> Plan:
    """Return a plan whose window ends where it launches, with nothing else changed."""
    launch, end = pd.Timestamp(plan.launch), pd.Timestamp(plan.window.end)
    by: Any = end - launch
    if plan.period == "month":
        by = pd.DateOffset(
            months=end.to_period("M").ordinal - launch.to_period("M").ordinal
        )

    def moved(day: date) -> date:
        earlier = pd.Timestamp(day) - by
        return date(earlier.year, earlier.month, earlier.day)

    content = plan.model_dump()
    content["launch"] = moved(plan.launch)
    start = max(moved(plan.window.start), timeline.first_day)
    content["window"] = {"start": start, "end": plan.launch}
    content["rollout"] = {unit: moved(day) for unit, day in plan.rollout.items()}
    return Plan.model_validate(content)


def _finds(found: Estimate | Refusal) -> bool | None:
    if isinstance(found, Refusal):
        return None
    low, high = found.effect.interval(LEVEL)
    return bool(low > 0 or high < 0)


def _row(study: str, answers: list[dict[str, Any]]) -> dict[str, Any]:
    told = [answer for answer in answers if answer["refused"] is None]
    placebos = [
        answer["placebo"] for answer in answers if answer["placebo"] is not None
    ]
    return {
        "study": study,
        "design": "/".join(sorted({answer["design"] for answer in told})) or None,
        "refused": len(answers) - len(told),
        "coverage_90": _mean([answer["holds"] for answer in told]),
        "found": _mean([answer["finds"] for answer in told]),
        "placebos": len(placebos),
        "placebos_found": _mean(placebos),
        "mean_error": _mean([answer["error"] for answer in told]),
        "median_width_90": float(np.median([answer["width"] for answer in told]))
        if told
        else None,
        "grades": "".join(sorted({answer["grade"] for answer in told})) or None,
    }


def _mean(values: list[Any]) -> float | None:
    return float(np.mean(values)) if values else None


def _missed(row: dict[str, Any], replications: int) -> list[str]:
    """Return the bars that a study misses; of fewer seeds they are wider by chance."""
    study, slack = row["study"], 0.6 * (replications**-0.5 - 0.1)
    low, high = COVERAGE_BARS[0] - slack, COVERAGE_BARS[1] + slack
    missed = []
    if row["refused"]:
        missed.append(f"{study}: {row['refused']} of {replications} refused")
    if row["coverage_90"] is not None and not low <= row["coverage_90"] <= high:
        missed.append(f"{study}: {row['coverage_90']:.2f} of the intervals hold")
    found = row["placebos_found"]
    if found is None or found > PLACEBO_BAR + slack:
        missed.append(f"{study}: {found} of the placebos show an effect")
    return missed
