"""A restricted snapshot has no way to what its reader may not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import (
    LineItemsOutOfReachError,
    PublishedReader,
    Snapshot,
)
from triptych.core.warehouse.restricted import Restriction, restricted

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

COSTS = (
    "select sum(effective_cost) as amount from cost.fct_daily_model_costs"
    " where billing_month = '2026-09' and currency = 'EUR' and model_id is not null"
    " and component in ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    publish(folder)
    return folder


def seen(root: Path, **options: object) -> Snapshot:
    restriction = Restriction(name="the role viewer", **options)  # type: ignore[arg-type]
    return restricted(PublishedReader(root).snapshot(), root, restriction)


def amount(snapshot: Snapshot) -> Decimal:
    value: Decimal = snapshot.query(COSTS).to_pylist()[0]["amount"]
    return value


def count(snapshot: Snapshot, mart: str) -> int:
    value: int = snapshot.query(f"select count(*) as n from {mart}").to_pylist()[0]["n"]
    return value


def test_without_a_limit_everything_is_the_same(root: Path) -> None:
    assert amount(seen(root)) == amount(PublishedReader(root).snapshot()) == 2449


def test_rows_of_other_cost_centres_are_in_no_sum(root: Path) -> None:
    # vision-v1 costs 500 + 100 + 40, and is all that cc-200 has.
    assert amount(seen(root, cost_centers=("cc-200",))) == 640
    # Small models have no cost centre: 2,449 - 640 - (10 + 9 + 8 + 7 + 6 + 5 + 4)
    assert amount(seen(root, cost_centers=("cc-100",))) == 1760
    assert amount(seen(root, cost_centers=("cc-100", "cc-200"))) == 2400


def test_models_teams_and_scopes_follow_their_cost_centre(root: Path) -> None:
    mine = seen(root, cost_centers=("cc-200",))
    [model] = mine.query("select model_id from core.dim_models").to_pylist()
    assert model["model_id"] == "vision-v1"
    units = mine.query(
        "select distinct model_id from cost.mart_model_unit_costs"
    ).to_pylist()
    assert units == [{"model_id": "vision-v1"}]
    budgets = mine.query(
        "select scope_type, scope_id from cost.mart_budget_variance"
    ).to_pylist()
    assert budgets == [{"scope_type": "cost_center", "scope_id": "cc-200"}]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose eta-v2 was cc-200's until September, then cc-100's.

    old-v1 becomes cc-200's in October, and has cost of cc-100 only.
    chat-v1 is cc-100's; in September 1 of its cost is charged to cc-200.
    """
    folder = tmp_path_factory.mktemp("moved")
    path = publish(folder)
    with duckdb.connect(str(path)) as connection:
        connection.execute(_MOVED)
    return folder


_MOVED = """
delete from core.dim_models where model_id = 'eta-v2';
insert into core.dim_models values
  ('eta-v2', 'ETA v2', 'eta', 'vision', 'cc-200', '2026-01-01', '2026-09-01', true),
  ('eta-v2', 'ETA v2', 'eta', 'ml', 'cc-100', '2026-09-01', null, true),
  ('old-v1', 'Old v1', 'eta', 'vision', 'cc-200', '2026-10-01', null, true);
update cost.fct_daily_model_costs set team_id = 'vision', cost_center = 'cc-200'
where model_id = 'eta-v2' and billing_month < '2026-09';
insert into cost.fct_daily_model_costs by name
select billing_month, model_id, currency, 'direct' as component,
  'cc-200' as cost_center, 1 as effective_cost
from cost.mart_model_unit_costs
where model_id = 'chat-v1' and billing_month = '2026-09';
insert into cost.mart_budget_variance by name
select '2026-09' as billing_month, 'model' as scope_type, model_id as scope_id,
  'EUR' as currency, 900 as budget_amount, 800 as actual_cost, 'running' as state
from (values ('chat-v1'), ('eta-v2'), ('vision-v1')) as models (model_id);
create table delivery.by_month as
select * from (values ('2026-08', 'eta-v2'), ('2026-09', 'eta-v2'), (null, 'eta-v2'),
  ('2025-12', 'eta-v2'), ('2025-12', 'vision-v1')) as rows (month, model_id);
create table delivery.by_scope as
select month, 'model' as scope_kind, model_id as scope_id from delivery.by_month;
create table delivery.by_window as select *, 12 as window_months from delivery.by_scope;
create table delivery.of_all_time as select distinct model_id from delivery.by_month;
"""


def months_of(snapshot: Snapshot, mart: str, column: str = "month") -> set[str]:
    rows = snapshot.query(
        f"select {column} as month from {mart} where columns('model_id|scope_id')"
        " = 'eta-v2'"
    )
    return set(rows["month"].to_pylist())


def test_a_month_of_a_model_is_seen_by_its_owner_of_that_month(moved: Path) -> None:
    """eta-v2 was cc-200's in July and August and is cc-100's since September."""
    mine = seen(moved, cost_centers=("cc-100",))
    theirs = seen(moved, cost_centers=("cc-200",))
    units = "cost.mart_model_unit_costs"
    assert months_of(mine, units, "billing_month") == {"2026-09"}
    assert months_of(theirs, units, "billing_month") == {"2026-07", "2026-08"}
    for mart in ("delivery.by_month", "delivery.by_scope"):
        assert months_of(mine, mart) == {"2026-09"}
        assert months_of(theirs, mart) == {"2026-08"}


def test_a_month_without_an_owner_is_seen_by_the_only_owner_of_a_model(
    moved: Path,
) -> None:
    """The catalogue begins in January; vision-v1 has been cc-200's ever since."""
    early = "select model_id from delivery.by_month where month = '2025-12'"
    theirs = seen(moved, cost_centers=("cc-200",)).query(early)
    assert theirs["model_id"].to_pylist() == ["vision-v1"]
    assert seen(moved, cost_centers=("cc-100",)).query(early).num_rows == 0


def test_what_spans_months_is_seen_by_the_only_owner_of_a_model(moved: Path) -> None:
    for center in ("cc-100", "cc-200"):
        assert months_of(seen(moved, cost_centers=(center,)), "delivery.by_window") == (
            set()
        )
    [only] = (
        seen(moved, cost_centers=("cc-200",))
        .query("select model_id from delivery.of_all_time")
        .to_pylist()
    )
    assert only["model_id"] == "vision-v1"
    both = seen(moved, cost_centers=("cc-100", "cc-200"))
    assert count(both, "delivery.of_all_time") == 2


def test_a_unit_cost_with_cost_of_another_centre_is_seen_by_neither(
    moved: Path,
) -> None:
    chat = (
        "select 1 from cost.mart_model_unit_costs"
        " where model_id = 'chat-v1' and billing_month = '2026-09'"
    )
    for center in ("cc-100", "cc-200"):
        assert seen(moved, cost_centers=(center,)).query(chat).num_rows == 0
    both = seen(moved, cost_centers=("cc-100", "cc-200"))
    assert both.query(chat).num_rows == 1


def test_a_quarter_of_a_budget_is_seen_by_the_only_owner_of_its_model(
    moved: Path,
) -> None:
    """vision-v1 is cc-200's; two moved; a cost of chat-v1 is another centre's."""
    quarters = (
        "select scope_id from cost.mart_budget_periods where period = '2026-Q3'"
        " and scope_type in ('model', 'cost_center') order by all"
    )
    shown = {
        center: seen(moved, cost_centers=(center,)).query(quarters)["scope_id"]
        for center in ("cc-100", "cc-200")
    }
    assert shown["cc-100"].to_pylist() == []
    assert shown["cc-200"].to_pylist() == ["cc-200", "vision-v1"]
    both = seen(moved, cost_centers=("cc-100", "cc-200")).query(quarters)
    every = ["cc-200", "chat-v1", "eta-v2", "old-v1", "vision-v1"]
    assert both["scope_id"].to_pylist() == every


def test_a_mart_whose_rows_belong_to_nobody_is_empty(root: Path) -> None:
    mine = seen(root, cost_centers=("cc-200",), whole=("core.mart_run",))
    assert count(mine, "cost.mart_cost_waterfall") == 0
    assert count(mine, "cost.mart_invoice_reconciliation") == 0
    assert count(mine, "core.mart_run") == 1


@pytest.mark.parametrize(
    "name",
    [
        "cost.mart_invoice_reconciliation",
        "published.cost.mart_invoice_reconciliation",
        "memory.cost.mart_invoice_reconciliation",
        "lineage.loads",
    ],
)
def test_a_hidden_mart_has_no_name(root: Path, name: str) -> None:
    mine = seen(
        root, shown=("core.*", "cost.*"), hidden=("cost.mart_invoice_reconciliation",)
    )
    assert count(mine, "cost.mart_cost_waterfall") > 0
    with pytest.raises(duckdb.Error, match="does not exist"):
        count(mine, name)


def test_a_blank_column_is_unknown_and_keeps_its_type(root: Path) -> None:
    hidden = ("locked_by", "approved_by", "current_effective_cost", "not_there")
    mine = seen(root, blank=(("cost.mart_period_states", hidden),))
    whole = PublishedReader(root).snapshot()
    sql = "select * from cost.mart_period_states order by billing_month"
    assert mine.query(sql).schema == whole.query(sql).schema
    rows = mine.query(sql).to_pylist()
    assert {row["current_effective_cost"] for row in rows} == {None}
    assert {row["approved_by"] for row in rows} == {None}
    assert len({row["state"] for row in rows}) > 1


def test_line_items_and_evidence_are_refused_in_words(root: Path) -> None:
    mine = seen(root, has_line_items=False)
    with pytest.raises(LineItemsOutOfReachError, match="the role viewer"):
        mine.query_line_items("select * from line_items")
    with pytest.raises(LineItemsOutOfReachError, match="the role viewer"):
        mine.evidence_rows("focus", ["a load"], limit=1)
    assert seen(root).query_line_items("select 1 as n from line_items").num_rows


@pytest.mark.parametrize(
    "sql",
    [
        "select * from raw.evidence.survey_responses",
        "select * from line_items, raw.evidence.invoices",
        "with mine as (select * from published.cost.mart_invoices) select * from mine",
        "select (select count(*) from published.cost.mart_invoices)",
        "select * from published.cost.mart_period_states",
        "select * from read_parquet('lake/**')",
        "from query('select * from raw.evidence.worklogs')",
        "from duckdb_tables()",
    ],
)
def test_a_look_at_line_items_is_no_way_to_anything_else(root: Path, sql: str) -> None:
    mine = seen(
        root,
        hidden=("cost.mart_invoices",),
        blank=(("cost.mart_period_states", ("locked_by",)),),
    )
    with pytest.raises((duckdb.CatalogException, duckdb.PermissionException)):
        mine.query_line_items(sql)


def test_nothing_can_be_written(root: Path) -> None:
    with pytest.raises(duckdb.Error):
        seen(root).query("delete from cost.mart_cost_waterfall")


def test_two_restrictions_have_a_key_in_common_only_if_they_are_equal() -> None:
    keys = {
        Restriction("a").key,
        Restriction("a", cost_centers=("x",)).key,
        Restriction("a", cost_centers=("x", "y")).key,
        Restriction("a", cost_centers=('x", "y',)).key,
        Restriction("a", hidden=("x",)).key,
        Restriction("a", shown=()).key,
        Restriction("a", has_line_items=False).key,
        Restriction("b").key,
    }
    assert len(keys) == 8
    assert "" not in keys
    one, other = ("x", "y"), ("y", "x")
    assert Restriction("a", cost_centers=one).key == (
        Restriction("a", cost_centers=other).key
    )


def test_a_name_with_a_quote_in_it_is_a_name(root: Path) -> None:
    assert (
        count(
            seen(root, cost_centers=("cc-200' or 'a' = 'a",)),
            "cost.fct_daily_model_costs",
        )
        == 0
    )
