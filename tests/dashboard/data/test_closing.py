"""Invoices, states and adjustments of months, in figures that add up on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb

from dashboard.pages.close import progress
from dashboard.pages.close import queries as close_queries
from dashboard.pages.data_health import to_fix
from dashboard.pages.summary import sentences as summary_sentences
from dashboard.shared import selection_queries
from dashboard.shared.comments import comments_on
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.acts import OpenProposal
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from dashboard.shared.drawing.stepper import Step
    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Selection(
    selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",)),
    "Billed",
    "EUR",
)
AUGUST = selection_queries.Selection(
    selection_queries.Period("2026-08", ("2026-08",)), "Amortised", "EUR"
)
QUARTER = selection_queries.Selection(
    selection_queries.Period("2026-Q3", ("2026-07", "2026-08", "2026-09")),
    "Billed",
    "EUR",
)


def test_invoices_are_ledger_explained_and_unexplained_the_red_ones_first(
    snapshot: Snapshot,
) -> None:
    rows = close_queries.invoices(snapshot, SEPTEMBER).to_pylist()
    assert [(row["issuer"], row["state"], row["unexplained"]) for row in rows] == [
        ("Railway", "no invoice", Decimal(-120)),
        ("Mailer", "no ledger", Decimal(15)),
        ("Google Cloud", "not reconciled", Decimal("5.50")),
        ("AWS", "reconciled", Decimal(0)),
        ("OpenAI", "reconciled", Decimal(0)),
    ]
    for row in rows:
        sides = (row["ledger"] or 0) + row["explained"] + row["unexplained"]
        assert (row["invoiced"] or 0) == sides


def test_currencies_are_never_added_and_sizes_do_not_cancel(snapshot: Snapshot) -> None:
    eur, usd = close_queries.invoice_totals(snapshot, SEPTEMBER).to_pylist()
    assert (eur["currency"], eur["reconciled_count"], eur["row_count"]) == ("EUR", 1, 4)
    # 2520.01 + 285.75 + 15.00, and 2520 + 260.25 + 120.
    assert eur["invoiced"] == Decimal("2820.76")
    assert eur["ledger"] == Decimal("2900.25")
    # 5.50 + 15 - 120 net; by size 20.50, for Railway's 120 wait for an invoice.
    assert eur["unexplained"] == Decimal("-99.50")
    assert eur["unexplained_gross"] == Decimal("20.50")
    assert (eur["missing_line"], eur["tax"]) == (20, 0)
    assert usd["unexplained_gross"] == 0


def test_what_is_on_one_side_is_listed_in_both_directions(snapshot: Snapshot) -> None:
    rows = close_queries.unmatched(snapshot, SEPTEMBER).to_pylist()
    assert [(row["side"], row["issuer"], row["amount"]) for row in rows] == [
        ("charges without an invoice", "Railway", Decimal(120)),
        ("invoice without charges", "Mailer", Decimal(15)),
        ("lines on one side", "Google Cloud", Decimal(20)),
    ]


def test_parts_come_down_from_the_bills_to_nothing(snapshot: Snapshot) -> None:
    rows = close_queries.ledger_parts(snapshot, SEPTEMBER).to_pylist()
    # Billed: eta-v2 100 more than amortised, and 70 of a commitment not billed.
    assert rows[0]["amount"] == Decimal("3329.0000000001")
    assert sum(row["amount"] for row in rows[1:]) == rows[0]["amount"]
    assert rows[-1]["ends_at"] == 0
    for above, row in pairwise(rows):
        assert row["starts_at"] == above["ends_at"]


def test_the_checklist_names_each_bill_that_keeps_the_month_open(
    snapshot: Snapshot,
) -> None:
    rows = close_queries.closing_steps(snapshot, SEPTEMBER).to_pylist()
    assert [(row["step"], row["is_done"], row["leads_to"]) for row in rows] == [
        ("The month is over, with every rate", False, "estimated"),
        ("Invoices and bill tie (gcp)", False, "reconciled"),
        ("Invoices and bill tie (railway)", False, "reconciled"),
        ("Invoices and bill tie (aws)", True, "reconciled"),
        ("Closed by one person, approved by another", False, "locked"),
    ]
    august = close_queries.closing_steps(snapshot, AUGUST).to_pylist()
    assert [row["is_done"] for row in august] == [True, True, True, False]
    assert august[-1]["remark"] == "Items that changed after it was closed: 1."


def test_each_step_has_who_does_it_and_the_day_on_which_it_was_done(
    snapshot: Snapshot,
) -> None:
    """August was closed by two people; when its last rate came is not recorded."""
    september = close_queries.closing_steps(snapshot, SEPTEMBER).to_pylist()
    assert [row["owner"] for row in september] == [
        *("triptych run", "finance", "finance", "finance", "two of finance"),
    ]
    assert [row["done_on"] for row in september] == [None] * 5
    over, *_, closed, _ = close_queries.closing_steps(snapshot, AUGUST).to_pylist()
    assert (over["is_done"], over["done_on"]) == (True, None)
    assert closed["owner"] == "Ana Lima, approved by Ben Okafor"
    assert closed["done_on"] == date(2026, 9, 9)


def test_steps_lead_from_the_end_of_a_month_to_its_lock_with_owner_and_day(
    snapshot: Snapshot,
) -> None:
    """August is closed and restated; of September two bills of three do not tie."""
    drawn = steps_of_month(snapshot, SEPTEMBER)
    assert [step.state for step in drawn] == ["next", "later", "later", "later"]
    assert [step.date for step in drawn] == ["ends 2026-09-30", "", "", ""]
    assert drawn[1].note == "1 of 3 bills tie; open: gcp, railway"
    assert drawn[3].owner == "a second person of finance"
    *before, last = steps_of_month(snapshot, AUGUST)
    assert [step.state for step in before] == ["done"] * 4
    assert [step.owner for step in before[2:]] == ["Ana Lima", "Ben Okafor"]
    assert [step.date for step in before] == [
        *("ended 2026-08-31", "", "", "2026-09-09"),
    ]
    # What became of its bills since is what the last step says.
    assert [step.note for step in before] == ["", "", "", ""]
    assert (last.title, last.state) == ("Nothing changed since", "next")
    assert last.note == "Items that changed after it was closed: 1."


def test_a_proposal_is_a_step_that_waits_for_a_second_person(
    snapshot: Snapshot,
) -> None:
    at = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
    waiting = OpenProposal("close", "2026-09", "fay", at)
    month = dict(month_of(snapshot, SEPTEMBER), state="reconciled", reason=None)
    drawn = progress.steps_of(month, [], waiting)
    assert [step.state for step in drawn] == ["done", "done", "done", "next"]
    assert (drawn[2].owner, drawn[2].date) == ("fay", "2026-10-05")


def month_of(
    snapshot: Snapshot, selection: selection_queries.Selection
) -> dict[str, Any]:
    states = close_queries.month_states(snapshot, selection).to_pylist()
    return next(row for row in states if row["is_chosen"])


def steps_of_month(
    snapshot: Snapshot, selection: selection_queries.Selection
) -> list[Step]:
    requirements = close_queries.closing_steps(snapshot, selection).to_pylist()
    return progress.steps_of(month_of(snapshot, selection), requirements, None)


def test_a_month_without_any_invoice_lacks_them(snapshot: Snapshot) -> None:
    july = selection_queries.Selection(
        selection_queries.Period("2026-07", ("2026-07",)), "Billed", "EUR"
    )
    rows = close_queries.closing_steps(snapshot, july).to_pylist()
    assert rows[1]["remark"] == "No invoice for this month yet."
    assert not rows[1]["is_done"]
    assert close_queries.invoice_totals(snapshot, july).num_rows == 0


def test_adjustments_are_those_booked_in_the_month_and_those_about_it(
    snapshot: Snapshot,
) -> None:
    booked = close_queries.adjustments(snapshot, SEPTEMBER).to_pylist()
    assert [(row["kind"], row["amount"], row["booking"]) for row in booked] == [
        ("restated export", Decimal(30), "to be booked"),
        ("late credit", Decimal(-12), "in its bill"),
    ]
    assert {row["is_about_here"] for row in booked} == {False}
    about = close_queries.adjustments(snapshot, AUGUST).to_pylist()
    assert {(row["is_about_here"], row["is_booked_here"]) for row in about} == {
        (True, False)
    }
    totals = close_queries.adjustment_totals(snapshot, AUGUST).to_pylist()
    assert [(row["kind"], row["to_book"]) for row in totals] == [
        ("late credit", None),
        ("restated export", Decimal(30)),
    ]


def test_every_month_has_its_state_however_many_there_are(tmp_path: Path) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "INSERT INTO cost.mart_period_states SELECT states.* REPLACE"
            " (strftime(DATE '2024-01-01' + to_months(n), '%Y-%m') AS billing_month)"
            " FROM cost.mart_period_states AS states, range(17) AS past (n)"
            " WHERE billing_month = '2026-07'"
        )
    rows = close_queries.month_states(PublishedReader(tmp_path).snapshot(), AUGUST)
    assert rows.num_rows == 17 + 3


def test_states_show_what_a_month_was_closed_with_beside_what_it_is_now(
    snapshot: Snapshot,
) -> None:
    rows = close_queries.month_states(snapshot, AUGUST).to_pylist()
    assert [(row["billing_month"], row["is_chosen"]) for row in rows] == [
        ("2026-08", True),
        ("2026-09", False),
        ("2026-07", False),
    ]
    assert rows[0]["locked_cost"] == Decimal(2200)
    assert rows[0]["difference"] == Decimal(30)
    assert rows[1]["locked_cost"] is None


def test_comments_are_those_on_the_month_or_on_its_bridge_with_their_author(
    snapshot: Snapshot,
) -> None:
    on_bridge = comments_on(snapshot, SEPTEMBER, "2026-08").to_pylist()
    assert [(row["author"], row["about"]) for row in on_bridge] == [
        ("Ben Okafor", "eta-v2"),
        ("Ana Lima", "all"),
    ]
    assert comments_on(snapshot, SEPTEMBER, "2026-07").num_rows == 0
    assert comments_on(snapshot, QUARTER).num_rows == 3
    vision = replace(SEPTEMBER, scope_kind="model", scope_id="vision-v1")
    assert comments_on(snapshot, vision, "2026-08").num_rows == 1


def test_events_are_those_of_the_chosen_months_newest_first(
    snapshot: Snapshot,
) -> None:
    rows = close_queries.period_events(snapshot, AUGUST).to_pylist()
    assert [(row["event"], row["actor"], row["approver"]) for row in rows] == [
        ("closed", "Ana Lima", "Ben Okafor"),
        ("reopened", "Ana Lima", None),
        ("closed", "Ana Lima", "Ben Okafor"),
    ]
    assert close_queries.period_events(snapshot, SEPTEMBER).num_rows == 0
    assert close_queries.period_events(snapshot, QUARTER).num_rows == 4


def test_a_bill_without_an_invoice_is_expected_and_not_also_unexplained(
    tmp_path: Path,
) -> None:
    """AWS's 2,520 come as 1,500 and 1,020, and 2,800 are expected of both together."""
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "DELETE FROM cost.mart_invoice_reconciliation;"
            " INSERT INTO cost.mart_invoice_reconciliation BY NAME SELECT"
            " '2026-09' AS billing_month, name AS invoice_issuer_name, source,"
            " 'EUR' AS currency, amount AS ledger_billed_cost,"
            " -amount AS unexplained_amount, 'no_invoice' AS state"
            " FROM (VALUES ('AWS', 'aws', 1500),"
            " ('Amazon Web Services EMEA SARL', 'aws', 1020), ('Mailer', 'mailer', 7))"
            " AS bills (name, source, amount);"
            " INSERT INTO cost.mart_accruals BY NAME SELECT '2026-09' AS billing_month,"
            " 'AWS' AS invoice_issuer_name, 'aws, marketplace' AS source,"
            " 'EUR' AS currency, 'to_accrue' AS state, 2800 AS accrual_amount"
        )
    waiting = PublishedReader(tmp_path).snapshot()
    (eur,) = close_queries.invoice_totals(waiting, SEPTEMBER).to_pylist()
    # Railway's 120 are expected, too. Of Mailer nothing is, so its 7 stay unexplained.
    assert (eur["not_invoiced"], eur["unexplained_gross"]) == (2920, 7)
    # AWS has no interval, so their sum has none.
    assert (eur["not_invoiced_low"], eur["not_invoiced_high"]) == (None, None)
    assert [
        (row["what"], row["amount"], row["bound"]) for row in to_fix.of_invoices([eur])
    ] == [
        ("Expected, not invoiced yet", 2920, "estimate"),
        ("Between invoices and bills, not explained", 7, "exact"),
    ]


def test_charges_that_wait_for_their_invoice_have_their_amount_and_not_zero(
    tmp_path: Path,
) -> None:
    """Railway is billed nothing until its invoice comes: 120 are expected."""
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "UPDATE cost.mart_invoice_reconciliation SET ledger_billed_cost = 0,"
            " unexplained_amount = 0 WHERE state = 'no_invoice'"
        )
    waiting = PublishedReader(tmp_path).snapshot()
    first = close_queries.unmatched(waiting, SEPTEMBER).to_pylist()[0]
    assert (first["issuer"], first["amount"]) == ("Railway", Decimal(120))
    eur, usd = close_queries.invoice_totals(waiting, SEPTEMBER).to_pylist()
    assert (eur["not_invoiced"], usd["not_invoiced"]) == (Decimal(120), Decimal(0))
    # 5.50 + 15 of the others stay unexplained.
    (gap, *_) = summary_sentences.unreconciled([eur])
    assert gap.text.replace("\u00a0", " ") == (
        "EUR 120.00 not invoiced yet, EUR 20.50 between invoices and bills is"
        " not explained"
    )
    # Railway alone is awaited: its interval, 5 on either side, is that of the sum.
    first, _ = to_fix.of_invoices([eur])
    assert first["bound"].replace("\u00a0", " ") == "estimate, EUR 115 to 125"
