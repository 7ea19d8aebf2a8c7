"""Statement of a cost centre for a month: lines, and tie to the bills."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dashboard.exports.provenance import Provenance, provenance
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import format as fmt
from dashboard.shared import selection_queries
from dashboard.shared.measured import relation
from dashboard.shared.names import named_sql
from dashboard.shared.published import one, per_run, rows
from dashboard.shared.selection_queries import AMOUNTS, Period, Selection
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from triptych.core.warehouse.locks import ClosingMonth
    from triptych.core.warehouse.reader import Snapshot

#: Placeholder for cost without a cost centre.
NO_COST_CENTER = "no cost centre"
#: Subtotal of changes to months that were closed before.
_ADJUSTED = "adjustments_of_closed_months"

_OF_STATEMENT = (
    "billing_month = $month and currency = $currency"
    " and cost_center is not distinct from $cost_center"
)
_SUMS = ("total", "stated_total", "rounding")

_LINE_TYPES = pa.schema(
    [
        *((name, pa.string()) for name in ("team_id", "team", "model_id", "model")),
        *((name, pa.string()) for name in ("component", "platform_id", "platform")),
        ("amount", pa.decimal128(38, 10)),
        ("stated_amount", pa.decimal128(38, 10)),
        ("is_estimated", pa.bool_()),
        *((name, pa.string()) for name in ("pool_id", "adjusted_month", "part")),
    ]
)


@dataclass(frozen=True, slots=True)
class Line:
    """Cost of a team's model on a platform, as a component of the bill.

    ``amount`` has every digit; ``stated_amount`` is rounded to the minor unit. A line
    with an ``adjusted_month`` is a change to that closed month.
    """

    team_id: str | None
    team: str | None
    model_id: str | None
    model: str | None
    component: str
    platform_id: str | None
    platform: str | None
    amount: Decimal
    stated_amount: Decimal
    is_estimated: bool
    pool_id: str | None = None
    adjusted_month: str | None = None

    @property
    def part(self) -> str:
        """The component in words, with the idle pool or the closed month."""
        words = self.component.replace("_", " ")
        if self.pool_id is not None:
            words = f"{words} of {self.pool_id}"
        if self.adjusted_month is not None:
            words = f"{words}, about {fmt.month(self.adjusted_month)}"
        return words


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of a statement in a single currency, and their total.

    The stated amounts and ``rounding`` add up to ``stated_total``, which is ``total``
    rounded to the minor unit. ``components`` and ``teams`` add up the stated amounts.
    """

    currency: str
    lines: tuple[Line, ...]
    components: tuple[tuple[str, Decimal], ...]
    teams: tuple[tuple[str | None, Decimal], ...]
    rounding: Decimal
    stated_total: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Tie:
    """Tie of a statement to its month's bills, in the reporting currency."""

    statement: Decimal
    other_statements: Decimal
    all_statements: Decimal
    ai_cost: Decimal
    tax_and_credits: Decimal
    adjustments: Decimal
    out_of_scope: Decimal
    ledger: Decimal

    def facts(
        self,
        currency: str,
        *,
        is_partial: bool,
        write: Callable[[Decimal, str], str] = fmt.money_exact,
    ) -> list[tuple[str, str]]:
        """Return the way from the statement to the bills, by default to the digit."""
        end = ", at least" if is_partial else ""
        steps = {
            "This statement": self.statement,
            "Every other statement of the month": self.other_statements,
            "All statements of the month": self.all_statements,
            "Of it AI cost, as on Summary and Budget": self.ai_cost,
            "Of it tax and credits": self.tax_and_credits,
            "Of it about closed months, in no bill of the month": self.adjustments,
            "Outside AI scope, in no statement": self.out_of_scope,
            "All bills of the month": self.ledger,
        }
        return [
            (f"{name}{end}", write(amount, currency))
            for name, amount in steps.items()
            if amount or "closed months" not in name
        ]


@dataclass(frozen=True, slots=True)
class Statement:
    """Cost of a cost centre, or of no cost centre, in a month.

    The first section is in the reporting currency; others are charges for which there
    is no exchange rate.
    """

    provenance: Provenance
    cost_center: str | None
    sections: tuple[Section, ...]
    tie: Tie

    @property
    def title(self) -> str:
        """Title of the statement."""
        if self.cost_center is None:
            return "Statement of costs without a cost centre"
        return f"Statement of cost centre {self.cost_center}"

    @property
    def owners(self) -> str:
        """Names of the teams that own the cost; empty without a team."""
        found = {line.team for section in self.sections for line in section.lines}
        return ", ".join(sorted(filter(None, found)))

    def tie_facts(
        self, write: Callable[[Decimal, str], str] = fmt.money_exact
    ) -> list[tuple[str, str]]:
        """Return how the statement ties to the bills of its month."""
        facts = self.provenance
        return self.tie.facts(facts.currency, is_partial=self.is_material, write=write)

    @property
    def is_material(self) -> bool:
        """Return True if the month's gap could change this statement's total."""
        return self.provenance.gap.is_material(self.sections[0].total)

    @property
    def at_least(self) -> str:
        """Words before a total that a missing amount could change."""
        return "at least " if self.is_material else ""

    @property
    def total_label(self) -> str:
        """Word before a total, which notes that something is missing."""
        return "Total, at least" if self.is_material else "Total"

    def facts(self) -> list[tuple[str, str]]:
        """Return the header, as pairs of a name and a text."""
        who = ("Cost centre", self.cost_center or f"({NO_COST_CENTER})")
        totals = [
            (self.total_label, fmt.money_exact(section.total, section.currency))
            for section in self.sections
        ]
        return [*self.provenance.facts(), who, *totals]


@per_run
def cost_centers(snapshot: Snapshot, billing_month: str) -> tuple[str | None, ...]:
    """Return the cost centres with charges in a month, and None for no cost centre."""
    found = rows(
        snapshot,
        "select distinct cost_center from cost.mart_statement_lines"
        " where billing_month = $month order by cost_center nulls last",
        month=billing_month,
    )
    return tuple(row["cost_center"] for row in found)


def statement_lines(section: Section) -> pa.Table:
    """Return the lines of a section as a table."""
    return pa.Table.from_pylist(
        [{**asdict(line), "part": line.part} for line in section.lines],
        schema=_LINE_TYPES,
    )


def check_cost_center(
    cost_center: str | None, known: tuple[str | None, ...], billing_month: str
) -> None:
    """Refuse a cost centre without charges in a month.

    Raises
    ------
    UsageError
        With those that have some.
    """
    if cost_center not in known:
        listed = ", ".join(center or f"({NO_COST_CENTER})" for center in known)
        raise UsageError(
            f"There are no charges of {cost_center or NO_COST_CENTER}"
            f" in {billing_month}.",
            where="--cost-center",
            next_step=f"There are charges of: {listed}.",
        )


def read_statement(
    snapshot: Snapshot,
    billing_month: str,
    basis: selection_queries.Basis,
    cost_center: str | None,
    *,
    closing: ClosingMonth | None = None,
) -> Statement:
    """Return the statement of a cost centre, or of no cost centre, for a month.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    billing_month : str
        ``YYYY-MM``.
    basis : {'Amortised', 'Billed'}
        FOCUS EffectiveCost or BilledCost.
    cost_center : str or None
        None for cost without a cost centre.
    closing : ClosingMonth, optional
        The close that the statement is rendered for.

    Raises
    ------
    UsageError
        The month has no charges, or none of this cost centre.
    """
    facts = provenance(snapshot, billing_month, basis, closing=closing)
    known = cost_centers(snapshot, billing_month)
    check_cost_center(cost_center, known, billing_month)
    sections = tuple(
        _section(snapshot, _selection(facts, currency), cost_center)
        for currency in _currencies(snapshot, facts, cost_center)
    )
    tie = _tie(snapshot, _selection(facts, facts.currency), cost_center, sections[0])
    return Statement(facts, cost_center, sections, tie)


def _selection(facts: Provenance, currency: str) -> Selection:
    """Return the month of a statement, on its basis and in a single currency."""
    period = Period(facts.billing_month, (facts.billing_month,))
    return Selection(period, facts.basis, currency)


def _currencies(
    snapshot: Snapshot, facts: Provenance, cost_center: str | None
) -> tuple[str, ...]:
    """Return the reporting currency, then others in which the statement has lines."""
    found = rows(
        snapshot,
        "select distinct currency from cost.mart_statements"
        " where billing_month = $month and currency <> $reporting"
        " and cost_center is not distinct from $cost_center order by currency",
        reporting=facts.currency,
        month=facts.billing_month,
        cost_center=cost_center,
    )
    return (facts.currency, *(row["currency"] for row in found))


def _section(
    snapshot: Snapshot, selection: Selection, cost_center: str | None
) -> Section:
    amount = AMOUNTS[selection.basis]
    # Written with as many decimals as the minor unit has.
    digits = fmt.minor_unit_digits(selection.currency)
    given = {
        "month": selection.period.label,
        "currency": selection.currency,
        "cost_center": cost_center,
    }
    found = rows(
        snapshot,
        f"""
        select
            lines.team_id, coalesce(teams.team, lines.team_id) as team,
            lines.model_id, coalesce(names.model, lines.model_id) as model,
            lines.component, lines.platform_id,
            coalesce(platforms.platform, lines.platform_id) as platform,
            lines.{amount} as amount,
            round(lines.stated_{amount}, {digits}) as stated_amount,
            lines.is_estimated, lines.pool_id,
            case when kind = 'adjustment' then about_month end as adjusted_month
        from cost.mart_statement_lines as lines
        left join {named_sql("team")} as teams on lines.team_id = teams.team_id
        left join {named_sql("model")} as names on lines.model_id = names.model_id
        left join {named_sql("platform")} as platforms
            on lines.platform_id = platforms.platform_id
        where {_OF_STATEMENT}
        order by team nulls last, lines.team_id, model nulls last, lines.model_id,
            adjusted_month nulls first, {_component_order("component")}, platform,
            lines.platform_id, lines.pool_id
        """,
        **given,
    )
    sums = rows(
        snapshot,
        f"select {amount} as total, round(stated_{amount}, {digits}) as stated_total,"
        f" round(rounding_{amount}, {digits}) as rounding from cost.mart_statements"
        f" where {_OF_STATEMENT}",
        **given,
    )
    return Section(
        currency=selection.currency,
        lines=tuple(Line(**row) for row in found),
        components=_subtotals(snapshot, selection, cost_center, "subtotal"),
        teams=_subtotals(snapshot, selection, cost_center, "team_id"),
        **(sums[0] if sums else dict.fromkeys(_SUMS, Decimal(0))),
    )


def _subtotals(
    snapshot: Snapshot, selection: Selection, cost_center: str | None, column: str
) -> tuple[tuple[Any, Decimal], ...]:
    order = _component_order(column) if column == "subtotal" else column
    stated = relation(
        selection,
        {"amount": "stated_cost"},
        by=(column,),
        where={"cost_center": cost_center},
        months="chosen",
    )
    found = rows(snapshot, f"select * from {stated} order by {order}")
    return tuple((row[column], row["amount"]) for row in found)


def _component_order(column: str) -> str:
    """Return SQL that puts components in the order of the waterfall."""
    loaded = cost_by_model_queries.COMPONENTS["Fully loaded"]
    order = [*loaded, "unallocated", "tax", "credit", "remainder", _ADJUSTED]
    return f"list_position({order!r}, {column})"


def _tie(
    snapshot: Snapshot, selection: Selection, cost_center: str | None, section: Section
) -> Tie:
    names = {
        "all_statements": "statement_cost",
        "ai_cost": "statement_ai_cost",
        "tax_and_credits": "statement_tax_and_credits",
        "adjustments": "statement_adjustments",
    }
    others = relation(
        selection,
        {"other_statements": "statement_cost"},
        months="chosen",
        conditions=("cost_center is distinct from $cost_center",),
    )
    bills = relation(
        selection,
        {"out_of_scope": "out_of_scope_cost", "ledger": "ledger_cost"},
        months="chosen",
    )
    row = one(
        snapshot,
        f"select * from {relation(selection, names, months='chosen')}"
        f" cross join {others} cross join {bills}",
        cost_center=cost_center,
    )
    sums = {name: amount or Decimal(0) for name, amount in row.items()}
    return Tie(statement=section.total, **sums)
