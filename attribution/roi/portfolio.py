"""Portfolio of all features: counted, listed and unpaid parts.

Sums are taken world by world, so that factors that features share are shared in the
sum. Nulls and harms enter as wins do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.roi.feature_return import TO_DATE, UNTIL, money
from attribution.roi.flows import Flows
from attribution.roi.reading import amount, nothing
from attribution.roi.run_rate import claimed_twice, portfolio_columns
from attribution.roi.shrinkage import shrink
from attribution.roi.study_ledger import StudyCounts, columns_of
from attribution.roi.to_date import apart, whole_month
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attribution.arrays import Floats
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.overlaps import Overlap
    from attribution.roi.worlds import Worlds

    Row = dict[str, Any]

_SHORT: Final = ("benefit", "net_value")
_OF_GRADE: Final = (*_SHORT, "other_cost", "replaced_cost")


@dataclass(frozen=True, eq=False, slots=True)
class Portfolio:
    """Features with their draws, the overlaps between them, and studies."""

    features: Sequence[FeatureReturn]
    overlaps: Sequence[Overlap] = ()
    studies: StudyCounts = field(default_factory=StudyCounts)
    studies_by_month: Mapping[str, StudyCounts] = field(default_factory=dict)

    @property
    def counted(self) -> list[FeatureReturn]:
        """Features that enter the headline."""
        return [feature for feature in self.features if feature.case.is_counted]

    @property
    def beside(self) -> list[FeatureReturn]:
        """Features with a return that does not."""
        return [
            feature
            for feature in self.features
            if feature.flows and not feature.case.is_counted
        ]

    @property
    def months(self) -> list[str]:
        """Every month of a feature's window."""
        return sorted(
            {month for feature in self.features for month in feature.case.months}
        )

    def rows(self, worlds: Worlds, months: Sequence[str] = ()) -> Iterator[Row]:
        """Yield rows to date, by month, and as of each of ``months``.

        As of a month that ends before any window begins there is no row.
        """
        until = max((*months, *self.months), default=None)
        yield {**self._row(TO_DATE, until, worlds), **self._shrunk(worlds)}
        for month in self.months:
            yield {**self._month(month, worlds), **nothing("shrunk_net_value")}
        for month in months:
            known = self._as_of(month)
            if known.counted or known.beside:
                row = known._row(f"{UNTIL}{month}", month, worlds)  # noqa: SLF001
                yield {**row, **known._shrunk(worlds)}  # noqa: SLF001

    def _as_of(self, month: str) -> Portfolio:
        """Return the state by the end of a month, as is known now.

        A feature that is measured only later is in no count of it; a feature that is
        never measured is in each.
        """
        known = (
            feature.as_of(month) if feature.case.months else feature
            for feature in self.features
        )
        return Portfolio(
            [feature for feature in known if feature],
            [overlap.until(month) for overlap in self.overlaps],
            self.studies_by_month.get(month, self.studies),
        )

    def _row(self, window: str, until: str | None, worlds: Worlds) -> Row:
        """Return the row of all windows."""
        inside = self.counted or self.beside or self.features
        return {
            "roi_window": window,
            "until_month": until,
            **_span("", inside),
            **self._figures(None),
            **apart(
                self.counted,
                until,
                less=sum((one.draws(None) for one in self.overlaps), np.zeros(1)),
                claimed_twice=lambda month: self._claimed_twice(month, worlds),
            ),
            **_span("beside_", self.beside),
            **portfolio_columns(
                self.counted, self.overlaps, self._whole_month(until), worlds
            ),
        }

    def _claimed_twice(self, month: str, worlds: Worlds) -> Floats:
        """Return money by world that counted features carry twice after a window."""
        twice = np.zeros(WORLD_COUNT)
        for overlap in self.overlaps:
            if overlap.by_month:
                known = [f for f in self.counted if f.since_until(month)]
                twice = twice + claimed_twice(overlap, known, month, worlds)
        return twice

    def _whole_month(self, until: str | None) -> str | None:
        known = [
            feature.complete_until
            for feature in self.features
            if feature.complete_until
        ]
        return whole_month(until, max(known, default=None))

    def _month(self, month: str, worlds: Worlds) -> Row:
        return {
            "roi_window": month,
            "first_month": month,
            "last_month": month,
            "until_month": month,
            **self._figures(month),
            **apart([], month),
            **portfolio_columns([], [], None, worlds),
            "beside_first_month": month,
            "beside_last_month": month,
        }

    def _figures(self, month: str | None) -> Row:
        overlap = sum((one.draws(month) for one in self.overlaps), np.zeros(1))
        in_books = sum((each.cash_draws(month) for each in self.overlaps), np.zeros(1))
        counted = _together(self.counted, month, less=overlap, less_cash=in_books)
        beside = money(_together(self.beside, month))
        names = ("", "_low_90", "_high_90")
        return {
            **money(counted),
            **{
                f"beside_{name}{end}": beside[f"{name}{end}"]
                for name in _SHORT
                for end in names
            },
            **amount("overlap_benefit", overlap),
            "counted_feature_count": len(self.counted),
            "beside_feature_count": len(self.beside),
            "not_computable_feature_count": len(self.features)
            - len(self.counted)
            - len(self.beside),
            **columns_of(self.studies),
        }

    def _shrunk(self, worlds: Worlds) -> Row:
        """Return the net value of shrunk benefits; costs and overlaps stay."""
        flows = [
            feature_return.flows
            for feature_return in self.counted
            if feature_return.flows is not None
        ]
        benefits = [_total(flow.benefit) for flow in flows]
        found = None
        if all(np.isfinite(benefit).all() for benefit in benefits):
            found = shrink(
                np.array([benefit.mean() for benefit in benefits]),
                np.array([benefit.std() for benefit in benefits]),
                rng=worlds.source("shrinkage"),
                draws=WORLD_COUNT,
            )
        if found is None:
            return nothing("shrunk_net_value")
        less = sum((_total(flow.spent) for flow in flows), np.zeros(1))
        less = less + sum(
            (overlap.draws(None) for overlap in self.overlaps), np.zeros(1)
        )
        row = amount("shrunk_net_value", found.draws.sum(axis=1) - less)
        return {**row, "shrunk_net_value": float(found.means.sum() - less.mean())}


def _span(prefix: str, features: Sequence[FeatureReturn]) -> Row:
    """Return the first and the last month of some features' windows."""
    months = [month for feature in features for month in feature.case.months]
    return {
        f"{prefix}first_month": min(months, default=None),
        f"{prefix}last_month": max(months, default=None),
    }


def _together(
    features: Sequence[FeatureReturn],
    month: str | None,
    *,
    less: Floats | float = 0.0,
    less_cash: Floats | float = 0.0,
) -> Flows | None:
    """Return the money of some features in a month, or over all their windows.

    ``less`` is the amount they claim twice, ``less_cash`` the part of it in the books.
    """
    parts = [
        part for feature in features if (part := _part(feature, month)) is not None
    ]
    if not parts:
        return None
    with np.errstate(invalid="ignore"):
        benefit = sum(_total(part.benefit) for part in parts) - less
        cash = sum(_total(part.cash) for part in parts) - less_cash
    return Flows(
        (month or TO_DATE,),
        benefit=_column(benefit),
        cash=_column(cash),
        cost=_column(sum(_total(part.cost) for part in parts)),
        other=_column(sum(_total(part.other) for part in parts)),
        replaced=_column(sum(_total(part.replaced) for part in parts)),
        discount=None,
    )


def _total(money_by_month: Floats) -> Floats:
    return np.asarray(money_by_month.sum(axis=1))


def _column(by_world: Any) -> Floats:  # noqa: ANN401  (a sum of arrays)
    # A win and a loss without bound at once: assume the loss.
    known = np.where(np.isnan(by_world), -np.inf, by_world)
    return np.asarray(known)[:, None]


def _part(feature_return: FeatureReturn, month: str | None) -> Flows | None:
    if feature_return.flows is None or month is None:
        return feature_return.flows
    if month not in feature_return.case.months:
        return None
    return feature_return.flows.of_month(feature_return.case.months.index(month))


def evidence_rows(
    features: Sequence[FeatureReturn],
    overlaps: Sequence[Overlap],
    worlds: Worlds,
) -> Iterator[Row]:
    """Yield the benefit of each grade to date, counted and not counted.

    The amounts that features claim twice are counted once, by the amount each of them
    gives up: the counted grades add up to the headline. A grade without a feature has
    no row. Features with a return that cannot be computed have a row by grade without
    amounts.
    """
    groups: dict[tuple[str, bool], list[FeatureReturn]] = {}
    for feature in features:
        groups.setdefault((feature.case.grade, feature.case.is_counted), []).append(
            feature
        )
    for (grade, is_counted), members in sorted(groups.items()):
        known = [member for member in members if member.flows is not None]
        ids = {member.case.feature_id for member in known if is_counted}
        twice = [
            excess.total(worlds)
            for overlap in overlaps
            for excess in overlap.excesses
            if excess.feature_id in ids
        ]
        figures = money(_together(known, None, less=sum(twice, np.zeros(1))))
        names = [name for name in figures if name.startswith(_OF_GRADE)]
        yield {
            "grade": grade,
            "counted": is_counted,
            "feature_count": len(members),
            "feature_ids": ", ".join(
                sorted(member.case.feature_id for member in members)
            ),
            "not_computable_feature_count": len(members) - len(known),
            **{name: figures[name] for name in names if not name.endswith("50")},
        }
