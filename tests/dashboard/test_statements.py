"""The page of statements and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from tests.dashboard.conftest import OpenApp, text_of
from tests.dashboard.fixtures.warehouse_fixture import publish

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "statements"


def test_the_page_says_how_all_statements_tie_to_the_bills(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """1760 + 640 + 499 = 2899 of AI, tax and credits, and 400 that is none: 3299."""
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, period="2026-09")
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "3 statements add up to **EUR 2,899.00**, AI cost with tax and" in text
    assert "With EUR 400.00 outside AI scope" in text
    assert "it is what the bills say: EUR 3,299.00." in text
    assert "Sep 2026, amortised cost: **EUR 1,760.00**. State: open." in text


def test_a_statement_is_chosen_by_link_or_by_the_scope_above(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    linked = open_app(tmp_path, page=PAGE, statement="Without a cost centre")
    text = text_of(linked)
    assert "Statement of costs without a cost centre" in text
    assert "**EUR 499.00**" in text
    scoped = text_of(open_app(tmp_path, page=PAGE, scope="cost centre cc-200"))
    assert "The scope above chooses cost centre cc-200." in scoped
    assert "Sep 2026, amortised cost: **EUR 640.00**" in scoped


def test_a_quarter_shows_the_statements_of_its_last_month_first(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, period="2026-Q3")
    assert "Statements of Sep 2026" in text_of(app)
    assert "Statements of Jul 2026" in text_of(
        open_app(tmp_path, page=PAGE, period="2026-Q3", statement_month="2026-07")
    )


def test_a_month_of_a_quarter_is_at_least_by_what_it_lacks_itself(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """September has no rate; August is complete, and so are its statements."""
    publish(tmp_path, "partial")
    said = {
        month: text_of(
            open_app(tmp_path, page=PAGE, period="2026-Q3", statement_month=month)
        )
        for month in ("2026-08", "2026-09")
    }
    assert "add up to **EUR" in said["2026-08"]
    assert "Amount, at least" not in said["2026-08"]
    assert "add up to at least **EUR 2,899.00**" in said["2026-09"]


def test_every_total_of_an_incomplete_month_is_at_least(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path, "partial")
    app = open_app(tmp_path, page=PAGE, statement="cc-200")
    text = text_of(app)
    assert "add up to at least **EUR 2,899.00**" in text
    assert "at least EUR 3,299.00." in text
    assert "amortised cost: at least **EUR 640.00**" in text
    assert "Not converted, and not in the total: **USD 999.99**." in text
    assert text.count("Amount, at least (EUR)") == 2


def test_a_cost_centre_whose_charges_have_no_rate_is_named(
    tmp_path: Path, open_app: OpenApp
) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update cost.fct_daily_model_costs set currency = 'USD'"
            " where cost_center = 'cc-200'"
        )
    app = open_app(tmp_path, page=PAGE, period="2026-09")
    assert not app.exception
    text = text_of(app).replace("\\", "")
    assert "2 statements add up to **EUR 2,259.00**" in text
    assert "In no sum here, as nothing of it could be converted: cc-200." in text


def test_the_page_offers_every_format_of_everything(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, mart="cost.mart_cost_waterfall")
    assert {button.key for button in app.get("download_button")} == {
        *("download-statements", "download-statement-lines"),
        *("statement-pdf", "statement-xlsx", "statement-csv"),
        *("board-pack-pdf", "board-pack-xlsx"),
        *("focus-1.4-parquet", "focus-1.4-csv"),
        *("focus-1.2-parquet", "focus-1.2-csv"),
        *("table-csv", "table-xlsx", "table-parquet"),
    }
