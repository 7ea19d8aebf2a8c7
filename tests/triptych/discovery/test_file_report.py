"""Each real file gets a right diagnosis on one line, by the code that would load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from triptych.discovery.file_report import report_on
from triptych.discovery.ledger_sample import bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
EXPECTED = Path(__file__).parent / "real_files.txt"


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with bench() as connection:
        yield connection


def diagnoses(engine: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Return a line for each file below a folder, and which source takes it."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            label = path.relative_to(SHARED).as_posix()
            report = report_on(engine, path, label=label, table="charges")
            lines.append(f"[{report.state} {report.connector or '-'}] {report.line}")
            assert report.state == "bill" or report.next_step, label
    return lines


@pytest.mark.skipif(not SHARED.is_dir(), reason="there is no shared data")
@pytest.mark.parametrize("folder", ["focus", "nise"])
def test_every_real_file_gets_a_right_diagnosis(
    engine: duckdb.DuckDBPyConnection, folder: str
) -> None:
    """The lines were read one by one against the files' READMEs and known totals."""
    expected = [
        line
        for line in EXPECTED.read_text("utf-8").splitlines()
        if f"] {folder}/" in line
    ]
    assert diagnoses(engine, SHARED / folder) == expected
