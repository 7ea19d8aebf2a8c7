"""Every measure has one value on every surface: compared digit for digit.

A saved query is asked over MCP and REST, by the command that its answer names, and by
plain SQL of the semantic files, which MetricFlow reads. Digests and the metrics of a
run have the values of the same files. Questions and measures come from the definitions,
rows from the contracts of marts.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import httpx2
from mcp import Client
from typer.testing import CliRunner

from tests.e2e.assistant.paging import all_pages
from tests.e2e.assistant.serving import running
from tests.triptych.core.measures.as_written import (
    aggregate,
    condition,
    files,
    metrics,
    plain,
    rows_of_model,
    written_sql,
)
from tests.triptych.core.measures.invented_marts import MONTHS, publish
from triptych.cli import app
from triptych.core.file_names import literal
from triptych.core.measures.answer import ask
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import among, query
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.service.alerts.conditions import SERVICE, written
from triptych.service.alerts.digest_parts import PARTS, read_sections
from triptych.service.assistant.answers import Answer
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.http_server import PATH
from triptych.service.assistant.rest import PREFIX
from triptych.service.assistant.server import build_server
from triptych.service.assistant.tokens import TokenFile
from triptych.service.metrics import collect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from triptych.core.measures.definition import Measure, Question
    from triptych.core.warehouse.reader import Snapshot

    #: Measure and the labels of a row → value, as text.
    Values = Mapping[tuple[str, ...], str | None]

PRIOR_MONTH, MONTH = MONTHS
#: A measure, and what its column is called in a part of a digest.
_NAMED = re.compile(r'"(\w+)" AS "(\w+)"')
#: How a digest calls a model, and the month that it is of.
NO_MODEL = "coalesce(model_id, 'no model')"
NEWEST_MONTH = (
    "(SELECT max(billing_month) FROM cost.fct_daily_model_costs WHERE charge_date ="
    " (SELECT max(charge_date) FROM cost.fct_daily_model_costs))"
)
#: Part of the amounts that nobody knows: a sum with one of them is unknown.
UNKNOWN = 0.004


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("surfaces")
    publish(root, most=60, unknown=UNKNOWN)
    (root / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n", "utf-8")
    return root


@pytest.fixture(scope="module")
def snapshot(root: Path) -> Snapshot:
    return PublishedReader(root).snapshot()


@pytest.fixture(scope="module")
def rest(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return what asks a question over REST."""
    tokens = TokenFile(tmp_path_factory.mktemp("runs"))
    bearer = tokens.add("surfaces", "finance", days=1)
    with running(root, tokens) as address:

        def ask(question: str, **given: str) -> Answer:
            url = f"{address.removesuffix(PATH)}{PREFIX}/{question}"
            headers = {"Authorization": f"Bearer {bearer}"}
            found = httpx2.get(url, params=given, headers=headers, timeout=60)
            return Answer.model_validate(found.json())

        yield ask


def month_of(question: Question) -> dict[str, Any]:
    return {} if question.when is None else {"month": MONTH}


def ask_client(root: Path, questions: list[Question]) -> dict[str, Answer]:
    """Ask an MCP server questions over a client's connection."""

    async def ask() -> dict[str, Answer]:
        async with Client(build_server(Desk(root))) as client:
            answers = {}
            for each in questions:
                given = {"name": each.name, **month_of(each)}
                answers[each.name] = await all_pages(client, "report", given)
            return answers

    return anyio.run(ask)


def values_of(question: Question, answer: Answer) -> Values:
    """Return the figures of an answer by measure and labels."""
    assert answer.refusal is None, answer.refusal
    names = [measure.name for measure in question.measures]
    rows: dict[tuple[str, ...], str | None] = {}
    for place, figure in enumerate(answer.figures):
        labels = (str(figure.labels[name]) for name in question.by)
        rows[names[place % len(names)], *labels] = figure.value
    return rows


def values_of_rows(question: Question, rows: list[dict[str, Any]]) -> Values:
    """Return the figures of rows by measure and labels."""
    return {
        (measure.name, *(as_text(row[name]) or "None" for name in question.by)): (
            as_text(row[measure.name])
        )
        for row in rows
        for measure in question.measures
    }


def as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def command_of(root: Path, question: Question, answer: Answer) -> Values:
    """Return what the command prints that an answer names as its SQL."""
    arguments = ["sql", answer.sql or "", "--json", "--workspace", str(root)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout, parse_float=Decimal)
    return values_of_rows(question, rows)


def as_written(snapshot: Snapshot, question: Question) -> Values:
    """Answer a saved query by its file: expressions and conditions as written there."""
    [saved] = [each for each in files("saved_queries") if each["name"] == question.name]
    asked = saved["query_params"]
    where = [plain(each) for each in asked.get("where", ())]
    if question.when:
        given = {"month": MONTH, "prior_month": PRIOR_MONTH}
        where.append(re.sub(r"\$(\w+)", lambda m: f"'{given[m[1]]}'", question.when))
    conditions = {condition(metrics()[name]) for name in asked["metrics"]}
    where += [*conditions] if len(conditions) == 1 else ["true"]
    model = question.measures[0].model.name
    sql = written_sql(model, asked["metrics"], question.by, " AND ".join(where))
    return values_of_rows(question, snapshot.query(sql).to_pylist())


def differing(one: Values, other: Values) -> dict[tuple[str, ...], tuple[Any, Any]]:
    """Return the figures of which two surfaces have other digits."""
    keys = one.keys() | other.keys()
    return {
        key: (one.get(key, "no figure"), other.get(key, "no figure"))
        for key in keys
        if one.get(key, "no figure") != other.get(key, "no figure")
    }


def test_every_surface_has_the_figures_of_the_file(
    root: Path, snapshot: Snapshot, rest: Any
) -> None:
    questions = [*definitions().questions.values()]
    answers = ask_client(root, questions)
    known = 0
    for each in questions:
        answer = answers[each.name]
        figures = values_of(each, answer)
        assert figures, each.name
        assert answer.left_out_count == 0, each.name
        assert not differing(figures, as_written(snapshot, each)), each.name
        assert rest(each.name, **month_of(each)).figures == answer.figures, each.name
        assert not differing(figures, command_of(root, each, answer)), each.name
        known += sum(value is not None for value in figures.values())
    pairs = sum(len(each.measures) for each in questions) * 4
    print(f"{pairs} measures by surface, {known} known values on each")  # noqa: T201
    assert known > pairs


def test_a_wrong_definition_of_each_measure_is_seen(
    root: Path, snapshot: Snapshot
) -> None:
    """Each measure of each saved query with one unit more in every row.

    A ratio has no expression; its halves are measures of their own.
    """
    for each in definitions().questions.values():
        wrong = tuple(replace(m, expr=f"({m.expr}) + 1") for m in each.measures)
        answer = Desk(root).answer(replace(each, measures=wrong), **month_of(each))
        values = values_of(each, answer)
        ratios = {measure.name for measure in each.measures if measure.is_ratio}
        known = {name for (name, *_), value in values.items() if value is not None}
        known -= ratios
        seen = {name for name, *_ in differing(values, as_written(snapshot, each))}
        assert known
        assert known <= seen, each.name


def test_a_digest_has_the_values_of_its_measures(snapshot: Snapshot) -> None:
    """Each row of a part that asks for measures, worked out from the file again."""
    [newest] = snapshot.query(f"SELECT {NEWEST_MONTH} AS month").to_pylist()
    text = " ".join(
        line
        for section in read_sections(snapshot, "engineering", None)
        for line in section.lines
    )
    checked = 0
    for part in PARTS:
        named = {
            column: definitions().measures[name]
            for name, column in _NAMED.findall(part.sql)
            if name in definitions().measures and f"{{{column}}}" in part.text
        }
        given = {"team": None} if "$team" in part.sql else {}
        rows = snapshot.query(part.sql, given).to_pylist() if named else []
        for row in rows:
            for column, measure in named.items():
                value = of_file(snapshot, measure, row, newest["month"])
                assert row[column] == value, (part.heading, measure.name)
                if "engineering" in part.audiences:
                    assert written(value) in text
                checked += 1
    assert checked


def of_file(
    snapshot: Snapshot, measure: Measure, row: Mapping[str, Any], month: str
) -> object:
    """Return a measure by its file, of the rows that have the labels of a row."""
    model = measure.model
    where = [f"{model.month} = '{month}'"] if model.month else []
    labels = {"currency", "model_id", "pool_id"} & row.keys() & model.dimensions
    where += [among(name, row[name]).sql for name in sorted(labels)]
    if "subject" in row:
        subject = SERVICE if "service_name" in model.dimensions else NO_MODEL
        where.append(f"{subject} = {literal(row['subject'])}")
    sql = f"SELECT {aggregate(measure.name)} AS value FROM {rows_of_model(model.name)}"
    [found] = snapshot.query(f"{sql} WHERE {' AND '.join(where)}").to_pylist()
    return found["value"]


def test_metrics_of_a_run_have_the_values_of_their_measures(
    root: Path, snapshot: Snapshot
) -> None:
    [metric] = [
        each
        for each in collect(Workspace(root), load_settings(root))
        if each.name == "triptych_unreconciled_amount"
    ]
    by = ("billing_month", "currency")
    figures = ask(snapshot, query("unreconciled_amount", by=by))
    known = {
        (*each.labels.values(),): float(each.value)
        for each in figures
        if each.value is not None
    }
    assert known
    assert {(*labels.values(),): value for labels, value in metric.samples} == known
