"""The ranking of teams by their time to production, from the files they delivered."""

from __future__ import annotations

import csv
import json
import statistics
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.dashboard.conftest import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp
    from triptych.core.warehouse.reader import Snapshot

Hours = dict[tuple[str, str], list[float]]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def quarter(when: datetime) -> str:
    return f"{when.year}-Q{(when.month + 2) // 3}"


def events_in(root: Path) -> list[dict[str, Any]]:
    paths = sorted((root / "delivery" / "events").glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def by_team(root: Path) -> dict[str, str]:
    """Return the team of each repository and registered model."""
    catalog = yaml.safe_load((root / "catalog.yml").read_text("utf-8"))
    teams = {model["id"]: model["team"] for model in catalog["models"]}
    return {
        entry.get("repository") or entry["registered_model"]: teams[entry["model"]]
        for entry in catalog["identities"]
        if "model" in entry and {"repository", "registered_model"} & entry.keys()
    }


def hours_from_commit(root: Path) -> Hours:
    """Return the hours of each commit to its deployment, without a service's first."""
    deployed: dict[str, datetime] = {}
    commits: dict[tuple[str, str], tuple[str, datetime]] = {}
    for event in events_in(root):
        kind = event.get("context", {}).get("type", "")
        if kind.startswith("dev.cdevents.service.deployed"):
            key = f"{event['context']['chainId']}/production/{event['subject']['id']}"
            deployed[key] = moment(event["context"]["timestamp"])
        elif kind.startswith("dev.cdevents.change.merged"):
            about = event["customData"]
            repository = event["subject"]["content"]["repository"]["id"]
            commits[repository, about["commit_sha"]] = (
                about["deployment_id"],
                moment(about["committed_at"]),
            )
    first: dict[str, str] = {}
    for key in sorted(deployed, key=lambda each: deployed[each]):
        first.setdefault(key.rpartition("/")[2], key)
    teams, hours = by_team(root), defaultdict(list)
    for (repository, _), (key, committed) in commits.items():
        if key in deployed and key not in first.values():
            took = (deployed[key] - committed).total_seconds() / 3600
            hours[quarter(deployed[key]), teams[repository]].append(took)
    return hours


def hours_from_training(root: Path) -> Hours:
    """Return the hours from the end of training to a version's first production."""
    with (root / "delivery" / "training_runs.csv").open(encoding="utf-8") as lines:
        ended = {row["run_id"]: row["ended_at"] for row in csv.DictReader(lines)}
    with (root / "delivery" / "model_versions.csv").open(encoding="utf-8") as lines:
        trained = {
            (row["registered_model"], row["version"]): ended.get(row["run_id"])
            for row in csv.DictReader(lines)
        }
    promoted: dict[tuple[str, str], datetime] = {}
    for event in events_in(root):
        if event.get("event") == "alias_set" and event["alias"] == "production":
            version = (event["registered_model"], event["model_version"])
            when = moment(event["event_time"])
            promoted[version] = min(when, promoted.get(version, when))
    teams, hours = by_team(root), defaultdict(list)
    for version, when in promoted.items():
        if end := trained.get(version):
            took = (when - moment(end)).total_seconds() / 3600
            hours[quarter(when), teams[version[0]]].append(took)
    return hours


def ranked(hours: Hours, of: str) -> list[tuple[str, float, int]]:
    """Return the teams of a quarter with their median and n, the slowest first."""
    rows: Iterable[tuple[str, float, int]] = (
        (team, statistics.median(values), len(values))
        for (when, team), values in hours.items()
        if when == of and len(values) >= 5
    )
    return sorted(rows, key=lambda row: -row[1])


@pytest.mark.parametrize(
    ("metric", "worked_out"),
    [
        ("change_lead_time", hours_from_commit),
        ("training_to_production", hours_from_training),
    ],
)
def test_teams_rank_as_the_delivered_events_say(
    sample_company: Path, published: Snapshot, metric: str, worked_out: Any
) -> None:
    hours = worked_out(sample_company)
    rows = published.query(
        "SELECT quarter, scope_id AS team, metric_value / 3600 AS hours, n_used,"
        " slowness_rank FROM delivery.mart_velocity_quarters"
        " WHERE scope_kind = 'team' AND metric = $metric"
        " AND slowness_rank IS NOT NULL ORDER BY quarter, slowness_rank",
        {"metric": metric},
    ).to_pylist()
    quarters = sorted({row["quarter"] for row in rows})
    assert quarters == sorted({when for when, _ in hours if ranked(hours, when)})
    for when in quarters:
        found = [row for row in rows if row["quarter"] == when]
        expected = ranked(hours, when)
        assert [row["team"] for row in found] == [team for team, _, _ in expected]
        assert [row["n_used"] for row in found] == [n for _, _, n in expected]
        assert [row["hours"] for row in found] == pytest.approx(
            [median for _, median, _ in expected], abs=1e-3
        )


def test_the_page_names_the_slowest_team_with_its_n(
    sample_company: Path, published: Snapshot, open_app: OpenApp
) -> None:
    """The newest quarter that is over; names of teams are those of the catalogue."""
    [newest] = published.query(
        "SELECT max(quarter) AS quarter FROM delivery.mart_velocity_quarters"
        " WHERE is_over AND n_used > 0"
    ).to_pylist()
    catalog = yaml.safe_load((sample_company / "catalog.yml").read_text("utf-8"))
    names = {team["id"]: team["name"] for team in catalog["teams"]}
    text = text_of(open_app(sample_company, page="velocity"))
    [said] = [line for line in text.splitlines() if "Slowest to production" in line]
    for worked_out in (hours_from_commit, hours_from_training):
        team, _, n = ranked(worked_out(sample_company), newest["quarter"])[0]
        assert f"**{names[team]}**" in said
        assert f"n = {n})" in said
