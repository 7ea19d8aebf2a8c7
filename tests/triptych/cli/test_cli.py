"""The command line on real workspaces: results, messages and exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import duckdb
import pytest
from typer.testing import CliRunner

from triptych import __version__
from triptych.cli import app
from triptych.core.lock import hold_run_lock
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace, initialise

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

REPOSITORY = Path(__file__).parents[3]
HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,"
    "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,"
    "ChargeCategory,ChargeDescription,ServiceName,ServiceCategory,ProviderName,"
    "PublisherName,InvoiceIssuerName,BillingAccountId,Tags\n"
)
TAIL = "Vendor A,Vendor A,Vendor A,001"


def charge(cost: str, *, model: str = "") -> str:
    tags = f'"{{""model"": ""{model}""}}"' if model else "{}"
    return (
        f"{cost},{cost},{cost},{cost},EUR,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,"
        "2026-01-05T00:00:00Z,2026-01-06T00:00:00Z,Usage,GPU hours,Inference,"
        f"AI and Machine Learning,{TAIL},{tags}\n"
    )


def new_workspace(folder: Path, *charges: str) -> Workspace:
    workspace = initialise(folder)
    bill = HEADER + "".join(charges)
    (workspace.root / "bills" / "january.csv").write_text(bill, encoding="utf-8")
    return workspace


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(*arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
    """Start triptych as a user's shell would, in a process group of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRIPTYCH_")}
    return subprocess.Popen(
        [sys.executable, "-m", "triptych", *map(str, arguments)],
        env={**inherited, "PYTHONPATH": str(REPOSITORY), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(autouse=True)
def _no_variables_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TRIPTYCH_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that was run once; one of its four rows is broken."""
    workspace = new_workspace(
        # A name that no SQL, no pattern and no list of folders may trip over.
        tmp_path_factory.mktemp("published") / "o'brien, co [1]*" / "workspace",
        charge("10.0000000001", model="eta"),
        charge("20.25", model="vision"),
        charge("0.5"),
        charge("ten euros"),
    )
    result = invoke("run", "-w", workspace.root, "--json", "--log-format", "json")
    assert result.exit_code == 0, result.stderr
    (workspace.runs_dir / "stderr.jsonl").write_text(result.stderr, encoding="utf-8")
    report = json.loads(result.stdout)
    assert report["ingest"]["quarantined_row_count"] == 1
    assert Path(report["build"]["published_path"]).is_file()
    return workspace.root


def test_each_step_of_a_run_is_a_line_of_json_with_its_id(published: Path) -> None:
    text = (published / "runs" / "stderr.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    [run_id] = {line["run_id"] for line in lines}
    assert (published / "runs" / run_id / "run.json").is_file()
    states = [line["state"] for line in lines if line["event"] == "run"]
    assert states == ["ingesting", "ingested", "building", "published"]
    steps = [line for line in lines if line["event"] == "step"]
    assert {line["outcome"] for line in steps} == {"done"}
    done = {line["step"]: line for line in steps}
    assert {"build", "estimate", "publish"} <= set(done)
    # Every model and test of the project is counted.
    assert done["build"]["count"] > 100
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


# ---------------------------------------------------------------- the program itself


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    heavy = {"duckdb", "pyarrow", "pydantic", "pandas", "boto3", "google", "streamlit"}
    heavy |= {"attribution", "numpy", "scipy", "statsmodels"}
    answer = subprocess.run(
        [sys.executable, "-c", "import sys, triptych.cli; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert not heavy & set(answer.stdout.split())


def test_the_version_is_printed() -> None:
    assert invoke("--version").stdout == f"triptych {__version__}\n"


@pytest.mark.parametrize(
    "command",
    ["init", "demo", "check", "ingest", "build", "run", "sql", "status", "dashboard"],
)
def test_every_command_says_what_it_does(command: str) -> None:
    result = invoke(command, "--help")

    assert result.exit_code == 0
    assert "--workspace" in result.stdout
    assert "--verbose" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["checks"],
        ["run", "--no-such-flag"],
        ["sql"],
        ["sql", "select 1", "--format", "xml"],
        ["ingest", "--from", "yesterday"],
    ],
)
def test_a_command_used_wrongly_ends_with_2(arguments: list[str]) -> None:
    assert invoke(*arguments).exit_code == 2


# ------------------------------------------------------------------------- workspace


def test_init_writes_a_workspace_once(tmp_path: Path) -> None:
    folder = tmp_path / "new"

    assert invoke("init", folder).exit_code == 0
    again = invoke("init", folder)

    assert again.exit_code == 2
    assert "not empty" in again.stderr
    assert again.stdout == ""


def test_the_current_folder_comes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = new_workspace(tmp_path / "here")
    there = new_workspace(tmp_path / "there")
    monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(there.root))

    monkeypatch.chdir(here.root)
    assert str(here.root) in invoke("check").stdout
    monkeypatch.chdir(tmp_path)
    assert str(there.root) in invoke("check").stdout
    assert str(here.root) in invoke("check", "--workspace", here.root).stdout


def test_outside_a_workspace_the_message_says_what_to_do(tmp_path: Path) -> None:
    result = invoke("status", "-w", tmp_path)

    assert result.exit_code == 2
    assert 'Run "triptych init"' in result.stderr


def test_check_names_every_line_that_is_wrong(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w")
    (workspace.root / "allocation.yml").write_text(
        "pools:\n  - {name: gpu, driver: gpu_hour}\n  - {name: p, driver: fixed,"
        " percentages: {a: 99}}\n",
        encoding="utf-8",
    )

    result = invoke("check", "-w", workspace.root)

    assert result.exit_code == 2
    *lines, next_step = result.stderr.splitlines()
    assert [line[:17] for line in lines] == ["allocation.yml:2:", "allocation.yml:3:"]
    assert "triptych check" in next_step


def test_check_asks_every_source_and_ends_with_3_when_one_is_not_ready(
    tmp_path: Path,
) -> None:
    workspace = initialise(tmp_path / "w")

    empty = invoke("check", "-w", workspace.root, "--json")
    (workspace.root / "bills" / "a.csv").write_text(HEADER, encoding="utf-8")
    filled = invoke("check", "-w", workspace.root, "--json")

    assert (empty.exit_code, filled.exit_code) == (3, 0)
    assert json.loads(empty.stdout)["sources"][0]["is_ok"] is False
    assert json.loads(filled.stdout)["sources"][0]["is_ok"] is True
    assert "Not ready: bills." in empty.stderr


def test_a_warning_does_not_stop_a_command_or_spoil_its_json(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))
    (workspace.root / "allocation.yml").write_text(
        "pools: [{name: p, driver: even}]\n", encoding="utf-8"
    )

    result = invoke("check", "-w", workspace.root, "--json")

    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["warnings"]) == 1
    assert result.stderr.startswith("warning: allocation.yml:1: pool 'p' is never")


# ------------------------------------------------------------------- ingest and run


def test_a_second_ingest_commits_nothing(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"), charge("2"))

    first = json.loads(invoke("ingest", "-w", workspace.root, "--json").stdout)
    second = json.loads(invoke("ingest", "-w", workspace.root, "--json").stdout)

    assert [load["row_count"] for load in first["committed"]] == [2]
    assert (second["committed"], second["skipped_count"]) == ([], 1)


def test_a_source_that_fails_ends_with_3_and_says_which_file(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))
    broken = workspace.root / "bills" / "broken.csv.gz"
    broken.write_bytes(b"\x1f\x8b\x08\x00truncated")

    result = invoke("ingest", "-w", workspace.root)

    assert result.exit_code == 3
    assert "broken.csv.gz" in result.stderr
    assert "Traceback" not in result.stderr
    assert "bills: 1 new load, 1 row\n" in result.stdout


def test_keep_going_publishes_what_there_is_and_still_ends_with_3(
    published: Path, tmp_path: Path
) -> None:
    workspace = Workspace(Path(shutil.copytree(published, tmp_path / "w")))
    before = workspace.pointer.read_text("utf-8")
    bills = workspace.root / "bills"
    january = HEADER + charge("7.25", model="eta") + charge("0.75")
    (bills / "january.csv").write_text(january, encoding="utf-8")
    (bills / "broken.csv.gz").write_bytes(b"\x1f\x8b\x08\x00cut")

    stopped = invoke("run", "-w", workspace.root)
    assert stopped.exit_code == 3
    assert workspace.pointer.read_text("utf-8") == before

    result = invoke("run", "--keep-going", "-w", workspace.root)
    assert result.exit_code == 3
    assert "Published run" in result.stdout
    # 0.75 of 8.00 is for no model.
    assert "2026-01: EUR 8.00 AI cost, 9.4% without an owner." in result.stdout
    assert "broken.csv.gz" in result.stderr
    ledger = "select sum(billed_cost) as c from cost.mart_cost_waterfall"
    answer = invoke("sql", f"{ledger} where step = 'ledger'", "-w", workspace.root)
    assert "8.0000000000" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["ingest", "nobody"], "There is no source 'nobody'. Known sources: bills."),
        (["run", "--threads", "many"], "--threads: warehouse.threads is 'many'"),
        (["build", "--memory-limit", "much"], "--memory-limit: warehouse.memory_limit"),
        (
            ["ingest", "--from", "2026-02-01", "--to", "2026-02-01"],
            "--to 2026-02-01 is not after --from 2026-02-01.",
        ),
        (["quarantine", "retry", "nobody"], "There is no source 'nobody'."),
    ],
)
def test_a_wrong_flag_is_told_before_anything_is_done(
    tmp_path: Path, arguments: list[str], text: str
) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))

    result = invoke(*arguments, "-w", workspace.root)

    assert result.exit_code == 2
    told = result.stderr.removeprefix(f"triptych {arguments[0]}: ")
    assert told.startswith(text)
    assert not workspace.raw_database.exists()
    assert list(workspace.runs_dir.glob("*/run.json")) == []


def test_a_second_run_says_who_holds_the_lock_and_ends_with_7(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))

    with hold_run_lock(workspace.lock_file):
        result = invoke("run", "-w", workspace.root)

    assert result.exit_code == 7
    assert f"process {os.getpid()}" in result.stderr


def test_what_is_unexpected_is_one_line_and_a_traceback_only_with_v(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path / "w")

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("triptych.service.status.status", fail)
    quiet = invoke("status", "-w", workspace.root)
    loud = invoke("status", "-v", "-w", workspace.root)

    assert (quiet.exit_code, loud.exit_code) == (1, 1)
    assert len(quiet.stderr.splitlines()) == 1
    assert quiet.stderr.startswith("Something unexpected went wrong: OSError: ")
    assert "Traceback (most recent call last)" in loud.stderr


def test_a_catalogue_that_is_no_database_says_how_it_is_recovered(
    tmp_path: Path,
) -> None:
    workspace = new_workspace(tmp_path / "w")
    workspace.raw_database.write_bytes(b"this is not a database" * 1000)
    refused = invoke("status", "-w", workspace.root)
    assert refused.exit_code == 3
    assert str(workspace.raw_database) in refused.stderr
    assert "triptych recover" in refused.stderr


def stopped(workspace: Workspace, number: signal.Signals) -> tuple[int, str]:
    """Send a signal to a run that builds; return its exit code and what it told."""
    with start("run", "-w", workspace.root) as process:
        assert process.stderr is not None
        while "build" not in process.stderr.readline():
            assert process.poll() is None
        os.killpg(process.pid, number)
        _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.fixture
def restated(published: Path, tmp_path: Path) -> Workspace:
    """Return the workspace with another bill of January, which no run has read."""
    workspace = Workspace(Path(shutil.copytree(published, tmp_path / "w")))
    january = HEADER + charge("1", model="eta")
    (workspace.root / "bills" / "january.csv").write_text(january, encoding="utf-8")
    return workspace


def test_a_run_that_is_stopped_or_killed_is_done_again_and_nothing_is_lost_or_doubled(
    restated: Workspace,
) -> None:
    """30.75 of the bill before is published until 1.00 of the new one is."""
    workspace = restated
    assert stopped(workspace, signal.SIGKILL)[0] == -signal.SIGKILL
    assert ledger_of(workspace) == Decimal("30.7500000001")

    for number, code, words in (
        (signal.SIGINT, 130, "by Ctrl-C"),
        (signal.SIGTERM, 143, "by SIGTERM"),
    ):
        ended, told = stopped(workspace, number)
        assert ended == code
        assert "Traceback" not in told
        assert told.splitlines()[-1] == (
            f"triptych run: Stopped {words} before it was done. What is published"
            " stays, and nothing is counted twice: run the same command again."
        )
        health = invoke("health", "-w", workspace.root, "--json")
        assert words in json.loads(health.stdout)["reasons"][0]
    assert invoke("run", "-w", workspace.root).exit_code == 0
    assert ledger_of(workspace) == 1
    loads = invoke(
        "sql", "FROM core.mart_loads", "-w", workspace.root, "--format", "json"
    )
    assert len(json.loads(loads.stdout)) == 2


def ledger_of(workspace: Workspace) -> Decimal:
    """Return all that is published of bills."""
    snapshot = PublishedReader(workspace.root).snapshot()
    query = "SELECT sum(billed_cost) AS c FROM cost.mart_cost_waterfall"
    [row] = snapshot.query(f"{query} WHERE step = 'ledger'").to_pylist()
    return Decimal(row["c"])


# ------------------------------------------------------------- questions to a result


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


def test_a_table_cuts_nothing(published: Path) -> None:
    long = "x" * 300
    result = invoke("sql", f"select '{long}' as a, 1.50 as b", "-w", published)

    assert long in result.stdout
    assert "1.50" in result.stdout


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


def test_what_triptych_writes_is_its_users_alone(tmp_path: Path) -> None:
    with start("init", tmp_path / "w") as process:
        process.communicate(timeout=60)
    assert modes(tmp_path / "w", "triptych.yml", "budgets.csv") == {0o600}
    assert modes(tmp_path / "w", ".", "bills", "studies") == {0o700}


def test_a_run_takes_from_others_what_was_there_before(
    published: Path, tmp_path: Path
) -> None:
    older = Path(shutil.copytree(published, tmp_path / "w"))
    for name in ("lake", "warehouse", "raw.duckdb"):
        (older / name).chmod(0o755)
    assert invoke("run", "-w", older).exit_code == 0
    assert modes(older, "lake", "warehouse", "runs") == {0o700}
    assert modes(older, "raw.duckdb") == {0o600}


def modes(folder: Path, *names: str) -> set[int]:
    return {(folder / name).stat().st_mode & 0o777 for name in names}


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


# --------------------------------------------------------------- dashboard and demo


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def until_it_answers(address: str, is_alive: Callable[[], bool]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and is_alive():
        try:
            with urlopen(address, timeout=2) as answer:  # noqa: S310  (loopback)
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{address} did not answer")


def test_the_dashboard_serves_on_loopback_until_ctrl_c(published: Path) -> None:
    port = free_port()

    with start(
        "dashboard", "--headless", "--port", str(port), "-w", published
    ) as process:
        health = until_it_answers(
            f"http://127.0.0.1:{port}/_stcore/health", lambda: process.poll() is None
        )
        with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            headers = {**page.headers}
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"http://127.0.0.1:{port}/_stcore/metrics", timeout=30)
        os.killpg(process.pid, signal.SIGINT)
        told, _ = process.communicate(timeout=60)

    assert health == "ok"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert told.startswith(f"Dashboard: http://127.0.0.1:{port} ")
    assert process.returncode == 130


def test_a_stopped_dashboard_leaves_no_server_behind(published: Path) -> None:
    port = free_port()

    with start(
        "dashboard", "--headless", "--port", str(port), "-w", published
    ) as process:
        until_it_answers(
            f"http://127.0.0.1:{port}/_stcore/health", lambda: process.poll() is None
        )
        process.terminate()
        process.communicate(timeout=60)

    assert process.returncode == 143
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_taken_port_is_refused_with_the_way_out(published: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = invoke("dashboard", "--port", str(port), "-w", published)

    assert result.exit_code == 2
    assert "name another port with --port" in result.stderr


def test_the_demo_does_not_touch_a_folder_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").touch()

    result = invoke("demo", tmp_path, "--no-dashboard")

    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.full
def test_the_demo_finds_the_models_and_does_not_simulate_twice(tmp_path: Path) -> None:
    options = ("--months", "6", "--scale", "0.05", "--no-dashboard")
    folder = tmp_path / "demo"

    first = invoke("demo", folder, *options)
    second = invoke("demo", folder, *options)
    other = invoke("demo", folder, *options, "--seed", "8")

    assert (first.exit_code, second.exit_code, other.exit_code) == (0, 0, 2)
    assert first.stdout == second.stdout
    assert first.stdout.startswith("SYNTHETIC: ")
    assert "maintenance-vision" in first.stdout
    assert "simulate the sample company: done" in first.stderr
    assert "simulate" not in second.stderr
    assert "no sample company of these options" in other.stderr
