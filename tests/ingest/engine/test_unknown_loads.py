"""Evidence is not removed because its catalogue was lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.triptych.run.test_pipeline import write_workspace
from triptych.core.errors import TriptychError
from triptych.core.file_names import literal
from triptych.core.lake.evidence_views import UnreadableLoadError
from triptych.core.lake.lake_log import StaleCatalogueError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.evidence.recovering import recover
from triptych.evidence.withdrawing import withdraw
from triptych.run.pipeline import build, ingest, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def ingested(root: Path) -> Workspace:
    root.mkdir()
    workspace = Workspace(write_workspace(root))
    take_in(workspace)
    return workspace


def take_in(workspace: Workspace) -> None:
    ingest(workspace, load_settings(workspace.root), progress=SilentProgress())


def files_of(workspace: Workspace) -> set[Path]:
    return {path for path in workspace.lake.rglob("*") if path.is_file()}


def rows_of_evidence(workspace: Workspace) -> int:
    with duckdb.connect(str(workspace.raw_database), read_only=True) as connection:
        root = literal(str(workspace.root))
        connection.execute(f"SET file_search_path = {root}")
        return len(connection.execute("FROM evidence.focus").fetchall())


@pytest.mark.parametrize("act", [ingest, build, run], ids=lambda act: act.__name__)
@pytest.mark.parametrize(
    ("with_log", "message"),
    [
        (True, r"raw\.duckdb is lost: the lake's audit log has 2 entries"),
        (False, r"2 loads .* that raw\.duckdb does not know"),
    ],
    ids=["log", "no log"],
)
def test_a_lost_catalogue_stops_every_act_and_nothing_is_removed(
    tmp_path: Path, act: Callable[..., object], message: str, *, with_log: bool
) -> None:
    workspace = ingested(tmp_path / "workspace")
    if not with_log:
        (workspace.lake / "audit_log.jsonl").unlink()
        (workspace.lake / "audit_head.json").unlink()
    evidence = files_of(workspace)
    workspace.raw_database.unlink()
    with pytest.raises(TriptychError, match=message) as refused:
        act(workspace, load_settings(workspace.root), progress=SilentProgress())
    assert "triptych recover" in refused.value.next_step
    assert files_of(workspace) == evidence


def test_a_load_that_lost_its_file_is_named_until_it_is_restored_or_taken_back(
    tmp_path: Path,
) -> None:
    workspace = ingested(tmp_path / "workspace")
    [part] = workspace.lake.glob("focus/*/*/*/*.parquet")
    load_id, kept = part.parent.name, tmp_path / "part"
    march = workspace.root / "bills" / "march.csv"
    text = march.read_text("utf-8")
    march.with_name("april.csv").write_text(text.replace("2026-03", "2026-04"))
    shutil.move(part, kept)
    for content, why in ((None, "gone"), ("x", "small")):
        if content is not None:
            part.write_text(content)
        with pytest.raises(UnreadableLoadError, match=why) as refused:
            take_in(workspace)
        assert part.name in refused.value.where
        assert f"triptych withdraw {load_id}" in refused.value.next_step
    withdraw(workspace, load_id, because="its file is lost")
    take_in(workspace)
    assert len(list(workspace.lake.glob("focus/*/*/*/*.parquet"))) == 2


def test_two_loads_that_lost_their_files_are_taken_back_one_by_one(
    tmp_path: Path,
) -> None:
    workspace = ingested(tmp_path / "workspace")
    march = workspace.root / "bills" / "march.csv"
    text = march.read_text("utf-8")
    march.with_name("april.csv").write_text(text.replace("2026-03", "2026-04"))
    take_in(workspace)
    parts = sorted(workspace.lake.glob("focus/*/*/*/*.parquet"))
    for part in parts:
        part.unlink()
    first, second = (part.parent.name for part in parts)
    withdraw(workspace, first, because="its file is lost")
    with pytest.raises(duckdb.Error, match=f"triptych withdraw {second}"):
        rows_of_evidence(workspace)
    withdraw(workspace, second, because="its file is lost")
    assert rows_of_evidence(workspace) == 0


def test_a_folder_that_no_commit_followed_is_set_aside(tmp_path: Path) -> None:
    """An older version crashed on this workspace after it had moved a folder."""
    workspace = ingested(tmp_path / "workspace")
    row_count = rows_of_evidence(workspace)
    folder = workspace.lake / "focus" / "bills" / "all" / "20260101T000000Z-dead-00001"
    folder.mkdir()
    (folder / "part-00000.parquet").write_bytes(b"half a load")
    with pytest.raises(TriptychError, match="does not know"):
        take_in(workspace)
    report = recover(workspace)
    assert report.uncommitted == (folder.name,)
    kept = workspace.lake / ".uncommitted" / folder.name / "part-00000.parquet"
    assert kept.read_bytes() == b"half a load"
    assert rows_of_evidence(workspace) == row_count
    take_in(workspace)


def test_a_catalogue_older_than_the_lake_stops_until_the_right_one_is_back(
    tmp_path: Path,
) -> None:
    workspace = ingested(tmp_path / "workspace")
    older, newer = tmp_path / "older.duckdb", tmp_path / "newer.duckdb"
    shutil.copy(workspace.raw_database, older)
    march = workspace.root / "bills" / "march.csv"
    text = march.read_text("utf-8")
    (march.with_name("april.csv")).write_text(text.replace("2026-03", "2026-04"))
    take_in(workspace)
    evidence = files_of(workspace)
    # Each with its manifest; the log, its head, the sources, the format.
    assert len(evidence) == 3 + 3 + 4
    shutil.move(workspace.raw_database, newer)
    shutil.copy(older, workspace.raw_database)
    with pytest.raises(StaleCatalogueError, match="older than the lake"):
        take_in(workspace)
    assert files_of(workspace) == evidence
    shutil.copy(newer, workspace.raw_database)
    take_in(workspace)
    assert files_of(workspace) == evidence
