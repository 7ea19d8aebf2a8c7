"""What is AI, which model and whose, by money, on bills that were made before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.triptych.discovery.held_out_bills import held_out_bills
from tests.triptych.discovery.proposal_scores import scores_of

if TYPE_CHECKING:
    from tests.triptych.discovery.proposal_scores import Scores

AI_LEAST, MODEL_LEAST, OWNER_LEAST = 0.95, 0.9, 0.9


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scores]:
    folder = tmp_path_factory.mktemp("bills")
    return {bill.name: scores_of(bill, folder) for bill in held_out_bills()}


def test_proposals_are_right_by_money_on_each_held_out_bill(
    scores: dict[str, Scores],
) -> None:
    for each in scores.values():
        assert min(each.is_ai.precision, each.is_ai.recall) >= AI_LEAST
        assert min(each.model.precision, each.model.recall) >= MODEL_LEAST
        assert min(each.owner.precision, each.owner.recall) >= OWNER_LEAST
