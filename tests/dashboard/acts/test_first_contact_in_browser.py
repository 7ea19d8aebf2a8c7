"""From an empty workspace and a bill to *Cost by model*, by clicks alone.

Nobody opens a file or types a command: the bill is one that the knowledge base was not
written from, in another currency than a new workspace has.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.served_dashboard import served_dashboard
from tests.dashboard.browsing import PATIENCE_MS, Visit, visit
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.full]

BILL = next(bill for bill in held_out_bills() if bill.name == "aws_focus")
MOST_ANSWERS = 5
LEAST_ON_MODELS = Decimal("0.9")
RUN_MS = 240_000


@dataclass
class Clicks:
    """A person who clicks: how often, and what they answered."""

    tab: Visit
    count: int = 0
    answers: list[str] = field(default_factory=list)

    def click(self, target: Any) -> None:
        """Click on something, once it is there."""
        target.click(timeout=PATIENCE_MS)
        self.count += 1

    def form(self, title: str) -> Any:
        """Return the form of an act on the page, not that of the menu."""
        main = self.tab.page.get_by_test_id("stMain")
        forms = main.get_by_test_id("stExpander").filter(has_text=title)
        return forms.last

    def confirm(self, title: str, *, answer: str) -> str:
        """Look at what a form would do, and do it; return the preview."""
        form = self.form(title)
        self.click(form.get_by_role("button", name="Preview"))
        form.get_by_test_id("stCode").first.get_by_text("+").first.wait_for()
        preview: str = form.inner_text()
        self.click(form.get_by_role("button", name="Confirm"))
        form.get_by_text("of the audit log").wait_for(timeout=PATIENCE_MS)
        self.answers.append(answer)
        return preview


def test_a_bill_becomes_cost_by_model_by_clicks_alone(
    browser: Any, tmp_path: Path
) -> None:
    root = initialise(tmp_path / "workspace").root
    bill = BILL.write(tmp_path)
    log = tmp_path / "server.log"
    began = time.monotonic()
    with served_dashboard(root, log, acts="triptych.acts.door") as (address, _):
        with visit(browser, f"http://{address}/") as tab:
            person = Clicks(tab)
            set_up(person, bill)
            shown = see_cost_by_model(person)
            tab.assert_quiet()
        assert "Traceback" not in log.read_text()
    seconds = time.monotonic() - began
    print(person.count, "clicks", person.answers, f"{seconds:.0f} s")  # noqa: T201
    assert len(person.answers) <= MOST_ANSWERS
    assert load_settings(root).currency == "USD"
    on_ai, named = published_costs(root)
    assert on_ai == sum(line.cost for line in BILL.lines if line.meter.is_ai)
    assert named >= LEAST_ON_MODELS * on_ai
    assert "Claude" in shown or "claude" in shown


def set_up(person: Clicks, bill: Path) -> None:
    """Upload the bill, accept what is proposed, start the run."""
    tab = person.tab
    person.click(tab.page.get_by_role("link", name="Set-up: upload a bill"))
    form = person.form("Upload a bill")
    with tab.page.expect_response(lambda answer: "upload_file" in answer.url):
        form.locator("input[type=file]").set_input_files(bill)
    person.count += 1
    form.get_by_text(bill.name).first.wait_for()
    tab.settle()
    preview = person.confirm("Upload a bill", answer=bill.name)
    assert f"{len(BILL.lines):,} rows" in preview
    assert "Figures are reported in USD, in place of EUR." in preview
    preview = person.confirm("Accept proposals", answer="everything")
    assert "of AI cost" in preview
    person.confirm("Start a run", answer="start")


def see_cost_by_model(person: Clicks) -> str:
    """Wait for the first figures, open their page, and return what it says."""
    tab = person.tab
    tab.page.get_by_text("AI cost of all months").wait_for(timeout=RUN_MS)
    person.click(tab.page.get_by_role("link", name="Cost by model", exact=True).first)
    tab.wait_for("About")
    tab.settle()
    return tab.text()


def published_costs(root: Path) -> tuple[Decimal, Decimal]:
    """Return AI cost, and what of it is on a named model, in the bill's currency."""
    [row] = (
        PublishedReader(root)
        .snapshot()
        .query(
            "SELECT sum(billed_cost) AS on_ai,"
            " sum(billed_cost) FILTER (model_id IS NOT NULL) AS named"
            " FROM cost.fct_daily_model_costs WHERE currency = 'USD'"
        )
        .to_pylist()
    )
    return row["on_ai"], row["named"]
