"""What a run loads, ``check`` calls ready: JSON Lines, other encodings and endings."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.cli import app
from triptych.core.workspace import initialise
from triptych.sample_company import write_sample_company

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typer.testing import Result

BILLS = {bill.name: bill for bill in held_out_bills()}
FOCUS = [BILLS["aws_focus"].write_row(line) for line in BILLS["aws_focus"].lines[:2]]
SETTINGS = (
    "organisation: Acme\ncurrency: USD\n"
    "sources:\n  - {{name: bills, type: {type}, path: bills{more}}}\n"
)


def triptych(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def as_csv(rows: Sequence[dict[str, str]], delimiter: str = ",") -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def as_json_lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def as_parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(FOCUS), content)
    return content.getvalue()


def google() -> list[dict[str, Any]]:
    """Return two charges as BigQuery writes them to JSON Lines."""
    return [
        {
            "billing_account_id": "0A1B2C-3D4E5F-6A7B8C",
            "service": {"id": "1", "description": "Vertex AI"},
            "sku": {"id": "2", "description": "Gemini 2.5 Pro Input Tokens"},
            "usage_start_time": f"2026-06-0{day} 00:00:00 UTC",
            "usage_end_time": f"2026-06-0{day} 01:00:00 UTC",
            "cost": 1.5,
            "currency": "USD",
            "invoice": {"month": "202606"},
            "cost_type": "regular",
        }
        for day in (1, 2)
    ]


def flat_google() -> list[dict[str, str]]:
    return [
        BILLS["gcp_export"].write_row(line) | {"currency": "USD"}
        for line in BILLS["gcp_export"].lines[:2]
    ]


DELIVERED = {
    "JSON Lines": ("a.jsonl", as_json_lines(FOCUS), "focus_files", ""),
    "packed JSON Lines": (
        *("a.ndjson.gz", gzip.compress(as_json_lines(FOCUS)), "focus_files", ""),
    ),
    "Google's JSON Lines": ("a.jsonl", as_json_lines(google()), "gcp_billing", ""),
    "Google's JSON Lines in a folder of bills": (
        *("a.jsonl", as_json_lines(google()), "focus_files", ""),
    ),
    "Google's CSV with semicolons in UTF-16": (
        "a.csv",
        as_csv(flat_google(), ";").encode("utf-16"),
        "gcp_billing",
        ", delimiter: ';', encoding: utf-16",
    ),
    "UTF-16": (
        *("a.csv", as_csv(FOCUS).encode("utf-16"), "focus_files"),
        ", encoding: utf-16",
    ),
    "Latin-1": (
        "a.csv",
        as_csv([row | {"x_Größe": "klein"} for row in FOCUS]).encode("latin-1"),
        "focus_files",
        ", encoding: latin-1",
    ),
    "upper-case Parquet": ("M1.PARQUET", as_parquet(), "focus_files", ""),
    "upper-case packed CSV": (
        *("M1.CSV.GZ", gzip.compress(as_csv(FOCUS).encode()), "focus_files", ""),
    ),
    "upper-case packed JSON Lines": (
        *("M1.JSONL.GZ", gzip.compress(as_json_lines(FOCUS)), "focus_files", ""),
    ),
    "Google's upper-case packed JSON Lines": (
        *("M1.JSONL.GZ", gzip.compress(as_json_lines(google())), "gcp_billing", ""),
    ),
}


def delivered(
    tmp_path: Path, name: str, content: bytes, type_: str, more: str = ""
) -> Path:
    """Return a workspace with one bill and a source for it."""
    root = initialise(tmp_path / "w").root
    settings = SETTINGS.format(type=type_, more=more)
    (root / "triptych.yml").write_text(settings, encoding="utf-8")
    (root / "bills" / name).write_bytes(content)
    return root


@pytest.mark.parametrize("case", DELIVERED)
def test_check_is_ready_for_what_a_run_loads(tmp_path: Path, case: str) -> None:
    name, content, type_, more = DELIVERED[case]
    root = delivered(tmp_path, name, content, type_, more)

    answer = triptych("check", "-w", root, "--json")
    [report] = json.loads(answer.stdout)["sources"][0]["files"]
    loaded = triptych("ingest", "-w", root)

    assert (report["state"], report["row_count"]) == ("bill", 2)
    assert answer.exit_code == 0, answer.stderr
    assert loaded.exit_code == 0, loaded.stderr
    assert "2 rows" in loaded.stdout


@pytest.mark.parametrize(
    ("type_", "content", "more"),
    [
        ("focus_files", as_csv(FOCUS).encode("utf-16"), ""),
        ("focus_files", as_csv(FOCUS).encode(), ", encoding: utf-16"),
        ("gcp_billing", as_csv(flat_google()).encode("utf-16"), ""),
    ],
)
def test_another_encoding_is_answered_with_what_to_set(
    tmp_path: Path, type_: str, content: bytes, more: str
) -> None:
    """To deliver the file again would not help."""
    root = delivered(tmp_path, "a.csv", content, type_, more)
    for command in ("check", "ingest"):
        answer = triptych(command, "-w", root)
        assert answer.exit_code == 3
        said = " ".join((answer.stdout + answer.stderr).split())
        assert "Set 'encoding' on this source (utf-8, utf-16 or latin-1)" in said
        assert "Deliver it again" not in said


def test_a_first_workspace_is_made_from_json_lines(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(as_json_lines(FOCUS))
    answer = triptych("init", tmp_path / "w", "--from", tmp_path / "x.jsonl")
    assert answer.exit_code == 0, answer.stderr
    assert "2 charges" in answer.stdout


def test_the_sample_company_is_ready(tmp_path: Path) -> None:
    write_sample_company(tmp_path / "w", months=6, scale=0.05)
    answer = triptych("check", "-w", tmp_path / "w")
    assert answer.exit_code == 0, answer.stderr
    assert "2026-10.jsonl.gz: Google Cloud usage cost export" in answer.stdout
