"""Grades by rule: a table of recorded checks, and that nothing raises one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.causal.checks.check import Check, Status
from attribution.causal.grade import CONTROL_CHECKS, LETTERS, REFUSAL_OF_CHECK, grade
from attribution.causal.refusal import REMEDIES

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(
    CONTROL_CHECKS
    | REFUSAL_OF_CHECK.keys()
    | {"contested_window", "specification_spread", "cusum", "second_opinion"}
)


def check(name: str, status: Status) -> Check:
    return Check(name, status, 1.0, "a threshold", "A reason.")


@pytest.mark.parametrize(
    ("best", "found", "expected"),
    [
        ("A", {}, "A"),
        ("A", {"balance": "pass", "sample_ratio": "pass"}, "A"),
        ("A", {"balance": "warn"}, "B"),
        ("A", {"balance": "fail"}, "C"),
        ("A", {"sample_ratio": "fail"}, "X"),
        ("B", {"pre_trends": "fail"}, "C"),
        ("B", {"pre_trends": "fail", "contested_window": "warn"}, "D"),
        ("B", {"contested_window": "fail"}, "C"),
        ("B", {"specification_spread": "warn"}, "C"),
        ("B", {"cusum": "warn"}, "B"),
        ("B", {"placebo_in_unit": "not run"}, "B"),
        ("B", {"donor_hull": "warn", "leave_one_out": "warn", "balance": "warn"}, "D"),
        ("C", {"season_coverage": "fail"}, "X"),
        ("C", {"placebo_in_time": "warn", "residual_autocorrelation": "warn"}, "D"),
        ("D", {"placebo_in_time": "warn"}, "D"),
    ],
)
def test_a_grade_follows_from_what_checks_recorded(
    best: str, found: dict[str, Status], expected: str
) -> None:
    checks = [check(name, status) for name, status in found.items()]
    result = grade(best, checks, design="the design", is_exploratory=False)
    assert result.letter == expected
    assert result.reasons[0] == f"the design is {best} at best."
    if expected != best:
        assert "A reason." in result.reasons[-1]


@pytest.mark.parametrize(("best", "expected"), [("A", "C"), ("B", "C"), ("D", "D")])
def test_a_plan_that_was_not_registered_is_modelled_at_most(
    best: str, expected: str
) -> None:
    result = grade(best, [], design="it", is_exploratory=True)
    assert result.letter == expected


STATUSES = st.sampled_from(["pass", "warn", "fail", "not run"])
CHECKS = st.dictionaries(st.sampled_from(NAMES), STATUSES, max_size=6)


@given(st.sampled_from("ABCD"), CHECKS, st.sampled_from(NAMES), STATUSES)
def test_one_more_check_never_raises_a_grade(
    best: str, found: dict[str, Status], name: str, status: Status
) -> None:
    fewer = [check(one, found[one]) for one in found if one != name]
    before = grade(best, fewer, design="it", is_exploratory=False).letter
    more = [*fewer, check(name, status)]
    after = grade(best, more, design="it", is_exploratory=False).letter
    assert LETTERS.index(after) >= LETTERS.index(before)


def test_each_needed_check_that_fails_has_a_code_of_its_own() -> None:
    codes = list(REFUSAL_OF_CHECK.values())
    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(REMEDIES)


def test_each_code_of_a_refusal_can_come_about(repository: Path) -> None:
    files = [*(repository / "attribution").rglob("*.py")]
    texts = [file.read_text("utf-8") for file in files if file.stem != "refusal"]
    unused = [code for code in REMEDIES if not any(f'"{code}"' in t for t in texts)]
    assert not unused
