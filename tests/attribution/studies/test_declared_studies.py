"""What was locked in time stays what is asked, whatever becomes of its file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from attribution.causal.plan import Plan
from attribution.studies.declared import DeclaredStudy, declared_studies
from attribution.studies.register import StudyRegister
from triptych.cli import app
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = datetime(2024, 3, 1, tzinfo=UTC)
AFTER = datetime(2024, 6, 1, tzinfo=UTC)
PLAN = Plan.model_validate(
    {
        "id": "pilot",
        "feature": "copilot",
        "outcome": "tickets",
        "outcome_unit": "tickets",
        "launch": date(2024, 4, 30),
        "window": {"start": date(2024, 1, 1), "end": date(2024, 5, 20)},
    }
)


def changed(**fields: object) -> Plan:
    return PLAN.model_copy(update=fields)


@pytest.fixture
def register(tmp_path: Path) -> StudyRegister:
    made = StudyRegister(tmp_path / "register.jsonl")
    made.register(PLAN, by="Ada", at=BEFORE)
    return made


def declared(register: StudyRegister, *files: Plan) -> dict[str, DeclaredStudy]:
    found = declared_studies(files, register.entries())
    return {one.plan.id: one for one in found}


def test_a_deleted_plan_is_asked_as_it_was_locked(register: StudyRegister) -> None:
    pilot = declared(register)["pilot"]
    assert (pilot.plan.hash, pilot.state) == (PLAN.hash, "REGISTERED")
    assert pilot.withdrawal == "pending"
    assert "Its file is gone" in pilot.notes[0]


def test_a_plan_that_was_locked_too_late_stays_on_record_and_counts_for_nothing(
    tmp_path: Path,
) -> None:
    late = StudyRegister(tmp_path / "late.jsonl")
    late.register(PLAN, by="Ada", at=AFTER)
    pilot = declared(late)["pilot"]
    assert (pilot.state, pilot.withdrawal) == ("EXPLORATORY", "none")
    assert pilot.notes == ("Its file is gone from studies/. It stays on record.",)


def test_a_renamed_plan_is_asked_under_its_old_name_and_a_new_one_is_exploratory(
    register: StudyRegister,
) -> None:
    renamed = changed(id="pilot-2")
    register.register(renamed, by="Ada", at=AFTER)
    found = declared(register, renamed)
    assert (found["pilot"].state, found["pilot"].withdrawal) == (
        "REGISTERED",
        "pending",
    )
    assert found["pilot-2"].state == "EXPLORATORY"


def test_an_edited_plan_is_asked_as_it_was_locked_and_names_what_differs(
    register: StudyRegister,
) -> None:
    pilot = declared(register, changed(outcome="closed_tickets"))["pilot"]
    assert (pilot.plan.outcome, pilot.state) == ("tickets", "REGISTERED")
    assert pilot.withdrawal == "none"
    assert "(outcome)" in pilot.notes[0]


def test_an_amendment_after_the_launch_changes_nothing_that_counts(
    register: StudyRegister,
) -> None:
    shorter = changed(window=PLAN.window.model_copy(update={"end": date(2024, 5, 10)}))
    register.register(shorter, by="Grace", at=AFTER)
    pilot = declared(register, shorter)["pilot"]
    assert (pilot.plan.hash, pilot.state) == (PLAN.hash, "REGISTERED")
    assert "Amended on 2024-06-01 by Grace" in pilot.notes[0]
    assert "2024-05-10" in pilot.notes[0]


def test_an_amendment_before_the_launch_is_the_plan_that_is_asked(
    register: StudyRegister,
) -> None:
    other = changed(outcome="closed_tickets")
    register.register(other, by="Ada", at=BEFORE)
    pilot = declared(register, other)["pilot"]
    assert (pilot.plan.outcome, pilot.state) == ("closed_tickets", "REGISTERED")
    assert pilot.notes == ()


def test_split_plans_do_not_replace_the_whole(register: StudyRegister) -> None:
    halves = [changed(id=f"pilot-{n}", treated=(f"team-{n}",)) for n in "ab"]
    for half in halves:
        register.register(half, by="Ada", at=AFTER)
    found = declared(register, *halves)
    assert {name: one.state for name, one in found.items()} == {
        "pilot": "REGISTERED",
        "pilot-a": "EXPLORATORY",
        "pilot-b": "EXPLORATORY",
    }


def test_two_people_withdraw_a_study_and_it_stays_on_record(
    register: StudyRegister,
) -> None:
    because = "the meter was broken"
    register.withdraw("pilot", by="Ada", because=because, at=AFTER, login="oidc:ada")
    asked = declared(register, PLAN)["pilot"]
    assert (asked.withdrawal, asked.state) == ("pending", "REGISTERED")
    assert "by Ada: the meter was broken" in asked.notes[0]
    register.approve_withdrawal("pilot", by="Grace", at=AFTER, login="oidc:grace")
    agreed = declared(register)["pilot"]
    assert (agreed.withdrawal, agreed.plan.hash) == ("approved", PLAN.hash)
    assert "Approved on 2024-06-01 by Grace" in agreed.notes[0]
    assert "No second login" not in agreed.notes[0]


@pytest.mark.parametrize("who", ["Ada", "ADA", "A d a"])
def test_who_withdraws_a_study_does_not_approve_it(
    register: StudyRegister, who: str
) -> None:
    register.withdraw("pilot", by="Ada", because="it was a loss", at=AFTER)
    with pytest.raises(UsageError, match="A second person decides"):
        register.approve_withdrawal("pilot", by=who, at=AFTER)
    assert declared(register, PLAN)["pilot"].withdrawal == "pending"


def test_a_withdrawal_needs_a_locked_study_a_reason_and_its_turn(
    register: StudyRegister,
) -> None:
    with pytest.raises(UsageError, match="for a reason"):
        register.withdraw("pilot", by="Ada", because=" ", at=AFTER)
    with pytest.raises(UsageError, match="is not locked"):
        register.withdraw("other", by="Ada", because="unused", at=AFTER)
    with pytest.raises(UsageError, match="nothing to approve"):
        register.approve_withdrawal("pilot", by="Grace", at=AFTER)
    register.withdraw("pilot", by="Ada", because="unused", at=AFTER)
    with pytest.raises(UsageError, match="was withdrawn by Ada"):
        register.withdraw("pilot", by="Ada", because="unused", at=AFTER)


def test_the_command_withdraws_with_two_people_and_the_list_says_so(
    tmp_path: Path,
) -> None:
    root = tmp_path / "workspace"
    CliRunner().invoke(app, ["init", str(root)])
    settings = root / "triptych.yml"
    StudyRegister(root / "studies/register.jsonl").register(PLAN, by="Ada", at=BEFORE)

    def study(*arguments: str) -> str:
        found = CliRunner().invoke(app, ["study", *arguments, "-w", str(root)])
        return found.output

    assert "Its file is gone" in study("list")
    asked = study("withdraw", "pilot", "--because", "wrong meter", "--by", "Ada")
    assert "counted as registered until a second person decides" in asked
    alone = study("withdraw", "pilot", "--approve", "--by", "Grace")
    assert "Somebody else has to approve, under a login of their own" in alone
    by_names = "\naccess: {two_people: names}\n"
    settings.write_text(settings.read_text("utf-8") + by_names, "utf-8")
    assert "cannot approve" in study("withdraw", "pilot", "--approve", "--by", "ada")
    agreed = study("withdraw", "pilot", "--approve", "--by", "Grace")
    assert "from the next run on it is not counted" in agreed
    listed = study("list")
    assert "REGISTERED" in listed
    assert "Approved on" in listed
    assert "No second login was there" in listed
    assert "because: wrong meter" in study("show", "pilot")
