"""A catalogue that was lost, rolled back or damaged is made anew from the lake.

The company of ``closing_case`` closes March, and goes through a history of late
charges, rows that cannot be read, other meters, comments and removals. At each of its
moments its catalogue is lost, set back or damaged: nothing runs until it is recovered,
and what is recovered is what was lost, to the last row, so that the history goes on.
"""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.dbt.test_random_histories import differences
from tests.e2e.cases.closing_case import (
    APRIL,
    CLOSED,
    MARCH,
    USAGE,
    ClosingCase,
    charge,
    copy_of_closed_company,
)
from tests.e2e.test_exports_of_a_closed_month import exported
from tests.layers import IS_FULL
from triptych.core.errors import TriptychError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.locks import CommentText
from triptych.evidence import pruning, recovering
from triptych.month.commenting import comment
from triptych.run import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

pytestmark = pytest.mark.timeout(1800)

TABLES = (
    *("loads", "files_in_place", "files_at_rest", "load_totals", "quarantine"),
    *("sources", "audit_log"),
)
Content = dict[str, list[tuple[Any, ...]]]


def content_of(case: ClosingCase) -> Content:
    """Return every row of the catalogue, and the views of evidence."""
    with duckdb.connect(str(case.workspace.raw_database), read_only=True) as raw:
        content = {
            table: raw.execute(f"FROM catalogue.{table} ORDER BY ALL").fetchall()
            for table in TABLES
        }
        content["views"] = raw.execute(
            "SELECT view_name, sql FROM duckdb_views() WHERE schema_name = 'evidence'"
            " ORDER BY ALL"
        ).fetchall()
    return content


def take_in(case: ClosingCase) -> None:
    """Load what came in; in the full layer, publish figures of it as well."""
    if IS_FULL:
        case.run()
    else:
        case.ingest()


def late_charge(case: ClosingCase, draw: random.Random) -> None:
    late = charge(f"{draw.randrange(1, 900)}.25", "API", model="eta", bill="2026-03")
    case.bill("2026-03", *MARCH, late)
    take_in(case)


def unreadable_row(case: ClosingCase, draw: random.Random) -> None:
    bad = charge(f"many{draw.randrange(99)}", "API", day="2026-04-05", bill="2026-04")
    case.bill("2026-04", *APRIL, *APRIL, bad)
    take_in(case)


def other_meter(case: ClosingCase, draw: random.Random) -> None:
    hours = draw.randrange(1, 900)
    case.write("usage.csv", USAGE.replace(",0,0,2\n", f",0,0,{hours}\n"))
    take_in(case)


def said(case: ClosingCase, draw: random.Random) -> None:
    text = f"Seen {draw.randrange(99)} times"
    comment(
        case.workspace,
        load_settings(case.root),
        CommentText(CLOSED, "Ana Lima", text),
        progress=SilentProgress(),
    )


def removal(case: ClosingCase, draw: random.Random) -> None:
    del draw
    pruning.prune(case.workspace, is_applied=True, because="old")


ACTS: tuple[Callable[[ClosingCase, random.Random], None], ...] = (
    *(late_charge, unreadable_row, other_meter, said, removal),
)
#: Moments at which a catalogue is lost: one after each act, in the full layer 100.
MOMENTS = 100 if IS_FULL else len(ACTS)
#: Bases and versions of what is exported before and after, all in the full layer.
EXPORTED = () if IS_FULL else (("billed",), ("1.4",))


def lose(case: ClosingCase, earlier: Path, draw: random.Random) -> None:
    del earlier, draw
    case.workspace.raw_database.unlink()


def set_back(case: ClosingCase, earlier: Path, draw: random.Random) -> None:
    del draw
    shutil.copy(earlier, case.workspace.raw_database)


def damage(case: ClosingCase, earlier: Path, draw: random.Random) -> None:
    del earlier
    content = bytearray(case.workspace.raw_database.read_bytes())
    place = draw.randrange(12)
    content[place : place + 4096] = bytes(4096)
    case.workspace.raw_database.write_bytes(content)


@pytest.fixture(scope="module")
def closed(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("closed")
    return copy_of_closed_company(built_workspaces, folder / "company")


def test_whenever_a_catalogue_is_lost_the_lake_gives_it_again(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    before = exported(case.root, tmp_path / "before", *EXPORTED)
    draw = random.Random(18)
    earlier = tmp_path / "earlier.duckdb"
    for number in range(MOMENTS):
        shutil.copy(case.workspace.raw_database, earlier)
        act = ACTS[number % len(ACTS)]
        act(case, draw)
        known = content_of(case)
        evidence = _files(case)
        for harm in draw.sample((lose, set_back, damage), 3 if IS_FULL else 1):
            harm(case, earlier, draw)
            if _is_same(case, known):
                continue  # a removal that found nothing to remove
            with pytest.raises(TriptychError, match=r"raw\.duckdb|catalogue"):
                case.run()
            assert _files(case) == evidence
            recovering.recover(case.workspace)
            assert content_of(case) == known, (number, act.__name__, harm.__name__)
    case.run()
    # That a build of what differs is a full one, test_random_histories.py shows, too.
    if IS_FULL:
        full = ClosingCase(shutil.copytree(case.root, tmp_path / "full"))
        settings = load_settings(full.root)
        pipeline.build(full.workspace, settings, full=True, progress=SilentProgress())
        assert differences(case, full) == []
    assert exported(case.root, tmp_path / "after", *EXPORTED) == before


def _files(case: ClosingCase) -> set[Path]:
    return {path for path in case.workspace.lake.rglob("*") if path.is_file()}


def _is_same(case: ClosingCase, known: Content) -> bool:
    try:
        return content_of(case) == known
    except duckdb.Error:
        return False


def test_a_lake_that_lacks_a_file_is_not_recovered_and_says_which(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    lost = next(case.workspace.lake.glob("focus/*/*/*/*.parquet"))
    lost.unlink()
    known = case.workspace.raw_database.read_bytes()
    with pytest.raises(
        recovering.RecoveryError, match=r"1 file \(.*part-00000.*\) missing"
    ):
        recovering.recover(case.workspace)
    assert case.workspace.raw_database.read_bytes() == known


def test_a_lake_that_is_older_than_its_catalogue_stops_a_run(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    shutil.copytree(case.workspace.lake, tmp_path / "older")
    late_charge(case, random.Random(1))
    shutil.rmtree(case.workspace.lake)
    shutil.copytree(tmp_path / "older", case.workspace.lake)
    with pytest.raises(TriptychError, match=r"older than raw\.duckdb"):
        case.run()


def test_looking_changes_nothing_and_says_what_is_there(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    known = content_of(case)
    case.workspace.raw_database.unlink()
    report = recovering.recover(case.workspace, is_applied=False)
    assert not case.workspace.raw_database.exists()
    assert report.load_count == len(known["loads"])
    assert report.entry_count == len(known["audit_log"])


def test_a_workspace_of_an_earlier_version_gets_its_manifests(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    for path in (*case.workspace.lake.rglob("*.json*"),):
        path.unlink()
    late_charge(case, random.Random(2))
    known = content_of(case)
    case.workspace.raw_database.unlink()
    recovering.recover(case.workspace)
    assert content_of(case) == known


def test_a_line_of_the_log_that_was_changed_is_found(
    closed: ClosingCase, tmp_path: Path
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    log = case.workspace.lake / "audit_log.jsonl"
    log.write_text(log.read_text("utf-8").replace("Ana Lima", "Eve Mallory"), "utf-8")
    case.workspace.raw_database.unlink()
    with pytest.raises(TriptychError, match="audit log is broken: entry"):
        recovering.recover(case.workspace)
    assert not case.workspace.raw_database.exists()
