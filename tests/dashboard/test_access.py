"""Each role on each page: the menu, the address, the data behind it, the files."""

from __future__ import annotations

import ast
import re
import sys
import time
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Protocol, get_args

import duckdb
import pytest
import streamlit as st
import yaml
from streamlit import config
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import exports
from dashboard.app.server import APP
from dashboard.pages.close import queries as close_queries
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import access, roles, selection_queries
from tests.dashboard.conftest import text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.errors import SettingsError, UsageError
from triptych.core.settings import Role, load_access, load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

ISSUER = "https://login.example.com/realms/acme"
ROLES: tuple[Role, ...] = get_args(Role)
HEAD = {"organisation": "Acme", "currency": "EUR"}
ENTRIES = [
    *({"role": role, "values": [f"{role}-group"]} for role in ROLES),
    {"role": "viewer", "values": ["vision-team"], "cost_centers": ["cc-200"]},
    {"role": "finance", "values": ["vision-finance"], "cost_centers": ["cc-200"]},
]
OIDC = {
    "mode": "oidc",
    "oidc": {
        "issuer": ISSUER,
        "client_id": "triptych",
        "redirect_uri": "https://costs.example.com/oauth2callback",
    },
    "roles": ENTRIES,
}
PROXY = {
    "mode": "proxy",
    "proxy": {"addresses": ["10.0.4.0/24"]},
    "roles": ENTRIES,
}
#: By hand, and as docs/how_to/sign_in.md has it.
FOR_EVERYBODY = {"cost_by_model", "explore", "gpu_idle", "velocity", "impact"}
PLANNING = {"scenarios"}
INSIDE = {
    *(
        "summary",
        "setup",
        "budget",
        "scorecard",
        "lineage",
        "data_health",
    ),
}
OF_FINANCE = {"close", "statements"}
ALLOWED = {
    "finance": FOR_EVERYBODY | INSIDE | PLANNING | OF_FINANCE,
    "engineering": FOR_EVERYBODY | INSIDE,
    "analyst": FOR_EVERYBODY | INSIDE | PLANNING,
    "viewer": FOR_EVERYBODY,
}


class OpenAs(Protocol):
    """Opens the app as somebody with groups, at the address of a page."""

    def __call__(self, *groups: str, page: str = "", **claims: object) -> AppTest:
        """Return the app after its first run."""


class ThroughProxy(Protocol):
    """Opens the app over a connection from an address, with the proxy's headers."""

    def __call__(self, peer: str, *told: str, page: str = "") -> AppTest:
        """Return the app after its first run."""


def pages_of_the_menu() -> list[str]:
    """Return the pages that the router has; importing it would run it."""
    tree = ast.parse(APP.read_text("utf-8"))
    [menu] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PAGES"
    ]
    return [name for section in menu.values() for name in section]


EVERY_PAGE = pages_of_the_menu()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    publish(folder)
    return folder


def settings_of(root: Path, content: Mapping[str, object]) -> None:
    (root / "triptych.yml").write_text(yaml.safe_dump(HEAD | {"access": dict(content)}))


@pytest.fixture
def signed_in_as(root: Path, monkeypatch: pytest.MonkeyPatch) -> OpenAs:
    """Open the app as somebody whom the provider gave these groups."""
    settings_of(root, OIDC)
    serve(monkeypatch, root, "oidc")

    def open_as(*groups: str, page: str = "", **claims: object) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=30)
        app.query_params["view"] = "whole"  # what a closed tab has is hidden, too
        app.user = {
            "is_logged_in": True,
            "iss": ISSUER,
            "iat": time.time() - 60,
            "groups": list(groups),
            **claims,
        }
        if page:
            # As the address does it, whether the page is in the menu or not.
            app._page_hash = calc_hash(page)
        return app.run()

    return open_as


def serve(monkeypatch: pytest.MonkeyPatch, root: Path, mode: str) -> None:
    """Let the app find what a server that was started for a mode has."""
    arguments = ["router.py", "--workspace", str(root), "--access", mode]
    monkeypatch.setattr(sys, "argv", arguments)
    config.set_option("server.address", "0.0.0.0")  # noqa: S104  (as in a container)


def test_every_page_of_the_menu_has_an_audience() -> None:
    assert set(roles.AUDIENCES) == set(EVERY_PAGE)


def test_every_page_asks_for_itself_whether_it_may_be_shown() -> None:
    for name in EVERY_PAGE:
        text = (APP.parents[1] / "pages" / name / "page.py").read_text("utf-8")
        assert re.search(r"page\.current(_or_none)?\(__file__\)", text), name


#: Each role where it may and where it may not look, on pages that are for different
#: roles; ``test_roles.py`` has the rule for all of them.
ASKED = {
    *(("finance", "close"), ("finance", "scenarios")),
    *(("engineering", "summary"), ("engineering", "scenarios")),
    *(("analyst", "scenarios"), ("analyst", "close")),
    *(("viewer", "cost_by_model"), ("viewer", "summary"), ("viewer", "close")),
}


@pytest.mark.parametrize(
    ("role", "name"),
    [
        pytest.param(*asked, marks=[] if asked in ASKED else [pytest.mark.full])
        for asked in product(ROLES, EVERY_PAGE)
    ],
)
def test_a_role_opens_its_pages_and_no_other(
    signed_in_as: OpenAs, role: str, name: str
) -> None:
    app = signed_in_as(f"{role}-group", page=name)
    assert not app.exception
    text = text_of(app)
    if name in ALLOWED[role]:
        assert not app.error
        assert "run **run-0001**" in text
        assert f"You see this as **{role}**." in text
    else:
        [error] = app.error
        assert f"This page is not for the role {role}." in str(error.value)
        assert "run-0001" not in text
        assert "EUR" not in text
        assert not app.get("download_button")


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_of_a_role_has_its_pages_and_no_other(
    signed_in_as: OpenAs, role: str
) -> None:
    app = signed_in_as(f"{role}-group", page="cost_by_model")
    menu = "".join(one.proto.body for one in app.sidebar.get("html"))
    links = re.findall(r'<a href="\./([a-z_]*)">', menu)
    first = next(name for name in EVERY_PAGE if name in ALLOWED[role])
    # Nothing is left to set up.
    in_menu = ALLOWED[role] - {"setup"}
    assert {link or first for link in links} == in_menu
    assert len(links) == len(in_menu)
    assert ("<h2>Close</h2>" in menu) == (role == "finance")


def test_a_page_has_no_figures_where_neither_router_nor_page_asks(
    signed_in_as: OpenAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access.Visitor, "may_open", lambda *_: True)
    app = signed_in_as("viewer-group", page="close")
    assert not app.exception
    [error] = app.error
    assert "does not exist" in str(error.value)
    assert "G-9" not in text_of(app)


def test_a_page_asks_again_whoever_called_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looking = access.Visitor("viewer")
    monkeypatch.setattr(access, "visitor", lambda: looking)
    for name in OF_FINANCE | INSIDE:
        with pytest.raises(access.NotPermittedError, match="not for the role viewer"):
            access.require_page(f"somewhere/pages/{name}/page.py")
    for name in FOR_EVERYBODY:
        assert access.require_page(name) == looking
    with pytest.raises(access.NotPermittedError):
        access.require_page("a_page_that_nobody_listed")


def test_whoever_has_single_cost_centres_sees_their_rows_only(
    signed_in_as: OpenAs,
) -> None:
    everything = signed_in_as("viewer-group")
    # eta-v2 1,460, vision-v1 640, chat-v1 300, small models 49
    assert tiles(everything)["Cost of models, fully loaded"] == "EUR 2,449.00"
    app = signed_in_as("vision-team")
    assert not app.exception
    assert not app.error
    assert tiles(app)["Cost of models, fully loaded"] == "EUR 640.00"
    text = text_of(app)
    assert "You see cost centre **cc-200** only." in text
    assert "ETA v2" not in text
    assert "eta-v2" not in text
    assert app.selectbox(key="scope").options == [
        "everything",
        "cost centre cc-200",
        "team Vision",
        "model Vision v1",
    ]
    for name in ("gpu_idle", "velocity"):
        app = signed_in_as("vision-team", page=name)
        assert not app.exception
        assert not app.error
        assert "cc-100" not in text_of(app)
        assert "eta-v2" not in text_of(app)
    # What is too rare in one's own rows is not answered with those of others.
    assert "n = 2, fewer than five" in text_of(app)
    assert "organisation over 12 months" not in text_of(app)
    assert "Organisation" not in text_of(app)


def test_a_link_to_somebody_elses_cost_centre_shows_ones_own(
    signed_in_as: OpenAs,
) -> None:
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.user = dict(signed_in_as("vision-team").user)
    app.query_params["scope"] = "cost centre cc-100"
    app.query_params["model"] = "eta-v2"
    app.run()
    assert tiles(app)["Cost of models, fully loaded"] == "EUR 640.00"
    assert "cost centre cc-100”, which is not in this data" in text_of(app)


def test_finance_of_single_cost_centres_has_no_page_of_the_whole_organisation(
    signed_in_as: OpenAs,
) -> None:
    for name in ("close", "data_health"):
        app = signed_in_as("vision-finance", page=name)
        [error] = app.error
        assert "the role finance of single cost centres" in str(error.value)
    app = signed_in_as("vision-finance")
    assert tiles(app)["Cost of models, fully loaded"] == "EUR 640.00"


def test_the_menu_begins_with_a_page_that_one_may_open(
    signed_in_as: OpenAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    audiences = {**roles.AUDIENCES, "cost_by_model": frozenset({"finance"})}
    monkeypatch.setattr(roles, "AUDIENCES", audiences)
    app = signed_in_as("viewer-group")
    assert not app.error
    assert app.title[0].value == "Explore"


# ----------------------------------------------------------------- remembered answers


def snapshots(root: Path) -> tuple[Snapshot, Snapshot, Snapshot]:
    whole = PublishedReader(root).snapshot()
    viewer = access.as_seen_by(access.Visitor("viewer"), whole)
    limited = access.as_seen_by(access.Visitor("viewer", ("cc-200",)), whole)
    return whole, viewer, limited


def selection(snapshot: Snapshot) -> selection_queries.Selection:
    return selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Amortised", "EUR"
    )


@pytest.mark.usefixtures("signed_in_as")
def test_what_was_remembered_for_one_role_is_not_told_to_another(root: Path) -> None:
    whole, viewer, limited = snapshots(root)
    chosen = selection(whole)
    assert (
        close_queries.invoices(whole, chosen).num_rows == 5
    )  # remembered from here on
    assert close_queries.period_events(whole, chosen).num_rows == 0
    engineer = access.as_seen_by(access.Visitor("engineering"), whole)
    for snapshot in (viewer, limited):
        with pytest.raises(duckdb.CatalogException):
            close_queries.invoices(snapshot, chosen)
    for snapshot in (engineer, viewer, limited):
        with pytest.raises(duckdb.CatalogException):
            close_queries.period_events(snapshot, chosen)
    asked = [
        cost_by_model_queries.headline(s, chosen, "Fully loaded")
        for s in (whole, viewer, limited)
    ]
    assert [headline.model_cost for headline in asked] == [2449, 2449, 640]
    # And the other way round: what a limited reader saw is not all there is.
    chosen = selection_queries.Selection(chosen.period, "Billed", "EUR")
    first = cost_by_model_queries.headline(limited, chosen, "Direct").model_cost
    then = cost_by_model_queries.headline(whole, chosen, "Direct").model_cost
    assert first is not None
    assert then is not None
    assert first < then


@pytest.mark.usefixtures("signed_in_as")
def test_a_role_sees_the_same_snapshot_until_another_run_is_published(
    root: Path,
) -> None:
    _, viewer, limited = snapshots(root)
    again = snapshots(root)
    assert again[1] is viewer
    assert again[2] is limited
    assert viewer is not limited


# ------------------------------------------------------------------------------ files


@pytest.mark.usefixtures("signed_in_as")
def test_no_file_leaves_for_who_may_not_have_it(root: Path) -> None:
    workspace = Workspace(root)
    _, viewer, limited = snapshots(root)
    for snapshot in (viewer, limited):
        with pytest.raises(UsageError, match="not for this role"):
            list(exports.statement_files(workspace, snapshot, "2026-09", "Amortised"))
        with pytest.raises(UsageError, match="not for this role"):
            list(exports.board_pack_files(workspace, snapshot, "2026-09", "Billed"))
        with pytest.raises(UsageError, match="not for this role"):
            exports.focus_file(workspace, snapshot, "2026-09", "1.2", "csv")
        with pytest.raises(UsageError, match="There is no mart"):
            exports.table_file(snapshot, "cost.mart_invoice_reconciliation", "csv")
        assert exports.public_marts(snapshot) == []


# ------------------------------------------------------------------------- signing in


@pytest.mark.parametrize(
    "claims",
    [
        {"is_logged_in": False},
        {"is_logged_in": "true"},
        {"since": timedelta(hours=13)},
        {"since": timedelta(hours=-1)},
        {"iat": None},
        {"iss": "https://login.example.com/realms/another"},
    ],
    ids=["out", "text", "old", "future", "timeless", "foreign"],
)
def test_a_login_that_does_not_count_is_asked_for_again(
    signed_in_as: OpenAs, claims: dict[str, object]
) -> None:
    given = dict(claims)
    if isinstance(since := given.pop("since", None), timedelta):
        # Of now: the hour in which the test was collected may be over.
        given["iat"] = time.time() - since.total_seconds()
    app = signed_in_as("finance-group", page="close", **given)
    assert not app.exception
    assert [button.label for button in app.button] == ["Sign in"]
    assert "EUR" not in text_of(app)
    assert "run-0001" not in text_of(app)


def test_a_former_address_asks_for_a_login_as_every_page_does(
    signed_in_as: OpenAs,
) -> None:
    app = signed_in_as(page="gateway_gaps", is_logged_in=False)
    assert not app.exception
    assert [button.label for button in app.button] == ["Sign in"]


@pytest.mark.parametrize(
    "groups",
    [[], ["finance"], ["FINANCE-GROUP"], [["finance-group"]], [None]],
    ids=["none", "role", "case", "nested", "null"],
)
def test_whoever_has_no_role_sees_nothing(
    signed_in_as: OpenAs, groups: list[object]
) -> None:
    app = signed_in_as(page="close", groups=groups)
    [error] = app.error
    assert "You are signed in, but have no role here." in str(error.value)
    assert "EUR" not in text_of(app)
    # One can sign out, and come back as somebody else.
    assert [button.label for button in app.button] == ["Sign out"]


def test_one_text_is_a_claim_as_a_list_is(signed_in_as: OpenAs) -> None:
    app = signed_in_as(groups="viewer-group")
    assert "You see this as **viewer**." in text_of(app)


def test_the_first_entry_that_fits_decides(signed_in_as: OpenAs) -> None:
    app = signed_in_as("vision-team", "viewer-group", "engineering-group")
    assert "You see this as **engineering**." in text_of(app)


# -------------------------------------------------------------------------- the proxy


@pytest.fixture
def through_proxy(root: Path, monkeypatch: pytest.MonkeyPatch) -> ThroughProxy:
    """Open the app over a connection from an address, with headers."""
    settings_of(root, PROXY)
    serve(monkeypatch, root, "proxy")

    def open_through(peer: str, *told: str, page: str = "") -> AppTest:
        class Headers:
            def get_all(self, name: str) -> list[str]:
                assert name == "X-Forwarded-Groups"
                return list(told)

        class Context:
            headers = Headers()
            ip_address = peer or None
            theme = st.context.theme

        monkeypatch.setattr(st, "context", Context())
        app = AppTest.from_file(str(APP), default_timeout=30)
        app.query_params["view"] = "whole"
        if page:
            app._page_hash = calc_hash(page)
        return app.run()

    return open_through


def test_a_header_counts_from_a_listed_address(through_proxy: ThroughProxy) -> None:
    app = through_proxy("10.0.4.7", "everybody, viewer-group")
    assert "You see this as **viewer**." in text_of(app)
    app = through_proxy("10.0.4.7", "everybody,viewer-group", page="close")
    assert "This page is not for the role viewer." in str(app.error[0].value)


@pytest.mark.parametrize("peer", ["10.0.5.7", "192.0.2.1", "", "::ffff:10.0.4.7", "x"])
def test_a_header_from_elsewhere_is_ignored(
    through_proxy: ThroughProxy, peer: str
) -> None:
    app = through_proxy(peer, "finance-group")
    [error] = app.error
    assert "You did not come through the proxy" in str(error.value)
    assert "EUR" not in text_of(app)


@pytest.mark.parametrize("told", [(), ("finance-group", "viewer-group")])
def test_no_header_or_more_than_one_is_refused(
    through_proxy: ThroughProxy, told: tuple[str, ...]
) -> None:
    app = through_proxy("10.0.4.7", *told)
    [error] = app.error
    assert "X-Forwarded-Groups" in str(error.value)
    assert "EUR" not in text_of(app)


# --------------------------------------------------------------------------- settings


def test_without_access_only_this_machine_sees_anything(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "triptych.yml").write_text(yaml.safe_dump(HEAD))
    serve(monkeypatch, root, "local")
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    [error] = app.error
    assert "the server listens on 0.0.0.0" in str(error.value)
    config.set_option("server.address", "127.0.0.1")
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.error
    assert "You see this as" not in text_of(app)


def test_taking_access_away_while_the_server_runs_opens_nothing(
    signed_in_as: OpenAs, root: Path
) -> None:
    assert not signed_in_as("viewer-group").error
    config.set_option("server.address", "127.0.0.1")
    for content in (yaml.safe_dump(HEAD), "organisation: [", None):
        path = root / "triptych.yml"
        path.unlink() if content is None else path.write_text(content)
        app = signed_in_as("viewer-group")
        assert app.error
        assert "EUR" not in text_of(app)


def test_a_change_of_roles_counts_from_the_next_click(
    signed_in_as: OpenAs, root: Path
) -> None:
    app = signed_in_as("viewer-group")
    assert not app.error
    settings_of(root, OIDC | {"roles": ENTRIES[:1]})
    assert "have no role here" in str(app.run().error[0].value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"mode": "oidc", "roles": ENTRIES}, "needs a provider under 'oidc'"),
        ({"mode": "proxy", "roles": ENTRIES}, "needs the proxy's addresses"),
        ({**OIDC, "roles": []}, "needs 'roles', or nobody sees anything"),
        ({"mode": "open"}, "'open'"),
        ({"roles": [{"role": "admin", "values": ["a"]}]}, "'admin'"),
        ({"roles": [{"role": "viewer", "values": []}]}, "values"),
        ({"roles": [{"role": "viewer", "values": ["a"], "cost_centers": []}]}, "cost"),
        ({"proxy": {"addresses": ["proxy.example.com"]}}, "is no address"),
        ({"proxy": {"addresses": []}}, "addresses"),
        (
            {"oidc": {**OIDC["oidc"], "issuer": "http://login.example.com"}},  # type: ignore[dict-item]
            "must begin with https://",
        ),
        (
            {"oidc": {**OIDC["oidc"], "redirect_uri": "https://costs.example.com/"}},  # type: ignore[dict-item]
            "must end with /oauth2callback",
        ),
        (
            {"oidc": {**OIDC["oidc"], "client_secret": "abc"}},  # type: ignore[dict-item]
            "secrets do not belong in YAML",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, content: dict[str, object], told: str
) -> None:
    settings_of(tmp_path, content)
    for load in (load_settings, load_access):
        with pytest.raises(SettingsError) as caught:
            load(tmp_path)
        assert re.search(r"^triptych\.yml:\d+: ", str(caught.value))
        assert told in str(caught.value)


def test_what_is_wrong_elsewhere_does_not_keep_the_dashboard_from_its_roles(
    tmp_path: Path,
) -> None:
    settings_of(tmp_path, OIDC)
    path = tmp_path / "triptych.yml"
    path.write_text(path.read_text() + "warehouse: {engine: sqlite}\n")
    with pytest.raises(SettingsError):
        load_settings(tmp_path)
    assert load_access(tmp_path).mode == "oidc"
    assert load_access(tmp_path / "nowhere").mode == "local"
