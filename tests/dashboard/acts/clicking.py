"""Filling in, looking and confirming by clicks, and what the audit log says then."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.dashboard.browsing import IS_DRAWN, PATIENCE_MS, SCREENSHOTS
from tests.dashboard.test_sign_in import sign_in
from triptych.core.lake import audit_log
from triptych.core.lake.catalogue_file import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.workspace import Workspace

_POSITION = re.compile(r"Entry ([0-9,]+) of the audit log")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@contextmanager
def signed_in(browser: Any, address: str, name: str) -> Iterator[Any]:
    """Open a browser of somebody's own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    sign_in(page, address, name)
    yield page
    context.close()


def go(page: Any, address: str) -> None:
    """Open an address, and wait until the page is drawn: then a click counts."""
    page.goto(address)
    page.wait_for_function(IS_DRAWN)


def form_of(page: Any, title: str) -> Any:
    """Open the form with a title, where it is not open."""
    form = page.get_by_test_id("stExpander").filter(has_text=title)
    form.wait_for()
    if not form.locator("details").evaluate("each => each.open"):
        form.locator("summary").click()
    return form


def fill(page: Any, form: Any, **fields: str) -> None:
    """Type into fields by their labels: texts, days, or what a list takes."""
    for label, value in fields.items():
        year = form.get_by_role("spinbutton", name=f"year, {label}", exact=True)
        if _DAY.fullmatch(value) and year.count():
            year.focus()
            page.keyboard.type(value.replace("-", ""))
            # The calendar has opened over the rest of the form.
            page.keyboard.press("Escape")
            page.get_by_test_id("stDateInputCalendar").wait_for(state="hidden")
            continue
        chosen = form.get_by_role("combobox", name=label)
        if chosen.count():
            choose(page, chosen.first, value)
            continue
        field = form.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Tab")


def choose(page: Any, field: Any, value: str) -> None:
    """Choose from a list, or type what it does not have."""
    field.click()
    # A list that has only what is chosen, or nothing, does not open.
    page.wait_for_timeout(400)
    option = page.get_by_role("option", name=value, exact=True)
    if option.count():
        option.click()
        return
    field.fill(value)
    field.press("Enter")


def look(page: Any, title: str, **fields: str) -> tuple[Any, str]:
    """Fill a form in and look at what it would do; return it, and what it shows."""
    form = form_of(page, title)
    fill(page, form, **fields)
    form.get_by_role("button", name="Preview").click()
    # A code block is drawn after the page around it.
    form.get_by_test_id("stCode").first.get_by_text("+").first.wait_for()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z]+", "-", title.lower())
    form.screenshot(path=SCREENSHOTS / f"act-{name}.png")
    shown: str = form.inner_text()
    return form, shown


def do(page: Any, title: str, done: str, **fields: str) -> tuple[str, int]:
    """Look at an act and confirm it; return the preview, and where the log has it."""
    form, shown = look(page, title, **fields)
    form.get_by_role("button", name="Confirm").click()
    form.get_by_text("of the audit log").wait_for()
    text: str = form.inner_text()
    assert done in text
    found = _POSITION.search(text)
    assert found is not None
    return shown, int(found[1].replace(",", ""))


def entry_at(workspace: Workspace, position: int) -> AuditEntry:
    """Return an entry of the audit log."""
    with connect(workspace.raw_database, root=workspace.root, read_only=True) as raw:
        entries = audit_log.entries_of(audit_log.read_rows(raw))
    [entry] = [each for each in entries if each.position == position]
    return entry


def listen(socket: Any, sent: list[bytes]) -> None:
    """Keep what a browser sends; Playwright takes no method of a built-in type."""

    def keep(message: bytes) -> None:
        sent.append(message)

    socket.on("framesent", keep)
