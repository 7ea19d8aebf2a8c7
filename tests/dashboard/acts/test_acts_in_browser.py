"""Acts end to end by clicks: two people of finance, and a viewer who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.dashboard.acts.clicking import (
    do,
    entry_at,
    fill,
    form_of,
    go,
    listen,
    signed_in,
)
from tests.dashboard.oidc_provider import dashboard_of, free_port, oidc_provider
from tests.dashboard.test_access import ENTRIES
from tests.dashboard.test_sign_in import COOKIE_SECRET
from tests.e2e.cases.closing_case import (
    CLOSED,
    RULES,
    USAGE,
    copy_of_reconciled_company,
)
from triptych.core.settings import load_settings
from triptych.core.warehouse.locks import read_history
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.month import auditing
from triptych.run.study_journal import open_register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import BuiltWorkspaces
    from tests.e2e.cases.closing_case import ClosingCase

pytestmark = pytest.mark.browser

#: Allocation as a hand would write it that has not thought of a scope yet.
_WITHOUT_SCOPE = "# Ours.\n" + RULES[RULES.index("assignments:") :]
_BUDGETS = (
    "month,scope_type,scope_id,amount\n2026-06,team,search,1200.50\n"
    "2026-06,all,all,40000.00\n"
)
_PLAN = {
    "Study": "eta-pilot",
    "Feature": "eta",
    "Outcome": "minutes late",
    "Its unit": "minutes",
    "History from": "2098-01-01",
    "Launch": "2098-05-01",
    "Ends before": "2098-06-01",
}


@pytest.fixture(scope="module")
def served(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ClosingCase, str]]:
    """Serve a company whose March is reconciled, behind a login."""
    folder = tmp_path_factory.mktemp("acts")
    case = copy_of_reconciled_company(built_workspaces, folder / "company")
    port = free_port()
    back = f"http://127.0.0.1:{port}/oauth2callback"
    with oidc_provider(folder / "provider.log", redirect_uri=back) as provider:
        oidc = {
            "issuer": provider.issuer,
            "client_id": provider.client_id,
            "redirect_uri": back,
        }
        access = {"mode": "oidc", "oidc": oidc, "roles": ENTRIES}
        settings = (case.root / "triptych.yml").read_text()
        settings = settings.replace("access: {two_people: names}\n", "")
        case.write("triptych.yml", settings + yaml.safe_dump({"access": access}))
        variables = {
            "TRIPTYCH_OIDC_CLIENT_SECRET": provider.client_secret,
            "TRIPTYCH_COOKIE_SECRET": COOKIE_SECRET,
        }
        log = folder / "dashboard.log"
        with dashboard_of(case.root, log, port=port, **variables) as address:
            yield case, address


# fast: test_acting.py by the app's own parts, and triptych/acts/test_door.py
@pytest.mark.full
def test_two_people_of_finance_do_by_clicks_what_a_viewer_cannot(
    browser: Any, served: tuple[ClosingCase, str]
) -> None:
    case, address = served
    sent: list[bytes] = []
    month = f"{address}/close?period={CLOSED}"
    with (
        signed_in(browser, address, "fay") as fay,
        signed_in(browser, address, "finn") as finn,
    ):
        fay.on("websocket", lambda socket: listen(socket, sent))
        go(fay, f"{month}&close=Comments")
        _, position = do(fay, "Comment on", "fay commented", Comment="Looked at.")
        propose_and_approve(case, address, fay, finn, "discount", "ratio/year")
    comment = entry_at(case.workspace, position)
    assert comment.detail["signed"]["subject"].endswith("|fay")
    register = load_settings(case.root).assumptions.assumptions
    [rate] = [each for each in register if each.id == "discount"]
    assert (rate.owner, rate.approved_by) == ("fay", "finn")
    before = recorded(case)
    try_as_viewer(browser, address, sent)
    assert recorded(case) == before


@pytest.mark.full
def test_every_act_is_done_by_clicks_with_its_diff_and_its_entry(
    browser: Any, served: tuple[ClosingCase, str]
) -> None:
    """The seven of a first month: what is refused a viewer is the last of it."""
    case, address = served
    sent: list[bytes] = []
    with (
        signed_in(browser, address, "fay") as fay,
        signed_in(browser, address, "finn") as finn,
    ):
        fay.on("websocket", lambda socket: listen(socket, sent))
        run_and_watch(case, address, fay)
        lock_the_month(case, address, fay, finn)
        name_a_model(case, address, fay)
        accept_a_rule(case, address, fay)
        import_a_budget(case, address, fay)
        propose_and_approve(case, address, fay, finn, "hurdle", "ratio")
        plan_and_lock_a_study(case, address, fay)
        turn_save_and_run_a_scenario(case, address, fay)
    assert auditing.verify(case.workspace).doubts == ()
    before = recorded(case)
    try_as_viewer(browser, address, sent)
    assert recorded(case) == before


def recorded(case: ClosingCase) -> tuple[str, dict[str, bytes]]:
    """Return the head of the audit log, and the files of settings."""
    files = {path.name: path.read_bytes() for path in case.root.glob("*.yml")}
    return read_history(case.workspace).head_hash, files


def assert_signed(
    case: ClosingCase, position: int, by: str, act: str, event: str = "files_written"
) -> None:
    """Find the entry that the page names: what was done, and by which login."""
    entry = entry_at(case.workspace, position)
    assert entry.event == event
    assert entry.detail["signed"]["subject"].endswith(f"|{by}")
    assert entry.detail.get("act", act) == act


def run_and_watch(case: ClosingCase, address: str, fay: Any) -> None:
    """Start a run in the menu, and see there how it ended."""
    case.write("usage.csv", USAGE + "2026-04-05,eta,gpu,10,10,0,0,1\n")
    go(fay, f"{address}/data_health?period={CLOSED}")
    before = case.ask("SELECT run_id FROM core.mart_run")
    _, position = do(fay, "Start a run", "fay asked for a run")
    assert_signed(case, position, "fay", "start_run", "acted")
    menu = fay.get_by_test_id("stSidebar")
    menu.get_by_text("A run is under way").wait_for()
    menu.get_by_text("The last run").wait_for()
    assert "failed" not in menu.inner_text()
    assert case.ask("SELECT run_id FROM core.mart_run") != before
    menu.get_by_role("button", name="Show its figures").click()


def lock_the_month(case: ClosingCase, address: str, fay: Any, finn: Any) -> None:
    month = f"{address}/close?period={CLOSED}"
    go(fay, month)
    shown, position = do(fay, "Propose to lock the month", "fay proposed to lock")
    assert f"+ month: {CLOSED}" in shown
    assert_signed(case, position, "fay", "propose_close", "sign_off_proposed")
    go(finn, month)
    finn.get_by_text("A second person approves.").wait_for()
    done = "is locked: proposed by fay"
    shown, position = do(finn, "Approve and lock the month", done)
    [lock] = read_history(case.workspace).locks
    assert (lock.locked_by, lock.approved_by) == ("fay", "finn")
    assert f"+ content: {lock.content_hash}" in shown
    assert_signed(case, position, "finn", "approve_close", "period_closed")


def name_a_model(case: ClosingCase, address: str, fay: Any) -> None:
    go(fay, f"{address}/cost_by_model?period={CLOSED}")
    fields = {"Model": "eta", "Name (optional)": "Arrival time"}
    shown, position = do(fay, "Name a model", "Model eta has name", **fields)
    assert "+  - {id: eta, team: search, name: Arrival time}" in shown
    assert_signed(case, position, "fay", "name_model")
    models = {each.id: each.name for each in load_settings(case.root).catalog.models}
    assert models["eta"] == "Arrival time"


def accept_a_rule(case: ClosingCase, address: str, fay: Any) -> None:
    case.write("allocation.yml", _WITHOUT_SCOPE)
    go(fay, f"{address}/data_health?period={CLOSED}")
    form = form_of(fay, "Accept a single proposal")
    form.get_by_role("button", name="Look").click()
    rule = {"Proposal": "scope: tagged with model"}
    shown, position = do(fay, "Accept a single proposal", "Accepted: scope", **rule)
    assert '+  - {name: tagged with model, match: {tags: {model: "*"}}}' in shown
    assert_signed(case, position, "fay", "accept_proposal")
    text = (case.root / "allocation.yml").read_text()
    assert text.startswith(_WITHOUT_SCOPE)
    assert "tagged with model" in text


def import_a_budget(case: ClosingCase, address: str, fay: Any) -> None:
    go(fay, f"{address}/budget?period={CLOSED}")
    form = form_of(fay, "Import budgets")
    file = {"name": "plan.csv", "mimeType": "text/csv", "buffer": _BUDGETS.encode()}
    form.locator("input[type=file]").set_input_files(file)
    form.get_by_text("plan.csv").wait_for()
    # Until it has been sent, a preview is of no file.
    form.get_by_role("progressbar").wait_for(state="detached")
    shown, position = do(fay, "Import budgets", "2 budgets are imported")
    assert "+2026-06,team,search,1200.50,EUR" in shown
    assert "+  - {name: budgets, type: tables, stream: budgets" in shown
    assert_signed(case, position, "fay", "import_budgets")
    assert "2026-06,all,all,40000.00,EUR" in (case.root / "budgets.csv").read_text()


def propose_and_approve(
    case: ClosingCase, address: str, fay: Any, finn: Any, name: str, unit: str
) -> None:
    """Propose a rate, which somebody else approves and the proposer cannot."""
    page = f"{address}/lineage?period={CLOSED}"
    proposed = {
        "Name": name,
        "Kind": f"{name}_rate",
        "Value": "0.08",
        "Unit": unit,
        "Source": "treasury",
        "Valid from": "2026-01-01",
    }
    go(fay, page)
    done = f"fay proposed {name}"
    shown, position = do(fay, "Propose an assumption", done, **proposed)
    assert 'valid_from: "2026-01-01"' in shown
    assert_signed(case, position, "fay", "propose_assumption")
    go(fay, page)
    own = form_of(fay, "Approve an assumption")
    fill(fay, own, Assumption=name)
    own.get_by_role("button", name="Preview").click()
    own.get_by_text("cannot both propose an assumption and approve it").wait_for()
    go(finn, page)
    approved = {"Assumption": name}
    done = f"finn approved {name}"
    shown, position = do(finn, "Approve an assumption", done, **approved)
    assert "approved_by: finn" in shown
    assert_signed(case, position, "finn", "approve_assumption")


def plan_and_lock_a_study(case: ClosingCase, address: str, fay: Any) -> None:
    go(fay, f"{address}/impact?period={CLOSED}")
    shown, position = do(fay, "Plan a study", "The plan of study eta-pilot", **_PLAN)
    assert "+launch: 2098-05-01" in shown
    assert_signed(case, position, "fay", "plan_study")
    go(fay, f"{address}/impact?period={CLOSED}")
    plan = {"Plan": "eta-pilot"}
    shown, position = do(fay, "Lock the plan of a study", "fay locks the plan", **plan)
    [locked] = open_register(case.workspace).entries("eta-pilot")
    assert f"+ plan: {locked.plan_hash}" in shown
    assert_signed(case, position, "fay", "register_study", "study_registered")


def turn_save_and_run_a_scenario(case: ClosingCase, address: str, fay: Any) -> None:
    """Write one, save it with another horizon under a name, and run the first."""
    go(fay, f"{address}/scenarios?period={CLOSED}")
    _, position = do(fay, "Save a scenario", "is saved", File="stay")
    assert_signed(case, position, "fay", "save_scenario")
    go(fay, f"{address}/scenarios?period={CLOSED}")
    slider = fay.get_by_test_id("stSlider").filter(has_text="Horizon, months")
    horizon = slider.get_by_role("slider")
    horizon.focus()
    for _ in range(2):
        horizon.press("ArrowLeft")
    fay.get_by_text("A month costs").wait_for()
    saved = {"Save as": "stay_shorter", "Name (optional)": "Stay, shorter"}
    shown, position = do(fay, "Save it with these numbers", "is saved", **saved)
    assert "+horizon_months: 34" in shown
    assert_signed(case, position, "fay", "change_scenario")
    go(fay, f"{address}/scenarios?period={CLOSED}")
    _, position = do(fay, "Run a scenario", "is worked out and saved")
    assert_signed(case, position, "fay", "run_scenario", "acted")
    [result] = ScenarioStore(case.workspace.scenario_results).all()
    assert (result["name"], result["author"]) == ("Stay where we are", "fay")


def try_as_viewer(browser: Any, address: str, sent: list[bytes]) -> None:
    """Look for what to click, send what another browser sent, and open each address."""
    pressed = [message for message in sent if b"act:" in message]
    assert pressed
    with signed_in(browser, address, "vera") as page:
        sockets: list[Any] = []

        def forward(socket: Any) -> None:
            sockets.append(socket.connect_to_server())

        page.route_web_socket("**/_stcore/stream", forward)
        for name in ("impact", "explore", "cost_by_model"):
            page.goto(f"{address}/{name}?period={CLOSED}")
            page.get_by_text("You see this as viewer").wait_for()
            assert page.get_by_role("button", name="Preview").count() == 0
        for message in pressed:
            sockets[-1].send(message)
        page.wait_for_timeout(1500)
        for name in ("close", "budget", "lineage", "data_health", "scenarios"):
            page.goto(f"{address}/{name}?period={CLOSED}")
            page.get_by_text("This page is not for the role viewer.").wait_for()
