"""Tables are read on whatever is there: wide, narrow, or no terminal at all."""

from __future__ import annotations

import sys

import pytest

from triptych.cli.printing import print_csv, print_table, spans_of_months

COLUMNS = ("section", "entry", "cost", "currency")
ROW = ("models", "llama-3-70b-instruct", "123,456.78", "EUR")


@pytest.mark.parametrize(("width", "line_count"), [(80, 5), (30, 5)])
def test_a_terminal_too_narrow_for_a_table_has_a_block_for_each_row(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int,
    line_count: int,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))

    print_table(COLUMNS, [ROW])

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == line_count
    # No amount is broken over two lines, and each block names what is in it.
    assert any("123,456.78" in line for line in lines)
    assert (["cost", "123,456.78"] in lines) == (width == 30)


def test_months_that_follow_each_other_are_one_span() -> None:
    months = ["2025-11", "2025-12", "2026-01", "2026-03", "2026-05", "2026-06"]
    spans = ["2025-11 to 2026-01", "2026-03", "2026-05 to 2026-06"]
    assert spans_of_months(months) == spans
    assert spans_of_months([]) == []


def test_nothing_is_broken_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    print_table(COLUMNS, [ROW])

    assert tuple(capsys.readouterr().out.splitlines()[3].split()) == ROW


def test_a_long_tag_and_thousands_of_tags_are_cut_in_tables_and_whole_in_files(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long_tag, many = "x" * 600, {f"key-{number}": "value" for number in range(3_000)}
    print_table(("model", "tags", "y" * 600), [(long_tag, many, 1)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 3 * (240 + 4)
    assert f"{'x' * 239}…" in lines[3]
    print_csv(("model", "tags"), [(long_tag, many)])
    text = capsys.readouterr().out
    assert long_tag in text
    assert "key-2999" in text
