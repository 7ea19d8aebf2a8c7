"""An estimate as text and as a chart, both read off its draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import altair as alt

    from attribution.result import Estimate

_CAUSAL_GRADES = ("A", "B")


def report_of(estimate: Estimate) -> str:
    """Return an estimate in plain words.

    Below grade B the wording is *consistent with*: nothing was compared that makes it
    more. What passed a check is *not refuted*.
    """
    return "\n".join(_lines(estimate))


def verdict_of(estimate: Estimate) -> str:
    """Return one sentence about whether there is an effect, at the plan's level."""
    low, high = estimate.effect.interval(estimate.level)
    percent = f"{estimate.level:.0%}"
    if low > 0 or high < 0:
        direction = "an increase" if low > 0 else "a decrease"
        if estimate.grade in _CAUSAL_GRADES:
            return f"The feature led to {direction} of {estimate.outcome} ({percent})."
        return f"The data are consistent with {direction} of {estimate.outcome}."
    return (
        f"No effect detected: the {percent} interval includes zero. That is not proof"
        " of no effect; the interval says how large it may be."
    )


def _lines(estimate: Estimate) -> Iterator[str]:
    registered = "EXPLORATORY" if estimate.is_exploratory else "REGISTERED"
    yield f"{estimate.study_id}: grade {estimate.grade}, {registered}."
    yield verdict_of(estimate)
    yield _total(estimate)
    average = estimate.average
    low, high = average.interval(estimate.level)
    yield (f"Per {estimate.per}: {average.point:,.4g} ({low:,.4g} to {high:,.4g}).")
    relative = estimate.relative
    if relative is None:
        yield "A relative effect is not shown: what it is relative to is near zero."
    else:
        point, low, high = relative
        span = f"{low:+.1%} to {high:+.1%}"
        yield f"In relation to the counterfactual: {point:+.1%} ({span})."
    yield f"P(effect > 0) = {_probability(estimate.effect.probability_positive)}."
    yield f"Estimand: {estimate.estimand} Estimator: {estimate.design}."
    yield from _evidence(estimate)


def _evidence(estimate: Estimate) -> Iterator[str]:
    for name, total in estimate.second_opinion.items():
        yield f"Second opinion, {name}: {total:,.4g} in total."
    for check in estimate.checks:
        said = "not refuted" if check.status == "pass" else check.status
        yield f"Check {check.name}: {said}. {check.why}"
    if estimate.grading:
        yield from (f"Grade: {reason}" for reason in estimate.grading.reasons)
    yield from estimate.notes
    if estimate.calibration:
        yield f"Calibration: {estimate.calibration.get('summary', '')}"
    if estimate.break_even is not None:
        yield f"Break-even: {estimate.break_even:,.6g} {estimate.unit} in total."
    yield (
        "Assumed: nothing else that the plan does not name moved the outcome at the"
        " launch. No method can see such a coincidence."
    )


def _total(estimate: Estimate) -> str:
    effect = estimate.effect
    parts = []
    for level in (0.5, 0.9, 0.95):
        low, high = effect.interval(level)
        bounded = math.isfinite(high - low)
        ends = f"{low:,.4g} to {high:,.4g}" if bounded else "unbounded"
        parts.append(f"{level:.0%} {ends}")
    return f"Effect in total: {effect.point:,.4g} {estimate.unit} ({'; '.join(parts)})."


def _probability(value: float) -> str:
    if value > 0.999:  # noqa: PLR2004
        return "above 0.999"
    return "below 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004


def figure_of(estimate: Estimate) -> alt.VConcatChart:
    """Return observed and counterfactual above, the running effect below."""
    import altair as alt  # noqa: PLC0415  (a second of import that estimates do not need)

    rows = estimate.path.reset_index()
    date = alt.X("date:T", title=None)
    base = alt.Chart(rows).encode(x=date)
    width = 640

    def band(low: str, high: str, title: str) -> alt.Chart:
        drawn: alt.Chart = base.mark_area(opacity=0.2).encode(
            y=alt.Y(f"{low}:Q", title=title), y2=f"{high}:Q"
        )
        return drawn

    above = alt.layer(
        band("counterfactual_low", "counterfactual_high", estimate.unit),
        base.mark_line(strokeDash=[4, 3]).encode(y="counterfactual:Q"),
        base.mark_line(color="black").encode(y="observed:Q"),
    ).properties(width=width, height=220, title=f"{estimate.outcome}: observed")
    below = alt.layer(
        band("cumulative_effect_low", "cumulative_effect_high", estimate.unit),
        base.mark_line().encode(y="cumulative_effect:Q"),
        alt.Chart(rows.iloc[:1]).mark_rule().encode(y=alt.datum(0)),
    ).properties(
        width=width, height=160, title=f"Effect so far, {estimate.level:.0%} interval"
    )
    return alt.vconcat(above, below)


__all__ = ["figure_of", "report_of", "verdict_of"]
