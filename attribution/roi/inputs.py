"""Inputs of a return, from the public marts and effect estimates.

Nothing is fitted and no settings are read: the register of assumptions is a mart, too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from attribution.roi.baseline import Costs
from attribution.roi.claims import Claim, effects_by_world
from attribution.roi.register import Assumed, Register

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from attribution.roi.worlds import Worlds

    #: Month, money, and whether its model had served by then; ``None``: no meter.
    _Cost = tuple[str, float | None, bool | None]

_TABLES: Final = """
select schema_name || '.' || table_name from duckdb_tables()
union select schema_name || '.' || view_name from duckdb_views()
"""
#: Columns are called as the fields of :class:`Assumed`.
_ASSUMPTIONS: Final = """
select assumption_id as id, assumption_version as version, kind, assumed as value, unit,
    valid_from, valid_to, assumed_low as low, assumed_high as high, feature_id, metric,
    better, takes_margin, is_cash, amortised_months as months, is_approved
from core.mart_assumptions
"""
#: ``None`` as an amount: a part of the month has none in the reporting currency.
_COSTS: Final = """
select feature_id, model_id, billing_month, cast(cost as double), has_served
from cost.mart_feature_monthly_costs order by all
"""
#: A run of an earlier version does not know which models had served.
_COSTS_OF_DAYS: Final = """
select feature_id, model_id, billing_month,
    case when count(*) = count(case when costs.currency = run.currency
            then effective_cost end)
        then cast(sum(effective_cost) as double) end, null
from cost.fct_daily_model_costs as costs
cross join core.mart_run as run
where feature_id is not null
group by feature_id, model_id, billing_month
order by all
"""
_HOURS: Final = """
select feature_id, month, booked_hours from delivery.mart_feature_hours order by all
"""
#: Columns are called as the fields of :class:`Claim`, but for the last.
_STUDIES: Final = """
select study_id, feature_id, outcome, coalesce(outcome_unit, '') as outcome_unit,
    status, coalesce(grade, 'X') as grade, coalesce(verdict, '') as verdict,
    coalesce(state, '') as state, {standing} as standing, refusal_code,
    concat_ws(':', plan_hash, data_hash) as evidence, launch_date as first_day,
    window_end as "end", plan
from estimates.attribution_studies order by study_id
"""
#: A plan's name of the good direction → a conversion's name of it.
_BETTER: Final = {"higher": "more", "lower": "less", None: None}
_DRAWS: Final = """
select effect_month, draw, effect from estimates.attribution_monthly_draws
where study_id = ? order by effect_month, draw
"""
_UNITS: Final = """
select unit from estimates.attribution_study_units where study_id = ?
"""
#: The order of rows is not defined: their hashes are added.
_UNIT_HASHES: Final = """
select study_id, count(*), sum(hash(unit)::hugeint % 1000000007)
from estimates.attribution_study_units group by study_id order by study_id
"""


@dataclass(frozen=True, eq=False, slots=True)
class Inputs:
    """Everything that returns are made of.

    Attributes
    ----------
    costs, model_costs : mapping
        By feature, and by feature and model.
    claims : mapping of str to sequence of Claim
        By feature.
    complete_until : str or None
        The last month that every source has delivered whole; ``None``: not known.
    """

    features: tuple[str, ...]
    register: Register
    costs: Mapping[str, Costs]
    model_costs: Mapping[tuple[str, str], Costs]
    claims: Mapping[str, Sequence[Claim]]
    complete_until: str | None = None


def read_inputs(connection: duckdb.DuckDBPyConnection, worlds: Worlds) -> Inputs:
    """Read the inputs of returns.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database after the first half of a build and after attribution.
    worlds : Worlds
        Decide which draw of a study falls into which world.
    """
    costs, model_costs = _costs(connection)
    claims = _claims(connection, worlds)
    declared = [one for (one,) in _rows(connection, _FEATURES)]
    features = tuple(sorted({*declared, *claims, *costs}))
    register = Register(Assumed(**row) for row in _records(connection, _ASSUMPTIONS))
    return Inputs(
        features, register, costs, model_costs, claims, _complete_until(connection)
    )


def _complete_until(connection: duckdb.DuckDBPyConnection) -> str | None:
    if not _has(connection, "core.mart_month_completeness"):
        return None
    [(month,)] = _rows(connection, _COMPLETE)
    return None if month is None else str(month)


_COMPLETE: Final = """
select max(billing_month) from (
    select billing_month from core.mart_month_completeness
    group by billing_month having bool_and(is_complete)
) as complete
"""
_FEATURES: Final = "select feature_id from core.dim_features"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def _records(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _has(connection: duckdb.DuckDBPyConnection, *tables: str) -> bool:
    return set(tables) <= {name for (name,) in _rows(connection, _TABLES)}


def _costs(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[dict[str, Costs], dict[tuple[str, str], Costs]]:
    hours: dict[str, dict[str, float | None]] = {}
    if _has(connection, "delivery.mart_feature_hours"):
        for feature, month, booked in _rows(connection, _HOURS):
            hours.setdefault(feature, {})[month] = booked
    of_feature: dict[str, list[_Cost]] = {}
    of_model: dict[tuple[str, str], list[_Cost]] = {}
    for feature, model, *cost in _rows(connection, _costs_sql(connection)):
        of_feature.setdefault(feature, []).append(tuple(cost))
        if model is not None:
            of_model.setdefault((feature, model), []).append(tuple(cost))
    return (
        {
            name: _of_rows(rows, hours.get(name, {}))
            for name, rows in of_feature.items()
        },
        {key: _of_rows(rows, {}) for key, rows in of_model.items()},
    )


def _costs_sql(connection: duckdb.DuckDBPyConnection) -> str:
    is_known = _has(connection, "cost.mart_feature_monthly_costs")
    return _COSTS if is_known else _COSTS_OF_DAYS


def _of_rows(rows: Sequence[_Cost], hours: Mapping[str, float | None]) -> Costs:
    """Return costs of rows of month, money and whether the model had served by then."""
    return Costs(
        _summed(rows),
        {month: booked for month, booked in hours.items() if booked is not None},
        has_hidden_hours=None in hours.values(),
        served=_summed([row for row in rows if row[2]]),
        unmetered=_summed([row for row in rows if row[2] is None]),
    )


def _summed(rows: Sequence[_Cost]) -> dict[str, float | None]:
    """Return money by month; ``None`` where a part of it is not known."""
    months: dict[str, float | None] = {}
    for month, amount, _ in rows:
        before = months.get(month, 0.0)
        is_unknown = amount is None or before is None
        months[month] = None if is_unknown else before + amount
    return months


def _claims(
    connection: duckdb.DuckDBPyConnection, worlds: Worlds
) -> dict[str, list[Claim]]:
    needed = ("estimates.attribution_studies", "estimates.attribution_monthly_draws")
    if not _has(connection, *needed):
        return {}
    claims: dict[str, list[Claim]] = {}
    for row in _records(connection, _studies_sql(connection)):
        claim = _claim(connection, worlds, row)
        claims.setdefault(claim.feature_id, []).append(claim)
    return claims


def _studies_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the query for studies; runs before the ledger have no standing."""
    found = connection.execute("select * from estimates.attribution_studies limit 0")
    names = {column[0] for column in found.description}
    known = "coalesce(standing, '')" if "standing" in names else "''"
    return _STUDIES.format(standing=known)


def _claim(
    connection: duckdb.DuckDBPyConnection, worlds: Worlds, row: dict[str, Any]
) -> Claim:
    plan = json.loads(row.pop("plan") or "{}")
    draws = connection.execute(_DRAWS, [row["study_id"]]).fetchall()
    months, effects = effects_by_world(draws, worlds, row["study_id"])
    return Claim(
        **row,
        months=months,
        effects=effects,
        units=_units(connection, row["study_id"], plan),
        better=_BETTER.get(plan.get("better")),
    )


def _units(
    connection: duckdb.DuckDBPyConnection, study_id: str, plan: Mapping[str, Any]
) -> frozenset[str]:
    """Return the treated units: as estimated, or as planned."""
    if _has(connection, "estimates.attribution_study_units"):
        rows = connection.execute(_UNITS, [study_id]).fetchall()
        if rows:
            return frozenset(unit for (unit,) in rows)
    return frozenset(plan.get("treated") or plan.get("rollout") or ())


def digest_of(connection: duckdb.DuckDBPyConnection, *, version: object) -> str:
    """Return a text that differs whenever a return would be made of something else."""
    content = [_rows(connection, f"select * from ({sql}) order by all") for sql in (
        _ASSUMPTIONS, _costs_sql(connection), _FEATURES,
        "select currency from core.mart_run",
    )]  # fmt: skip
    content.append([(_complete_until(connection),)])
    if _has(connection, "delivery.mart_feature_hours"):
        content.append(_rows(connection, _HOURS))
    if _has(connection, "estimates.attribution_studies"):
        content.append(_rows(connection, _studies_sql(connection)))
        if _has(connection, "estimates.attribution_study_units"):
            content.append(_rows(connection, _UNIT_HASHES))
        content.append(
            _rows(
                connection,
                # The order of rows is not defined: their hashes are added.
                "select study_id, count(*), sum(hash(t)::hugeint % 1000000007)"
                " from estimates.attribution_monthly_draws as t group by study_id"
                " order by study_id",
            )
        )
    text = json.dumps([version, content], default=str)
    return hashlib.sha256(text.encode()).hexdigest()
