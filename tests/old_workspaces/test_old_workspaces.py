"""Workspaces of earlier versions, opened by this one.

Each was built by the commands of its version (``build.sh``): four invoiced months, two
of them closed, an accrual, a comment and a registered study.
"""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest

from triptych.core.lake import audit_log, lake_log
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.gate import open_published
from triptych.core.workspace import Workspace
from triptych.evidence.recovering import recover
from triptych.month.auditing import verify
from triptych.run import pipeline
from triptych.run.upgrading import UPGRADED

#: Of each version one archive of evidence and one of the warehouse.
ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
VERSIONS = sorted({path.name.partition(".")[0] for path in ARCHIVES})
CLOSED = ("2026-03", "2026-04")
#: 31 and 30 days of 12.50 + 7.25 + 3.10 EUR.
INVOICED = {"2026-03": "708.35", "2026-04": "685.50"}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", params=VERSIONS)
def upgraded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, dict[str, str], list[str]]:
    """Return a workspace after two runs, its locked files before, and doubts before."""
    root = tmp_path_factory.mktemp("old")
    for path in ARCHIVES:
        if path.name.startswith(f"{request.param}."):
            with tarfile.open(path) as archive:
                archive.extractall(root, filter="data")
    workspace = Workspace(root)
    before = locked_files(workspace)
    doubts = [doubt.what for doubt in verify(workspace).doubts]
    settings = load_settings(root)
    pipeline.run(workspace, settings, progress=SilentProgress())
    return workspace, before, doubts


def locked_files(workspace: Workspace) -> dict[str, str]:
    return {
        str(path.relative_to(workspace.root)): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(workspace.locked_dir.rglob("*"))
        if path.is_file()
    }


def test_there_is_a_workspace_of_each_released_state() -> None:
    assert VERSIONS == ["637af10", "68e3934c", "c0c91fc0", "d811b57"]


def test_a_second_run_does_nothing(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    workspace, _, _ = upgraded
    report = pipeline.run(
        workspace, load_settings(workspace.root), progress=SilentProgress()
    )
    assert report.build.is_unchanged
    assert not report.ingest.committed


def test_closed_months_are_as_they_were_closed(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    workspace, before, _ = upgraded
    assert before
    assert locked_files(workspace) == before
    rows = open_published(workspace.root).query(
        "select billing_month, sum(effective_cost)::decimal(18, 2)::varchar"
        " from cost.fct_daily_model_costs group by 1 order by 1"
    )
    found = dict(zip(*[column.to_pylist() for column in rows.columns], strict=True))
    assert {month: found[month] for month in CLOSED} == INVOICED


def test_software_adjusts_no_closed_month(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    workspace, _, _ = upgraded
    rows = open_published(workspace.root).query(
        "select * from cost.mart_period_adjustments"
    )
    assert rows.num_rows == 0


def test_programs_of_its_version_refuse_it_from_there_on(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    """Earlier programs refuse an unknown setting before they open anything else."""
    workspace, _, _ = upgraded
    (backup,) = (workspace.root / "backups").iterdir()
    theirs = (backup / "triptych.yml").read_bytes()
    assert workspace.settings_file.read_bytes() == theirs + b"format: 3\n"
    upgrades = [
        entry.detail["backup"]
        for entry in audit_log.entries_of(lake_log.read_log(workspace.lake))
        if entry.event == UPGRADED
    ]
    assert upgrades == [backup.name]


def test_its_catalogue_can_be_rebuilt_from_the_lake(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    workspace, _, _ = upgraded
    assert not recover(workspace, is_applied=False).unrecorded


def test_no_doubt_before_and_after(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    workspace, _, doubts = upgraded
    assert not doubts
    assert not verify(workspace).doubts


def test_the_study_the_comment_and_the_accrual_are_kept(
    upgraded: tuple[Workspace, dict[str, str], list[str]],
) -> None:
    workspace, _, _ = upgraded
    published = open_published(workspace.root)
    counts = published.query(
        "select (select count(*) from attribution.studies where study_id = 'planning'),"
        " (select count(*) from cost.mart_period_comments"
        "  where comment_text = 'Prices as agreed'),"
        " (select count(*) from cost.mart_accruals where billing_month = '2026-07')"
    )
    assert [column[0].as_py() for column in counts.columns] == [1, 1, 1]
