"""A workspace without a build starts from the empty build of its version."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from triptych.core.marts.build import EngineSettings
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.gate import open_published
from triptych.core.workspace import Workspace
from triptych.run import empty_build, pipeline

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
organisation: Six rows
currency: EUR
sources:
  - {name: bills, type: focus_files, path: bill.csv}
"""
RULES = """
scope:
  - {name: all, match: {}}
assignments:
  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
"""
SIX_ROWS = "\n".join(
    [
        "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
        "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,"
        "SkuId,Tags",
        *(
            f"{day}.5,{day}.5,EUR,2026-10-01,2026-11-01,2026-10-0{day},"
            f"2026-10-0{day + 1},Usage,Azure OpenAI,Microsoft,sku-{day % 2},"
            '"{""model"": ""chat""}"'
            for day in range(1, 7)
        ),
        "",
    ]
)
#: Columns that differ between two runs of the same evidence: ids and moments.
OF_THE_RUN = ("run_id", "load_id", "_at")


def _workspace(folder: Path) -> Workspace:
    folder.mkdir()
    (folder / "triptych.yml").write_text(SETTINGS, "utf-8")
    (folder / "allocation.yml").write_text(RULES, "utf-8")
    (folder / "bill.csv").write_text(SIX_ROWS, "utf-8")
    return Workspace(folder)


def _run(workspace: Workspace) -> pipeline.RunReport:
    settings = load_settings(workspace.root)
    return pipeline.run(workspace, settings, progress=SilentProgress())


def _built(workspace: Workspace, run_id: str) -> set[str]:
    report = workspace.runs_dir / run_id / "rebuilt.json"
    return {each["name"] for each in json.loads(report.read_text("utf-8"))}


def _content(workspace: Workspace) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of each table of the build, without what is of the run."""
    content = {}
    with duckdb.connect(str(workspace.build_database), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE"
            " schema_name NOT IN ('build_state', 'control', 'estimates')"
            " AND table_name <> 'mart_run'"
        ).fetchall()
        for schema, table in sorted(tables):
            described = connection.execute(f"DESCRIBE {schema}.{table}").fetchall()
            names = [
                f'"{row[0]}"' for row in described if not row[0].endswith(OF_THE_RUN)
            ]
            if names:
                content[f"{schema}.{table}"] = sorted(
                    connection.execute(
                        f"SELECT {', '.join(names)} FROM {schema}.{table}"
                    ).fetchall(),
                    key=repr,
                )
    return content


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(empty_build, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_marts_are_those_of_a_build_from_nothing_and_few_are_built(
    tmp_path: Path, cache: Path
) -> None:
    one, other = _workspace(tmp_path / "one"), _workspace(tmp_path / "other")
    started = _run(one)
    assert [file.stat().st_mode & 0o777 for file in cache.iterdir()] == [0o600]
    pipeline.ingest(other, load_settings(other.root), progress=SilentProgress())
    whole = pipeline.build(
        other, load_settings(other.root), full=True, progress=SilentProgress()
    )
    assert _content(one) == _content(other)
    few, all_of_them = _built(one, started.run_id), _built(other, whole.run_id)
    assert "int_charges_summed" in few < all_of_them
    assert len(few) < len(all_of_them) / 2
    total = "SELECT sum(effective_cost) FROM cost.mart_focus_allocated"
    for workspace in (one, other):
        [row] = open_published(workspace.root).query(total).to_pylist()
        assert list(row.values()) == [Decimal("24")]  # 1.5 + 2.5 + … + 6.5


@pytest.mark.parametrize("harm", ["changed", "writable by others", "a link"])
def test_a_kept_build_that_cannot_be_trusted_is_not_used(
    tmp_path: Path, cache: Path, harm: str
) -> None:
    cache.mkdir()
    content = b"a build"
    kept = cache / f"{empty_build._stem()}_{empty_build._digest(content)}.duckdb"
    kept.write_bytes(content)
    kept.chmod(0o600)
    assert empty_build.kept_build() == content
    if harm == "changed":
        kept.write_bytes(b"another")
    elif harm == "writable by others":
        kept.chmod(0o622)
    else:
        kept.symlink_to(kept.rename(tmp_path / "elsewhere"))
    assert empty_build.kept_build() is None


def test_where_nothing_can_be_kept_no_empty_build_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made for a single workspace, it would cost more than it saves."""
    (tmp_path / "file").write_text("no folder", "utf-8")
    monkeypatch.setattr(empty_build, "cache_folder", lambda: tmp_path / "file")
    monkeypatch.setattr(empty_build, "_build", _left_empty)
    workspace = Workspace(tmp_path / "one")
    assert not empty_build.start_from_empty_build(workspace, EngineSettings("1GB", 1))
    assert not workspace.build_database.exists()


def test_the_build_of_a_workspace_stays(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(empty_build, "_build", _left_empty)
    workspace = Workspace(tmp_path / "one")
    assert empty_build.start_from_empty_build(workspace, EngineSettings("1GB", 1))
    assert workspace.build_database.read_bytes() == b"made"
    assert [file.read_bytes() for file in cache.iterdir()] == [b"made"]
    workspace.build_database.write_bytes(b"its own")
    assert not empty_build.start_from_empty_build(workspace, EngineSettings("1GB", 1))
    assert workspace.build_database.read_bytes() == b"its own"


def _left_empty(workspace: Workspace, _: EngineSettings) -> None:
    workspace.warehouse_dir.mkdir(parents=True)
    workspace.build_database.write_bytes(b"made")


def test_another_version_has_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    before = empty_build._stem()
    monkeypatch.setattr(empty_build, "__version__", "0.0.1")
    assert empty_build._stem() != before
