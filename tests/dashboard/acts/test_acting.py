"""Doing something from a page: who is offered it, what is asked first, what is kept."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from streamlit import config
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard.app.server import APP
from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.scenarios_fixture import MOVE, save_scenario
from tests.dashboard.fixtures.warehouse_fixture import published_workspace
from tests.dashboard.test_access import HEAD, ISSUER, OIDC
from tests.triptych.acts.test_alert_rules import NOTIFY
from tests.triptych.discovery.test_first_hour import GOOD
from triptych.core.acts import Outcome
from triptych.core.lock import hold_run_lock
from triptych.core.signatures import of_operating_system
from triptych.core.warehouse.locks import read_history

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace

COMMENT = "act:comment|period=2026-09|against="


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return published_workspace(tmp_path)


@pytest.fixture
def served(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Serve a workspace to its own machine, with a door."""
    serve(workspace, monkeypatch, "local")
    return workspace


def serve(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    place = ["--workspace", str(workspace.root), "--access", mode]
    door = ["--acts", "triptych.acts.door"]
    monkeypatch.setattr(sys, "argv", ["router.py", *place, *door])
    if mode == "oidc":
        config.set_option("server.address", "0.0.0.0")  # noqa: S104
        settings = yaml.safe_dump(HEAD | {"access": OIDC})
        (workspace.root / "triptych.yml").write_text(settings)


def close_page(user: dict[str, Any] | None = None, page: str = "close") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.query_params["view"] = "whole"
    if user is not None:
        login = {"is_logged_in": True, "iss": ISSUER, "iat": time.time() - 60}
        app.user = login | user
    app._page_hash = calc_hash(page)
    return app.run()


def write_comment(app: AppTest, text: str) -> AppTest:
    app.text_area(key=f"{COMMENT}:text").input(text)
    return app.button(key=f"{COMMENT}:preview").click().run()


def comments(workspace: Workspace) -> list[dict[str, Any]]:
    return [dict(entry.detail) for entry in read_history(workspace).comments]


def test_a_comment_is_previewed_confirmed_and_signed_by_the_user_of_the_machine(
    served: Workspace,
) -> None:
    app = write_comment(close_page(), "The credit is late.")
    assert "+ text: The credit is late." in text_of(app)
    assert comments(served) == []
    app = app.button(key=f"{COMMENT}:confirm").click().run()
    [detail] = comments(served)
    user = of_operating_system()
    assert (detail["author"], detail["text"]) == (user.name, "The credit is late.")
    assert detail["signed"]["subject"] == user.subject
    [success] = app.success
    assert "The next run shows it" in success.value
    assert "Entry 1 of the audit log." in success.value


def test_what_was_given_is_there_again_after_cancel_and_after_a_refusal(
    served: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.acts.door._RUN_PATIENCE", 0.05)
    app = write_comment(close_page(), "The credit is late.")
    app.text_input(key=f"{COMMENT}:reason").input("As agreed")
    app = app.button(key=f"{COMMENT}:cancel").click().run()
    assert app.text_area(key=f"{COMMENT}:text").value == "The credit is late."
    app = app.button(key=f"{COMMENT}:preview").click().run()
    assert app.text_input(key=f"{COMMENT}:reason").value == "As agreed"
    with hold_run_lock(served.lock_file):
        app = app.button(key=f"{COMMENT}:confirm").click().run()
    assert "Another run holds the workspace" in app.error[0].value
    assert app.text_area(key=f"{COMMENT}:text").value == "The credit is late."
    app = app.button(key=f"{COMMENT}:preview").click().run()
    app.button(key=f"{COMMENT}:confirm").click().run()
    assert [detail["text"] for detail in comments(served)] == ["The credit is late."]


@pytest.mark.usefixtures("served")
def test_what_an_act_has_come_to_stays_when_its_run_has_changed_the_page() -> None:
    """After a reopening the page offers the next close; what was done is said still."""
    app = close_page()
    key = "act:approve_reopen|period=2026-09"
    did = Outcome("approve_reopen", "2026-09 is open again.", "", "a" * 64, 7)
    app.session_state[key] = did
    app.run()
    [success] = app.success
    assert "2026-09 is open again." in success.value
    assert "Entry 7 of the audit log." in success.value
    app.button(key=f"{key}:done").click().run()
    assert not app.success


def test_another_file_has_its_own_name_and_a_typed_one_stays(
    served: Workspace,
) -> None:
    (served.root / "bills").mkdir(exist_ok=True)
    app, key = close_page(page="data_health"), "act:upload_file|folder="
    for name in ("first.csv", "second.csv"):
        chosen = app.file_uploader(key=f"{key}:file")
        chosen.set_value((name, GOOD.encode(), "text/csv"))
        app = app.run().button(key=f"{key}:preview").click().run()
        assert f"{name} is put into bills" in text_of(app)
        app = app.button(key=f"{key}:cancel").click().run()
    # The file that was given before is there still, under its name.
    app = app.button(key=f"{key}:preview").click().run()
    assert "second.csv is put into bills" in text_of(app)
    app = app.button(key=f"{key}:cancel").click().run()
    app.text_input(key=f"{key}:name").input("may.csv")
    app = app.run().button(key=f"{key}:preview").click().run()
    assert "may.csv is put into bills" in text_of(app)


def test_what_cannot_be_done_is_said_in_the_form(served: Workspace) -> None:
    app = write_comment(close_page(), " ")
    assert "lacks Comment" in app.error[0].value
    assert comments(served) == []


def test_a_login_signs_with_its_subject_and_is_shown_by_its_name(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(workspace, monkeypatch, "oidc")
    fay = {"sub": "f-17", "name": "Fay Moss", "groups": ["finance-group"]}
    app = write_comment(close_page(fay), "Looked at.")
    app.button(key=f"{COMMENT}:confirm").click().run()
    [detail] = comments(workspace)
    assert detail["author"] == "Fay Moss"
    assert detail["signed"]["subject"] == f"{ISSUER}|f-17"


def test_whoever_loses_the_role_before_confirming_does_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(workspace, monkeypatch, "oidc")
    fay = {"sub": "f-17", "name": "Fay Moss", "groups": ["finance-group"]}
    app = write_comment(close_page(fay), "Looked at.")
    app.user = dict(app.user) | {"groups": ["viewer-group"]}
    app.button(key=f"{COMMENT}:confirm").click().run()
    assert comments(workspace) == []


def test_without_a_door_a_page_names_the_command(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ["--workspace", str(workspace.root), "--access", "local"]
    monkeypatch.setattr(sys, "argv", ["router.py", *place])
    app = close_page()
    assert 'triptych comment --period 2026-09 "TEXT"' in text_of(app)
    assert not [each for each in app.button if "act:" in (each.key or "")]


def test_rules_of_alerts_are_listed_and_added_on_data_health(served: Workspace) -> None:
    path = served.root / "triptych.yml"
    path.write_text(f"{path.read_text('utf-8')}{NOTIFY}", "utf-8")
    rule = "act:add_alert_rule"
    app = close_page(page="data_health")
    assert "0 alert rules" in [each.label for each in app.expander]
    app.selectbox(key=f"{rule}:alert").select("month_red")
    app.text_input(key=f"{rule}:channels").input("finance")
    app = app.button(key=f"{rule}:preview").click().run()
    assert "+    - {alert: month_red, channels: [finance]}" in text_of(app)
    app.button(key=f"{rule}:confirm").click().run()
    again = close_page(page="data_health")
    assert "1 alert rule" in [each.label for each in again.expander]
    assert "Month red to finance" in text_of(again)


def test_scenarios_are_changed_in_a_tab_of_their_own(served: Workspace) -> None:
    save_scenario(served.root, "Move", MOVE)
    assert "Change, save, run" in text_of(close_page(page="scenarios"))
    first = AppTest.from_file(str(APP), default_timeout=30)
    first._page_hash = calc_hash("scenarios")
    answer = text_of(first.run())
    assert "**Move** against carrying on" in answer
    assert "Change, save, run" not in answer
