"""A closed month that was forged is found, and the month is named.

The forger knows how hashes are made. Without the key of the journal nothing that they
do goes unseen; with it, what they do not have is the hash, or the copy of the log, that
was kept elsewhere when March was closed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from attribution.studies import register
from attribution.studies.register import StudyRegister
from attribution.studies.study_files import read_plan
from tests.e2e.cases.closing_case import CLOSED, ClosingCase, copy_of_closed_company
from tests.triptych.cli.commands import charge, invoke, new_workspace
from triptych.core.errors import TriptychError
from triptych.core.lake import audit_log, lake_log
from triptych.core.lake.journal_head import HEAD
from triptych.core.lake.journal_key import JournalKey, read_key
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.journal_check import check_journal
from triptych.core.warehouse.locks import CommentText, read_history
from triptych.month import auditing
from triptych.month.commenting import comment
from triptych.run.study_journal import open_register

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces


#: Declared when what came of it could be read.
PLAN = """\
id: pilot
feature: copilot
outcome: resolved_tickets
outcome_unit: tickets
launch: 2026-04-10
window: {start: 2026-01-01, end: 2026-05-20}
decision_rule: {level: 0.9, text: keep it if the interval is above zero}
"""


@pytest.fixture(scope="module")
def closed(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("closed")
    case = copy_of_closed_company(built_workspaces, folder / "company")
    case.workspace.studies_dir.mkdir()
    (case.workspace.studies_dir / "pilot.yml").write_text(PLAN)
    open_register(case.workspace).register(
        read_plan(case.workspace.studies_dir / "pilot.yml"),
        by="Cleo Marsh",
        at=datetime(2026, 6, 1, 9, tzinfo=UTC),
    )
    comment(
        case.workspace,
        load_settings(case.root),
        CommentText(CLOSED, "Ana Lima", "Closed as agreed"),
        progress=SilentProgress(),
    )
    return case


def _rewrite(
    case: ClosingCase,
    old: str,
    new: str,
    *,
    lake: bool = True,
    key: JournalKey | None = None,
    length: int | None = None,
) -> None:
    """Change the log and work out every hash after it, perhaps in the lake too.

    Without a key the seals stay as they were; with one all are made anew.
    """
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        rows = audit_log.read_rows(raw)[:length]
        raw.execute("DELETE FROM catalogue.audit_log")
        forged: list[tuple[object, ...]] = []
        previous = ""
        for position, at, event, detail, _, _, seal in rows:
            text = detail.replace(old, new)
            digest = audit_log._entry_hash(position, at, event, text, previous)
            fresh = key.seal(f"entry\n{digest}") if key else seal
            forged.append((position, at, event, text, previous, digest, fresh))
            previous = digest
        audit_log.append_again(raw, forged)
        if lake:
            (case.workspace.lake / lake_log.LOG).unlink()
            if key:
                (case.workspace.lake / HEAD).unlink()
                lake_log.catch_up(raw, case.workspace.lake)
            else:
                lake_log._append(case.workspace.lake / lake_log.LOG, forged)


def _key(case: ClosingCase) -> JournalKey:
    key = read_key(case.root)
    assert key is not None
    return key


def another_approver(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=False)


def another_approver_everywhere(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory")


def another_approver_under_a_key_of_their_own(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory", key=JournalKey(b"0" * 64))


def seals_taken_off_everywhere(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory")
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute("UPDATE catalogue.audit_log SET seal = NULL")
        (case.workspace.lake / lake_log.LOG).unlink()
        (case.workspace.lake / HEAD).unlink()
        lake_log.catch_up(raw, case.workspace.lake)


def an_entry_changed_alone(case: ClosingCase) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute(
            "UPDATE catalogue.audit_log SET detail = replace(detail, 'Ben', 'Eve')"
        )


def the_end_cut(case: ClosingCase) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute(
            "DELETE FROM catalogue.audit_log WHERE position ="
            " (SELECT max(position) FROM catalogue.audit_log)"
        )


def the_end_cut_everywhere(case: ClosingCase) -> None:
    the_end_cut(case)
    log = case.workspace.lake / lake_log.LOG
    log.write_text("\n".join(log.read_text().splitlines()[:-1]) + "\n")


def the_end_cut_and_its_head_removed(case: ClosingCase) -> None:
    the_end_cut_everywhere(case)
    (case.workspace.lake / HEAD).unlink()


def the_end_cut_and_an_earlier_head_invented(case: ClosingCase) -> None:
    the_end_cut_everywhere(case)
    head = case.workspace.lake / HEAD
    position, *_, entry_hash, seal = lake_log.read_log(case.workspace.lake)[-1]
    content = {"position": position, "entry_hash": entry_hash, "seal": seal}
    head.write_text(json.dumps(content))


def an_entry_removed(case: ClosingCase) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute("DELETE FROM catalogue.audit_log WHERE position = 3")


def the_copy_changed(case: ClosingCase) -> None:
    log = case.workspace.lake / lake_log.LOG
    log.write_text(log.read_text().replace("Ben Okafor", "Eve Mallory"))


def a_kept_file_changed(case: ClosingCase) -> None:
    path = next(case.workspace.locked_dir.rglob("mart_cost_waterfall.csv"))
    path.write_text(path.read_text().replace("185", "1850"))


def a_kept_file_removed(case: ClosingCase) -> None:
    next(case.workspace.locked_dir.rglob("mart_cost_waterfall.csv")).unlink()


def frozen_rows_changed(case: ClosingCase) -> None:
    path = next(case.workspace.lake.glob("locked_*/*/*/*/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _rewrite_register(case: ClosingCase, old: str, new: str) -> None:
    """Change the register and work out each of its hashes, which need no key."""
    path = case.workspace.study_register
    lines, previous = [], register._FIRST_HASH
    for line in path.read_text().replace(old, new).splitlines():
        content: dict[str, Any] = json.loads(line)
        content |= {"previous_hash": previous, "entry_hash": ""}
        entry = register.Entry(**content)
        previous = register.entry_hash(entry)
        content["entry_hash"] = previous
        lines.append(register.canonical(content))
    path.write_text("\n".join(lines) + "\n")


def an_exploratory_study_made_registered(case: ClosingCase) -> None:
    """Change a registration in June, for a launch in April, to one in March."""
    plan = read_plan(case.workspace.studies_dir / "pilot.yml")
    known = StudyRegister(case.workspace.study_register)
    assert known.state_of(plan) == "EXPLORATORY"
    _rewrite_register(case, "2026-06-01", "2026-03-01")
    assert known.state_of(plan) == "REGISTERED"


def a_registration_cut_off(case: ClosingCase) -> None:
    case.workspace.study_register.write_text("")


def a_lock_of_a_month_ended(case: ClosingCase) -> None:
    """Cut off the entry that closed March, with all after it."""
    rows = lake_log.read_log(case.workspace.lake)
    closing = next(row[0] for row in rows if row[2] == "period_closed")
    _rewrite(case, "", "", length=closing - 1)


def a_close_dated_back(case: ClosingCase) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute(
            "UPDATE catalogue.audit_log SET occurred_at = occurred_at - INTERVAL 9 DAY"
            " WHERE event = 'period_closed'"
        )
    _rewrite(case, "", "")


def two_entries_in_another_order(case: ClosingCase) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute(
            "UPDATE catalogue.audit_log SET position = CASE position"
            " WHEN 1 THEN -2 ELSE -1 END WHERE position <= 2"
        )
        raw.execute(
            "UPDATE catalogue.audit_log SET position = -position WHERE position < 0"
        )
    _rewrite(case, "", "")


#: What somebody may do who has not got the key.
WITHOUT_THE_KEY: tuple[Callable[[ClosingCase], None], ...] = (
    another_approver,
    another_approver_everywhere,
    another_approver_under_a_key_of_their_own,
    seals_taken_off_everywhere,
    an_entry_changed_alone,
    the_end_cut,
    the_end_cut_everywhere,
    the_end_cut_and_its_head_removed,
    the_end_cut_and_an_earlier_head_invented,
    an_entry_removed,
    the_copy_changed,
    a_kept_file_changed,
    a_kept_file_removed,
    frozen_rows_changed,
    an_exploratory_study_made_registered,
    a_registration_cut_off,
    a_lock_of_a_month_ended,
    a_close_dated_back,
    two_entries_in_another_order,
)


def another_approver_sealed(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory", key=_key(case))


def another_comment_sealed(case: ClosingCase) -> None:
    _rewrite(case, "as agreed", "in error", key=_key(case))


def the_end_cut_and_sealed(case: ClosingCase) -> None:
    count = len(lake_log.read_log(case.workspace.lake))
    _rewrite(case, "", "", key=_key(case), length=count - 1)


def a_lock_of_a_month_ended_and_sealed(case: ClosingCase) -> None:
    rows = lake_log.read_log(case.workspace.lake)
    closing = next(row[0] for row in rows if row[2] == "period_closed")
    _rewrite(case, "", "", key=_key(case), length=closing - 1)


def a_kept_file_and_its_hash_changed_and_sealed(case: ClosingCase) -> None:
    path = next(case.workspace.locked_dir.rglob("mart_cost_waterfall.csv"))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    a_kept_file_changed(case)
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    _rewrite(case, before, after, key=_key(case))


def an_exploratory_study_made_registered_and_sealed(case: ClosingCase) -> None:
    """Change the journal, too, to what the changed register says."""
    before = case.workspace.study_register.read_text()
    an_exploratory_study_made_registered(case)
    old = json.dumps(json.loads(before), sort_keys=True)
    changed = json.loads(case.workspace.study_register.read_text())
    _rewrite(case, old, json.dumps(changed, sort_keys=True), key=_key(case))


#: What somebody may do who has it: only what was kept elsewhere shows it.
WITH_THE_KEY: tuple[Callable[[ClosingCase], None], ...] = (
    another_approver_sealed,
    another_comment_sealed,
    the_end_cut_and_sealed,
    a_lock_of_a_month_ended_and_sealed,
    a_kept_file_and_its_hash_changed_and_sealed,
    an_exploratory_study_made_registered_and_sealed,
)
#: What is of studies names no month.
OF_STUDIES = frozenset(
    {"an_exploratory_study_made_registered", "a_registration_cut_off"}
)


@pytest.mark.parametrize(
    "forge", [*WITHOUT_THE_KEY, *WITH_THE_KEY], ids=lambda forge: forge.__name__
)
def test_a_forgery_is_found_by_what_was_kept_and_names_the_month(
    closed: ClosingCase, tmp_path: Path, forge: Callable[[ClosingCase], None]
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    kept = tmp_path / "kept.jsonl"
    shutil.copy(case.workspace.lake / lake_log.LOG, kept)
    head = read_history(case.workspace).head_hash
    forge(case)
    is_seen_here = bool(auditing.verify(case.workspace).doubts)
    assert is_seen_here == (forge in WITHOUT_THE_KEY)
    by_hash = auditing.verify(case.workspace, kept_hash=head)
    by_log = auditing.verify(case.workspace, kept_log=kept)
    for report in (by_hash, by_log):
        assert report.doubts
    months = {doubt.billing_month for doubt in by_hash.doubts + by_log.doubts}
    assert CLOSED in months or forge.__name__ in OF_STUDIES


def every_seal_the_head_and_the_key_removed(case: ClosingCase) -> None:
    """Make the log one of before seals, with another approver and a true chain."""
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=False)
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute("UPDATE catalogue.audit_log SET seal = NULL")
        rows = audit_log.read_rows(raw)
    (case.workspace.lake / lake_log.LOG).unlink()
    lake_log._append(case.workspace.lake / lake_log.LOG, rows)
    (case.workspace.lake / HEAD).unlink()
    (case.root / ".journal-key").unlink(missing_ok=True)


def an_older_state_of_everything_put_back(case: ClosingCase) -> None:
    """Put back what was there before the last entry: log, copy, head and all."""
    before = case.root.with_name("before")
    shutil.rmtree(case.root)
    shutil.copytree(before, case.root)


def the_log_written_again_from_its_first_entry(case: ClosingCase) -> None:
    key = _key(case)
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute(
            "UPDATE catalogue.audit_log SET occurred_at = occurred_at - INTERVAL 1 DAY"
            " WHERE position = 1"
        )
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=False, key=key)
    _copy_to_the_lake(case, key)


def _copy_to_the_lake(case: ClosingCase, key: JournalKey) -> None:
    """Write copy and head as the program would, without asking it."""
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        rows = audit_log.read_rows(raw)
    lake = case.workspace.lake
    (lake / lake_log.LOG).unlink()
    lake_log._append(lake / lake_log.LOG, rows)
    position, digest = rows[-1][0], rows[-1][5]
    seal = key.seal(f"head\n{position}\n{digest}")
    content = {"position": position, "entry_hash": digest, "seal": seal}
    (lake / HEAD).write_text(json.dumps(content))


def another_approver_sealed_with_a_true_head(case: ClosingCase) -> None:
    key = _key(case)
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=False, key=key)
    _copy_to_the_lake(case, key)


def a_change_of_keys_invented(case: ClosingCase) -> None:
    """Put in an entry by which the key was lost, and seal all after it with another."""
    true_key, key = _key(case), JournalKey(b"1" * 64)
    detail = {"actor": "Ana Lima", "reason": "Lost", "former": true_key.key_id}
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        rows = audit_log.read_rows(raw)
        raw.execute("DELETE FROM catalogue.audit_log")
        lost = (2, rows[1][1], audit_log.REKEYED, json.dumps(detail), "", "", None)
        later = [(row[0] + 1, *row[1:]) for row in rows[1:]]
        audit_log.append_again(raw, [rows[0], lost, *later])
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=False, key=key)
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        raw.execute(
            "UPDATE catalogue.audit_log SET seal = ? WHERE position = 1", [rows[0][-1]]
        )
    (case.root / ".journal-key").write_bytes(key.secret)
    _copy_to_the_lake(case, key)


ON_THE_MACHINE_THAT_WROTE_IT: tuple[Callable[[ClosingCase], None], ...] = (
    every_seal_the_head_and_the_key_removed,
    an_older_state_of_everything_put_back,
    the_log_written_again_from_its_first_entry,
    another_approver_sealed_with_a_true_head,
    a_change_of_keys_invented,
)


@pytest.fixture
def seen(closed: ClosingCase, tmp_path: Path) -> ClosingCase:
    """Return a company whose log this account saw grow; its state before lies near."""
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    shutil.copytree(case.root, tmp_path / "before")
    comment(
        case.workspace,
        load_settings(case.root),
        CommentText(CLOSED, "Ana Lima", "Signed off"),
        progress=SilentProgress(),
    )
    assert not auditing.verify(case.workspace).doubts
    return case


@pytest.mark.parametrize(
    "forge", ON_THE_MACHINE_THAT_WROTE_IT, ids=lambda forge: forge.__name__
)
def test_the_machine_that_wrote_a_log_finds_what_it_lost(
    seen: ClosingCase, forge: Callable[[ClosingCase], None]
) -> None:
    forge(seen)
    months = {doubt.billing_month for doubt in auditing.verify(seen.workspace).doubts}
    assert CLOSED in months
    assert {doubt.billing_month for doubt in check_journal(seen.workspace)} >= {CLOSED}
    with pytest.raises(TriptychError, match="audit log"):
        seen.run()


def test_seals_that_were_taken_off_are_missed_where_only_the_key_is_known(
    closed: ClosingCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine has no anchor; its secret store has the key."""
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    monkeypatch.setenv("TRIPTYCH_JOURNAL_KEY", _key(case).secret.decode())
    assert not auditing.verify(case.workspace).doubts
    every_seal_the_head_and_the_key_removed(case)
    months = {doubt.billing_month for doubt in auditing.verify(case.workspace).doubts}
    assert months == {CLOSED}


def test_an_older_state_that_was_put_back_on_purpose_is_recorded(
    seen: ClosingCase,
) -> None:
    lost = lake_log.read_log(seen.workspace.lake)[-1]
    an_older_state_of_everything_put_back(seen)
    entry = auditing.accept_restored(
        seen.workspace, by="Ana Lima", because="Backup of Monday"
    )
    assert entry.event == "log_restored"
    assert (entry.detail["seen_entry"], entry.detail["seen_hash"]) == (lost[0], lost[5])
    assert not auditing.verify(seen.workspace).doubts
    seen.run()


def test_a_new_workspace_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    for cost in ("10.00", "20.00"):
        workspace = new_workspace(tmp_path / "workspace", charge(cost, model="chat"))
        assert invoke("ingest", "--workspace", workspace.root).exit_code == 0
        assert not auditing.verify(workspace).doubts
        shutil.rmtree(workspace.root)


def test_what_came_after_the_kept_hash_is_no_doubt(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    kept = tmp_path / "kept.jsonl"
    shutil.copy(case.workspace.lake / lake_log.LOG, kept)
    head = read_history(case.workspace).head_hash
    case.bill("2026-05", "")
    comment(
        case.workspace,
        load_settings(case.root),
        CommentText(CLOSED, "Ana Lima", "Seen again"),
        progress=SilentProgress(),
    )
    report = auditing.verify(case.workspace, kept_hash=head, kept_log=kept)
    assert report.doubts == ()
    assert report.closed_months == (CLOSED,)
    assert report.entry_count == len(json.loads(f"[{_lines(case)}]"))


def _lines(case: ClosingCase) -> str:
    log = (case.workspace.lake / lake_log.LOG).read_text("utf-8")
    return ",".join(log.splitlines())
