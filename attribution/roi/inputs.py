"""What a return starts from, read from the public marts and the estimates of effects.

Nothing is fitted and no settings are read: the register of assumptions is a mart, too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from attribution.roi.claims import Claim, effects_by_world
from attribution.roi.register import Assumed, Register
from attribution.roi.valuing import Costs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from attribution.roi.worlds import Worlds

_TABLES: Final = "select schema_name || '.' || table_name from duckdb_tables()"
_ASSUMPTIONS: Final = """
select assumption_id, assumption_version, kind, assumed, unit, valid_from, assumed_low,
    assumed_high, feature_id, metric, better, takes_margin, is_cash, amortised_months,
    is_approved, owner, approved_by, valid_to
from core.mart_assumptions
"""
#: A row without an amount in the reporting currency makes its month unknown.
_COSTS: Final = """
select feature_id, model_id, billing_month,
    case when count(*) = count(case when costs.currency = run.currency
            then effective_cost end)
        then cast(sum(effective_cost) as double) end
from cost.fct_daily_model_costs as costs
cross join core.mart_run as run
where feature_id is not null
group by feature_id, model_id, billing_month
order by all
"""
_HOURS: Final = """
select feature_id, month, booked_hours from delivery.mart_feature_hours order by all
"""
_STUDIES: Final = """
select study_id, feature_id, outcome, outcome_unit, status, grade, verdict, state,
    refusal_code, refusal_message, launch_date, plan, plan_hash, data_hash
from estimates.attribution_studies order by study_id
"""
#: What a plan calls the good direction → what a conversion calls it.
_BETTER: Final = {"higher": "more", "lower": "less"}
_DRAWS: Final = """
select effect_month, draw, effect from estimates.attribution_monthly_draws
where study_id = ? order by effect_month, draw
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
    """

    currency: str
    features: tuple[str, ...]
    register: Register
    costs: Mapping[str, Costs]
    model_costs: Mapping[tuple[str, str], Costs]
    claims: Mapping[str, Sequence[Claim]]


def read_inputs(connection: duckdb.DuckDBPyConnection, worlds: Worlds) -> Inputs:
    """Read what returns start from.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database after the first half of a build and after attribution.
    worlds : Worlds
        Decide which draw of a study falls into which world.
    """
    (currency,) = _rows(connection, "select currency from core.mart_run")[0]
    costs, model_costs = _costs(connection)
    claims = _claims(connection, worlds)
    declared = [one for (one,) in _rows(connection, _FEATURES)]
    features = tuple(sorted({*declared, *claims, *costs}))
    register = Register(_assumed(row) for row in _rows(connection, _ASSUMPTIONS))
    return Inputs(currency, features, register, costs, model_costs, claims)


_FEATURES: Final = "select feature_id from core.dim_features"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def _has(connection: duckdb.DuckDBPyConnection, *tables: str) -> bool:
    return set(tables) <= {name for (name,) in _rows(connection, _TABLES)}


def _assumed(row: tuple[Any, ...]) -> Assumed:
    (id_, version, kind, value, unit, since, low, high, feature, metric, better) = row[
        :11
    ]
    margin, cash, months, approved, owner, approver, until = row[11:]
    return Assumed(
        id_,
        version,
        kind,
        value,
        unit,
        since,
        low=low,
        high=high,
        feature_id=feature,
        metric=metric,
        better=better,
        takes_margin=bool(margin),
        is_cash=cash,
        months=months,
        is_approved=approved,
        owner=owner,
        approved_by=approver,
        valid_to=until,
    )


def _costs(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[dict[str, Costs], dict[tuple[str, str], Costs]]:
    hours: dict[str, dict[str, float]] = {}
    if _has(connection, "delivery.mart_feature_hours"):
        for feature, month, booked in _rows(connection, _HOURS):
            hours.setdefault(feature, {})[month] = booked
    of_feature: dict[str, dict[str, float | None]] = {}
    of_model: dict[tuple[str, str], dict[str, float | None]] = {}
    for feature, model, month, amount in _rows(connection, _COSTS):
        months = of_feature.setdefault(feature, {})
        before = months.get(month, 0.0)
        unknown = amount is None or before is None
        months[month] = None if unknown else before + amount
        if model is not None:
            of_model.setdefault((feature, model), {})[month] = amount
    return (
        {name: Costs(by, hours.get(name, {})) for name, by in of_feature.items()},
        {key: Costs(by, {}) for key, by in of_model.items()},
    )


def _claims(
    connection: duckdb.DuckDBPyConnection, worlds: Worlds
) -> dict[str, list[Claim]]:
    needed = ("estimates.attribution_studies", "estimates.attribution_monthly_draws")
    if not _has(connection, *needed):
        return {}
    found: dict[str, list[Claim]] = {}
    for row in _rows(connection, _STUDIES):
        claim = _claim(connection, worlds, row)
        found.setdefault(claim.feature_id, []).append(claim)
    return found


def _claim(
    connection: duckdb.DuckDBPyConnection, worlds: Worlds, row: tuple[Any, ...]
) -> Claim:
    (study, feature, outcome, unit, status, grade, verdict, state, code, message) = row[
        :10
    ]
    launch, plan, plan_hash, data_hash = row[10:]
    draws = connection.execute(_DRAWS, [study]).fetchall()
    months, effects = effects_by_world(draws, worlds, study)
    declared = json.loads(plan) if plan else {}
    return Claim(
        study,
        feature,
        outcome,
        outcome_unit=unit or "",
        grade=grade or "X",
        status=status,
        verdict=verdict or "",
        state=state or "",
        refusal_code=code,
        refusal_message=message,
        launch_month=None if launch is None else f"{launch:%Y-%m}",
        months=months,
        effects=effects,
        units=frozenset(declared.get("treated") or declared.get("rollout") or ()),
        better=_BETTER.get(declared.get("better", "")),
        evidence=f"{plan_hash}:{data_hash}",
    )


def digest_of(connection: duckdb.DuckDBPyConnection, *, version: object) -> str:
    """Return a text that differs whenever a return would be made of something else."""
    content = [_rows(connection, f"select * from ({sql}) order by all") for sql in (
        _ASSUMPTIONS, _COSTS, _FEATURES, "select currency from core.mart_run",
    )]  # fmt: skip
    if _has(connection, "delivery.mart_feature_hours"):
        content.append(_rows(connection, _HOURS))
    if _has(connection, "estimates.attribution_studies"):
        content.append(_rows(connection, _STUDIES))
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


__all__ = ["Inputs", "digest_of", "read_inputs"]
