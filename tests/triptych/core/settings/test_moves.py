"""Placements, portability and migrations are consistent, or refused line by line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles

ALLOCATION = """\
assignments:
  - {name: moving, match: {tags: {stage: integration}}, team: ml}
"""
FULL = """\
platforms: [{id: eks, team: ml, skills: [Kubernetes]}, {id: edge}]
teams: [{id: ml}]
models: [{id: eta}]
placements:
  - {model: eta, platform: eks, valid_to: 2026-03-01}
  - {model: eta, platform: edge, valid_from: 2026-04-01}
  - {model: eta, platform: eks, stage: training}
portability:
  - {service: Amazon EC2, portability: portable, owner: ML, judged_on: 2026-01-15}
migrations:
  - id: away
    from_platforms: [eks]
    to_platforms: [edge]
    models: [eta]
    migration_from: 2026-03-01
    migration_to: 2026-04-01
    integration_rules: [moving]
"""


def test_a_move_is_read_whole(files: SettingsFiles) -> None:
    catalog = files.load(catalog=FULL, allocation=ALLOCATION).catalog
    [migration] = catalog.migrations
    assert (migration.name, migration.horizon_months) == ("away", 36)
    assert migration.migration_to == date(2026, 4, 1)
    assert [one.stage for one in catalog.placements] == [
        *("serving", "serving", "training"),
    ]
    assert catalog.platforms[0].skills == ("Kubernetes",)


def test_the_former_name_of_migrations_is_read_with_a_warning(
    files: SettingsFiles,
) -> None:
    former = FULL.replace("migrations:", "pivots:")
    settings = files.load(catalog=former, allocation=ALLOCATION)
    now = files.load(catalog=FULL, allocation=ALLOCATION)
    assert settings.catalog == now.catalog
    [warning] = [line for line in settings.warnings if "pivots" in line]
    assert warning.startswith("catalog.yml:10: `pivots` is called `migrations` now.")
    assert not any("pivots" in line for line in now.warnings)


def test_what_is_wrong_in_a_section_of_a_former_name_is_found_at_its_line(
    files: SettingsFiles,
) -> None:
    wrong = FULL.replace("migrations:", "pivots:").replace("[edge]", "[nowhere]")
    with pytest.raises(SettingsError, match=r"catalog\.yml:13: .*'nowhere'"):
        files.load(catalog=wrong, allocation=ALLOCATION)
    with pytest.raises(SettingsError, match=r"yml:18: unknown key .pivots."):
        files.load(catalog=FULL + "pivots: []\n", allocation=ALLOCATION)


@pytest.mark.parametrize(
    ("was", "is_now", "line", "told"),
    [
        (
            "valid_to: 2026-03-01",
            "valid_to: 2026-05-01",
            6,
            "two platforms on the same",
        ),
        ("model: eta, platform: edge", "model: eta, platform: nowhere", 6, "'nowhere'"),
        ("portability: portable", "portability: easy", 9, "portable_with_effort"),
        (
            "to_platforms: [edge]",
            "to_platforms: [eks]",
            13,
            "leads from 'eks' to itself",
        ),
        ("migration_to: 2026-04-01", "migration_to: 2026-03-01", 16, "not after its"),
        ("rules: [moving]", "rules: [removing]", 17, "allocation.yml does not have"),
        ("models: [eta]\n    migration", "models: [care]\n    migration", 14, "'care'"),
        ("judged_on: 2026-01-15", "judged_on: soon", 9, "not a date"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_line(
    files: SettingsFiles, was: str, is_now: str, line: int, told: str
) -> None:
    assert was in FULL
    lines = files.refused(catalog=FULL.replace(was, is_now), allocation=ALLOCATION)
    assert any(told in each and f"catalog.yml:{line}:" in each for each in lines), lines
