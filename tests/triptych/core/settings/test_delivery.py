"""What is production and whose a name is, or the line that says otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from triptych.core.control.tables import control_tables

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles

HEAD = "organisation: Example\ncurrency: EUR\n"
MODELS = "models: [{id: eta}, {id: vision}]\nteams: [{id: ml}]\n"


def test_without_a_word_production_has_its_usual_names(files: SettingsFiles) -> None:
    delivery = files.load().delivery

    assert delivery.production_environments == ("production", "prod", "live")
    assert delivery.production_aliases == ("production", "champion")
    assert delivery.time_zone == "UTC"
    assert (delivery.maturity_days, delivery.incident_window_hours) == (7, 24)


def test_names_are_told_to_the_models_in_lower_case(files: SettingsFiles) -> None:
    settings = files.load(
        triptych=HEAD + "delivery: {production_environments: [Prod-EU, prod-eu, EU]}\n",
        catalog=MODELS
        + "identities:\n"
        + "  - {service: ETA-API, model: eta, source: github, valid_from: 2026-02-01}\n"
        + "  - {project: Vision, team: ml}\n",
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    tables = {
        table.name: list(table.rows)
        for table in control_tables(settings, run_id="r", started_at=moment)
    }

    assert tables["production_environments"] == [("eu",), ("prod-eu",)]
    assert tables["identities"] == [
        ("service", "eta-api", "github", "eta", None, None, date(2026, 2, 1), None),
        ("project", "vision", None, None, None, "ml", None, None),
    ]


def test_a_name_may_move_to_another_model_on_a_day(files: SettingsFiles) -> None:
    moved = (
        "identities:\n"
        "  - {service: api, model: eta, valid_to: 2026-03-01}\n"
        "  - {service: api, model: vision, valid_from: 2026-03-01}\n"
    )
    assert len(files.load(catalog=MODELS + moved).catalog.identities) == 2


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (
            "{service: api, repository: a/b, model: eta}",
            "catalog.yml:4: an identity names exactly one of registered_model, service,"
            " repository, project; this one names service, repository.",
        ),
        ("{model: eta}", "catalog.yml:4: an identity names exactly one of"),
        ("{service: api}", "catalog.yml:4: an identity says whose it is: model,"),
        (
            "{cluster: gpu-eu, service: api, model: eta}",
            "catalog.yml:4: unknown key 'cluster'",
        ),
        (
            "{service: api, model: etta}",
            "catalog.yml:4: service 'api' names model 'etta'; known models: eta,",
        ),
        (
            "{service: api, model: eta, valid_from: 2026-02-01, valid_to: 2026-02-01}",
            "catalog.yml:4: this identity is valid to 2026-02-01, which is not after",
        ),
        (
            "{service: api, model: eta}\n  - {service: API, model: vision}",
            "catalog.yml:5: service 'api' is mapped twice for the same days;",
        ),
    ],
)
def test_an_identity_that_does_not_fit_is_named_with_its_line(
    files: SettingsFiles, identity: str, expected: str
) -> None:
    lines = files.refused(catalog=f"{MODELS}identities:\n  - {identity}\n")

    assert len(lines) == 1
    assert lines[0].startswith(expected)


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        ("{time_zone: Mars/Olympus}", "'Mars/Olympus' is no time zone;"),
        ("{smallest_group: 4}", "5"),
        ("{maturity_days: 0}", "1"),
        ("{loaded_hourly_rates: [{amount: 0}]}", "0"),
        (
            "{loaded_hourly_rates: [{amount: 9}, {amount: 8, valid_from: 2026-01-01}]}",
            "all teams has two rates for a day",
        ),
        (
            "{loaded_hourly_rates: [{amount: 9, team: ml, valid_from: 2026-02-01,"
            " valid_to: 2026-01-01}]}",
            "the rate ends before it starts",
        ),
    ],
)
def test_rules_that_cannot_hold_are_refused(
    files: SettingsFiles, delivery: str, expected: str
) -> None:
    (line,) = files.refused(triptych=f"{HEAD}delivery: {delivery}\n")

    assert line.startswith("triptych.yml:3: ")
    assert expected in line
