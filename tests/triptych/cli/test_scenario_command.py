"""``triptych scenario``: from a template to a saved result, and back.

September by hand: eta costs 1,460 (300 of a pool, 1,100 of its own, 60 of overhead) and
saves 1,000 minutes at EUR 2 each, without interest.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from typer.testing import CliRunner

from attribution.scenarios.changes import KINDS
from attribution.scenarios.scenario_file import read_scenario
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.cli import app
from triptych.cli.scenario_commands import Template
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

_RETURNS = """
CREATE OR REPLACE TABLE core.mart_assumptions (
    assumption_id VARCHAR, assumption_version VARCHAR, kind VARCHAR, assumed DOUBLE,
    unit VARCHAR, valid_from DATE, valid_to DATE, assumed_low DOUBLE,
    assumed_high DOUBLE, feature_id VARCHAR, metric VARCHAR, better VARCHAR,
    takes_margin BOOLEAN, is_cash BOOLEAN, amortised_months INTEGER, is_approved BOOLEAN
);
INSERT INTO core.mart_assumptions VALUES
    ('minute', 'v1', 'conversion', 2, 'EUR/minute', '2020-01-01', NULL, NULL, NULL,
        'eta', 'minutes', 'more', false, true, NULL, true),
    ('proposal', 'v1', 'conversion', 9, 'EUR/minute', '2020-01-01', NULL, NULL, NULL,
        'eta', 'minutes', 'more', false, true, NULL, false),
    ('interest', 'v1', 'discount_rate', 0, 'ratio/year', '2020-01-01', NULL, NULL, NULL,
        'all', NULL, NULL, false, NULL, NULL, true);
CREATE OR REPLACE TABLE delivery.mart_feature_hours (
    feature_id VARCHAR, month VARCHAR, booked_hours DOUBLE
);
CREATE OR REPLACE TABLE lineage.attribution_studies AS SELECT
    'eta-study' AS study_id, 'eta' AS feature_id, 'minutes' AS outcome,
    'minutes' AS outcome_unit, 'estimated' AS status, 'A' AS grade,
    'positive' AS verdict, 'REGISTERED' AS state, NULL::VARCHAR AS refusal_code,
    'p' AS plan_hash, 'd' AS data_hash, '{}' AS plan, DATE '2026-08-01' AS launch_date,
    DATE '2026-10-01' AS window_end;
CREATE OR REPLACE TABLE lineage.attribution_monthly_draws AS
    SELECT 'eta-study' AS study_id, month AS effect_month, draw::INTEGER AS draw,
        1000.0::DOUBLE AS effect
    FROM range(1000) AS draws(draw), (VALUES ('2026-08'), ('2026-09')) AS months(month);
"""
_RUN_RATE = """
CREATE SCHEMA IF NOT EXISTS roi;
CREATE OR REPLACE TABLE roi.mart_portfolio_roi AS SELECT 'to_date' AS "window",
    '2026-09' AS run_rate_month, 500.0::DOUBLE AS run_rate_net,
    400.0::DOUBLE AS run_rate_net_low_90, 600.0::DOUBLE AS run_rate_net_high_90,
    1 AS run_rate_feature_count, 0 AS run_rate_unknown_feature_count;
CREATE OR REPLACE TABLE roi.mart_feature_roi AS SELECT 'to_date' AS "window",
    'eta' AS feature_id, '2026-09' AS run_rate_month, 500.0::DOUBLE AS run_rate_net,
    'measured' AS effect_status, true AS counted;
"""
FILE = """\
name: {name}
horizon_months: 12
run_rate_months: 1
author: Head of planning
changes:
  - kind: price
    match: {{feature: eta}}
    factor: {factor}
"""


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["scenario", *map(str, arguments)])


#: Months of a gain that are left over a year that begins after its last measurement.
_FADED_YEAR = 12 - 78 / 24
#: Until 2 September the model was charged to a feature that comes first by name.
_MOVED = """
INSERT INTO cost.fct_daily_model_costs BY NAME
SELECT * EXCLUDE (is_ai_cost, is_assigned)
REPLACE (DATE '2026-09-01' AS charge_date, 'earlier' AS feature_id)
FROM cost.fct_daily_model_costs
WHERE model_id = 'eta-v2' AND billing_month = '2026-09' AND component = 'direct'
"""
SWAP = """\
name: Half of the effect
horizon_months: 12
run_rate_months: 1
changes:
  - {kind: model_swap, model: eta-v2, cost_factor: 1, effect_factor: 0.5}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    path = publish(tmp_path, "complete")
    with duckdb.connect(str(path)) as connection:
        connection.execute(_RETURNS)
    return Workspace(tmp_path)


def write(workspace: Workspace, text: str, name: str = "one.yml") -> Path:
    workspace.scenarios_dir.mkdir(exist_ok=True)
    path = workspace.scenarios_dir / name
    path.write_text(text, encoding="utf-8")
    return path


def ran(
    workspace: Workspace, *options: str, factor: str = "0.5", name: str = "Half"
) -> dict[str, Any]:
    file = write(workspace, FILE.format(name=name, factor=factor))
    result = invoke("run", file, "-w", workspace.root, "--json", *options)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_model_that_moved_is_swapped_for_the_feature_that_has_it_now(
    workspace: Workspace,
) -> None:
    """A thousand minutes at EUR 2 are half: a thousand euros less in twelve months.

    Of each month's gain 1 − n ÷ 24 is left n months on: 12 − 78 ÷ 24 of twelve.
    """
    path = PublishedReader(workspace.root).current_path()
    with duckdb.connect(str(path)) as connection:
        connection.execute(_MOVED)
    file = write(workspace, SWAP)
    result = invoke("run", file, "-w", workspace.root, "--by", "Planning", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)["summary"]
    assert summary["npv_difference"] == pytest.approx(-1000.0 * _FADED_YEAR, rel=0.02)


def test_a_scenario_is_worked_out_and_saved_under_its_id(workspace: Workspace) -> None:
    found = ran(workspace)
    summary = found["summary"]
    assert found["first_month"] == "2026-10"
    assert summary["npv_difference"] == pytest.approx(12 * 730.0)
    [eta] = [row for row in found["features"] if row["feature_id"] == "eta"]
    benefit = pytest.approx(2000.0 * _FADED_YEAR, rel=0.02)
    assert eta["base_npv"] + 12 * 1460.0 == benefit
    assert eta["npv"] + 12 * 730.0 == benefit
    # Every line of the bill is in it, of a feature or of none: 2,935 in September.
    assert summary["base_monthly_cost"] == pytest.approx(_september(workspace))
    saved = workspace.scenario_results / f"{found['scenario_id']}.json"
    assert json.loads(saved.read_text("utf-8")) == found
    assert found["author"] == "Head of planning"


def test_a_scenario_has_the_run_rate_that_its_run_published(
    workspace: Workspace,
) -> None:
    """Read through the views that a run is opened with: 500 of eta in September."""
    assert ran(workspace)["run_rate"] is None
    [path] = workspace.published_dir.glob("*.duckdb")
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute(_RUN_RATE)
    found = ran(workspace)["run_rate"]
    assert (found["run_rate_month"], found["run_rate_net"]) == ("2026-09", 500.0)
    eta = next(row for row in found["lines"] if row["feature_id"] == "eta")
    assert (eta["run_rate"], eta["base"]) == (
        500.0,
        pytest.approx(2000 * 23 / 24 - 1460.0, abs=5),
    )


def _september(workspace: Workspace) -> float:
    [path] = workspace.published_dir.glob("*.duckdb")
    with duckdb.connect(str(path), read_only=True) as connection:
        [(total,)] = connection.execute(
            "SELECT sum(effective_cost) FROM cost.fct_daily_model_costs"
            " WHERE billing_month = '2026-09' AND currency = 'EUR'"
        ).fetchall()
    return float(total)


def test_the_same_scenario_is_saved_once_with_who_ran_it_first(
    workspace: Workspace,
) -> None:
    first = ran(workspace)
    assert ran(workspace, "--by", "Somebody else") == first
    assert len(list(workspace.scenario_results.iterdir())) == 1


def test_a_result_that_is_lost_comes_back_with_the_same_numbers(
    workspace: Workspace,
) -> None:
    first = ran(workspace, factor="{value: 0.5, low: 0.4, high: 0.8}")
    (workspace.scenario_results / f"{first['scenario_id']}.json").unlink()
    again = ran(workspace, factor="{value: 0.5, low: 0.4, high: 0.8}")
    assert {**again, "created_at": ""} == {**first, "created_at": ""}


def test_numbers_that_somebody_changed_are_not_taken_for_the_saved_ones(
    workspace: Workspace,
) -> None:
    found = ran(workspace)
    saved = workspace.scenario_results / f"{found['scenario_id']}.json"
    saved.write_text(re.sub(r'"npv": [\d.-]+', '"npv": 1.0', saved.read_text("utf-8")))
    file = workspace.scenarios_dir / "one.yml"
    result = invoke("run", file, "-w", workspace.root)
    assert result.exit_code == 1
    assert "Other numbers are saved under this id." in result.stderr


def test_no_scenario_touches_what_is_published(workspace: Workspace) -> None:
    """Not even one about a value that nobody approved, and it changes nothing."""
    [path] = workspace.published_dir.glob("*.duckdb")
    before = path.read_bytes()
    file = write(
        workspace,
        "name: Dream\nauthor: A\nhorizon_months: 12\nrun_rate_months: 1\n"
        "changes:\n  - {kind: assumption, id: proposal, to: 900}\n",
    )
    result = invoke("run", file, "-w", workspace.root, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["summary"]["npv_difference"] == 0.0
    assert "nobody approved proposal" in found["notes"][0]
    assert path.read_bytes() == before
    assert {one.name for one in workspace.root.iterdir()} == {"warehouse", "scenarios"}


def test_saved_results_are_listed_shown_and_compared(workspace: Workspace) -> None:
    half, third = ran(workspace), ran(workspace, factor="0.7", name="Less")
    listed = invoke("list", "-w", workspace.root, "--json")
    assert [one["name"] for one in json.loads(listed.stdout)] in (
        ["Less", "Half"],
        ["Half", "Less"],
    )
    shown = invoke("show", half["scenario_id"][:6], "-w", workspace.root, "--json")
    assert json.loads(shown.stdout) == half
    compared = invoke(
        "compare", "Half", third["scenario_id"], "-w", workspace.root, "--json"
    )
    answer = json.loads(compared.stdout)
    assert answer["assumptions"] == [
        {
            "key": "price eta",
            half["scenario_id"]: "from month 1, match feature eta, factor 0.5",
            third["scenario_id"]: "from month 1, match feature eta, factor 0.7",
        }
    ]
    told = [one["npv_difference"] for one in answer["outcomes"]]
    assert told == ["EUR 8,760 [8,760, 8,760]", "EUR 5,256 [5,256, 5,256]"]
    for text in (
        invoke("compare", "Half", "Less", "-w", workspace.root).stdout,
        invoke("list", "-w", workspace.root).stdout,
        invoke("show", "Half", "-w", workspace.root).stdout,
    ):
        assert "EUR 8,760" in text


def test_one_alone_cannot_be_compared_and_what_is_not_saved_is_named(
    workspace: Workspace,
) -> None:
    ran(workspace)
    alone = invoke("compare", "Half", "-w", workspace.root)
    assert alone.exit_code == 2
    assert "1 scenarios cannot be compared" in alone.stderr
    gone = invoke("show", "Third", "-w", workspace.root)
    assert gone.exit_code == 2
    assert "No scenario 'Third' is saved" in gone.stderr


def test_an_empty_list_says_what_to_do(workspace: Workspace) -> None:
    assert "scenario new" in invoke("list", "-w", workspace.root).stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FILE.replace("author: Head of planning\n", ""), "Nobody is named"),
        (FILE.replace("Head of planning", "a@example.com"), "e-mail address"),
        (FILE + "base: run-9999\n", "Run 'run-9999' is not among those that are kept"),
        (FILE.replace("eta}}", "eat}}"), "feature 'eat'.*known features: .*eta"),
        (FILE.replace("factor: ", "facter: "), r"one\.yml:8: unknown key 'facter'"),
        (FILE + "  - kind: prise\n", r"one\.yml:9: change 2 is of kind 'prise'.*price"),
        (
            FILE.replace("match: {{feature: eta}}", "match: {{}}"),
            r"one\.yml:7: change 1",
        ),
        (FILE.replace("horizon_months: 12", "horizon_months: 0"), r"one\.yml:2:"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    workspace: Workspace, text: str, told: str
) -> None:
    file = write(workspace, text.format(name="x", factor="0.5"))
    result = invoke("run", file, "-w", workspace.root)
    assert result.exit_code == 2
    assert re.search(told, result.stderr, re.DOTALL), result.stderr
    assert not workspace.scenario_results.exists()


def test_no_more_than_twenty_changes(workspace: Workspace) -> None:
    change = "  - {{name: n{number}, kind: price, match: {{model: m}}, factor: 1}}\n"
    many = "".join(change.format(number=number) for number in range(21))
    text = "name: x\nhorizon_months: 12\nchanges:\n" + many
    result = invoke("run", write(workspace, text), "-w", workspace.root, "--by", "A")
    assert result.exit_code == 2
    assert "20" in result.stderr


def test_a_run_without_the_draws_of_its_studies_says_how_to_get_them(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    file = write(Workspace(tmp_path), FILE.format(name="x", factor="0.5"))
    result = invoke("run", file, "-w", tmp_path)
    assert result.exit_code == 2
    assert '"triptych build" publishes one that does' in result.stderr


@pytest.mark.parametrize("template", list(Template))
def test_a_template_is_a_scenario_that_can_be_read(
    tmp_path: Path, template: Template
) -> None:
    (tmp_path / "triptych.yml").touch()
    made = invoke("new", template.value, "-w", tmp_path)
    assert made.exit_code == 0, made.stderr
    path = tmp_path / "scenarios" / f"{template.value.replace('-', '_')}.yml"
    assert path.read_text("utf-8").startswith("# What if")
    assert {one.kind for one in read_scenario(path).changes} <= set(KINDS)
    again = invoke("new", template.value, "-w", tmp_path)
    assert again.exit_code == 2
    assert "nothing was written" in again.stderr
