"""Both engines lay out what studies look at alike, gaps and covariates included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.panel_case import LETTERS, SOURCES, write_panel_case
from tests.spark.conftest import Company, on_spark
from tests.spark.published_figures import differences
from tests.spark.servers import SAIL_MISSING, has_sail, running_sail
from triptych.pipeline import ingest
from triptych.progress import SilentProgress
from triptych.settings import load_settings
from triptych.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

#: The same process by month: what is added up has to be so in one order.
MONTHLY = LETTERS.replace("id: letter-reading", "id: letters-by-month").replace(
    "launch: 2026-03-03\nwindow: {start: 2026-03-02, end: 2026-03-05}",
    "launch: 2026-03-15\nperiod: month\nwindow: {start: 2026-03-01, end: 2026-04-01}",
)


@pytest.fixture
def shops(tmp_path: Path) -> Company:
    root = tmp_path / "shops"
    write_panel_case(root)
    (root / "studies" / "monthly.yml").write_text(MONTHLY, encoding="utf-8")
    workspace, settings = Workspace(root), load_settings(root)
    for source in SOURCES:
        ingest(workspace, settings, sources=[source], progress=SilentProgress())
    return Company(root)


@pytest.mark.full
@pytest.mark.skipif(not has_sail(), reason=SAIL_MISSING)
def test_a_spark_connect_server_lays_out_the_panels_that_duckdb_does(
    shops: Company, tmp_path: Path
) -> None:
    shops.build()
    expected = shops.published()
    with running_sail(tmp_path / "sail") as server:
        shops.build(on_spark(server.address))
    found = shops.published()
    assert differences(expected, found) == []
    # 8 rows of two shops, 2 days of letters, and one month of them.
    assert len(found["outcomes.mart_attribution_panel"].exact) == 8 + 2 + 1
    # An arm and a price beside each of the 8; three counts beside the others.
    covariates = found["outcomes.mart_attribution_covariates"]
    assert len(covariates.exact) == 8 * 2 + 3 * 3
