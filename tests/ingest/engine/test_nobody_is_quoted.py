"""Errors, logs and quarantine name columns and lines, and nobody."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import ingest.http.client
from ingest.http.client import HttpClient
from ingest.reading.malformed import as_failed
from ingest.sources.tables.databases.failures import Asked
from ingest.testing import ConnectorCase, _captured_logs
from tests.ingest.engine.test_nothing_of_people_is_kept import everything_in
from tests.ingest.servers.http_server import Answer, ScriptedServer
from triptych.core.errors import TriptychError
from triptych.core.personal import places_of, reason_of, without_people

if TYPE_CHECKING:
    from pathlib import Path

LOGIN, ADDRESS, NAME = "planted-login", "jo.planted@example.com", "Jo Planted"
PEOPLE = (LOGIN, ADDRESS, NAME)

FOCUS = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,"
    "ChargePeriodStart,ChargePeriodEnd,ServiceName,User Name,x_Owner"
)


def bill_line(cost: str, owner: str = "eta") -> str:
    month = "2026-03-01T00:00:00Z,2026-04-01T00:00:00Z"
    day = "2026-03-02T00:00:00Z,2026-03-03T00:00:00Z"
    return f"{cost},1.00,USD,{month},Usage,{day},Assistant,{LOGIN},{owner}"


def case_of(root: Path, type_: str, **options: Any) -> ConnectorCase:
    (root / "drops").mkdir(exist_ok=True)
    return ConnectorCase(
        connector_type=type_,
        options=options,
        root=root,
        expected_rows=1,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=lambda: 0,
    )


def told_by(case: ConnectorCase) -> str:
    """Ingest, and return all that is said and kept of it."""
    with _captured_logs() as captured:
        report = case.ingest()
        findings = case.connector().check()
    errors = [f"{failure.error}\n{failure.error!r}" for failure in report.failures]
    return "\n".join(
        [
            *(captured.getvalue(), repr(report), repr(findings)),
            *(*errors, everything_in(case.root)),
        ]
    )


def assert_nobody_in(text: str) -> None:
    for person in PEOPLE:
        assert person not in text, text[max(0, text.find(person) - 200) :][:400]


#: Files that cannot be read, with people in the place where they break.
BROKEN = {
    "a header that is a row": f"{LOGIN},{LOGIN},{ADDRESS}\n",
    "a number that is a name": f"worklog_id,started_at,hours\n1,{ADDRESS},{NAME}\n",
    "a line too long": f"worklog_id,started_at,hours\n1,2026-03-01,2,{LOGIN},{NAME}\n",
    "an open quote": f'worklog_id,started_at,hours\n1,2026-03-01,"{LOGIN}\n1,2,3\n',
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_table_of_people_that_breaks_quotes_nobody(
    tmp_path: Path, broken: str
) -> None:
    case = case_of(tmp_path, "tables", stream="worklogs", path="drops")
    (tmp_path / "drops" / "a.csv").write_text(BROKEN[broken])
    assert_nobody_in(told_by(case))


def test_lines_of_json_that_break_quote_nobody(tmp_path: Path) -> None:
    case = case_of(tmp_path, "tables", stream="worklogs", path="drops")
    (tmp_path / "drops" / "a.jsonl").write_text(f'{{"worklog_id": "{LOGIN}, "b\n')
    assert_nobody_in(told_by(case))


def test_an_expression_over_a_column_of_people_quotes_nobody(tmp_path: Path) -> None:
    mapping = {"hours": "CAST(who AS INTEGER)", "source_system": "'x'"}
    case = case_of(tmp_path, "tables", stream="worklogs", path="drops", mapping=mapping)
    text = f"worklog_id,started_at,who\n1,2026-03-01,{LOGIN}\n"
    (tmp_path / "drops" / "a.csv").write_text(text)
    told = told_by(case)
    assert "1 of 1 rows cannot count" in told
    assert_nobody_in(told)


def test_a_query_over_a_file_of_people_quotes_nobody(tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text(f"who\n{LOGIN}\n{LOGIN}\n")
    query = "SELECT CAST(who AS INTEGER) AS hours FROM 'who.csv'"
    case = case_of(tmp_path, "tables", stream="worklogs", query=query)
    with _captured_logs() as captured:
        report = case.ingest()
    assert report.failures
    assert "The query failed" in str(report.failures[0].error)
    assert_nobody_in(captured.getvalue() + repr(report) + str(report.failures))


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "broken line"])
def test_a_bill_with_people_in_its_columns_keeps_and_quotes_nobody(
    tmp_path: Path, form: str
) -> None:
    case = case_of(tmp_path, "focus_files", path="drops")
    good = [bill_line("1.00")] * 3
    lines = [FOCUS, *good, bill_line("no number", ADDRESS)]
    if form == "broken line":
        lines.append(f"{bill_line('2.00')},{LOGIN}")
    text = "\n".join(lines) + "\n"
    csv = tmp_path / "drops" / "bill.csv"
    csv.write_text(text)
    if form in {"jsonl", "parquet"}:
        of_form = "json" if form == "jsonl" else "parquet"
        duckdb.connect().execute(
            f"copy (from read_csv('{csv}', all_varchar = true))"
            f" to '{csv.with_suffix('.' + form)}' (format {of_form})"
        )
        csv.unlink()
    told = told_by(case)
    assert case.query("select count(*) from evidence.focus") == [(3,)]
    refused = case.query("select row_content from catalogue.quarantine")
    assert len(refused) == (2 if form == "broken line" else 1)
    assert "no number" in repr(refused)
    assert_nobody_in(told)


#: What a server may answer that is not what it should be, with people in it.
PAGE = {"seats": [{"assignee": {"login": LOGIN, "email": ADDRESS, "name": NAME}}]}
ANSWERS = {
    "JSON that ends early": Answer(json.dumps(PAGE)[:-3].encode()),
    "an error that is a page": Answer(PAGE, 400),
    "an error of the server that is a page": Answer(PAGE, 500),
    "a refusal that names an address": Answer({"message": f"no {ADDRESS}"}, 403),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_answers_with_people_quotes_nobody(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
    with ScriptedServer() as server, _captured_logs() as captured:
        server.route("GET", "/seats", lambda _: ANSWERS[answer])
        client = HttpClient(base_url=server.url, source="source 'a'", attempts=2)
        with client, pytest.raises(TriptychError) as caught:
            client.get_json("/seats")
    assert_nobody_in(f"{captured.getvalue()} {caught.value} {caught.value!r}")


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"Invalid isoformat string: '{LOGIN}'"),
        ValueError(f"could not convert string to float: '{NAME}'"),
        KeyError(LOGIN),
        TypeError(f"unsupported operand: {LOGIN!r}"),
        AttributeError(f"no attribute {LOGIN!r}"),
        duckdb.ConversionException(f'Conversion Error: Input: "{{"login": "{LOGIN}'),
        duckdb.InvalidInputException(f"Could not parse '{LOGIN}' ({ADDRESS})"),
    ],
)
def test_an_error_of_a_library_is_told_without_its_values(error: Exception) -> None:
    assert_nobody_in(reason_of(error) + str(as_failed(error, "a.csv")))


class _StateError(Exception):
    sqlstate = "22P02"


@pytest.mark.parametrize(
    "error",
    [
        _StateError(f'ERROR: invalid input syntax for type integer: "{LOGIN}"'),
        RuntimeError(f"400 Bad int64 value: {LOGIN}"),
        RuntimeError(f"cannot cast the row of {ADDRESS}"),
    ],
)
def test_an_error_of_a_database_is_told_without_the_row(error: Exception) -> None:
    told = Asked("source 'a'", "Grant SELECT.", 60).failed(error)
    assert "The query failed" in str(told)
    assert_nobody_in(str(told))


def test_places_of_an_error_have_no_text_of_it_nor_of_its_cause() -> None:
    try:
        try:
            {}[LOGIN]
        except KeyError as cause:
            raise ValueError(ADDRESS) from cause
    except ValueError as error:
        told = places_of(error)
    assert told.startswith("ValueError\n")
    assert "KeyError" in told
    assert "test_nobody_is_quoted.py" in told
    assert_nobody_in(told)


def test_a_refused_row_is_kept_without_people() -> None:
    row = {
        "user_name": LOGIN,
        "by": [{"login": LOGIN}],
        "Author": NAME,
        "cost": "x",
        "tag": f"by {ADDRESS}",
    }
    kept = json.loads(without_people(json.dumps(row)))
    assert kept == {
        "user_name": "•••",
        "by": [{"login": "•••"}],
        "Author": "•••",
        "cost": "x",
        "tag": "by •••",
    }


def test_a_recorded_answer_that_breaks_quotes_nobody(tmp_path: Path) -> None:
    case = case_of(tmp_path, "github_copilot", path="drops", organisation="acme")
    folder = tmp_path / "drops/organizations/acme/settings/billing/usage"
    folder.mkdir(parents=True)
    (folder / "a.json.gz").write_bytes(gzip.compress(json.dumps(PAGE)[:-2].encode()))
    assert_nobody_in(told_by(case))
