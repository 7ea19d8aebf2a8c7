"""Measures for MetricFlow are described, and stand on columns of public marts."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import duckdb
import yaml

from dashboard.shared.roles import AUDIENCES
from triptych.core.child_processes import isolated_environment, python_module
from triptych.core.marts.own_project import write_project
from triptych.core.measures.definition import definitions
from triptych.core.project_folder import dbt_project_dir, glossary_file

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = dbt_project_dir() / "semantic"
_SOURCE = re.compile(r"source\('(\w+)', '(\w+)'\)")
_DIMENSION = re.compile(r"\{\{ Dimension\('delivery_event__(\w+)'\) \}\}")
_WORDS_OF_SQL = frozenset(
    {"abs", "case", "when", "not", "in", "is", "null", "then", "else", "end"}
    | {"and", "or", "greatest", "round"}
)
_ADDED = re.compile(r" as (\w+)(?:,|\n)")


def test_every_column_that_a_measure_names_is_of_its_mart() -> None:
    marts = columns_of_marts()
    for model in described():
        text = (FOLDER / f"{model['name']}.sql").read_text("utf-8")
        sources = _SOURCE.findall(text)
        if not sources:
            continue  # days, which are of no mart
        known = {*marts[sources[0][1]], *_ADDED.findall(text)}
        assert {column["name"] for column in model["columns"]} <= known, model["name"]
        metas = [m.get("config", {}).get("meta", {}) for m in model["metrics"]]
        written = [m.get("expr", "") for m in model["metrics"]]
        exprs = " ".join([*written, *(m.get("billed_expr", "") for m in metas)])
        words = {*re.findall(r"\b[a-z_]+\b", re.sub(r"'[^']*'", "", exprs))}
        words -= _WORDS_OF_SQL
        meta = model["config"]["meta"]
        words |= {
            m[key] for m in metas for key in ("low", "high", "n", "reason") if key in m
        }
        words |= {*meta.get("grain", ()), *meta.get("never_added", ())}
        words |= {meta[key] for key in ("reason", "grade", "counted") if key in meta}
        assert words <= known, model["name"]


def test_every_measure_has_its_words_its_page_and_its_term() -> None:
    """A name once; 20 words at most; a term of the glossary, a page of the product."""
    metrics = [metric for model in described() for metric in model.get("metrics", ())]
    names = [metric["name"] for metric in metrics]
    assert len(names) == len({*names})
    terms = {
        line.split("|")[1].strip()
        for line in glossary_file().read_text("utf-8").splitlines()
        if line.startswith("|")
    }
    for name, measure in definitions().measures.items():
        assert all((measure.label, measure.unit, measure.basis)), name
        assert 0 < len(measure.description.split()) <= 20, name
        assert measure.term in terms, name
        assert measure.page in AUDIENCES, name
        assert measure.good in {None, "less", "more"}, name
        assert measure.model.unknown, name
    twins = {m.billed for m in definitions().measures.values()} - {*names}
    assert definitions().measures.keys() == {*names} | twins - {None}


def test_both_halves_of_a_ratio_are_of_one_model_and_basis() -> None:
    """What one half leaves out is left out of the other, or is what the share is of."""
    known = definitions()
    ratios = [each for each in known.measures.values() if each.is_ratio]
    assert ratios
    for ratio in ratios:
        above = known.measure(ratio.numerator or "")
        below = known.measure(ratio.denominator or "")
        assert above.model is below.model is ratio.model, ratio.name
        if ratio.unit == "ratio":
            assert (above.unit, above.basis) == (below.unit, below.basis), ratio.name


def test_requests_of_two_currencies_are_counted_once() -> None:
    text = (FOLDER / "monthly_meter.sql").read_text("utf-8")
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE costs AS SELECT '2026-03' AS billing_month, 'm' AS model_id,"
            " currency, 1000 AS requests, 7 AS gpu_hours FROM (VALUES ('EUR'), ('USD'))"
            " AS currencies(currency)"
        )
        counted = f"SELECT sum(requests), sum(gpu_hours) FROM ({text})"
        source = "{{ source('cost', 'mart_model_unit_costs') }}"
        rows = connection.execute(counted.replace(source, "costs")).fetchall()
    assert rows == [(1000, 7)]


def test_a_deployment_that_reached_two_services_is_one() -> None:
    """Of two, one failed in one of its services."""
    measures = {m["name"]: m for each in described() for m in each.get("metrics", ())}
    rate = measures["change_fail_ratio"]
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE events AS FROM (VALUES ('k1', 'a', 0), ('k1', 'b', 1),"
            " ('k2', 'a', 0)) AS events(item_key, deployed_unit, event_value),"
            " (VALUES ('deployment_frequency'), ('change_fail_ratio'),"
            " ('change_lead_time')) AS metrics(metric)"
        )
        counts = {}
        for name in ("deployments", rate["numerator"], rate["denominator"]):
            assert measures[name]["agg"] == "count_distinct"
            condition = _DIMENSION.sub(r"\1", measures[name]["filter"])
            row = connection.execute(
                f"SELECT count(DISTINCT {measures[name]['expr']}) FROM events"
                f" WHERE {condition}"
            ).fetchone()
            counts[name] = row and row[0]
    assert list(counts.values()) == [2, 1, 2]


def test_dbt_accepts_every_measure(tmp_path: Path) -> None:
    """Its checks of semantic models refuse unknown keys and names of time grains."""
    texts = [path.read_text("utf-8") for path in FOLDER.glob("*.sql")]
    marts = {name for text in texts for name in _SOURCE.findall(text)}
    sources = [(schema, name, name, {}) for schema, name in sorted(marts)]
    write_project(
        tmp_path, sources, published=tmp_path / "marts.duckdb", with_metrics=True
    )
    finished = subprocess.run(
        [*python_module("dbt.cli.main"), "parse", "--profiles-dir", "."],
        cwd=tmp_path,
        env=isolated_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stdout
    assert "WARNING" not in finished.stdout, finished.stdout


def test_measures_that_somebody_changed_stay_as_they_are(tmp_path: Path) -> None:
    mine = tmp_path / "semantic" / "cost.yml"
    mine.parent.mkdir()
    mine.write_text("# mine", "utf-8")
    for with_metrics in (False, True):
        write_project(tmp_path, [], with_metrics=with_metrics)
        assert mine.read_text("utf-8") == "# mine"
    assert (mine.parent / "days.sql").is_file()


def described() -> list[dict[str, Any]]:
    """Return the models of all semantic files."""
    return [
        model
        for path in sorted(FOLDER.glob("*.yml"))
        for model in yaml.safe_load(path.read_text("utf-8"))["models"]
    ]


def columns_of_marts() -> dict[str, set[str]]:
    """Return mart → its columns, as their contracts have them."""
    columns: dict[str, set[str]] = {}
    for path in (dbt_project_dir() / "models" / "marts").rglob("_*models.yml"):
        content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        for model in content["models"]:
            name = model.get("config", {}).get("alias", model["name"])
            columns[name] = {each["name"] for each in model["columns"]}
    return columns
