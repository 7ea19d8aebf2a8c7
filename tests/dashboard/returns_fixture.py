"""Puts returns into a published warehouse: from the engine, joined as dbt does.

Three features: care counts (200 minutes less at 0.5, 50 of cost), eta is a decrease of
grade C and stands beside, and of route a study cannot tell. A proposal would value eta
at more, and nobody approved it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from attribution.roi import return_tables
from tests.attribution.roi_cases import assumed, claim, inputs, refused, rows
from triptych.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

#: 7 before the launch, 50 in the two months that are measured, 11 since.
COST = {"2025-12": 7.0, "2026-01": 20.0, "2026-02": 30.0, "2026-03": 11.0}
_JOINED = """
CREATE SCHEMA IF NOT EXISTS roi;
CREATE TABLE roi.mart_feature_roi AS
    SELECT * EXCLUDE (roi_window), roi_window AS "window", 'EUR' AS currency,
        CAST(50 AS DECIMAL(28, 10)) AS cost, NULL::VARCHAR AS validated_by,
        CAST(7 AS DECIMAL(28, 10)) AS investment_cost,
        CAST(CASE WHEN until_month < '2026-03' THEN 0 ELSE 11 END AS DECIMAL(28, 10))
            AS cost_since
    FROM estimates.roi_features;
CREATE TABLE roi.mart_portfolio_roi AS
    SELECT * EXCLUDE (roi_window), roi_window AS "window", 'EUR' AS currency,
        CAST(50 AS DECIMAL(28, 10)) AS cost, CAST(175 AS DECIMAL(28, 10)) AS ai_cost,
        CAST(125 AS DECIMAL(28, 10)) AS not_counted_cost,
        CAST(7 AS DECIMAL(28, 10)) AS investment_cost,
        CAST(CASE WHEN until_month < '2026-03' THEN 0 ELSE 11 END AS DECIMAL(28, 10))
            AS cost_since
    FROM estimates.roi_portfolio;
CREATE TABLE roi.mart_evidence_mix AS
    SELECT *, 'EUR' AS currency, CAST(50 AS DECIMAL(28, 10)) AS cost
    FROM estimates.roi_evidence;
CREATE TABLE roi.mart_roi_sensitivity AS
    SELECT *, 'EUR' AS currency FROM estimates.roi_sensitivity;
DROP SCHEMA estimates CASCADE;
"""


def add_returns(root: Path, *, proposed: float = 3.0, approved: float = 0.5) -> None:
    """Add the schema ``roi`` to what is published in a workspace.

    Parameters
    ----------
    root : Path
        Workspace with a published run.
    proposed, approved : float
        EUR per minute, of an assumption that nobody and one that somebody approved.
    """
    minute = assumed(
        "conversion", approved, better="less", metric="minutes", low=0.9 * approved,
        high=1.2 * approved,
    )  # fmt: skip
    proposal = replace(
        minute, id="proposal", metric="calls", value=proposed, low=None, high=None,
        is_approved=False,
    )  # fmt: skip
    given = inputs(
        [
            claim("care", effects=(-100, -100), spread=15.0),
            claim("eta", effects=(-80, -80), outcome="calls", grade="B"),
            refused("route"),
        ],
        [minute, proposal],
        dict.fromkeys(("care", "eta", "route"), COST),
    )
    path = PublishedReader(root).current_path()
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        return_tables.prepare(connection)
        return_tables.replace(connection, "by hand", rows(given))
        connection.execute(_JOINED)
