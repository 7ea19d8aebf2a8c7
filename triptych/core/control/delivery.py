"""dbt inputs on delivery: owners of names, and production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.warehouse.build import ControlTable

if TYPE_CHECKING:
    from triptych.core.settings import Settings


def delivery_tables(settings: Settings) -> list[ControlTable]:
    """Return the control tables that the delivery metrics read.

    ``delivery_rules`` has a single row. Names are in lower case, as they are compared.
    """
    return [
        _rules(settings),
        _names("production_environments", settings.delivery.production_environments),
        _names("production_aliases", settings.delivery.production_aliases),
        _identities(settings),
        _hourly_rates(settings),
    ]


def _rules(settings: Settings) -> ControlTable:
    rules = settings.delivery
    return ControlTable(
        "delivery_rules",
        {
            "time_zone": "VARCHAR",
            "maturity_days": "INTEGER",
            "incident_window_hours": "INTEGER",
            "smallest_group": "INTEGER",
        },
        [
            (
                rules.time_zone,
                rules.maturity_days,
                rules.incident_window_hours,
                rules.smallest_group,
            )
        ],
    )


def _names(table: str, names: tuple[str, ...]) -> ControlTable:
    rows = [(name,) for name in sorted({name.lower() for name in names})]
    return ControlTable(table, {"name": "VARCHAR"}, rows)


def _identities(settings: Settings) -> ControlTable:
    texts = ("kind", "name", "source", "model_id", "feature_id", "team_id")
    return ControlTable(
        "identities",
        {
            **dict.fromkeys(texts, "VARCHAR"),
            "valid_from": "DATE",
            "valid_to": "DATE",
        },
        [
            (
                identity.kind,
                identity.named,
                identity.source,
                identity.model,
                identity.feature,
                identity.team,
                identity.valid_from,
                identity.valid_to,
            )
            for identity in settings.catalog.identities
        ],
    )


def _hourly_rates(settings: Settings) -> ControlTable:
    return ControlTable(
        "loaded_hourly_rates",
        {
            "team_id": "VARCHAR",
            "loaded_hourly_rate_amount": "DECIMAL(12, 4)",
            "valid_from": "DATE",
            "valid_to": "DATE",
        },
        [
            (rate.team, rate.amount, rate.valid_from, rate.valid_to)
            for rate in settings.delivery.loaded_hourly_rates
        ],
    )
