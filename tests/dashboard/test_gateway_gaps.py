"""The tab of *Data health* that compares gateways with bills."""

from __future__ import annotations

from dashboard.pages.data_health import gateway_charts
from tests.dashboard.conftest import LookAt, text_of, tiles

PAGE = "data_health"


def test_the_tiles_show_bill_estimate_gap_and_coverage(look_at: LookAt) -> None:
    app = look_at(page=PAGE)
    assert not app.exception
    assert not app.error
    shown = {
        "Billed by the vendors": "EUR 850.00",
        "Estimated by gateways": "EUR 650.00",
        "Gap": "EUR 200.00",
        "Tokens with a model": "68.1 %",
    }
    assert shown.items() <= tiles(app).items()
    text = text_of(app)
    assert "23.5 % of the bills" in text
    assert "widest for openai: EUR 250.00 not seen by proxy" in text
    assert "which is 75.0 % of what the vendors count" in text
    assert "Sep 2026; without EUR 50.00 of tax and credits" in text


def test_each_part_has_a_sentence_a_table_and_a_download(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-09")
    text = text_of(app)
    assert "The widest gap is **23.5 %** in Sep 2026, EUR 200.00." in text
    assert "**anthropic** by proxy is estimated above the bill" in text
    assert "No bill has been read for **mistral** by proxy." in text
    assert "— (no bill yet)" in text
    assert "Days with the largest gaps" in text
    assert {
        "download-gateway-gaps-by-month",
        "download-gateway-gaps-by-vendor",
        "download-gateway-gaps-by-day",
    } <= {button.key for button in app.get("download_button")}
    assert len(app.get("vega_lite_chart")) == 2


def test_the_caption_of_the_months_says_where_their_gap_is_written() -> None:
    nine, ten = (gateway_charts.above_months(count) for count in (9, 10))
    assert nine.startswith("Above each month, where there is room: the gap")
    assert ten.startswith("In the tooltip of each month and in the table: the gap")


def test_the_page_says_that_scope_and_basis_do_not_narrow_it(look_at: LookAt) -> None:
    said = "a gateway knows neither amortisation nor who pays"
    assert said in text_of(look_at(page=PAGE))
    billed = look_at(page=PAGE, basis="Billed")
    assert said not in text_of(billed)
    assert tiles(billed)["Gap"] == "EUR 200.00"


def test_a_month_without_a_gateway_and_a_currency_without_one_say_so(
    look_at: LookAt,
) -> None:
    app = look_at("partial", page=PAGE, period="2026-07")
    text = text_of(app)
    assert "No vendor of a gateway has a bill in Jul 2026." in text
    assert "In Jul 2026 no gateway counted anything." in text
    assert tiles(app)["Billed by the vendors"] == "—"

    text = text_of(look_at("partial", page=PAGE, currency="USD"))
    assert "**No gateway has been read.**" in text
