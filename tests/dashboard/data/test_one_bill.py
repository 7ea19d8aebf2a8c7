"""The first look at a workspace that has one bill and nothing else.

The bill is one of those that were written before the knowledge base: two thirds of its
services are not AI. Nobody has written a rule, a name or a budget yet.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dashboard.pages.explore import dimensions
from dashboard.pages.explore import queries as explore_queries
from dashboard.pages.setup import queries as setup_queries
from dashboard.pages.setup.steps import folded_pages, steps
from dashboard.shared import selection_queries
from dashboard.shared.roles import AUDIENCES
from tests.dashboard.conftest import OpenApp, text_of, tiles
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.discovery.first_workspace import workspace_from
from triptych.run.pipeline import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from triptych.core.warehouse.reader import Snapshot

BILL = next(bill for bill in held_out_bills() if bill.name == "aws_focus")
#: What the knowledge base says agrees with what was planted, by money.
LEAST_AGREEMENT = Decimal("0.95")
FOLDED = {"gpu_idle", "velocity", "impact", "scenarios", "scorecard"}


def _build(root: Path) -> None:
    received = root.parent / f"{root.name}-received"
    received.mkdir()
    BILL.write(received)
    made = workspace_from(root, [received])
    settings = load_settings(root)
    run(made.workspace, settings, progress=SilentProgress())


@pytest.fixture(scope="module")
def root(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    target = tmp_path_factory.mktemp("one_bill") / "workspace"
    return built_workspaces.copy("one_bill", _build, target)


@pytest.fixture
def published(root: Path) -> Snapshot:
    return PublishedReader(root).snapshot()


def planted(*, is_ai: bool) -> Decimal:
    return sum(
        (line.cost for line in BILL.lines if line.meter.is_ai == is_ai), Decimal()
    )


def in_steps(snapshot: Snapshot, condition: str) -> Decimal:
    answer = snapshot.query(
        "select sum(billed_cost) as amount from cost.mart_cost_waterfall"
        f" where {condition}"
    )
    amount: Decimal = answer["amount"].to_pylist()[0]
    return amount


def test_what_nobody_knows_as_ai_is_not_ai_and_both_add_up_to_the_bill(
    published: Snapshot,
) -> None:
    whole = in_steps(published, "step = 'ledger'")
    outside = in_steps(published, "step = 'out_of_scope'")
    ai = in_steps(published, "step not in ('ledger', 'out_of_scope')")
    assert whole == sum((line.cost for line in BILL.lines), Decimal())
    assert ai + outside == whole
    assert abs(ai - planted(is_ai=True)) <= (1 - LEAST_AGREEMENT) * planted(is_ai=True)
    rows = published.query_line_items(
        "select service_name, component from line_items group by all"
    ).to_pylist()
    assert {"service_name": "Amazon Bedrock", "component": "out_of_scope"} not in rows


def test_each_line_says_why_it_is_ai_or_that_nothing_says_so(
    published: Snapshot,
) -> None:
    rows = published.query_line_items(
        "select service_name, scope_reason, component = 'out_of_scope' as is_outside"
        " from line_items group by all"
    ).to_pylist()
    reasons = {row["scope_reason"] for row in rows if not row["is_outside"]}
    assert None not in reasons
    assert "known: aws-bedrock" in reasons
    of_storage = [
        row for row in rows if row["service_name"] == "Amazon Simple Storage Service"
    ]
    assert {row["scope_reason"] for row in of_storage} == {None}


def test_the_first_screen_says_what_ai_cost_and_what_else_is_on_the_bill(
    root: Path, published: Snapshot, open_app: OpenApp
) -> None:
    app = open_app(root, page="summary")
    assert not app.exception
    assert not app.error
    text = text_of(app)
    first = next(line for line in text.splitlines() if "AI cost **" in line)
    [outside] = re.findall(r"Another USD ([\d,]+\.\d\d)", first)
    ai = next(shown for label, shown in tiles(app).items() if "AI cost" in label)
    months = selection_queries.periods(published)[0].months
    said = f"billing_month in ('{months[0]}')"
    spend = "step not in ('ledger', 'out_of_scope', 'tax', 'credit')"
    assert ai == f"USD {effective(published, f'{said} and {spend}'):,.2f}"
    not_ai = f"{said} and step = 'out_of_scope'"
    assert outside == f"{effective(published, not_ai):,.2f}"
    assert ", with tax and credits, is not AI" in first


def effective(snapshot: Snapshot, condition: str) -> Decimal:
    answer = snapshot.query(
        "select sum(effective_cost) as amount from cost.mart_cost_waterfall"
        f" where {condition}"
    )
    amount: Decimal = answer["amount"].to_pylist()[0]
    return amount


@pytest.mark.parametrize("page", [page for page in AUDIENCES if page != "statements"])
def test_no_page_shows_nonsense_or_a_banner_for_each_missing_thing(
    root: Path, open_app: OpenApp, page: str
) -> None:
    app = open_app(root, page=page)
    assert not app.exception
    assert not app.error
    # Letters of a picture may be any.
    text = re.sub(r"base64,[^\"]+", "", text_of(app))
    assert "NaN" not in text
    assert "\u2212100" not in text
    assert len(app.warning) + len(app.info) <= 1


def test_a_bill_that_came_as_one_file_is_not_stale(
    root: Path, published: Snapshot, open_app: OpenApp
) -> None:
    """It came after its newest month: the next is due as long after the next month."""
    stale = published.query(
        "select source, stream from core.mart_source_freshness where is_stale"
    )
    assert stale.to_pylist() == []
    for page in ("summary", "cost_by_model"):
        assert [
            label for label in tiles(open_app(root, page=page)) if "stale" in label
        ] == []


def test_a_page_without_data_is_a_card_that_leads_to_its_step(
    root: Path, published: Snapshot, open_app: OpenApp
) -> None:
    assert folded_pages(setup_queries.standing(published)) == FOLDED
    app = open_app(root, page="velocity")
    assert "**Velocity needs deployments.** None arrived yet." in text_of(app)
    assert tiles(app) == {}
    links = [each.proto.label for each in app.main.get("page_link")]
    assert links == ["Set-up: Deliveries"]
    menu = "".join(each.proto.body for each in app.sidebar.get("html"))
    assert not [name for name in FOLDED if f'href="./{name}"' in menu]
    assert 'href="./setup"' in menu


def test_the_amounts_of_set_up_add_up_to_the_bill(published: Snapshot) -> None:
    found = setup_queries.standing(published)
    amounts = (found.ai_cost, found.ai_tax, found.ai_credits, found.not_ai_cost)
    added = sum((amount for amount in amounts if amount), Decimal())
    assert added == sum((line.cost for line in BILL.lines), Decimal())


def test_the_checklist_says_what_is_there_and_what_the_next_step_unlocks(
    root: Path, published: Snapshot, open_app: OpenApp
) -> None:
    found = {step.name: step for step in steps(setup_queries.standing(published))}
    done = {name for name, step in found.items() if step.is_done}
    assert done == {"Bills", "Currency"}
    app = open_app(root, page="setup")
    text = text_of(app)
    assert f"**2 of {len(found)} steps** are done." in text
    assert "of the bills, tax and credits included, is not AI." in text
    assert "Unlocks cost by model." in text
    assert "triptych discover" in text
    assert 'triptych withdraw LOAD --because "sent twice"' in text
    assert "triptych source rename OLD NEW" in text
    assert "currency: USD   # in triptych.yml" in text


def test_explore_shows_the_whole_bill_by_service_and_what_of_it_is_ai(
    published: Snapshot,
) -> None:
    period = selection_queries.periods(published)[0]
    chosen = selection_queries.Selection(period, "Billed", "USD")
    offered = dimensions.offered(published, chosen)
    question = explore_queries.Question(
        offered["AI or not"], offered["Service"], covers="whole_bill"
    )
    answer = explore_queries.answer(published, chosen, question)
    assert answer is not None
    in_month = f"billing_month = '{period.months[0]}'"
    ledger = in_steps(published, f"step = 'ledger' and {in_month}")
    outside = in_steps(published, f"step = 'out_of_scope' and {in_month}")
    assert answer.total["amount"] == ledger
    of_kind = {
        kind: sum(row["amount"] for row in answer.rows if row["by_value"] == kind)
        for kind in ("AI", "Not AI")
    }
    assert of_kind == {"AI": ledger - outside, "Not AI": outside}
    assert any(label.startswith("Tag ") for label in offered)
