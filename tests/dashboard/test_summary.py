"""The first page: figures of every layer, what changed, and what cannot be said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.summary import queries as summary_queries
from dashboard.pages.summary import returns as return_summary
from dashboard.pages.summary import sentences as summary_sentences
from dashboard.shared import return_queries, selection_queries
from dashboard.shared.context import Page
from tests.dashboard.conftest import LookAt, OpenApp, text_of, tiles
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

PAGE = "summary"


def links(app: AppTest) -> list[str]:
    said = [str(getattr(link, "label", "")) for link in app.get("page_link")]
    return [label.replace("\\", "").replace("\u00a0", " ") for label in said]


def test_the_first_page_says_what_ai_cost_and_how_that_stands(look_at: LookAt) -> None:
    app = look_at(page=PAGE)
    text = text_of(app)
    assert app.title[0].value == "Summary"
    # By hand: 2,449 of models + 150 idle + 70 unused + 100 unallocated; August was
    # 620 less. The budget of everything is 900.
    assert tiles(app)["AI cost, amortised"] == "EUR 2,769.00"
    assert "+28.9 % against all of Aug 2026" in text
    story = "AI cost **EUR 2.77k** in Sep 2026 so far, 199.9 % over budget (3.0 ×)"
    assert story in text
    # AI cost is before tax, and of what is not AI no figure tells its tax apart.
    assert "Another EUR 400.00, with tax and credits, is not AI." in text
    assert "▲ over; budget EUR 900.00." in text


def test_the_tiles_give_the_unit_cost_and_who_ships_faster(look_at: LookAt) -> None:
    app = look_at(page=PAGE)
    text = text_of(app)
    assert tiles(app)["Per 1,000 inferences"] == "EUR 2.23"
    # No team has figures; of the models, one has two medians: 40 h within 30 to 50,
    # 30 h within 20 to 40. The intervals share ten hours.
    assert tiles(app)["Lead time by model"] == "30.0 h"
    assert "medians, Sep 2026; no real change" in text


def test_a_change_is_called_one_beyond_the_intervals_of_both_months(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        # 30 h within 20 to 29.9, and 40 h within 30 to 50: apart.
        connection.execute(
            "UPDATE delivery.mart_velocity SET interval_high = 107640"
            " WHERE month = '2026-09' AND metric = 'change_lead_time'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    change = summary_queries.delivery_change(snapshot, "model", "2026-09", "2026-08")
    assert (change.faster_count, change.slower_count) == (1, 0)
    assert "Lead times of 1 model: **1 really faster, 0 slower** since Aug 2026" in (
        summary_sentences.delivery(change, "2026-09", "2026-08")
    )
    back = summary_queries.delivery_change(snapshot, "model", "2026-08", "2026-09")
    assert (back.faster_count, back.slower_count) == (0, 1)


def test_an_unknown_fail_rate_is_not_among_those_that_rose(tmp_path: Path) -> None:
    """Its bounds lie apart from those of August; of vision-v1 both are known."""
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "DELETE FROM delivery.mart_velocity WHERE metric = 'change_fail_ratio'"
        )
        connection.execute(
            "INSERT INTO delivery.mart_velocity BY NAME SELECT 'model' AS scope_kind,"
            " 'change_fail_ratio' AS metric, 'ratio' AS unit, * FROM (VALUES"
            " ('2026-08', 'eta-v2', 0.0, 0.0, 0.08),"
            " ('2026-09', 'eta-v2', NULL, 0.2, 1.0),"
            " ('2026-08', 'vision-v1', 0.1, 0.05, 0.2),"
            " ('2026-09', 'vision-v1', 0.1, 0.05, 0.2))"
            " AS t(month, scope_id, metric_value, interval_low, interval_high)"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    change = summary_queries.delivery_change(snapshot, "model", "2026-09", "2026-08")
    assert (change.failing_more_count, change.failing_compared_count) == (0, 1)


def test_what_no_invoice_has_billed_yet_is_an_amount_and_no_fall_in_price(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute("DELETE FROM cost.fct_daily_model_costs WHERE is_estimated")
        # Railway invoices, and nobody will ever invoice what OpenCost estimates.
        connection.execute(
            "INSERT INTO cost.fct_daily_model_costs BY NAME SELECT costs.*"
            " EXCLUDE (is_ai_cost, is_assigned) REPLACE"
            " (later.name AS source, '2026-09' AS billing_month,"
            " true AS is_estimated, 0 AS billed_cost, 50 AS effective_cost)"
            " FROM (SELECT * FROM cost.fct_daily_model_costs"
            " WHERE component = 'direct' LIMIT 1) AS costs,"
            " (VALUES ('railway'), ('opencost')) AS later (name)"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    period = selection_queries.periods(snapshot)[0]
    billed = summary_queries.ai_spend(
        snapshot, selection_queries.Selection(period, "Billed", "EUR")
    )
    assert billed.not_invoiced == 50
    amortised = summary_queries.ai_spend(
        snapshot, selection_queries.Selection(period, "Amortised", "EUR")
    )
    assert amortised.not_invoiced == 0


def test_what_changed_names_three_bars_and_the_model_behind_each(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE)
    # 100 of 2,769, and idle of 150 has no owner either: that is not what is said.
    assert "EUR 100.00 (3.6 % of usage) is unallocated" in links(app)
    text = text_of(app)
    assert "**Quantity +EUR 7,142.85**, mostly ETA v2 (+EUR 4,285.71)" in text
    assert "**Efficiency of use −EUR 4,300.00**, mostly ETA v2 (−EUR 3,500.00)" in text
    assert "**Rate −EUR 1,000.00**, mostly ETA v2 (−EUR 1,000.00)" in text
    assert "**What changed so far, against all of Aug 2026**" in links(app)


def test_what_cannot_be_said_comes_in_the_order_of_what_matters(
    look_at: LookAt,
) -> None:
    app = look_at("partial", page=PAGE)
    labels = links(app)
    assert labels[4] == "aws lacks exchange rate USD to EUR for 2026-09"
    assert "no exchange rate" in labels[5]
    assert labels[6] == "No feature has a study of its return"
    assert "more on *Data health*" in text_of(app)
    # What has no rate is missing on both sides of the ratio: no bound, and no change.
    assert tiles(app)["Per 1,000 inferences"] == "EUR 2.23"
    assert "790,000 requests" in text_of(app)
    assert "; not complete: cost in USD left out" in text_of(app)


def test_the_third_layer_says_what_counts_with_its_interval_and_its_evidence(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    add_returns(tmp_path)
    app = open_app(tmp_path, page=PAGE)
    text = text_of(app)
    label = "Net value, Jan 2026 to Feb 2026"
    # 200 minutes at 0.5 less 50 of cost and 7 before are about 45.
    assert re.fullmatch(r"≈ EUR 4\d(\.\d)?", tiles(app)[label])
    assert "on 28.6 % of AI cost; nothing is proven for the rest" in text
    assert "90 %: EUR" in text
    assert tiles(app)["Strong evidence"] == "2 of 3"
    graded = "grades A1, B1, X1"
    assert graded in text
    labels = links(app)
    assert any("route is of grade X" in label for label in labels)


def test_without_a_study_the_third_layer_says_so_and_shows_no_zero(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE)
    assert tiles(app)["Net value"] == "—"
    assert tiles(app)["Strong evidence"] == "—"
    assert "No study is registered" in text_of(app)


def page_of(root: Path, month: str) -> Page:
    """Return the page of a month, which need not have charges."""
    snapshot = PublishedReader(root).snapshot()
    selection = selection_queries.Selection(
        selection_queries.Period(month, (month,)), "Amortised", "EUR"
    )
    run, standing = (
        selection_queries.run(snapshot),
        selection_queries.standing(snapshot, selection),
    )
    return Page(snapshot, run, selection, standing)


def test_a_past_month_shows_nothing_of_what_was_measured_later(
    tmp_path: Path,
) -> None:
    """Measured in January and February: December knows nothing, January its 30."""
    publish(tmp_path)
    add_returns(tmp_path)
    before, first = (page_of(tmp_path, month) for month in ("2025-12", "2026-01"))
    assert "first measured month" in return_summary.story(before)
    tile = return_summary.net_value_tile(before)
    assert (tile.value, tile.number) == ("—", None)
    assert "the first measured month is Jan 2026" in tile.note
    assert "first measured month" in return_summary.layer_sentence(before)
    assert "A 1" not in return_summary.evidence_tile(before).note
    assert return_queries.return_months(before.snapshot, "2025-12") == []
    january = return_summary.net_value_tile(first)
    assert january.label == "Net value, Jan 2026"
    # 100 minutes at 0.5 are 50, a little more in the mean, less 20 of cost and 7.
    assert january.number is not None
    assert 23 < january.number < 26
    lines = {label: value for label, value, _ in january.beside}
    assert lines["Invested before the launch"] == -7
    assert "Running cost since" not in lines or not lines["Running cost since"]


def test_what_no_scope_narrows_says_so_beside_the_figure(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    add_returns(tmp_path)
    app = open_app(tmp_path, page=PAGE, scope="team ml")
    text, shown = text_of(app), set(tiles(app))
    assert "Net value, Jan 2026 to Feb 2026 · whole organisation" in shown
    assert "Strong evidence · whole organisation" in shown
    changed = "**What changed so far, against all of Aug 2026 · whole organisation**"
    assert changed in links(app)
    assert "Whole organisation: " in text
    everything = open_app(tmp_path, page=PAGE)
    # A picture that leaves the page says it all the same.
    read = re.sub(r'data-source="[^"]*"', "", text_of(everything))
    assert "whole organisation" not in read.lower()


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("data_health", "Evidence is of the whole organisation: no scope narrows it."),
        ("statements", "Statements are of cost centres: the scope above narrows none."),
        ("close", "Months are closed as a whole: nothing here is narrowed by a scope."),
    ],
)
def test_a_page_that_no_scope_narrows_says_so(
    look_at: LookAt, page: str, said: str
) -> None:
    assert said in text_of(look_at(page=page, scope="team ml"))
    assert said not in text_of(look_at(page=page))


def test_a_scope_narrows_the_figures_to_it(look_at: LookAt) -> None:
    app = look_at(page=PAGE, scope="model eta-v2")
    # By hand: 900 + 200 + 300 + 60.
    assert tiles(app)["AI cost, amortised"] == "EUR 1,460.00"
    assert tiles(app)["Lead time"] == "30.0 h"
    text = text_of(app)
    assert "n = 7 · 90 % interval 20.0 h to 40.0 h" in text


@pytest.mark.parametrize(
    ("scope", "ends"),
    [
        ("everything", ["Will end at ≈ EUR 4.05k (EUR 3.9k to 4.2k)."]),
        ("model eta-v2", ["Will end at ≈ EUR 2.36k (EUR 2.3k to 2.42k)."]),
        # Neither is forecast by itself.
        ("model vision-v1", []),
        ("team ml", []),
        ("cost centre cc-200", []),
    ],
)
def test_where_a_month_ends_is_of_the_scope_or_is_not_stated(
    look_at: LookAt, scope: str, ends: list[str]
) -> None:
    text = text_of(look_at(page=PAGE, scope=scope))
    assert re.findall(r"Will end at .*?\)\.", text) == ends


def test_billed_cost_is_held_against_no_budget(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE, basis="Billed"))
    assert "Budgets are compared with amortised cost." in text
    assert "budget (" not in text


def test_a_model_that_ships_nothing_has_no_median(look_at: LookAt) -> None:
    app = look_at(page=PAGE, scope="model vision-v1")
    assert tiles(app)["Lead time"] == "—"
    assert "Fewer than five" in text_of(app)
