"""What other tools were seen to get wrong has a test of ours that names it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SEEN = {
    "a fan-out cancels the denominator",
    "a green budget on stale data",
    "a link falls back in silence",
    "a stale file after a replacement",
    "an unapproved value counts",
    "circular value",
    "hours become money by themselves",
    "negative value is refused",
    "only winners are admitted",
    "return without cost is infinite",
    "self-validation",
    "the sum of winners",
    "unknown becomes zero",
    "zero against zero is a match",
}


def test_each_defect_of_peers_is_named_by_a_test(repository: Path) -> None:
    named: set[str] = set()
    for file in (repository / "tests").rglob("test_*.py"):
        named.update(re.findall(r'mark\.peer_defect\("(.+?)"\)', file.read_text()))
    assert named == SEEN
