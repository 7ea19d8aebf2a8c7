"""Anomalies of daily cost, by model and by service, as rows.

Found once for each state of the evidence and never on a page. The judgement of a series
is kept until its days differ, and the explanation of a finding until its months do:
line items are read for new findings alone, and for all of them at once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.costs.anomalies.detection import told_of
from attribution.costs.anomalies.drivers import UNKNOWN, Driver, likely_driver
from attribution.costs.anomalies.evidence_months import evidence_by_month
from attribution.costs.anomalies.line_items import Scope, read_items
from attribution.costs.anomalies.model_parts import ModelDays, largest_parts
from attribution.costs.anomalies.series import read_cost_series, total_by_day
from attribution.costs.kept_judgements import judgements_of
from attribution.estimates import store as estimate_store
from attribution.estimates.library_versions import library_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    from numpy.typing import NDArray

    from attribution.costs.anomalies.detection import Finding, Judgement
    from attribution.costs.anomalies.drivers import Item
    from attribution.costs.anomalies.line_items import Evidence
    from attribution.costs.anomalies.model_parts import ModelPart
    from attribution.costs.anomalies.series import CostSeries
    from attribution.estimates.fitting_processes import ProcessAhead

#: Changes whenever the same days would be judged or explained in another way.
METHOD_VERSION = 5
#: An excess below this part of a typical day's whole spend is nobody's concern.
LEAST_PART_OF_A_DAY = 0.03
#: Days at the end that a vendor may still add to.
PROVISIONAL_DAYS = 3
#: A series that begins so long after all others is new.
_NEW_AFTER_DAYS = 28
_TYPICAL_DAYS = 28
_SUBJECT = "cost_anomalies"
_KEPT = "kept_explanations"

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A finding in its series."""

    series: CostSeries
    finding: Finding

    @property
    def scope(self) -> Scope:
        """Return the scope of the line items of its days."""
        one = self.series
        is_model = one.kind == "model"
        return Scope(
            one.day(self.finding.first), one.day(self.finding.last), one.currency,
            one.source, one.service_name or None, one.model_id if is_model else None,
        )  # fmt: skip


def update_cost_anomalies(
    connection: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    *,
    ahead: ProcessAhead | None = None,
) -> int | None:
    """Look for anomalies, unless neither a day nor its evidence has changed.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database after the first half of the build, with its estimates.
    evidence : Evidence
        Source of line items, to explain new findings.
    ahead : ProcessAhead, optional
        Judges the days, where it was started.

    Returns
    -------
    int or None
        Number of anomalies; ``None`` where the stored result is kept.
    """
    series = read_cost_series(connection)
    months = evidence_by_month(connection, evidence)
    digest = _digest(series, months)
    if estimate_store.is_current(connection, _SUBJECT, digest):
        return None
    anomalies = anomalies_of(series, judgements_of(connection, series, ahead=ahead))
    made_of = [_made_of(anomaly, months) for anomaly in anomalies]
    known = {row.pop("digest"): row for row in estimate_store.read(connection, _KEPT)}
    new = {
        digest: one
        for digest, one in zip(made_of, anomalies, strict=True)
        if digest not in known
    }
    explained = dict(
        zip(new, _explained(connection, evidence, list(new.values())), strict=True)
    )
    drivers = known | {digest: row for digest, (row, _) in explained.items()}
    rows = [
        {**_finding_row(one), **drivers[digest]}
        for digest, one in zip(made_of, anomalies, strict=True)
    ]
    kept = [
        {"digest": digest, **drivers[digest]}
        for digest in dict.fromkeys(made_of)
        # Evidence that was out of reach may be reached by the next run.
        if digest in known or explained[digest][1]
    ]
    stored = {_SUBJECT: rows, _KEPT: kept}
    estimate_store.replace(connection, _SUBJECT, digest, stored)
    return len(rows)


def anomalies_of(
    series: Sequence[CostSeries], judgements: Sequence[Judgement]
) -> list[Anomaly]:
    """Return the anomalies in some series that share a spend."""
    found: list[Anomaly] = []
    for currency in sorted({cost_series.currency for cost_series in series}):
        first, total = total_by_day(series, currency)
        least = LEAST_PART_OF_A_DAY * _typical(total)
        for one, judgement in zip(series, judgements, strict=True):
            if one.currency != currency:
                continue
            begins = (one.first_day - first).days
            found += [
                Anomaly(one, finding)
                for finding in told_of(
                    judgement,
                    least_excess=least[begins:],
                    # A model is begun on purpose, and is in the catalogue.
                    alarms_when_new=one.kind == "service" and begins > _NEW_AFTER_DAYS,
                )
            ]
    return found


def _typical(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the four weeks before each day; of the first, of the first."""
    summed = np.concatenate([[0.0], np.cumsum(total)])
    ends = np.maximum(np.arange(len(total)), min(_TYPICAL_DAYS, len(total)))
    starts = np.maximum(ends - _TYPICAL_DAYS, 0)
    return np.asarray((summed[ends] - summed[starts]) / (ends - starts))


def _finding_row(anomaly: Anomaly) -> _Row:
    series, finding = anomaly.series, anomaly.finding
    return {
        "series": series.kind,
        "model_id": series.model_id or None,
        "currency": series.currency,
        "source": series.source,
        "service_name": series.service_name or None,
        "first_day": series.day(finding.first),
        "last_day": series.day(finding.last),
        "day_count": finding.last - finding.first + 1,
        "expected_cost": finding.expected,
        "expected_cost_high": finding.high,
        "excess_cost": finding.excess,
        "status": _status(anomaly),
    }


def _status(anomaly: Anomaly) -> str:
    last = len(anomaly.series.values) - 1
    if anomaly.finding.first > last - PROVISIONAL_DAYS:
        return "provisional"
    if anomaly.finding.is_settled or anomaly.finding.is_new:
        return "new level"
    return "ongoing" if anomaly.finding.last == last else "ended"


def _made_of(anomaly: Anomaly, months: Mapping[str, str]) -> str:
    """Return a text that differs whenever the explanation of a finding may."""
    content = [
        METHOD_VERSION,
        repr(anomaly.scope),
        repr(anomaly.finding.excess),
        {month: months.get(month) for month in sorted(anomaly.scope.months)},
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _explained(
    connection: duckdb.DuckDBPyConnection, evidence: Evidence, new: Sequence[Anomaly]
) -> list[tuple[_Row, bool]]:
    """Return the likely driver of each, and True if its evidence was in reach."""
    parts = _parts_of(connection, new)
    scopes = [_scope(anomaly, part) for anomaly, part in zip(new, parts, strict=True)]
    items = read_items(
        connection, evidence, [scope for scope in scopes if scope is not None]
    )
    rows = []
    for anomaly, part, scope in zip(new, parts, scopes, strict=True):
        finding = anomaly.finding
        if finding.is_fall:
            # Nothing was charged: there is no line item to ask.
            row = _driver_row(Driver("volume", volume_excess=finding.excess), None)
        else:
            driver = _driver(finding.excess, part, scope, items)
            row = _driver_row(driver, None if part is None else part.pool_id)
        rows.append((row, scope is None or items is not None))
    return rows


def _driver(
    excess: float,
    part: ModelPart | None,
    scope: Scope | None,
    items: Mapping[Scope, Sequence[Item]] | None,
) -> Driver:
    """Return the driver of an excess: a model's pool share, or line items."""
    if scope is None:
        return Driver(UNKNOWN) if part is None else _by_share(part)
    if items is None:
        return Driver(UNKNOWN)
    of_scope = items.get(scope, [])
    if part is None or scope.pool_id is None:
        return likely_driver(of_scope, excess)
    # The pool's own excess is greater than the model's part of it.
    return _scaled(likely_driver(of_scope, excess / (part.share or 1.0)), part.share)


def _parts_of(
    connection: duckdb.DuckDBPyConnection, anomalies: Sequence[Anomaly]
) -> list[ModelPart | None]:
    """Return where the excess of each lies; ``None`` for that of a service."""
    asked: dict[int, ModelDays] = {}
    for place, one in enumerate(anomalies):
        days, model = one.scope, one.series.model_id
        if model is not None:
            asked[place] = ModelDays(
                model, days.currency, days.first_day, days.last_day
            )
    parts = largest_parts(connection, list(asked.values()))
    found = dict(zip(asked, parts, strict=True))
    return [found.get(place) for place in range(len(anomalies))]


def _scope(anomaly: Anomaly, part: ModelPart | None) -> Scope | None:
    """Return the explanatory line items; none where a pool share explains."""
    if anomaly.finding.is_fall:
        return None
    if part is None or part.pool_id is None:
        return anomaly.scope
    if not part.is_of_the_pool:
        return None
    return replace(anomaly.scope, model_id=None, pool_id=part.pool_id)


def _by_share(part: ModelPart) -> Driver:
    """Explain a model that took more of a pool which cost the same."""
    return Driver(
        "volume",
        part.pool_id,
        volume_excess=part.excess,
        unit="share of the pool",
        prior_quantity=part.prior_share,
        quantity=part.share,
    )


def _scaled(driver: Driver, share: float) -> Driver:
    """Return a pool's driver as the part of it that a model bears."""
    return replace(
        driver,
        price_excess=driver.price_excess * share,
        volume_excess=driver.volume_excess * share,
        new_resource_excess=driver.new_resource_excess * share,
    )


def _driver_row(driver: Driver, pool_id: str | None) -> _Row:
    return {
        "driver": driver.name,
        "driver_subject": driver.subject,
        "driver_pool_id": pool_id,
        "price_excess_cost": _rounded_money(driver.price_excess),
        "volume_excess_cost": _rounded_money(driver.volume_excess),
        "new_resource_excess_cost": _rounded_money(driver.new_resource_excess),
        "new_resource_count": driver.new_resource_count,
        "quantity_unit": driver.unit,
        "prior_unit_price": _rounded(driver.prior_unit_price),
        "unit_price": _rounded(driver.unit_price),
        "prior_quantity": _rounded(driver.prior_quantity),
        "quantity": _rounded(driver.quantity),
    }


def _rounded(value: float | None) -> float | None:
    """Return eight digits: line items are added up in no certain order.

    Twelve first: sums of decimals often end in a five, which the order of a sum would
    round up or down.
    """
    return None if value is None else float(f"{float(f'{value:.12g}'):.8g}")


def _rounded_money(value: float) -> float:
    """Return eight digits and never a millionth: a cancelled sum is zero."""
    return (_rounded(round(float(f"{value:.12g}"), 6)) or 0.0) + 0.0


def _digest(series: Sequence[CostSeries], months: Mapping[str, str]) -> str:
    parts = [str(METHOD_VERSION), library_versions(), *sorted(months.items())]
    parts += sorted(cost_series.digest for cost_series in series)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
