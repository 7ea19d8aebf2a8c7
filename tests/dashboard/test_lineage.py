"""Assumptions & lineage: what figures rest on, and what each is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.pages.lineage import assumption_queries
from dashboard.pages.lineage import charts as lineage_charts
from dashboard.pages.lineage import queries as lineage_queries
from dashboard.shared import access
from dashboard.shared.charts import LIGHT
from tests.dashboard.conftest import OpenApp, text_of, tiles
from tests.dashboard.fixtures.lineage_fixture import add_lineage
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.layers import examples
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

PAGE = "lineage"
COSTS = "cost.fct_daily_model_costs/effective_cost"
BILLS = "cost.mart_cost_waterfall/effective_cost"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    publish(folder)
    add_lineage(folder)
    return folder


def opened(root: Path, open_app: OpenApp, **link: str) -> AppTest:
    app = open_app(root, page=PAGE, **{"period": "2026-09", **link})
    assert not app.exception
    assert not app.error
    return app


# ----------------------------------------------------------------------- the register


def test_the_register_says_what_holds_and_what_counts_in_no_headline(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(opened(root, open_app))
    assert "**3 assumptions hold** in Sep 2026." in text
    assert "Not counted until approved: **=wish**" in text
    table = table_of(text, "Values that returns need")
    # The version of before June is none that holds.
    assert "0.065" in table
    assert "0.06<" not in table
    assert "not counted" in table
    assert "— (nobody yet)" in table


def test_a_link_shows_every_version_with_its_dates(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(opened(root, open_app, register="All versions"))
    table = table_of(text, "Values that returns need")
    assert text.count("4 versions.") == 1
    assert "2026-06-01" in table
    assert "bbbbbbbbbbbb" in table


@pytest.fixture(scope="module")
def root_with_returns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run in which the engine valued minutes of care by an assumption."""
    folder = tmp_path_factory.mktemp("returns")
    path = publish(folder)
    add_returns(folder)
    changed(
        path,
        "insert into core.mart_assumptions by name select r.* replace"
        " (s.driver as assumption_id) from core.mart_assumptions as r, (select distinct"
        " driver from roi.mart_roi_sensitivity where scope_id = 'care'"
        " and kind = 'conversion') as s where assumption_version = 'aaaaaaaaaaaa';"
        "insert into core.dim_features values ('care', 'Customer care', 'ml');"
        "create table roi.mart_platform_migration_costs"
        " (migration_id varchar, currency varchar,"
        " cost_of_moving_amount decimal(28, 10));"
        "insert into roi.mart_platform_migration_costs values ('move', 'EUR', 12)",
    )
    add_lineage(folder)
    return folder


def test_an_assumption_names_the_returns_that_it_feeds(root_with_returns: Path) -> None:
    register = assumption_queries.assumptions(
        PublishedReader(root_with_returns).snapshot()
    )
    assert register is not None
    feeds = {row["assumption_id"]: row["feeds"] for row in register.to_pylist()}
    [valued] = set(feeds) - {"minute", "hurdle", "=wish"}
    assert feeds.pop(valued) == "Customer care"
    assert set(feeds.values()) == {"no return of this run"}


def test_a_return_names_its_assumptions_with_version_and_approver(
    root_with_returns: Path, open_app: OpenApp
) -> None:
    """Of one feature, of any, and never of what a move between platforms cost."""

    def register_of(figure: str, rows: str) -> list[str]:
        app = opened(root_with_returns, open_app, figure=figure, rows=rows)
        assert len(tiles(app)) == 1
        lines = [line for one in app.markdown for line in str(one.value).split("\n")]
        return [line for line in lines if line.startswith("- Assumptions:")]

    costs = "roi.mart_feature_roi/cost"
    [of_care] = register_of(costs, "feature_id=care")
    assert "`aaaaaaaaaaaa`, approved by Head of controlling" in of_care
    assert register_of(costs, "feature_id=*") == [of_care]
    assert register_of(costs, "feature_id=route") == []
    moving = "roi.mart_platform_migration_costs/cost_of_moving_amount"
    assert register_of(moving, "migration_id=move") == []


def test_without_a_register_the_page_says_what_to_do(
    tmp_path: Path, open_app: OpenApp
) -> None:
    path = publish(tmp_path)
    changed(path, "delete from core.mart_assumptions")
    text = text_of(opened(tmp_path, open_app))
    assert "No assumption is registered." in text
    assert "Write `assumptions.yml`" in text
    older = publish(tmp_path, run_id="run-0000")
    changed(older, "drop table core.mart_assumptions")
    assert "This run has no register." in text_of(opened(tmp_path, open_app))


def test_a_month_before_every_assumption_points_to_the_others(
    tmp_path: Path, open_app: OpenApp
) -> None:
    path = publish(tmp_path)
    changed(path, "update core.mart_assumptions set valid_from = '2027-01-01'")
    text = text_of(opened(tmp_path, open_app))
    assert "**No assumption holds in Sep 2026.** *All versions* shows" in text


def changed(path: Path, sql: str) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)


def table_of(text: str, caption: str) -> str:
    """Return the HTML of the table with a caption."""
    begin = text.index(caption)
    return text[begin : text.index("</table>", begin)]


# -------------------------------------------------------------------------- a figure


def test_a_figure_is_that_of_the_rows_that_a_link_names(
    root: Path, open_app: OpenApp
) -> None:
    """By hand: eta-v2 has 900 + 200 of its own in September."""
    app = opened(root, open_app, figure=COSTS, rows="component=direct&model_id=eta-v2")
    assert tiles(app) == {
        "effective_cost of cost.fct_daily_model_costs": "EUR 1,100.00"
    }
    text = text_of(app)
    assert "Sum of charges." in text
    assert "Mart: `cost.fct_daily_model_costs`, 2 rows" in text
    assert "aws focus `september.csv`, 40 rows" in text
    assert (
        "triptych explain 'cost.fct_daily_model_costs/effective_cost"
        "?billing_month=2026-09&currency=EUR&component=direct&model_id=eta-v2'"
    ) in text


def test_the_bar_chooses_month_and_scope_unless_the_link_names_them(
    root: Path, open_app: OpenApp
) -> None:
    app = opened(root, open_app, figure=COSTS, scope="model eta-v2")
    assert list(tiles(app).values()) == ["EUR 1,460.00"]
    # August is in no bar here: 1,979 of models are fully loaded, and 170 are idle.
    august = "billing_month=2026-08&component=direct&model_id=vision-v1"
    named = opened(root, open_app, figure=COSTS, rows=august)
    whole = opened(
        root, open_app, figure=COSTS, period="2026-08", rows=august.split("&", 1)[1]
    )
    assert tiles(named) == tiles(whole)


def test_what_cannot_be_added_up_is_told_with_the_condition_that_is_missing(
    root: Path, open_app: OpenApp
) -> None:
    app = opened(root, open_app, figure=BILLS)
    assert tiles(app) == {}
    assert "Rows of another step hold the same money again." in text_of(app)
    one = opened(root, open_app, figure=BILLS, rows="step=ledger")
    assert list(tiles(one).values()) == ["EUR 3,299.0000000001"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("stepp=ledger", "There is no column 'stepp'. "),
        ("step=legder", "There is no value 'legder'. "),
        ("step", "'step' is no condition."),
    ],
)
def test_a_condition_that_is_wrong_is_told_in_words(
    root: Path, open_app: OpenApp, rows: str, told: str
) -> None:
    app = opened(root, open_app, figure=BILLS, rows=rows)
    assert told in text_of(app)
    assert tiles(app) == {}


def test_a_run_that_kept_nothing_says_so(tmp_path: Path, open_app: OpenApp) -> None:
    publish(tmp_path)
    text = text_of(opened(tmp_path, open_app))
    assert "This run has no explanations." in text
    assert "This run kept no versions." in text


def test_a_part_of_a_run_is_never_worked_out_from_the_whole(root: Path) -> None:
    """A blank column would be read from the evidence past whoever must not see it."""
    whole = PublishedReader(root).snapshot()
    for role in ("engineering", "analyst", "viewer"):
        seen = access.as_seen_by(access.Visitor(role), whole)
        with pytest.raises(UsageError, match="reads all of the evidence"):
            lineage_queries.worked_out_again(seen, str(root), COSTS)
    seen = access.as_seen_by(access.Visitor("analyst"), whole)
    columns = lineage_queries.documented_columns(seen)
    assert columns is not None
    assert f"{columns[0].mart}" == "cost.fct_daily_model_costs"


# --------------------------------------------------------------------------- lineage


def test_lineage_leads_from_the_mart_to_its_evidence(root: Path) -> None:
    nodes = lineage_queries.upstream(
        PublishedReader(root).snapshot(), "mart_cost_waterfall"
    )
    assert {node.name: node.distance for node in nodes} == {
        "mart_cost_waterfall": 0,
        "fct_daily_model_costs": 1,
        "int_charges": 1,
        "int_usage": 2,
        "stg_focus__charges": 2,
        "focus": 3,
        "model_usage": 3,
    }
    assert [node.name for node in lineage_charts.within(nodes, 1)] == [
        *("mart_cost_waterfall", "fct_daily_model_costs", "int_charges")
    ]


def test_the_page_draws_as_many_steps_as_a_link_asks_for(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(opened(root, open_app, figure=BILLS, steps="1"))
    assert "**4 models** and **2 sources** feed it." in text
    table = table_of(text, "The nearest first")
    assert table.index("int_charges") < table.index("model_usage")


@settings(max_examples=examples(80))
@given(
    st.lists(st.lists(st.booleans(), max_size=8), min_size=1, max_size=8).map(
        lambda rows: [
            lineage_queries.Node(
                f"n{n}",
                "intermediate",
                0,
                "view",
                "",
                tuple(f"n{m}" for m, reads in enumerate(row) if reads and m > n),
            )
            for n, row in enumerate(rows)
        ]
    )
)
def test_a_model_is_drawn_to_the_left_of_everything_that_reads_it(
    nodes: list[lineage_queries.Node],
) -> None:
    chart = lineage_charts.left_to_right(nodes, LIGHT).to_dict()
    rows = [row for rows in chart["datasets"].values() for row in rows if "name" in row]
    x = {row["name"]: row["x"] for row in rows}
    assert len(x) == len(nodes)
    for node in nodes:
        for parent in node.parents:
            if parent in x:
                assert x[parent] < x[node.name]
    places = [(row["x"], row["y"]) for row in rows]
    assert len(set(places)) == len(places)


def test_versions_and_loads_of_the_run_are_listed(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(opened(root, open_app))
    assert "models (SQL of the run)" in text
    loads = table_of(text, "Current loads")
    # 14 and 30 rows in two loads, of which two rows were refused; 10 were replaced.
    for cell in ("focus", ">2<", ">44<", "2026-09-30 05:00 UTC"):
        assert cell in loads
    assert "camera-on-time" in table_of(text, "Plans of studies")
