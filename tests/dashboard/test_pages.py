"""Every page in every state, with the figures that a reader would see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from dashboard.shared.drawing import pictures
from dashboard.shared.roles import AUDIENCES
from tests.dashboard.conftest import LookAt, OpenApp, text_of
from tests.dashboard.fixtures.warehouse_fixture import publish, publish_corrupt_file
from tests.layers import IS_FULL
from triptych.core.warehouse.reader import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.published_file import Parameters

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
PAGES = (
    *("summary", "cost_by_model", "close", "budget", "data_health"),
    *("gpu_idle", "impact", "velocity"),
)


def in_turn(*pages: str) -> list[Any]:
    """Return all pages, of which the fast layer opens some; each state has others."""
    return [
        pytest.param(page, marks=[] if page in pages else [pytest.mark.full])
        for page in PAGES
    ]


def tile(app: AppTest, label: str) -> str:
    return next(
        str(metric.value).replace("\u00a0", " ")
        for metric in app.metric
        if metric.label == label
    )


def assert_no_failure(app: AppTest) -> None:
    assert not app.exception
    assert not app.error
    assert "Traceback" not in text_of(app)


def test_the_tiles_show_the_figures_of_the_newest_month(look_at: LookAt) -> None:
    app = look_at()
    assert_no_failure(app)
    assert tile(app, "Cost of models, fully loaded") == "EUR 2,449.00"
    assert tile(app, "Idle, charged to no model") == "EUR 150.00"
    assert tile(app, "Unallocated") == "EUR 100.00"
    assert tile(app, "Cost per 1,000 requests") == "EUR 2.23"
    assert "+EUR 470.00 (+23.7 %)" in text_of(app)


def test_the_bar_says_state_as_of_coverage_and_run(look_at: LookAt) -> None:
    for page in PAGES if IS_FULL else ("cost_by_model", "data_health"):
        text = text_of(look_at(page=page))
        assert "Open · estimated" in text
        assert "2026-09-30 05:12 UTC" in text
        assert "coverage **93.9 %**" in text
        assert "run **run-0001**" in text
        assert "[Glossary](glossary)" in text
        assert "SYNTHETIC" not in text


def test_the_glossary_has_every_term_and_no_link_that_leads_nowhere() -> None:
    app = AppTest.from_string(
        "from dashboard.app import glossary\nglossary.show()"
    ).run()
    assert_no_failure(app)
    text = text_of(app)
    rows = [
        line for line in GLOSSARY.read_text("utf-8").splitlines() if line[:2] == "| "
    ]
    terms = {row.split(" | ")[0] for row in rows}
    assert len(terms) > 40
    assert [term for term in terms if term not in text] == []
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_each_chart_has_a_sentence_a_table_and_a_download(look_at: LookAt) -> None:
    app = look_at()
    text = text_of(app)
    assert "In Sep 2026 models cost **EUR 2,449.00** so far" in text
    assert "Of **EUR 3,299.00** billed, **EUR 2,449.00** was allocated to" in text
    assert "Serving takes **89.8 %** of the cost of models, EUR 2,199.50" in text
    assert "1,000 requests cost **EUR 2.23**, −10.9 % against EUR 2.50" in text
    assert "**EUR 100.00** (3.6 % of usage cost) matches no rule" in text
    downloads = {button.key for button in app.get("download_button")}
    assert downloads == {
        "download-cost-by-month",
        "download-cost-by-model",
        "download-token-costs",
        "download-unit-costs",
        "download-bills-to-models",
        "download-lifecycle-stages",
        "download-unallocated-causes",
        "download-task-costs",
        "download-task-parts",
    }
    assert len(app.get("vega_lite_chart")) == 4


def test_the_source_of_a_picture_says_what_was_drawn(look_at: LookAt) -> None:

    def sources(page: str, **link: str) -> list[str]:
        link["period"] = "2026-09"
        text = text_of(look_at("normal", page=page, is_synthetic=False, **link))
        return re.findall('data-source="([^"]*)"', text)

    run, team = "run run-0001", "team Machine learning"
    of_cost = sources("cost_by_model", scope="team ml", basis="Billed")
    assert f"Example Works · Sep 2026 · billed · {team} · {run}" in of_cost
    assert f"Example Works · Sep 2026 · amortised · {team} · {run}" in of_cost
    assert f"Example Works · Sep 2026 · billed · whole organisation · {run}" in of_cost
    of_velocity = sources("velocity")
    assert f"Example Works · model ETA v2 · {run}" in of_velocity
    assert [each for each in of_velocity if "everything" in each] == []
    assert 'data-source="Made-up figures"' in pictures.html_offer("Parts.", None, "")


def test_the_waterfall_table_adds_up_on_the_page(look_at: LookAt) -> None:
    text = text_of(look_at())
    total = text[text.index('<tr class="total"><th scope="row">Bills (ledger)') :]
    assert total.index("EUR 3,299.00") < total.index("EUR 2,449.00")
    assert total.index("EUR 2,449.00") < total.index("EUR 850.00")


def test_the_toggle_changes_the_figure_and_never_hides_idle(look_at: LookAt) -> None:
    app = look_at(loading="Direct")
    assert tile(app, "Cost of models, direct") == "EUR 1,949.00"
    assert tile(app, "Idle, charged to no model") == "EUR 150.00"
    app = look_at(loading="+ shared")
    assert tile(app, "Cost of models, direct + shared") == "EUR 2,349.00"


def test_a_link_restores_period_basis_and_scope(look_at: LookAt) -> None:
    app = look_at(period="2026-08", basis="Billed", scope="team ml", unit="GPU-hour")
    assert_no_failure(app)
    assert not app.warning
    assert app.selectbox(key="period").value == "2026-08"
    assert app.selectbox(key="basis").value == "Billed"
    # Links name a scope by its id, too, as they did before scopes had names.
    scopes = app.selectbox(key="scope")
    assert scopes.value == "team ml"
    assert scopes.options[:4] == [
        *("everything", "cost centre cc-100", "cost centre cc-200"),
        "team Machine learning",
    ]
    # eta-v2 1,200 and old-v1 90
    assert tile(app, "Cost of models, fully loaded") == "EUR 1,290.00"
    assert tile(app, "Idle, charged to no model") == "—"
    assert "one GPU-hour cost **EUR 4.00**" in text_of(app)


@pytest.mark.peer_defect("a link falls back in silence")
def test_a_link_to_what_is_not_there_is_told_with_what_is_shown(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(
        tmp_path,
        period="2031-01",
        scope="team gone",
        model="*m-9*",
        loading="All",
    )
    assert_no_failure(app)
    told = [warning.value for warning in app.warning]
    assert told == [
        "The link asks for period “2031-01”, which is not in this data."
        " Shown instead: Sep 2026.",
        "The link asks for scope “team gone”, which is not in this data."
        " Shown instead: everything.",
        "The link asks for parts of a model's cost “All”, which is not in this"
        " data. Shown instead: Fully loaded.",
        "The link asks for opened model “\\*m-9\\*”, which is not in this data."
        " Shown instead: nothing.",
    ]
    app.selectbox(key="period").set_value("2026-08").run()
    assert not any("2031-01" in warning.value for warning in app.warning)


def test_a_model_opens_into_parts_resources_and_line_items(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, model="eta-v2")
    text = text_of(app)
    assert "**EUR 1,460.00** in Sep 2026, fully loaded, amortised" in text
    assert (
        "**2 resources**, together **EUR 1,100.00**, equal to its own charges" in text
    )
    app.selectbox(key="item").set_value("node-a").run()
    assert_no_failure(app)
    assert (
        "**3 line items**, together **EUR 900.00**, equal to the figure chosen."
        in text_of(app)
    )


def test_a_pool_opens_into_the_line_items_of_the_whole_pool(look_at: LookAt) -> None:
    text = text_of(look_at(model="eta-v2", item="pool gpu-cluster"))
    assert (
        "carries **EUR 300.00** (shared) of the EUR 550.00 of pool gpu-cluster" in text
    )
    assert "**2 line items**, together **EUR 550.00**, equal to the figure" in text


def test_line_items_of_a_bill_in_another_currency_say_what_they_came_to(
    look_at: LookAt,
) -> None:
    text = text_of(look_at("converted", model="eta-v2", item="pool gpu-cluster"))
    assert (
        "together **USD 2,200.00** on the bills, which is EUR 1,100.00 converted"
        in text
    )
    assert (
        "together **USD 1,100.00** on the bills, which is EUR 550.00 converted" in text
    )


def test_a_model_without_cost_now_opens_without_parts(look_at: LookAt) -> None:
    app = look_at(model="old-v1")
    assert_no_failure(app)
    assert "No cost in Sep 2026." in text_of(app)


def test_where_a_figure_comes_from_is_beside_it(look_at: LookAt) -> None:
    text = text_of(look_at())
    assert "Mart: `cost.fct_daily_model_costs`, 16 rows" in text
    assert "Mart: `cost.mart_model_unit_costs`, 10 rows" in text
    assert "Run: `run-0001`, triptych 0.1.0" in text


def test_data_health_names_every_feed_month_and_reason(look_at: LookAt) -> None:
    app = look_at(page="data_health")
    assert_no_failure(app)
    text = text_of(app)
    assert tile(app, "Fresh feeds") == "3 of 4"
    assert tile(app, "Rows in quarantine") == "1"
    assert tile(app, "Coverage") == "93.9 %"
    assert "Nothing has ever been loaded from ledgerless" in text
    assert "triptych quarantine show aws --reason 'billed_cost is not a number'" in text
    assert "part-0.csv:17" in text
    assert "**3 loads**" in text
    assert "No month is known to lack anything." in text


@pytest.fixture
def stale_page(look_at: LookAt, page: str) -> AppTest:
    """Return a page over simulated and stale data."""
    return look_at("stale", page=page, is_synthetic=True)


@pytest.mark.parametrize("page", PAGES)
def test_synthetic_data_is_marked_on_every_page(stale_page: AppTest) -> None:
    text = text_of(stale_page)
    assert "SYNTHETIC" in text
    assert "simulated data" in text


@pytest.mark.parametrize("page", in_turn("summary", "velocity"))
def test_before_the_first_publish_a_page_says_which_command_to_run(
    tmp_path: Path, open_app: OpenApp, page: str
) -> None:
    app = open_app(tmp_path, page=page)
    assert_no_failure(app)
    assert not app.metric
    assert "Nothing has been published here yet" in text_of(app)
    assert "`triptych run`" in text_of(app)


@pytest.mark.parametrize("page", in_turn("cost_by_model", "gpu_idle"))
def test_a_run_without_charges_says_how_to_ingest(look_at: LookAt, page: str) -> None:
    app = look_at("empty", page=page)
    assert_no_failure(app)
    assert "No charges yet." in text_of(app)
    assert "`triptych ingest`" in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_stale_data_is_told_on_the_page_and_on_its_tiles(stale_page: AppTest) -> None:
    app = stale_page
    assert_no_failure(app)
    [chip] = [
        each.proto.popover.label
        for each in app.main.get("popover")
        if "Stale" in each.proto.popover.label
    ]
    assert chip == "Stale: 1 source"
    assert "aws (newest data 2026-09-16 00:00 UTC)" in text_of(app)
    assert app.metric
    assert all(metric.label.endswith("· stale") for metric in app.metric)


@pytest.mark.parametrize("page", in_turn("cost_by_model", "impact"))
def test_a_missing_rate_is_named_and_totals_say_at_least(
    look_at: LookAt, page: str
) -> None:
    app = look_at("partial", page=page)
    assert_no_failure(app)
    text = text_of(app)
    assert "Open · not complete" in text
    assert "aws lacks exchange rate USD to EUR for 2026-09" in text
    assert "USD 999.99 could not be converted" in text
    if page == "cost_by_model":
        assert tile(app, "Cost of models, fully loaded, at least") == "EUR 2,449.00"
        assert "models cost **at least EUR 2,449.00**" in text
        # What has no rate is missing on both sides of the ratio: no bound.
        assert tile(app, "Cost per 1,000 requests") == "EUR 2.23"
        assert "not complete: cost in USD left out" in text


def test_the_charges_without_a_rate_can_be_looked_at(look_at: LookAt) -> None:
    app = look_at("partial", currency="USD")
    assert_no_failure(app)
    assert "no exchange rate to EUR" in text_of(app)
    assert "USD 999.99" in text_of(app)


def test_a_final_month_is_complete(look_at: LookAt) -> None:
    text = text_of(look_at("complete"))
    assert "Open · complete" in text
    assert "so far" not in text


@pytest.mark.parametrize("page", in_turn("close", "budget"))
def test_a_damaged_file_is_told_in_one_paragraph(
    tmp_path: Path, open_app: OpenApp, page: str
) -> None:
    publish_corrupt_file(tmp_path)
    app = open_app(tmp_path, page=page)
    assert not app.exception
    assert not app.metric
    (error,) = app.error
    assert "This page cannot be shown." in error.value
    assert "triptych build" in error.value
    assert "Traceback" not in text_of(app)


def test_a_missing_mart_fails_its_page_and_not_the_others(look_at: LookAt) -> None:
    app = look_at("missing_mart")
    assert not app.exception
    (error,) = app.error
    assert "mart\\_cost\\_waterfall" in error.value
    assert "earlier figures are not shown" in error.value


@pytest.mark.parametrize("address", [None, "::", "192.0.2.7"])
def test_a_server_that_others_can_reach_shows_nothing(
    tmp_path: Path, open_app: OpenApp, address: str | None
) -> None:
    publish(tmp_path)
    config.set_option("server.address", address)
    app = open_app(tmp_path, page="summary")  # there is no other page to go to
    assert not app.metric
    (error,) = app.error
    assert "it is shown on this machine only, but the server listens" in error.value


@pytest.mark.peer_defect("a stale file after a replacement")
def test_the_next_drawing_shows_the_run_that_was_published_since(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path, run_id="run-0001")
    app = open_app(tmp_path)
    publish(tmp_path, run_id="run-0002", factor="2")
    app.run()
    assert_no_failure(app)
    assert "run **run-0002**" in text_of(app)
    assert tile(app, "Cost of models, fully loaded") == "EUR 4,898.00"


def test_each_publish_is_shown_without_an_error(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path)
    for number in range(2, 22 if IS_FULL else 4):
        publish(tmp_path, run_id=f"run-{number:04d}", factor=str(number % 3 + 1))
        app.run()
        assert_no_failure(app)
        expected = f"EUR {2449 * (number % 3 + 1):,}.00"
        assert tile(app, "Cost of models, fully loaded") == expected


#: Pages that ask most; ``make test-full`` visits the others again too.
_ASKING = ("summary", "velocity")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page in _ASKING else [pytest.mark.full])
        for page in AUDIENCES
    ],
)
def test_a_page_that_is_visited_again_asks_the_warehouse_nothing(
    tmp_path: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """All that a page needs of a run is remembered: drawing is what is left to do."""
    publish(tmp_path)
    app = open_app(tmp_path, page=page)
    asked: list[str] = []
    query = Snapshot.query

    def counted(self: Snapshot, sql: str, parameters: Parameters = None) -> pa.Table:
        asked.append(sql)
        return query(self, sql, parameters)

    monkeypatch.setattr(Snapshot, "query", counted)
    app.run()
    assert_no_failure(app)
    assert asked == []
