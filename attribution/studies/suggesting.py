"""Propose plans that outcomes, starts and units allow, with their power."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from attribution.causal.design_choice import choose_design
from attribution.causal.panel import FREQUENCIES, dates_of, panel_of
from attribution.causal.plan import Plan
from attribution.causal.refusal import Refusal, RefusalError
from attribution.studies.next_step import horizon_without_a_year, redefinition
from attribution.studies.power import minimum_detectable_effect
from triptych.core.errors import RefusedEstimateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from attribution.studies.outcome_rows import OutcomeRows

#: Days between two dates of a unit → the period of a study.
_PERIODS: Final = ((1, "day"), (7, "week"), (31, "month"), (92, "quarter"))
_CODES: Final = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q"}
#: Part of the cells of units and periods that has to be delivered.
FILLED_RATIO: Final = 0.9
#: Largest window after the launch, as a part of the history, that can be rehearsed
#: before the launch: for a single series, and with other units.
_HORIZON_RATIO: Final = {True: 0.2, False: 0.5}
_TO_DECIDE: Final = """\
# To decide before it is locked: which way is better, what would matter, the money.
# better: higher
# minimum_effect: 1
# decision_rule: {level: 0.9, text: keep it if the interval is above zero}
# economics: {cost_amount: 1000, value_amount_per_unit: 1}
"""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Plan with its detectable effect, or with its missing requirements.

    Attributes
    ----------
    plan : Plan
        Complete but for the decision and the economics.
    design : str
        Estimator that answers it; empty where none does.
    treated, compared : int
        Units with the feature, and without.
    before, after : int
        Periods before the launch, and from it on.
    detectable : float or None
        Smallest effect per unit and period that four of five such studies find.
    missing : str
        Reason that it cannot be estimated, and the remedy; empty where it can.
    """

    plan: Plan
    design: str
    treated: int
    compared: int
    before: int
    after: int
    detectable: float | None = None
    missing: str = ""


def suggestions(
    frame: pd.DataFrame,
    starts: Mapping[str, date],
    facts: Mapping[str, Any],
    *,
    seed: int = 0,
) -> list[Suggestion]:
    """Return plans for a feature, those that can be estimated first.

    Each is rehearsed on the history before the launch; nothing after it is looked at.

    Parameters
    ----------
    frame : DataFrame
        ``unit``, ``date`` and ``outcome``.
    starts : mapping of str to date
        First date with the feature by unit.
    facts : mapping
        ``id``, ``feature``, ``outcome``, ``outcome_unit``, and any other of a plan.
    seed : int
        Of all random numbers.
    """
    rows, period = at_whole_periods(frame)
    plans = _plans(rows, period, starts, facts)
    suggested = [rehearsed(rows, plan, seed=seed) for plan in plans]
    # The order of plans is that of designs and scales; estimable plans come first.
    return sorted(suggested, key=lambda suggestion: bool(suggestion.missing))


def suggested_for(
    metric: str,
    rows: OutcomeRows,
    *,
    feature: str = "",
    launch: date | None = None,
    units: Sequence[str] = (),
) -> list[Suggestion]:
    """Return plans for a delivered outcome.

    Parameters
    ----------
    metric : str
        The outcome.
    rows : OutcomeRows
        Delivered rows of the outcome.
    feature : str
        Default: the value that was delivered with the outcome.
    launch, units
        From when who had the feature; default: as delivered with the outcome.

    Raises
    ------
    UsageError
        Nothing states the feature, its start, or its units.
    """
    known = set(rows.frame["unit"])
    if launch is None and not rows.starts:
        raise UsageError(
            f"No start was delivered with {metric!r}.",
            next_step="Say it with --launch and, unless all had it, --unit.",
        )
    if unknown := sorted(set(units) - known):
        raise UsageError(
            f"No outcome of unit {unknown[0]!r} is delivered.",
            next_step=f"Name units such as {', '.join(sorted(known)[:3])}.",
        )
    name = feature or rows.feature
    if not name:
        raise UsageError(
            f"No feature was delivered with {metric!r}.",
            next_step="Say which it was with --feature.",
        )
    starts = rows.starts
    if launch is not None:
        starts = dict.fromkeys(units or sorted(known), launch)
    facts = {
        "id": re.sub(r"[^a-z0-9]+", "-", f"{name} {metric}".lower()).strip("-")[:80],
        "feature": name,
        "outcome": metric,
        "outcome_unit": rows.unit_of_measure,
    }
    return suggestions(rows.frame, starts, facts)


def rehearsed(frame: pd.DataFrame, plan: Plan, *, seed: int = 0) -> Suggestion:
    """Return the expected findings of a plan, from its history alone."""
    try:
        panel = panel_of(frame, plan)
        design, _ = choose_design(panel, plan)
    except RefusalError as refused:
        return Suggestion(plan, "", 0, 0, 0, 0, None, _missing(refused.refusal))
    treated = int(panel.treated.sum())
    if plan.assignment is not None:
        arms = panel.column(plan.assignment.column)
        treated = int((np.nanmax(arms, axis=1) > 0).sum())
    sizes = (treated, len(panel.units) - treated, panel.before, panel.after)
    effect = minimum_detectable_effect(frame, plan, seed=seed)
    if isinstance(effect, Refusal):
        return Suggestion(plan, design, *sizes, None, _missing(effect))
    if not math.isfinite(effect):
        why = "Its interval would have no end: add units or history."
        return Suggestion(plan, design, *sizes, None, why)
    return Suggestion(plan, design, *sizes, effect)


def at_whole_periods(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return outcomes at the finest period at which units have them, and its name.

    A period of a unit has the mean of its dates, as studies read them. Periods that
    the first or the last date cuts are left out.

    Parameters
    ----------
    frame : DataFrame
        ``unit``, ``date``, ``outcome`` and columns of numbers.
    """
    rows = frame.assign(date=dates_of(frame))
    usual = pd.Series(sorted(set(rows["date"]))).diff().dt.days.median()
    names = [(days, name) for days, name in _PERIODS if usual <= days]
    for days, name in names:
        is_delivered = name == "day" or usual > days / 2.0
        panel = rows if is_delivered else _means(rows, name)
        cells = panel["unit"].nunique() * panel["date"].nunique()
        if len(panel) >= FILLED_RATIO * cells:
            return panel, name
    return rows, names[0][1] if names else "year"


def _means(rows: pd.DataFrame, period: str) -> pd.DataFrame:
    """Return means by unit and whole period."""
    code = _CODES[period]
    periods = rows["date"].dt.to_period(code)
    first, last = rows["date"].min(), rows["date"].max()
    whole = (periods.dt.start_time >= first) & (
        periods.dt.end_time.dt.normalize() <= last
    )
    kept = rows[whole].assign(date=periods[whole].dt.start_time)
    means: pd.DataFrame = kept.groupby(["unit", "date"], as_index=False).mean(
        numeric_only=True
    )
    return means


def plan_text(plan: Plan) -> str:
    """Return a plan as the YAML of its file, with open decisions."""
    content = plan.model_dump(mode="json", exclude_defaults=True)
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.dump(content, stream)
    return stream.getvalue() + _TO_DECIDE


def write_plan(suggestion: Suggestion, folder: Path) -> Path:
    """Write the plan of a suggestion to its file and return the path.

    Raises
    ------
    RefusedEstimateError
        It cannot be estimated.
    UsageError
        There is such a file.
    """
    if suggestion.missing:
        raise RefusedEstimateError(
            "No plan can be estimated from what is delivered.",
            where=suggestion.plan.outcome,
            next_step=suggestion.missing,
        )
    path = folder / f"{suggestion.plan.id}.yml"
    folder.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(plan_text(suggestion.plan))
    except FileExistsError as error:
        raise UsageError(
            f"There is a plan {path.name} already.",
            where=folder.name,
            next_step="Rename it, or register it as it is.",
        ) from error
    return path


def table_of(suggested: Sequence[Suggestion]) -> tuple[tuple[str, ...], list[Any]]:
    """Return head and rows of a table of suggestions."""
    head = ("design", "scale", "treated", "compared", "before", "after", "finds")
    rows = []
    for each in suggested:
        finds = None
        if each.detectable is not None:
            finds = f"{each.detectable:.3g} {each.plan.outcome_unit}"
        units = (each.treated, each.compared, each.before, each.after)
        rows.append((each.design or "none", each.plan.scale, *units, finds))
    return head, rows


def _missing(refusal: Refusal) -> str:
    return f"{refusal.message} {refusal.what_would_fix_it}"


def _plans(
    frame: pd.DataFrame,
    period: str,
    starts: Mapping[str, date],
    facts: Mapping[str, Any],
) -> Iterator[Plan]:
    """Yield the rehearsed plans: two scales, and two trends for a series."""
    launch = min(starts.values())
    start, end = frame["date"].min().date(), _end(frame, launch, period, starts)
    base = {
        **facts,
        "period": period,
        "launch": launch,
        "window": {"start": start, "end": end},
        **_who(starts, frame),
    }
    first = Plan.model_validate(base)
    step = redefinition(frame, first)
    if step is not None:
        base["window"] = {"start": step, "end": end}
    scales = ["additive"]
    if (frame["outcome"] > 0).all():
        scales.append("multiplicative")
    for scale in scales:
        yield Plan.model_validate({**base, "scale": scale})
    if "arm" in frame or frame["unit"].nunique() > len(starts):
        return
    for scale in scales:
        yield Plan.model_validate({**base, "scale": scale, "slope": True})


def _who(starts: Mapping[str, date], rows: pd.DataFrame) -> dict[str, Any]:
    """Return the treated units in the form of a plan."""
    if "arm" in rows:
        return {"assignment": {"column": "arm", "unit": "unit"}}
    if len(set(starts.values())) > 1:
        return {"rollout": dict(starts)}
    return {"treated": tuple(starts)} if len(set(rows["unit"])) > 1 else {}


def _end(
    rows: pd.DataFrame, launch: date, period: str, starts: Mapping[str, date]
) -> date:
    """Return the end of the window, half-open: as long as can be rehearsed."""
    dates = pd.DatetimeIndex(sorted(set(rows["date"])))
    before = int((dates < pd.Timestamp(launch)).sum())
    is_one_series = "arm" not in rows and len(starts) == rows["unit"].nunique()
    longest = int(before * _HORIZON_RATIO[is_one_series])
    if is_one_series:
        longest = horizon_without_a_year(longest, before, period)
    after = min(max(longest, 1), len(dates) - before)
    step = pd.tseries.frequencies.to_offset(FREQUENCIES[period])
    end: date = (dates[before + after - 1] + step).date()
    return end
