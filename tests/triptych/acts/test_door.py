"""One door for what is done from pages: who may, once, signed, and in a row."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.dashboard.fixtures.warehouse_fixture import published_workspace
from tests.layers import IS_FULL
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.core.acts import Actor
from triptych.core.errors import RunLockedError, UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.settings import load_settings
from triptych.core.signatures import signature_of
from triptych.core.warehouse.locks import read_history
from triptych.month import auditing

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings import Role
    from triptych.core.workspace import Workspace

ISSUER = "https://login.example.com"
COMMENT = {"period": "2026-09", "text": "The credit is late."}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace whose published run knows July to September 2026."""
    return published_workspace(tmp_path)


@pytest.fixture
def door(workspace: Workspace) -> WorkspaceDoor:
    return WorkspaceDoor(workspace.root)


def somebody(subject: str, role: Role | None = "finance") -> Actor:
    signature = signature_of(subject, "oidc", name=subject.title(), issuer=ISSUER)
    return Actor(signature, role)


ANA = somebody("ana")


def comments(workspace: Workspace) -> list[dict[str, Any]]:
    return [dict(entry.detail) for entry in read_history(workspace).comments]


def test_a_preview_writes_nothing_and_says_what_the_log_will_say(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    preview = door.preview(ANA, "comment", COMMENT)
    assert preview.says.startswith("Ana comments on 2026-09.")
    assert "+ text: The credit is late.\n" in preview.changes[0].diff
    assert comments(workspace) == []


def test_an_act_is_signed_by_the_login_and_not_by_what_is_filled_in(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    outcome = door.apply(ANA, "comment", COMMENT, token="token-0001")
    [detail] = comments(workspace)
    assert detail["author"] == "Ana"
    assert detail["signed"] == {
        "subject": f"{ISSUER}|ana",
        "authority": "oidc",
        "token": "token-0001",
    }
    assert outcome.entry_hash == read_history(workspace).head_hash
    with pytest.raises(UsageError, match="knows no field 'author'"):
        door.apply(ANA, "comment", {**COMMENT, "author": "Ben"}, token="token-0002")


def test_the_same_token_twice_acts_once(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    first = door.apply(ANA, "comment", COMMENT, token="token-0001")
    again = door.apply(ANA, "comment", COMMENT, token="token-0001")
    assert again.is_repeated
    assert (again.position, again.entry_hash) == (first.position, first.entry_hash)
    assert len(comments(workspace)) == 1
    with pytest.raises(UsageError, match="confirmed by somebody else"):
        door.apply(somebody("ben"), "comment", COMMENT, token="token-0001")


@pytest.mark.parametrize(
    "actor",
    [
        pytest.param(somebody("vera", "viewer"), id="viewer"),
        pytest.param(replace(ANA, is_limited=True), id="single cost centres"),
        pytest.param(somebody("nemo", None), id="no role"),
    ],
)
def test_whoever_may_not_is_refused_at_the_door(
    workspace: Workspace, door: WorkspaceDoor, actor: Actor
) -> None:
    with pytest.raises(NotAllowedError, match="“Comment on a month” is not for"):
        door.preview(actor, "comment", COMMENT)
    with pytest.raises(NotAllowedError):
        door.apply(actor, "comment", COMMENT, token="token-0001")
    assert comments(workspace) == []


def _asked(number: int) -> tuple[str, dict[str, str]]:
    """Return the act and the fields of the press with a number: five kinds in turn."""
    kind = number % 5
    name = f"model-{number}"
    return (
        ("comment", {**COMMENT, "text": name}),
        ("name_model", {"id": name, "name": f"Model {number}"}),
        (
            "enter_budget",
            {
                "month": "2026-09",
                "scope_type": "team",
                "scope_id": name,
                "amount": "7",
            },
        ),
        (
            "propose_assumption",
            {
                "id": name,
                "kind": "conversion",
                "metric": name,
                "value": "0.5",
                "unit": "EUR/minute",
                "better": "more",
                "cash": "no",
                "source": "minutes",
                "valid_from": "2026-01-01",
            },
        ),
        ("save_scenario", {"file": name, "text": f"name: {name}\nhorizon_months: 1\n"}),
    )[kind]


def test_a_hundred_acts_at_once_are_a_hundred_in_a_row(workspace: Workspace) -> None:
    """Of five kinds, each pressed twice, by seven people at two servers."""
    count = 100 if IS_FULL else 15
    teams = "".join(f"  - {{id: model-{number}}}\n" for number in range(count))
    (workspace.root / "catalog.yml").write_text(f"teams:\n{teams}")
    servers = [WorkspaceDoor(workspace.root), WorkspaceDoor(workspace.root)]

    def act(press: tuple[int, int]) -> bool:
        number, time = press
        name, given = _asked(number)
        actor, token = somebody(f"user{number % 7}"), f"token-{number:04d}"
        return servers[time].apply(actor, name, given, token=token).is_repeated

    with ThreadPoolExecutor(16) as pool:
        presses = [(number, time) for time in (0, 1) for number in range(count)]
        repeated = list(pool.map(act, presses))
    assert sum(repeated) == count
    assert left_of_them(workspace) == [f"model-{number}" for number in range(count)]
    for number in range(count):
        assert entry_of_token(workspace, f"token-{number:04d}") is not None
    report = auditing.verify(workspace)
    assert (report.doubts, report.entry_count) == ((), count)


def left_of_them(workspace: Workspace) -> list[str]:
    """Return what the presses left in the log and in files, each as often as there."""
    settings = load_settings(workspace.root)
    with (workspace.root / "budgets.csv").open() as lines:
        budgets = [line["scope_id"] for line in csv.DictReader(lines)]
    left = [
        *(detail["text"] for detail in comments(workspace)),
        *(model.id for model in settings.catalog.models),
        *budgets,
        *(each.id for each in settings.assumptions.assumptions),
        *(path.stem for path in workspace.scenarios_dir.glob("model-*.yml")),
    ]
    return sorted(left, key=lambda name: int(name.partition("-")[2]))


def test_what_is_different_since_the_preview_is_not_done(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    preview = door.preview(ANA, "comment", COMMENT)
    other = {**COMMENT, "text": "Something else."}
    with pytest.raises(UsageError, match="different since the preview"):
        door.apply(
            *(ANA, "comment", other),
            token="token-0001",
            fingerprint=preview.fingerprint,
        )
    assert comments(workspace) == []


def test_an_act_waits_for_a_run_only_a_little(
    workspace: Workspace, door: WorkspaceDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.acts.door._RUN_PATIENCE", 0.05)
    with (
        hold_run_lock(workspace.lock_file),
        pytest.raises(RunLockedError, match="Another run holds the workspace"),
    ):
        door.apply(ANA, "comment", COMMENT, token="token-0001")
    assert door.apply(ANA, "comment", COMMENT, token="token-0001").position == 1


def test_a_comment_cannot_be_undone(door: WorkspaceDoor) -> None:
    door.apply(ANA, "comment", COMMENT, token="token-0001")
    with pytest.raises(UsageError, match="only grows"):
        door.undo(ANA, "token-0001")
