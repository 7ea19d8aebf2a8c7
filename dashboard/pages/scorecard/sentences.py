"""Words of *Platform scorecard*: names, figures with intervals, moves.

A change is reported as observed before and after. Nothing here gives a cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.pages.scorecard.queries import Move

#: Metric → its name on the page and the meaning of less or more of it.
METRICS: Final = {
    "windows_over_threshold_ratio": "Windows with p95 over the threshold",
    "requests_over_threshold_ratio": "Requests over the threshold",
    "p95_to_threshold_ratio": "p95 latency, times the threshold",
    "delivered_windows_over_threshold_ratio": (
        "Delivered windows with p95 over the threshold"
    ),
    "delivered_p95_to_threshold_ratio": "Delivered p95 latency, times the threshold",
    "charged_per_thousand_inferences": "Charged per 1,000 inferences",
    "cost_per_thousand_inferences": "Total cost of models per 1,000 inferences",
    "marginal_cost_per_thousand_inferences": "Total per 1,000, marginal part",
    "fixed_cost_per_thousand_inferences": "Total per 1,000, fixed part",
    "idle_cost_per_month": "Idle serving capacity a month",
    "training_cost_per_month": "Training charged a month",
    "training_hours_p50": "Training time, median",
    "training_hours_p90": "Training time, p90",
    "training_gpu_hours_per_run": "GPU-hours per training run",
    "spend_per_month": "AI spend a month",
    "spend_to_budget_ratio": "AI spend as a multiple of budget",
    "integration_cost": "Integration cost",
    "integration_share_ratio": "Integration, share of the investment",
    "integration_to_rest_ratio": "Integration ÷ rest of the investment",
    "infra_hours_per_week": "Infra hours a week",
    "infra_hours_per_deployment": "Infra hours per deployment",
    "firefighting_booked_ratio": "Firefighting, booked",
    "firefighting_engaged_ratio": "Firefighting, engaged",
    "proprietary_spend_ratio": "Lock-in: spend on proprietary services",
    "portable_with_effort_spend_ratio": "Spend that is portable with effort",
    "portable_spend_ratio": "Spend that is portable",
    "unclassified_spend_ratio": "Unclassified spend",
    "remaining_commitment": "Remaining commitment",
    "required_skill_count": "Required skills",
    "cost_elasticity": "Cost elasticity",
}
#: Metrics drawn for each criterion, in this order, three in a row.
DRAWN: Final = {
    "performance": (
        *("windows_over_threshold_ratio", "p95_to_threshold_ratio"),
        *("delivered_windows_over_threshold_ratio", "delivered_p95_to_threshold_ratio"),
        *("charged_per_thousand_inferences",),
        *("cost_per_thousand_inferences", "idle_cost_per_month"),
        *("training_cost_per_month", "training_hours_p50"),
        *("training_hours_p90", "training_gpu_hours_per_run"),
    ),
    "operations": (
        *("proprietary_spend_ratio", "portable_with_effort_spend_ratio"),
        *("unclassified_spend_ratio", "infra_hours_per_week"),
        *("firefighting_booked_ratio", "cost_elasticity"),
    ),
}
CRITERIA: Final = {
    "performance": "Workload performance",
    "integration": "Integration",
    "operations": "Operational sustainability",
}
BASES: Final = {"like_for_like": "like for like", "all": "everything"}
GRADES: Final = {
    "B": "B · controlled",
    "C": "C · modelled",
    "D": "D · assumed",
    "X": "X · not estimable",
}
#: The charge of a platform and the total cost of its models are two figures.
UNIT_COSTS: Final = (
    "*Charged* is what the platform charged for serving its models, by what it served."
    " *Total* is what these models cost on every platform, without training."
)
#: Source of the band, and its limits.
BAND_LOW, BAND_HIGH = 0.3, 0.5
BAND: Final = (
    "The band from 30 to 50 % is a rule of thumb of practitioners for the part of an"
    " infrastructure investment that integration takes, and was not measured here. It"
    " is a reference: inside it is no pass, outside no failure."
    " 30 to 50 % of the whole are 43 to 100 % of the rest, and both are shown"
)
#: Amounts from here on are written with three digits.
_COMPACT_FROM: Final = 1000
NO_SCORE: Final = (
    "There is no score of all of it: criteria disagree, and what weighs more is for"
    " the reader to say. Models were not placed at random either: what runs on a"
    " platform is part of its figures."
)


def figure(value: float | None, unit: str, currency: str) -> str:
    """Return a figure as its unit is written."""
    if value is None:
        return fmt.UNKNOWN
    if unit == "money":
        write = fmt.estimate if abs(value) >= _COMPACT_FROM else fmt.short_unit_cost
        return write(value, currency)
    if unit == "ratio":
        return fmt.percent(value)
    form = {"times": "{:,.2f} ×", "hours": "{:,.1f} h", "elasticity": "{:,.2f}"}
    return form.get(unit, "{:,.0f}").format(value).replace("-", "\u2212")


def of_metric(rows: Sequence[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Return a metric's figures of everything that ran."""
    return [
        row
        for row in rows
        if row["metric"] == metric
        and row["basis"] == "all"
        and row["metric_value"] is not None
    ]


def compared_figure(row: dict[str, Any], value: float) -> str:
    """Return a figure of a comparison of two platforms as its metric is written."""
    unit = "ratio" if row["measure"] == "difference" else "money"
    if row["metric"].startswith("training"):
        unit = "hours"
    return figure(value, unit, row["currency"])


def of_move(move: Move, metric: str) -> dict[str, Any]:
    """Return a counted figure of a move as a row of the scorecard."""
    return {
        "subject_name": move.name,
        "metric": metric,
        "metric_value": move.figures[metric],
        "interval_low": None,
        "interval_high": None,
        "unit": "ratio",
        "currency": move.figures["currency"],
        "grade": "D",
        "reason": None,
    }


def in_order(table: pa.Table) -> pa.Table:
    """Return figures in the order of their metrics on this page."""
    places = {metric: place for place, metric in enumerate(METRICS)}
    metrics = table["metric"].to_pylist()
    return table.take(sorted(range(len(metrics)), key=lambda at: places[metrics[at]]))


def with_interval(row: dict[str, Any]) -> str:
    """Return a figure with its interval, or why there is none."""
    if row["metric_value"] is None:
        return fmt.unknown(str(row["reason"]))
    unit, currency = row["unit"], row["currency"]
    told = figure(row["metric_value"], unit, currency)
    if str(row.get("note") or "").startswith("estimated"):
        told += " (estimated)"
    if row.get("delivered_grain"):
        told += f" ({grain_of(row)})"
    low, high = row["interval_low"], row["interval_high"]
    if low is None or high is None:
        return told
    return f"{told} [{figure(low, unit, currency)}, {figure(high, unit, currency)}]"


def grain_of(row: dict[str, Any]) -> str:
    """Return of which windows a delivered figure is, and that it is their median."""
    median = "" if row["unit"] == "ratio" else "median, "
    return f"{median}windows: {row['delivered_grain']}"


def trajectory(row: dict[str, Any] | None) -> str:
    """Return how cost grows with usage over all platforms, or why that is not known.

    Parameters
    ----------
    row : dict or None
        The elasticity of all platforms; None where a run did not estimate it.
    """
    if row is None:
        return ""
    if row["metric_value"] is None:
        why = fmt.markdown(f"{row['reason']}: {row['way_out']}")
        return f"**Cost as usage grows:** {why}."
    meaning = {
        "economies": "cost grows more slowly than usage",
        "diseconomies": "cost grows faster than usage",
        "undecided": "slower or faster than usage is not decided",
    }[row["note"]]
    unit = row["unit"]
    ends = " to ".join(
        figure(row[end], unit, "") for end in ("interval_low", "interval_high")
    )
    return (
        "**Cost as usage grows:** 1 % more requests than in the month before went with"
        f" {figure(row['metric_value'], unit, '')} % more cost (90 %: {ends}; grade"
        f" {row['grade']}): {meaning}. Of all platforms, over"
        f" {fmt.plural(row['n_observed'], 'pair')} of months with the same models and"
        " outside of migrations."
    )


def change(row: dict[str, Any]) -> str:
    """Return a relative change with its interval, or why it is not comparable."""
    if row["reason"] is not None:
        return fmt.unknown(str(row["reason"]))
    ratio = row["change_ratio"]
    if ratio is None:
        return "from none"
    told = fmt.signed_percent(ratio)
    low, high = row["change_ratio_low"], row["change_ratio_high"]
    if low is None or high is None:
        return told
    return f"{told} [{fmt.signed_percent(low)}, {fmt.signed_percent(high)}]"


def by_metric(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a row for each metric of a move.

    Like for like where that is known before the move, else of everything.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for row in rows:
        before = chosen.get(row["metric"])
        is_better = row["basis"] == "like_for_like" and row["before_figure"] is not None
        if before is None or before["before_figure"] is None or is_better:
            chosen[row["metric"]] = row
    return chosen


def latency_of(of: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the p95 of a move from histograms, else from delivered percentiles."""
    merged = of.get("p95_to_threshold_ratio")
    if merged is not None and merged["before_figure"] is not None:
        return merged
    return of.get("delivered_p95_to_threshold_ratio") or merged


def loads(row: dict[str, Any]) -> str:
    """Return, as an insertion, that a latency was not seen under like loads."""
    if row["basis"] == "like_for_like":
        return ""
    return " under whatever load there was,"


def headline(move: Move, rows: Sequence[dict[str, Any]]) -> str:
    """Return a move as a line: cost, latency and incidents, each with grade."""
    of = by_metric(rows)
    told = {
        "a month": of.get("spend_per_month"),
        "latency ÷ threshold": latency_of(of),
        "firefighting": of.get("firefighting_booked_ratio"),
    }
    parts = [_part_of_headline(name, row) for name, row in told.items() if row]
    if not any(parts):
        return f"**{fmt.markdown(move.name)}.** {_windows(move)}"
    return f"**{fmt.markdown(move.name)}:** {'; '.join(filter(None, parts))}."


def _part_of_headline(name: str, row: dict[str, Any]) -> str:
    """Write a figure before and after, or why the two are not compared."""
    if row["reason"] is not None:
        return f"{name} not comparable ({fmt.markdown(str(row['reason']))})"
    if row["before_figure"] is None or row["after_figure"] is None:
        return ""
    before, after = (
        figure(row[f"{period}_figure"], row["unit"], row["currency"])
        for period in ("before", "after")
    )
    text = f"{name} {before} → **{after}**"
    if row["metric"] == "spend_per_month":
        since = row.get("since_change_ratio")
        until_now = "" if since is None else f", {fmt.signed_percent(since)} since"
        text += f" ({change(row)}{until_now})"
    elif row["metric"].endswith("p95_to_threshold_ratio"):
        text += loads(row).rstrip(",")
    return f"{text}, grade {row['grade']}"


def summary(move: Move, rows: Sequence[dict[str, Any]]) -> str:
    """Return figures before, in and after a move, in a paragraph."""
    of = by_metric(rows)
    parts = [
        *_spend(of.get("spend_to_budget_ratio"), of.get("spend_per_month")),
        *_latency(latency_of(of)),
        *_hours(of.get("firefighting_booked_ratio")),
    ]
    begin = f"**{fmt.markdown(move.name)}.** {_windows(move)}"
    return " ".join([begin, *parts])


def _windows(move: Move) -> str:
    row = move.figures
    if row["window_month_count"] is None or row["after_first_month"] is None:
        return "There is nothing on one side of it to compare."
    count = fmt.plural(row["window_month_count"], "month")
    return (
        f"{count} before ({fmt.month(row['before_first_month'])} to"
        f" {fmt.month(row['before_last_month'])}) and as many after"
        f" ({fmt.month(row['after_first_month'])} to"
        f" {fmt.month(row['after_last_month'])}); the migration, from"
        f" {fmt.day(row['migration_from'])} to before {fmt.day(row['migration_to'])},"
        " stands apart."
    )


def _spend(budget: dict[str, Any] | None, spend: dict[str, Any] | None) -> list[str]:
    told = []
    if budget is not None and budget["before_figure"] is not None:
        times = budget["before_figure"]
        told.append(f"Before, AI spend was **{fmt.against_budget(times - 1, times)}**.")
    if spend is not None and spend["reason"] is None:
        told.append(
            f"A month cost {figure(spend['before_figure'], 'money', spend['currency'])}"
            f" before and {figure(spend['after_figure'], 'money', spend['currency'])}"
            f" after: **{change(spend)}**, grade {spend['grade']}; over all months"
            f" since, **{fmt.signed_percent(spend['since_change_ratio'])}**."
        )
    return told


def _latency(row: dict[str, Any] | None) -> list[str]:
    if row is None or row["before_figure"] is None or row["after_figure"] is None:
        return []
    grain = row.get("delivered_grain")
    name = "p95 latency"
    if grain:
        name = f"delivered {name} (median, windows: {grain})"
    return [
        f"The {name} was **{figure(row['before_figure'], 'times', '')}** the"
        f" threshold, and **{figure(row['after_figure'], 'times', '')}** after,"
        f"{loads(row)} grade {row['grade']}."
    ]


def _hours(row: dict[str, Any] | None) -> list[str]:
    if row is None or row["before_figure"] is None or row["after_figure"] is None:
        return []
    return [
        f"Of the hours of the teams that run it **{fmt.percent(row['before_figure'])}**"
        f" went into incidents, and **{fmt.percent(row['after_figure'])}** after,"
        f" grade {row['grade']}."
    ]


def grounds(rows: Sequence[dict[str, Any]]) -> str:
    """Return the basis of the grades."""
    controls = next((row for row in rows if row["control_count"]), None)
    if controls is None:
        return (
            "No model with a like load stayed where it was and off these platforms, so"
            " nothing says what would have been without the move. Such a change is"
            " graded D, or C where the figure was flat for six months before: seen,"
            " and no proof of anything."
        )
    names = fmt.markdown(str(controls["control_models"]))
    excess = fmt.signed_percent(controls["excess_change_ratio"])
    return (
        f"{names} stayed where they were: their cost per inference changed by"
        f" {fmt.signed_percent(controls['control_change_ratio'])}, that of the moved"
        f" models by {excess} beyond it"
        f" [{fmt.signed_percent(controls['excess_change_low'])},"
        f" {fmt.signed_percent(controls['excess_change_high'])}], grade"
        f" {controls['grade']}."
    )
