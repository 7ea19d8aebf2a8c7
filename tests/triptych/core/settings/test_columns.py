"""The columns a rule may name are those of FOCUS 1.4 that hold text."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from triptych.core.settings.columns import MATCH_COLUMNS

FOCUS_COLUMNS = (
    Path(__file__).parents[4].parent / "shared" / "reference" / "focus_columns.csv"
)


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_match_columns_are_the_text_columns_of_focus_1_4() -> None:
    if not FOCUS_COLUMNS.is_file():
        pytest.skip("the FOCUS column list is not on this machine")
    with FOCUS_COLUMNS.open(encoding="utf-8", newline="") as file:
        expected = {
            snake_case(row["column"])
            for row in csv.DictReader(file)
            if row["dataset"] == "CostAndUsage"
            and row["type"] in {"String", "JSON"}
            and not row["removed_version"]
        }

    assert set(MATCH_COLUMNS) == expected - {"tags", "allocated_tags"}
