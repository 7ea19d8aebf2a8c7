"""dbt inputs on platforms: workload placement, movable and moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.warehouse.build import ControlTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from triptych.core.settings import Settings
    from triptych.core.settings.controls import PlatformControl
    from triptych.core.settings.moves import Migration


def platform_tables(settings: Settings) -> list[ControlTable]:
    """Return the control tables that the scorecard of platforms reads.

    Names of services stand in lower case, as they are compared.
    """
    catalog = settings.catalog
    names = ("platform_id", "platform_name", "platform_kind", "team_id")
    return [
        ControlTable(
            "catalog_platforms",
            {
                **dict.fromkeys((*names, "required_skills"), "VARCHAR"),
                "required_skill_count": "INTEGER",
            },
            [
                (
                    *(platform.id, platform.name, platform.kind, platform.team),
                    *(", ".join(platform.skills) or None, len(platform.skills) or None),
                )
                for platform in catalog.platforms
            ],
        ),
        ControlTable(
            "platform_placements",
            {
                **dict.fromkeys(("model_id", "platform_id", "stage"), "VARCHAR"),
                "valid_from": "DATE",
                "valid_to": "DATE",
            },
            [
                (
                    placement.model,
                    placement.platform,
                    placement.stage,
                    placement.valid_from,
                    placement.valid_to,
                )
                for placement in catalog.placements
            ],
        ),
        ControlTable(
            "service_portability",
            {
                **dict.fromkeys(("service_name", "portability", "owner"), "VARCHAR"),
                "judged_on": "DATE",
            },
            [
                (one.service.lower(), one.portability, one.owner, one.judged_on)
                for one in catalog.portability
            ],
        ),
        _controls_table(catalog.controls),
        *_migration_tables(catalog.migrations),
    ]


def _controls_table(controls: tuple[PlatformControl, ...]) -> ControlTable:
    texts = ("platform_id", "control", "detail", "source")
    return ControlTable(
        "platform_controls",
        {
            **dict.fromkeys(texts, "VARCHAR"),
            "holds": "BOOLEAN",
            "evidenced_on": "DATE",
            "expires_on": "DATE",
        },
        [
            (
                *(entry.platform, entry.control, entry.detail, entry.source),
                *(entry.holds, entry.evidenced_on, entry.expires_on),
            )
            for entry in controls
        ],
    )


def _migration_tables(migrations: tuple[Migration, ...]) -> Iterable[ControlTable]:
    yield ControlTable(
        "migrations",
        {
            **dict.fromkeys(("migration_id", "migration_name"), "VARCHAR"),
            "migration_from": "DATE",
            "migration_to": "DATE",
            "horizon_months": "INTEGER",
        },
        [
            (p.id, p.name, p.migration_from, p.migration_to, p.horizon_months)
            for p in migrations
        ],
    )
    sides = [(p.id, name, "from") for p in migrations for name in p.from_platforms]
    sides += [(p.id, name, "to") for p in migrations for name in p.to_platforms]
    yield _texts("migration_platforms", ("migration_id", "platform_id", "side"), sides)
    models = [(p.id, name) for p in migrations for name in p.models]
    yield _texts("migration_models", ("migration_id", "model_id"), models)
    rules = [(p.id, name) for p in migrations for name in p.integration_rules]
    yield _texts("migration_integration_rules", ("migration_id", "rule_name"), rules)


def _texts(
    name: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> ControlTable:
    return ControlTable(name, dict.fromkeys(columns, "VARCHAR"), rows)
