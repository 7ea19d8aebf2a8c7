"""Of which month an answer is where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY

if TYPE_CHECKING:
    from pathlib import Path

[SPENDING] = [listing for listing in MONTHLY if listing.name == "spending"]
[VELOCITY] = [listing for listing in MONTHLY if listing.name == "velocity"]


def test_a_closed_month_stays_the_newest_though_something_changed_since(
    tmp_path: Path,
) -> None:
    """July is locked, August closed and restated since, September open."""
    publish(tmp_path)
    figures = Desk(tmp_path).answer(SPENDING).figures
    newest = max(figure.labels["billing_month"] or "" for figure in figures)
    assert newest == "2026-08"
    assert {figure.state for figure in figures} == {"locked", "restated"}


def test_what_the_evidence_is_as_of_may_be_unknown(tmp_path: Path) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute("update core.mart_run set evidence_as_of = null")
    assert Desk(tmp_path).answer(SPENDING).evidence_as_of == "unknown"


def test_a_metric_that_is_mistyped_is_refused_with_the_names_like_it(
    tmp_path: Path,
) -> None:
    """An answer without figures and without a reason reads as if nothing happened."""
    publish(tmp_path)
    given = {"metric": "change_leed_time", "scope_kind": None}
    answer = Desk(tmp_path).answer(VELOCITY, parameters=given)
    assert answer.refusal is not None
    assert "There is no metric 'change_leed_time'." in answer.refusal.what
    assert "change_lead_time" in (answer.refusal.next or "")
