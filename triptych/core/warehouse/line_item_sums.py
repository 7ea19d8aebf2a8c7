"""Money worked out from line items alone, with none of the models that add it up.

The line items of a figure are known where nothing of it was divided: the ledger and its
steps, direct assignments, the input of a pool, and any whole that division leaves as it
is. They are added up with all their digits and converted once per day, owner and rule,
as the ledger does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triptych.core.warehouse.figures import Condition, Figure
    from triptych.core.warehouse.reader import Snapshot

#: Dimensions that allocation preserves: a sum by these is the same before and after.
_CONSERVED = frozenset(
    {"billing_month", "source", "currency", "charge_date", "provider", "platform_id"}
    | {"lifecycle_stage"}
)
_OF_AN_OWNER = _CONSERVED | {"model_id", "component", "assignment_method"}
_UNDIVIDED_STEPS = frozenset(
    {"ledger", "out_of_scope", "tax", "credit", "direct", "unused_commitment"}
)
_AMOUNTS = {"billed_cost", "effective_cost"}
#: Attributes of a charge from long rules: as a condition on the view, they would be
#: written out for each source, and planning would take far longer than adding up.
BY_LONG_RULES = ("pool_id", "lifecycle_stage", "assignment_method")
#: Half a unit of the tenth decimal, twice: each side was rounded on its own.
_ROUNDING = Decimal("1e-10")
_TENTHS = "decimal(28, 10)"
_SUMS = """
WITH items AS MATERIALIZED (
  SELECT billing_month, source, charge_date, date_trunc('hour', charge_period_start) AS
    hour, provider, platform_id, component, model_id, feature_id, team_id, pool_id,
    lifecycle_stage, assignment_method, rule_name, service_name, billing_currency,
    {amount} AS amount
  FROM line_items WHERE {on_view}
),
grouped AS (
  SELECT billing_month, billing_currency, CAST(sum(amount) AS {tenths}) AS amount,
    count(*) AS item_count
  FROM items WHERE {on_rows}
  GROUP BY billing_month, source, charge_date, {hour} provider, platform_id, component,
    model_id, feature_id, team_id, pool_id, lifecycle_stage, assignment_method,
    rule_name, service_name, billing_currency
),
converted AS (
  SELECT grouped.*, rates.rate,
    CASE WHEN rates.rate >= 100 THEN CAST(
        CAST(amount AS decimal(22, 10)) * CAST(rate AS decimal(15, 8)) AS {tenths})
      WHEN rates.rate < 0.001 THEN CAST(
        CAST(amount AS decimal(22, 10)) * CAST(rate AS decimal(15, 15)) AS {tenths})
      ELSE CAST(
        CAST(amount AS decimal(22, 10)) * CAST(rate AS decimal(15, 12)) AS {tenths})
    END AS reported
  FROM grouped LEFT JOIN published.cost.mart_exchange_rates AS rates
    ON rates.billing_month = grouped.billing_month
    AND rates.from_currency = grouped.billing_currency
    AND rates.to_currency = $reporting
),
exact AS (
  SELECT billing_currency, CAST(sum(amount) AS {tenths}) AS amount
  FROM items WHERE {on_rows} GROUP BY billing_currency
)
SELECT billing_currency, any_value(exact.amount) AS unconverted,
  sum(reported) FILTER (rate IS NOT NULL) AS reported,
  CAST(sum(item_count) AS bigint) AS item_count, count(*) AS group_count,
  bool_or(rate IS NULL) AND billing_currency <> $reporting AS lacks_rate,
  CAST(sum(converted.amount) FILTER (rate IS NULL) AS {tenths}) AS without_rate
FROM converted JOIN exact USING (billing_currency)
GROUP BY billing_currency ORDER BY billing_currency
"""
_PRODUCT = "CAST(amount AS decimal(22, 10)) * CAST(rate AS decimal(15, {digits}))"
_CONVERTED = f"""
SELECT cells.* EXCLUDE (currency, amount),
  coalesce(to_currency, currency) AS currency,
  CASE WHEN rate IS NULL THEN amount
    WHEN rate >= 100 THEN {_PRODUCT.format(digits=8)}
    WHEN rate < 0.001 THEN {_PRODUCT.format(digits=15)}
    ELSE {_PRODUCT.format(digits=12)} END AS amount
FROM {{cells}} AS cells
LEFT JOIN (
  SELECT DISTINCT billing_month, from_currency, to_currency, rate
  FROM published.cost.mart_exchange_rates
  WHERE to_currency = (SELECT currency FROM published.core.mart_run)
    AND rate IS NOT NULL
) AS rates
  ON cells.billing_month = rates.billing_month AND cells.currency = rates.from_currency
"""


@dataclass(frozen=True, slots=True)
class LineItems:
    """Line items of a figure, and the choice of their amounts."""

    amount: str
    conditions: tuple[Condition, ...]
    components: tuple[str, ...] = ()
    without: str = ""

    def where(self) -> tuple[str, str, dict[str, list[str]]]:
        """Return conditions on the view, those on its rows, and their parameters."""
        on_view, on_rows = ["true"], ["true"]
        parameters: dict[str, list[str]] = {}
        for position, condition in enumerate(self.conditions):
            text, given = condition.sql(f'"{condition.column}"', f"p{position}")
            (on_rows if condition.column in BY_LONG_RULES else on_view).append(text)
            parameters |= given
        if self.components:
            on_rows.append("list_contains($components, component)")
            parameters["components"] = list(self.components)
        elif self.without:
            on_rows.append(f"component <> '{self.without}'")
        return " AND ".join(on_view), " AND ".join(on_rows), parameters


@dataclass(frozen=True, slots=True)
class LineItemSum:
    """The line items of a figure, added up.

    ``total`` is in the figure's currency; ``tolerance`` is the possible effect of
    rounding at ten decimals on two ways.
    """

    total: Decimal
    item_count: int
    tolerance: Decimal
    currencies: tuple[str, ...]
    lacking_rate: tuple[str, ...]


def line_items_of(figure: Figure) -> LineItems | None:
    """Return the line items that a figure is the sum of; ``None`` if it is no such sum.

    Only the address itself decides, never the contents of the mart.
    """
    names = {condition.column for condition in figure.conditions}
    match figure.mart:
        case "cost.fct_daily_model_costs" if figure.column in _AMOUNTS:
            return _of_model_costs(figure, names)
        case "cost.mart_cost_waterfall" if figure.column in _AMOUNTS:
            return _of_waterfall(figure)
        case "cost.fct_daily_pool_costs" if figure.column.startswith("pool_"):
            return _of_pool(figure, names)
        case "cost.mart_model_unit_costs" if figure.column == "direct_cost":
            return LineItems("effective_cost", _kept(figure), ("direct",))
    return None


def _of_model_costs(figure: Figure, names: set[str]) -> LineItems | None:
    if names <= _CONSERVED:
        return LineItems(figure.column, _kept(figure), without="out_of_scope")
    component = figure.condition("component")
    is_direct = component is not None and component.values == ("direct",)
    if is_direct and names <= _OF_AN_OWNER:
        return LineItems(figure.column, _kept(figure, "component"), ("direct",))
    return None


def _of_waterfall(figure: Figure) -> LineItems | None:
    step = figure.condition("step")
    if step is None or not set(step.values) <= _UNDIVIDED_STEPS:
        return None
    if "ledger" in step.values:
        return LineItems(figure.column, _kept(figure, "step"))
    return LineItems(figure.column, _kept(figure, "step"), step.values)


def _of_pool(figure: Figure, names: set[str]) -> LineItems | None:
    pool = figure.condition("pool_id")
    # Money that a policy distributes is a pool too, under a name that no charge has.
    is_declared = pool is not None and not any(
        value.startswith("__") or value in {"", "*"} for value in pool.values
    )
    allowed = {"billing_month", "source", "currency", "charge_date", "pool_id"}
    if not is_declared or not names <= allowed:
        return None
    amount = figure.column.removeprefix("pool_")
    return LineItems(amount, _kept(figure), ("shared",))


def _kept(figure: Figure, *dropped: str) -> tuple[Condition, ...]:
    return tuple(
        condition
        for condition in figure.conditions
        if condition.column not in {"currency", *dropped}
    )


def are_divided(snapshot: Snapshot, items: LineItems) -> bool:
    """Check if a billed amount has parts of purchases, divided among users.

    A purchase of a commitment that no rule gives to anybody is the billed cost of those
    who used it. The whole bill, its tax and its credits have none of that.
    """
    is_whole = not items.components and not items.without
    if items.amount != "billed_cost" or is_whole:
        return False
    if items.components and set(items.components) <= {"tax", "credit"}:
        return False
    bill = {"billing_month", "source"}
    kept = tuple(one for one in items.conditions if one.column in bill)
    where, _, given = LineItems(items.amount, kept).where()
    [row] = snapshot.query_line_items(
        "SELECT bool_or(component IN ('unallocated', 'out_of_scope')"
        " AND effective_cost = 0) AS is_divided"
        f" FROM line_items WHERE {where} AND charge_category = 'Purchase'"
        " AND billed_cost <> 0",
        given,
    ).to_pylist()
    return bool(row["is_divided"])


def converted(cells: str) -> str:
    """Return the SQL of sums of line items in the reporting currency.

    Parameters
    ----------
    cells : str
        Rows with ``billing_month``, ``currency`` and ``amount``. Those of a month and
        currency without a rate stay as they are.
    """
    return _CONVERTED.format(cells=cells)


def add_up(
    snapshot: Snapshot, items: LineItems, *, currency: str, reporting: str
) -> LineItemSum:
    """Add up line items, in ``currency``.

    Parameters
    ----------
    snapshot : Snapshot
        The run.
    items : LineItems
        Line items to add up.
    currency, reporting : str
        Of the figure, and of the workspace. Charges in another currency are in a figure
        of the reporting currency by the rate of their month, if there is any.

    Raises
    ------
    LineItemsOutOfReachError
        The evidence lies in a bucket or was changed.
    """
    on_view, on_rows, given = items.where()
    sql = _SUMS.format(
        amount=items.amount,
        on_view=on_view,
        on_rows=on_rows,
        tenths=_TENTHS,
        hour="hour," if "shared" in items.components else "",
    )
    rows = snapshot.query_line_items(sql, {**given, "reporting": reporting}).to_pylist()
    total, count, groups = Decimal(0), 0, 0
    for row in rows:
        amount = _in_currency(row, currency, reporting)
        if amount is not None:
            total += amount
            count += row["item_count"]
            groups += row["group_count"]
    return LineItemSum(
        total,
        count,
        _ROUNDING * (groups + 1),
        tuple(row["billing_currency"] for row in rows),
        tuple(row["billing_currency"] for row in rows if row["lacks_rate"]),
    )


def _in_currency(
    row: dict[str, object], currency: str, reporting: str
) -> Decimal | None:
    own = row["billing_currency"]
    if own == currency == reporting:
        amount = row["unconverted"]
    elif currency == reporting:
        amount = row["reported"]
    else:
        amount = row["without_rate"] if own == currency else None
    return amount if isinstance(amount, Decimal) else None
