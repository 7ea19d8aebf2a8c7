"""Plans as files, power from the history, and the register that shows its changes."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from attribution.causal.plan import Plan
from attribution.causal.refusal import Refusal
from attribution.studies.power import (
    minimum_detectable_effect,
    placebo_plan,
    power_of,
)
from attribution.studies.register import Entry, StudyRegister
from attribution.studies.study_files import read_plan
from tests.attribution.studies_for_tests import frame_of, plan_of
from triptych.cli import app
from triptych.core.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
id: pilot
feature: copilot
outcome: resolved_tickets
outcome_unit: tickets
launch: 2024-04-30       # day 120
window: {start: 2024-01-01, end: 2024-05-20}
decision_rule: {level: 0.9, text: keep it if the interval is above zero}
economics: {cost_amount: 4000, value_amount_per_unit: 8}
"""
MARCH = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
JUNE = datetime(2024, 6, 1, 9, 30, tzinfo=UTC)


def history(seed: int = 0) -> pd.DataFrame:
    """Return 120 days of white noise, standard deviation 3."""
    noise = np.random.default_rng(seed).normal(0.0, 3.0, 120)
    return frame_of(100.0 + noise)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "pilot.yml").write_text(TEXT)
    return read_plan(tmp_path / "pilot.yml")


@pytest.fixture
def register(tmp_path: Path) -> StudyRegister:
    return StudyRegister(tmp_path / "studies/register.jsonl")


def test_a_file_is_the_plan_that_it_says(plan: Plan) -> None:
    assert plan.launch == date(2024, 4, 30)
    assert plan.decision_rule.level == 0.9
    assert plan.break_even == 500.0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("outcome_unit: tickets\n", "", "the file has no 'outcome_unit'"),
        ("feature:", "features:", "pilot.yml:2: unknown key 'features'"),
        ("launch: 2024-04-30", "launch: soon", "pilot.yml:5: launch is 'soon'"),
        ("2024-04-30", "2025-04-30", "pilot.yml:1: the launch on 2025-04-30 lies"),
        ("level: 0.9", "level: 95", "pilot.yml:7: decision_rule.level is '95'"),
        (
            "{start:",
            "{begin:",
            "pilot.yml:6: unknown key 'begin' in 'window'; known keys: start, end",
        ),
        ("launch:", "design: magic\nlaunch:", "the file names design 'magic'; "),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    (tmp_path / "pilot.yml").write_text(TEXT.replace(before, after))
    with pytest.raises(SettingsError) as refused:
        read_plan(tmp_path / "pilot.yml")
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no such file\. Correct it and try"):
        read_plan(tmp_path / "absent.yml")


def test_the_placebo_study_ends_where_the_real_one_begins(plan: Plan) -> None:
    placebo = placebo_plan(plan)
    assert placebo.window.end == plan.launch
    assert (plan.window.end - plan.launch) == (plan.launch - placebo.launch)


def test_before_several_causes_there_is_one_series(plan: Plan) -> None:
    """Adoption had not begun and nothing else was launched; prices were there."""
    drivers = [
        {"name": "adoption", "column": "seats", "kind": "ai"},
        {"name": "price", "column": "price_index", "kind": "price"},
    ]
    launch = {"name": "redesign", "on": plan.launch}
    content = plan.model_dump() | {"drivers": drivers, "other_launches": [launch]}
    for design in ("adoption_response", "joint_launches", "auto"):
        several = type(plan).model_validate(content | {"design": design})
        placebo = placebo_plan(several)
        assert placebo.design == "auto"
        assert placebo.columns == {"price_index": "control"}
        assert placebo.other_launches == ()


def test_power_is_that_of_the_models_own_error(plan: Plan) -> None:
    """At least what white noise alone costs over twenty days, and not five times."""
    found = minimum_detectable_effect(history(), plan)
    assert isinstance(found, float)
    alone = 2.487 * 3.0 / np.sqrt(20.0)
    assert alone < found < 5 * alone
    doubled = frame_of(history()["outcome"].to_numpy() * 2.0)
    assert minimum_detectable_effect(doubled, plan) == pytest.approx(2 * found)


def test_power_of_a_window_that_is_longer_after_the_launch_is_refused(
    plan: Plan,
) -> None:
    """120 days before the launch and 122 after it: no launch fits before as many."""
    content = plan.model_dump() | {
        "window": {"start": plan.window.start, "end": date(2024, 8, 30)}
    }
    found = minimum_detectable_effect(history(), Plan.model_validate(content))
    assert isinstance(found, Refusal)
    assert found.code == "pre_period_too_short"
    assert found.evidence == {"history_periods": 120, "needed_periods": 123}
    assert found.study_id == "pilot"


def test_power_looks_at_nothing_after_the_launch(plan: Plan) -> None:
    rows = history()
    after = frame_of(np.full(140, 900.0)).iloc[120:]
    both = pd.concat([rows, after])
    assert minimum_detectable_effect(both, plan) == minimum_detectable_effect(
        rows, plan
    )


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (history().drop(columns="date"), "panel_columns_missing"),
        (history().assign(date="soon"), "panel_date_unreadable"),
    ],
)
def test_a_history_without_dates_has_no_power_and_locks_nothing(
    plan: Plan, register: StudyRegister, rows: pd.DataFrame, code: str
) -> None:
    refused = register.register(plan, by="Ada", at=MARCH, history=rows)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.study_id) == (code, "pilot")
    assert register.entries() == []


def test_a_plan_locked_before_its_launch_is_registered(
    plan: Plan, register: StudyRegister
) -> None:
    assert register.state_of(plan) == "EXPLORATORY"
    entry = register.register(plan, by="Ada", at=MARCH, history=history())
    assert isinstance(entry, Entry)
    assert (entry.event, entry.data_cut_off) == ("registered", "2024-04-29")
    assert entry.plan_hash == plan.hash
    assert entry.minimum_detectable_effect is not None
    assert register.state_of(plan) == "REGISTERED"


def test_a_plan_locked_after_its_launch_stays_exploratory(
    plan: Plan, register: StudyRegister
) -> None:
    register.register(plan, by="Ada", at=JUNE)
    assert register.state_of(plan) == "EXPLORATORY"


def test_an_amendment_shows_what_it_changed_and_when(
    plan: Plan, register: StudyRegister
) -> None:
    register.register(plan, by="Ada", at=MARCH)
    other = plan.model_copy(update={"outcome": "closed_tickets"})
    assert register.state_of(other) == "EXPLORATORY"
    early = register.register(other, by="Ada", at=MARCH)
    assert isinstance(early, Entry)
    assert early.changes == {"outcome": ["resolved_tickets", "closed_tickets"]}
    assert register.state_of(other) == "REGISTERED"
    late = plan.model_copy(update={"minimum_effect": 2.0})
    register.register(late, by="Grace", at=JUNE)
    assert register.state_of(late) == "AMENDED"
    assert [entry.event for entry in register.entries("pilot")] == [
        "registered",
        "amended",
        "amended",
    ]


def test_moving_the_launch_after_reading_does_not_register_anew(
    plan: Plan, register: StudyRegister
) -> None:
    register.register(plan, by="Ada", at=MARCH)
    moved = Plan.model_validate(
        plan.model_dump()
        | {
            "launch": date(2024, 7, 1),
            "window": {"start": date(2024, 1, 1), "end": date(2024, 8, 1)},
        }
    )
    register.register(moved, by="Ada", at=JUNE)
    assert register.state_of(moved) == "AMENDED"


def test_a_study_that_could_not_find_what_matters_is_refused(
    plan: Plan, register: StudyRegister
) -> None:
    small = plan.model_copy(update={"minimum_effect": 0.1})
    refused = register.register(small, by="Ada", at=MARCH, history=history())
    assert isinstance(refused, Refusal)
    assert refused.code == "underpowered"
    assert refused.break_even == 500.0
    assert register.entries() == []


def test_an_entry_that_was_changed_by_hand_is_found(
    plan: Plan, register: StudyRegister, tmp_path: Path
) -> None:
    register.register(plan, by="Ada", at=JUNE)
    file = tmp_path / "studies/register.jsonl"
    file.write_text(file.read_text().replace("2024-06-01", "2024-03-01"))
    with pytest.raises(SettingsError, match=r"register.jsonl:1"):
        register.state_of(plan)


def test_two_who_lock_at_once_are_both_in_the_register(
    plan: Plan, tmp_path: Path
) -> None:
    def lock(number: int) -> object:
        own = plan.model_copy(update={"id": f"study-{number}"})
        register = StudyRegister(tmp_path / "register.jsonl")
        return register.register(own, by="Ana Lima", at=MARCH)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lock, range(16)))
    entries = StudyRegister(tmp_path / "register.jsonl").entries()
    assert {entry.study_id for entry in entries} == {f"study-{n}" for n in range(16)}


def test_a_disk_that_is_full_leaves_the_register_as_it_was(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    register.register(plan, by="Ana Lima", at=MARCH)
    before = (tmp_path / "register.jsonl").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    other = plan.model_copy(update={"id": "another"})
    with pytest.raises(OSError, match="No space"):
        register.register(other, by="Ana Lima", at=MARCH)
    assert (tmp_path / "register.jsonl").read_bytes() == before
    assert [entry.study_id for entry in register.entries()] == [plan.id]


@pytest.mark.parametrize(("by", "said"), [(" ", "names nobody"), ("a@b.eu", "e-mail")])
def test_somebody_locks_a_plan(
    plan: Plan, register: StudyRegister, by: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        register.register(plan, by=by, at=MARCH)


def test_the_same_plan_is_not_locked_twice(plan: Plan, register: StudyRegister) -> None:
    register.register(plan, by="Ada", at=MARCH)
    with pytest.raises(UsageError, match="already locked"):
        register.register(plan, by="Ada", at=MARCH)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    CliRunner().invoke(app, ["init", str(root)])
    (root / "studies/pilot.yml").write_text(TEXT)
    history().to_csv(root / "history.csv", index=False)
    return root


def run(workspace: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["study", *arguments, "-w", str(workspace)])


def test_the_commands_lock_list_and_show_a_study(workspace: Path) -> None:
    file = str(workspace / "studies/pilot.yml")
    data = str(workspace / "history.csv")
    assert "No study is locked." in run(workspace, "list").output
    locked = run(workspace, "register", file, "--by", "Ada", "--history", data)
    assert locked.exit_code == 0, locked.output
    # The launch was in 2024, so it is locked too late for anything else.
    assert "Study pilot is registered: EXPLORATORY." in locked.output
    assert "detectable" in locked.output
    written = (workspace / "studies/register.jsonl").read_text().splitlines()
    assert f"entry         {json.loads(written[-1])['entry_hash']}" in locked.output
    listed = json.loads(run(workspace, "list", "--json").output)
    assert [one["study_id"] for one in listed] == ["pilot"]
    shown = run(workspace, "show", "pilot")
    assert "registered by Ada, data until 20" in shown.output


def test_a_study_without_power_ends_the_command_with_five(workspace: Path) -> None:
    file = workspace / "studies/pilot.yml"
    file.write_text(TEXT + "minimum_effect: 0.05\n")
    data = str(workspace / "history.csv")
    refused = run(workspace, "register", str(file), "--by", "A", "--history", data)
    assert refused.exit_code == 5
    assert "underpowered" in refused.output


def test_a_study_without_power_is_locked_with_the_reason_of_somebody(
    workspace: Path,
) -> None:
    file = workspace / "studies/pilot.yml"
    file.write_text(TEXT + "minimum_effect: 0.05\n")
    asked = ["register", str(file), "--by", "Ada", "--history"]
    asked.append(str(workspace / "history.csv"))
    blank = run(workspace, *asked, "--low-power-because", " ")
    assert blank.exit_code == 5
    assert "--low-power-because" in blank.output
    why = "nothing else can be measured"
    locked = run(workspace, *asked, "--low-power-because", why)
    assert locked.exit_code == 0, locked.output
    assert f"low power     {why}" in locked.output
    # An effect far below what it could find is found about as often as none at all.
    assert "power         10% for 0.05" in locked.output
    assert (
        f"although its power was low: {why}" in run(workspace, "show", "pilot").output
    )
    written = json.loads((workspace / "studies/register.jsonl").read_text())
    assert written["low_power_reason"] == why
    register = StudyRegister(workspace / "studies/register.jsonl")
    assert register.entries()[-1].low_power_reason == why
    edited = json.dumps(written | {"low_power_reason": "it was fine"})
    (workspace / "studies/register.jsonl").write_text(edited + "\n")
    with pytest.raises(SettingsError, match="not what was written"):
        register.entries()


def test_a_reason_is_not_kept_where_the_power_suffices(
    plan: Plan, register: StudyRegister
) -> None:
    entry = register.register(
        plan, by="Ada", at=MARCH, history=history(), low_power_reason="just in case"
    )
    assert isinstance(entry, Entry), entry
    assert entry.low_power_reason == ""
    assert register.entries() == [entry]


@given(
    effect=st.floats(0.0, 1e6),
    detectable=st.floats(1e-6, 1e6),
    scale=st.floats(1e-3, 1e3),
)
def test_power_at_no_effect_is_the_level_and_grows_with_the_effect(
    effect: float, detectable: float, scale: float
) -> None:
    """A two-sided interval of 90 % leaves out zero one time of ten."""
    assert power_of(0.0, detectable) == pytest.approx(0.10, abs=1e-4)
    assert power_of(detectable, detectable) == pytest.approx(0.80, abs=0.01)
    found = power_of(effect, detectable)
    assert 0.0999 <= found <= 1.0
    assert power_of(-effect, detectable) == found
    assert power_of(1.1 * effect, detectable) >= found - 1e-12
    assert power_of(scale * effect, scale * detectable) == pytest.approx(found)


def test_a_study_that_nobody_locked_cannot_be_shown(workspace: Path) -> None:
    missing = run(workspace, "show", "other")
    assert missing.exit_code == 2
    assert "No study 'other' is locked" in missing.output


def test_plans_of_other_designs_have_power_too() -> None:
    """Sixty units of noise: near 2.487 standard errors of a difference."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=60)
    rows = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:02}" for i in range(60)], 60),
            "date": np.tile(days, 60),
            "outcome": 50.0 + rng.normal(0.0, 2.0, 3600),
            "arm": np.repeat(np.arange(60) % 2, 60),
        }
    )
    plan = plan_of(70, 60, assignment={"column": "arm", "unit": "user"})
    found = minimum_detectable_effect(rows, plan)
    expected = 2.487 * 2.0 * np.sqrt(2.0 / 30.0 / 10.0)
    assert found == pytest.approx(expected, rel=0.25)


def test_the_plan_in_the_documentation_is_one(repository: Path, tmp_path: Path) -> None:
    page = (repository / "docs/how_to/plan_a_study.md").read_text("utf-8")
    block = page.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "documented.yml").write_text(block)
    plan = read_plan(tmp_path / "documented.yml")
    assert plan.break_even == 1500.0
    assert plan.rollout["team-b"] == date(2026, 9, 15)
