"""The first page: figures of every layer, what changed, and what cannot be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.dashboard.conftest import OpenApp, text_of, tiles
from tests.dashboard.warehouse_fixture import publish

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "summary"


def test_the_first_page_says_what_ai_cost_and_how_that_stands(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE)
    text = text_of(app)
    assert app.title[0].value == "Summary"
    # By hand: 2,449 of models + 150 idle + 70 unused + 100 unallocated; August was
    # 620 less. The budget of everything is 900.
    assert tiles(app)["AI cost, amortised"] == "EUR 2,769.00"
    assert "+EUR 620.00 (+28.9 %) against Aug 2026" in text
    assert (
        "In Sep 2026 (open · estimated) AI cost **EUR 2,769.00**, 28.9 % more" in text
    )
    assert "▲ over: 199.9 % over = 3.0 × budget of EUR 900.00." in text


def test_the_layers_name_models_units_and_who_ships_faster(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE)
    text = text_of(app)
    assert tiles(app)["Cost per 1,000 inferences"] == "EUR 2.228"
    assert "ETA v2 EUR 1.46k (59.6 %), Vision v1 EUR 640 (26.1 %), Chat v1" in text
    # No team has figures; of the models, one has two medians: 40 h, 30 h.
    assert tiles(app)["Change lead time (p50) by model"] == "30.0 h"
    assert "**1 of 1 model** ship faster than in Aug 2026, 0 slower; whether" in text


def test_what_changed_names_three_bars_and_the_model_behind_each(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    text = text_of(open_app(tmp_path, page=PAGE))
    assert "**Volume +EUR 7,142.85**, most by ETA v2 (+EUR 4,285.71)" in text
    assert "**Price −EUR 5,300.00**, most by ETA v2 (−EUR 4,500.00)" in text
    assert "**New models +EUR 900.00**, most by Chat v1 (+EUR 900.00)" in text
    assert "Sep 2026 against Aug 2026, exact to the cent." in text


def test_what_cannot_be_said_comes_in_the_order_of_what_matters(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path, "partial")
    app = open_app(tmp_path, page=PAGE)
    labels = [
        str(getattr(link, "label", "")).replace("\\", "")
        for link in app.get("page_link")
    ]
    assert labels[3] == "aws lacks exchange rate USD to EUR for 2026-09"
    assert "no exchange rate" in labels[4].replace("\u00a0", " ")
    assert "between invoices and bills is not explained" in labels[5]
    assert "more, on *Data health*" in text_of(app)


def test_a_scope_narrows_the_figures_to_it(tmp_path: Path, open_app: OpenApp) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, scope="model eta-v2")
    # By hand: 900 + 200 + 300 + 60.
    assert tiles(app)["AI cost, amortised"] == "EUR 1,460.00"
    assert tiles(app)["Change lead time (p50)"] == "30.0 h"
    assert "n = 7 · 90 % interval 20.0 h to 40.0 h" in text_of(app)


def test_billed_cost_is_held_against_no_budget(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    text = text_of(open_app(tmp_path, page=PAGE, basis="Billed"))
    assert "Budgets are held against amortised cost." in text
    assert "× budget" not in text


def test_a_model_that_ships_nothing_has_no_median(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, scope="model vision-v1")
    assert tiles(app)["Change lead time (p50)"] == "—"
    assert "Fewer than five" in text_of(app)
