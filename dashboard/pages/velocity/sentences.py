"""Words of the page *Velocity*: meaning of each figure, and exclusions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.pages.velocity.queries import VelocityFigure

_HOURS_PER_DAY: Final = 24
_DAYS_SHOWN_FROM: Final = 48
_FEWEST_FOR_A_BAND: Final = 10
_ABOVE_P95: Final = 0.05
_SECONDS_PER_HOUR: Final = 3600
#: Figures of deployments, and the reason codes for an unknown outcome.
_OF_DEPLOYMENTS: Final = frozenset(
    {
        *("deployment_frequency", "deployment_days", "rework_ratio"),
        *("change_fail_ratio", "change_fail_ratio_reaching_users"),
        "failed_deployment_recovery",
    }
)
#: Changes of which nobody knows whether they are in production.
_SHIPPED_UNKNOWN: Final = re.compile(r"\bdeployment_outcome_unknown (\d+)")
_UNKNOWN_OUTCOME: Final = re.compile(r"\b(unknown|next_outcome_unknown) (\d+)")

#: Name of each metric, and its formula.
METRICS: Final = {
    "change_lead_time": (
        "Change lead time",
        "Median time from a commit to the first successful deployment to production"
        " that contained it. A squashed commit begins when its pull request was"
        " opened. What the first deployment of all contained is left out, and what"
        " one of unknown outcome contained counts as missing.",
    ),
    "deployment_frequency": (
        "Deployment frequency",
        "Distinct successful deployments to production, new or hotfix, ÷ weeks. Days"
        " count from the first to the last that their source tells of. Re-runs,"
        " redeploys, rollbacks and changes of configuration do not.",
    ),
    "deployment_days": (
        "Deployment days",
        "Days with such a deployment, ÷ the same weeks.",
    ),
    "change_fail_ratio": (
        "Change fail rate",
        "Deployments to production that failed, or were followed within the maturity"
        " window by a rollback, a hotfix or an incident they caused, ÷ all that"
        " ended. Those younger than the window are open.",
    ),
    "change_fail_ratio_reaching_users": (
        "Change fail rate, users reached",
        "Of those that failed, only what users met: not a rollout that never ended.",
    ),
    "failed_deployment_recovery": (
        "Failed deployment recovery",
        "Median time from the end of a failed deployment to users being served again."
        " Unknown where a fifth of the recoveries is: a deployment of unknown outcome"
        " came before the next known success.",
    ),
    "rework_ratio": (
        "Deployment rework rate",
        "Share of production deployments that were rollbacks or hotfixes.",
    ),
    "time_to_restore": (
        "Time to restore",
        "Median time from when users felt an incident until it was resolved, whatever"
        " caused it.",
    ),
    "training_to_production": (
        "Training to production",
        "Median time from the end of a training run to that very version serving"
        " production. No registry keeps this time: it is a deployment that names the"
        " version, else a webhook of the alias, else two snapshots that differ."
        " Versions that are not there yet are open: most are experiments and not late.",
    ),
    "registration_to_production": (
        "Registration to production",
        "Median time from the registration of a version to its first time in"
        " production.",
    ),
    "iterations_per_feature": (
        "Iterations per feature",
        "Median of the completed training runs that each release took: those that"
        " ended since the run of the version released before, of each model that"
        " serves the feature. A search counts once, however many runs it has.",
    ),
    "training_hours": (
        "Training time",
        "Median duration of finished training runs; parents, which span their"
        " children, are left out.",
    ),
    "pilot_to_production": (
        "Pilot to production",
        "Median time from a service's first deployment anywhere to its first one to"
        " production.",
    ),
    "versions_promoted_within_7_days": (
        "Versions promoted within 7 days",
        "Of the versions that were registered in the month, those that came into"
        " production within seven days. Most others are experiments and not late.",
    ),
    "versions_promoted_within_30_days": (
        "Versions promoted within 30 days",
        "The same within thirty days.",
    ),
}
#: Reference bands of change lead time [h], deployment days a week, and ratios; dated.
BANDS: Final = "Apache DevLake's reference bands of 2023"
_BANDS: Final[dict[str, tuple[tuple[float, str], ...]]] = {
    "change_lead_time": ((24, "elite"), (168, "high"), (720, "medium")),
    "change_fail_ratio": ((0.05, "elite"), (0.10, "high"), (0.15, "medium")),
    "failed_deployment_recovery": ((1, "elite"), (24, "high"), (168, "medium")),
}


def duration(hours: float | None) -> str:
    """Write hours, or days from two of them on, e.g. ``3.2 h`` or ``4.1 d``."""
    if hours is None:
        return fmt.UNKNOWN
    if hours >= _DAYS_SHOWN_FROM:
        return f"{hours / _HOURS_PER_DAY:,.1f}\u00a0d"
    return f"{hours:,.1f}\u00a0h" if hours >= 1 else f"{hours * 60:,.0f}\u00a0min"


def value(figure: VelocityFigure, number: float | None) -> str:
    """Write a number in the unit of a figure."""
    return quantity(figure.unit, number)


def quantity(unit: str, number: float | None) -> str:
    """Write a number in a unit."""
    if number is None:
        return fmt.UNKNOWN
    match unit:
        case "hours":
            return duration(number)
        case "ratio":
            return fmt.percent(number)
        case "per_week":
            return f"{number:,.1f} a week"
    return f"{number:,.1f}"


def with_unit(name: str, unit: str) -> str:
    """Return the title of an axis: a metric, and the unit it is drawn in."""
    drawn = {"hours": "hours", "ratio": "share", "per_week": "a week"}.get(unit)
    return f"{name}, {drawn}" if drawn else name


def evidence(figure: VelocityFigure) -> str:
    """State the evidence of a figure: n, interval, missing and open items."""
    said = [f"n = {figure.n_used:,}"]
    if figure.low is not None and figure.high is not None:
        bounds = f"{value(figure, figure.low)} to {value(figure, figure.high)}"
        said.append(f"90 % interval {bounds}")
    if figure.missing_ratio is not None:
        said.append(f"{fmt.percent(figure.missing_ratio)} missing")
    if figure.n_open:
        said.append(f"{figure.n_open:,} open{_oldest(figure)}")
    if figure.n_excluded:
        said.append(f"{figure.n_excluded:,} left out")
    shipped = _SHIPPED_UNKNOWN.search(figure.excluded_by_reason or "")
    if shipped:
        said.append(f"{int(shipped[1]):,} of them in deployments of unknown outcome")
    return " · ".join(said)


def _oldest(figure: VelocityFigure) -> str:
    if figure.oldest_open_seconds is None:
        return ""
    return f", the oldest {duration(figure.oldest_open_seconds / _SECONDS_PER_HOUR)}"


def band(figure: VelocityFigure) -> str | None:
    """Name the reference band of a figure, never of fewer than ten items."""
    bounds = _BANDS.get(figure.metric)
    if bounds is None or figure.value is None or figure.n_used < _FEWEST_FOR_A_BAND:
        return None
    return next((name for bound, name in bounds if figure.value <= bound), "low")


def over_time(name: str, scope: str, kind: str, count: int, known: int) -> str:
    """State the number of months or quarters with a known figure."""
    missing = count - known
    gaps = f" {fmt.plural(missing, f'{kind} has', f'{kind}s have')} none."
    why = (
        " A quarter's figure comes from its items and is no mean of its months."
        if kind == "quarter"
        else ""
    )
    return (
        f"**{name}** of {fmt.markdown(scope)} is known for"
        f" {fmt.plural(known, kind)}.{gaps if missing else ''}{why}"
    )


def absence(figure: VelocityFigure | None) -> str:
    """State the reason for a missing value."""
    if figure is None:
        return "Not measured in this period."
    if figure.unit == "per_week" and figure.low is None:
        return "No whole week is measured."
    unknown = _unknown_outcomes(figure)
    if unknown:
        return unknown
    if figure.n_used == 0:
        return f"Nothing ended in this period: {evidence(figure)}."
    return "Fewer than five: no median is drawn from them. Velocity, Flow lists them."


def is_over_threshold(row: Mapping[str, Any]) -> bool:
    """Return True if p95 exceeds the threshold; exactly if that is a bound."""
    share = row["requests_over_threshold_ratio"]
    if share is not None:
        return bool(share > _ABOVE_P95)
    return (row["p95_to_threshold_ratio"] or 0.0) > 1.0


def quiet_weeks(weeks: Sequence[Mapping[str, Any]]) -> str:
    """Count the whole weeks without a deployment, as far as known."""
    whole = [week for week in weeks if week["is_complete"]]
    idle = [week for week in whole if week["deployment_count"] == 0]
    doubtful = sum(week["unknown_count"] > 0 for week in idle)
    more = f" Outcomes of {doubtful:,} more are unknown." if doubtful else ""
    return (
        f"In **{len(idle) - doubtful} of {fmt.plural(len(whole), 'whole week')}**"
        f" nothing was deployed. They count in the median above.{more}"
    )


def cost_of_a_deployment(whose: str, row: Mapping[str, Any]) -> str:
    """State a month's cost per deployment, or the reason that it is unknown."""
    month, shown = fmt.month(row["month"]), fmt.markdown(whose)
    count, unknown = row["deployment_count"], row["unknown_deployment_count"]
    if count and row["cost_per_deployment"] is None:
        return (
            f"No cost of {shown} is known in {month}, in which it shipped"
            f" {fmt.plural(count, 'deployment')}."
        )
    if not count and unknown:
        return (
            f"In {month} the outcome of {fmt.plural(unknown, 'deployment')} of {shown}"
            " is unknown: no cost is divided by them."
        )
    if not count:
        return f"Nothing was deployed in {month}: no cost per deployment."
    currency = row["currency"]
    left_out = (
        f" {fmt.plural(unknown, 'deployment')} of unknown outcome"
        f" {'is' if unknown == 1 else 'are'} not counted."
        if unknown
        else ""
    )
    return (
        f"In {month} all that {shown} cost, serving included, was"
        f" {fmt.money(row['effective_cost'], currency)}:"
        f" **{fmt.short_unit_cost(row['cost_per_deployment'], currency)}** per"
        f" deployment. It is not what deploying costs.{left_out}"
    )


def window(row: Mapping[str, Any]) -> str:
    """Name a window by its months, e.g. ``Aug 2026 to Oct 2026``."""
    first = fmt.month(f"{row['window_start']:%Y-%m}")
    return f"{first} to {fmt.month(row['month'])}"


def way_out(row: Mapping[str, Any]) -> str | None:
    """Return the way to a figure for an empty window, with that figure."""
    text = row["way_out"]
    if text is None or row["wider_value"] is None:
        return text and f"{text[0].upper()}{text[1:]}"
    return f"{text}: {quantity(row['unit'], row['wider_value'])}"


def over_windows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write figures of windows with their n, else the reason and a way out."""
    known = [row for row in rows if row["value"] is not None]
    if not known:
        last = rows[-1]
        months = f"{last['window_months']} months to {fmt.month(last['month'])}"
        return (
            ". ".join(filter(None, [f"{months}: {last['reason']}", way_out(last)]))
            + "."
        )
    written = [
        f"{row['window_months']} months: {quantity(row['unit'], row['value'])}"
        f" (n\u00a0=\u00a0{row['n_used']:,})"
        for row in known
    ]
    return f"To {fmt.month(known[-1]['month'])}, over {', '.join(written)}."


def _unknown_outcomes(figure: VelocityFigure) -> str:
    """Count unknown outcomes, with the bounds of the figure and a way out."""
    if figure.metric not in _OF_DEPLOYMENTS:
        return ""
    counts = dict(_UNKNOWN_OUTCOME.findall(figure.excluded_by_reason or ""))
    own, following = (
        int(counts.get(reason, 0)) for reason in ("unknown", "next_outcome_unknown")
    )
    reasons = [
        f"outcome of {fmt.plural(own, 'deployment')} unknown" if own else "",
        f"{fmt.plural(following, 'deployment')} followed by one of unknown outcome"
        if following
        else "",
    ]
    if not any(reasons):
        return ""
    bounds = ""
    if figure.low is not None and figure.high is not None:
        bounds = f" Between {value(figure, figure.low)} and"
        bounds += f" {value(figure, figure.high)}."
    reason = ", ".join(filter(None, reasons))
    return (
        f"{reason[0].upper()}{reason[1:]}: a later state replaced it before it was"
        f" read.{bounds} Read the source more often, or send each rollout's end to"
        " `triptych receive`."
    )
