"""The page Scenarios: what is saved, side by side, and nothing that is worked out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest

from attribution.scenarios.reconciliation import FLOWS
from attribution.scenarios.run_rate import PublishedRunRate
from dashboard.pages.scenarios import queries
from tests.attribution.roi.roi_cases import claim, inputs, refused
from tests.attribution.scenarios.scenario_cases import MINUTE, NO_INTEREST, run_of
from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.scenarios_fixture import CHEAPER, MOVE, save_scenario
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp


def shown(root: Path, open_app: OpenApp, **link: str) -> str:
    app = open_app(root, page="scenarios", **link)
    assert not app.exception
    assert not app.error
    return text_of(app)


@pytest.mark.parametrize("line", FLOWS)
def test_each_flow_of_a_feature_has_its_words_on_the_page(line: str) -> None:
    row = {"line": line, "feature_id": "eta", "difference": 1.0}
    result = {"currency": "EUR", "reconciliation": [row, row | {"line": "total"}]}
    words = queries.scenario_reconciliation(result)["line"].to_pylist()
    assert len({*words}) == 2


def test_without_scenarios_the_page_says_which_command_makes_one(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    text = shown(tmp_path, open_app)
    assert "No scenario has been run in this workspace." in text
    assert "triptych scenario new move-platform" in text
    assert "triptych scenario run scenarios/move_platform.yml" in text


def test_scenarios_stand_side_by_side_with_interval_chance_and_payback(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """The move loses 650 twice and saves 350 ten times: 2,200, paid by month 6."""
    publish(tmp_path)
    save_scenario(tmp_path, "Cheaper", CHEAPER)
    save_scenario(tmp_path, "Move", MOVE)
    text = shown(tmp_path, open_app)
    assert text.index("**Move** against") < text.index("**Cheaper** against")
    assert "Gain over 12 months: ≈ EUR 2.2k" in text
    assert "Likely paid back in: 6 months" in text
    assert "in 9 of 10 draws by month 6" in text
    assert re.search(r"Gain over 12 months: ≈ EUR \d{3}\b", text)
    # What one changes and the other does not.
    assert "platform elsewhere" not in text
    assert "to elsewhere, cost factor 0.5" in text
    assert "factor 0.9 (0.8 to 1.05)" in text
    assert "Head of planning" in text


def test_the_scenario_that_adds_most_comes_first_and_one_without_figure_last() -> None:
    named = {"a": 350.0, "b": None, "c": 2_200.0, "d": -10.0}
    results = [
        {"name": name, "summary": {"npv_difference": difference}}
        for name, difference in named.items()
    ]
    assert [result["name"] for result in queries.best_first(results)] == [
        "c",
        "a",
        "d",
        "b",
    ]


def test_the_figures_are_those_that_were_saved(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """Whatever the file says is shown: nothing is worked out on the page."""
    publish(tmp_path)
    label = save_scenario(tmp_path, "Move", MOVE)
    name = label.rpartition(" ")[2]
    file = Workspace(tmp_path).scenario_results / f"{name}.json"
    saved = file.read_text("utf-8")
    pattern = r'"npv_difference": [\d.]+'
    file.write_text(re.sub(pattern, '"npv_difference": 98765.0', saved, count=1))
    assert "≈ EUR 98.8k" in shown(tmp_path, open_app)


def test_the_base_is_reconciled_with_the_measured_net_value(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """Two months of 1,000 less 600 are 800; a year on gains fade.

    Of 12,000 a twenty-fourth of 55 months is lost: 9,708 less 7,200 of cost.
    """
    costs = {"care": {"2026-01": 600.0, "2026-02": 600.0}}
    made_of = inputs([claim(effects=(1000.0, 1000.0))], [MINUTE, NO_INTEREST], costs)
    publish(tmp_path)
    run_id = PublishedReader(tmp_path).current_path().stem
    save_scenario(tmp_path, "Move", MOVE, base=run_of(run_id=run_id, inputs=made_of))
    text = shown(tmp_path, open_app)
    assert "netted **≈ EUR 800** in their measured months" in text
    [base] = re.findall(
        r"the base comes to \*\*≈ EUR ([\d.]+)k\*\* over 12 months", text
    )
    assert float(base) == pytest.approx(9.708 - 7.2, abs=0.1)
    assert "12 months from 2026-01 in place of the measured 2 months to" in text


def test_what_a_move_costs_once_is_next_to_what_belongs_to_no_feature(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """Results of an earlier version do not have it, and are shown all the same."""
    publish(tmp_path)
    save_scenario(tmp_path, "Move", MOVE)
    [saved] = queries.saved_scenarios(tmp_path)
    told = queries.scenario_features(saved).to_pylist()
    assert [round(row["other_cost"]) for row in told] == [0, 600]
    assert "People and one-offs" in shown(tmp_path, open_app)
    for row in saved["features"]:
        del row["other_cost"]
    earlier = queries.scenario_features(saved).to_pylist()
    assert [row["other_cost"] for row in earlier] == [None, None]


def test_the_base_is_reconciled_with_the_run_rate_under_its_persistence(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """350 of care in November, faded; 400 in January of the base."""
    publish(tmp_path)
    run_id = PublishedReader(tmp_path).current_path().stem
    care = ("care", 350.0, "last_measured")
    rate = PublishedRunRate("2025-11", 350.0, 300.0, 400.0, 1, 0, features=(care,))
    save_scenario(tmp_path, "Move", MOVE, base=run_of(run_id=run_id, run_rate=rate))
    text = shown(tmp_path, open_app)
    assert "Run rate: ≈ EUR 350 in Nov 2025 (90 %: EUR 300 to 400)" in text
    assert "A gain is taken to fade from its last measured month on" in text
    assert "The base comes to **≈ EUR 400** in Jan 2026" in text
    assert "faded since it was last measured" in text


def test_a_link_chooses_what_is_compared(tmp_path: Path, open_app: OpenApp) -> None:
    publish(tmp_path)
    for number in range(3):
        save_scenario(tmp_path, f"Price {number}", CHEAPER, MOVE)
    asked = save_scenario(tmp_path, "Asked for", MOVE)
    app = open_app(tmp_path, page="scenarios", scenarios=asked)
    assert app.multiselect(key="scenarios").value == ["Asked for"]
    assert not app.warning
    by_name = open_app(tmp_path, page="scenarios", scenarios="Price 1")
    assert by_name.multiselect(key="scenarios").value == ["Price 1"]
    assert "**Price 0** against" not in text_of(app)
    unknown = shown(tmp_path, open_app, scenarios="Gone · 000000000000")
    assert "The link asks for what is not saved here: Gone" in unknown


def test_a_scenario_has_its_id_beside_its_name_only_where_two_share_it(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    twice = {save_scenario(tmp_path, "Move", each) for each in (MOVE, CHEAPER)}
    save_scenario(tmp_path, "Price", CHEAPER)
    labels = [each["label"] for each in queries.saved_scenarios(tmp_path)]
    assert sorted(labels) == [*sorted(twice), "Price"]


def test_a_link_by_name_opens_the_newest_of_those_that_share_it_since(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    save_scenario(tmp_path, "Move", MOVE)
    newest = save_scenario(tmp_path, "Move", CHEAPER)
    app = open_app(tmp_path, page="scenarios", scenarios="Move")
    assert app.multiselect(key="scenarios").value == [newest]
    assert not app.warning


def test_a_scenario_of_another_run_says_so(tmp_path: Path, open_app: OpenApp) -> None:
    publish(tmp_path)
    save_scenario(tmp_path, "Old", MOVE, base=run_of(run_id="an-older-run"))
    text = shown(tmp_path, open_app)
    assert "Worked out on run an-older-run" in text


def test_what_cannot_be_computed_has_its_reason_and_no_figure(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    base = run_of([refused()])
    save_scenario(tmp_path, "Price", CHEAPER, base=base)
    more = {"kind": "adoption", "feature": "care", "factor": 2, "cost_elasticity": 1}
    asked = save_scenario(tmp_path, "More", more, base=base)
    text = shown(tmp_path, open_app)
    assert "**More**: not computable: a change acts on an unknown benefit" in text
    assert "Net present value: not computable: care: care-study cannot tell" in text
    assert "The benefit of care is not known, and in no value." in text
    alone = shown(tmp_path, open_app, scenarios=asked)
    assert "Not computable for any of them, for the reasons above." in alone


def test_the_page_leaves_what_is_published_as_it_is(
    tmp_path: Path, open_app: OpenApp
) -> None:
    published = publish(tmp_path)
    save_scenario(tmp_path, "Move", MOVE)
    before = published.read_bytes()
    shown(tmp_path, open_app)
    assert published.read_bytes() == before
    with duckdb.connect(str(published), read_only=True) as connection:
        schemas = connection.execute("SELECT DISTINCT schema_name FROM duckdb_tables()")
        assert ("scenarios",) not in schemas.fetchall()
