"""A pivot adds up: its rows, the bars of its chart and its total are one sum."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb

from triptych.core.measures.pivot import compile_pivot

CELLS = """(
    SELECT billing_month, who, part, CAST(amount AS decimal(28, 10)) AS amount,
        1 AS amount_rows
    FROM (VALUES
        ('2026-09', 'a', 'x', 50), ('2026-09', 'a', 'y', 10), ('2026-09', 'b', 'x', 20),
        ('2026-09', 'c', 'x', 5), ('2026-09', 'd', 'y', -8), ('2026-08', 'a', 'x', 40),
        ('2026-08', 'e', 'x', 3)
    ) AS cells (billing_month, who, part, amount)
)"""


def test_rows_bars_and_the_total_are_one_sum() -> None:
    """77 in September, 43 in August; all but the two largest are one bar."""
    rows = answer({"who": 2, "part": None})
    for kind in ("row", "bar", "total"):
        shapes = [row for row in rows if row["kind"] == kind]
        assert sum(row["amount"] for row in shapes) == 77, kind
        assert sum(row["prior"] for row in shapes) == 43, kind
        assert sum(row["change"] for row in shapes) == 34, kind
        assert sum(row["row_count"] for row in shapes) == 5, kind
    bars = {
        (row["who"], row["part"]): row["amount"] for row in rows if row["kind"] == "bar"
    }
    assert bars == {
        ("a", "x"): Decimal(50),
        ("a", "y"): Decimal(10),
        ("b", "x"): Decimal(20),
        ("Other", "x"): Decimal(5),
        ("Other", "y"): Decimal(-8),
    }


def test_the_largest_are_first_whatever_their_sign() -> None:
    ranks = {
        row["who"]: row["who_rank"]
        for row in answer({"who": None})
        if row["kind"] == "row"
    }
    assert ranks == {"a": 1, "b": 2, "d": 3, "c": 4, "e": 5}


def test_what_is_gone_has_changed_by_all_of_it() -> None:
    [gone] = [row for row in answer({"who": None}) if row["who"] == "e"][:1]
    assert (gone["amount"], gone["prior"], gone["change_ratio"]) == (0, 3, -1)
    assert gone["share_ratio"] == 0


def answer(by: dict[str, int | None]) -> list[dict[str, Any]]:
    sql = compile_pivot(CELLS, by, period=("2026-09",), prior=("2026-08",))
    with duckdb.connect() as connection:
        rows: list[dict[str, Any]] = connection.sql(sql).to_arrow_table().to_pylist()
    return rows
