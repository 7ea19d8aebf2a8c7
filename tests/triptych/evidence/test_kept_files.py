"""Files that are gone or damaged are named, and put back from unchanged sources."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from ingest.engine.lake import open_catalogue, places_of
from tests.triptych.core.warehouse.test_bi_files import folder_of, publish_run
from tests.triptych.run.test_pipeline import go, write_workspace
from triptych.cli import app
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.bi_files import recorded_bi_files
from triptych.core.warehouse.published_checksum import write_checksum
from triptych.core.workspace import Workspace
from triptych.evidence.kept_files import (
    BI_FILE,
    LAKE_FILE,
    MANIFEST_FILE,
    PUBLISHED_FILE,
    Difference,
    missing_evidence,
    verify_evidence,
)
from triptych.evidence.repairing import repair
from triptych.evidence.scrubbing import check_some
from triptych.evidence.withdrawing import withdraw
from triptych.run.pipeline import ingest
from triptych.service.health import judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of one bill and one file of usage; only looked at."""
    root = write_workspace(tmp_path_factory.mktemp("ingested"))
    ingest(Workspace(root), load_settings(root), progress=SilentProgress())
    return root


@pytest.fixture
def workspace(ingested: Path, tmp_path: Path) -> Workspace:
    return Workspace(shutil.copytree(ingested, tmp_path / "workspace"))


def bill(workspace: Workspace) -> Path:
    (path,) = workspace.lake.glob("focus/bills/*/*/part-00000.parquet")
    return path


def flip_a_bit(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def places(differences: tuple[Difference, ...]) -> list[tuple[str, str]]:
    return sorted((each.kind, each.where) for each in differences)


def compare(workspace: Workspace, seconds: float) -> tuple[Difference, ...]:
    with open_catalogue(places_of(workspace)) as catalogue:
        return check_some(workspace, catalogue.ask, seconds)


def command(workspace: Workspace, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.root)])
    return done.exit_code, done.output


def test_an_untouched_workspace_is_as_recorded(workspace: Workspace) -> None:
    report = verify_evidence(workspace)
    assert report.differences == ()
    # Of each load a file and a manifest.
    assert report.file_count == 4
    assert report.byte_count == sum(
        path.stat().st_size for path in workspace.lake.rglob("*.parquet")
    )


def test_a_flipped_bit_is_named_and_put_back(workspace: Workspace) -> None:
    before = bill(workspace).read_bytes()
    flip_a_bit(bill(workspace))
    assert missing_evidence(workspace) == ()  # its size is the same

    code, output = command(workspace, "verify", "--evidence")
    assert code == 1
    assert f"{bill(workspace)}: The lake file has other bytes than were written." in (
        output
    )
    assert "triptych verify --evidence --repair" in output
    # From then on every command names it.
    assert places(missing_evidence(workspace)) == [(LAKE_FILE, str(bill(workspace)))]

    code, output = command(workspace, "verify", "--evidence", "--repair")
    assert (code, f"{bill(workspace)}: put back." in output) == (0, True)
    assert bill(workspace).read_bytes() == before
    assert missing_evidence(workspace) == ()


@pytest.mark.parametrize("asked", [["audit", "verify"], ["health"], ["check"]])
def test_a_lost_file_is_named_by_every_command(
    workspace: Workspace, asked: list[str]
) -> None:
    lost = bill(workspace)
    lost.unlink()
    code, output = command(workspace, *asked)
    assert code != 0
    if asked != ["health"]:
        assert f"{lost}: The lake file is gone." in output
    reasons = judge(workspace, load_settings(workspace.root)).reasons
    assert any("The lake file is gone." in reason for reason in reasons)


def test_a_run_names_a_lost_file(workspace: Workspace) -> None:
    go(workspace.root)
    (usage,) = workspace.lake.glob("model_usage/usage/*/*/part-00000.parquet")
    usage.unlink()
    code, output = command(workspace, "run")
    assert f"warning: {usage}: The lake file is gone." in output
    assert code == 3
    (record,) = [
        json.loads(path.read_text("utf-8"))
        for path in workspace.runs_dir.glob("*/run.json")
        if "The lake file is gone" in path.read_text("utf-8")
    ]
    assert record["state"] == "unchanged"


def test_a_manifest_is_compared_and_written_again(workspace: Workspace) -> None:
    manifest = bill(workspace).with_name("manifest.json")
    before = manifest.read_bytes()
    manifest.write_bytes(before.replace(b'"row_count":5', b'"row_count":4'))
    assert manifest.read_bytes() != before
    differences = verify_evidence(workspace).differences
    assert places(differences) == [(MANIFEST_FILE, str(manifest))]

    manifest.unlink()
    assert places(missing_evidence(workspace)) == [(MANIFEST_FILE, str(manifest))]
    done = repair(workspace, load_settings(workspace.root), progress=SilentProgress())
    assert done.repaired == (str(manifest),)
    assert done.evidence.differences == ()


def test_what_the_source_no_longer_has_is_left_to_a_backup(
    workspace: Workspace,
) -> None:
    lost = bill(workspace)
    lost.unlink()
    march = workspace.root / "bills/march.csv"
    march.write_text(march.read_text().replace("10.00", "11.00"))
    done = repair(workspace, load_settings(workspace.root), progress=SilentProgress())
    assert done.repaired == ()
    assert places(done.evidence.differences) == [(LAKE_FILE, str(lost))]
    assert "restore this file from a backup" in done.evidence.differences[0].next_step


def test_a_withdrawn_load_may_be_gone(workspace: Workspace) -> None:
    lost = bill(workspace)
    lost.unlink()
    withdraw(workspace, lost.parent.name, because="its file was lost")
    assert verify_evidence(workspace).differences == ()


def test_published_and_bi_files_are_compared(workspace: Workspace) -> None:
    published = publish_run(workspace.root, "run-1")
    write_checksum(published, workspace.root)
    folder = folder_of(workspace.root)
    folder.refresh(published)
    recorded = list(recorded_bi_files(folder.current))
    assert len(recorded) == 3
    assert all(checksum for _, _, checksum in recorded)
    assert verify_evidence(workspace).differences == ()

    damaged = [published, folder.current / "cost/costs.parquet"]
    for path in damaged:
        flip_a_bit(path)
    # A later run links what has not changed, and its checksum with it.
    folder.refresh(publish_run(workspace.root, "run-2"))
    assert places(verify_evidence(workspace).differences) == [
        (BI_FILE, str(damaged[1])),
        (PUBLISHED_FILE, str(published)),
    ]
    assert (folder.current / "tables.json").read_text().count("run-2") == 1
    settings = load_settings(workspace.root)
    done = repair(workspace, settings, progress=SilentProgress())
    assert done.repaired == (str(damaged[1]),)


def rounds(workspace: Workspace, seconds: float, most: int) -> Iterator[int]:
    state = workspace.runs_dir / "evidence.json"
    for number in range(most):
        # Runs of so few seconds have to save up for the queries besides.
        saved = json.loads(state.read_text()) | {"saved_seconds": 0}
        state.write_text(json.dumps(saved))
        if compare(workspace, seconds):
            yield number


def test_runs_spend_one_hundredth_of_their_time(workspace: Workspace) -> None:
    asked: list[str] = []
    with open_catalogue(places_of(workspace)) as catalogue:

        def ask(sql: str) -> list[tuple[Any, ...]]:
            asked.append(sql)
            return catalogue.ask(sql)

        check_some(workspace, ask, 0.001)
        first = len(asked)
        assert first == 2
        # It spent more than the 10 microseconds of each of these: no byte is read.
        for _ in range(10):
            check_some(workspace, ask, 0.001)
        assert len(asked) == first + 10
        # One long run pays it back.
        check_some(workspace, ask, 500)
        assert len(asked) == first + 12


def test_runs_find_a_flipped_bit_in_turn(workspace: Workspace) -> None:
    compare(workspace, 1)
    flip_a_bit(bill(workspace))
    # As rot does: its times stay.
    state = workspace.runs_dir / "evidence.json"
    output = json.loads(state.read_text())
    state.write_text(json.dumps(output | {"at_ns": 2**62, "credit": 0}))
    size = bill(workspace).stat().st_size
    # A run reads at most one hundredth of 150 MB a second: here a quarter of the file.
    seconds = size / 4 / 150_000_000 * 100
    assert next(rounds(workspace, seconds, 30)) in range(1, 30)
    assert places(missing_evidence(workspace)) == [(LAKE_FILE, str(bill(workspace)))]


def test_what_was_written_since_the_last_run_is_read_first(
    workspace: Workspace,
) -> None:
    compare(workspace, 10)
    (usage,) = workspace.lake.glob("model_usage/usage/*/*/part-00000.parquet")
    flip_a_bit(usage)
    assert places(compare(workspace, 10)) == [(LAKE_FILE, str(usage))]
