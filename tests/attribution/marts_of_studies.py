"""A build database whose panel marts of studies were made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from attribution.causal.plan import Plan

_OWN = ("unit", "date", "outcome")


def write_marts(
    database: Path, studies: Mapping[str, tuple[pd.DataFrame, Plan]]
) -> None:
    """Write the panel marts of some studies, in the form that dbt builds them in."""
    panels, covariates = [], []
    for study_id, (frame, plan) in studies.items():
        own = frame[list(_OWN)].assign(
            study_id=study_id, outcome_unit=plan.outcome_unit
        )
        panels.append(own)
        others = [name for name in frame if name not in _OWN]
        if others:
            rows = frame.melt(["unit", "date"], others, "column_name")
            covariates.append(rows.assign(study_id=study_id))
    panel = pd.concat(panels)
    columns = ["unit", "date", "column_name", "value", "study_id"]
    covariate = pd.concat([pd.DataFrame(columns=columns), *covariates])
    with database_in_spare_engine(database) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS outcomes")
        connection.register("panel", panel)
        connection.execute(
            "CREATE OR REPLACE TABLE outcomes.mart_attribution_panel AS"
            " SELECT study_id, unit, date::DATE AS panel_date, outcome::DOUBLE AS"
            " outcome, outcome_unit, outcome IS NULL AS is_gap FROM panel"
        )
        connection.register("covariate", covariate)
        connection.execute(
            "CREATE OR REPLACE TABLE outcomes.mart_attribution_covariates AS"
            " SELECT study_id::VARCHAR AS study_id, unit::VARCHAR AS unit,"
            " date::DATE AS panel_date, column_name::VARCHAR AS column_name,"
            " value::DOUBLE AS value FROM covariate"
        )
