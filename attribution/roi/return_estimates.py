"""Step after attribution: returns of each feature and of the portfolio.

Reads public marts and the draws of studies, writes the tables ``estimates.roi_…`` of
the build database. Nothing is worked out again while nothing that it starts from has
changed, and the same inputs and seed give the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import duckdb

from attribution.roi import return_tables
from attribution.roi.baseline import Costs
from attribution.roi.feature_return import FeatureReturn
from attribution.roi.inputs import digest_of, read_inputs
from attribution.roi.overlaps import overlaps_of
from attribution.roi.portfolio import Portfolio, evidence_rows
from attribution.roi.reading import amount
from attribution.roi.register import months_between
from attribution.roi.sensitivity import Sensitive, sensitivity_rows
from attribution.roi.study_ledger import counts_by_month, counts_of, ledger_rows
from attribution.roi.valuing import Reason, case_of
from attribution.roi.worlds import Worlds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from attribution.roi.inputs import Inputs

    Row = dict[str, Any]

#: Changes whenever the same inputs would give other figures.
METHOD_VERSION: Final = 10
_NOTHING: Final = Costs({}, {})


@dataclass(frozen=True, slots=True)
class ReturnReport:
    """Computed returns.

    Attributes
    ----------
    counted_feature_count, feature_count : int
        Features in the headline, and all.
    is_unchanged : bool
        Nothing differed: the stored returns are kept.
    """

    counted_feature_count: int
    feature_count: int
    is_unchanged: bool


def update_returns(build_database: Path, *, seed: int = 0) -> ReturnReport:
    """Work out the returns, if anything that they are made of has changed.

    Parameters
    ----------
    build_database : Path
        After the first half of the build and after attribution.
    seed : int
        Of the draws of assumptions.
    """
    with duckdb.connect(str(build_database)) as connection:
        return_tables.prepare(connection)
        digest = digest_of(connection, version=[METHOD_VERSION, seed])
        is_unchanged = return_tables.is_current(connection, digest)
        if not is_unchanged:
            worlds = Worlds(seed)
            inputs = read_inputs(connection, worlds)
            return_tables.replace(connection, digest, rows_of(inputs, worlds))
        counted = connection.execute(
            "SELECT count(*) FILTER (counted), count(*) FROM estimates.roi_features"
            " WHERE roi_window = 'to_date'"
        ).fetchone()
    counts = counted or (0, 0)
    return ReturnReport(counts[0], counts[1], is_unchanged)


def rows_of(inputs: Inputs, worlds: Worlds) -> dict[str, list[Row]]:
    """Return the rows of every table of returns."""
    features = features_of(inputs, worlds)
    overlaps = list(overlaps_of(features, worlds))
    studies = ledger_rows(inputs.claims, features, worlds)
    months = _months_of(features)
    begun = counts_by_month(inputs.claims, features, worlds, months)
    portfolio = Portfolio(features, overlaps, counts_of(studies), begun)
    now = months[-1] if months else None
    return {
        "roi_features": [
            row
            for feature in features
            for row in (*feature.rows(worlds, now), *feature.rows_as_of(months, worlds))
        ],
        "roi_models": list(_model_rows(inputs, features, worlds)),
        "roi_portfolio": list(portfolio.rows(worlds, months)),
        "roi_studies": studies,
        "roi_overlaps": [
            {
                "outcome": overlap.outcome,
                "feature_ids": ", ".join(overlap.feature_ids),
                "study_ids": ", ".join(overlap.study_ids),
                **amount("overlap_benefit", overlap.draws(None)),
            }
            for overlap in overlaps
        ],
        "roi_evidence": list(evidence_rows(features, overlaps, worlds)),
        "roi_sensitivity": [
            row
            for subject in _subjects(portfolio)
            for row in sensitivity_rows(subject, worlds)
        ],
    }


def features_of(inputs: Inputs, worlds: Worlds) -> list[FeatureReturn]:
    """Return every feature's case with its draws."""
    return [
        FeatureReturn.of(
            case_of(
                name,
                inputs.claims.get(name, ()),
                inputs.costs.get(name, _NOTHING),
                inputs.register,
            ),
            worlds,
            complete_until=inputs.complete_until,
        )
        for name in inputs.features
    ]


def _months_of(features: Sequence[FeatureReturn]) -> tuple[str, ...]:
    """Return every month from the first window's first to the last with cost."""
    first = [feature.case.months[0] for feature in features if feature.case.months]
    last = [feature.last_month for feature in features if feature.last_month]
    return months_between(min(first), max(last)) if first else ()


def _subjects(portfolio: Portfolio) -> Iterator[Sensitive]:
    for feature in portfolio.features:
        if feature.flows is not None:
            yield Sensitive("feature", feature.case.feature_id, [feature])
    if portfolio.counted:
        excesses = [
            excess for overlap in portfolio.overlaps for excess in overlap.excesses
        ]
        yield Sensitive("portfolio", "counted", portfolio.counted, excesses)


def _model_rows(
    inputs: Inputs, features: Sequence[FeatureReturn], worlds: Worlds
) -> Iterator[Row]:
    """Yield the rows of models: the feature's benefit beside the model's own cost.

    A feature's effect cannot be divided among its models without a study of each: with
    several models none of them has a benefit.
    """
    by_feature = {
        feature_return.case.feature_id: feature_return for feature_return in features
    }
    models: dict[str, list[str]] = {}
    for feature, model in inputs.model_costs:
        models.setdefault(feature, []).append(model)
    for feature, names in sorted(models.items()):
        for model in sorted(names):
            costs = inputs.model_costs[feature, model]
            is_alone = len(names) == 1
            claims = inputs.claims.get(feature, ()) if is_alone else ()
            if is_alone:
                costs = _with_hours(costs, inputs.costs.get(feature, _NOTHING))
            case = case_of(feature, claims, costs, inputs.register)
            if not is_alone:
                case = replace(case, months=by_feature[feature].case.months)
            found = FeatureReturn.of(case, worlds)
            for row in found.rows(worlds):
                yield _of_model(model, row, by_feature[feature], is_alone=is_alone)


def _with_hours(costs: Costs, of_feature: Costs) -> Costs:
    """Return the costs of the only model of a feature with the hours booked on that."""
    return replace(
        costs, hours=of_feature.hours, has_hidden_hours=of_feature.has_hidden_hours
    )


def _of_model(model: str, row: Row, feature: FeatureReturn, *, is_alone: bool) -> Row:
    if is_alone:
        return {**row, "model_id": model}
    shared = Reason(
        "effect_of_several_models",
        "its feature's effect is that of several models together",
    )
    return {
        **row,
        "model_id": model,
        "grade": feature.case.grade,
        "reason_code": shared.code,
        "reason": f"not computable: {shared.text}",
    }
