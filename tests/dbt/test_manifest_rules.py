"""The house rules of the dbt project, read from its manifest and its text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from dashboard.shared.roles import AUDIENCES
from tests.dbt.engine_dialects import engine_specific, sql_of
from triptych.core.project_folder import dbt_project_dir
from triptych.core.settings.identity import IDENTITY_KINDS
from triptych.core.warehouse.retired_marts import RETIRED_MARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dbt.dbt_commands import DbtCommands

Node = dict[str, Any]

REPOSITORY = Path(__file__).resolve().parents[2]
#: Models that read what was loaded, refused or asked for, not what a bill says.
READ_THE_CATALOGUE = {
    "int_bills_received",
    "int_charges_to_reconcile",
    "int_closed_months_restated",
    "int_doubtful_charges",
    "mart_loads",
    "mart_quarantine_reasons",
    "mart_refused_charges",
    "mart_run",
    "int_settled_deliveries",
    "mart_source_freshness",
}
#: What bills and meters are staged as, and the one model that reads all of a kind.
READ_IN_ONE_PLACE = {
    "charges": "int_charges_delivered",
    "model_usage": "int_model_usage",
    "accelerator_usage": "int_accelerator_usage",
    "compute_usage": "int_compute_usage",
    "node_usage": "int_node_usage",
}
#: Who answers for a page.
OWNERS = {"Finance", "Engineering", "Analysts", "Whoever runs triptych"}
MART = re.compile(r"\b((?:core|cost|delivery|outcomes|attribution|roi)\.\w+)")
MONEY_COLUMN = re.compile(r"cost|price|spend|revenue|saving|impact|value|_amount$")
#: A cost centre is a name of finance, not an amount; the impact of an incident is when
#: users felt it; the value of a delivery metric has a unit of its own, and that of a
#: test has none.
NO_MONEY = re.compile(
    r"_(ratio|count)$|^cost_center$|^impact_(started_at|on|month)$"
    r"|^(metric|wider_metric|event|p|robustness)_value$"
)
CURRENCY_COLUMNS = {"currency", "billing_currency"}


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
    """Columns of every relation, as the engine sees them in an empty workspace."""
    workspace = dbt.workspace
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{workspace.raw_database}' AS raw (READ_ONLY)")
        connection.execute(f"ATTACH '{workspace.build_database}' AS build (READ_ONLY)")
        rows = connection.execute(
            "SELECT schema_name || '.' || table_name, list(column_name)"
            " FROM duckdb_columns() WHERE database_name = 'build' GROUP BY ALL"
        ).fetchall()
    return dict(rows)


def relation_of(model: Node) -> str:
    return f"{model['schema']}.{model['alias']}"


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


def test_only_staging_reads_evidence(models: list[Node]) -> None:
    readers = {layer_of(model) for model in models if "evidence" in sources_of(model)}
    assert readers == {"staging"}


def test_only_pages_about_loads_read_the_catalogue(models: list[Node]) -> None:
    readers = {m["name"] for m in models if "catalogue" in sources_of(m)}
    assert readers == READ_THE_CATALOGUE


def test_only_the_second_half_of_a_build_reads_estimates(models: list[Node]) -> None:
    readers = {m["name"] for m in models if "estimates" in sources_of(m)}
    former = {name.partition(".")[2] for name in RETIRED_MARTS}
    tagged = {m["name"] for m in models if "from_estimates" in m["tags"]}
    assert readers <= tagged
    by_name = {m["name"]: m for m in models}
    # The rest are made of what reads them.
    for name in tagged - former - readers:
        upstream = {other["name"] for other in models_under(by_name[name], models)}
        assert upstream & tagged, name


def test_no_model_reads_a_source_that_is_none_of_the_four(models: list[Node]) -> None:
    read = set().union(*(sources_of(model) for model in models))
    assert read == {"evidence", "catalogue", "control", "estimates"}


def test_staging_refers_to_nothing_outside_its_folder(models: list[Node]) -> None:
    strays = [
        (model["name"], other["name"])
        for model in models
        if layer_of(model) == "staging"
        for other in models_under(model, models)
        if other["fqn"][:3] != model["fqn"][:3]
    ]
    assert strays == []


def test_intermediate_models_refer_to_marts_only_where_a_month_or_item_is_settled(
    models: list[Node],
) -> None:
    # What a closed month shows is decided in these; later figures start from them.
    settled = {
        *("fct_daily_model_costs", "fct_daily_pool_costs"),
        "mart_model_unit_costs",
        # What readers drill to is what figures of velocity are made from.
        *("mart_velocity_events", "fct_promotions", "fct_training_runs"),
        *("fct_deployments", "mart_latency_percentiles"),
        # Statements owe what is booked about closed months.
        "mart_period_adjustments",
    }
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
        assert described == set(columns_by_model[relation_of(model)]), model["name"]


def test_money_never_stands_without_its_currency(
    models: list[Node], columns_by_model: dict[str, list[str]]
) -> None:
    without_currency = [
        (model["name"], column)
        for model in models
        if layer_of(model) != "staging"
        for column in columns_by_model[relation_of(model)]
        if MONEY_COLUMN.search(column) and not NO_MONEY.search(column)
        if not CURRENCY_COLUMNS.intersection(columns_by_model[relation_of(model)])
    ]
    assert without_currency == []


def test_public_money_is_in_the_currency_of_the_row(
    public_models: list[Node], columns_by_model: dict[str, list[str]]
) -> None:
    strays = [
        model["name"]
        for model in public_models
        if "billing_currency" in columns_by_model[relation_of(model)]
    ]
    assert strays == []


def test_only_engine_macros_speak_the_dialect_of_one_engine() -> None:
    spoken = [
        (path.relative_to(dbt_project_dir()).as_posix(), word)
        for path in sql_files(with_engine=False)
        for word in engine_specific(path.read_text("utf-8"))
    ]
    assert spoken == []


@pytest.mark.parametrize(
    "planted",
    [
        "strftime(charge_date, '%Y-%m')",
        "date_format(charge_date, 'yyyy')",
        "list_contains(tags, 'a')",
        "unnest(tags)",
        "explode(tags)",
        "arg_max(team_id, billed_cost)",
        "quantile_cont(billed_cost, 0.5)",
        "avg(billed_cost)",
        "map {'model': 'eta'}",
        "map('model', 'eta')",
        "tags['model']",
        "last_date - first_date",
        "cast(period_end as date) - charge_date",
        "billed_cost / request_count",
        "billed_cost::double",
        "rows // 2",
        "rows div 2",
        "content ->> 'model'",
        "* exclude (tags)",
        'charge_date as "charge date"[0]',
        "{{ quoted(\"regexp_matches(name, 'a')\") }}",
        "{% if x %}{{ m('epoch_ms(started_at)') }}{% endif %}",
    ],
)
def test_a_planted_word_of_one_engine_is_found(planted: str) -> None:
    assert engine_specific(f"select {planted} from charges")


@pytest.mark.parametrize(
    "portable",
    [
        "list_cost, list_unit_price, first_value(cost) over (order by day)",
        "period_start - interval '1' day",
        "coalesce(cost, 0) - coalesce(credit, 0) as net_cost",
        "'a/b', 'x // y', '[1]', 'cost::double' -- strftime(now)",
        "max_by(team_id, billed_cost), sum(billed_cost) filter (where is_tax)",
        "{# unnest(tags) #} {{ tag_value('tags', 'model') }}",
    ],
)
def test_what_both_engines_read_alike_is_let_through(portable: str) -> None:
    assert engine_specific(f"select {portable} from charges") == []


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


def sqlfluff(*arguments: str, sql: str = "") -> subprocess.CompletedProcess[str]:
    if REPOSITORY not in dbt_project_dir().parents:
        pytest.skip("the project is inside an installed package, without its settings")
    return subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--nocolor", *arguments],
        cwd=REPOSITORY,
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )


def test_sqlfluff_refuses_planted_words_of_one_engine_and_no_column() -> None:
    planted = [
        *("strftime(charge_date, '%Y')", "list_contains(tags, 'a')", "unnest(tags)"),
        *("arg_max(cost, day)", "quantile_cont(cost, 0.5)", "cost::date", "cost // 2"),
        *("cast(cost as hugeint)", "date_format(charge_date, 'yyyy')"),
        *("struct_pack(a := 1)", "explode(tags)", "map_keys(tags)"),
    ]
    portable = ["list_cost", "list_unit_price", "sum(cost)"]
    lines = [
        f"    {expression} as a{number}"
        for number, expression in enumerate([*planted, *portable])
    ]
    sql = "select\n" + ",\n".join(lines) + "\nfrom charges\n"
    finished = sqlfluff("--format", "json", "--rules", "CV09,CV11", "-", sql=sql)
    (file,) = json.loads(finished.stdout)
    refused = {violation["start_line_no"] - 2 for violation in file["violations"]}
    assert refused == set(range(len(planted)))


def test_every_kind_of_name_that_may_be_mapped_is_looked_up_somewhere() -> None:
    calls = re.findall(
        r"with_owners\('\w+', \[(.*?)\]",
        "".join(path.read_text("utf-8") for path in sql_files(with_engine=False)),
    )
    looked_up = {kind for call in calls for kind in re.findall(r"'(\w+)'", call)}
    assert looked_up == set(IDENTITY_KINDS)


def test_every_page_is_an_exposure_with_owner_address_and_its_marts(
    manifest: Node,
) -> None:
    exposures = {each["name"]: each for each in manifest["exposures"].values()}
    assert exposures.keys() == AUDIENCES.keys()
    marts = {
        key: f"{node['schema']}.{node['alias']}"
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    for name, exposure in exposures.items():
        assert exposure["url"] == f"http://127.0.0.1:8501/{name}"
        assert exposure["owner"]["name"] in OWNERS
        named = {marts[key] for key in exposure["depends_on"]["nodes"]}
        modules = (REPOSITORY / "dashboard" / "pages" / name).rglob("*.py")
        asked = {mart for path in modules for mart in MART.findall(path.read_text())}
        assert asked & {*marts.values()} <= named, name
        assert named


def test_models_look_rules_up_and_hand_them_to_macros(manifest: Node) -> None:
    """A model that does not look them up itself is not rendered for other rules."""
    looking_up = {
        macro["name"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "triptych"
        and "macro.triptych.rules" in macro["depends_on"]["macros"]
    }
    assert not looking_up
