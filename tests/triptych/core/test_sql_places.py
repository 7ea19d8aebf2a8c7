"""Whoever reads a figure finds the line of SQL that makes it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from triptych.core.explanation.sql_places import sql_place

ROOT = Path(__file__).resolve().parents[3]
MARTS = ROOT / "dbt_project/models/marts"
PAGES = sorted(path.parent for path in (ROOT / "dashboard/pages").glob("*/page.py"))
#: Their figures are asked for in shared/, or are those of a scenario's own result.
WITHOUT_MARTS = {"explore", "scenarios", "setup", "statements"}
#: A mart as pages name it: ``cost.mart_cost_waterfall``, ``attribution.studies``.
_NAMED = re.compile(r"[\"\s](?:core|cost|delivery|outcomes|roi|attribution)\.(\w+)")


@cache
def models() -> dict[str, list[str]]:
    """Return the columns of each public mart, as its contract lists them."""
    described: list[dict[str, Any]] = [
        model
        for file in MARTS.rglob("*.yml")
        for model in (
            yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}
        ).get("models", ())
    ]
    return {
        model["name"]: [column["name"] for column in model["columns"]]
        for model in described
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_figure_of_a_page_leads_to_a_line_of_sql(page: Path) -> None:
    columns = models()
    published = {name.replace("mart_attribution_", ""): name for name in columns}
    source = "".join(file.read_text("utf-8") for file in page.rglob("*.py"))
    marts = {name for name in _NAMED.findall(source) if name in {*columns, *published}}
    assert marts or page.name in WITHOUT_MARTS
    for mart in marts:
        model = mart if mart in columns else published[mart]
        for column in columns[model]:
            place = sql_place(model, column)
            assert place is not None
            file, _, line = place.partition(":")
            lines = (ROOT / file).read_text("utf-8").splitlines()
            assert len(lines) >= int(line or 1) > 0


def test_nineteen_of_twenty_lines_name_the_column_itself() -> None:
    named = [
        bool(re.search(rf"\b{column}\b", _line(str(sql_place(model, column)))))
        for model, columns in models().items()
        for column in columns
    ]
    assert sum(named) / len(named) >= 0.95


def test_a_figure_leads_to_where_it_is_worked_out() -> None:
    """By hand: the waterfall is kept per closed month, and is worked out behind it."""
    place = str(sql_place("mart_cost_waterfall", "billed_cost"))
    assert place.startswith("dbt_project/models/intermediate/costs/int_cost_waterfall")
    assert "as billed_cost" in _line(place)


def test_a_comment_makes_no_figure_and_an_estimate_has_only_its_file() -> None:
    assert "--" not in _line(str(sql_place("mart_feature_roi", "benefit")))
    low = sql_place("mart_feature_roi", "benefit_low_50")
    assert low == "dbt_project/models/marts/roi/mart_feature_roi.sql"


def test_a_model_of_the_workspace_has_no_line_of_ours() -> None:
    assert sql_place("my_own_model", "cost") is None


def _line(place: str) -> str:
    file, _, line = place.partition(":")
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return lines[int(line) - 1] if line else ""
