"""The study register and the sealed audit log have the same entries, or say so."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from attribution.studies import register as study_register
from tests.attribution.studies_for_tests import plan_of
from tests.triptych.core.warehouse.journal_fixture import write_closed_workspace
from triptych.core.errors import SettingsError
from triptych.month import auditing
from triptych.run.study_journal import check_register, open_register

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.causal.plan import Plan
    from triptych.core.workspace import Workspace

#: The launch is on day 120, the end of April 2024: read in March, nothing was known.
PLAN = plan_of(140, 120)
MARCH = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
JUNE = datetime(2024, 6, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write_closed_workspace(tmp_path)


def named(study_id: str) -> Plan:
    return PLAN.model_copy(update={"id": study_id})


def register(workspace: Workspace, study_id: str, at: datetime = MARCH) -> None:
    open_register(workspace).register(named(study_id), by="Ana Lima", at=at)


def lines(workspace: Workspace) -> list[str]:
    return workspace.study_register.read_text().splitlines()


def test_two_who_register_at_once_are_both_in_the_register_and_in_the_log(
    workspace: Workspace,
) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: register(workspace, f"study-{n}"), range(6)))
    entries = open_register(workspace).entries()
    assert {entry.study_id for entry in entries} == {f"study-{n}" for n in range(6)}
    assert check_register(workspace) == ()
    assert auditing.verify(workspace).doubts == ()


def test_a_register_of_before_the_first_run_is_taken_in(tmp_path: Path) -> None:
    workspace = write_closed_workspace(tmp_path)
    study_register.StudyRegister(workspace.study_register).register(
        named("early"), by="Ana Lima", at=MARCH
    )
    assert open_register(workspace).catch_up() is False
    workspace.study_register.write_text("")
    assert "lacks entry 1" in check_register(workspace)[0].what


def test_one_changed_line_is_found_whoever_worked_out_its_hashes(
    workspace: Workspace,
) -> None:
    register(workspace, "late", JUNE)
    assert open_register(workspace).state_of(named("late")) == "EXPLORATORY"
    content = json.loads(lines(workspace)[0])
    content |= {"at": MARCH.isoformat(), "data_cut_off": "2024-03-01"}
    entry = study_register.Entry(**content)
    content["entry_hash"] = study_register.entry_hash(entry)
    workspace.study_register.write_text(study_register.canonical(content) + "\n")
    forged = open_register(workspace)
    assert forged.state_of(named("late")) == "REGISTERED"
    with pytest.raises(SettingsError, match="not in the audit log") as refused:
        forged.catch_up()
    assert refused.value.where == "register.jsonl:1"
    assert "move the file away, and the next run writes it anew" in str(refused.value)
    (doubt,) = check_register(workspace)
    assert doubt.where.endswith("register.jsonl:1")
    workspace.study_register.unlink()
    assert open_register(workspace).catch_up() is True
    assert open_register(workspace).state_of(named("late")) == "EXPLORATORY"


def test_what_a_full_disk_kept_out_of_the_register_comes_back_from_the_log(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(workspace, "first")
    before = lines(workspace)
    write = study_register.StudyRegister._write

    def full(_: object, entries: list[object]) -> None:
        if entries:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(study_register.StudyRegister, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        register(workspace, "second")
    monkeypatch.setattr(study_register.StudyRegister, "_write", write)
    assert lines(workspace) == before
    register(workspace, "third")
    studies = [entry.study_id for entry in open_register(workspace).entries()]
    assert studies == ["first", "second", "third"]
    assert check_register(workspace) == ()
