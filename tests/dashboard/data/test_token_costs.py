"""Cost of tokens by kind: numerators and denominators of the same kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dashboard.pages.cost_by_model import token_queries
from tests.dashboard.data.test_unit_costs import EVERYTHING

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot


def test_each_kind_of_token_has_the_cost_of_its_own_lines(snapshot: Snapshot) -> None:
    """90 for 36 million of input, 30 for 54 million cached, 120 for 30 million."""
    (chat,) = token_queries.token_costs(snapshot, EVERYTHING).to_pylist()
    assert chat["model_id"] == "chat-v1"
    assert chat["per_input"] == pytest.approx(90 / 36)
    assert chat["per_cached"] == pytest.approx(30 / 54)
    assert chat["per_output"] == pytest.approx(120 / 30)
    assert chat["cache_hit_ratio"] == pytest.approx(0.6)
    assert chat["blended"] == pytest.approx(2.5)
