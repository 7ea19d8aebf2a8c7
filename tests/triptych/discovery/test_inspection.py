"""Which files of a source are opened: all that lie where it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.sources.aws.cur_legacy import AwsCurLegacy, AwsCurLegacyConfig
from ingest.sources.tables.focus_files import FocusFiles, FocusFilesConfig
from triptych.discovery.inspection import bill_paths

NISE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "nise"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "it's [1]* mine"
    for name in ("bills/a.csv", "bills/deep/b.csv.gz", "bills/.hidden/c.csv"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    (root / "bills" / "notes.xlsx").write_text("")
    return root


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("bills", ["a.csv", "b.csv.gz", "notes.xlsx"]),
        ("bills/a.csv", ["a.csv"]),
        ("bills/*.csv", ["a.csv"]),
        ("bills/*/b*", ["b.csv.gz"]),
        ("bills/**/*.gz", ["b.csv.gz"]),
        ("nowhere", []),
        ("s3://bucket/bills", []),
    ],
)
def test_what_lies_where_a_source_reads_is_opened(
    root: Path, pattern: str, names: list[str]
) -> None:
    config = FocusFilesConfig(name="bills", type="focus_files", path=pattern)
    found = bill_paths(FocusFiles(config, root=root), root)
    assert sorted(path.name for path in found) == names


@pytest.mark.skipif(not NISE.is_dir(), reason="there is no shared data")
def test_of_an_export_with_manifests_only_what_they_name_is_opened(
    tmp_path: Path,
) -> None:
    """The copies of a manifest and files of older deliveries are no bills."""
    config = AwsCurLegacyConfig(
        name="aws",
        type="aws_cur_legacy",
        path=str(NISE / "aws" / "bucket"),
        prefix="billing",
        report="cur",
    )
    found = bill_paths(AwsCurLegacy(config, root=tmp_path), tmp_path)
    assert [path.name for path in found] == [
        "June-2026-cur.csv.gz",
        "July-2026-cur.csv.gz",
    ]


def test_an_absolute_pattern_is_followed(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "d.csv").write_text("x\n")
    pattern = f"{elsewhere}/*.csv"
    config = FocusFilesConfig(name="bills", type="focus_files", path=pattern)
    found = bill_paths(FocusFiles(config, root=root), root)
    assert found == [elsewhere / "d.csv"]
