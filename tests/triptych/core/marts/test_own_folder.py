"""The folder of a workspace's own models holds SQL and YAML, and nothing that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triptych.core.marts.own_folder import (
    OwnModelsError,
    digest_of_folder,
    read_own_models,
)

if TYPE_CHECKING:
    from pathlib import Path

HARMLESS = """\
{{ config(materialized='view', tags=['finance']) }}
{% set costs = ['direct', 'shared'] %}
SELECT model_id
{% for cost in costs %}, sum("{{ cost }}_cost") AS "{{ cost }}"
{%- if not loop.last %} /* more */{% endif %}{% endfor %}
FROM {{ source('cost', 'mart_model_unit_costs') }}
JOIN {{ ref('teams') }} USING (model_id) GROUP BY ALL
"""


def test_models_name_tables_and_repeat_text(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "costs.sql").write_text(HARMLESS, "utf-8")
    (tmp_path / "costs.yml").write_text("models: [{name: costs}]\n", "utf-8")
    (tmp_path / ".costs.sql.swp").write_bytes(b"\xff")

    assert read_own_models(tmp_path).texts == {
        "costs.yml": "models: [{name: costs}]\n",
        "deeper/costs.sql": HARMLESS,
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("select 1\n, '{{ env_var(\"HOME\") }}'", "env_var() cannot be called here"),
        ("select 1\n{{ run_query('select 1') }}", "run_query() cannot be called here"),
        ("select 1\n{{ ref.__class__ }}", "__class__ cannot be asked for"),
        ("select 1\n{{ ''.join(['a']) }}", "A method() cannot be called here"),
        ("select 1\n{{ modules.re }}", "re cannot be asked for"),
        ("select 1\n{{ ref(*['a']) }}", "ref() cannot be called here"),
        ("select 1\n{{ config(pre_hook='drop') }}", "config() has no pre_hook"),
        ("select 1\n{{ 9 * 9 }}", "Mul is not for models"),
        ("select 1\n{{ 'a' | e }}", "Filter is not for models"),
        ("select 1\n{% macro a() %}{% endmacro %}", "Macro is not for models"),
        ("select 1\n{% include 'a' %}", "Include is not for models"),
        ("select 1\n{% snapshot a %}{% endsnapshot %}", "unknown tag 'snapshot'"),
        ("select 1\n{% do ref('a') %}", "unknown tag 'do'"),
    ],
)
def test_jinja_that_runs_something_is_refused_with_its_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "model.sql").write_text(text, "utf-8")
    with pytest.raises(OwnModelsError) as refused:
        read_own_models(tmp_path)
    assert reason in refused.value.what
    assert refused.value.where == f"{tmp_path / 'model.sql'}:2"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (r'a: "\x7b\x7b env_var(1) \x7d\x7d"', "env_var() cannot be called here"),
        ("a:\n  - {b: '{{ run_query(1) }}'}", "run_query() cannot be called here"),
        ("'{{ env_var(1) }}': a", "env_var() cannot be called here"),
        ("sources: [{name: mine}]", "The marts are sources already"),
        ("a: [", "It is no YAML"),
    ],
)
def test_yaml_is_judged_as_it_is_read(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "models.yml").write_text(text, "utf-8")
    with pytest.raises(OwnModelsError) as refused:
        read_own_models(tmp_path)
    assert reason in refused.value.what


@pytest.mark.parametrize("name", ["model.py", "packages.json", "seed.csv", "macro"])
def test_what_is_neither_sql_nor_yaml_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("", "utf-8")
    with pytest.raises(OwnModelsError, match="is not a file of SQL or YAML"):
        read_own_models(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.sql").write_text("select 1", "utf-8")
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "model.sql").symlink_to(tmp_path / "elsewhere.sql")
    with pytest.raises(OwnModelsError, match="is not a file of SQL or YAML"):
        read_own_models(folder)


def test_every_change_of_a_file_or_its_name_changes_the_digest(tmp_path: Path) -> None:
    model = tmp_path / "model.sql"
    model.write_text("select 1", "utf-8")
    digests = {digest_of_folder(tmp_path)}
    model.write_text("select 2", "utf-8")
    digests.add(digest_of_folder(tmp_path))
    model.rename(tmp_path / "other.sql")
    digests.add(digest_of_folder(tmp_path))
    assert len(digests) == 3
