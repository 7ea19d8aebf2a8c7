"""Streams that tell what people did keep their declared columns, and nothing beside."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from ingest.streams import STREAMS
from ingest.testing import ConnectorCase
from tests.dbt.conftest import build_empty_workspace
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.run import pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

PLANTED = ("Jo Planted", "jo.planted@example.com", "rebooted the planted box")
OF_PEOPLE = sorted(
    name for name, stream in STREAMS.items() if stream.keeps_declared_only
)
GOOD: dict[str, str] = {
    "status": "success",
    "event": "alias_set",
    "hours": "2",
    "headcount": "8",
    "scale_min": "0",
    "scale_max": "10",
}


def good_row(stream: str) -> dict[str, str]:
    """Return a row that counts, with a name, an address and a text beside it."""
    row = {"Full Name": PLANTED[0], "email": PLANTED[1], "comment": PLANTED[2]}
    for column in STREAMS[stream].columns:
        if not column.is_required:
            continue
        row[column.name] = (
            "2026-03-01T10:00:00"
            if column.type == "TIMESTAMP"
            else GOOD.get(column.name, "eta")
        )
    if stream == "training_runs":
        row["status"] = "finished"
    if stream == "incidents":
        row["status"] = "open"
    return row


def bad_row(stream: str) -> dict[str, str]:
    return {**good_row(stream), STREAMS[stream].period_column: "yesterday"}


def write(path: Path, rows: list[dict[str, str]]) -> None:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            file.write(f"{PLANTED[0]},{PLANTED[1]},{PLANTED[2]}\n")
        return
    lines = path.with_suffix(".jsonl")
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if path.suffix == ".parquet":
        duckdb.connect().execute(f"copy (from read_json_auto('{lines}')) to '{path}'")
        lines.unlink()


def everything_in(root: Path) -> str:
    """Return all that the lake and the databases hold, as bytes and as values."""
    told: list[str] = []
    for path in sorted(root.rglob("*")):
        if path.is_dir() or path.parent.name == "drops":
            continue
        told.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            found = duckdb.connect().execute(f"from '{path}'")
            told += [repr(found.description), repr(found.fetchall())]
        if path.suffix == ".duckdb":
            told.append(everything_of(path))
    return "\n".join(told)


def everything_of(database: Path) -> str:
    told = []
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_type = 'BASE TABLE'"
            " and table_catalog not in ('system', 'temp')"
        ).fetchall()
        for schema, name in tables:
            rows = connection.execute(f'from "{schema}"."{name}"').fetchall()
            told.append(repr(rows))
    return "\n".join(told)


def case_of(root: Path, stream: str, **options: Any) -> ConnectorCase:
    return ConnectorCase(
        connector_type="tables",
        options={"stream": stream, "path": "drops", **options},
        root=root,
        expected_rows=3,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=lambda: 0,
    )


def test_the_streams_of_people_are_all_those_of_delivery() -> None:
    assert [
        *("assistant_use", "commits", "deployments", "headcount", "incidents"),
        *("model_versions", "promotions", "survey_responses"),
        *("training_runs", "worklogs"),
    ] == OF_PEOPLE


@pytest.mark.parametrize(
    ("stream", "suffix"),
    [
        pytest.param(
            *(stream, suffix),
            # The fast layer has each stream and each form, the full one the product.
            marks=() if (number - place) % 3 == 0 else pytest.mark.full,
        )
        for number, stream in enumerate(OF_PEOPLE)
        for place, suffix in enumerate((".csv", ".jsonl", ".parquet"))
    ],
)
def test_nothing_beside_the_columns_of_a_stream_reaches_the_lake_or_the_catalogue(
    tmp_path: Path, stream: str, suffix: str
) -> None:
    (tmp_path / "drops").mkdir()
    rows = [good_row(stream)] * 3 + [bad_row(stream)]
    write(tmp_path / "drops" / f"rows{suffix}", rows)
    case = case_of(tmp_path, stream)
    case.ingest().raise_first_failure()
    assert case.query(f"select count(*) from evidence.{stream}") == [(3,)]
    refused = case.query("select reason, row_content from catalogue.quarantine")
    assert len(refused) == (2 if suffix == ".csv" else 1)
    assert any("yesterday" in str(content) for _, content in refused)
    text = everything_in(tmp_path)
    assert "eta" in text
    for planted in (*PLANTED, "Full Name"):
        assert planted not in text, planted


def test_a_stream_of_bills_keeps_what_its_vendor_added(tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    (tmp_path / "drops" / "a.csv").write_text(
        "invoice,issuer,billing_month,currency,amount,cost_object\n"
        "A-1,Acme,2026-03,EUR,100.00,kept beside\n"
    )
    case = case_of(tmp_path, "invoices")
    case.ingest().raise_first_failure()
    assert "kept beside" in everything_in(tmp_path / "lake")


def test_a_mapped_column_is_kept_under_its_own_name_only(tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    for suffix in (".csv", ".parquet"):
        rows = [{**good_row("worklogs"), "booked": f"{n}.5"} for n in range(2)]
        write(tmp_path / "drops" / f"rows{suffix}", rows)
    case = case_of(
        tmp_path, "worklogs", mapping={"hours": "booked", "team_id": "'ops'"}
    )
    case.ingest().raise_first_failure()
    assert case.query(
        'select "hours"::double, "team_id", count(*) from evidence.worklogs'
        " group by all order by all"
    ) == [(0.5, "ops", 2), (1.5, "ops", 2)]
    assert "booked" not in everything_in(tmp_path / "lake")


def test_a_missing_header_repeats_nobody(tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    (tmp_path / "drops" / "a.csv").write_text(f"{PLANTED[0]},{PLANTED[1]},8\n")
    case = case_of(tmp_path, "worklogs")
    report = case.ingest()
    assert "worklog_id, started_at, hours" in str(report.failures[0].error)
    assert "It has 3 columns" in str(report.failures[0].error)
    text = everything_in(tmp_path) + str(report.failures)
    for planted in PLANTED:
        assert planted not in text


def event(event_id: str, kind: str, at: str, **content: Any) -> dict[str, Any]:
    """Return an event of CDEvents of one chain, with people and texts in it."""
    return {
        "context": {
            "specversion": "0.5.1",
            "id": event_id,
            "source": "/ci/acme",
            "chainId": event_id.partition("-")[0],
            "type": f"dev.cdevents.{kind}.0.3.0",
            "timestamp": f"2026-03-02T{at}:00Z",
        },
        "subject": {
            "id": "I-7" if kind.startswith("incident") else "checkout",
            "content": {
                "environment": {"id": "production"},
                "service": {"id": "checkout"},
                "artifactId": f"pkg:oci/checkout@{event_id}",
                "description": PLANTED[2],
                **content,
            },
        },
        "customData": {"author": PLANTED[0], "reviewer": PLANTED[1]},
    }


#: A good rollout at ten, a failed one at eleven, and an incident of 45 minutes.
EVENTS = (
    event("a-1", "service.deployed", "10:00"),
    event("b-1", "pipelinerun.finished", "11:00", pipelineName="ship", outcome="error"),
    event("c-1", "incident.detected", "11:30"),
    event("c-2", "incident.resolved", "12:15"),
)


@pytest.fixture(scope="module")
def published(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """Return a workspace with hours, heads, a survey and events, after a whole run."""
    folder = tmp_path_factory.mktemp("published") / "workspace"
    root = built_workspaces.copy("empty_workspace", build_empty_workspace, folder)
    drops = root / "drops"
    drops.mkdir()
    write(drops / "worklogs.csv", [good_row("worklogs")] * 3)
    write(drops / "headcount.csv", [good_row("headcount")])
    header = "wave_id,submitted_on,group_id,item_id,scale_min,scale_max,value"
    answers = [f"w1,2026-03-01,data,enps,0,10,{n},{PLANTED[1]}{n}" for n in range(8)]
    lines = [f"{header},respondent_key", *answers]
    (drops / "survey.csv").write_text("\n".join(lines) + "\n")
    (drops / "events.jsonl").write_text("\n".join(map(json.dumps, EVENTS)) + "\n")
    rule = {"pipeline": "ship", "environment": "production", "service": "checkout"}
    sources: dict[str, dict[str, Any]] = {
        "worklogs.csv": {"type": "tables", "stream": "worklogs"},
        "headcount.csv": {"type": "tables", "stream": "headcount"},
        "survey.csv": {"type": "surveys"},
        "events.jsonl": {"type": "event_inbox", "deployment_pipelines": [rule]},
    }
    settings = {
        "organisation": "Acme",
        "currency": "EUR",
        "sources": [
            {"name": file.partition(".")[0], "path": f"drops/{file}", **source}
            for file, source in sources.items()
        ],
    }
    (root / "triptych.yml").write_text(json.dumps(settings))
    workspace = Workspace(root)
    pipeline.run(workspace, load_settings(root), progress=SilentProgress())
    return workspace


def test_nobody_is_in_the_lake_the_build_or_the_published_file(
    published: Workspace,
) -> None:
    assert list(published.published_dir.glob("*.duckdb"))
    text = everything_in(published.root)
    assert "checkout" in text
    for planted in PLANTED:
        assert planted not in text, planted


def test_events_become_deployments_and_an_incident_with_its_cause(
    published: Workspace,
) -> None:
    file = PublishedReader(published.root).current_path()
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute(
            "select deployment_id, service, environment_kind, outcome"
            " from delivery.fct_deployments order by 1"
        ).fetchall() == [
            ("a/production/checkout", "checkout", "production", "success"),
            ("b/production/checkout", "checkout", "production", "failure"),
        ]
        assert connection.execute(
            "select incident_id, restore_seconds, starts_at_record, cause"
            " from delivery.fct_incidents"
        ).fetchall() == [("I-7", 45 * 60, True, "window")]
