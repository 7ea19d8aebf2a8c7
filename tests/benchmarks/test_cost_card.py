"""What the documentation prints of landings and anomalies was measured, and holds."""

from __future__ import annotations

import json

from benchmarks.cost_card import CARD, measured, missed_bars, page

STORED = json.loads(CARD.read_text("utf-8"))


def test_the_stored_card_keeps_every_promise() -> None:
    assert list(missed_bars(STORED)) == []
    assert STORED["replications"]["landings"] >= 400


def test_a_card_that_misses_is_told_from_one_that_does_not() -> None:
    worse = json.loads(json.dumps(STORED))
    worse["landings"]["bursts"]["quarter"]["coverage"] = 0.97
    worse["recall"]["falls to zero"] = 0.99
    worse["false_alarms"]["sporadic jobs"] = 1.2
    assert [bar.partition(":")[0] for bar in missed_bars(worse)] == [
        "quarter landings, bursts",
        "anomalies, falls to zero",
        "anomalies, sporadic jobs",
    ]


def test_a_card_measured_anew_has_the_worlds_of_the_stored_one() -> None:
    anew = measured({"landings": 1, "anomalies": 1})
    for part in ("landings", "recall", "false_alarms"):
        assert anew[part].keys() == STORED[part].keys()


def test_worlds_that_nothing_was_tuned_on_are_marked() -> None:
    lines = list(page(STORED))
    assert any("capped by a quota (*unseen*)" in line for line in lines)
    assert not any("growth 5 % a month (*unseen*)" in line for line in lines)
