"""DevLake's own samples as rows of our streams, for services ``lead/…`` and ``inc/…``.

Made from ``change_lead_time`` and ``incident_to_deployment`` of the developer data,
which are subsets of end-to-end inputs of apache/incubator-devlake (Apache-2.0).
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.cases.delivery_case import Row

#: What DevLake calls a repository by its id, and deployments by its address.
_ADDRESSES = {"repo1": "REPO111", "repo2": "REPO222"}


def devlake_rows(folder: Path) -> dict[str, list[Row]]:
    """Return rows by stream from the folder ``events/devlake``."""
    lead, incidents = folder / "change_lead_time", folder / "incident_to_deployment"
    return {
        "deployments__devlake": [
            *_deployments(lead, "lead"),
            *_deployments(incidents, "inc"),
        ],
        "commits__devlake": _commits(lead),
        "incidents__devlake": [
            {
                "source_system": "inc",
                "incident_id": row["id"],
                "status": "resolved",
                "event_time": _utc(row["updated_date"]),
                "impact_started_at": _utc(row["created_date"]),
                "service": f"inc/{_ADDRESSES[row['scope_id']]}",
            }
            for row in _read(incidents / "incidents.csv")
        ],
    }


def _deployments(folder: Path, prefix: str) -> list[Row]:
    return [
        {
            "source_system": prefix,
            "deployment_id": row["cicd_deployment_id"],
            "status": row["result"].lower(),
            "event_time": row["finished_date"],
            "service": f"{prefix}/{row['repo_url']}",
            "environment": row["environment"],
            "commit_sha": row["commit_sha"],
        }
        for row in _read(folder / "cicd_deployment_commits.csv")
    ]


def _commits(folder: Path) -> list[Row]:
    merges = {row["id"]: row for row in _read(folder / "pull_requests.csv")}
    deployed = {
        row["commit_sha"]: row["new_commit_sha"]
        for row in _read(folder / "commits_diffs.csv")
    }
    return [
        {
            "source_system": "lead",
            "repository": "lead/REPO111",
            "service": "lead/REPO111",
            "commit_sha": row["commit_sha"],
            "committed_at": _utc(row["commit_authored_date"]),
            "pull_request_id": pull["id"],
            "pull_request_opened_at": _utc(pull["created_date"]),
            "merged_at": _utc(pull["merged_date"]),
            "deployed_sha": deployed.get(pull["merge_commit_sha"]),
        }
        for row in _read(folder / "pull_request_commits.csv")
        for pull in [merges[row["pull_request_id"]]]
    ]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _utc(text: str) -> str:
    """Return a naive and partly unpadded time of DevLake's files, which is UTC."""
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return moment.isoformat()
