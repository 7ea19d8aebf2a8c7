"""Signing in with a real provider, in a real browser, at the command's own server."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.dashboard.browsing import PATIENCE_MS, new_tab
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.dashboard.oidc_provider import (
    Provider,
    SigningProxy,
    dashboard_of,
    free_port,
    oidc_provider,
)
from tests.dashboard.test_access import ENTRIES, HEAD, OF_FINANCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

COOKIE_SECRET = "a-made-up-cookie-secret-for-the-tests-0001"
COST = "EUR 2,449.00"


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Any]:
    """Return a tab of somebody who has not signed in anywhere."""
    page = new_tab(browser, address)
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()
    page.context.clear_cookies()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def provider(folder: Path, port: int) -> Iterator[Provider]:
    redirect_uri = f"http://127.0.0.1:{port}/oauth2callback"
    with oidc_provider(folder / "provider.log", redirect_uri=redirect_uri) as found:
        yield found


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory,
    folder: Path,
    provider: Provider,
    port: int,
) -> Iterator[str]:
    root = tmp_path_factory.mktemp("workspace")
    publish(root)
    content = {
        "mode": "oidc",
        "oidc": {
            "issuer": provider.issuer,
            "client_id": provider.client_id,
            "redirect_uri": f"http://127.0.0.1:{port}/oauth2callback",
        },
        "roles": ENTRIES,
    }
    (root / "triptych.yml").write_text(yaml.safe_dump(HEAD | {"access": content}))
    scratch = tmp_path_factory.mktemp("scratch")
    log = folder / "dashboard.log"
    with dashboard_of(
        root,
        log,
        port=port,
        TMPDIR=str(scratch),
        TRIPTYCH_OIDC_CLIENT_SECRET=provider.client_secret,
        TRIPTYCH_COOKIE_SECRET=COOKIE_SECRET,
    ) as served:
        yield served
    text = log.read_text()
    assert provider.client_secret not in text
    assert COOKIE_SECRET not in text
    # Nothing of a person is logged.
    assert not re.search(r"\b(fay|finn|vera|vito|nemo)\b", text)
    # Its secrets were in a file of its own while it ran.
    assert not list(scratch.glob("triptych-*"))


def said(tab: Any) -> str:
    text: str = tab.locator("body").inner_text()
    return text.replace("\u00a0", " ")


def sign_in(tab: Any, address: str, name: str) -> None:
    tab.goto(address)
    tab.get_by_role("button", name="Sign in").click()
    tab.get_by_role("button", name=re.compile(rf"\b{name}\b")).first.click()
    tab.wait_for_url(re.compile(re.escape(address)))


def test_before_signing_in_no_address_shows_anything(tab: Any, address: str) -> None:
    for path in ("", "close", "statements", "cost_by_model"):
        tab.goto(f"{address}/{path}")
        tab.get_by_role("button", name="Sign in").wait_for()
        text = said(tab)
        assert "EUR" not in text
        assert "run-0001" not in text
        assert "Close & reconcile" not in text


def test_a_viewer_cannot_reach_a_finance_page_by_its_address(
    tab: Any, address: str
) -> None:
    sign_in(tab, address, "vera")
    tab.get_by_text(COST).first.wait_for()
    menu = tab.locator(".st-key-menu").inner_text()
    assert "Cost by model" in menu
    assert "Close & reconcile" not in menu
    assert "Statements & exports" not in menu
    for name in sorted(OF_FINANCE):
        tab.goto(f"{address}/{name}")
        tab.get_by_text("This page is not for the role viewer.").wait_for()
        text = said(tab)
        assert "EUR" not in text
        assert "G-9" not in text
        assert tab.get_by_test_id("stDownloadButton").count() == 0


def test_finance_closes_and_signs_out(tab: Any, address: str) -> None:
    sign_in(tab, address, "fay")
    tab.get_by_text("You see this as finance.").wait_for()
    tab.goto(f"{address}/close?close=Invoices")
    tab.get_by_text("G-9").first.wait_for()
    copied = [c for c in tab.context.cookies() if c["name"].startswith("_streamlit")]
    tab.get_by_role("button", name="Sign out").click()
    # It goes to the provider, which ends the login there, too.
    tab.wait_for_url(lambda url: "/close" not in url)
    tab.goto(f"{address}/close?close=Invoices")
    tab.get_by_role("button", name="Sign in").wait_for()
    assert "G-9" not in said(tab)
    # Whoever has copied the cookie before has nothing of it.
    tab.context.add_cookies(copied)
    tab.goto(f"{address}/close?close=Invoices")
    tab.get_by_role("button", name="Sign in").wait_for()
    assert "G-9" not in said(tab)


@pytest.mark.full  # fast: test_access.py
def test_single_cost_centres_and_no_role(tab: Any, address: str) -> None:
    for name, expected in {
        # 500 + 100 + 40 of vision-v1, all that cc-200 has
        "vito": "EUR 640.00",
        "nemo": "You are signed in, but have no role here.",
    }.items():
        tab.context.clear_cookies()
        sign_in(tab, address, name)
        tab.get_by_text(expected).first.wait_for()
        assert COST not in said(tab)


def test_a_cookie_that_somebody_else_signed_opens_nothing(
    tab: Any, address: str, provider: Provider
) -> None:
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    claims = {
        "is_logged_in": True,
        "groups": ["finance-group"],
        "iss": provider.issuer,
        "iat": int(time.time()),
        "origin": address,
    }
    for secret, shown in {
        "another-secret-that-somebody-guessed-0001": "Sign in",
        "": "Sign in",
        # Whoever has the secret can be anybody: it is the secret that is checked.
        COOKIE_SECRET: "G-9",
    }.items():
        forged = create_signed_value(secret, "_streamlit_user", json.dumps(claims))
        tab.context.clear_cookies()
        cookie = {"name": "_streamlit_user", "value": forged.decode(), "url": address}
        tab.context.add_cookies([cookie])
        tab.goto(f"{address}/close?close=Invoices")
        tab.get_by_text(shown).first.wait_for()
        assert ("G-9" in said(tab)) == (shown == "G-9")


# fast: test_access.py, by headers that the app reads
@pytest.mark.full
def test_a_proxy_signs_people_in_and_nobody_else_does(
    tmp_path: Path, browser: Any
) -> None:
    publish(tmp_path)
    port = free_port()
    settings = tmp_path / "triptych.yml"

    def trust(addresses: list[str]) -> None:
        content = {
            "mode": "proxy",
            "proxy": {"addresses": addresses},
            "roles": ENTRIES,
        }
        settings.write_text(yaml.safe_dump(HEAD | {"access": content}))

    def page_says(address: str, text: str, **headers: str) -> str:
        context = browser.new_context(extra_http_headers=headers)
        tab = context.new_page()
        tab.goto(f"{address}/close?close=Invoices")
        tab.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)
        found = said(tab)
        context.close()
        return found

    trust(["127.0.0.1"])
    with dashboard_of(tmp_path, tmp_path / "server.log", port=port) as direct:
        with SigningProxy(port, "X-Forwarded-Groups: finance-group") as proxy:
            page_says(proxy.address, "G-9")
        with SigningProxy(port, "X-Forwarded-Groups: viewer-group") as proxy:
            claim = {"X-Forwarded-Groups": "finance-group"}
            text = page_says(proxy.address, "not for the role viewer", **claim)
            assert "G-9" not in text
        assert "G-9" not in page_says(direct, "The proxy told no X-Forwarded-Groups")
        # Another proxy is trusted now. Whoever says that they come from it does not.
        trust(["192.0.2.7"])
        with SigningProxy(
            port, "X-Forwarded-Groups: finance-group", "X-Forwarded-For: 192.0.2.7"
        ) as proxy:
            text = page_says(proxy.address, "You did not come through the proxy")
            assert "G-9" not in text
