"""A closed month is the same on both engines, and so is what came to light since."""

from __future__ import annotations

import shutil
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.e2e import closing_case
from tests.e2e.closing_case import (
    MARCH,
    ClosingCase,
    charge,
    copy_of_reconciled_company,
)
from tests.spark.conftest import on_spark
from tests.spark.published_figures import differences, read_published
from tests.spark.servers import SAIL_MISSING, has_sail, running_sail
from triptych.pipeline import build, ingest
from triptych.progress import SilentProgress
from triptych.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from tests.spark.published_figures import PublishedTable


def published_by(
    case: ClosingCase, overrides: Mapping[str, str] | None = None
) -> dict[str, PublishedTable]:
    settings = load_settings(case.root, overrides=overrides)
    report = build(case.workspace, settings, progress=SilentProgress())
    return read_published(report.published_path)


@pytest.mark.full
@pytest.mark.skipif(not has_sail(), reason=SAIL_MISSING)
@pytest.mark.timeout(1800)
def test_both_engines_show_a_closed_month_and_its_adjustments_alike(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    """Eta's 10.00 is 12.00 on a bill that came again; the pool is divided evenly."""
    case = copy_of_reconciled_company(built_workspaces, tmp_path / "workspace")
    case.close()
    march = case.march()
    case.bill("2026-03", charge("12.00", "API", model="eta"), *MARCH[1:])
    rules = closing_case.RULES.replace("driver: gpu_hours", "driver: even")
    case.write("allocation.yml", rules)
    settings = load_settings(case.root)
    ingest(case.workspace, settings, progress=SilentProgress())
    other = ClosingCase(tmp_path / "other")
    shutil.copytree(case.root, other.root)
    on_duckdb = published_by(case)
    with running_sail(tmp_path / "sail") as server:
        on_sail = published_by(other, on_spark(server.address))
    assert differences(on_duckdb, on_sail) == []
    assert other.march() == march
    assert other.state()["difference_billed_cost"] == Decimal(2)
    assert len(on_sail["cost.mart_period_adjustments"].exact) == 3
