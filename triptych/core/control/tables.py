"""dbt inputs of a run: settings, catalogue and rules as small tables.

dbt reads them as ``source('control', …)``. Rules travel as JSON and are compiled to
SQL by ``dbt_project/macros/rules.sql``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from triptych import __version__
from triptych.core.control.delivery import delivery_tables
from triptych.core.control.periods import period_tables
from triptych.core.control.platforms import platform_tables
from triptych.core.control.returns import return_tables
from triptych.core.control.rules import rule_sets
from triptych.core.warehouse.build import ControlTable, hash_of
from triptych.core.warehouse.closing_inputs import closing_inputs
from triptych.core.warehouse.locks import NO_HISTORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import PeriodHistory

#: Components that a policy may divide among models by their direct cost.
_POLICY_COMPONENTS = ("unused_commitment", "tax", "credit")
_DISTRIBUTING = frozenset({"distribute", "proportional"})


def _catalog_tables(catalog: dict[str, Any]) -> list[ControlTable]:
    """Return the people and things in the catalogue, by name."""
    return [
        ControlTable.of_texts(
            "catalog_features",
            ("feature_id", "feature_name", "team_id"),
            [(f["id"], f["name"], f["team"]) for f in catalog["features"]],
        ),
        ControlTable.of_texts(
            "catalog_teams",
            ("team_id", "team_name", "cost_center"),
            [(t["id"], t["name"], t["cost_center"]) for t in catalog["teams"]],
        ),
        ControlTable.of_texts(
            "catalog_cost_centers",
            ("cost_center", "cost_center_name"),
            [(c["id"], c["name"]) for c in catalog["cost_centers"]],
        ),
        ControlTable.of_texts(
            "catalog_outcomes",
            ("metric", "metric_name", "outcome_kind", "better"),
            [
                (o["metric"], o["name"], o["kind"], o["better"])
                for o in catalog["outcomes"]
            ],
        ),
    ]


def control_tables(
    settings: Settings,
    *,
    run_id: str,
    started_at: datetime,
    newest_load_at: datetime | None = None,
    history: PeriodHistory = NO_HISTORY,
    undecided_sources: Sequence[str] = (),
    unknown_columns: Sequence[tuple[str, str]] = (),
) -> list[ControlTable]:
    """Return every control table of a run but the months to build.

    Parameters
    ----------
    settings : Settings
        Settings, catalogue and rules.
    run_id : str
        The run's id.
    started_at : datetime
        Start of the run, with its zone.
    newest_load_at : datetime, optional
        Commit time of the newest current load, in UTC without a zone.
    history : PeriodHistory
        Locks, bookings and comments of months.
    undecided_sources : sequence of str
        Sources that count and are not configured.
    unknown_columns : sequence of tuple
        Rules, each with a column that it names and no bill has.
    """
    catalog = settings.catalog.model_dump(mode="json")
    allocation = settings.allocation.model_dump(mode="json")
    return [
        _settings_table(settings, history),
        _run_table(settings, run_id, started_at, newest_load_at),
        _models_table(catalog),
        _aliases_table(catalog),
        *_catalog_tables(catalog),
        *platform_tables(settings),
        *delivery_tables(settings),
        *return_tables(settings, history),
        _pools_table(allocation),
        _percentages_table(allocation),
        _policies_table(allocation),
        ControlTable.of_texts(
            "undecided_sources", ("source",), [(n,) for n in undecided_sources]
        ),
        ControlTable.of_texts(
            "unknown_columns", ("rule_name", "column_name"), unknown_columns
        ),
        *period_tables(history, closing_inputs(settings)),
    ]


def inputs_hash(
    settings: Settings,
    history: PeriodHistory,
    *,
    load_ids: Sequence[str],
    project: Sequence[object],
    studies: Sequence[object] = (),
) -> str:
    """Return a text that differs whenever a build would be made from something else.

    It changes with another load, another setting or rule, another lock, another study,
    or another dbt project. It leaves out differences between any two runs, comments,
    which change no figure, and the version of triptych. If it equals that of the
    published run, the published run is up to date.
    """
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    tables = control_tables(settings, run_id="", started_at=moment, history=history)
    left_out = {"run", "period_comments", "period_lock_changes", "value_validations"}
    content = {
        t.name: [list(row) for row in t.rows] for t in tables if t.name not in left_out
    }
    of_the_run = [
        *(settings.organisation, settings.currency, settings.fx.rate),
        settings.materiality_ratio,
    ]
    return hash_of(
        {
            "run": of_the_run,
            "loads": load_ids,
            "project": project,
            "plans": studies,
            **content,
        }
    )


def _settings_table(settings: Settings, history: PeriodHistory) -> ControlTable:
    rules = rule_sets(settings, history)
    rows = [(key, json.dumps(value)) for key, value in rules.items()]
    return ControlTable.of_texts("settings", ("name", "value"), rows)


def reporting_moment(
    settings: Settings, started_at: datetime, newest_load_at: datetime | None
) -> datetime | None:
    """Return the moment as of which a run judges age and completion.

    The beginning of its day, or the arrival of its newest evidence, if that is later:
    two runs of the same day over the same evidence then agree. None for a sample
    company, which ends on a fixed day and is judged as of its last day.
    """
    if settings.is_synthetic:
        return None
    day = _beginning_of_day(started_at)
    if newest_load_at is None:
        return day
    # A load of this run came after it began; a load of a future day was committed while
    # a clock was wrong.
    is_of_a_wrong_clock = newest_load_at >= day + timedelta(days=2)
    return day if is_of_a_wrong_clock else max(day, newest_load_at)


def _beginning_of_day(moment: datetime) -> datetime:
    return _naive(moment).replace(hour=0, minute=0, second=0, microsecond=0)


def _run_table(
    settings: Settings,
    run_id: str,
    started_at: datetime,
    newest_load_at: datetime | None,
) -> ControlTable:
    return ControlTable(
        "run",
        {
            "run_id": "VARCHAR",
            "organisation": "VARCHAR",
            "currency": "VARCHAR",
            "market_rate_rule": "VARCHAR",
            "is_synthetic": "BOOLEAN",
            "fiscal_year_start_month": "INTEGER",
            "materiality_ratio": "DOUBLE",
            "started_at": "TIMESTAMP",
            "started_on": "TIMESTAMP",
            "as_of": "TIMESTAMP",
            "triptych_version": "VARCHAR",
        },
        [
            (
                run_id,
                settings.organisation,
                settings.currency,
                settings.fx.rate,
                settings.is_synthetic,
                settings.fiscal_year_start_month,
                settings.materiality_ratio,
                _naive(started_at),
                _beginning_of_day(started_at),
                reporting_moment(settings, started_at, newest_load_at),
                __version__,
            )
        ],
    )


def _models_table(catalog: dict[str, Any]) -> ControlTable:
    teams = {team["id"]: team for team in catalog["teams"]}
    features = {feature["id"]: feature for feature in catalog["features"]}
    rows = []
    for model in catalog["models"]:
        feature = features.get(model["feature"] or "", {})
        team_id = model["team"] or feature.get("team")
        cost_center = teams.get(team_id or "", {}).get("cost_center")
        rows.append(
            (
                model["id"],
                model["name"] or model["id"],
                model["feature"],
                team_id,
                cost_center,
                model["valid_from"],
                model["valid_to"],
                model["latency_threshold_seconds"],
                model["minimum_requests_per_second"],
            )
        )
    return ControlTable(
        "catalog_models",
        {
            "model_id": "VARCHAR",
            "model_name": "VARCHAR",
            "feature_id": "VARCHAR",
            "team_id": "VARCHAR",
            "cost_center": "VARCHAR",
            "valid_from": "DATE",
            "valid_to": "DATE",
            "latency_threshold_seconds": "DOUBLE",
            "minimum_requests_per_second": "DOUBLE",
        },
        rows,
    )


def _aliases_table(catalog: dict[str, Any]) -> ControlTable:
    pairs = {
        (alias, model["id"])
        for model in catalog["models"]
        for alias in (model["id"], *model["aliases"])
    }
    return ControlTable.of_texts(
        "catalog_model_aliases", ("alias", "model_id"), sorted(pairs)
    )


def _pools_table(allocation: dict[str, Any]) -> ControlTable:
    rows = [
        (
            pool["name"],
            pool["driver"],
            pool["idle"],
            "overhead" if pool["kind"] == "overhead" else "shared",
            pool["team"],
            pool["idle_payer"],
            pool["allocates_only"],
        )
        for pool in allocation["pools"]
    ]
    rows += [
        (_policy_pool(component), "direct_cost", "show", component, None, None, False)
        for component in _POLICY_COMPONENTS
        if allocation["policies"][component] in _DISTRIBUTING
    ]
    texts = ("pool_id", "driver", "idle_policy", "component", "team_id", "idle_payer")
    columns = {**dict.fromkeys(texts, "VARCHAR"), "allocates_only": "BOOLEAN"}
    return ControlTable("pools", columns, rows)


def _percentages_table(allocation: dict[str, Any]) -> ControlTable:
    return ControlTable(
        "pool_percentages",
        {
            "pool_id": "VARCHAR",
            "model_id": "VARCHAR",
            "percentage": "DECIMAL(11, 8)",
        },
        [
            (pool["name"], model_id, str(percentage))
            for pool in allocation["pools"]
            for model_id, percentage in (pool["percentages"] or {}).items()
        ],
    )


def _policies_table(allocation: dict[str, Any]) -> ControlTable:
    policies = allocation["policies"]
    return ControlTable(
        "policies",
        {
            "component": "VARCHAR",
            "pool_id": "VARCHAR",
            "is_distributed": "BOOLEAN",
            "keeps_owner": "BOOLEAN",
        },
        [
            (
                component,
                _policy_pool(component),
                policies[component] in _DISTRIBUTING,
                component != "unused_commitment" or policies[component] != "show",
            )
            for component in _POLICY_COMPONENTS
        ],
    )


def _policy_pool(component: str) -> str:
    return f"__{component}__"


def _naive(moment: datetime) -> datetime:
    # DuckDB's TIMESTAMP has no zone; by convention all of ours are UTC.
    return moment.astimezone(UTC).replace(tzinfo=None)
