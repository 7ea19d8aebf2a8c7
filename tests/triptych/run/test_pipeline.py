"""The order of a run, on a small workspace of real files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.campaigns.failing_disk import Changes, Disk
from tests.chosen_marts import ingest_and_build
from tests.dbt.conftest import build_empty_workspace
from tests.layers import in_full
from triptych.core.errors import RunLockedError, SourceError, TransformError, UsageError
from triptych.core.lake.catalogue_file import connect
from triptych.core.lock import hold_run_lock
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import NothingPublishedError, PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import build, ingest, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,ResourceId,Tags\n"
)
USAGE = "date,model,pool,requests,successes,input_tokens,output_tokens,gpu_hours\n"
SETTINGS = """\
organisation: Example
currency: EUR
warehouse: {keep_runs: 2}
sources:
  - {name: bills, type: focus_files, path: bills}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
"""
RULES = """\
scope:
  - {name: not ours, match: {service_name: Mail}, in_scope: false}
  - {name: the rest, match: {}}
assignments:
  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
  - {name: gpu, match: {service_name: GPU}, pool: gpu}
pools:
  - {name: gpu, driver: gpu_hours}
"""


def charge(cost: str, service: str, *, tags: str = "{}", resource: str = "r-1") -> str:
    """One charge of 5 March 2026."""
    quoted = tags.replace('"', '""')
    return (
        f"{cost},{cost},EUR,2026-03-01,2026-03-05,2026-03-06,Usage,{service},"
        f'{resource},"{quoted}"\n'
    )


def write_workspace(folder: Path) -> Path:
    (folder / "bills").mkdir()
    (folder / "bills" / "march.csv").write_text(
        HEADER
        + charge("10.00", "API", tags='{"model": "eta"}', resource="r-eta")
        + charge("20.00", "API", tags='{"model": "vision"}')
        + charge("100.00", "GPU")
        + charge("7.00", "Mail")
        + charge("3.00", "Storage")
    )
    (folder / "usage.csv").write_text(
        USAGE
        + "2026-03-05,eta,gpu,1000,990,500000,500000,1\n"
        + "2026-03-05,vision,gpu,500,500,0,0,2\n"
    )
    (folder / "triptych.yml").write_text(SETTINGS)
    (folder / "allocation.yml").write_text(RULES)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace that has never been run."""
    return write_workspace(tmp_path)


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that workspace after its first run; only looked at."""
    folder = write_workspace(tmp_path_factory.mktemp("run_once"))
    go(folder)
    return folder


@pytest.fixture
def published(run_once: Path, tmp_path: Path) -> Path:
    """Return a copy of it to go on from."""
    return shutil.copytree(run_once, tmp_path / "workspace")


def go(root: Path, *, keep_going: bool = False) -> None:
    run(
        Workspace(root),
        load_settings(root),
        keep_going=keep_going,
        progress=SilentProgress(),
    )


def ask(root: Path, sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = (
        PublishedReader(root).snapshot().query(sql).to_pylist()
    )
    return rows


def test_the_first_run_answers_what_each_model_costs(run_once: Path) -> None:
    """100.00 by GPU hours 1 to 2: 33.3333333333 and 66.6666666667, to the last unit.

    An hour of a GPU has one price for both, and no bill has a line for tokens.
    """
    root = run_once
    assert ask(
        root,
        "SELECT model_id, direct_cost, shared_cost, fully_loaded_cost,"
        " cost_per_thousand_requests, token_cost_per_million_tokens,"
        " gpu_cost_per_gpu_hour, token_cost_reason"
        " FROM cost.mart_model_unit_costs ORDER BY model_id",
    ) == [
        {
            "model_id": "eta",
            "direct_cost": Decimal(10),
            "shared_cost": Decimal("33.3333333333"),
            "fully_loaded_cost": Decimal("43.3333333333"),
            "cost_per_thousand_requests": 43.3333333333,
            "token_cost_per_million_tokens": None,
            "gpu_cost_per_gpu_hour": 33.3333333333,
            "token_cost_reason": "no line of a bill is for it",
        },
        {
            "model_id": "vision",
            "direct_cost": Decimal(20),
            "shared_cost": Decimal("66.6666666667"),
            "fully_loaded_cost": Decimal("86.6666666667"),
            "cost_per_thousand_requests": 173.3333333334,
            "token_cost_per_million_tokens": None,
            "gpu_cost_per_gpu_hour": 33.33333333335,
            "token_cost_reason": "no line of a bill is for it",
        },
    ]
    assert ask(
        root,
        "SELECT step, billed_cost FROM cost.mart_cost_waterfall ORDER BY step_order",
    ) == [
        {"step": "ledger", "billed_cost": Decimal(140)},
        {"step": "out_of_scope", "billed_cost": Decimal(7)},
        {"step": "direct", "billed_cost": Decimal(30)},
        {"step": "shared", "billed_cost": Decimal(100)},
        {"step": "unallocated", "billed_cost": Decimal(3)},
    ]


def test_a_figure_drills_down_to_its_line_items(
    published: Path,
) -> None:
    root = published
    (root / "bills" / "march.csv").write_text(HEADER + charge("1.00", "API"))
    snapshot = PublishedReader(root).snapshot()
    rows = snapshot.query_line_items(
        "SELECT resource_id, service_name, rule_name, billed_cost FROM line_items"
        " WHERE model_id = 'eta'"
    ).to_pylist()
    assert rows == [
        {
            "resource_id": "r-eta",
            "service_name": "API",
            "rule_name": "tag",
            "billed_cost": Decimal(10),
        }
    ]


def test_a_restated_file_moves_the_figures(
    published: Path,
) -> None:
    root = published
    (root / "bills" / "march.csv").write_text(
        HEADER + charge("11.00", "API", tags='{"model": "eta"}')
    )
    marts = ingest_and_build(root, "cost.fct_daily_model_costs")
    assert marts.query(
        "SELECT model_id, billed_cost FROM cost.fct_daily_model_costs"
    ).to_pylist() == [{"model_id": "eta", "billed_cost": Decimal(11)}]


@pytest.mark.full  # fast: test_keep_going_publishes_… of cli/test_run_command.py
def test_a_failed_source_publishes_nothing_unless_told_to_go_on(
    published: Path,
) -> None:
    root = published
    before = PublishedReader(root).snapshot().run_id
    (root / "bills" / "april.csv").write_text("a,b\n1,2\n")
    (root / "usage.csv").write_text(USAGE + "2026-03-05,eta,gpu,1,1,1,1,1\n")
    with pytest.raises(SourceError, match="mandatory columns"):
        go(root)
    assert PublishedReader(root).snapshot().run_id == before
    go(root, keep_going=True)
    assert PublishedReader(root).snapshot().run_id != before


@pytest.mark.parametrize("at", [37, *in_full(1, 13, 25, 49)])
def test_what_a_full_disk_kept_from_landing_moves_no_figure_and_lands_once(
    published: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Wherever the disk fills up on the way from the lock of a run to its build."""
    root = published
    before = PublishedReader(root).snapshot()
    rows = before.query("FROM cost.fct_daily_model_costs").to_pylist()
    text = HEADER + charge("11.00", "API", tags='{"model": "eta"}')
    (root / "bills" / "march.csv").write_text(text)
    with monkeypatch.context() as patch:
        Changes(Disk("full", at)).install(patch.setattr)
        with pytest.raises(OSError, match="No space left"):
            go(root)
    assert PublishedReader(root).snapshot().run_id == before.run_id
    assert ask(root, "FROM cost.fct_daily_model_costs") == rows
    ingest(Workspace(root), load_settings(root), progress=SilentProgress())
    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        counted = raw.execute('SELECT sum("BilledCost") FROM evidence.focus').fetchone()
    assert counted == (Decimal(11),)


def test_evidence_that_vanished_fails_the_build_and_leaves_what_is_published(
    published: Path,
) -> None:
    root = published
    before = PublishedReader(root).snapshot().run_id
    for part in (root / "lake" / "focus").rglob("*.parquet"):
        part.unlink()
    (root / "allocation.yml").write_text(RULES.replace("name: tag", "name: tags"))
    with pytest.raises(TransformError, match="No files found"):
        build(Workspace(root), load_settings(root), progress=SilentProgress())
    assert PublishedReader(root).snapshot().run_id == before
    records = [
        json.loads(path.read_text()) for path in (root / "runs").glob("*/run.json")
    ]
    assert sorted(record["state"] for record in records) == ["failed", "published"]


def test_a_workspace_without_sources_builds_empty_marts(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(NothingPublishedError):
        PublishedReader(tmp_path / "new").snapshot()
    root = built_workspaces.copy(
        "empty_workspace", build_empty_workspace, tmp_path / "built"
    )
    assert ask(root, "SELECT * FROM cost.fct_daily_model_costs") == []
    assert ask(root, "SELECT organisation, currency FROM core.mart_run") == [
        {"organisation": "Nobody", "currency": "USD"}
    ]


def test_only_the_newest_published_files_are_kept(published: Path) -> None:
    """The third is made: the first goes."""
    root = published
    folder = Workspace(root).published_dir
    [second] = folder.glob("*.duckdb")
    first = folder / "20200101T000000000000Z-0001.duckdb"
    shutil.copy(second, first)
    other_name = SETTINGS.replace("organisation: Example", "organisation: Other")
    (root / "triptych.yml").write_text(other_name)
    build(Workspace(root), load_settings(root), progress=SilentProgress())
    assert not first.exists()
    assert second.exists()
    names = sorted(path.name for path in folder.glob("*.duckdb"))
    assert len(names) == 2
    pointer = (root / "warehouse" / "CURRENT").read_text().strip()
    assert pointer == f"published/{names[-1]}"


def test_a_second_run_is_told_who_holds_the_workspace(root: Path) -> None:
    workspace = Workspace(root)
    holding = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from triptych.core.lock import hold_run_lock\n"
            "with hold_run_lock(pathlib.Path(sys.argv[1])):\n"
            "    print('held', flush=True); sys.stdin.read()",
            str(workspace.lock_file),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "held\n"
        with pytest.raises(RunLockedError, match=f"process {holding.pid}"):
            go(root)
    finally:
        holding.kill()
        holding.communicate()
    with hold_run_lock(workspace.lock_file):
        pass


def test_an_unknown_source_is_named_with_the_known_ones(root: Path) -> None:
    with pytest.raises(UsageError, match=r"'bill'.*bills, usage"):
        ingest(
            Workspace(root),
            load_settings(root),
            sources=("bill",),
            progress=SilentProgress(),
        )
