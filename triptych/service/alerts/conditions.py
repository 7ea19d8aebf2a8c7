"""Conditions of alerts: a query for each kind, over the public marts.

Each row of a query is an alert with a key that stays the same from run to run, so that
an alert is sent once. Names from evidence are cut and stripped of characters that
channels read as markup before they become part of a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb

from triptych.core.alert_outbox import Alert
from triptych.core.measures.compile import compile_relation
from triptych.core.measures.query import query
from triptych.service.health import STALE_SOURCES

if TYPE_CHECKING:
    from datetime import date

    from triptych.core.settings.notify import RuleSettings
    from triptych.core.warehouse.reader import Snapshot

_LONGEST_NAME = 200
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")
_NEWEST_DAY = "(SELECT max(charge_date) FROM cost.fct_daily_model_costs)"
_NEWEST_MONTH = f"strftime({_NEWEST_DAY}, '%Y-%m')"
#: Team of the newest version of a model that has begun by a day.
OWNER: Final = (
    "(SELECT arg_max_null(team_id, coalesce(valid_from, DATE '1900-01-01'))"
    " FROM core.dim_models AS models WHERE models.model_id = found.model_id"
    " AND coalesce(valid_from <= {day}, true))"
)
#: A service as a sentence names it: not "Railway Railway".
SERVICE: Final = (
    "concat_ws(' ', if(starts_with(lower(service_name), lower(provider)),"
    " NULL, provider), service_name)"
)
#: Months that do not reconcile, with the reason of each source that does not.
RED_MONTHS: Final = (
    "SELECT DISTINCT billing_month, (SELECT string_agg(source || ': ' || reason, ' '"
    " ORDER BY source) FROM cost.mart_period_reconciliation AS sources"
    " WHERE sources.state = 'not_reconciled'"
    " AND sources.billing_month = months.billing_month) AS reason"
    " FROM cost.mart_period_reconciliation AS months WHERE state = 'not_reconciled'"
)
#: Unallocated cost of services that had none in an earlier month.
_NEWLY_UNALLOCATED = compile_relation(
    query(
        "unallocated_service_cost",
        by=("source", "provider", "service_name", "resource_type", "currency"),
        labels=("suggested_rule",),
        conditions=(
            f"billing_month >= {_NEWEST_MONTH}",
            "NOT EXISTS (SELECT 1 FROM cost.mart_unallocated_causes AS earlier WHERE"
            f" earlier.billing_month < {_NEWEST_MONTH}"
            " AND earlier.source = unallocated_services.source"
            " AND earlier.provider IS NOT DISTINCT FROM unallocated_services.provider"
            " AND earlier.service_name IS NOT DISTINCT FROM"
            " unallocated_services.service_name"
            " AND earlier.resource_type IS NOT DISTINCT FROM"
            " unallocated_services.resource_type"
            " AND earlier.currency = unallocated_services.currency)",
        ),
    ),
    {"amount": "unallocated_service_cost"},
)
#: Assumption that holds where an assumption ends: its next version, or another of its
#: kind of which a single entry at a time holds. An approved assumption is followed by
#: an approved assumption only.
_SUCCESSOR = (
    "SELECT 1 FROM core.mart_assumptions AS later WHERE"
    " later.valid_from <= found.valid_to"
    " AND coalesce(later.valid_to > found.valid_to, true)"
    " AND (later.is_approved OR NOT found.is_approved)"
    " AND (later.assumption_id = found.assumption_id"
    " OR later.kind NOT IN ('integration', 'driver') AND later.kind = found.kind"
    " AND later.feature_id = found.feature_id"
    " AND later.metric IS NOT DISTINCT FROM found.metric)"
)
#: A change is a gain or harm by the plan's better direction.
_VERDICT = (
    "CASE verdict WHEN 'positive' THEN 'increase' WHEN 'negative' THEN 'decrease'"
    " WHEN 'refused' THEN 'cannot tell'"
    " ELSE replace(verdict, '_', ' ') END || CASE WHEN verdict NOT IN ('positive',"
    " 'negative') OR plan ->> '$.better' IS NULL THEN ''"
    " WHEN (verdict = 'positive') = (plan ->> '$.better' = 'higher') THEN ', a gain'"
    " ELSE ', a harm' END"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A kind of alert.

    Attributes
    ----------
    sql : str
        Rows with ``key``, ``team_id`` and all columns that ``text`` names.
    text : str
        The message, with names of columns in braces.
    otherwise : str
        The message of a row in which ``is_other`` holds.
    is_lasting : bool
        It is over once no row has its key, and a later row is a new alert; otherwise it
        is an event, which is sent once for good.
    """

    sql: str
    text: str
    otherwise: str = ""
    is_lasting: bool = False


CONDITIONS: Final[dict[str, Condition]] = {
    "anomaly": Condition(
        "SELECT concat_ws('/', series, model_id, source, service_name, currency,"
        " CAST(first_day AS VARCHAR)) AS key, coalesce(model_id, service_name, series)"
        " AS subject, excess_cost AS amount, currency, first_day, last_day,"
        " concat_ws(' of ', replace(driver, '_', ' '), driver_subject) AS cause,"
        f" {OWNER.format(day='found.last_day')} AS team_id"
        " FROM cost.mart_cost_anomalies AS found"
        " WHERE status <> 'provisional' AND excess_cost >= $min_amount"
        f" AND last_day >= {_NEWEST_DAY} - INTERVAL 14 DAY",
        "{subject} cost {amount} {currency} more than expected from {first_day} to"
        " {last_day}. Driver: {cause}. Owner: {team_id}.",
    ),
    "budget": Condition(
        "SELECT concat_ws('/', billing_month, scope_type, scope_id, currency,"
        " if(budget_amount > 0, level, 'over')) AS key,"
        " CASE scope_type WHEN 'all' THEN 'all AI' ELSE concat_ws(' ',"
        " replace(scope_type, 'cost_center', 'cost centre'), scope_id) END AS subject,"
        " billing_month, currency, actual_cost AS amount,"
        " budget_amount, rtrim(rtrim(CAST(100 * threshold AS VARCHAR), '0'), '.')"
        " AS percent, budget_amount <= 0 AS is_other,"
        " if(scope_type = 'team', scope_id, NULL) AS team_id"
        " FROM cost.mart_budget_variance, (SELECT level, CAST(level AS DECIMAL(10, 8))"
        " AS threshold, max(threshold) OVER () AS highest"
        " FROM unnest($thresholds) AS levels(level))"
        # Nothing, or less, has no part: it is passed once.
        " WHERE if(budget_amount > 0, actual_cost >= threshold * budget_amount,"
        " actual_cost > budget_amount AND threshold = highest) AND"
        f" billing_month >= strftime({_NEWEST_DAY} - INTERVAL 1 MONTH, '%Y-%m')",
        "Budget of {subject} for {billing_month}: {amount} of {budget_amount}"
        " {currency} is spent, {percent} % or more.",
        "Budget of {subject} for {billing_month} is exceeded: {amount} of"
        " {budget_amount} {currency} is spent.",
    ),
    "budget_forecast": Condition(
        "SELECT concat_ws('/', horizon, period, series, model_id, currency) AS key,"
        " coalesce(model_id, if(series = 'total', 'All AI', series)) AS subject,"
        " period, currency, outturn_cost AS amount, outturn_cost_low AS low,"
        " outturn_cost_high AS high, budget_amount,"
        f" {OWNER.format(day=_NEWEST_DAY)} AS team_id"
        " FROM cost.mart_cost_outturns AS found"
        " WHERE budget_outlook = 'will be over'",
        "{subject} will end {period} over its budget of {budget_amount} {currency}:"
        " forecast {amount}, 90 % interval {low} to {high}, all of it above"
        " (probability 95 % or more).",
    ),
    "month_red": Condition(
        "SELECT billing_month AS key, *, CAST(NULL AS VARCHAR) AS team_id"
        f" FROM ({RED_MONTHS})",
        "{billing_month} does not reconcile. {reason}",
        is_lasting=True,
    ),
    "counted_twice": Condition(
        "SELECT overlap_id AS key, vendor, billing_month, repeated_amount AS amount,"
        " currency, first_source, second_source, next_step AS command,"
        " CAST(NULL AS VARCHAR) AS team_id FROM core.mart_coverage_overlaps"
        " WHERE NOT is_settled",
        "Maybe counted twice: {amount} {currency} of {vendor} in {billing_month}, by"
        " {first_source} and by {second_source}. Settle it: {command}.",
        is_lasting=True,
    ),
    "source_stale": Condition(
        "SELECT source AS key, *, CAST(NULL AS VARCHAR) AS team_id"
        f" FROM ({STALE_SOURCES})",
        "Source {source} is older than expected: its newest evidence is of"
        " {newest_evidence_at}.",
        is_lasting=True,
    ),
    "new_unallocated_service": Condition(
        "SELECT concat_ws('/', source, provider, service_name, resource_type, currency)"
        f" AS key, concat_ws(' ', {SERVICE}, resource_type) AS subject,"
        f" {_NEWEST_MONTH} AS since, amount, currency, suggested_rule AS rule,"
        " CAST(NULL AS VARCHAR) AS team_id,"
        " EXISTS (SELECT 1 FROM cost.fct_daily_service_costs AS billed WHERE"
        " billed.source = causes.source AND billed.service_name = causes.service_name"
        " AND billed.provider IS NOT DISTINCT FROM causes.provider"
        f" AND billed.billing_month < {_NEWEST_MONTH}) AS is_other"
        f" FROM {_NEWLY_UNALLOCATED} AS causes"
        " WHERE amount >= $min_amount AND round(amount, 2) <> 0",
        "{subject} is new since {since}, and {amount} {currency} of it belong to no"
        " model. Suggested rule: {rule}",
        "{subject} is not new, but since {since} {amount} {currency} of it belong to no"
        " model. Suggested rule: {rule}",
    ),
    "commitment_lapsing": Condition(
        "SELECT concat_ws('/', commitment_id, CAST(ends_on AS VARCHAR)) AS key,"
        " commitment_name, ends_on, remaining_amount AS amount, at_risk_amount AS risk,"
        " currency, CAST(NULL AS VARCHAR) AS team_id, reason,"
        " at_risk_amount IS NULL AS is_other"
        " FROM cost.mart_commitment_burn_down WHERE is_newest"
        " AND coalesce(remaining_amount > 0, true) AND ends_on BETWEEN"
        " CAST($today AS DATE) AND CAST($today AS DATE)"
        " + to_days(CAST($within_days AS INTEGER))",
        "{commitment_name} ends on {ends_on} with {amount} {currency} unused;"
        " {risk} {currency} of it will probably lapse.",
        "{commitment_name} ends on {ends_on}. How much of it will lapse is not known:"
        " {reason}",
    ),
    "study_concluded": Condition(
        "SELECT concat_ws('/', study_id, CAST(window_end AS VARCHAR)) AS key, study_id,"
        " feature_id, grade, CAST(window_end AS DATE) - 1 AS last_day,"
        f" {_VERDICT} AS verdict,"
        " (SELECT any_value(team_id) FROM core.dim_features AS features"
        "  WHERE features.feature_id = studies.feature_id) AS team_id"
        " FROM attribution.studies WHERE verdict <> 'interim' AND window_end"
        f" BETWEEN {_NEWEST_DAY} - INTERVAL 31 DAY AND {_NEWEST_DAY}",
        "Study {study_id} of {feature_id} ended on {last_day}: {verdict}, grade"
        " {grade}.",
    ),
    "assumption_expiring": Condition(
        "SELECT concat_ws('/', assumption_id, assumption_version) AS key,"
        " assumption_id, owner, valid_to, CAST(NULL AS VARCHAR) AS team_id,"
        " NOT is_approved AS is_other"
        " FROM core.mart_assumptions AS found WHERE valid_to BETWEEN"
        " CAST($today AS DATE) AND CAST($today AS DATE)"
        " + to_days(CAST($within_days AS INTEGER))"
        f" AND NOT EXISTS ({_SUCCESSOR})",
        "Assumption {assumption_id} of {owner} is valid until {valid_to}; what it"
        " values counts in no headline after that.",
        "Assumption {assumption_id} of {owner} is valid until {valid_to}. It is not"
        " approved and counts in no headline.",
    ),
}


def find_alerts(snapshot: Snapshot, rule: RuleSettings, today: date) -> list[Alert]:
    """Return a rule's alerts on a run; none where the run lacks the mart.

    Parameters
    ----------
    snapshot : Snapshot
        The run.
    rule : RuleSettings
        Kind and options.
    today : date
        Date from which lapses and expiries are counted, UTC.
    """
    condition = CONDITIONS[rule.alert]
    given: dict[str, Any] = {
        "min_amount": rule.min_amount,
        # As texts: a level is not another because a finer level joins it.
        "thresholds": [str(level) for level in rule.thresholds],
        "within_days": rule.within_days,
        "today": today.isoformat(),
    }
    used = {name: value for name, value in given.items() if f"${name}" in condition.sql}
    try:
        rows = snapshot.query(condition.sql, used).to_pylist()
    except duckdb.CatalogException:
        return []  # published by a version that had no such mart
    return [
        Alert(
            rule.alert,
            f"{rule.alert}/{row['key']}",
            _text(condition, row).format_map({k: written(v) for k, v in row.items()}),
            row["team_id"],
        )
        for row in rows
    ]


def _text(condition: Condition, row: dict[str, Any]) -> str:
    return condition.otherwise if row.get("is_other") else condition.text


def written(value: object) -> str:
    """Return a value as a message has it: amounts with two decimals, names as text."""
    if value is None:
        return "not known"
    if isinstance(value, Decimal | float):
        return f"{value:,.2f}".removesuffix(".00")
    name = _CONTROLS.sub(" ", str(value)).replace("<", "‹").replace(">", "›")
    return name.replace("@", "(at)")[:_LONGEST_NAME]
