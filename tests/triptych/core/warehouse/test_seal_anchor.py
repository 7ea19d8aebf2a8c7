"""The anchor of the audit log: a forged one is refused with what, where, what next."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.triptych.core.warehouse.journal_fixture import (
    MONTH,
    append,
    write_closed_workspace,
)
from triptych.core.lake import audit_log, lake_log
from triptych.core.lake.journal_head import HEAD, JournalHeadError, head_text
from triptych.core.lake.journal_key import (
    FILE_VARIABLE,
    KEY_FILE,
    VARIABLE,
    JournalKey,
    read_key,
)
from triptych.core.lake.seal_anchor import Anchor, anchor_file, read_anchor
from triptych.core.warehouse.journal_check import check_journal
from triptych.month import auditing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from triptych.core.workspace import Workspace

NOTE = {"billing_month": MONTH, "author": "Ana Lima", "text": "Seen"}
OF_A_FORGER = JournalKey(b"f" * 64)


@pytest.fixture(autouse=True)
def _without_a_key_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(FILE_VARIABLE, raising=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace of three entries, the second of which closed August."""
    workspace = write_closed_workspace(tmp_path / "company")
    append(workspace, "period_commented", NOTE)
    return workspace


def key_of(workspace: Workspace) -> JournalKey:
    key = read_key(workspace.root)
    assert key is not None
    return key


def content_of(workspace: Workspace) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(anchor_file(workspace.root).read_text())
    return content


def put(workspace: Workspace, /, **changed: object) -> None:
    content = content_of(workspace) | changed
    anchor_file(workspace.root).write_text(json.dumps(content))


def cut_the_last_entry(workspace: Workspace) -> tuple[Any, ...]:
    """Remove entry 3 everywhere; return entry 2. A kept older head fits it."""
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute("DELETE FROM catalogue.audit_log WHERE position = 3")
        newest = audit_log.read_rows(raw)[-1]
    log = workspace.lake / lake_log.LOG
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    key = key_of(workspace)
    head = {"position": 2, "entry_hash": newest[5]}
    head["seal"] = key.seal(head_text(2, newest[5]))
    (workspace.lake / HEAD).write_text(json.dumps(head))
    return newest


def edited_to_a_log_that_was_cut(workspace: Workspace) -> str:
    newest = cut_the_last_entry(workspace)
    put(workspace, position=2, entry_hash=newest[5])
    return f"was changed by hand: its seal of key {key_of(workspace).key_id}"


def dated_back_to_pass_for_an_earlier_log(workspace: Workspace) -> str:
    put(workspace, first_hash="0" * 64, seen_at="2020-01-01T00:00:00+00:00")
    return "was changed by hand"


def with_two_hashes_in_each_others_place(workspace: Workspace) -> str:
    content = content_of(workspace)
    put(workspace, first_hash=content["entry_hash"], entry_hash=content["first_hash"])
    return "was changed by hand"


def sealed_with_another_key(workspace: Workspace) -> str:
    newest = cut_the_last_entry(workspace)
    content = content_of(workspace) | {"position": 2, "entry_hash": newest[5]}
    forged = Anchor(**content).sealed_by(OF_A_FORGER)
    put(workspace, **asdict(forged))
    return f"is sealed with key {OF_A_FORGER.key_id}, the entry that it names with"


def with_a_seal_of_the_right_name(workspace: Workspace) -> str:
    newest = cut_the_last_entry(workspace)
    digest = "0" * 64
    seal = f"{key_of(workspace).key_id}:{digest}"
    put(workspace, position=2, entry_hash=newest[5], seal=seal)
    return "was changed by hand"


def without_its_seal(workspace: Workspace) -> str:
    newest = cut_the_last_entry(workspace)
    put(workspace, position=2, entry_hash=newest[5], seal="")
    return "has lost its seal, while the entry that it names is sealed"


def without_its_seal_and_dated_back(workspace: Workspace) -> str:
    content = content_of(workspace) | {"first_hash": "0" * 64, "seal": ""}
    put(workspace, **content | {"seen_at": "2020-01-01T00:00:00+00:00"})
    return "has lost its seal"


def half_of_it(workspace: Workspace) -> str:
    file = anchor_file(workspace.root)
    file.write_text(file.read_text()[:40])
    return "cannot be read"


FORGERIES: tuple[Callable[[Workspace], str], ...] = (
    edited_to_a_log_that_was_cut,
    dated_back_to_pass_for_an_earlier_log,
    with_two_hashes_in_each_others_place,
    sealed_with_another_key,
    with_a_seal_of_the_right_name,
    without_its_seal,
    without_its_seal_and_dated_back,
    half_of_it,
)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_anchor_is_refused_with_what_where_and_what_next(
    workspace: Workspace, forge: Callable[[Workspace], str]
) -> None:
    how = forge(workspace)
    where = str(anchor_file(workspace.root))
    for doubts in (auditing.verify(workspace).doubts, check_journal(workspace)):
        (found,) = [doubt for doubt in doubts if doubt.where == where]
        assert f"The anchor of the audit log {how}" in found.what
        assert found.billing_month == MONTH
    with pytest.raises(JournalHeadError) as refused:
        append(workspace, "period_commented", NOTE)
    assert (refused.value.what, refused.value.where) == (found.what, where)
    assert "triptych audit verify --head HASH" in (refused.value.next_step or "")


def test_the_anchor_of_another_workspace_is_refused_though_one_key_seals_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "e" * 64)
    first = write_closed_workspace(tmp_path / "first")
    second = write_closed_workspace(tmp_path / "second")
    anchor_file(first.root).write_bytes(anchor_file(second.root).read_bytes())
    (doubt,) = check_journal(first)
    assert f"is that of another workspace, {second.root}" in doubt.what


def test_its_lines_may_be_in_any_order(workspace: Workspace) -> None:
    reordered = dict(reversed(content_of(workspace).items()))
    anchor_file(workspace.root).write_text(json.dumps(reordered, indent=4))
    report = auditing.verify(workspace)
    assert report.doubts == ()
    assert report.anchor_note is None
    append(workspace, "period_commented", NOTE)


def test_an_anchor_of_before_a_key_counts_and_is_said_to_prove_less(
    workspace: Workspace,
) -> None:
    """Entries and anchor have no seal; the next entry seals both."""
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute("UPDATE catalogue.audit_log SET seal = NULL")
        rows = audit_log.read_rows(raw)
    (workspace.root / KEY_FILE).unlink()
    (workspace.lake / HEAD).unlink()
    (workspace.lake / lake_log.LOG).unlink()
    lake_log._append(workspace.lake / lake_log.LOG, rows)
    put(workspace, seal="", sealed_from=4)
    report = auditing.verify(workspace)
    assert report.doubts == ()
    assert "has no seal, as before a key existed" in (report.anchor_note or "")
    append(workspace, "period_commented", NOTE)
    anchor = read_anchor(workspace.root)
    assert anchor is not None
    assert anchor.is_sealed_by(key_of(workspace))
    assert (anchor.position, anchor.sealed_from) == (4, 4)
    assert auditing.verify(workspace).anchor_note is None


def test_after_a_change_of_keys_the_next_entry_seals_it_anew(
    workspace: Workspace,
) -> None:
    former = content_of(workspace)
    (workspace.root / KEY_FILE).unlink()
    auditing.rekey(workspace, by="Ana Lima", because="the disk was lost")
    assert auditing.verify(workspace).anchor_note is None
    # Another account of this machine saw the log last before its key was replaced.
    put(workspace, **former)
    report = auditing.verify(workspace)
    assert report.doubts == ()
    assert "which was replaced: its seal cannot be checked" in (
        report.anchor_note or ""
    )


def test_an_anchor_begins_again_where_somebody_says_why(workspace: Workspace) -> None:
    without_its_seal_and_dated_back(workspace)
    entry = auditing.accept_restored(
        workspace, by="Ana Lima", because="compared with the printed statement"
    )
    assert "has lost its seal" in entry.detail["lost"]
    report = auditing.verify(workspace)
    assert (report.doubts, report.anchor_note) == ((), None)
    half_of_it(workspace)
    entry = auditing.accept_restored(workspace, by="Ana Lima", because="disk failure")
    assert "seen_entry" not in entry.detail
    assert auditing.verify(workspace).doubts == ()


def test_where_there_is_no_anchor_it_is_said(workspace: Workspace) -> None:
    anchor_file(workspace.root).unlink()
    report = auditing.verify(workspace)
    assert report.doubts == ()
    assert "only kept hashes show its loss" in (report.anchor_note or "")
