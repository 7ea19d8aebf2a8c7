"""The page on which finance decides whether a month may be closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.conftest import LookAt, OpenApp, text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.e2e.cases.statement_case import copy_of_company_with_a_statement
from tests.triptych.core.warehouse.journal_fixture import KEPT, write_closed_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

PAGE = "close"


def test_an_open_month_shows_what_ties_what_to_accrue_and_what_is_missing(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE)
    assert not app.exception
    assert not app.error
    assert tiles(app) == {
        "State": "Open",
        "Invoices that tie": "2 of 5",
        "To accrue, at least": "EUR 120.00",
        "Changed since the close": "— (not closed)",
    }
    text = text_of(app)
    assert 'aria-current="step"><b>1. Month over, every rate known</b>' in text
    assert "<span>finance</span><span>1 of 3 bills tie; open: gcp, railway" in text
    assert "Next, to be **estimated**: the month is over, with every rate" in text
    assert "**2 of 5** tie in Sep 2026; nothing explains **EUR 20.50**." in text
    assert (
        "charges without an invoice **1** (EUR 120.00), invoice without charges **1**"
        " (EUR 15.00), lines on one side **1** (EUR 20.00)." in text
    )
    assert "Bills of **EUR 3,299.00** are divided into parts, which add up" in text
    assert "**+EUR 30.00 about Aug 2026 in Sep 2026 (restated export)**" in text
    assert "Sep 2026 was never closed." in text
    assert len(app.get("vega_lite_chart")) == 1


def test_accruals_say_their_interval_how_often_it_held_and_what_is_unknown(
    look_at: LookAt,
) -> None:
    text = text_of(look_at(page=PAGE))
    assert "1 issuer not known, and in no amount" in text
    assert "it held in **1 of 2** months (50.0 %)." in text
    assert "Nothing of the month was delivered." in text
    assert "Accruals are booked once the month is over." in text
    assert "triptych accrue" not in text


def test_a_month_with_a_booking_shows_its_true_up(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-08")
    text = text_of(app)
    assert "Booked amounts, and invoices since" in text
    assert "+EUR 50.00" in text
    assert tiles(app)["To accrue"] == "nothing"


def test_the_commands_to_type_name_the_month_and_two_people(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE))
    assert "**Two different people**" in text
    assert "triptych reconcile --period 2026-09" in text
    assert "triptych close --period 2026-09 --approve   # another user" in text
    closed = text_of(look_at(page=PAGE, period="2026-08"))
    assert 'triptych reopen --period 2026-08 --reason "WHY"' in closed
    assert "triptych close" not in closed


def test_a_restated_month_says_what_changed_and_who_did_what(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-08")
    assert tiles(app)["State"] == "Restated"
    assert tiles(app)["Changed since the close"] == "+EUR 30.00"
    text = text_of(app)
    assert "**1 of 1** tie in Aug 2026" in text
    assert "Next, to be **locked**: nothing changed or is open since the close." in text
    assert "Every item is settled: matched, accepted or booked." in text
    assert "2 adjustments, in no closed figure" in text
    assert "The GPU pool was divided wrongly." in text
    assert "e8e8e8e8e8e8" in text


def test_what_is_open_since_the_close_is_counted_with_its_age(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """USD 500.00 are invoiced for August since 10 September, and on no bill."""
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into cost.mart_open_items values ('2026-08', true, 'document',"
            " 'open', false, 'aws', 'Vendor', 'A-8b', 'USD', null, 500, null, 500, 500,"
            " '2026-09-10', 18, 'No bill has a charge for it.');"
            "update cost.mart_period_states set open_item_count = 1,"
            " oldest_open_item_days = 18 where billing_month = '2026-08'"
        )
    text = text_of(open_app(tmp_path, page=PAGE, period="2026-08"))
    assert "**1 item open**, the oldest for 18 days." in text
    assert "1 document open, the oldest for 18 days" in text


@pytest.mark.parametrize("page", ["close", "data_health"])
def test_money_that_may_count_twice_is_red_with_the_command_that_settles_it(
    tmp_path: Path, open_app: OpenApp, page: str
) -> None:
    """EUR 328.83 by an API and a card are told, EUR 5.00 were settled."""
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into core.mart_coverage_overlaps by name select '2026-09' as"
            " billing_month, 'OpenAI' as vendor, 'EUR' as currency, date '2026-09-01'"
            " as first_day, date '2026-09-30' as last_day, 'api' as first_source,"
            " 'l1' as first_load_id, false as is_first_one_load, 'card' as"
            " second_source, 'l2' as second_load_id, true as is_second_one_load,"
            " false as is_first_repeated_whole, true as is_second_repeated_whole,"
            " 'triptych loads settle ' || overlap_id as next_step, * from (values"
            " ('o1', false, 328.83), ('o2', true, 5)) as found (overlap_id,"
            " is_settled, repeated_amount)"
        )
    app = open_app(tmp_path, page=page)
    assert [error.value for error in app.error] == [
        "Maybe counted twice\\: EUR 328.83 of OpenAI, 2026-09-01 to 2026-09-30, by api"
        " (several loads) and by card (load l2). Settle it:"
        " `triptych loads settle o1`."
    ]


def test_a_page_has_what_was_left_out_of_a_statement_and_why(
    built_workspaces: BuiltWorkspaces, tmp_path: Path, open_app: OpenApp
) -> None:
    """6,045.00 of OpenAI, by the card, of which the API has each day."""
    case = copy_of_company_with_a_statement(built_workspaces, tmp_path / "company")
    case.settle()
    case.run()
    app = open_app(case.root, page="data_health")
    assert not app.exception
    text = text_of(app)
    shown = text[text.index("Charges of 1 load are in no figure") :]
    for cell in ("card", "OpenAI", "6,045", "api", "one bill", "--undo"):
        assert cell in shown


def test_a_month_closed_in_another_currency_did_not_change_by_nothing(
    tmp_path: Path, open_app: OpenApp
) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update cost.mart_period_states set currency = 'USD',"
            " reason = 'Closed in USD, and reported in EUR since.',"
            " current_billed_cost = null, current_effective_cost = null,"
            " difference_billed_cost = null, difference_effective_cost = null"
            " where billing_month = '2026-08'"
        )
        connection.execute(
            "update cost.mart_period_adjustments set kind = 'currency_change'"
            " where not is_in_ledger_of_booked_month"
        )
    app = open_app(tmp_path, page=PAGE, period="2026-08")
    text = text_of(app)
    assert "currency than it was closed in is not to be booked." in text
    assert "To be booked" not in text.replace("To be booked: no other", "")
    assert tiles(app)["Changed since the close"] == "— (not comparable)"
    assert "Closed in USD, and reported in EUR since." in text_of(app)


def test_what_a_later_month_was_closed_with_is_not_offered_for_booking_again(
    tmp_path: Path, open_app: OpenApp
) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update cost.mart_period_adjustments set is_booked = true"
            " where not is_in_ledger_of_booked_month"
        )
    text = text_of(open_app(tmp_path, page=PAGE, period="2026-08"))
    assert "Nothing is left to be booked: later months were closed with it." in text
    assert "To be booked, because no bill has it" not in text


def test_comments_keep_their_author_and_are_shown_as_they_were_written(
    look_at: LookAt,
) -> None:
    text = text_of(look_at(page=PAGE))
    assert "2 comments, the newest first" in text
    assert "Ben Okafor" in text
    assert "Cheaper since &lt;b&gt;the move&lt;/b&gt; to *spot*." in text
    assert 'triptych comment --period 2026-09 "TEXT"' in text
    july = text_of(look_at(page=PAGE, period="2026-07"))
    assert "No comments yet." in july


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("estimated", "**Sep 2026 is estimated: its figures are an accrual.**"),
        ("reconciled", "two people: whoever closes does not approve."),
    ],
)
def test_each_state_says_what_it_means(
    tmp_path: Path, open_app: OpenApp, state: str, sentence: str
) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update cost.mart_period_states set state = ?, reason = null"
            " where billing_month = '2026-09'",
            [state],
        )
    app = open_app(tmp_path, page=PAGE)
    assert tiles(app)["State"] == state.capitalize()
    assert sentence in text_of(app)


def test_a_quarter_is_as_final_as_its_least_final_month(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-Q3")
    assert tiles(app)["State"] == "Open"
    assert tiles(app)["Invoices that tie"] == "3 of 6"
    assert tiles(app)["Changed since the close"] == "+EUR 30.00"
    assert "--period 2026-09" in text_of(app)


def test_a_month_without_invoices_says_how_to_bring_them_in(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-07")
    assert not app.exception
    text = text_of(app)
    assert "**No invoice for Jul 2026.**" in text
    assert "triptych ingest" in text
    assert tiles(app)["Invoices that tie"] == "— (no invoice)"


def test_stale_and_partial_data_are_said_on_every_figure(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path, "stale")
    app = open_app(tmp_path, page=PAGE)
    assert all(label.endswith("· stale") for label in tiles(app))
    publish(tmp_path, "partial", run_id="run-0002")
    app = open_app(tmp_path, page=PAGE)
    assert "To accrue, at least" in tiles(app)
    assert "Bills of **at least EUR 3,299.00**" in text_of(app)


@pytest.mark.parametrize("name", ["close", "data_health"])
def test_a_month_in_doubt_is_named_with_what_to_do(
    tmp_path: Path, open_app: OpenApp, name: str
) -> None:
    publish(tmp_path)
    workspace = write_closed_workspace(tmp_path)
    next(workspace.locked_dir.rglob(KEPT)).write_text("amount\n1850\n")
    app = open_app(tmp_path, page=name)
    (notice,) = app.error
    assert "In doubt: Aug 2026" in notice.value
    assert "is not what was stored when the month was closed" in notice.value
    assert "triptych audit verify" in notice.value
