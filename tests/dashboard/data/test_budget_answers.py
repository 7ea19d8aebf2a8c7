"""Budgets and landings, on their page and in what an assistant is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.conftest import OpenApp, text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.measures.definition import definitions
from triptych.core.warehouse.reader import PublishedReader
from triptych.service.assistant.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.service.assistant.answers import AnsweredFigure

#: Of 100.00, 200.00 and 300.00 two teams cost 30 % and 10 % more, and a model 5 % less.
_BUDGETS = """
insert into cost.mart_budget_variance
select '2026-09', kind, name, 'EUR', budget, cost, cost, cost - budget,
  cast(cost - budget as double) / budget, cast(cost as double) / budget, 2026, budget,
  cost, true, false, case when cost > budget then 'over' else 'within' end, null
from (values ('team', 'ops', 200, 220), ('team', 'ml', 100, 130),
  ('model', 'chat-v1', 300, 285)) as budgets (kind, name, budget, cost)
"""
_SPAN = "90 % interval EUR {} to {}, widened 1.8 ×: held 18 of 19 past sums of 13 weeks"


def answered(
    root: Path, question: str, month: str | None = None
) -> list[AnsweredFigure]:
    """Return the figures that an assistant is answered."""
    return Desk(root).answer(definitions().question(question), month=month).figures


@pytest.mark.parametrize("question", ["forecast", "fiscal_year"])
def test_a_landing_has_its_interval_and_what_past_ones_held(
    tmp_path: Path, open_app: OpenApp, question: str
) -> None:
    """23 of 25 sums of a month held, and 18 of 19 of a quarter once widened 1.8 ×."""
    publish(tmp_path)
    figures = {
        (figure.labels["horizon"], figure.name): figure
        for figure in answered(tmp_path, question)
        if figure.labels["series"] == "total"
    }
    year = figures["year", "outturn_cost"]
    assert (year.value, year.low, year.high) == ("16000.0", "15000.0", "17000.0")
    assert figures["year", "budget_amount"].value == "20000.0000000000"
    held = {
        horizon: (round(float(figure.value) * figure.n), figure.n)
        for (horizon, name), figure in figures.items()
        if name == "backtest_coverage_ratio" and figure.value and figure.n
    }
    expected = (
        {"quarter": (18, 19), "month": (23, 25)} if question == "forecast" else {}
    )
    assert held == {**expected, "year": (18, 19)}
    text = text_of(open_app(tmp_path, page="budget")).replace("\u00a0", " ")
    assert "90 % interval EUR 3.9k to 4.2k, held 23 of 25 past sums of 2 weeks" in text
    for low, high in (("6.7k", "7k"), ("15k", "17k")):
        assert _SPAN.format(low, high) in text


def test_the_team_furthest_over_its_budget_comes_first_wherever_it_is_asked(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(_BUDGETS)
    asked = answered(tmp_path, "team_budgets", month="2026-09")
    ratios = [
        (figure.labels["scope_id"], figure.value, figure.reason)
        for figure in asked
        if figure.name == "variance_ratio"
    ]
    assert ratios == [
        ("ml", "0.3", None),
        ("ops", "0.1", None),
        ("ghost", None, "no cost names this team"),
    ]
    models = {
        figure.labels["scope_id"]: (figure.value, figure.labels["state"])
        for figure in answered(tmp_path, "budget", month="2026-09")
        if figure.labels["scope_type"] == "model" and figure.name == "variance_amount"
    }
    assert models == {
        "chat-v1": ("-15.0000000000", "within"),
        "old-v1": ("-50.0000000000", "stale"),
    }
    app = open_app(tmp_path, page="budget", period="2026-09")
    assert tiles(app)["Furthest over budget: team ml"] == "130.0 % of budget"
    of_model = tiles(open_app(tmp_path, page="budget", scope="model chat-v1"))
    assert of_model["Against budget: model chat-v1"] == "95.0 % of budget"
