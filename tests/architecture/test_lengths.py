"""Folders, modules and functions stay as short as the house asks (``make lengths``)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.architecture.lengths import FOLDERS, functions

ROOT = Path(__file__).resolve().parents[2]
#: One check of an estimate a file is as it should be.
MANY_BY_DESIGN = {"attribution/causal/checks"}
MOST_MODULES, MOST_MODULE_LINES, MOST_FUNCTION_LINES = 30, 450, 60

MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_folder_has_more_modules_than_a_reader_takes_in() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    counts = Counter(
        path.parent.relative_to(ROOT).as_posix()
        for path in [*MODULES, *tests]
        if path.name != "__init__.py"
    )
    crowded = {folder for folder, count in counts.items() if count > MOST_MODULES}
    assert crowded <= MANY_BY_DESIGN


def test_no_module_is_longer_than_the_house_allows() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8").count("\n")
        for path in MODULES
    }
    longer = {name for name, lines in lengths.items() if lines > MOST_MODULE_LINES}
    assert longer == set()


def test_no_function_is_longer_than_the_house_allows() -> None:
    longer = {
        f"{path.relative_to(ROOT).as_posix()} {name.rpartition(' ')[2]}"
        for path in MODULES
        for name, lines in functions(path)
        if lines > MOST_FUNCTION_LINES
    }
    assert longer == set()
