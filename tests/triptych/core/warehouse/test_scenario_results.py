"""Saved results of scenarios: a file that is none stops nobody from reading others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from triptych.core.errors import TriptychError
from triptych.core.warehouse.scenario_results import ScenarioStore

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 9, 1, tzinfo=UTC)
FORGED = ("{}", "[]", "no json", '{"format": 1, "scenario_id": "bad"}')


@pytest.mark.parametrize("content", FORGED)
def test_a_file_that_is_no_result_is_counted_and_left_out(
    tmp_path: Path, content: str
) -> None:
    store = ScenarioStore(tmp_path)
    store.save({"scenario_id": "abc", "name": "Stay"}, by="Ana", at=AT)
    (tmp_path / "bad.json").write_text(content)
    assert [result["name"] for result in store.all()] == ["Stay"]
    assert store.unreadable() == ("bad.json",)
    assert store.get("Stay")["scenario_id"] == "abc"
    with pytest.raises(TriptychError, match="cannot be read"):
        store.find("bad")
