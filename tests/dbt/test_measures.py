"""Measures for MetricFlow are described, and stand on columns of public marts."""

from __future__ import annotations

import re
from typing import Any

import yaml

from triptych.core.project_folder import dbt_project_dir

FOLDER = dbt_project_dir() / "semantic"
_SOURCE = re.compile(r"source\('(\w+)', '(\w+)'\)")
_ADDED = re.compile(r" as (\w+)\n")


def test_every_measure_is_described_and_every_column_is_of_its_mart() -> None:
    marts = columns_of_marts()
    described = yaml.safe_load((FOLDER / "metrics.yml").read_text("utf-8"))["models"]
    assert {each["name"] for each in described} == {
        p.stem for p in FOLDER.glob("*.sql")
    }
    metrics = [metric for model in described for metric in model.get("metrics", ())]
    names = [metric["name"] for metric in metrics]
    assert len(names) == len({*names}) == 15
    assert all(metric["label"] and metric["description"] for metric in metrics)
    for model in described:
        text = (FOLDER / f"{model['name']}.sql").read_text("utf-8")
        [*sources] = _SOURCE.findall(text)
        if not sources:
            continue  # days, which are of no mart
        known = {*marts[sources[0][1]], *_ADDED.findall(text)}
        assert {column["name"] for column in model["columns"]} <= known
        exprs = " ".join(m.get("expr", "") for m in model["metrics"])
        words = {*re.findall(r"\b[a-z_]+\b", re.sub(r"'[^']*'", "", exprs))}
        assert words - {"case", "when", "not", "in", "then", "end"} <= known


def columns_of_marts() -> dict[str, set[str]]:
    """Return mart → its columns, as their contracts have them."""
    columns: dict[str, set[str]] = {}
    for path in (dbt_project_dir() / "models" / "marts").rglob("_*models.yml"):
        content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        for model in content["models"]:
            columns[model["name"]] = {each["name"] for each in model["columns"]}
    return columns
