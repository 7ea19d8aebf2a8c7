"""What can be built again from evidence, and what says why it cannot."""

from __future__ import annotations

import pytest

from triptych.core.warehouse.replay import Model, NotReplayableError, needed_models

COSTS = Model("costs", "cost", "table", "SELECT 1", (), ("evidence.focus",))
RETURNS = Model(
    "returns", "roi", "table", "SELECT 1", ("costs",), ("estimates.roi_features",)
)


def test_a_mart_of_statistics_says_that_they_are_not_made_again() -> None:
    models = {model.name: model for model in (COSTS, RETURNS)}
    assert needed_models(models, ["costs"]) == [COSTS]
    with pytest.raises(NotReplayableError, match="Statistics of the run are part"):
        needed_models(models, ["returns"])
