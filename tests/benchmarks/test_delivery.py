"""The events that the benchmark of delivery is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from benchmarks.delivery import write_events
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_every_deployment_has_three_states_and_its_part_of_the_commits(
    tmp_path: Path,
) -> None:
    root = tmp_path / "bench"
    counts = write_events(root, 30_000)

    # 60 and 24 of a hundred; a third of the states begin a deployment.
    assert (counts["commits"], counts["deployments"]) == (18_000, 7_200)
    assert len(load_settings(root).sources) == len(counts)
    states = duckdb.connect().execute(
        "SELECT count(DISTINCT deployment_id), count(*) FILTER (status = 'open'),"
        f" count(*) FILTER (status = 'failure') FROM '{root}/deployments.parquet'"
    )
    assert states.fetchall() == [(2_400, 2_400, 240)]
    linked = duckdb.connect().execute(
        f"SELECT count(*) FROM '{root}/commits.parquet' JOIN (SELECT DISTINCT"
        f" deployment_id FROM '{root}/deployments.parquet') USING (deployment_id)"
    )
    assert linked.fetchall() == [(18_000,)]
