"""Tables: any file or query as a canonical stream."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.sources.tables.connector import TablesConfig
from ingest.testing import ConnectorCase, ConnectorContract

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "invoice,issuer,billing_month,currency,amount\n"


@pytest.fixture
def invoices(tmp_path: Path) -> ConnectorCase:
    register = tmp_path / "invoices.csv"
    rows = "A-1,Acme,2026-03,EUR,100.00\nA-2,Acme,2026-04,EUR,50.50\n"
    register.write_text(HEADER + rows)

    def deliver_again() -> None:
        later = register.stat().st_mtime + 60
        os.utime(register, (later, later))

    def deliver_late() -> dict[str, Decimal]:
        register.write_text(HEADER + rows + "A-3,Acme,2026-04,EUR,-10.25\n")
        return {"EUR": Decimal("140.25")}

    def deliver_hostile() -> int:
        register.write_text(HEADER + rows + "A-4,Acme,2026-04,EUR,ten\n")
        return 1

    return ConnectorCase(
        connector_type="tables",
        options={"stream": "invoices", "path": "invoices.csv"},
        root=tmp_path,
        expected_rows=2,
        expected_money={"EUR": Decimal("150.50")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
    )


class TestTablesContract(ConnectorContract):
    """The shipped suite."""

    @pytest.fixture
    def case(self, invoices: ConnectorCase) -> ConnectorCase:
        return invoices


def test_a_query_over_files_becomes_a_stream(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("d,m,n\n2026-03-01,eta,3\n2026-03-01,eta,4\n")
    case = _case(
        tmp_path,
        {
            "stream": "model_usage",
            "query": "SELECT d AS date, m AS model, sum(n) AS requests"
            " FROM read_csv('raw.csv') GROUP BY ALL",
        },
    )
    case.ingest()
    assert case.query('SELECT "model_id", "requests" FROM evidence.model_usage') == [
        ("eta", Decimal(7))
    ]
    assert case.ingest().committed == []
    (tmp_path / "raw.csv").write_text("d,m,n\n2026-03-01,eta,3\n2026-03-01,eta,5\n")
    case.ingest()
    assert case.query('SELECT "requests" FROM evidence.model_usage') == [(Decimal(8),)]


def test_a_mapping_may_compute_a_column(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text("tag,when_,ms\nETA,2026-03-01,7200000\n")
    mapping = {
        "model_id": "lower(tag)",
        "period_start": "when_",
        "gpu_seconds": "CAST(ms AS BIGINT) / 1000",
    }
    case = _case(
        tmp_path, {"stream": "model_usage", "path": "usage.csv", "mapping": mapping}
    )
    case.ingest()
    assert case.query('SELECT "model_id", "gpu_seconds" FROM evidence.model_usage') == [
        ("eta", Decimal(7200))
    ]


def test_json_lines_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "usage.jsonl").write_text(
        '{"model_id": "eta", "period_start": "2026-03-01", "requests": 12}\n'
        '{"model_id": "eta", "period_start": "2026-03-02", "requests": 13}\n'
    )
    case = _case(tmp_path, {"stream": "model_usage", "path": "usage.jsonl"})
    case.ingest()
    assert case.query('SELECT sum("requests") FROM evidence.model_usage') == [
        (Decimal(25),)
    ]


def test_json_lines_take_the_names_and_defaults_that_csv_takes(tmp_path: Path) -> None:
    """Aliases in any spelling, also where each record has its own, and defaults."""
    (tmp_path / "usage.jsonl").write_text(
        '{"Model": "eta", "usage_date": "2026-03-01", "requests": 12}\n'
        '{"model": "eta", "Usage_Date": "2026-03-02", "REQUESTS": "13"}\n'
        '{"model_id": "eta", "day": null, "period_start": "2026-03-03"}\n'
    )
    options: dict[str, object] = {"defaults": {"pool_id": "gpu"}}
    case = _case(tmp_path, {"stream": "model_usage", "path": "usage.jsonl", **options})
    report = case.ingest()
    assert report.failures == []
    assert case.query("SELECT count(*) FROM catalogue.quarantine") == [(0,)]
    assert case.query(
        "SELECT count(*), count(DISTINCT period_start), min(model_id), max(model_id),"
        " sum(requests), min(pool_id) FROM evidence.model_usage"
    ) == [(3, 3, "eta", "eta", Decimal(25), "gpu")]


def test_json_lines_without_a_mandatory_member_say_which_they_have(
    tmp_path: Path,
) -> None:
    (tmp_path / "usage.jsonl").write_text('{"when": "2026-03-01", "model": "eta"}\n')
    case = _case(tmp_path, {"stream": "model_usage", "path": "usage.jsonl"})
    [failure] = case.ingest().failures
    assert "period_start" in str(failure.error)
    assert "model, when" in str(failure.error)


def test_a_member_of_json_lines_is_mapped_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "usage.jsonl").write_text('{"when": "2026-03-01", "who": "eta"}\n')
    mapping = {"period_start": "When", "model_id": "upper(record->>'$.who')"}
    case = _case(
        tmp_path, {"stream": "model_usage", "path": "usage.jsonl", "mapping": mapping}
    )
    case.ingest()
    assert case.query("SELECT model_id FROM evidence.model_usage") == [("ETA",)]


def test_the_check_of_a_query_asks_what_it_would_answer(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("d,m,n\n2026-03-01,eta,3\n")

    def checked(query: str) -> tuple[bool, str]:
        options: dict[str, object] = {"stream": "model_usage", "query": query}
        [finding] = _case(tmp_path, options).connector().check()
        return finding.is_ok, finding.message

    assert checked("SELECT d AS date, m AS model FROM read_csv('raw.csv')") == (
        True,
        "The query answers date, model.",
    )
    assert checked("SELECT m AS model FROM read_csv('raw.csv')") == (
        False,
        "The query answers no period_start, which stream 'model_usage' needs.",
    )
    is_ok, message = checked("SELECT * FROM read_csv('gone.csv')")
    assert not is_ok
    assert "gone.csv" in message


def test_a_query_that_fails_says_so_and_names_the_source(tmp_path: Path) -> None:
    case = _case(tmp_path, {"stream": "model_usage", "query": "SELECT * FROM nowhere"})
    report = case.ingest()
    text = str(report.failures[0].error)
    assert "nowhere" in text
    assert "contract" in text


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"stream": "model_usage"}, "either 'path' or 'query'"),
        ({"stream": "modelusage", "path": "x.csv"}, "known streams: "),
        (
            {"stream": "invoices", "path": "x.csv", "mapping": {"total_cost": "x"}},
            "has no column 'total_cost'; its columns: invoice_id",
        ),
    ],
)
def test_a_wrong_option_names_what_is_known(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TablesConfig(name="x", type="tables", **options)


def _case(root: Path, options: dict[str, object]) -> ConnectorCase:
    return ConnectorCase("tables", options, root, 0, {}, dict, dict, lambda: 0)


class TestTablesWithAKeyContract(ConnectorContract):
    """The same suite over a stream whose rows have a key: exchange rates."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        rates = tmp_path / "rates.csv"
        rows = "date,base,quote,rate\n2026-03-31,USD,EUR,0.92\n2026-04-30,USD,EUR,0.9\n"
        rates.write_text(rows)

        def deliver_again() -> None:
            later = rates.stat().st_mtime + 60
            os.utime(rates, (later, later))

        def deliver_late() -> dict[str, Decimal]:
            rates.write_text(rows + "2026-05-31,USD,EUR,0.91\n")
            return {}

        def deliver_hostile() -> int:
            rates.write_text(rows + "2026-05-31,USD,EUR,-1\n")
            return 1

        return ConnectorCase(
            connector_type="tables",
            options={"stream": "fx_rates", "path": "rates.csv"},
            root=tmp_path,
            expected_rows=2,
            expected_money={},
            deliver_again=deliver_again,
            deliver_late=deliver_late,
            deliver_hostile=deliver_hostile,
        )


def test_use_that_names_no_model_is_kept_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text(
        "date,model,pool,requests\n2026-03-01,eta,gateway,3\n2026-03-01,,gateway,4\n"
    )
    case = _case(tmp_path, {"stream": "model_usage", "path": "usage.csv"})
    case.ingest()
    rows = case.query(
        'SELECT "model_id", "requests" FROM evidence.model_usage ORDER BY "requests"'
    )
    assert rows == [("eta", Decimal(3)), (None, Decimal(4))]


def test_use_without_a_column_for_the_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text("date,mdl,requests\n2026-03-01,eta,3\n")
    case = _case(tmp_path, {"stream": "model_usage", "path": "usage.csv"})
    [failure] = case.ingest().failures
    assert "model_id" in str(failure.error)
