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
