"""Superseded loads are removed when nothing needs them, and only when asked to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.ingest.engine.test_runner import ask, ingest_all, rates, write_rates
from triptych.core.errors import RunLockedError, TriptychError, UsageError
from triptych.core.lake import audit_log
from triptych.core.lake.audit_log import AuditLogError
from triptych.core.lake.manifests import MANIFEST
from triptych.core.lake.superseded_loads import read_superseded_loads
from triptych.core.lock import hold_run_lock
from triptych.core.warehouse.explained_models import _TABLES
from triptych.core.warehouse.locks import CLOSED
from triptych.core.workspace import Workspace
from triptych.evidence.pruning import IN_A_CLOSED_MONTH, READ_BY_A_PUBLISHED_RUN, prune


def deliver(root: Path, number: int) -> None:
    """Deliver one file anew, of a rate of ``number`` + 0.5."""
    write_rates(root / "rates", 1)
    file = root / "rates/rate-0000.csv"
    file.write_text(file.read_text().replace(",1.5", f",{number}.5"))
    ingest_all(root, [rates(root, "rates")], f"run-{number}")


def publish(root: Path, run_id: str) -> None:
    """Write down which loads a run is made of, by the very statements of a publish."""
    folder = root / "warehouse/published"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(folder / f"{run_id}.duckdb")) as connection:
        connection.execute(f"ATTACH '{root / 'raw.duckdb'}' AS raw (READ_ONLY)")
        connection.execute("CREATE SCHEMA lineage")
        connection.execute(_TABLES)
        connection.execute("DETACH raw")


def close_month(root: Path, *load_ids: str) -> None:
    with duckdb.connect(str(root / "raw.duckdb")) as raw:
        detail: dict[str, object] = {
            "lock_id": "lock",
            "billing_month": "2026-01",
            "actor": "Ana",
            "approver": "Ben",
            "reason": None,
            "content_hash": "",
            "marts": [],
            "published_run_id": "run",
            "files": {},
            "load_ids": load_ids,
        }
        audit_log.append(raw, CLOSED, detail, root=root)


def folders(root: Path) -> list[str]:
    """Return the loads that have files besides the manifest that each keeps."""
    loads = root / "lake/fx_rates/rates/all"
    assert all((load / MANIFEST).is_file() for load in loads.iterdir())
    return sorted({path.parent.name for path in loads.glob("*/part-*")})


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four loads of one scope; the first three are superseded."""
    root = tmp_path_factory.mktemp("delivered")
    for number in range(1, 5):
        deliver(root, number)
    return root


@pytest.fixture
def workspace(delivered: Path, tmp_path: Path) -> Workspace:
    """Return a copy of it."""
    return Workspace(Path(shutil.copytree(delivered, tmp_path / "workspace")))


ALL = [f"run-{number}-00001" for number in range(1, 5)]


def test_a_dry_run_says_what_can_go_and_changes_nothing(workspace: Workspace) -> None:
    before = (workspace.raw_database.read_bytes(), folders(workspace.root))
    report = prune(workspace)
    assert list(report.load_ids) == ALL[:3]
    [source] = report.sources
    assert (source.source, source.stream, source.load_count) == ("rates", "fx_rates", 3)
    assert source.byte_count == report.byte_count > 0
    assert not report.is_applied
    assert (workspace.raw_database.read_bytes(), folders(workspace.root)) == before


def test_a_removal_leaves_the_current_load_and_says_why_in_the_log(
    workspace: Workspace,
) -> None:
    report = prune(workspace, is_applied=True, because=" disk is full ")
    assert report.is_applied
    assert folders(workspace.root) == ALL[3:]
    assert ask(workspace.root, "SELECT rate FROM evidence.fx_rates") == [(4.5,)]
    with duckdb.connect(str(workspace.raw_database), read_only=True) as raw:
        entries = audit_log.read_verified(raw)
    assert entries[-1].event == "loads_pruned"
    assert entries[-1].entry_hash == report.audit_log_hash
    assert entries[-1].detail == {
        "reason": "disk is full",
        "byte_count": report.byte_count,
        "load_ids": ALL[:3],
    }
    # What they were stays on record, and nothing comes back or goes twice.
    assert ask(
        workspace.root,
        "SELECT load_id, status, row_count, len(files) FROM catalogue.loads ORDER BY 1",
    ) == [
        *((load_id, "superseded", 1, 0) for load_id in ALL[:3]),
        (ALL[3], "current", 1, 1),
    ]
    again = prune(workspace, is_applied=True, because="once more")
    assert (again.load_ids, again.is_applied) == ((), False)
    ingested = ingest_all(workspace.root, [rates(workspace.root, "rates")], "run-5")
    assert ingested.committed == []


def test_what_a_kept_published_run_reads_stays(workspace: Workspace) -> None:
    publish(workspace.root, "a-run-of-load-4")
    deliver(workspace.root, 5)
    publish(workspace.root, "a-run-of-load-5")
    report = prune(workspace, is_applied=True, because="tidy")
    assert report.kept == {READ_BY_A_PUBLISHED_RUN: 1}
    assert folders(workspace.root) == [ALL[3], "run-5-00001"]
    # The views that the older file keeps still read their very files.
    path = workspace.published_dir / "a-run-of-load-4.duckdb"
    with duckdb.connect(str(path), read_only=True) as published:
        [(sql,)] = published.execute(
            "SELECT sql FROM lineage.evidence WHERE stream = 'fx_rates'"
        ).fetchall()
    with duckdb.connect() as reader:
        reader.execute(f"SET file_search_path = '{workspace.root}'")
        body = str(sql).split(" AS ", 1)[1].rstrip().rstrip(";")
        assert reader.execute(f"SELECT rate FROM ({body})").fetchall() == [(4.5,)]
    path.unlink()
    assert prune(workspace).load_ids == (ALL[3],)


def test_a_file_without_a_list_of_loads_is_asked_by_its_views(
    workspace: Workspace,
) -> None:
    publish(workspace.root, "old")
    path = workspace.published_dir / "old.duckdb"
    with duckdb.connect(str(path)) as published:
        published.execute("DROP TABLE lineage.load_months")
        published.execute("DROP TABLE lineage.loads")
    deliver(workspace.root, 5)
    assert prune(workspace).kept == {READ_BY_A_PUBLISHED_RUN: 1}


def test_what_a_closed_month_consisted_of_stays_until_it_is_reopened(
    workspace: Workspace,
) -> None:
    close_month(workspace.root, ALL[1])
    report = prune(workspace, is_applied=True, because="tidy")
    assert report.kept == {IN_A_CLOSED_MONTH: 1}
    assert folders(workspace.root) == [ALL[1], ALL[3]]
    with duckdb.connect(str(workspace.raw_database)) as raw:
        detail = {"billing_month": "2026-01"}
        audit_log.append(raw, "period_reopened", detail, root=workspace.root)
    assert prune(workspace).load_ids == (ALL[1],)


def test_files_that_an_interrupted_removal_left_go_with_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("triptych.evidence.pruning.write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(workspace, is_applied=True, because="tidy")
    assert folders(workspace.root) == ALL
    prune(workspace, is_applied=True, because="tidy")
    assert folders(workspace.root) == ALL[3:]


def test_nothing_is_removed_without_a_reason_or_under_a_run_or_from_a_broken_log(
    workspace: Workspace,
) -> None:
    with pytest.raises(UsageError, match="reason"):
        prune(workspace, is_applied=True, because="  ")
    with hold_run_lock(workspace.lock_file), pytest.raises(RunLockedError):
        prune(workspace, is_applied=True, because="tidy")
    workspace.published_dir.mkdir(parents=True)
    (workspace.published_dir / "damaged.duckdb").write_bytes(b"no database")
    with pytest.raises(TriptychError, match="cannot be read"):
        prune(workspace, is_applied=True, because="tidy")
    (workspace.published_dir / "damaged.duckdb").unlink()
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute("UPDATE catalogue.audit_log SET detail = ?", [json.dumps({})])
    with pytest.raises(AuditLogError):
        prune(workspace, is_applied=True, because="tidy")
    assert folders(workspace.root) == ALL


def test_a_workspace_that_was_never_ingested_has_nothing_to_remove(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    assert read_superseded_loads(workspace) == []
    assert prune(workspace).load_ids == ()
