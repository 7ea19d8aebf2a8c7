"""What is to accrue, what was booked, and what the invoices brought."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.budget import burn_down_queries
from dashboard.pages.close import accrual_queries
from dashboard.shared import selection_queries
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot


SEPTEMBER = selection_queries.Selection(
    selection_queries.Period("2026-09", ("2026-09",)), "Billed", "EUR"
)
AUGUST = selection_queries.Selection(
    selection_queries.Period("2026-08", ("2026-08",)), "Billed", "EUR"
)


def test_an_issuer_that_delivered_nothing_is_first_unknown_and_in_no_total(
    snapshot: Snapshot,
) -> None:
    rows = accrual_queries.accruals(snapshot, SEPTEMBER).to_pylist()
    found = [(row["issuer"], row["amount"], row["low"], row["high"]) for row in rows]
    assert found == [
        ("Mailer", None, None, None),
        ("Railway", Decimal(120), Decimal(115), Decimal(125)),
    ]
    (total,) = accrual_queries.accrual_totals(snapshot, SEPTEMBER).to_pylist()
    assert (total["amount"], total["unknown_count"]) == (Decimal(120), 1)
    assert accrual_queries.accruals(snapshot, AUGUST).num_rows == 0


def test_a_booking_stands_beside_the_true_up_that_its_invoice_brought(
    snapshot: Snapshot,
) -> None:
    (row,) = accrual_queries.booked_accruals(snapshot, AUGUST).to_pylist()
    assert (row["booked"], row["invoiced"], row["true_up"]) == (2150, 2200, 50)
    assert (row["booked_by"], row["approved_by"]) == ("Ana Lima", "Ben Okafor")
    assert accrual_queries.booked_accruals(snapshot, SEPTEMBER).num_rows == 0


def test_the_record_counts_the_months_that_had_an_interval(snapshot: Snapshot) -> None:
    record = accrual_queries.accrual_track_record(snapshot)
    assert (record.tried_count, record.covered_count) == (2, 1)
    assert record.coverage_ratio == pytest.approx(0.5)


def test_commitments_stand_by_the_money_at_risk_and_expired_ones_last(
    snapshot: Snapshot,
) -> None:
    rows = burn_down_queries.commitments_burning_down(snapshot).to_pylist()
    found = [(row["commitment"], row["at_risk"], row["unused"]) for row in rows]
    assert found == [
        ("Prepaid API", Decimal("603.225806"), Decimal("603.225806")),
        ("Grant", None, None),
        ("GPU plan", Decimal(0), Decimal(200)),
    ]


def test_the_line_of_a_running_commitment_goes_on_to_its_expiry(
    snapshot: Snapshot,
) -> None:
    points = burn_down_queries.burn_down_months(snapshot).to_pylist()
    assert [(f"{p['day']}", p["left_ratio"], p["kind"]) for p in points] == [
        ("2026-08-31", 0.9, "known"),
        ("2026-08-31", 0.9, "expected"),
        ("2026-12-01", 0.603225806, "expected"),
    ]


def test_two_commitments_of_one_name_are_two_lines_that_their_ids_tell_apart(
    tmp_path: Path,
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "insert into cost.mart_commitment_burn_down by name"
            " select * replace ('pp-2' as commitment_id, 0.4 as remaining_ratio,"
            " null as at_risk_amount) from cost.mart_commitment_burn_down"
            " where commitment_id = 'pp'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    rows = burn_down_queries.commitments_burning_down(snapshot).to_pylist()
    points = burn_down_queries.burn_down_months(snapshot).to_pylist()
    names = ["Prepaid API (pp)", "Prepaid API (pp-2)"]
    assert [row["commitment"] for row in rows] == [*names, "Grant", "GPU plan"]
    known = [(p["commitment"], p["left_ratio"]) for p in points if p["kind"] == "known"]
    assert known == list(zip(names, (0.9, 0.4), strict=True))
