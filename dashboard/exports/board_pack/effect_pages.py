"""Fourth and fifth page of the board pack: delivery speed and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.exports.board_pack import drawings
from dashboard.exports.board_pack.moves import moves
from dashboard.exports.board_pack.parts import (
    NET_VALUE,
    Heading,
    PackPage,
    Picture,
    Table,
    Text,
)
from dashboard.pages.impact import queries as impact_queries
from dashboard.pages.impact import sentences as impact
from dashboard.pages.impact.figures import readable
from dashboard.pages.impact.outcomes import outcome_name
from dashboard.pages.summary import figures
from dashboard.pages.summary import queries as summary_queries
from dashboard.pages.summary import returns as return_summary
from dashboard.pages.velocity import queries as velocity_queries
from dashboard.pages.velocity import sentences as velocity
from dashboard.shared import format as fmt
from dashboard.shared import ledger_sentences as ledger
from dashboard.shared import return_queries
from dashboard.shared import return_sentences as returns
from dashboard.shared.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard.exports.board_pack.parts import Part
    from dashboard.pages.impact.queries import Study
    from dashboard.pages.velocity.queries import VelocityFigure
    from dashboard.shared.context import Page

_OTHER_COST = Column("other_cost", "People, integration", "estimate")
_DORA = (
    *("change_lead_time", "deployment_frequency", "change_fail_ratio"),
    "failed_deployment_recovery",
)
_PRINTED_FIGURES = 24
_PRINTED_FEATURES = 8
_PRINTED_STUDIES = 8


def delivery_page(view: Page) -> PackPage:
    """Return the four figures of DORA of each team, never blended."""
    return PackPage("Delivery", "Delivery", (*_delivery(view), *moves(view)))


def _delivery(view: Page) -> Iterator[Part]:
    month, _ = figures.months_of(view)
    kind = figures.shipping_kind(view)
    units = [
        name
        for of, name in velocity_queries.velocity_units(view.snapshot)
        if of == kind
    ]
    if not units:
        yield Text("No deployment, incident or training run is known yet.")
        return
    yield Text(figures.delivery_sentence(view))
    rows = summary_queries.lead_time_months(view.snapshot, kind, "", month)
    if rows:
        yield Picture(
            f"Median lead time by month, a line for each {kind}; a month with fewer"
            " than five changes has none",
            drawings.lead_time_lines(rows),
            Table(
                "Median lead time by month",
                (
                    Column("series", kind.capitalize()),
                    Column("month", "Month", "month"),
                    Column("hours", "Hours", "decimal"),
                ),
                tuple(rows),
            ),
        )
    found = [
        row for name in sorted(units) for row in _dora_rows(view, kind, name, month)
    ]
    yield Table(
        f"The four figures of DORA in {fmt.month(month)}, of each {kind}",
        (
            Column("unit", kind.capitalize()),
            Column("figure", "Figure"),
            Column("said", "Value"),
            Column("interval", "90 % interval"),
            Column("n_used", "n", "count"),
            Column("missing_ratio", "Missing", "percent"),
            Column("before", "Month before"),
            Column("note", "Why it has no value", "prose"),
        ),
        tuple(found),
        _PRINTED_FIGURES,
        (1.8, 2.3, 1.1, 1.7, 0.5, 0.9, 1.3, 2.2),
    )
    yield _numbers_of(found, kind)
    yield Text(
        "Medians belong to one application: those of several have no common one. A"
        " figure of fewer than five events is not drawn, and what is missing or open"
        " is counted and never guessed.",
        is_quiet=True,
    )


def _dora_rows(
    view: Page, kind: str, name: str, month: str
) -> Iterator[dict[str, Any]]:
    scope = velocity_queries.VelocityScope(kind, name, (month,))
    now, before = (
        velocity_queries.velocity_figures(
            view.snapshot, scope, velocity_queries.VelocityPeriod("month", each)
        )
        for each in figures.months_of(view)
    )
    for metric in _DORA:
        yield _dora_row(name, metric, now.get(metric), before.get(metric))


def _dora_row(
    name: str, metric: str, figure: VelocityFigure | None, prior: VelocityFigure | None
) -> dict[str, Any]:
    value = None if figure is None else figure.value
    return {
        "unit": name,
        "figure": velocity.METRICS[metric][0],
        "said": fmt.UNKNOWN if figure is None else velocity.value(figure, value),
        "interval": None if figure is None else _interval(figure),
        "n_used": None if figure is None else figure.n_used,
        "missing_ratio": None if figure is None else figure.missing_ratio,
        "before": None if prior is None else velocity.value(prior, prior.value),
        "note": velocity.absence(figure).partition(":")[0] if value is None else "",
        "value": value,
        "low": None if figure is None else figure.low,
        "high": None if figure is None else figure.high,
        "in": None if figure is None else figure.unit.replace("_", " "),
        "open": None if figure is None else figure.n_open,
        "left_out": None if figure is None else figure.n_excluded,
    }


def _interval(figure: VelocityFigure) -> str | None:
    if figure.low is None or figure.high is None:
        return None
    low, high = velocity.value(figure, figure.low), velocity.value(figure, figure.high)
    return f"{low} to {high}"


def _numbers_of(found: list[dict[str, Any]], kind: str) -> Table:
    return Table(
        "The same as numbers; hours, ratios and deployments a week",
        (
            Column("unit", kind.capitalize()),
            Column("figure", "Figure"),
            Column("value", "Value", "decimal"),
            Column("low", "90 % from", "decimal"),
            Column("high", "90 % to", "decimal"),
            Column("in", "in"),
            Column("n_used", "n", "count"),
            Column("open", "Open", "count"),
            Column("left_out", "Left out", "count"),
            Column("missing_ratio", "Missing", "percent"),
        ),
        tuple(found),
    )


def return_page(view: Page) -> PackPage:
    """Return the returns of features, their evidence, and exclusions."""
    return PackPage(
        "Impact and return",
        "Impact & return",
        (*_returns(view), *_studies(view)),
    )


def _returns(view: Page) -> Iterator[Part]:
    row = return_summary.headline(view)
    if row is None:
        yield Text(return_summary.layer_sentence(view))
        return
    yield Text(returns.headline(row))
    if row["begins"] is not None:
        return
    until = row["until_month"]
    told = (returns.beside(row), returns.shrunk(row), returns.run_rate(row))
    yield Text(" ".join(filter(None, told)), is_quiet=True)
    yield _ladder_table(view, row["window"])
    yield from _months(view, row["currency"])
    is_past = row["window"] != returns.TO_DATE
    yield from _ledger(view, until if is_past else None)
    features = return_queries.feature_returns(view.snapshot, until).to_pylist()
    if features:
        yield Picture(
            "Net value of the measured months: dot, 50 % interval (thick) and 90 %"
            " interval (thin); grey is not in the headline",
            drawings.returns_by_feature(features[:_PRINTED_FEATURES], row["currency"]),
        )
        yield _features_table(features)
    yield _not_counted_table(view, until)
    if not is_past:
        yield _evidence_table(view)


def _months(view: Page, currency: str) -> Iterator[Part]:
    """Yield net value by month, where more than a month was measured."""
    until = max(view.selection.period.months)
    months = return_queries.return_months(view.snapshot, until)
    if len(months) > 1:
        columns = (Column("month", "Month", "month"), *NET_VALUE)
        yield Picture(
            "Net value of the counted features by month, with its 90 % interval",
            drawings.net_values(months, currency),
            Table("Net value of the counted features by month", columns, tuple(months)),
        )


def _ladder_table(view: Page, window: str) -> Table:
    """Return each line from benefit to value to date, and the month now."""
    lines = return_queries.return_ladder(view.snapshot, window).to_pylist()
    return Table(
        "From the measured months to date, and a month now",
        (
            Column("name", "Line"),
            Column("until_month", "To", "month"),
            Column("amount", "Amount", "estimate"),
            Column("amount_low_90", "90 % from", "estimate"),
            Column("amount_high_90", "90 % to", "estimate"),
            Column("chance", "P(> 0)"),
        ),
        tuple(
            row
            | {
                "name": returns.LADDER[row["line"]],
                "chance": returns.chance(row["probability_positive"]),
            }
            for row in lines
        ),
        len(returns.LADDER),
        (3.0, 1.0, 1.4, 1.4, 1.4, 1.0),
    )


def _ledger(view: Page, until: str | None) -> Iterator[Part]:
    """Return every study that was ever registered, with its standing.

    Of a past month, those launched by its end, and no benefit: that is to date.
    """
    rows = return_queries.study_ledger(view.snapshot, until)
    if not rows:
        return
    benefit = Column("benefit", "Benefit", "estimate")
    yield Table(
        "Ledger of studies: a registered plan stays"
        + ("" if until is None else "; standings as of today"),
        (
            Column("study_id", "Study"),
            Column("feature", "Feature"),
            Column("standing_name", "Standing"),
            Column("counted_text", "Counted"),
            *((benefit,) if until is None else ()),
            Column("notes", "Outcome", "prose"),
        ),
        tuple(
            row
            | {
                "standing_name": ledger.STANDINGS[row["standing"]],
                "counted_text": ledger.share(row),
                "notes": readable(row["notes"] or ""),
            }
            for row in rows
        ),
        _PRINTED_STUDIES,
        (1.6, 1.4, 1.4, 1.2, 1.1, 4.0) if until is None else (1.6, 1.4, 1.4, 1.2, 5.1),
    )


def _features_table(features: list[dict[str, Any]]) -> Table:
    return Table(
        "Benefit and cost of the months in which the effect was measured",
        (
            Column("feature", "Feature"),
            Column("grade", "Grade"),
            Column("standing", "Standing"),
            Column("months", "Months"),
            Column("benefit", "Benefit", "estimate"),
            Column("cost", "Cost", "money"),
            Column("replaced_cost", "Replaced", "estimate"),
            *NET_VALUE,
            Column("investment_cost", "Invested before", "money"),
            Column("net_to_date", "Net to date", "estimate"),
        ),
        tuple(
            row
            | {
                "chance": returns.chance(row["probability_net_positive"]),
                "months": returns.window(row),
            }
            for row in features
        ),
        _PRINTED_FEATURES,
        (1.6, 0.65, 0.85, 1.2, 1.1, 1.3, 1.15, 1.15, 1.15, 1.15, 1.35, 1.3),
        in_workbook=(
            Column("first_month", "From", "month"),
            Column("last_month", "To", "month"),
            Column("chance", "P(net > 0)"),
            Column("probability_net_positive", "P(net > 0), number", "percent"),
            Column("roi", "ROI", "percent", "reason"),
            _OTHER_COST,
            Column("baseline_source", "Replaced cost from"),
            Column("net_after_investment", "Net of investment", "estimate"),
            Column("since_month_count", "Months since", "count"),
            Column("carried_benefit", "Benefit since, fading", "estimate"),
            Column("cost_since", "Cost since", "money"),
            Column("run_rate_net", "A month now", "estimate"),
            Column("effect_status", "Effect"),
            Column("net_value_low_50", "50 % from", "estimate"),
            Column("net_value_high_50", "50 % to", "estimate"),
        ),
    )


def _not_counted_table(view: Page, until: str) -> Table:
    left = return_queries.not_counted_returns(view.snapshot, until).to_pylist()
    studies = impact_queries.studies(view.snapshot, view.selection) or ()
    graded = {study.feature_id: impact.grade_reason(study) for study in studies}
    said = [
        row | {"why": f"{row['why']}. {graded.get(row['feature_id'], '')}".strip()}
        for row in left
    ]
    return Table(
        "Not counted, with the reason",
        (
            Column("feature", "Feature"),
            Column("grade", "Grade"),
            Column("why", "Why", "prose"),
            Column("cost", "Cost", "money"),
            _OTHER_COST,
            Column("net_value", "Net value", "estimate"),
        ),
        tuple(said),
        _PRINTED_FEATURES,
        (1.6, 0.6, 3.8, 1.3, 1.2, 1.3),
    )


def _evidence_table(view: Page) -> Table:
    return Table(
        "Measured months by grade of the evidence",
        (
            Column("grade", "Grade"),
            Column("standing", "Standing"),
            Column("feature_count", "Features", "count"),
            Column("benefit", "Benefit", "estimate"),
            Column("cost", "Cost", "money"),
            _OTHER_COST,
            *NET_VALUE,
        ),
        tuple(return_queries.evidence_mix(view.snapshot).to_pylist()),
    )


def _studies(view: Page) -> Iterator[Part]:
    last = max(view.selection.period.months)
    studies = [
        study
        for study in impact_queries.studies(view.snapshot, view.selection) or ()
        if f"{study.launch_date:%Y-%m}" <= last
    ]
    if not studies:
        return
    yield Heading("What studies found")
    yield Table(
        "Increases, decreases and nothing found alike; each study has its own window",
        (
            Column("feature", "Feature"),
            Column("outcome", "Outcome"),
            Column("grade", "Grade"),
            Column("finding", "Found"),
            Column("effect", "Effect", "prose"),
        ),
        tuple(_study_row(study) for study in studies),
        _PRINTED_STUDIES,
        (1.4, 1.6, 1.1, 1.4, 4.2),
    )


def _study_row(study: Study) -> dict[str, Any]:
    return {
        "feature": study.feature_name,
        "outcome": outcome_name(study),
        "grade": impact.grade_name(study.grade),
        "finding": impact.finding(study),
        "effect": impact.effect(study) if study.is_estimated else impact.verdict(study),
    }
