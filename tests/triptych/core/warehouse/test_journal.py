"""The key, the seals and the head of the audit log, and what a monitor sees of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.triptych.core.warehouse.journal_fixture import (
    KEPT,
    MONTH,
    append,
    write_closed_workspace,
)
from triptych.core.errors import TriptychError, UsageError
from triptych.core.lake import audit_log, lake_log
from triptych.core.lake.journal_head import HEAD, JournalHeadError
from triptych.core.lake.journal_key import (
    FILE_VARIABLE,
    KEY_FILE,
    VARIABLE,
    JournalKeyError,
    read_key,
)
from triptych.core.lake.seal_anchor import anchor_file
from triptych.core.settings import load_settings
from triptych.core.warehouse import journal_check
from triptych.core.warehouse.journal_check import check_journal
from triptych.month import auditing
from triptych.service.health import judge

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace

NOTE = {"billing_month": MONTH, "author": "Ana Lima", "text": "Seen"}


@pytest.fixture(autouse=True)
def _without_a_key_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(FILE_VARIABLE, raising=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write_closed_workspace(tmp_path / "company")


def rows_of(workspace: Workspace) -> list[tuple[object, ...]]:
    return list(lake_log.read_log(workspace.lake))


def test_the_key_is_made_for_its_user_alone_and_seals_every_entry(
    workspace: Workspace,
) -> None:
    key = workspace.root / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert all(row[6] for row in rows_of(workspace))
    everything = (workspace.lake / lake_log.LOG).read_text()
    assert key.read_text().splitlines()[0] not in everything
    assert check_journal(workspace) == ()


def test_a_key_that_others_may_read_is_refused(workspace: Workspace) -> None:
    (workspace.root / KEY_FILE).chmod(0o644)
    with pytest.raises(JournalKeyError, match="Others may read the key"):
        append(workspace, "period_commented", NOTE)


def test_a_key_may_lie_elsewhere_or_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "secrets/journal"
    monkeypatch.setenv(FILE_VARIABLE, str(elsewhere))
    first = write_closed_workspace(tmp_path / "first")
    assert elsewhere.exists()
    assert not (first.root / KEY_FILE).exists()
    monkeypatch.setenv(VARIABLE, "f" * 64)
    second = write_closed_workspace(tmp_path / "second")
    assert not (second.root / KEY_FILE).exists()
    assert check_journal(second) == ()


def test_without_its_key_nothing_is_added_until_somebody_says_why(
    workspace: Workspace,
) -> None:
    (workspace.root / KEY_FILE).unlink()
    with pytest.raises(JournalKeyError, match="triptych audit rekey"):
        append(workspace, "period_commented", NOTE)
    assert "is not here" in check_journal(workspace)[0].what
    entry = auditing.rekey(workspace, by="Ana Lima", because="the disk was lost")
    assert entry.detail["reason"] == "the disk was lost"
    append(workspace, "period_commented", NOTE)
    assert check_journal(workspace) == ()
    with pytest.raises(UsageError, match="not sealed with another key"):
        auditing.rekey(workspace, by="Ana Lima", because="again")


def test_entries_of_an_earlier_version_stay_verifiable_and_sealing_has_a_date(
    tmp_path: Path,
) -> None:
    workspace = write_closed_workspace(tmp_path)
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute("ALTER TABLE catalogue.audit_log DROP COLUMN seal")
    (workspace.root / KEY_FILE).unlink()
    for path in (HEAD, lake_log.LOG):
        (workspace.lake / path).unlink()
    # On this machine nothing of the log was seen before.
    anchor_file(workspace.root).unlink()
    assert auditing.verify(workspace).sealed_from is None
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute(audit_log.SCHEMA)
    append(workspace, "period_commented", NOTE)
    report = auditing.verify(workspace)
    assert report.doubts == ()
    assert report.sealed_from == 3
    assert report.sealed_since == rows_of(workspace)[2][1]


def test_a_log_whose_end_was_cut_is_not_gone_on_with(workspace: Workspace) -> None:
    """Also where the copy in the lake ends as early, and hashes and seals are right."""
    log = workspace.lake / lake_log.LOG
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:1]))
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute("DELETE FROM catalogue.audit_log WHERE position = 2")
    with pytest.raises(JournalHeadError, match="lacks entry 2"):
        append(workspace, "period_commented", NOTE)
    by_head, by_anchor = check_journal(workspace)
    assert "its end was cut off" in by_head.what
    assert "lacks entry 2, seen on" in by_anchor.what


def test_a_full_disk_leaves_a_log_that_the_next_opening_completes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(workspace)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            append(workspace, "period_commented", NOTE)
    assert rows_of(workspace)[: len(before)] == before
    append(workspace, "period_commented", NOTE)
    assert [row[0] for row in rows_of(workspace)] == [1, 2, 3, 4]
    assert auditing.verify(workspace).doubts == ()


def test_what_was_checked_is_not_read_again_until_a_file_changes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_journal(workspace) == ()

    def unread(_: Path) -> str:
        raise AssertionError

    kept = next(workspace.locked_dir.rglob(KEPT))
    with monkeypatch.context() as patch:
        patch.setattr(lake_log, "read_log", unread)
        patch.setattr(journal_check, "file_checksum", unread)
        assert check_journal(workspace) == ()
    times = kept.stat()
    kept.write_text("amount\n985\n")
    os.utime(kept, ns=(times.st_atime_ns, times.st_mtime_ns))
    (doubt,) = check_journal(workspace)
    assert doubt.billing_month == MONTH


def test_a_remembered_check_cannot_be_invented(workspace: Workspace) -> None:
    """The note of what was checked carries a seal, too."""
    assert check_journal(workspace) == ()
    key = read_key(workspace.root)
    assert key is not None
    note = (workspace.runs_dir / "audit_checked.json").read_text()
    assert key.key_id in note
    next(workspace.locked_dir.rglob(KEPT)).write_text("amount\n1850\n")
    assert check_journal(workspace)


def test_a_month_in_doubt_turns_health_red_with_what_where_and_what_next(
    workspace: Workspace,
) -> None:
    (workspace.root / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    next(workspace.locked_dir.rglob(KEPT)).write_text("amount\n1850\n")
    found = judge(workspace, load_settings(workspace.root))
    assert found.state == "failed"
    (reason,) = [text for text in found.reasons if MONTH in text]
    assert f"Month {MONTH} is in doubt: {KEPT} is not what was stored" in reason
    assert str(workspace.locked_dir) in reason
    assert 'Run "triptych audit verify"' in reason


def test_a_head_is_kept_in_a_file_and_compared_later(
    workspace: Workspace, tmp_path: Path
) -> None:
    from triptych.month.audit_heads import write_head

    kept = tmp_path / "head.json"
    write_head(auditing.head_of(auditing.verify(workspace), "Acme"), kept)
    append(workspace, "period_commented", NOTE)
    assert auditing.verify(workspace, kept_log=kept).doubts == ()
    kept.write_text(kept.read_text().replace('"head_hash": "', '"head_hash": "0'))
    (doubt,) = auditing.verify(workspace, kept_log=kept).doubts
    assert doubt.billing_month == MONTH
    with pytest.raises(TriptychError, match="cannot be written"):
        write_head(
            auditing.head_of(auditing.verify(workspace), "Acme"),
            tmp_path / "absent" / "head.json",
        )
