"""Each stream × each role: whose rows behind a figure may be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.roles import restriction_of
from ingest.lake import ALL_STREAMS
from tests.dashboard.test_access import ROLES
from tests.dashboard.warehouse_fixture import publish
from triptych.warehouse.reader import (
    LineItemsOutOfReachError,
    PublishedReader,
    Snapshot,
)
from triptych.warehouse.restricted import restricted

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.settings import Role

OF_PEOPLE = {"survey_responses", "worklogs"}
#: What engineering and analysts look at. By hand: a new stream is closed to them until
#: somebody decides otherwise, in here too.
OF_INSIDE = {
    *("focus", "aws_cur2", "aws_cost_explorer", "gcp_billing_export"),
    *("llm_provider_costs", "opencost_costs", "railway_usage"),
    *("sku_prices", "billing_projects", "fx_rates", "budgets", "commitments"),
    *("model_usage", "accelerator_usage", "llm_usage", "opencost_allocation"),
    *("serving_latency", "latency_histograms", "outcomes", "process_volumes"),
    *("deployments", "commits", "incidents", "training_runs"),
    *("model_versions", "promotions"),
}
STREAMS = sorted(ALL_STREAMS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a published run with one row in each stream there is."""
    folder = tmp_path_factory.mktemp("workspace")
    publish(folder)
    with duckdb.connect(str(PublishedReader(folder).current_path())) as connection:
        connection.execute(
            "create table lineage.evidence (stream varchar, sql varchar);"
            "insert into lineage.views values (1, 'raw', 'evidence', 'aws_cur2',"
            " 'SELECT 7 AS value, ''load'' AS _load_id')"
        )
        connection.executemany(
            "insert into lineage.evidence values (?, ?)",
            [
                (name, "CREATE VIEW v AS SELECT 7 AS value, 'load' AS _load_id")
                for name in STREAMS
            ],
        )
    return folder


def seen_by(
    root: Path, role: Role | None, centers: tuple[str, ...] | None = None
) -> Snapshot:
    snapshot = PublishedReader(root).snapshot()
    restriction = role and restriction_of(role, centers)
    return restricted(snapshot, root, restriction) if restriction else snapshot


def opened(snapshot: Snapshot) -> set[str]:
    """Return the streams whose rows are shown, after asking for each."""
    shown = set()
    for stream in STREAMS:
        try:
            rows = snapshot.evidence_rows(stream, ["load"], limit=5).to_pylist()
        except LineItemsOutOfReachError:
            continue
        assert rows == [{"value": 7, "_load_id": "load"}]
        shown.add(stream)
    # What a page offers is what it gets.
    assert {name for name in STREAMS if snapshot.shows_rows_of(name)} == shown
    return shown


def test_each_stream_is_open_to_its_roles_and_closed_to_all_others(root: Path) -> None:
    everything = set(STREAMS) - OF_PEOPLE
    expected = {
        "finance": everything,
        "engineering": OF_INSIDE,
        "analyst": OF_INSIDE,
        "viewer": set[str](),
    }
    assert {role: opened(seen_by(root, role)) for role in ROLES} == expected
    # This machine itself sees what finance sees.
    assert opened(seen_by(root, None)) == everything


@pytest.mark.parametrize("role", ROLES)
def test_single_cost_centres_open_no_stream(root: Path, role: Role) -> None:
    assert opened(seen_by(root, role, ("cc-100",))) == set()


def test_answers_and_bookings_of_people_are_streams_of_the_inventory() -> None:
    assert set(STREAMS) >= OF_PEOPLE | OF_INSIDE
