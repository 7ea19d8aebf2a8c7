"""Draws that the register fixes, and exports of platforms that it keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from attribution.causal.random_assignment import drawn_arms, list_hash
from attribution.studies.declared import declared_studies
from attribution.studies.platform_exports import record_export
from attribution.studies.register import Entry, StudyRegister
from attribution.studies.sealed_draws import sealed_arms
from tests.attribution.studies_for_tests import plan_of
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attribution import Plan
    from attribution.causal.random_assignment import Draw

EARLY = datetime(2023, 12, 1, tzinfo=UTC)
UNITS = tuple(f"team-{number}" for number in range(8))
EXPORT = """user_id,timestamp,experiment_id,variation_id
u1,2024-01-09T08:00:00Z,copilot,1
u2,2024-01-09T09:00:00Z,copilot,0
u3,2024-01-09T09:00:00Z,another,1
u1,2024-01-10T08:00:00Z,copilot,1
"""


def trial(name: str = "trial", **assignment: Any) -> Plan:
    declared = {"column": "arm", "unit": "team"} | assignment
    return plan_of(30, 8, id=name, assignment=declared)


def lock(register: StudyRegister, plan: Plan, at: datetime = EARLY) -> Entry:
    entry = register.register(plan, by="Ada", at=at)
    assert isinstance(entry, Entry)
    return entry


def draw_of(register: StudyRegister, plan: Plan) -> Draw | None:
    entries = register.entries()
    studies = declared_studies([plan], entries)
    return next(one.draw for one in studies if one.plan.id == plan.id)


def test_the_entry_decides_the_arms_and_nobody_knows_it_before(tmp_path: Path) -> None:
    first = StudyRegister(tmp_path / "first.jsonl")
    second = StudyRegister(tmp_path / "second.jsonl")
    entries = [lock(each, trial(units=UNITS)) for each in (first, second)]
    assert entries[0].entry_hash != entries[1].entry_hash
    drawn = draw_of(first, trial(units=UNITS))
    assert drawn is not None
    assert (drawn.seed, drawn.objection) == (entries[0].entry_hash, "")
    arms = sealed_arms("trial", first.entries())
    assert arms == drawn_arms(UNITS, seed=entries[0].entry_hash, share=0.5)
    assert sum(arms.values()) == 4


def test_an_amendment_with_the_same_units_does_not_draw_again(tmp_path: Path) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    first = lock(register, trial(units=UNITS))
    amended = trial(units=UNITS).model_copy(update={"minimum_effect": 2.0})
    lock(register, amended)
    drawn = draw_of(register, amended)
    assert drawn is not None
    assert drawn.seed == first.entry_hash


@pytest.mark.parametrize("name", ["trial", "again"])
def test_units_that_were_drawn_before_are_no_second_draw(
    tmp_path: Path, name: str
) -> None:
    """Five hundred plans, or five hundred amendments, are still the first draw."""
    register = StudyRegister(tmp_path / "register.jsonl")
    lock(register, trial(units=UNITS))
    again = trial(name, units=UNITS[:-1])
    lock(register, again)
    drawn = draw_of(register, again)
    assert drawn is not None
    assert "drawn before, for 'trial'" in drawn.objection
    with pytest.raises(UsageError, match="drawn before"):
        sealed_arms(name, register.entries())


def test_a_platform_delivers_arms_once_and_after_the_plan(tmp_path: Path) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    plan = trial(platform="growthbook", experiment="copilot")
    lock(register, plan)
    assert draw_of(register, plan) is None
    file = tmp_path / "assignments.csv"
    file.write_text(EXPORT)
    entry = record_export(register, "trial", file, by="Ada", at=EARLY)
    assert entry.arms["list_sha256"] == list_hash({"u1": 1, "u2": 0})
    drawn = draw_of(register, plan)
    assert drawn is not None
    assert (drawn.list_sha256, drawn.objection) == (entry.arms["list_sha256"], "")
    file.write_text(EXPORT.replace("copilot,0", "copilot,1"))
    record_export(register, "trial", file, by="Ada", at=EARLY)
    drawn = draw_of(register, plan)
    assert drawn is not None
    assert "delivered twice and differ" in drawn.objection


def test_exposures_before_the_lock_are_no_draw(tmp_path: Path) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    plan = trial(platform="growthbook", experiment="copilot")
    lock(register, plan, datetime(2024, 1, 8, tzinfo=UTC))
    file = tmp_path / "assignments.csv"
    file.write_text(EXPORT.replace("2024-01-09", "2024-01-02"))
    record_export(register, "trial", file, by="Ada", at=EARLY)
    drawn = draw_of(register, plan)
    assert drawn is not None
    assert "before the plan was locked" in drawn.objection


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("variation_id", "variant"), "lacks variation_id"),
        (("copilot", "other"), "no row of 'copilot'"),
        (("u1,2024-01-10T08:00:00Z,copilot,1", "u1,x,copilot,0"), "both arms"),
    ],
)
def test_an_export_that_does_not_fit_is_refused(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    lock(register, trial(platform="growthbook", experiment="copilot"))
    file = tmp_path / "assignments.csv"
    file.write_text(EXPORT.replace(*change))
    with pytest.raises(UsageError, match=said):
        record_export(register, "trial", file, by="Ada", at=EARLY)


def test_a_study_without_a_list_has_no_sealed_draw(tmp_path: Path) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    lock(register, trial())
    with pytest.raises(UsageError, match="locks no list of units"):
        sealed_arms("trial", register.entries())
    with pytest.raises(UsageError, match="not locked with a platform"):
        record_export(register, "trial", tmp_path / "x.csv", by="Ada", at=EARLY)
