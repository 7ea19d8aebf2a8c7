"""Set-up before anything is published: what is done first, and what it will show."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dashboard.pages.setup.queries import nothing_yet, standing
from dashboard.pages.setup.steps import steps
from tests.dashboard.conftest import OpenApp, text_of
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.triptych.discovery.test_first_hour import GOOD
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from pathlib import Path

FIRST = ("Upload a bill", "Set the currency", "Accept proposals", "Start a run")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new workspace, served with a door to its own machine."""
    made = initialise(tmp_path / "workspace").root
    place = ["--workspace", str(made), "--access", "local"]
    door = ["--acts", "triptych.acts.door"]
    monkeypatch.setattr(sys, "argv", ["router.py", *place, *door])
    return made


def test_before_the_first_run_set_up_offers_all_that_leads_to_it(
    root: Path, open_app: OpenApp
) -> None:
    app = open_app(root, page="setup")
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "Nothing has been published here yet" in text
    assert f"**0 of {len(steps(nothing_yet('EUR')))} steps** are done." in text
    shown = {
        str(each.proto.label): bool(each.proto.expanded)
        for each in app.main.get("expander")
    }
    assert [shown[title] for title in FIRST] == [True] * len(FIRST)
    opened = {
        label.split("**")[1]
        for label, is_open in shown.items()
        if is_open and label.startswith("**")
    }
    assert opened == {"Bills", "Currency", "Models"}


def test_each_step_shows_the_page_that_it_unlocks_with_sample_data(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(open_app(root, page="setup"))
    for step in steps(nothing_yet("EUR")):
        title = step.title.replace("&", "&amp;")
        assert f'alt="The page {title} with sample data"' in text


def test_every_other_page_leads_to_set_up_before_the_first_run(
    root: Path, open_app: OpenApp
) -> None:
    app = open_app(root, page="summary")
    links = [each.proto.label for each in app.main.get("page_link")]
    assert links == ["Set-up: upload a bill and start here"]


def test_several_bills_are_uploaded_at_once_and_the_currency_follows_them(
    root: Path, open_app: OpenApp
) -> None:
    app, key = open_app(root, page="setup"), "act:upload_file|folder="
    dollars = GOOD.replace(",EUR,", ",USD,")
    months = {"may.csv": dollars, "june.csv": dollars.replace("2026-05", "2026-06")}
    app.file_uploader(key=f"{key}:file").set_value(
        [(name, text.encode(), "text/csv") for name, text in months.items()]
    )
    app = app.run().button(key=f"{key}:preview").click().run()
    text = text_of(app)
    assert "may.csv is put into bills." in text
    assert "june.csv is put into bills." in text
    assert "Figures are reported in USD, in place of EUR." in text
    app = app.button(key=f"{key}:confirm").click().run()
    assert "may.csv, june.csv are in bills." in app.success[0].value
    assert {each.name: each.read_text() for each in (root / "bills").iterdir()} == (
        months
    )
    assert load_settings(root).currency == "USD"


def test_a_bill_of_another_vendor_is_mapped_by_its_columns(
    root: Path, open_app: OpenApp
) -> None:
    """The amount is asked for; the answer is chosen among the columns of the file."""
    app, key = open_app(root, page="setup"), "act:map_bill"
    bill = "Date,Fee,Rebated fee,Product,Code\n2026-05-01,10.50,9.50,H100,USD\n"
    chosen = app.file_uploader(key=f"{key}:file")
    chosen.set_value(("acme.csv", bill.encode(), "text/csv"))
    app = app.run()
    amounts = app.selectbox(key=f"{key}:amount")
    assert amounts.options == ["", "Date", "Fee", "Rebated fee", "Product", "Code"]
    app = app.button(key=f"{key}:preview").click().run()
    assert (
        "Answer “Column of the amount”, “Column of the currency”." in app.error[0].value
    )
    app.selectbox(key=f"{key}:amount").select("Rebated fee")
    app.selectbox(key=f"{key}:currency").select("Code")
    app = app.run().button(key=f"{key}:preview").click().run()
    assert "amount = Rebated fee, currency = Code" in text_of(app)
    assert "USD 9.50, 1 rows" in text_of(app)
    app = app.button(key=f"{key}:confirm").click().run()
    assert "acme.csv is in mapped/acme." in app.success[0].value
    assert (root / "mapped" / "acme" / "acme.csv").read_text() == bill
    assert "mapped/acme" in (root / "triptych.yml").read_text()


def test_the_ai_cost_of_set_up_is_before_tax_and_credits_as_on_every_page(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    found = standing(PublishedReader(tmp_path).snapshot())
    # September 2,769, August 2,149 and July 800; not 290 of tax, nor 60 of credits.
    assert found.ai_cost == Decimal("5718.0000000001")
    assert (found.ai_tax, found.ai_credits) == (Decimal(290), Decimal(-60))
