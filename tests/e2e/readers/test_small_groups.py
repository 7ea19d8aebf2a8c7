"""No row and no difference of two rows shows what a team of four booked or answered."""

from __future__ import annotations

import csv
import io
import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, get_args

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from dashboard.pages.velocity import effort_queries
from dashboard.shared import operations_queries
from tests.dashboard.conftest import text_of
from tests.e2e.cases.small_group_case import MONTHS, hours, secrets, write_small_groups
from triptych.cli import app as command_line
from triptych.core.measures.definition import definitions
from triptych.core.progress import SilentProgress
from triptych.core.settings import Role, load_settings
from triptych.core.warehouse.gate import THIS_MACHINE, Gate, Viewer
from triptych.core.workspace import Workspace
from triptych.run import pipeline
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY, STANDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from tests.dashboard.conftest import OpenApp

#: Sums of doubles are exact to far less than this share.
_NEAR = 1e-9
_SCOPES = {"team_id", "scope_kind", "scope_id", "feature_id", "model_id", "platform_id"}
ROLES: tuple[Role, ...] = get_args(Role)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace of teams of four, five and nine, published."""
    root = tmp_path_factory.mktemp("groups") / "workspace"
    write_small_groups(root)
    report = pipeline.run(
        Workspace(root), load_settings(root), progress=SilentProgress()
    )
    assert report.ingest.failures == []
    return root


def figures(root: Path, viewer: Viewer = THIS_MACHINE) -> dict[str, np.ndarray]:
    """Return the numbers of each column of each mart that somebody sees."""
    gate = Gate(root)
    listed = gate.snapshot().query(
        "SELECT table_schema || '.' || table_name AS mart"
        " FROM information_schema.tables ORDER BY 1"
    )
    by_column = {}
    for mart in listed["mart"].to_pylist():
        try:
            rows = gate.snapshot(viewer).query(f"FROM {mart}")
        except duckdb.CatalogException:
            continue
        by_column |= numbers_of(rows, mart)
    return by_column


def numbers_of(rows: pa.Table, of: str) -> dict[str, np.ndarray]:
    """Return the numbers of each column that has some."""
    columns = {
        f"{of}.{name}": numbers(rows[name].to_pylist()) for name in rows.column_names
    }
    return {name: values for name, values in columns.items() if values.size}


def numbers(values: Iterable[Any]) -> np.ndarray:
    """Return the numbers among values once each, in order."""
    kept = set()
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            kept.add(number)
    return np.array(sorted(kept))


def shown(values: np.ndarray, wanted: Iterable[float]) -> bool:
    """Return whether one of the wanted figures is among values."""
    return bool(_near(values, np.array(sorted(wanted))).any())


def _near(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if not values.size:
        return np.zeros(wanted.size, dtype=bool)
    places = np.searchsorted(values, wanted).clip(1, max(values.size - 1, 1))
    below, above = values[places - 1], values[places.clip(max=values.size - 1)]
    distance = np.minimum(abs(wanted - below), abs(wanted - above))
    return distance < _NEAR * np.maximum(1, abs(wanted))


def differences(values: np.ndarray) -> np.ndarray:
    """Return what is left where one of two numbers is taken from the other."""
    pairs = np.subtract.outer(values, values)
    return np.unique(pairs[pairs > 0])


def kinds_shown(by_column: Mapping[str, np.ndarray], team: str) -> set[str]:
    """Return which kinds of figures of a team are in a row of any mart."""
    return {
        kind
        for kind, wanted in secrets(team).items()
        if any(shown(values, wanted) for values in by_column.values())
    }


@pytest.fixture(scope="module")
def everything(root: Path) -> dict[str, np.ndarray]:
    return figures(root)


def test_every_figure_of_nine_is_in_a_mart_and_none_of_four(
    everything: dict[str, np.ndarray],
) -> None:
    assert kinds_shown(everything, "nine") == set(secrets("nine"))
    assert kinds_shown(everything, "four") == set()


def test_no_difference_of_two_rows_is_a_figure_of_four(
    everything: dict[str, np.ndarray],
) -> None:
    wanted = [figure for kind in secrets("four").values() for figure in kind]
    leaks = {
        column: sorted(values)
        for column, values in everything.items()
        if shown(differences(values), wanted)
    }
    assert leaks == {}


def test_no_difference_of_hours_in_two_marts_is_a_figure_of_four(
    everything: dict[str, np.ndarray],
) -> None:
    booked = [name for name in everything if "hours" in name]
    wanted = [figure for kind in secrets("four").values() for figure in kind]
    assert len(booked) > 8
    for one, other in combinations(booked, 2):
        apart = np.subtract.outer(everything[one], everything[other])
        assert not shown(np.unique(abs(apart)), wanted), (one, other)


def test_hours_of_the_next_smallest_are_hidden_where_a_total_would_show_four(
    root: Path,
) -> None:
    snapshot = Gate(root).snapshot()
    rows = snapshot.query(
        "SELECT team_id, infra_hours, reason, way_out FROM delivery.mart_infra_effort"
        f" WHERE month = '{MONTHS[-1]}'"
    )
    found = {row.pop("team_id"): row for row in rows.to_pylist()}
    way_out = "hours of the organisation are of more people"
    assert found == {
        "four": {
            "infra_hours": None,
            "reason": "hours of fewer than 5 people",
            "way_out": way_out,
        },
        "five": {
            "infra_hours": None,
            "reason": "hours of fewer than 5 people would follow from it",
            "way_out": way_out,
        },
        "nine": {
            "infra_hours": hours("nine", MONTHS[-1], "infra"),
            "reason": None,
            "way_out": None,
        },
    }


def test_the_organisation_has_the_hours_of_all(root: Path) -> None:
    [row] = Gate(root).snapshot().query(
        "SELECT infra_hours FROM delivery.mart_infra_hours"
        f" WHERE month = '{MONTHS[-1]}' AND window_months = 12"
        " AND scope_kind = 'organisation'"
    ).to_pylist()  # fmt: skip
    every = [hours(t, m, "infra") for t in ("four", "five", "nine") for m in MONTHS]
    assert row["infra_hours"] == pytest.approx(sum(every), rel=1e-12)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reads_a_figure_of_four(root: Path, role: Role) -> None:
    by_column = figures(root, Viewer(role))
    assert "infra hours" in kinds_shown(by_column, "nine")
    assert kinds_shown(by_column, "four") == set()


@pytest.mark.parametrize("role", ["finance", "viewer"])
def test_no_answer_to_an_assistant_has_a_figure_of_four(root: Path, role: Role) -> None:
    desk = Desk(root, role)
    told = [
        figure.value
        for listing in (*MONTHLY, *STANDING)
        for figure in desk.answer(listing).figures
    ]
    wanted = [figure for kind in secrets("four").values() for figure in kind]
    assert not shown(numbers(told), wanted)


def questions() -> Iterator[dict[str, Any]]:
    """Yield questions about measures of a mart: in total, by month, and by owner."""
    measures: dict[str, list[str]] = {}
    known = [each for each in definitions().measures.values() if each.page != "close"]
    for measure in known:
        if not measure.model.mart.startswith("cost."):
            measures.setdefault(measure.model.name, []).append(measure.name)
    for names in measures.values():
        model = definitions().measure(names[0]).model
        scopes = model.dimensions & _SCOPES
        month = {"month"} if model.month else set()
        for by in {frozenset(each) for each in ((), month, scopes | month)}:
            period = {"period": "all"} if month else {}
            for begin in range(0, len(names), 6):
                chosen = names[begin : begin + 6]
                yield {"measures": chosen, "by": sorted(by), **period}


@pytest.mark.parametrize("role", ["finance", "viewer"])
def test_no_query_over_the_wire_answers_a_figure_of_four(
    root: Path, tmp_path: Path, role: Role
) -> None:
    """By either protocol, nor is it the difference of two answers about a measure."""
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    from tests.e2e.assistant.wire import answers_of

    wanted = [figure for kind in secrets("four").values() for figure in kind]
    values: dict[str, list[Any]] = {}
    for figure in answers_of(root, tmp_path, role, [*questions()]):
        given = (figure.get(key) for key in ("value", "low", "high"))
        values.setdefault(figure["name"], []).extend(given)
    known = {name: numbers(given) for name, given in values.items()}
    assert "incident cost" in kinds_shown(known, "nine")
    assert kinds_shown(known, "four") == set()
    leaks = {n for n, v in known.items() if shown(differences(v), wanted)}
    assert leaks == set()


def test_the_command_sql_prints_no_figure_of_four(root: Path) -> None:
    for mart in ("mart_infra_effort", "mart_infra_hours", "fct_incidents"):
        query = f"FROM delivery.{mart}"
        result = CliRunner().invoke(
            command_line, ["sql", query, "--workspace", str(root), "--format", "csv"]
        )
        assert result.exit_code == 0, result.output
        printed = csv.reader(io.StringIO(result.stdout))
        values = numbers(value for row in printed for value in row)
        assert kinds_shown({mart: values}, "four") == set()
        assert kinds_shown({mart: values}, "nine") != set()


def test_rows_of_incidents_have_no_figure_of_four(root: Path) -> None:
    snapshot = Gate(root).snapshot(Viewer("engineering"))
    loads = (
        Gate(root)
        .snapshot()
        .query("SELECT load_id FROM core.mart_loads WHERE source = 'incidents'")
    )
    rows = snapshot.evidence_rows(
        "incidents", loads["load_id"].to_pylist(), limit=1_000
    )
    assert rows.num_rows == 36
    assert "engaged_seconds" not in rows.column_names
    assert kinds_shown(numbers_of(rows, "incidents"), "four") == set()


def test_a_page_and_its_exports_have_no_figure_of_four(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(open_app(root, page="velocity", period="2025"))
    assert "hours of fewer than 5 people" in text
    seen = Gate(root).snapshot(Viewer("viewer"))
    exported = {
        **numbers_of(effort_queries.infra_effort(seen, MONTHS, None), "effort"),
        **numbers_of(operations_queries.infra_hours(seen, "team"), "teams"),
        **numbers_of(operations_queries.infra_hours(seen, "platform"), "platforms"),
        **numbers_of(effort_queries.satisfaction(seen), "answers"),
    }
    assert len(kinds_shown(exported, "nine")) > 6
    assert kinds_shown(exported, "four") == set()
