"""Stream × role × door: what the policy hides comes out of no door.

Each stream has one planted row. Each public method of a snapshot is a door, found by
looking at the class, so that a new one fails until it is attacked here; who may open a
published file at all is in the last test, so that a new module fails until it goes
through the gate.
"""

from __future__ import annotations

import ast
import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import duckdb
import pytest

from ingest.engine.lake import ALL_STREAMS
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.errors import TriptychError
from triptych.core.explanation import explain_in
from triptych.core.file_names import literal
from triptych.core.settings import Role
from triptych.core.warehouse.gate import THIS_MACHINE, Gate, Viewer
from triptych.core.warehouse.reader import (
    LineItemsOutOfReachError,
    PublishedReader,
    Snapshot,
)
from triptych.core.warehouse.restricted import RestrictedSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OF_PEOPLE = {"survey_responses", "worklogs", "assistant_use"}
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
OF_FINANCE = {
    *OF_INSIDE,
    *("headcount", "invoices"),
    *("locked_cost_waterfall", "locked_daily_model_costs", "locked_daily_pool_costs"),
    *("locked_exchange_rates", "locked_invoice_reconciliation", "locked_meter_gaps"),
    *("locked_model_unit_costs", "locked_period_adjustments"),
    *("locked_statement_lines", "locked_unallocated_causes"),
}
STREAMS = sorted(ALL_STREAMS)
ROLES: tuple[Role, ...] = get_args(Role)
VIEWERS = (
    THIS_MACHINE,
    *(Viewer(role) for role in ROLES),
    *(Viewer(role, ("cc-100",)) for role in ROLES),
)
#: Who sees all of a run has no restriction; these have one.
OF_A_PART = [viewer for viewer in VIEWERS if viewer.restriction is not None]
#: Whose rows come out of the door that is made for them.
SHOWN = {
    None: OF_FINANCE,
    "finance": OF_FINANCE,
    "engineering": OF_INSIDE,
    "analyst": OF_INSIDE,
    "viewer": set[str](),
}


def planted(stream: str) -> str:
    return f"planted-in-{stream}"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Return the gate to a run with one row in each stream there is."""
    folder = tmp_path_factory.mktemp("workspace")
    publish(folder)
    with duckdb.connect(str(PublishedReader(folder).current_path())) as connection:
        connection.execute(
            "create table lineage.evidence (stream varchar, sql varchar);"
            "create table lineage.control_loaded_hourly_rates as select 97 as rate;"
            "insert into lineage.views values (1, 'raw', 'evidence', 'aws_cur2',"
            f" {literal(_row('aws_cur2'))})"
        )
        connection.executemany(
            "insert into lineage.evidence values (?, ?)",
            [(name, f"CREATE VIEW v AS {_row(name)}") for name in STREAMS],
        )
    return Gate(folder)


def _row(stream: str) -> str:
    """Return a view of one row; the text that it shows is not in its SQL."""
    backwards = planted(stream)[::-1]
    return f"SELECT reverse('{backwards}') AS value, 'load' AS _load_id"


def _queries(stream: str) -> Iterator[str]:
    """Yield what somebody might type who knows how a run is stored."""
    places = ("raw.evidence", "evidence", "published.evidence", "memory.evidence")
    for place in places:
        yield f'select * from {place}."{stream}"'
        yield f'with x as (from {place}."{stream}") select (select max(value) from x)'
    yield f"select * from query('from raw.evidence.{stream}')"
    yield f"select * from query_table('raw.evidence.{stream}')"
    yield "select * from line_items"
    yield "select * from raw.evidence.aws_cur2 union all select * from line_items"


def _answers(ask: Callable[[str], Any], stream: str) -> str:
    found = []
    for sql in _queries(stream):
        with suppress(duckdb.Error, TriptychError):
            found += ask(sql).to_pylist()
    return str(found)


def by_query(snapshot: Snapshot, stream: str) -> str:
    return _answers(snapshot.query, stream)


def by_line_items(snapshot: Snapshot, stream: str) -> str:
    return _answers(snapshot.query_line_items, stream)


def by_source_rows(snapshot: Snapshot, stream: str) -> str:
    try:
        rows = snapshot.evidence_rows(stream, ["load"], limit=5).to_pylist()
    except LineItemsOutOfReachError:
        return ""
    return str(rows)


def by_digest(snapshot: Snapshot, stream: str) -> str:
    return str(snapshot.digest_of_input([stream, "loaded_hourly_rates"]))


def by_tables(snapshot: Snapshot, stream: str) -> str:
    del stream
    return str(snapshot.tables())


def by_column_types(snapshot: Snapshot, stream: str) -> str:
    del stream
    return str(snapshot.column_types())


DOORS = {
    "column_types": by_column_types,
    "query": by_query,
    "query_line_items": by_line_items,
    "evidence_rows": by_source_rows,
    "digest_of_input": by_digest,
    "tables": by_tables,
}
#: What tells of the run or of the policy itself, and of no row.
OF_NO_ROW = {
    *("run_id", "path", "restriction"),
    *("inputs_hash", "journal_head", "viewed_as", "shows_rows_of"),
    "has_line_items",
}


def _is_open(viewer: Viewer, stream: str) -> bool:
    return viewer.cost_centers is None and stream in SHOWN[viewer.role]


def test_every_door_is_attacked_here() -> None:
    members = {
        name
        for kind in (Snapshot, RestrictedSnapshot)
        for name, _ in inspect.getmembers(kind)
        if not name.startswith("_")
    }
    assert members - OF_NO_ROW == set(DOORS)


def test_every_stream_was_decided_on_and_a_new_one_is_closed(gate: Gate) -> None:
    """A stream that nobody listed, such as one of tomorrow, is shown to nobody."""
    assert set(STREAMS) == OF_FINANCE | OF_PEOPLE
    for viewer in VIEWERS:
        assert not gate.snapshot(viewer).shows_rows_of("a_stream_of_tomorrow")


@pytest.mark.parametrize("viewer", VIEWERS, ids=str)
def test_what_the_policy_hides_comes_out_of_no_door(gate: Gate, viewer: Viewer) -> None:
    snapshot = gate.snapshot(viewer)
    for stream in STREAMS:
        for door, attack in DOORS.items():
            is_meant = door == "evidence_rows" and _is_open(viewer, stream)
            assert (planted(stream) in attack(snapshot, stream)) == is_meant
        # What a page offers is what it gets.
        assert snapshot.shows_rows_of(stream) == _is_open(viewer, stream)


@pytest.mark.parametrize("viewer", OF_A_PART, ids=str)
@pytest.mark.parametrize(
    "sql",
    [
        "select database_name from duckdb_databases()",
        "select * from duckdb_tables",
        "select * from information_schema.tables",
        "show all tables",
        "pragma database_list",
        "select * from lineage.control_loaded_hourly_rates",
        "select (select max(rate) from lineage.control_loaded_hourly_rates)",
    ],
)
def test_a_role_finds_neither_the_whole_run_nor_what_it_was_told(
    gate: Gate, viewer: Viewer, sql: str
) -> None:
    """The whole run lies under a name that the engine would list."""
    with pytest.raises(duckdb.Error):
        gate.snapshot(viewer).query(sql)


@pytest.mark.parametrize("viewer", OF_A_PART, ids=str)
def test_a_figure_is_worked_out_for_who_sees_all_of_it(
    gate: Gate, viewer: Viewer, tmp_path: Path
) -> None:
    figure = "cost.mart_cost_waterfall/billed_cost?billing_month=2026-09&step=ledger"
    with pytest.raises(TriptychError, match="reads all of the evidence"):
        explain_in(gate.snapshot(viewer), tmp_path, figure)


#: Who opens a published file without the gate, and why that is no door. A new module
#: asks the gate; if it must not, somebody decides so in here.
WITHOUT_THE_GATE = {
    "triptych/core/warehouse/reader.py": "is what the gate stands on",
    "triptych/core/warehouse/gate.py": "is the gate",
    "triptych/core/warehouse/restricted.py": "is the policy at work",
    "triptych/core/warehouse/published_file.py": "opens the file for those",
    "triptych/core/warehouse/publish.py": "writes the file",
    "triptych/core/warehouse/bi_files.py": "copies all of it where settings ask so",
    "triptych/core/marts/build.py": "writes what is published, and never reads that",
    "triptych/core/marts/own_build.py": "adds the workspace's models to a draft",
    "triptych/core/marts/fingerprint.py": "reads the catalogue",
    "triptych/discovery/ledger_sample.py": "reads bills, before there is a run",
    "triptych/discovery/study_outcomes.py": "checks studies, on this machine",
    "triptych/evidence/pruning.py": "looks which files a kept run reads",
    "triptych/evidence/repairing.py": "opens files that repair damaged ones",
    "triptych/core/warehouse/replay.py": "runs models again, for explanations of all",
    "triptych/core/explanation/rederivation.py": "compares; refused to who sees a part",
    "dashboard/shared/access.py": "remembers the views of a role for the pages",
    "dashboard/shared/frame.py": "names what is not published",
    "attribution/scenarios/running.py": "computes, and prints totals to its caller",
    "triptych/service/metrics.py": "counts for a monitor",
    "triptych/service/health.py": "says how old what is published is",
    "triptych/service/status.py": "says what is published, on this machine",
    "triptych/run/after_run.py": "names red months to the webhook that is configured",
    "triptych/month/accepting.py": "accepts, for two people on this machine",
    "triptych/month/accruing.py": "books, for two people on this machine",
    "triptych/month/closing.py": "closes, for two people on this machine",
    "triptych/month/commenting.py": "looks whether a month is there",
    "triptych/service/readiness.py": "says what a feature lacks, on this machine",
    "triptych/month/reconciliation.py": "says what does not tie, on this machine",
    "triptych/run/study_journal.py": "keeps figures of studies, from the build",
    "triptych/month/validating.py": "signs, on this machine",
}
OPENERS = {"PublishedReader", "attach_published", "Replay"}


def test_no_other_module_opens_what_is_published(repository: Path) -> None:
    found = {
        path.relative_to(repository).as_posix()
        for package in ("triptych", "dashboard", "attribution", "ingest")
        for path in (repository / package).rglob("*.py")
        if _names(path) & OPENERS or _may_attach(path)
    }
    assert found == set(WITHOUT_THE_GATE)


def _may_attach(path: Path) -> bool:
    """Tell whether a module opens databases and speaks of what is published."""
    text = path.read_text("utf-8")
    openers = ("duckdb.connect(", "ATTACH ", "spare_engine(")
    opens = any(opener in text for opener in openers)
    return opens and "publish" in text.lower()


def _names(path: Path) -> set[str]:
    text = path.read_text("utf-8")
    if not any(opener in text for opener in OPENERS):
        return set()
    tree = ast.parse(text)
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    defined = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    return imported | defined
