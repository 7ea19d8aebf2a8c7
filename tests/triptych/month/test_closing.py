"""Who may close a month: refused before anything is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triptych.core.errors import RunLockedError, UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import NothingPublishedError
from triptych.core.workspace import Workspace, initialise
from triptych.month.closing import SignOff, close
from triptych.month.reopening import reopen

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return initialise(tmp_path / "workspace")


def try_to_close(workspace: Workspace, sign_off: SignOff, period: str) -> None:
    settings = load_settings(workspace.root)
    close(workspace, settings, sign_off, period=period, progress=SilentProgress())


@pytest.mark.parametrize(
    "other_spelling",
    [
        "Ana Lima",
        "ana lima",
        "  Ana   Lima ",
        "ANA\tLIMA",
        "\uff21\uff4e\uff41 \uff2c\uff49\uff4d\uff41",
        "Ana\u00a0Lima",
        "Ana\u200b Lima",
        "Ana-Lima.",
        "Ana L\u0131ma",
    ],
)
def test_one_person_cannot_close_and_approve_however_the_name_is_spelled(
    workspace: Workspace, other_spelling: str
) -> None:
    with pytest.raises(UsageError, match="cannot both close a month and approve it"):
        try_to_close(workspace, SignOff("Ana Lima", other_spelling), "2026-03")
    with pytest.raises(UsageError, match="cannot both open a month again and approve"):
        reopen(
            workspace,
            load_settings(workspace.root),
            SignOff("Ana Lima", other_spelling, "a typing error"),
            period="2026-03",
            progress=SilentProgress(),
        )


@pytest.mark.parametrize("nobody", ["", "  ", "-"])
def test_nobody_is_not_a_second_person(workspace: Workspace, nobody: str) -> None:
    with pytest.raises(UsageError, match="--approved-by names nobody"):
        try_to_close(workspace, SignOff("Ana Lima", nobody), "2026-03")


@pytest.mark.parametrize("period", ["2026-3", "2026-13", "March", "2026-03-01", ""])
def test_a_period_is_a_month(workspace: Workspace, period: str) -> None:
    with pytest.raises(UsageError, match="is not a month"):
        try_to_close(workspace, SignOff("Ana Lima", "Ben Okafor"), period)


def test_a_month_is_not_closed_while_a_run_is_under_way(workspace: Workspace) -> None:
    with hold_run_lock(workspace.lock_file), pytest.raises(RunLockedError) as refused:
        try_to_close(workspace, SignOff("Ana Lima", "Ben Okafor"), "2026-03")
    assert refused.value.exit_code == 7


def test_nothing_is_closed_that_was_never_published(workspace: Workspace) -> None:
    with pytest.raises(NothingPublishedError):
        try_to_close(workspace, SignOff("Ana Lima", "Ben Okafor"), "2026-03")


def test_one_person_cannot_open_a_month_again(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="--approved-by names nobody"):
        reopen(
            workspace,
            load_settings(workspace.root),
            SignOff("Ana Lima", None, "a typing error"),
            period="2026-03",
            progress=SilentProgress(),
        )


def test_a_month_that_is_not_closed_is_not_reopened(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"is not closed\. Closed months: none"):
        reopen(
            workspace,
            load_settings(workspace.root),
            SignOff("Ana Lima", "Ben Okafor", "a typing error"),
            period="2026-03",
            progress=SilentProgress(),
        )


def test_a_month_is_not_reopened_without_a_reason(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="only reopened with a --reason"):
        reopen(
            workspace,
            load_settings(workspace.root),
            SignOff("Ana Lima", "Ben Okafor", "  "),
            period="2026-03",
            progress=SilentProgress(),
        )
