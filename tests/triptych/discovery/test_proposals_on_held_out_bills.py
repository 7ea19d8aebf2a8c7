"""What is AI, which model and whose, by money, on bills that were made before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.triptych.discovery.held_out_bills import held_out_bills
from tests.triptych.discovery.proposal_scores import scores_of, table_of

if TYPE_CHECKING:
    from tests.triptych.discovery.proposal_scores import Scores

KEPT = Path(__file__).parent / "held_out" / "scores.md"
AI_LEAST, MODEL_LEAST, OWNER_LEAST = 0.95, 0.9, 0.9


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scores]:
    folder = tmp_path_factory.mktemp("bills")
    return {bill.name: scores_of(bill, folder) for bill in held_out_bills()}


def test_proposals_are_right_by_money_on_each_held_out_bill(
    scores: dict[str, Scores],
) -> None:
    sys.stdout.write(table_of(scores))
    for each in scores.values():
        assert min(each.is_ai.precision, each.is_ai.recall) >= AI_LEAST
        assert min(each.model.precision, each.model.recall) >= MODEL_LEAST
        assert min(each.owner.precision, each.owner.recall) >= OWNER_LEAST


def test_the_table_of_right_and_wrong_proposals_is_kept(
    scores: dict[str, Scores],
) -> None:
    """After a change of the knowledge base: see what moved, and keep the new one."""
    assert table_of(scores) in KEPT.read_text("utf-8")
