"""The card of speed is of the models as they are, and its page names what misses."""

from __future__ import annotations

import json

from benchmarks.bars import (
    BARE,
    CARD,
    CPU_BARS,
    FULL,
    KEEPS,
    LINES,
    READS,
    RESTATED,
    card_of,
    page,
    read_declared,
)
from benchmarks.harness import SizeResult, Step


def test_the_stored_card_has_each_step_and_what_models_declare() -> None:
    stored = json.loads(CARD.read_text("utf-8"))
    assert stored["line_items"] == LINES
    assert stored["steps"].keys() == {BARE, *CPU_BARS}
    assert {key: stored[key] for key in (READS, KEEPS)} == read_declared()


def test_a_step_over_its_bar_is_marked_and_a_failed_one_left_out() -> None:
    steps = [
        Step(BARE, 1.5, 2.8, 300 * 2**20),
        Step(FULL, 30.0, 36.1, 900 * 2**20),
        Step(RESTATED, 1.0, 1.0, 2**20, problem="exit code 1"),
        Step("pandas", 44.0, 44.0, 2**30),
    ]
    result = SizeResult("10m", LINES, 0, steps)
    card = card_of(result, "2 x CPU, load 0.1", {READS: {"sums": 1.1}, KEEPS: {}})
    assert list(card["steps"]) == [BARE, FULL]
    lines = list(page(card))
    assert f"| {FULL} | 30.0 | 36.1 | 36.0, missed | 12.9 | 900 |" in lines
    assert f"| {BARE} | 1.5 | 2.8 |  | 1.0 | 300 |" in lines
    assert "| `sums` | 1.10 |" in lines
