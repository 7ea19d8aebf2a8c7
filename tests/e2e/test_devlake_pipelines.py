"""A pipeline is a deployment if it, or one of its jobs, deploys: said by a query.

The files are DevLake's own test data; which deployments they must become, its expected
output says. Most of its pipelines deploy nothing.
"""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run.pipeline import ingest

SAMPLES = (
    Path(__file__).resolve().parents[3]
    / "shared/data/events/devlake/deployment_generator"
)
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the developer data is not beside this checkout"
)

TRIPTYCH_YML = """\
organisation: Example GmbH
currency: EUR
sources:
  - name: pipelines
    type: tables
    stream: deployments
    query: |
      select 'gitlab' as source_system, p.id as deployment_id,
        lower(p.result) as status, p.finished_date as event_time,
        c.commit_sha, c.repo_url as repository,
        coalesce(p.environment, j.environment) as environment
      from read_csv('{folder}/cicd_pipelines.csv') as p
      join read_csv('{folder}/cicd_pipeline_commits.csv') as c on c.pipeline_id = p.id
      left join (
        select pipeline_id, min(environment) as environment
        from read_csv('{folder}/cicd_tasks.csv') where type = 'DEPLOYMENT' group by all
      ) as j on j.pipeline_id = p.id
      where p.type = 'DEPLOYMENT' or j.pipeline_id is not null
"""


def test_pipelines_that_deploy_are_those_that_upstream_expects(tmp_path: Path) -> None:
    text = TRIPTYCH_YML.format(folder=SAMPLES)
    (tmp_path / "triptych.yml").write_text(text, encoding="utf-8")
    workspace = Workspace(tmp_path)
    ingest(workspace, load_settings(tmp_path), progress=SilentProgress())
    with duckdb.connect(str(workspace.raw_database), read_only=True) as connection:
        connection.execute(f"SET file_search_path = '{tmp_path}'")
        found = connection.execute(
            "SELECT deployment_id, commit_sha, environment, status"
            " FROM evidence.deployments"
        ).fetchall()
    with (SAMPLES / "cicd_deployment_commits.csv").open(encoding="utf-8") as file:
        expected = [
            (
                row["cicd_deployment_id"],
                row["commit_sha"],
                row["environment"],
                row["result"].lower(),
            )
            for row in csv.DictReader(file)
        ]
    assert sorted(found) == sorted(expected)
    assert len(found) == 4  # of eleven pipelines
