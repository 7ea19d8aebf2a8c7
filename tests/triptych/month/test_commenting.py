"""Who may say what about a month, and that it stays said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.fixtures.warehouse_fixture import published_workspace
from triptych.core.control.tables import control_tables, inputs_hash
from triptych.core.errors import RunLockedError, UsageError
from triptych.core.lake.audit_log import AuditLogError
from triptych.core.lock import hold_run_lock
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.locks import CommentText, read_history
from triptych.month.commenting import MAX_LENGTH, comment

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace
    from triptych.month.commenting import CommentReport


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace whose published run knows July to September 2026."""
    return published_workspace(tmp_path)


def say(workspace: Workspace, text: str, **about: str) -> CommentReport:
    said = CommentText(
        about.get("period", "2026-09"),
        about.get("by", "Ana Lima"),
        text,
        about.get("against"),
        about.get("model"),
    )
    settings = load_settings(workspace.root)
    return comment(workspace, settings, said, progress=SilentProgress())


def test_comments_are_kept_in_order_with_author_month_and_model(
    workspace: Workspace,
) -> None:
    first = say(workspace, "  The credit is late. ", by=" Ana   Lima")
    second = say(
        workspace, "Spot prices.", by="Ben Okafor", against="2026-08", model="eta-v2"
    )
    assert (first.author, first.text) == ("Ana Lima", "The credit is late.")
    assert first.published_run_id is None
    history = read_history(workspace)
    assert [dict(entry.detail) for entry in history.comments] == [
        {
            "billing_month": "2026-09",
            "author": "Ana Lima",
            "text": "The credit is late.",
            "prior_billing_month": None,
            "model_id": None,
        },
        {
            "billing_month": "2026-09",
            "author": "Ben Okafor",
            "text": "Spot prices.",
            "prior_billing_month": "2026-08",
            "model_id": "eta-v2",
        },
    ]
    assert history.head_hash == second.audit_log_hash
    assert (history.events, history.locks) == ((), ())


def test_a_comment_changes_no_figure_so_a_month_can_still_be_closed(
    workspace: Workspace,
) -> None:
    settings = load_settings(workspace.root)
    before = read_history(workspace)
    said = say(workspace, "Looked at.")
    after = read_history(workspace)
    hashes = {
        inputs_hash(settings, history, load_ids=[], project=[])
        for history in (before, after)
    }
    assert len(hashes) == 1
    tables = {
        table.name: table.rows
        for table in control_tables(
            settings, run_id="r", started_at=datetime.now(UTC), history=after
        )
    }
    ((position, _, month, *_, text, entry_hash),) = tables["period_comments"]
    assert (position, month, text) == (said.log_position, "2026-09", "Looked at.")
    assert entry_hash == said.audit_log_hash


def test_a_comment_that_is_changed_by_hand_is_found(workspace: Workspace) -> None:
    say(workspace, "It was me.")
    with duckdb.connect(str(workspace.raw_database)) as connection:
        connection.execute(
            "UPDATE catalogue.audit_log SET detail ="
            " replace(detail, 'Ana Lima', 'Ben Okafor')"
        )
    with pytest.raises(AuditLogError, match="is not what was written"):
        say(workspace, "And another.")


@pytest.mark.parametrize(
    ("about", "text", "message"),
    [
        ({"by": "ana.lima@example.invalid"}, "x", "--by is an e-mail address"),
        ({"by": "Ana <ana@example.invalid>"}, "x", "--by is an e-mail address"),
        ({"by": " - "}, "x", "--by names nobody"),
        ({}, "   ", "this one 0"),
        ({}, "x" * (MAX_LENGTH + 1), "this one 2,001"),
        ({"period": "2026-9"}, "x", "--period '2026-9' is not a month"),
        ({"against": "last"}, "x", "--against 'last' is not a month"),
        ({"against": "2026-09"}, "x", "is not before 2026-09"),
        ({"period": "2031-01"}, "x", "--period 2031-01 has no figures"),
        ({"against": "2020-01"}, "x", "--against 2020-01 has no figures"),
        ({"model": "eta"}, "x", "--model 'eta' is no model"),
        # What a terminal that is not UTF-8 makes of "Köln".
        ({}, "K\udcf6ln", r"'text' is not UTF-8: 'K\\udcf6ln'"),
        ({"by": "J\udcf6rg"}, "x", r"'author' is not UTF-8"),
        ({}, "paid \x1b[2Kfree", r"'text' has the character U\+001B"),
        ({}, "paid \x7f", r"'text' has the character U\+007F"),
        ({}, "EUR \u202e001", r"'text' has the character U\+202E"),
        ({}, "EUR \u2066001", r"'text' has the character U\+2066"),
    ],
)
def test_what_cannot_be_said_is_refused_and_leaves_no_entry(
    workspace: Workspace, about: dict[str, str], text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        say(workspace, text, **about)
    assert read_history(workspace).comments == ()


def test_nothing_is_said_while_a_run_is_under_way(workspace: Workspace) -> None:
    with hold_run_lock(workspace.lock_file), pytest.raises(RunLockedError):
        say(workspace, "Too early.")
