"""The house rules of the dbt project, read from its manifest and its text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from triptych.dbt_commands import dbt_project_dir
from triptych.warehouse.bills import BILL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dbt.dbt_commands import DbtCommands

Node = dict[str, Any]

REPOSITORY = Path(__file__).resolve().parents[2]
#: Models that read what was loaded, refused or asked for, not what a bill says.
READ_THE_CATALOGUE = {
    "int_charges_to_reconcile",
    "mart_loads",
    "mart_quarantine_reasons",
    "mart_run",
    "mart_source_freshness",
}
#: What bills and meters are staged as, and the one model that reads all of a kind.
READ_IN_ONE_PLACE = {
    "charges": "int_charges_unioned",
    "model_usage": "int_model_usage",
    "accelerator_usage": "int_accelerator_usage",
    "compute_usage": "int_compute_usage",
}
MONEY_COLUMN = re.compile(r"cost|price|spend|revenue|saving|impact|value|_amount$")
#: A cost centre is a name of finance, not an amount.
NO_MONEY = re.compile(r"_(ratio|count)$|^cost_center$")
CURRENCY_COLUMNS = {"currency", "billing_currency"}
#: Spelled differently, or missing, in the other engine that the models are kept for.
ENGINE_SPECIFIC = re.compile(
    r"""
    \b(
        strftime | strptime | date_diff | datediff | date_part | epoch(_ms)? | age
        | unnest | generate_series | range | struct_pack | struct_extract
        | quantile_cont | arg_max | arg_min | any_value | list(_\w+)? | map(_\w+)?
        | string_agg | group_concat | parse_path | read_\w+ | regexp_\w+ | starts_with
        | ends_with | json_\w+ | hash | try_cast | greatest_common_divisor
    )\s*\(
    | \bexclude\b | \bhugeint\b | // | ->> | ::
    """,
    re.VERBOSE | re.IGNORECASE,
)
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")


@pytest.fixture(scope="module")
def manifest(dbt: DbtCommands) -> Node:
    finished = dbt.run("parse")
    assert finished.returncode == 0, finished.stdout
    return dbt.manifest()


@pytest.fixture(scope="module")
def models(manifest: Node) -> list[Node]:
    nodes = manifest["nodes"].values()
    return [node for node in nodes if node["resource_type"] == "model"]


@pytest.fixture(scope="module")
def public_models(models: list[Node]) -> list[Node]:
    return [model for model in models if layer_of(model) == "marts"]


@pytest.fixture(scope="module")
def columns_by_model(dbt: DbtCommands) -> dict[str, list[str]]:
    """Columns of every model, as the engine sees them in an empty workspace."""
    workspace = dbt.workspace
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{workspace.raw_database}' AS raw (READ_ONLY)")
        connection.execute(f"ATTACH '{workspace.build_database}' AS build (READ_ONLY)")
        rows = connection.execute(
            "SELECT table_name, list(column_name) FROM duckdb_columns()"
            " WHERE database_name = 'build' AND schema_name <> 'control'"
            " GROUP BY table_name"
        ).fetchall()
    return dict(rows)


def layer_of(model: Node) -> str:
    return str(model["fqn"][1])


def sources_of(model: Node) -> set[str]:
    """Return the names of the sources that a model reads."""
    keys = model["depends_on"]["nodes"]
    return {key.split(".")[2] for key in keys if key.startswith("source.")}


def models_under(model: Node, models: list[Node]) -> Iterator[Node]:
    """Yield the models that a model refers to."""
    by_id = {node["unique_id"]: node for node in models}
    for key in model["depends_on"]["nodes"]:
        if key in by_id:
            yield by_id[key]


def sql_files(*, with_engine: bool) -> list[Path]:
    """Return the SQL of the project, with or without what is the engine's."""
    project = dbt_project_dir()
    found = [
        path
        for folder in ("models", "macros", "tests")
        for path in (project / folder).rglob("*.sql")
    ]
    engine = project / "macros" / "engine"
    return sorted(p for p in found if with_engine or engine not in p.parents)


def sql_of(text: str) -> str:
    """Return the SQL of a template: outside Jinja, and quoted inside it."""
    pieces = [JINJA.sub(" ", text)]
    for match in JINJA.finditer(text):
        if not match.group().startswith("{#"):
            pieces += ["".join(quoted) for quoted in QUOTED.findall(match.group())]
    return "\n".join(re.sub(r"--.*", "", piece) for piece in pieces)


def test_only_staging_reads_evidence(models: list[Node]) -> None:
    readers = {layer_of(model) for model in models if "evidence" in sources_of(model)}
    assert readers == {"staging"}


def test_only_pages_about_loads_read_the_catalogue(models: list[Node]) -> None:
    readers = {m["name"] for m in models if "catalogue" in sources_of(m)}
    assert readers == READ_THE_CATALOGUE


def test_no_model_reads_a_source_that_is_none_of_the_three(models: list[Node]) -> None:
    read = set().union(*(sources_of(model) for model in models))
    assert read == {"evidence", "catalogue", "control"}


def test_staging_refers_to_nothing_outside_its_folder(models: list[Node]) -> None:
    strays = [
        (model["name"], other["name"])
        for model in models
        if layer_of(model) == "staging"
        for other in models_under(model, models)
        if other["fqn"][:3] != model["fqn"][:3]
    ]
    assert strays == []


def test_intermediate_models_refer_to_marts_only_where_a_month_is_settled(
    models: list[Node],
) -> None:
    # What a closed month shows is decided in these; later figures start from them.
    settled = {"fct_daily_model_costs", "mart_model_unit_costs"}
    strays = [
        (model["name"], other["name"])
        for model in models
        if layer_of(model) == "intermediate"
        for other in models_under(model, models)
        if layer_of(other) == "marts" and other["name"] not in settled
    ]
    assert strays == []


def test_charges_and_meters_of_a_provider_are_read_in_one_place_each(
    models: list[Node],
) -> None:
    reads = {
        (other["name"].partition("__")[2], model["name"])
        for model in models
        if layer_of(model) != "staging"
        for other in models_under(model, models)
        if layer_of(other) == "staging"
    }
    of_bills_and_meters = {read for read in reads if read[0] in READ_IN_ONE_PLACE}
    assert of_bills_and_meters == set(READ_IN_ONE_PLACE.items())


def test_a_models_name_says_its_layer(models: list[Node]) -> None:
    prefixes = {
        "staging": ("stg_",),
        "intermediate": ("int_",),
        "marts": ("dim_", "fct_", "mart_"),
    }
    strays = [
        m["name"] for m in models if not m["name"].startswith(prefixes[layer_of(m)])
    ]
    assert strays == []


def test_every_model_is_described_and_states_its_grain(models: list[Node]) -> None:
    silent = [
        model["name"]
        for model in models
        if not model["description"] or not model["meta"].get("grain")
    ]
    assert silent == []


def test_every_public_model_has_an_enforced_contract(public_models: list[Node]) -> None:
    loose = [m["name"] for m in public_models if not m["contract"]["enforced"]]
    assert loose == []
    assert {model["access"] for model in public_models} == {"public"}


def test_only_marts_are_public(models: list[Node]) -> None:
    public = {layer_of(model) for model in models if model["access"] == "public"}
    assert public == {"marts"}


def test_the_stated_grain_is_the_one_that_is_tested(
    manifest: Node, public_models: list[Node]
) -> None:
    tested = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "grain_is_unique"
    }
    for model in public_models:
        stated = model["meta"]["grain"].removeprefix("one row").split(" per ")[1:]
        if stated:
            assert tested[model["unique_id"]] == stated, model["name"]
        else:
            assert model["name"] == "mart_run"


def test_every_column_of_a_public_model_is_described(
    public_models: list[Node], columns_by_model: dict[str, list[str]]
) -> None:
    for model in public_models:
        described = {
            name for name, column in model["columns"].items() if column["description"]
        }
        assert described == set(columns_by_model[model["name"]]), model["name"]


def test_money_never_stands_without_its_currency(
    models: list[Node], columns_by_model: dict[str, list[str]]
) -> None:
    without_currency = [
        (model["name"], column)
        for model in models
        if layer_of(model) != "staging"
        for column in columns_by_model[model["name"]]
        if MONEY_COLUMN.search(column) and not NO_MONEY.search(column)
        if not CURRENCY_COLUMNS.intersection(columns_by_model[model["name"]])
    ]
    assert without_currency == []


def test_public_money_is_in_the_currency_of_the_row(
    public_models: list[Node], columns_by_model: dict[str, list[str]]
) -> None:
    strays = [
        model["name"]
        for model in public_models
        if "billing_currency" in columns_by_model[model["name"]]
    ]
    assert strays == []


def test_only_engine_macros_speak_the_dialect_of_one_engine() -> None:
    spoken = [
        (path.relative_to(dbt_project_dir()).as_posix(), match.group().strip())
        for path in sql_files(with_engine=False)
        for match in ENGINE_SPECIFIC.finditer(sql_of(path.read_text("utf-8")))
    ]
    assert spoken == []


def test_only_money_macros_multiply_an_amount_by_a_share_or_a_rate() -> None:
    product = re.compile(
        r"(cost|amount|share|rate)\w*\s*\*\s*\w|\*\s*\w*(share|rate)\b"
    )
    found = [
        (path.name, match.group())
        for path in sql_files(with_engine=False)
        for match in product.finditer(sql_of(path.read_text("utf-8")))
    ]
    assert found == []


def test_sqlfluff_finds_nothing() -> None:
    project = dbt_project_dir()
    if REPOSITORY not in project.parents:
        pytest.skip("the project is inside an installed package, without its settings")
    folders = [(project / name).relative_to(REPOSITORY) for name in ("models", "tests")]
    finished = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--nocolor", *map(str, folders)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


def test_dbt_and_the_spine_name_the_same_bill_streams() -> None:
    macro = (dbt_project_dir() / "macros" / "bill_streams.sql").read_text("utf-8")
    told_dbt = dict(
        zip(
            re.findall(r"'stream': '(\w+)'", macro),
            re.findall(r"'charges': '(\w+)'", macro),
            strict=True,
        )
    )
    assert told_dbt == {bill.name: bill.staging_views[-1] for bill in BILL_STREAMS}
