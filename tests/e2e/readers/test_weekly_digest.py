"""Every part of a digest is answered by a real run, with the figures of SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.warehouse.reader import PublishedReader
from triptych.service.alerts.conditions import written
from triptych.service.alerts.digest_parts import PARTS, read_sections

if TYPE_CHECKING:
    from pathlib import Path

_WEEK = """
SELECT currency, sum(effective_cost) AS cost FROM cost.fct_daily_model_costs
WHERE component NOT IN ('tax', 'credit')
  AND charge_date > (SELECT max(charge_date) FROM cost.fct_daily_model_costs) - 7
GROUP BY currency ORDER BY currency
"""


@pytest.mark.parametrize("audience", ["finance", "engineering", "team"])
def test_every_part_has_an_answer_for_its_audience(
    sample_company: Path, audience: str
) -> None:
    viewer = Viewer("finance" if audience == "finance" else "engineering")
    snapshot = Gate(sample_company).snapshot(viewer)
    [team] = snapshot.query(
        "SELECT any_value(team_id) AS team_id FROM core.dim_models"
    ).to_pylist()
    named = team["team_id"] if audience == "team" else None

    sections = read_sections(snapshot, audience, named)

    expected = [part.heading for part in PARTS if audience in part.audiences]
    assert [section.heading for section in sections] == expected
    said = {line for section in sections for line in section.lines}
    assert "This run has nothing to say about it." not in said
    assert not [line for line in said if "{" in line]


def test_the_week_of_a_digest_is_what_sql_adds_up(sample_company: Path) -> None:
    snapshot = PublishedReader(sample_company).snapshot()
    [week, *_] = read_sections(snapshot, "finance", None)
    rows = snapshot.query(_WEEK).to_pylist()
    assert rows
    for line, row in zip(week.lines, rows, strict=True):
        assert f"{written(row['cost'])} {row['currency']}, amortised" in line
