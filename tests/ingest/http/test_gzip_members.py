"""Data of several gzip members, as ``cat a.gz b.gz`` writes it, is read to its end."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

from ingest.http.client import HttpClient
from ingest.http.gzip_members import GzipMembers, TooLargeError
from ingest.storage.files import column_names, open_text
from tests.ingest.engine.test_nobody_is_quoted import FOCUS, bill_line, case_of
from tests.ingest.servers.http_server import Answer, ScriptedServer
from triptych.core.errors import TransientSourceError

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = b"first " * 40_000, b"second " * 40_000
PACKED = gzip.compress(FIRST) + gzip.compress(SECOND) + b"\0" * 512


@pytest.mark.parametrize("size", [1, 1000, 65_536, len(PACKED)])
def test_all_members_are_read_however_the_pieces_are_cut(size: int) -> None:
    members = GzipMembers()
    pieces = [PACKED[n : n + size] for n in range(0, len(PACKED), size)]
    assert b"".join(map(members.decode, pieces)) == FIRST + SECOND
    assert members.is_whole


def test_a_second_member_that_is_cut_off_is_not_whole() -> None:
    members = GzipMembers()
    members.decode(gzip.compress(FIRST) + gzip.compress(SECOND)[:-9])
    assert not members.is_whole


def test_the_size_of_all_members_together_is_bounded() -> None:
    both = len(FIRST) + len(SECOND)
    assert len(GzipMembers(both).decode(PACKED)) == both
    with pytest.raises(TooLargeError):
        GzipMembers(both - 1).decode(PACKED)
    with pytest.raises(zlib.error):
        GzipMembers().decode(gzip.compress(FIRST) + b"no gzip")


def lines_of(form: str) -> tuple[bytes, bytes]:
    """Return a bill in two parts: a charge of 1 dollar, and one of 2."""
    if form == "csv":
        parts = f"{FOCUS}\n{bill_line('1.00')}\n", f"{bill_line('2.00')}\n"
    else:
        names = FOCUS.split(",")
        rows = [bill_line(cost).split(",") for cost in ("1.00", "2.00")]
        first, second = (json.dumps(dict(zip(names, r, strict=True))) for r in rows)
        parts = f"{first}\n", f"{second}\n"
    return parts[0].encode(), parts[1].encode()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_bill_of_two_members_is_loaded_whole(tmp_path: Path, form: str) -> None:
    case = case_of(tmp_path, "focus_files", path="drops")
    path = tmp_path / "drops" / f"bill.{form}.gz"
    path.write_bytes(b"".join(map(gzip.compress, lines_of(form))))
    assert "BilledCost" in column_names(path)
    case.ingest().raise_first_failure()
    assert case.query('select sum("BilledCost")::int from evidence.focus') == [(3,)]
    with open_text(path) as text:
        assert text.read().encode() == b"".join(lines_of(form))


def test_googles_export_of_two_members_is_loaded_whole(tmp_path: Path) -> None:
    case = case_of(tmp_path, "gcp_billing", path="drops")
    rows = [
        {
            "billing_account_id": "01-A",
            "service": {"id": "s", "description": "Vertex AI"},
            "sku": {"id": "k", "description": "Gemini input"},
            "usage_start_time": "2026-03-02 00:00:00 UTC",
            "usage_end_time": "2026-03-03 00:00:00 UTC",
            "export_time": "2026-03-04 00:00:00 UTC",
            "invoice": {"month": "202603"},
            "cost": cost,
            "currency": "USD",
            "cost_type": "regular",
        }
        for cost in (1, 2)
    ]
    packed = b"".join(gzip.compress(f"{json.dumps(row)}\n".encode()) for row in rows)
    (tmp_path / "drops" / "export.jsonl.gz").write_bytes(packed)
    case.ingest().raise_first_failure()
    assert case.query("select sum(cost)::int from evidence.gcp_billing_export") == [
        (3,)
    ]


@pytest.mark.parametrize("is_whole", [True, False])
def test_an_answer_of_two_members_is_taken_whole_or_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, *, is_whole: bool
) -> None:
    monkeypatch.setattr("ingest.http.client.FIRST_WAIT_SECONDS", 0.01)
    content = gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n")
    answer = Answer(
        content if is_whole else content[:-9], headers={"Content-Encoding": "gzip"}
    )
    with ScriptedServer() as server:
        server.route("GET", "/a.csv", lambda _: answer)
        with HttpClient(base_url=server.url, source="a", attempts=2) as client:
            if is_whole:
                assert client.get_bytes("/a.csv") == b"a,b\n1,2\n"
                return
            with pytest.raises(TransientSourceError, match="cut off"):
                client.get_bytes("/a.csv")
