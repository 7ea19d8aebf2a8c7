"""What GPUs cost and how much of it idles, in figures that add up on paper."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.gpu_idle import queries as gpu_idle_queries
from dashboard.pages.gpu_idle import saving_queries, sentences
from dashboard.shared import selection_queries
from dashboard.shared.context import Page
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
SELECTION = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")
BILLED = selection_queries.Selection(SEPTEMBER, "Billed", "EUR")
QUARTER = selection_queries.Selection(
    selection_queries.Period("2026-Q3", ("2026-07", "2026-08", "2026-09")),
    "Amortised",
    "EUR",
)


def test_the_parts_of_the_headline_add_up_to_the_pools(snapshot: Snapshot) -> None:
    headline = gpu_idle_queries.accelerator_headline(snapshot, SELECTION)
    assert headline.total == Decimal(610)
    assert headline.used == Decimal(370)
    assert headline.idle == Decimal(180)
    assert (headline.requested_idle, headline.infrastructure_idle) == (
        Decimal(30),
        Decimal(150),
    )
    assert [headline.unmeasured, headline.unmapped, headline.unobserved] == [
        Decimal(25),
        Decimal(15),
        Decimal(20),
    ]
    parts = [getattr(headline, part) for part in gpu_idle_queries.ACCELERATOR_PARTS]
    assert sum(parts) == headline.total
    assert headline.idle_ratio == pytest.approx(180 / (610 - 25 - 15 - 20))
    assert gpu_idle_queries.accelerator_headline(snapshot, BILLED).idle == Decimal(90)


def test_a_scope_is_that_of_who_asked_or_of_whose_pool_it_is(
    snapshot: Snapshot,
) -> None:
    ml = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", "ml")
    headline = gpu_idle_queries.accelerator_headline(snapshot, ml)
    assert (headline.requested_idle, headline.infrastructure_idle) == (
        Decimal(20),
        Decimal(150),
    )
    eta = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "model", "eta-v2")
    assert gpu_idle_queries.accelerator_headline(snapshot, eta).idle == Decimal(20)


def test_a_pool_without_a_capacity_has_an_unknown_idle_not_a_zero(
    snapshot: Snapshot,
) -> None:
    rows = gpu_idle_queries.accelerator_pools(snapshot, SELECTION).to_pylist()
    assert [(row["pool_id"], row["infrastructure_idle"]) for row in rows] == [
        ("gpu-cluster", 150),
        ("gpu-dark", None),
    ]
    assert rows[1]["capacity_reason"] == "capacity not read"
    assert "No reading" in rows[1]["reason"]
    assert rows[0]["capacity_gpu_hours"] == Decimal(192)
    assert gpu_idle_queries.accelerator_hours(snapshot, SELECTION).active == Decimal(
        128
    )


def test_idle_money_of_which_nobody_knows_is_unknown_and_no_share(
    tmp_path: Path,
) -> None:
    """A fresh bill has GPU pools, and no meter of them: not 0.00, not 0.0 %."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update delivery.mart_accelerator_idle_costs set is_idle_known = false"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    headline = gpu_idle_queries.accelerator_headline(snapshot, SELECTION)
    assert headline.total is not None
    assert (headline.idle, headline.idle_ratio) == (None, None)
    assert (headline.requested_idle, headline.infrastructure_idle) == (None, None)
    assert gpu_idle_queries.idle_owners(snapshot, SELECTION).num_rows == 0


def test_a_pool_that_others_used_is_not_called_unused_in_a_scope(
    snapshot: Snapshot,
) -> None:
    """Of the cluster the pool's own cost centre has what idled; others used the rest.

    Who may see that cost centre alone has the same rows; without the hours of a pool
    nothing says whether it was used.
    """
    ml = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", "ml")
    view = Page(
        snapshot,
        selection_queries.run(snapshot),
        ml,
        selection_queries.standing(snapshot, ml),
    )
    idle = {"used": Decimal(0), "idle": Decimal(150), "total": Decimal(150)}
    hours = ("capacity_gpu_hours", "active_gpu_hours")
    rows = [
        {"pool_id": pool, **idle, **dict(zip(hours, known, strict=True))}
        for pool, known in {
            "used-by-others": (Decimal(192), Decimal(128)),
            "of-others": (None, None),
            "never-asked-for": (Decimal(96), None),
            "asked-for-in-vain": (None, Decimal(0)),
        }.items()
    ]
    said = sentences.pools(view, rows, {"idle": None, "pool_count": 0})
    assert said.endswith(" Unused: never-asked-for, asked-for-in-vain.")


def test_idle_money_by_owner_adds_up_to_the_idle_money(snapshot: Snapshot) -> None:
    rows = gpu_idle_queries.idle_owners(snapshot, SELECTION).to_pylist()
    assert [(row["team"], row["holder"], row["idle"]) for row in rows] == [
        ("ml", "the pool itself", 150),
        ("ml", "eta-v2", 20),
        ("vision", "vision-v1", 10),
    ]
    assert sum(row["share_ratio"] for row in rows) == pytest.approx(1)


def test_hours_of_the_week_average_over_the_hours_that_were_read(
    snapshot: Snapshot,
) -> None:
    assert gpu_idle_queries.pools_of_the_week(snapshot, SELECTION) == ("gpu-cluster",)
    rows = gpu_idle_queries.hours_of_week(snapshot, QUARTER, "gpu-cluster").to_pylist()
    assert len(rows) == 168
    by_hour = {(row["weekday"], row["hour_of_day"]): row for row in rows}
    # Two months of 22 hours idle, over four hours each.
    assert by_hour[2, 13]["infrastructure_idle_gpus"] == pytest.approx(44 / 8)
    assert by_hour[3, 13]["requested_idle_gpus"] == pytest.approx(8 / 4)
    assert by_hour[6, 0]["infrastructure_idle_gpus"] is None
    assert by_hour[6, 0]["capacity_gpu_hours"] is None


def test_commitments_are_whole_and_their_ratio_is_of_sums(snapshot: Snapshot) -> None:
    headline = gpu_idle_queries.commitment_headline(snapshot, SELECTION)
    # Of 100, 80 are unused and 10 of these are not AI: 70 of 90 in AI scope.
    assert (headline.unused, headline.committed) == (Decimal(70), Decimal(90))
    assert headline.unused_whole == 80
    assert headline.committed_whole == 100
    row = gpu_idle_queries.commitments(snapshot, QUARTER).to_pylist()[0]
    assert (row["used"], row["unused"], row["purchased_to_date"]) == (115, 85, 200)
    assert row["utilisation_ratio"] == pytest.approx(115 / 200)


def test_candidates_are_of_the_last_month_that_is_full(snapshot: Snapshot) -> None:
    rows = saving_queries.saving_candidates(snapshot, BILLED).to_pylist()
    assert [(r["candidate"], r["billing_month"], r["amount"]) for r in rows] == [
        ("Fewer nodes in gpu-cluster", "2026-08", 120),
        ("Smaller requests of ETA v2 in gpu-cluster", "2026-08", 10),
        ("A smaller commitment than one-year", "2026-08", 5),
    ]
    assert all(row["assumption"] for row in rows)


def test_what_idles_in_other_pools_is_said_beside(snapshot: Snapshot) -> None:
    others = gpu_idle_queries.idle_of_other_pools(snapshot, SELECTION)
    assert others == {"idle": Decimal(40), "pool_count": 1}


def test_another_currency_knows_nothing(snapshot: Snapshot) -> None:
    usd = selection_queries.Selection(SEPTEMBER, "Amortised", "USD")
    assert gpu_idle_queries.accelerator_headline(snapshot, usd).idle is None
    assert gpu_idle_queries.accelerator_months(snapshot, usd).num_rows == 0
