"""Measures are answered with what qualifies them; what means nothing is not added up.

The warehouse is the one of the pages' tests; its amounts are added up on paper there.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlglot

from tests.dashboard.fixtures.warehouse_fixture import TRUTH, publish
from triptych.core.errors import UsageError
from triptych.core.measures.answer import ask, table
from triptych.core.measures.compile import compile_query, compile_relation
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import month_before, query, query_of
from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = {"billing_month": "2026-09", "currency": "EUR"}
#: Of the ledger without 190 of tax, 60 of credits and 400 that is not AI.
LOADED = ("direct", "shared", "idle", "unused_commitment", "overhead")
AI_COST = TRUTH["ledger"] - 190 + 60 - 400


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("measures")
    publish(root)
    return PublishedReader(root).snapshot()


def test_a_figure_has_its_unit_basis_state_and_address(snapshot: Snapshot) -> None:
    by = ("billing_month", "currency")
    [figure] = ask(snapshot, query("ai_cost", by=by, where=SEPTEMBER))
    assert figure.value == AI_COST
    assert (figure.unit, figure.measure.basis) == ("EUR", "effective (amortised)")
    assert figure.state == "open"
    assert str(figure.explain) == (
        "cost.fct_daily_model_costs/effective_cost?billing_month=2026-09&currency=EUR"
        "&is_ai_cost=true"
    )


def test_a_share_is_of_what_it_is_a_part_of(snapshot: Snapshot) -> None:
    """Of AI cost, not of the bill with tax. 40 of the idle cost are of vision-v1."""
    asked = query("idle_cost", "ai_cost", "idle_cost_ratio", where=SEPTEMBER)
    [row] = table(snapshot, asked).to_pylist()
    assert row["idle_cost"] == TRUTH["idle_shown"] + 40
    assert row["idle_cost_ratio"] == pytest.approx(float(190 / AI_COST))


def test_rows_are_as_many_and_in_the_order_asked_for(snapshot: Snapshot) -> None:
    """eta-v2 1,460, vision-v1 640, chat-v1 300; 100 is unallocated, 150 is idle."""
    asked = query(
        "ai_cost", by=("model_id",), where=SEPTEMBER, order="ai_cost DESC", limit=2
    )
    rows = table(snapshot, asked).to_pylist()
    assert [row["model_id"] for row in rows] == ["eta-v2", "vision-v1"]
    assert rows[0]["ai_cost"] == TRUTH["eta_fully_loaded"]


def test_a_measure_has_its_twin_on_the_billed_basis() -> None:
    known = definitions()
    twin = known.measure("unallocated_cost_ratio").on_basis(billed=True)
    assert (twin.numerator, twin.denominator) == (
        "billed_unallocated_cost",
        "billed_ai_cost",
    )
    idle = known.measure("unowned_idle_cost").on_basis(billed=True)
    assert (idle.expr, idle.basis) == ("billed_cost", "billed (as invoiced)")


def test_a_larger_query_reads_shares_within_a_group(snapshot: Snapshot) -> None:
    """eta-v2 1,460 of September's AI cost."""
    asked = query(
        "ai_cost",
        by=("billing_month", "model_id"),
        where={"currency": "EUR"},
        conditions=("billing_month <= $until",),
        within=("billing_month",),
    )
    relation = compile_relation(asked, {"cost": "ai_cost"})
    rows = snapshot.query(
        f"SELECT * FROM {relation} WHERE model_id = 'eta-v2'"
        " AND billing_month = '2026-09'",
        {"until": "2026-09"},
    ).to_pylist()
    assert [row["cost"] for row in rows] == [TRUTH["eta_fully_loaded"]]
    assert rows[0]["cost_total"] == AI_COST
    share = float(TRUTH["eta_fully_loaded"] / AI_COST)
    assert rows[0]["cost_share"] == pytest.approx(share)
    assert rows[0]["cost_rows"] > 0


def test_rows_are_added_up_one_after_another(snapshot: Snapshot) -> None:
    """Of September's bills the parts come off one by one, down to nothing."""
    asked = query(
        "left_of_bills",
        by=("step",),
        where={"currency": "EUR", "billing_month": "2026-09"},
        labels=("step_order",),
        running="step_order",
    )
    relation = compile_relation(asked, {"left": "left_of_bills"})
    rows = snapshot.query(f"SELECT * FROM {relation} ORDER BY step_order").to_pylist()
    assert (rows[0]["step"], rows[0]["left_begin"], rows[-1]["left_end"]) == (
        "ledger",
        0,
        0,
    )
    for above, row in pairwise(rows):
        assert row["left_begin"] == above["left_end"]
        assert row["left_end"] == row["left_begin"] + row["left"]


def test_rows_of_another_source_are_added_up_by_its_dimensions(
    snapshot: Snapshot,
) -> None:
    """AI cost of September: 1,460 of eta-v2, and the rest."""
    asked = query(
        "ai_cost",
        by=("who",),
        where=SEPTEMBER,
        lists=("component",),
        within=(),
        source="(SELECT *, CASE WHEN model_id = 'eta-v2' THEN 'eta' ELSE 'rest' END"
        " AS who FROM cost.fct_daily_model_costs) AS costs",
    )
    rows = table(snapshot, asked).to_pylist()
    eta = TRUTH["eta_fully_loaded"]
    assert [(row["who"], row["ai_cost"]) for row in rows] == [
        ("eta", eta),
        ("rest", AI_COST - eta),
    ]
    assert rows[0]["component"] == "direct, overhead, shared"


def test_a_sum_of_no_rows_is_zero_only_where_that_is_asked_for(
    snapshot: Snapshot,
) -> None:
    """Changes of single models add up to that of all, new and gone ones among them."""
    asked = {
        is_zero: table(
            snapshot,
            query(
                "model_cost",
                by=("model_id",),
                where={"currency": "EUR"},
                period=("2026-09",),
                prior=("2026-08",),
                is_zero_without_rows=is_zero,
            ),
        ).to_pylist()
        for is_zero in (True, False)
    }
    assert sum(row["model_cost_change"] for row in asked[True]) == sum(
        row["model_cost"] or 0 for row in asked[False]
    ) - sum(row["model_cost_prior"] or 0 for row in asked[False])
    absent = [row for row in asked[False] if row["model_cost_change"] is None]
    assert absent
    assert all(
        0 in (row["model_cost_rows"], row["model_cost_prior_rows"]) for row in absent
    )


def test_money_is_not_added_over_a_currency() -> None:
    with pytest.raises(UsageError, match="does not add up over currency"):
        query("ai_cost", by=("billing_month",))
    with pytest.raises(UsageError, match="does not add up over step"):
        query("step_billed_cost", where=SEPTEMBER)
    with pytest.raises(UsageError, match="does not add up over model_id"):
        query("gpu_cost_per_gpu_hour", where=SEPTEMBER)
    with pytest.raises(UsageError, match="not of one model"):
        query("ai_cost", "requests", where=SEPTEMBER)
    with pytest.raises(UsageError, match="has no dimension colour"):
        query("ai_cost", by=("colour", "currency"))
    with pytest.raises(UsageError, match="no measure 'ai_costs'"):
        query("ai_costs")


def test_a_sum_with_an_unknown_part_is_unknown_and_says_so(tmp_path: Path) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update cost.fct_daily_model_costs set effective_cost = null"
            " where model_id = 'chat-v1' and billing_month = '2026-09'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    [figure] = ask(snapshot, query("ai_cost", where=SEPTEMBER))
    assert figure.value is None
    assert "unknown part" in str(figure.reason)


def test_what_a_bill_does_not_have_is_unknown_and_no_zero(snapshot: Snapshot) -> None:
    nothing = {"billing_month": "1999-01", "currency": "EUR"}
    for name in ("ai_cost", "idle_cost", "idle_cost_ratio"):
        [figure] = ask(snapshot, query(name, where=nothing))
        assert figure.value is None, name


def test_whoever_has_single_cost_centres_is_answered_of_these(tmp_path: Path) -> None:
    """cc-200 has vision-v1 and nothing else."""
    publish(tmp_path)
    narrowed = Gate(tmp_path).snapshot(Viewer("analyst", ("cc-200",)))
    [figure] = ask(narrowed, query("ai_cost", where=SEPTEMBER))
    assert figure.value == Decimal(640)


@pytest.mark.parametrize("name", definitions().questions)
def test_a_saved_query_is_sql_that_other_engines_read(name: str) -> None:
    given = {"month": "2026-09", "prior_month": month_before("2026-09")}
    sql = compile_query(query_of(definitions().question(name), given))
    assert sqlglot.transpile(sql, read="duckdb", write="spark")


@pytest.mark.parametrize("name", definitions().questions)
def test_the_rows_of_a_saved_query_never_tie(name: str) -> None:
    question = definitions().question(name)
    given = {"month": "2026-09", "prior_month": "2026-08"}
    order = query_of(question, given).order
    assert order == "ALL" or {f'"{column}"' for column in question.by} <= {
        part.strip() for part in order.split(",")
    }


def test_the_month_before_january_is_december() -> None:
    assert month_before("2026-01") == "2025-12"
    assert month_before("2026-10") == "2026-09"


def test_a_period_has_what_the_one_before_had_the_change_and_the_share(
    snapshot: Snapshot,
) -> None:
    """eta-v2 1,460 of 2,449 of models, which were 1,979 in the month before."""
    asked = query(
        "model_cost",
        by=("model_id",),
        where={"currency": "EUR", "component": LOADED},
        period=("2026-09",),
        prior=("2026-08",),
        order="model_cost DESC",
    )
    rows = table(snapshot, asked).to_pylist()
    prior = sum(row["model_cost_prior"] or 0 for row in rows)
    assert (rows[0]["model_id"], rows[0]["model_cost"]) == ("eta-v2", 1460)
    assert rows[0]["model_cost_share"] == pytest.approx(1460 / 2449)
    assert prior == TRUTH["prior_fully_loaded"]
    assert rows[0]["model_cost_change"] == 1460 - rows[0]["model_cost_prior"]
    [new] = [row for row in rows if row["model_id"] == "chat-v1"]
    assert (new["model_cost_prior"], new["model_cost_change"]) == (None, None)


def test_a_sum_to_date_is_that_of_the_newest_month(snapshot: Snapshot) -> None:
    """100 were bought and drawn in August, and 100 in September: 200, and no 300."""
    by = ("source", "provider", "commitment_kind", "commitment_key")
    asked = query(
        "committed_cost",
        "committed_cost_to_date",
        "drawn_commitment_ratio",
        by=by,
        where={"currency": "EUR"},
        counted=True,
    )
    [row] = table(snapshot, asked).to_pylist()
    assert (row["committed_cost"], row["committed_cost_to_date"]) == (200, 200)
    assert row["drawn_commitment_ratio"] == 1
    assert row["row_count"] == 2
    with pytest.raises(UsageError, match="does not add up over commitment_key"):
        query("committed_cost_to_date", by=by[:3], where={"currency": "EUR"})


def test_a_row_without_a_currency_is_shown_among_those_of_one() -> None:
    either = {"currency": ("EUR", None), "billing_month": "2026-09"}
    assert "IS NULL" in compile_query(query("node_cost", where=either))
    with pytest.raises(UsageError, match="does not add up over currency"):
        query("node_cost", where={"currency": ("EUR", "USD")})
