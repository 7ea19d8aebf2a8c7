"""Return of a feature or model: by month, to date and as of each month."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.roi.carrying import newest
from attribution.roi.persistence import FADE_MONTHS, months_apart
from attribution.roi.reading import (
    amount,
    experiment_value_ceiling,
    nothing,
    payback,
    probability_above,
    ratio,
)
from attribution.roi.run_rate import no_run_rate, run_rate_of
from attribution.roi.to_date import apart, spent_in, whole_month

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attribution.arrays import Floats
    from attribution.roi.baseline import Baseline
    from attribution.roi.flows import Flows
    from attribution.roi.valuing import Case, Reason
    from attribution.roi.worlds import Worlds

    Row = dict[str, Any]

TO_DATE: Final = "to_date"
#: Window of the state known for the months up to a given month: ``until_2026-01``.
UNTIL: Final = "until_"
_BOTH: Final = ("50", "90")
#: Of the whole cost: below it a change costs as much as months differ by themselves.
_LEAST_SHARE: Final = 0.1
_UNKNOWN_TO_DATE: Final = (
    *("payback_months_p50", "payback_months_p90", "probability_never_paid_back"),
    *("payback_horizon_months", "probability_npv_positive", "break_even_effect"),
    *("break_even_ratio", "experiment_value_ceiling", "probability_above_hurdle"),
)


@dataclass(frozen=True, eq=False, slots=True)
class FeatureReturn:
    """A feature's case with its draws.

    ``flows`` is ``None`` where the return cannot be computed; ``before`` and ``since``
    where nothing was spent before the window, or after it. ``complete_until`` is the
    last month that every source has delivered whole, if that is known. The benefit in
    ``since`` is carried by the rule of persistence.
    """

    case: Case
    flows: Flows | None
    before: Flows | None = None
    since: Flows | None = None
    complete_until: str | None = None

    @classmethod
    def of(
        cls, case: Case, worlds: Worlds, *, complete_until: str | None = None
    ) -> FeatureReturn:
        """Draw the money of a case."""
        parts = (case.terms, case.before, case.since)
        window, before, since = (part.flows(worlds) if part else None for part in parts)
        return cls(case, window, before, since, complete_until)

    @property
    def net(self) -> Floats | None:
        """Net value to date by world."""
        return None if self.flows is None else self.flows.net.sum(axis=1)

    @property
    def invested(self) -> Floats:
        """Return the investment before the window by world; NaN: partly unknown."""
        return spent_in(self.before)

    def since_until(self, month: str | None) -> Flows | None:
        """Return the money after the window up to a month, or ``None``."""
        if self.since is None or month is None:
            return None
        count = sum(one <= month for one in self.since.months)
        return self.since.until(count) if count else None

    def is_unknown_in(self, month: str) -> bool:
        """Return True if the effect was last measured too long before a month."""
        part = self.since_until(month)
        if part is None or not (part.cost[:, -1] + part.other[:, -1]).any():
            return False
        measured = (valued.claim.months[-1] for valued in newest(self.case.claims))
        return any(months_apart(last, month) > FADE_MONTHS for last in measured)

    def as_of(self, month: str) -> FeatureReturn | None:
        """Return the state by the end of a month; ``None`` before the window.

        The effect is that of today's estimate, over the months up to then.
        """
        count = sum(one <= month for one in self.case.months)
        if not count:
            return None
        after = self.since.months if self.since else ()
        later = sum(one <= month for one in after)
        return FeatureReturn(
            replace(self.case, months=self.case.months[:count]),
            self.flows.until(count) if self.flows else None,
            self.before,
            self.since.until(later) if self.since and later else None,
            self.complete_until,
        )

    def rows(self, worlds: Worlds, now: str | None = None) -> Iterator[Row]:
        """Yield the row to date, and a row for each month of the window.

        ``now`` is the last month of all features: a run rate is of the same month for
        all.
        """
        yield self._so_far(TO_DATE, self.last_month, worlds, now)
        for number, month in enumerate(self.case.months):
            yield self._month(number, month)

    def rows_as_of(self, months: Sequence[str], worlds: Worlds) -> Iterator[Row]:
        """Yield the state by the end of each month from the window's first on."""
        for month in months:
            known = self.as_of(month)
            if known is not None:
                yield known._so_far(f"{UNTIL}{month}", month, worlds)  # noqa: SLF001

    @property
    def last_month(self) -> str | None:
        """The last month in which something was measured or spent."""
        after = self.since.months if self.since else ()
        return max((*self.case.months, *after), default=None)

    def _so_far(
        self, window: str, until: str | None, worlds: Worlds, now: str | None = None
    ) -> Row:
        case = self.case
        row = {
            **self._head(window, case.months[:1], case.months[-1:]),
            "until_month": until,
            **money(self.flows),
            **apart([self], until),
            **released_hours(case),
            **_over_time(self),
            **_against_hurdle(case, self.flows, worlds),
            **_break_even(case, self.flows, worlds),
            **self._run_rate(now or until, worlds),
        }
        return {**row, **self._judgement(self.flows)}

    def _run_rate(self, until: str | None, worlds: Worlds) -> Row:
        month = whole_month(until, self.complete_until)
        found = None if month is None else run_rate_of(self, month, worlds)
        return no_run_rate() if found is None else found.columns

    def _month(self, number: int, month: str) -> Row:
        flows = None if self.flows is None else self.flows.of_month(number)
        row = {
            **self._head(month, (month,), (month,)),
            "until_month": month,
            **money(flows),
            **apart([], month),
            **nothing("released_hours"),
            **nothing("npv"),
            **dict.fromkeys(_UNKNOWN_TO_DATE),
            **no_run_rate(),
        }
        return {**row, **self._judgement(flows)}

    def _head(self, window: str, first: tuple[str, ...], last: tuple[str, ...]) -> Row:
        claims = [valued.claim for valued in self.case.claims]
        refused = self.case.refused
        asked = claims or ([refused] if refused else [])
        return {
            "feature_id": self.case.feature_id,
            "roi_window": window,
            "first_month": first[0] if first else None,
            "last_month": last[0] if last else None,
            "study_ids": ", ".join(one.study_id for one in asked) or None,
            "outcome_unit": _one_of({one.outcome_unit for one in asked}),
            "basis": self.case.basis,
            "verdict": _one_of({one.verdict for one in asked}),
            "lifecycle_stage": "observed" if claims else "forecast",
            "grade": self.case.grade,
            **self._baseline(),
        }

    def _baseline(self) -> Row:
        """Return the monthly cost replaced, and its source."""
        baseline = self.case.baseline
        is_known = bool(self.flows and self.case.claims)
        draws = baseline.declared is not None or baseline.measured
        return {
            "baseline_source": baseline.source if is_known else None,
            "baseline_month": baseline.month if is_known else None,
            "baseline_cost": _monthly(baseline) if is_known and draws else None,
        }

    def _judgement(self, flows: Flows | None) -> Row:
        case = self.case
        reason, code = case.reason, None
        text = None if reason is None else f"not computable: {reason.text}"
        if reason is not None:
            code = reason.code
        elif flows is not None and not _has_cost(flows):
            code, text = "cost_not_positive", _why_no_roi(flows)
        not_counted = case.not_counted or reason
        return {
            "counted": case.is_counted,
            "reason_code": code,
            "reason": text,
            "not_counted_code": None if case.is_counted else _code(not_counted),
            "not_counted_reason": None if case.is_counted else _text(not_counted),
            "left_out": "\n".join(case.left_out) or None,
        }


def _code(reason: Reason | None) -> str | None:
    return None if reason is None else reason.code


def _text(reason: Reason | None) -> str | None:
    return None if reason is None else reason.text


def _one_of(names: set[str]) -> str | None:
    return next(iter(names)) or None if len(names) == 1 else None


def _has_cost(flows: Flows) -> bool:
    """Return whether the change cost enough in every world to divide by."""
    least = _LEAST_SHARE * (flows.cost + flows.other).sum(axis=1)
    spent = flows.spent.sum(axis=1)
    return bool(((spent > 0) & (spent >= least)).all())


def _why_no_roi(flows: Flows) -> str:
    """Return why value is not divided by the cost of a change."""
    whole, spent = (flows.cost + flows.other).sum(axis=1), flows.spent.sum(axis=1)
    if not whole.any():
        return "no ROI: nothing was spent that the value could be divided by"
    if (spent > 0).all():
        return "no ROI: the change costs hardly more than what it replaced"
    return "no ROI: the change costs no more than what it replaced"


def money(flows: Flows | None) -> Row:
    """Return benefit, cost beside the mart's, net value and ROI of some months."""
    if flows is None:
        return {
            **nothing("benefit", levels=_BOTH),
            **nothing("cash_benefit"),
            **nothing("other_cost"),
            **nothing("replaced_cost"),
            **nothing("net_value", levels=_BOTH),
            **nothing("roi", levels=_BOTH),
            "probability_net_positive": None,
        }
    net, spent = flows.net.sum(axis=1), flows.spent.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        returned = (
            ratio("roi", net / spent, levels=_BOTH)
            if _has_cost(flows)
            else nothing("roi", levels=_BOTH)
        )
    return {
        **amount("benefit", flows.benefit.sum(axis=1), levels=_BOTH),
        **amount("cash_benefit", flows.cash.sum(axis=1)),
        **amount("other_cost", flows.other.sum(axis=1)),
        **amount("replaced_cost", flows.replaced.sum(axis=1)),
        **amount("net_value", net, levels=_BOTH),
        **returned,
        "probability_net_positive": probability_above(net),
    }


def _monthly(baseline: Baseline) -> float:
    """Return the monthly cost replaced, as assumed or measured."""
    return baseline.declared.value if baseline.declared else baseline.measured


def released_hours(case: Case) -> Row:
    """Return the hours released by claims on times of work, at any worth.

    Hours stay hours: they are reported with or without a conversion to money.
    """
    hours = [(claim.hours, claim.claim.months) for claim in case.claims]
    known = [
        drawn[:, [month in case.months for month in months]].sum(axis=1)
        for drawn, months in hours
        if drawn is not None
    ]
    if not known:
        return nothing("released_hours")
    return amount("released_hours", np.sum(known, axis=0))


def _over_time(feature_return: FeatureReturn) -> Row:
    """Return the figures that depend on the timing of money.

    The investment is paid back, too. It is spent regardless of the decision now, so it
    is in neither the present value nor the value of information.
    """
    flows = feature_return.flows
    if flows is None:
        unknown = _UNKNOWN_TO_DATE[:5]
        return {
            **nothing("npv"),
            **dict.fromkeys(unknown),
            "experiment_value_ceiling": None,
        }
    present = flows.present_net
    row: Row = {**dict.fromkeys(_UNKNOWN_TO_DATE[:4]), **nothing("npv")}
    if not np.isnan(feature_return.invested).any():
        row |= payback(flows.net, invested=feature_return.invested)
    if present is None:
        return {
            **row,
            "probability_npv_positive": None,
            "experiment_value_ceiling": None,
        }
    return {
        **row,
        **amount("npv", present),
        "probability_npv_positive": probability_above(present),
        "experiment_value_ceiling": experiment_value_ceiling(present),
    }


def _against_hurdle(case: Case, flows: Flows | None, worlds: Worlds) -> Row:
    # As of a month there are fewer months than the terms have.
    hurdles = case.terms.hurdles[: len(case.months)] if case.terms else ()
    hurdle = hurdles[-1] if hurdles else None
    if flows is None or hurdle is None:
        return {"probability_above_hurdle": None}
    spent = np.maximum(flows.spent.sum(axis=1), 0.0)
    needed = spent * worlds.of(hurdle)
    found = probability_above(flows.net.sum(axis=1), needed)
    return {"probability_above_hurdle": found}


def _break_even(case: Case, flows: Flows | None, worlds: Worlds) -> Row:
    """Return the total effect that pays for all cost, which needs no causal claim.

    Of a single claim only: effects on several outcomes have no common unit. It is a
    part of the estimated effect, too: 0.5 is half of it.
    """
    if flows is None or len(case.claims) != 1:
        return {"break_even_effect": case.break_even, "break_even_ratio": None}
    claim = case.claims[0]
    # A change that costs no more than it replaced needs no effect to pay for it.
    spent = max(float(flows.spent.sum(axis=1).mean()), 0.0)
    known = [month in case.months for month in claim.claim.months]
    worth = float(claim.worth_of_one(worlds)[:, known].mean())
    benefit = flows.benefit[np.isfinite(flows.benefit).all(axis=1)]
    brought_in = float(benefit.sum(axis=1).mean()) if len(benefit) else 0.0
    return {
        "break_even_effect": spent / worth if worth else None,
        "break_even_ratio": spent / brought_in if brought_in > 0 else None,
    }
