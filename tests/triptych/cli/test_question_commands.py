"""Questions to a result: ``triptych sql``, ``status`` and ``quarantine``."""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.triptych.cli.commands import (
    charge,
    invoke,
    new_workspace,
)
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_variables_of_the_machine")


def test_csv_is_exact_and_reads_back(published: Path) -> None:
    result = invoke(
        *("sql", "-w", published, "--format", "csv"),
        "select model_id, sum(billed_cost) as billed_cost, 'a,\"b\"' as quoted,"
        " null as nothing, true as flag"
        " from cost.fct_daily_model_costs group by model_id order by billed_cost",
    )

    assert result.exit_code == 0
    assert "\r\n" in result.stdout_bytes.decode()
    rows = list(csv.DictReader(io.StringIO(result.stdout_bytes.decode(), newline="")))
    found = {row["model_id"]: Decimal(row["billed_cost"]) for row in rows}
    assert found["eta"] == Decimal("10.0000000001")
    assert found["vision"] == Decimal("20.25")
    assert sum(found.values()) == Decimal("30.7500000001")
    assert rows[0]["quoted"] == 'a,"b"'
    assert (rows[0]["nothing"], rows[0]["flag"]) == ("", "true")


def test_json_keeps_decimals_as_text_and_maps_as_objects(published: Path) -> None:
    result = invoke(
        *("sql", "-w", published, "--json"),
        "select cast(0 as decimal(28, 10)) as zero, map {'a': 1} as pairs,"
        " date '2026-01-31' as day, 'nan'::double as unknown",
    )

    assert json.loads(result.stdout) == [
        {
            "zero": "0.0000000000",
            "pairs": {"a": 1},
            "day": "2026-01-31",
            "unknown": None,
        }
    ]


def test_a_table_has_240_characters_of_a_cell_and_json_all(published: Path) -> None:
    whole, long = "x" * 240, "y" * 600
    query = f"select '{whole}' as a, '{long}' as b, 1.50 as c"
    table = invoke("sql", query, "-w", published).stdout

    assert whole in table
    assert "1.50" in table
    assert f"{'y' * 239}\u2026" in table
    assert long not in table
    assert long in invoke("sql", query, "--json", "-w", published).stdout


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("selec 1", "Parser Error"),
        ("select nothing from cost.fct_daily_model_costs", "Binder Error"),
        ("drop table cost.fct_daily_model_costs", "DROP is refused"),
        ("insert into core.mart_run select * from core.mart_run", "INSERT is refused"),
    ],
)
def test_a_query_that_cannot_be_answered_ends_with_2_and_the_engines_reason(
    published: Path, query: str, text: str
) -> None:
    result = invoke("sql", query, "-w", published)

    assert result.exit_code == 2
    assert text in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("attach '{root}/raw.duckdb' as raw", "ATTACH is refused"),
        (
            "attach '{root}/raw.duckdb' as raw; delete from raw.catalogue.audit_log;"
            " select 1",
            "one statement, not 3",
        ),
        ("explain analyze attach '{root}/raw.duckdb' as raw", "Error"),
        ("copy (select 1) to '{root}/out.csv'", "COPY is refused"),
        ("explain analyze copy (select 1) to '{root}/out.csv'", "Permission Error"),
        ("export database '{root}/out'", "EXPORT is refused"),
        ("set enable_external_access = true", "SET is refused"),
        ("call enable_logging(storage_path := '{root}/out')", "CALL is refused"),
        ("from read_text('{root}/triptych.yml')", "Permission Error"),
        ("from '{root}/bills/january.csv'", "Permission Error"),
        ("from read_parquet('{root}/lake/*/*.parquet')", "Permission Error"),
        ("from glob('{root}/*')", "Permission Error"),
    ],
)
def test_sql_attaches_writes_and_reads_no_file(
    published: Path, query: str, text: str
) -> None:
    before = contents(published)
    result = invoke("sql", query.format(root=quoted(published)), "-w", published)

    assert result.exit_code == 2
    assert text in result.stderr
    assert contents(published) == before


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_look_at_line_items_reads_evidence_and_no_other_file(
    published: Path,
) -> None:
    snapshot = PublishedReader(published).snapshot()
    counted = snapshot.query_line_items("select count(*) as n from line_items")
    assert counted.to_pylist() == [{"n": 3}]
    for sql in (
        "from read_text('triptych.yml')",
        f"from glob('{quoted(published)}/bills/*')",
    ):
        with pytest.raises(duckdb.PermissionException):
            snapshot.query_line_items(sql)


def test_sql_pivots_and_explains(published: Path) -> None:
    costs = "pivot cost.fct_daily_model_costs on model_id using sum(billed_cost)"
    for query in (costs, "explain select 1", "describe core.mart_run"):
        assert invoke("sql", query, "-w", published).exit_code == 0


def test_sql_before_any_run_says_to_run(tmp_path: Path) -> None:
    result = invoke("sql", "select 1", "-w", initialise(tmp_path / "w").root)

    assert result.exit_code != 0
    assert 'Run "triptych run" first.' in result.stderr


def test_status_tells_the_last_run_and_each_source(published: Path) -> None:
    report = json.loads(invoke("status", "-w", published, "--json").stdout)

    assert report["last_run"]["state"] == "published"
    assert report["published_run_id"] == report["last_run"]["run_id"]
    [source] = report["sources"]
    assert (source["source"], source["row_count"]) == ("bills", 3)
    assert source["quarantined_row_count"] == 1
    assert report["untried_sources"] == []
    assert report["rebuilt"]["because"] == ["not built before"]
    shown = invoke("status", "-w", published).stdout
    assert "bills" in shown
    assert f"Rebuilt by it: {report['rebuilt']['count']} models and tests" in shown


def test_status_of_a_new_workspace_has_nothing_to_tell_yet(tmp_path: Path) -> None:
    result = invoke("status", "-w", initialise(tmp_path / "w").root)

    assert result.exit_code == 0
    assert "No run yet." in result.stdout
    assert "bills: never ingested" in result.stdout


def test_the_quarantine_shows_the_row_its_reason_and_its_file(published: Path) -> None:
    [reason] = json.loads(
        invoke("quarantine", "list", "-w", published, "--json").stdout
    )
    [row] = json.loads(invoke("quarantine", "show", "-w", published, "--json").stdout)

    assert (reason["source"], reason["row_count"]) == ("bills", 1)
    assert row["reason"] == reason["reason"]
    assert "ten euros" in row["row_content"]
    assert "january.csv" in row["origin"]
    assert "ten euros" in invoke("quarantine", "show", "-w", published).stdout
    assert reason["reason"] in invoke("quarantine", "list", "-w", published).stdout
    other = ("quarantine", "show", "--reason", "other", "-w", published)
    assert "No such row" in invoke(*other).stdout


def test_a_retry_reads_the_delivery_again(tmp_path: Path) -> None:
    workspace = new_workspace(
        tmp_path / "w", charge("1"), charge("2"), charge("ten euros")
    )
    ingested = invoke("ingest", "-w", workspace.root).stdout
    assert "bills: 1 new load, 2 rows, 1 in quarantine\n" in ingested
    assert "count nowhere" in ingested
    assert "triptych quarantine list" in ingested
    assert invoke("quarantine", "list", "-w", workspace.root).exit_code == 0

    result = invoke("quarantine", "retry", "-w", workspace.root, "--json")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["quarantined_row_count"] == 1


def test_an_empty_quarantine_says_so(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))

    assert "is empty" in invoke("quarantine", "list", "-w", workspace.root).stdout


@pytest.mark.parametrize(
    "command",
    [("quarantine", "list"), ("quarantine", "show"), ("loads", "list")],
    ids=" ".join,
)
def test_a_mistyped_source_is_refused_and_one_with_loads_is_known(
    published: Path, tmp_path: Path, command: tuple[str, str]
) -> None:
    """An empty list would say that nothing of it is loaded, or in quarantine."""
    result = invoke(*command, "bils", "-w", published)
    assert result.exit_code == 2
    assert "There is no source 'bils'. Known sources: bills." in " ".join(
        result.stderr.split()
    )
    assert not result.stdout
    root = shutil.copytree(published, tmp_path / "w")
    settings = (root / "triptych.yml").read_text("utf-8").partition("sources:")[0]
    (root / "triptych.yml").write_text(f"{settings}sources: []\n", encoding="utf-8")
    assert invoke(*command, "bills", "-w", root).exit_code == 0


def test_figures_that_begin_with_nothing_are_refused(published: Path) -> None:
    result = invoke("explain", "--list", "cost.mart_modl", "-w", published)
    assert result.exit_code == 2
    assert "No figure begins with 'cost.mart_modl'." in result.stderr
    assert invoke("explain", "--list", "cost.mart_model", "-w", published).stdout
