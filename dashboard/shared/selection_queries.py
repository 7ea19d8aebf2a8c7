"""Choices of the bar on top of every page, and their descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from dashboard.shared import format as fmt
from dashboard.shared import measured
from dashboard.shared.gaps import MonthGap
from dashboard.shared.published import one, per_run, rows
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from datetime import datetime

    from dashboard.shared.gaps import Amount
    from triptych.core.warehouse.reader import Snapshot


Basis = Literal["Amortised", "Billed"]
AMOUNTS: dict[Basis, str] = {"Amortised": "effective_cost", "Billed": "billed_cost"}
SCOPES = {
    "everything": "true",
    "model": "model_id = $scope",
    "team": "team_id = $scope",
    "cost centre": "cost_center = $scope",
}


@dataclass(frozen=True, slots=True)
class Run:
    """The published run that a page shows."""

    run_id: str
    organisation: str
    currency: str
    is_synthetic: bool
    started_at: datetime | None
    evidence_as_of: datetime | None
    triptych_version: str
    materiality_ratio: float


@dataclass(frozen=True, slots=True)
class Period:
    """Billing months, and those that they are compared with."""

    label: str
    months: tuple[str, ...]
    prior_label: str | None = None
    prior_months: tuple[str, ...] = ()

    @property
    def is_quarter(self) -> bool:
        """Return True if it is a quarter, which may have months without charges."""
        return "-Q" in self.label

    @property
    def calendar_months(self) -> tuple[str, ...]:
        """Its months on the calendar, with charges or not."""
        if not self.is_quarter:
            return self.months
        last = int(self.label[-1]) * 3
        return tuple(f"{self.label[:4]}-{last - n:02d}" for n in (2, 1, 0))

    @property
    def first_month(self) -> str:
        """Its first month on the calendar, with charges or not."""
        return self.calendar_months[0]


@dataclass(frozen=True, slots=True)
class Selection:
    """Selection of the bar on top of every page."""

    period: Period
    basis: Basis
    currency: str
    scope_kind: str = "everything"
    scope_id: str = ""

    @property
    def covers_everything(self) -> bool:
        """Return True if no model, team or cost centre was chosen."""
        return self.scope_kind == "everything"


@dataclass(frozen=True, slots=True)
class Standing:
    """Reliability of the figures of a period."""

    is_estimated: bool
    missing: tuple[tuple[str, str, str], ...]
    stale_sources: tuple[tuple[str, datetime | None], ...]
    coverage_ratio: float | None
    gap: MonthGap
    period_state: str = "open"
    adjustment_count: int = 0
    #: True if the period had ended when the run was made.
    is_over: bool = True

    @property
    def is_closed(self) -> bool:
        """Return True if finance has closed every month of the period."""
        return self.period_state in {"locked", "restated"}

    @property
    def is_partial(self) -> bool:
        """Return True if data is known to be missing from the totals."""
        return bool(self.gap.lacks)

    def is_material(self, figure: Amount = None) -> bool:
        """Return True if missing data could change a figure enough to matter."""
        return self.gap.is_material(figure)

    @property
    def state(self) -> str:
        """Return the state of an open period's figures."""
        if self.is_partial:
            return "not complete"
        return "estimated" if self.is_estimated else "complete"

    @property
    def label(self) -> str:
        """State of the period in words."""
        if self.is_closed:
            count = self.adjustment_count
            later = f" · {count} adjustment{'s' if count != 1 else ''}"
            return f"{self.period_state.capitalize()}{later if count else ''}"
        if self.state == self.period_state:
            return self.period_state.capitalize()
        return f"{self.period_state.capitalize()} · {self.state}"


@per_run
def run(snapshot: Snapshot) -> Run:
    """Return the description of the published run."""
    return Run(
        **one(
            snapshot,
            "select run_id, organisation, currency, is_synthetic, started_at,"
            " evidence_as_of, triptych_version, materiality_ratio from core.mart_run",
        )
    )


@per_run
def periods(snapshot: Snapshot, *, with_delivery: bool = False) -> tuple[Period, ...]:
    """Return the months with charges, newest first, then their quarters.

    A quarter is compared with the quarter before only if that has the same number of
    months with charges. ``with_delivery`` adds months without a charge in which
    something was delivered.
    """
    shipped = (
        " union select month from delivery.mart_velocity where n_used > 0"
        if with_delivery
        else ""
    )
    months = tuple(
        row["billing_month"]
        for row in rows(
            snapshot,
            # Users limited to cost centres have no waterfall, which belongs to none.
            "select billing_month from cost.mart_cost_waterfall"
            " where billing_month is not null union"
            " select billing_month from cost.fct_daily_model_costs"
            f" where billing_month is not null{shipped} order by billing_month desc",
        )
    )
    single = [Period(month, (month,), *_before((month,), 1)) for month in months]
    quarters: dict[str, list[str]] = {}
    for month in months:
        quarters.setdefault(_quarter(month), []).append(month)
    return (*single, *(_quarter_period(q, quarters) for q in quarters))


def _before(months: tuple[str, ...], count: int) -> tuple[str, tuple[str, ...]]:
    year, month = (int(part) for part in months[0].split("-"))
    index = year * 12 + month - 1 - count
    label = f"{index // 12:04d}-{index % 12 + 1:02d}"
    return label, (label,)


def _quarter(month: str) -> str:
    return f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"


def _quarter_period(quarter: str, quarters: dict[str, list[str]]) -> Period:
    months = tuple(sorted(quarters[quarter]))
    before = _quarter(_before((f"{quarter[:4]}-{int(quarter[-1]) * 3:02d}",), 3)[0])
    prior = tuple(sorted(quarters.get(before, ())))
    if len(prior) != len(months):
        return Period(quarter, months)
    return Period(quarter, months, before, prior)


@per_run
def currencies(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the currencies that have charges, the organisation's own first."""
    found = rows(
        snapshot,
        "select currency from (select currency from cost.mart_cost_waterfall union"
        " select currency from cost.fct_daily_model_costs)"
        " where currency is not null"
        " order by currency <> (select currency from core.mart_run), currency",
    )
    return tuple(row["currency"] for row in found)


@per_run
def scopes(
    snapshot: Snapshot, *, with_delivery: bool = False
) -> tuple[tuple[str, str], ...]:
    """Return the cost centres, teams and models that carry cost, as (kind, id).

    ``with_delivery`` adds teams and models that ship and are on no bill.
    """
    shipping = (
        """
            union all
            select distinct case scope_kind when 'team' then 2 else 3 end, scope_kind,
                scope_id
            from delivery.mart_velocity
            where scope_kind in ('team', 'model') and (n_used > 0 or n_open > 0)
        """
        if with_delivery
        else ""
    )
    found = rows(
        snapshot,
        f"""
        select distinct kind, id, position from (
            select distinct 1 as position, 'cost centre' as kind, cost_center as id
            from cost.fct_daily_model_costs
            union all
            select distinct 2, 'team', team_id from cost.fct_daily_model_costs
            union all
            select distinct 3, 'model', model_id from cost.fct_daily_model_costs
            {shipping}
        )
        where id is not null
        order by position, id
        """,
    )
    return tuple((row["kind"], row["id"]) for row in found)


@per_run
def is_over(snapshot: Snapshot, month: str) -> bool:
    """Return whether a month had ended when the run was made.

    A sample company ends on a fixed day, that of its newest charge.
    """
    return bool(
        one(
            snapshot,
            """
            select coalesce(
                case
                    when is_synthetic then (
                        select max(newest_charge_date) + 1
                        from core.mart_month_completeness
                    )
                    else cast(started_at as date)
                end >= cast($month || '-01' as date) + interval 1 month,
                true
            ) as is_over
            from core.mart_run
            """,
            month=month,
        )["is_over"]
    )


#: A period is as final as the least final of its months; a month that changed after
#: it was closed counts as the least final of those that are closed.
_STATES = ("open", "estimated", "reconciled", "restated", "locked")


@per_run
def standing(snapshot: Snapshot, selection: Selection) -> Standing:
    """Return estimates, gaps, stale feeds and uncovered cost of a period."""
    everything = measured.whole(selection)
    months = list(selection.period.months)
    figures = measured.measured_row(
        snapshot,
        everything,
        {"total": "ai_cost", "coverage": "assigned_cost_ratio"},
        months="chosen",
        labels=("is_estimated",),
    )
    missing = rows(
        snapshot,
        "select source, billing_month, coalesce(missing, 'not stated') as missing"
        " from core.mart_month_completeness"
        " where not is_complete and list_contains($months, billing_month)"
        " order by billing_month, source",
        months=months,
    )
    stale = rows(
        snapshot,
        "select source, newest_evidence_at from core.mart_source_freshness"
        " where is_stale qualify row_number() over ("
        "partition by source order by newest_evidence_at desc nulls last) = 1"
        " order by source",
    )
    by_state = measured.measured(
        snapshot,
        everything,
        {"lines": "adjustment_lines"},
        by=("state",),
        months="chosen",
    ).to_pylist()
    named = {row["state"] for row in by_state}
    states = [state for state in _STATES if state in named]
    is_ended = is_over(snapshot, max(selection.period.calendar_months))
    # A quarter with a month to come is open, regardless of the billed months.
    is_open = selection.period.is_quarter and not is_ended
    return Standing(
        gap=_gap(snapshot, selection, missing, figures["total"]),
        period_state="open" if is_open or not states else states[0],
        adjustment_count=int(sum(row["lines"] or 0 for row in by_state)),
        is_over=is_ended,
        is_estimated=bool(figures["is_estimated"]),
        coverage_ratio=figures["coverage"],
        missing=tuple(
            (row["source"], row["billing_month"], row["missing"]) for row in missing
        ),
        stale_sources=tuple(
            (row["source"], row["newest_evidence_at"]) for row in stale
        ),
    )


def _gap(
    snapshot: Snapshot,
    selection: Selection,
    missing: list[dict[str, Any]],
    total: Decimal | None,
) -> MonthGap:
    """Return the known gap, in words and as far as it is known."""
    published, everything = run(snapshot), measured.whole(selection)
    unconverted = measured.measured(
        snapshot,
        everything,
        {"amount": "step_effective_cost"},
        by=("currency",),
        where={"step": "ledger"},
        months="chosen",
        conditions=(
            f"currency not in ({literal(selection.currency)},"
            f" {literal(published.currency)})",
        ),
    ).to_pylist()
    lacking = measured.measured_row(
        snapshot,
        everything,
        {"amount": "missing_amount", "rows": "missing_rows"},
        {"is_complete": False, "currency": published.currency},
        months="chosen",
    )
    sources = [f"{row['source']} lacks {row['missing']}" for row in missing]
    rates = [
        f"{fmt.money_exact(row['amount'], row['currency'])} could not be converted"
        for row in unconverted
    ]
    # In another currency the missing amount is not known.
    is_known = selection.currency == published.currency
    amount = lacking["amount"] if missing else Decimal(0)
    return MonthGap(
        lacks=(*sources, *rates),
        row_count=int(lacking["rows"] or 0),
        amount=amount if is_known else None,
        currency=selection.currency,
        unconverted=tuple((row["currency"], row["amount"]) for row in unconverted),
        total=total,
        materiality_ratio=published.materiality_ratio,
    )


def has_prior(snapshot: Snapshot, selection: Selection) -> bool:
    """Return whether every month of the period before has charges."""
    known = {month for period in periods(snapshot) for month in period.months}
    prior = selection.period.prior_months
    return bool(prior) and known.issuperset(prior)


@per_run
def lacks_ai_cost(snapshot: Snapshot, selection: Selection) -> bool:
    """Return whether a period has charges, and none of them is AI cost.

    A rounding remainder of the bills is no charge.
    """
    if not selection.covers_everything:
        return False
    row = one(
        snapshot,
        """
        select
            count(*) filter (step = 'out_of_scope') as other_count,
            count(*) filter (step not in ('ledger', 'out_of_scope', 'remainder'))
                as ai_count
        from cost.mart_cost_waterfall
        where currency = $currency and list_contains($months, billing_month)
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )
    rounded = measured.measured_row(
        snapshot, selection, {"remainder": "rounding_remainder"}, months="chosen"
    )
    has_charges = row["other_count"] and not row["ai_count"]
    remainder = rounded["remainder"] or Decimal(0)
    return bool(has_charges) and fmt.rounds_to_zero(remainder, selection.currency)
