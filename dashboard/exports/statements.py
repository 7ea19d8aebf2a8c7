"""What a cost centre owes for a month, line by line, and how it ties to the bills."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dashboard.exports.provenance import Provenance, provenance
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import format as fmt
from dashboard.shared import selection_queries
from dashboard.shared.names import named_sql
from dashboard.shared.published import one, per_run, rows, table
from dashboard.shared.selection_queries import AMOUNTS
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from triptych.core.warehouse.locks import ClosingMonth
    from triptych.core.warehouse.reader import Snapshot

#: Stands for what belongs to no cost centre.
NO_COST_CENTER = "no cost centre"

_LINE_TYPES = pa.schema(
    [
        *((name, pa.string()) for name in ("team_id", "team", "model_id", "model")),
        *((name, pa.string()) for name in ("component", "platform_id", "platform")),
        ("amount", pa.decimal128(38, 10)),
        ("stated_amount", pa.decimal128(38, 10)),
        ("is_estimated", pa.bool_()),
    ]
)

#: The lines of one currency; ``stated`` is rounded to the minor unit.
_LINES = """
    with lines as (
        select
            team_id, model_id, component, platform_id,
            sum({amount}) as amount,
            round(sum({amount}), {digits}) as stated_amount,
            bool_or(is_estimated) as is_estimated
        from cost.fct_daily_model_costs
        where billing_month = $month and currency = $currency
            and cost_center is not distinct from $cost_center
        group by team_id, model_id, component, platform_id
    )
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What one team's model cost on one platform, as one component of the bill.

    ``amount`` has every digit; ``stated_amount`` is rounded to the minor unit.
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


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of a statement in one currency, and what they come to.

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
    """How a statement ties to the bills of its month, in the reporting currency."""

    statement: Decimal
    other_statements: Decimal
    all_statements: Decimal
    ai_cost: Decimal
    tax_and_credits: Decimal
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
            "Outside AI scope, in no statement": self.out_of_scope,
            "All bills of the month": self.ledger,
        }
        return [
            (f"{name}{end}", write(amount, currency)) for name, amount in steps.items()
        ]


@dataclass(frozen=True, slots=True)
class Statement:
    """What belongs to a cost centre, or to none, in a month.

    The first section is in the reporting currency; others are charges for which there
    is no exchange rate.
    """

    provenance: Provenance
    cost_center: str | None
    sections: tuple[Section, ...]
    tie: Tie

    @property
    def title(self) -> str:
        """What the statement is of."""
        if self.cost_center is None:
            return "Statement of costs without a cost centre"
        return f"Statement of cost centre {self.cost_center}"

    @property
    def owners(self) -> str:
        """The teams whose cost it is, by their names; nothing without a team."""
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
        """Whether what the month lacks could change this statement's total."""
        return self.provenance.gap.is_material(self.sections[0].total)

    @property
    def at_least(self) -> str:
        """Words before a total that what is missing could change."""
        return "at least " if self.is_material else ""

    @property
    def total_label(self) -> str:
        """The word before a total, which says when something is missing."""
        return "Total, at least" if self.is_material else "Total"

    def facts(self) -> list[tuple[str, str]]:
        """Return what the header says, as pairs of a name and a text."""
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
        "select distinct cost_center from cost.fct_daily_model_costs"
        " where billing_month = $month order by cost_center nulls last",
        month=billing_month,
    )
    return tuple(row["cost_center"] for row in found)


@per_run
def statement_totals(
    snapshot: Snapshot,
    billing_month: str,
    basis: selection_queries.Basis,
    currency: str,
) -> pa.Table:
    """Return what each statement of a month comes to, and their way to the bills.

    After the statements come all of them, what is outside AI scope, and all bills;
    ``kind`` says which. ``teams`` are those whose cost it is.
    """
    amount = AMOUNTS[basis]
    return table(
        snapshot,
        f"""
        with statements as (
            select cost_center, sum({amount}) as amount, count(*) as row_count
            from cost.fct_daily_model_costs
            where billing_month = $month and currency = $currency
            group by cost_center
        ),
        owners as (
            select distinct cost_center, team_id, coalesce(team, team_id) as team
            from cost.fct_daily_model_costs
            left join {named_sql("team")} using (team_id)
            where billing_month = $month and currency = $currency
        ),
        teams as (
            select cost_center, string_agg(team, ', ' order by team) as teams
            from owners group by cost_center
        ),
        bills as (
            select step, sum({amount}) as amount
            from cost.mart_cost_waterfall
            where billing_month = $month and currency = $currency
                and step in ('out_of_scope', 'ledger')
            group by step
        )
        select
            1 as position, 'statement' as kind, statements.cost_center,
            coalesce(statements.cost_center, 'Without a cost centre') as label, amount,
            row_count, teams
        from statements left join teams
            on statements.cost_center is not distinct from teams.cost_center
        union all
        select 2, 'all_statements', null, 'All statements', sum(amount), sum(row_count),
            null
        from statements
        union all
        select 3, 'out_of_scope', null, 'Outside AI scope, in no statement',
            coalesce(sum(amount), 0), null, null
        from bills where step = 'out_of_scope'
        union all
        select 4, 'ledger', null, 'All bills', sum(amount), null, null
        from bills where step = 'ledger'
        order by position, cost_center nulls last
        """,
        month=billing_month,
        currency=currency,
    )


def statement_lines(section: Section) -> pa.Table:
    """Return the lines of a section as a table."""
    return pa.Table.from_pylist(
        [asdict(line) for line in section.lines], schema=_LINE_TYPES
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
        None for what belongs to no cost centre.
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
    given = {"month": billing_month, "cost_center": cost_center}
    amount = AMOUNTS[basis]
    sections = tuple(
        _section(snapshot, amount, {**given, "currency": currency})
        for currency in _currencies(snapshot, facts, given)
    )
    return Statement(facts, cost_center, sections, _tie(snapshot, amount, facts, given))


def _currencies(
    snapshot: Snapshot, facts: Provenance, given: dict[str, Any]
) -> tuple[str, ...]:
    """Return the reporting currency, then others in which the statement has lines."""
    found = rows(
        snapshot,
        "select distinct currency from cost.fct_daily_model_costs"
        " where billing_month = $month and currency <> $reporting"
        " and cost_center is not distinct from $cost_center order by currency",
        reporting=facts.currency,
        **given,
    )
    return (facts.currency, *(row["currency"] for row in found))


def _section(snapshot: Snapshot, amount: str, given: dict[str, Any]) -> Section:
    digits = fmt.minor_unit_digits(given["currency"])
    lines = _LINES.format(amount=amount, digits=digits)
    found = rows(
        snapshot,
        f"""
        {lines}
        select
            lines.team_id, coalesce(teams.team, lines.team_id) as team,
            lines.model_id, coalesce(names.model, lines.model_id) as model,
            lines.component, lines.platform_id,
            coalesce(platforms.platform, lines.platform_id) as platform,
            lines.amount, lines.stated_amount, lines.is_estimated
        from lines
        left join {named_sql("team")} as teams on lines.team_id = teams.team_id
        left join {named_sql("model")} as names on lines.model_id = names.model_id
        left join {named_sql("platform")} as platforms
            on lines.platform_id = platforms.platform_id
        order by team nulls last, lines.team_id, model nulls last, lines.model_id,
            {_component_order()}, platform, lines.platform_id
        """,
        **given,
    )
    sums = one(
        snapshot,
        f"""
        {lines}
        select
            coalesce(sum(amount), 0) as total,
            round(coalesce(sum(amount), 0), {digits}) as stated_total,
            round(coalesce(sum(amount), 0), {digits})
                - coalesce(sum(stated_amount), 0) as rounding
        from lines
        """,
        **given,
    )
    return Section(
        currency=given["currency"],
        lines=tuple(Line(**row) for row in found),
        components=_subtotals(snapshot, lines, "component", given),
        teams=_subtotals(snapshot, lines, "team_id", given),
        **sums,
    )


def _subtotals(
    snapshot: Snapshot, lines: str, column: str, given: dict[str, Any]
) -> tuple[tuple[Any, Decimal], ...]:
    order = _component_order() if column == "component" else column
    found = rows(
        snapshot,
        f"{lines} select {column}, sum(stated_amount) as amount from lines"
        f" group by {column} order by {order}",
        **given,
    )
    return tuple((row[column], row["amount"]) for row in found)


def _component_order() -> str:
    """Return SQL that puts components in the order of the waterfall."""
    loaded = cost_by_model_queries.COMPONENTS["Fully loaded"]
    order = [*loaded, "unallocated", "tax", "credit", "remainder"]
    return f"list_position({order!r}, component)"


def _tie(
    snapshot: Snapshot, amount: str, facts: Provenance, given: dict[str, Any]
) -> Tie:
    row = one(
        snapshot,
        f"""
        with costs as (
            select
                coalesce(sum({amount}) filter (
                    cost_center is not distinct from $cost_center
                ), 0) as statement,
                coalesce(sum({amount}) filter (
                    cost_center is distinct from $cost_center
                ), 0) as other_statements,
                coalesce(sum({amount}), 0) as all_statements,
                coalesce(sum({amount}) filter (is_ai_cost), 0) as ai_cost,
                coalesce(sum({amount}) filter (not is_ai_cost), 0)
                    as tax_and_credits
            from cost.fct_daily_model_costs
            where billing_month = $month and currency = $currency
        ),
        bills as (
            select
                coalesce(sum({amount}) filter (step = 'out_of_scope'), 0)
                    as out_of_scope,
                coalesce(sum({amount}) filter (step = 'ledger'), 0) as ledger
            from cost.mart_cost_waterfall
            where billing_month = $month and currency = $currency
        )
        select * from costs cross join bills
        """,
        currency=facts.currency,
        **given,
    )
    return Tie(**row)
