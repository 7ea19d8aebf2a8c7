"""Tables are escaped and exact in the download; tabs and folds draw what is open."""

from __future__ import annotations

import csv
import re
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from altair.utils.schemapi import SchemaValidationError

from dashboard.app.server import APP, command
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import charts, downloads, selection_queries, tables
from dashboard.shared.context import Page
from dashboard.shared.drawing import cost_story
from tests.dashboard.conftest import tiles
from tests.dashboard.fixtures.warehouse_fixture import TRUTH, publish

if TYPE_CHECKING:
    from pathlib import Path

    import altair as alt
    from streamlit.testing.v1 import AppTest

    from tests.dashboard.conftest import LookAt, OpenApp
    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
EVERYTHING = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")
PAGE = "velocity"
_FLOW = {"Change lead time", "Deployment frequency"}
_RELIABILITY = {
    *("Change fail rate", "Failed deployment recovery"),
    *("Deployment rework rate", "Time to restore"),
}


@pytest.fixture
def page(snapshot: Snapshot) -> Page:
    return Page(
        snapshot,
        selection_queries.run(snapshot),
        EVERYTHING,
        selection_queries.standing(snapshot, EVERYTHING),
    )


def test_html_in_data_is_shown_as_text() -> None:
    table = pa.table({"name": ["<script>alert(1)</script>"]})
    html = tables.html_table(table, [tables.Column("name", "A & B")], "EUR", "<i>")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "A &amp; B" in html
    assert "<caption>&lt;i&gt;</caption>" in html


@pytest.mark.parametrize(("kind", "width"), [("text", 120), ("prose", 80)])
def test_a_tag_of_600_characters_is_cut(kind: tables.Kind, width: int) -> None:
    table = pa.table({"name": ["x" * 600]})
    html = tables.html_table(table, [tables.Column("name", "Tag", kind)], "EUR", "")
    assert "x" * (width - 1) + "…" in html
    assert "x" * width not in html
    short = pa.table({"name": ["of three words"]})
    columns = [tables.Column("name", "Tag", kind)]
    assert "of three words" in tables.html_table(short, columns, "EUR", "")


def test_of_a_total_that_lacks_something_a_change_is_no_lower_bound() -> None:
    table = pa.table({"step": ["March", "Change", "April"]})
    totals = {0: tables.LOWER_BOUND, 1: tables.PARTIAL_CHANGE, 2: tables.LOWER_BOUND}
    columns = [tables.Column("step", "Step")]
    html = tables.html_table(table, columns, "EUR", "", totals, is_partial=True)
    assert re.findall(r'<tr class="total"><th[^>]*>([^<]*)', html) == [
        "March, at least",
        "Change, of known data",
        "April, at least",
    ]


def test_a_missing_value_says_why() -> None:
    table = pa.table({"name": ["m"], "cost": [None], "reason": ["not metered"]})
    column = tables.Column("cost", "Cost", "unit_cost", "reason")
    html = tables.html_table(table, [tables.Column("name", "Model"), column], "EUR", "")
    # Wrapped like text: in a cell of numbers it would push the figures out of sight.
    assert '<td class="reason">— (not metered)</td>' in html


def test_a_cell_sorts_by_its_value_and_a_long_table_is_searched() -> None:
    months = [f"2026-{number:02d}" for number in range(1, 13)]
    table = pa.table({"month": months, "cost": [Decimal("1200.50")] * 12})
    columns = [
        tables.Column("month", "Month", "month"),
        tables.Column("cost", "Cost", "amount"),
    ]
    html = tables.html_table(table, columns, "EUR", "")
    assert html.count("<tr>") == 13
    assert '<th scope="row" class="short" data-order="2026-12">Dec 2026</th>' in html
    assert '<td class="number" data-order="1200.50">1,200.50</td>' in html
    assert 'placeholder="Search 12 rows"' in html
    short = tables.html_table(table.slice(0, 11), columns, "EUR", "")
    assert "<input" not in short


def test_columns_of_a_wide_table_can_be_chosen_but_for_the_first() -> None:
    names = ["model", "a", "b", "c", "d", "e"]
    columns = [tables.Column(name, name.upper()) for name in names]
    table = pa.table({name: ["x"] for name in names})
    html = tables.html_table(table, columns, "EUR", "")
    offered = re.findall(r'<input type="checkbox" value="(\d)" checked> (\w)', html)
    assert offered == [("1", "A"), ("2", "B"), ("3", "C"), ("4", "D"), ("5", "E")]
    narrow = tables.html_table(table, columns[:5], "EUR", "")
    assert "<input" not in narrow


def test_models_have_their_names_on_the_page_and_their_ids_in_the_download(
    page: Page,
) -> None:
    table = pa.table({"model_id": ["eta-v2", "gone"], "scope_id": ["ml", "vision"]})
    columns = [
        tables.Column("model_id", "Model"),
        tables.Column("scope_id", "Team", ids_of="team"),
    ]
    drawn = tables.with_names(table, columns, page)
    assert drawn["model_id"].to_pylist() == ["ETA v2", "gone"]
    assert drawn["scope_id"].to_pylist() == ["Machine learning", "Vision"]
    assert "eta-v2,ml" in downloads.csv_text(table, page=page, name="models")


def test_an_amount_in_its_own_currency_keeps_it() -> None:
    row = {"currency": "USD"}
    text = tables.written(Decimal(5), tables.Column("x", "X", "money"), "EUR", row)
    assert text == "USD\u00a05.00"


def test_the_download_has_every_digit_and_a_header(page: Page) -> None:
    table = cost_by_model_queries.waterfall(page.snapshot, page.selection)
    text = downloads.csv_text(table, page=page, name="bills")
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("# ")]
    assert header[0] == "# bills; Example Works"
    assert "period 2026-09; basis amortised; currency EUR" in header[1]
    assert "state Open · estimated; data as of 2026-09-30 05:12 UTC" in header[2]
    assert header[2].endswith("; complete")
    assert header[3] == "# run run-0001; triptych 0.1.0"
    rows = list(csv.DictReader(lines[len(header) :]))
    ledger = next(row for row in rows if row["step"] == "ledger")
    assert Decimal(ledger["amount"]) == TRUTH["ledger"]
    remainder = next(row for row in rows if row["step"] == "remainder")
    assert remainder["amount"] == "0.0000000001"


def test_cells_that_a_spreadsheet_would_run_are_made_text(page: Page) -> None:
    table = pa.table(
        {
            "text": ["=1+1", "+49", "-x", "@sum", "\tx", "\uff1d1+1", "plain", None],
            "amount": [Decimal("-1.50")] * 8,
        }
    )
    lines = downloads.csv_text(table, page=page, name="x").splitlines()
    cells = [row[0] for row in csv.reader(lines[5:])]
    signed = ["'=1+1", "'+49", "'-x", "'@sum", "'\tx", "'\uff1d1+1"]
    assert cells == [*signed, "plain", ""]
    assert all(line.endswith("-1.50") for line in lines[5:])


def test_a_number_sign_in_the_download_is_in_quotes(page: Page) -> None:
    table = pa.table({"team": ["Team #1", "#2", "plain"]})
    lines = downloads.csv_text(table, page=page, name="x").splitlines()
    assert lines[-3:] == ['"Team #1"', '"#2"', "plain"]


def test_months_stand_beside_one_another_and_add_up(page: Page) -> None:
    monthly = cost_by_model_queries.monthly_costs(
        page.snapshot, page.selection, "Fully loaded"
    )
    rows = tables.months_across(monthly).to_pylist()
    *series, total, idle = rows
    for month in ("2026-07", "2026-08", "2026-09"):
        assert sum(row[month] for row in series) == total[month]
    assert total["2026-09"] == TRUTH["fully_loaded"]
    assert idle == {
        "series": "Idle, not charged",
        "2026-07": 0,
        "2026-08": Decimal(120),
        "2026-09": Decimal(150),
    }


def test_the_steps_of_the_waterfall_end_in_their_sum(page: Page) -> None:
    waterfall = cost_by_model_queries.waterfall(page.snapshot, page.selection)
    *steps, total = tables.steps_with_total(waterfall, charts.STEP_NAMES).to_pylist()
    assert total["step"] == "Bills (ledger)"
    for column in ("amount", "charged", "left_out"):
        assert sum(row[column] for row in steps) == total[column]


def test_charts_use_the_colours_of_the_theme() -> None:
    theme = tomllib.loads((APP.parent / ".streamlit/config.toml").read_text())["theme"]
    assert charts.LIGHT.categories == tuple(theme["light"]["chartCategoricalColors"])
    assert charts.DARK.categories == tuple(theme["dark"]["chartCategoricalColors"])
    assert len(charts.LIGHT.categories) >= 8


def test_the_server_is_started_for_one_workspace_on_loopback(tmp_path: Path) -> None:
    line = command(tmp_path, port=8599, headless=True)
    assert line[line.index("--server.address") + 1] == "127.0.0.1"
    assert line[line.index("--server.port") + 1] == "8599"
    told = ["--workspace", str(tmp_path.resolve()), "--access", "local"]
    assert line[line.index("--") + 1 :] == told


def story_chart(**changed: Any) -> alt.FacetChart | alt.LayerChart:
    months = [{"month": "2026-09", "amount": Decimal(32), "budget": Decimal(40)}]
    return cost_story.draw(cost_story.Story(months, "EUR", **changed), charts.LIGHT)


def test_names_of_launches_in_near_months_are_on_lines_of_their_own() -> None:
    """A name covers three months: those of March and May share no line, of June do."""
    months = [
        {"month": f"2026-0{month}", "amount": Decimal(100), "budget": None}
        for month in range(3, 8)
    ]
    launches = [("2026-03", "ETA"), ("2026-05", "Vision"), ("2026-06", "Chat")]
    story = cost_story.Story(months, "EUR", launches)
    spec = cost_story.draw(story, charts.LIGHT).to_dict()
    drawn = spec["datasets"].values()
    [rows] = [rows for rows in drawn if rows and rows[0].get("text") == "ETA"]
    heights = {row["text"]: round(row["at"], 2) for row in rows}
    # 140 at the top: 97, 90 and 97 % of it.
    assert heights == {"ETA": 135.8, "Vision": 126.0, "Chat": 135.8}


def test_a_story_of_a_bill_alone_draws_its_bars_and_nothing_else() -> None:
    months = [{"month": "2026-09", "amount": Decimal(0), "budget": None}]
    drawn = cost_story.draw(cost_story.Story(months, "EUR"), charts.LIGHT)
    assert [layer.mark.type for layer in drawn.layer] == ["bar"]


def test_a_server_draws_a_chart_as_it_is_with_its_check() -> None:
    chart = story_chart()
    assert chart.to_dict(validate=False) == chart.to_dict()


def test_each_test_of_a_page_holds_its_charts_against_their_schema() -> None:
    chart = story_chart()
    charts.Unchecked(chart).to_dict()  # its form is known as valid from now on
    chart.layer[0].encoding.x.axis = "no axis"
    for _ in range(2):
        with pytest.raises(SchemaValidationError):
            charts.Unchecked(chart).to_dict()
    with pytest.raises(SchemaValidationError):
        charts.show(chart, description="A chart that nobody has drawn.")


def test_charts_draw_every_step_that_is_not_zero(page: Page) -> None:
    waterfall = cost_by_model_queries.waterfall(page.snapshot, page.selection)
    drawn = charts.waterfall(waterfall, "EUR", charts.LIGHT).to_dict()
    values = next(iter(drawn["datasets"].values()))
    assert [row["label"] for row in values] == [
        "Bills (ledger)",
        "Outside AI scope",
        "Tax",
        "Credits",
        "Idle, not charged",
        "Unused commitment",
        "Unallocated",
        "Remainder",
        "Charged to models",
    ]
    assert values[0]["amount_text"] == "EUR\u00a03,299.00"
    assert values[3]["kind"] == "added back"


def test_an_axis_of_money_has_no_thousandths_in_letters(page: Page) -> None:
    """Of a fifth of a euro d3 makes 200m, which reads as 200 million."""
    stages = cost_by_model_queries.lifecycle_costs(
        page.snapshot, page.selection, "Fully loaded"
    )
    drawn = charts.lifecycle_costs(stages, "EUR", charts.LIGHT).to_dict()
    axis = drawn["layer"][0]["encoding"]["x"]["axis"]
    assert "format" not in axis
    assert axis["labelExpr"] == (
        "abs(datum.value) < 1 ? format(datum.value, '~r') : format(datum.value, '~s')"
    )


def test_an_estimated_month_is_marked_with_words(page: Page) -> None:
    monthly = cost_by_model_queries.monthly_costs(
        page.snapshot, page.selection, "Fully loaded"
    )
    drawn = charts.monthly_costs(monthly, "EUR", charts.DARK).to_dict()
    labels = {
        row["month"]: row["second_label"]
        for values in drawn["datasets"].values()
        for row in values
    }
    assert labels == {
        "Jul 2026": "",
        "Aug 2026": "+120 idle",
        "Sep 2026": "+150 idle · est.",
    }


def part_count(app: AppTest) -> int:
    """Return how many parts the browser has to draw."""
    return sum(1 for _ in app.main) + sum(1 for _ in app.sidebar)


def test_a_page_draws_the_open_tab_only_and_the_link_says_which(
    look_at: LookAt,
) -> None:
    whole = look_at(page=PAGE)
    first = look_at(page=PAGE, view="")
    other = look_at(page=PAGE, view="", velocity="Reliability")
    assert set(tiles(first)) == _FLOW
    assert set(tiles(other)) == _RELIABILITY
    assert set(tiles(whole)) > _FLOW | _RELIABILITY
    assert 2 * part_count(first) < part_count(whole)


def test_a_fold_is_empty_until_it_is_opened_or_the_link_opens_it(
    look_at: LookAt,
) -> None:
    folded = look_at(page=PAGE, view="")
    opened = look_at(page=PAGE, view="", weeks="true")
    label = "Deployments week by week"
    assert [label] == [one.label for one in folded.expander if one.label == label]
    assert part_count(folded) < part_count(opened)


def test_a_choice_that_was_made_in_a_tab_is_kept_while_another_one_is_open(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, view="")
    app.selectbox(key="metric").select("Deployment frequency").run()
    app.session_state["velocity"] = "Cost"
    app.run()
    assert set(tiles(app)).isdisjoint(_FLOW)
    app.session_state["velocity"] = "Flow"
    app.run()
    assert app.selectbox(key="metric").value == "Deployment frequency"
