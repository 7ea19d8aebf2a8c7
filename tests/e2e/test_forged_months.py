"""A closed month that was forged is found, and the month is named.

The forger knows how hashes are made. What they do not have is the hash, or the copy of
the log, that was kept elsewhere when March was closed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.e2e.closing_case import CLOSED, ClosingCase, copy_of_reconciled_company
from triptych import auditing
from triptych.commenting import comment
from triptych.progress import SilentProgress
from triptych.settings import load_settings
from triptych.warehouse import audit_log, lake_log
from triptych.warehouse.locks import CommentText, read_history

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces


@pytest.fixture(scope="module")
def closed(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("closed")
    case = copy_of_reconciled_company(built_workspaces, folder / "company")
    case.close()
    comment(
        case.workspace,
        load_settings(case.root),
        CommentText(CLOSED, "Ana Lima", "Closed as agreed"),
        progress=SilentProgress(),
    )
    return case


def _rewrite(case: ClosingCase, old: str, new: str, *, lake: bool) -> None:
    """Change the log and work out every hash after it, perhaps in the lake too."""
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        rows = raw.execute(
            "SELECT position, occurred_at, event, detail FROM catalogue.audit_log"
            " ORDER BY position"
        ).fetchall()
        raw.execute("DELETE FROM catalogue.audit_log")
        previous = ""
        for position, at, event, detail in rows:
            text = detail.replace(old, new)
            digest = audit_log._entry_hash(position, at, event, text, previous)
            raw.execute(
                "INSERT INTO catalogue.audit_log VALUES (?, ?, ?, ?, ?, ?)",
                [position, at, event, text, previous, digest],
            )
            previous = digest
        if lake:
            (case.workspace.lake / lake_log.LOG).unlink()
            lake_log.catch_up(raw, case.workspace.lake)


def another_approver(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=False)


def another_approver_everywhere(case: ClosingCase) -> None:
    _rewrite(case, "Ben Okafor", "Eve Mallory", lake=True)


def another_comment_everywhere(case: ClosingCase) -> None:
    _rewrite(case, "as agreed", "in error", lake=True)


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


def a_kept_file_and_its_hash_changed(case: ClosingCase) -> None:
    path = next(case.workspace.locked_dir.rglob("mart_cost_waterfall.csv"))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    a_kept_file_changed(case)
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    _rewrite(case, before, after, lake=True)


def frozen_rows_changed(case: ClosingCase) -> None:
    path = next(case.workspace.lake.glob("locked_*/*/*/*/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


FORGERIES: tuple[Callable[[ClosingCase], None], ...] = (
    another_approver,
    another_approver_everywhere,
    another_comment_everywhere,
    an_entry_changed_alone,
    the_end_cut,
    the_end_cut_everywhere,
    an_entry_removed,
    the_copy_changed,
    a_kept_file_changed,
    a_kept_file_removed,
    a_kept_file_and_its_hash_changed,
    frozen_rows_changed,
)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forgery_is_found_by_what_was_kept_and_names_the_month(
    closed: ClosingCase, tmp_path: Path, forge: Callable[[ClosingCase], None]
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    kept = tmp_path / "kept.jsonl"
    shutil.copy(case.workspace.lake / lake_log.LOG, kept)
    head = read_history(case.workspace).head_hash
    forge(case)
    by_hash = auditing.verify(case.workspace, kept_hash=head)
    by_log = auditing.verify(case.workspace, kept_log=kept)
    for report in (by_hash, by_log):
        assert report.doubts
    assert CLOSED in {doubt.billing_month for doubt in by_hash.doubts + by_log.doubts}


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
