"""The address of a figure: read, written, and refused in words."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.core.errors import UsageError
from triptych.core.warehouse.figures import Condition, Figure, parse_figure

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
VALUES = st.lists(st.text(max_size=8), min_size=1, max_size=3).map(tuple)
FIGURES = st.dictionaries(NAMES, VALUES, max_size=3).map(
    lambda where: Figure.of("cost.mart", "billed_cost", where)
)


@given(FIGURES)
def test_an_address_that_was_written_reads_as_the_same_figure(figure: Figure) -> None:
    assert parse_figure(str(figure)) == figure


def test_an_address_has_a_mart_a_column_and_conditions() -> None:
    read = parse_figure("cost.m/billed_cost?model_id=a%2Cb,c&pool_id=&team_id=*")
    assert read == Figure(
        "cost.m",
        "billed_cost",
        (
            Condition("model_id", ("a,b", "c")),
            Condition("pool_id", ("",)),
            Condition("team_id", ("*",)),
        ),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("billed_cost", "It names no mart and column."),
        ("mart/billed_cost", "It names no mart and column."),
        ("cost.m?step=a", "none of its columns."),
        ("cost.m/", "'triptych explain --list cost.m' shows"),
        ("cost.m/billed_cost?step", "'step' is no condition."),
        ("cost.m/billed_cost?step=a&step=b", "step is said twice."),
    ],
)
def test_what_is_no_address_is_told_what_it_lacks(text: str, told: str) -> None:
    with pytest.raises(UsageError, match="is no figure") as caught:
        parse_figure(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "total"),
    [
        ("owner=a", 1),
        ("owner=a,b", 7),
        ("owner=*", 7),
        ("owner=", 8),
        ("owner=a,", 9),
        ("owner=b&day=2026-03-05", 2),
        ("owner=b&day=2026-03-06", 4),
        ("owner=b%27", None),
    ],
)
def test_a_condition_chooses_the_rows_it_says(
    condition: str, total: int | None
) -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE costs AS FROM (VALUES ('a', DATE '2026-03-05', 1),"
        " ('b', DATE '2026-03-05', 2), ('b', DATE '2026-03-06', 4),"
        " (NULL, DATE '2026-03-05', 8)) AS rows(owner, day, cost)"
    )
    where, given_ = parse_figure(f"x.costs/cost?{condition}").where()
    row = connection.execute(
        f"SELECT sum(cost) FROM costs WHERE {where}", given_
    ).fetchone()
    assert row == (total,)


@pytest.mark.parametrize(
    ("column", "is_cost"),
    [
        ("billed_cost", True),
        ("ledger_billed_cost", True),
        ("cost_per_thousand_requests", True),
        ("invoiced_amount", False),
        ("budget_amount", False),
        ("difference_billed_cost", False),
        ("requests", False),
    ],
)
def test_only_a_cost_is_too_low_where_a_charge_is_missing(
    column: str, is_cost: bool
) -> None:
    assert Figure("cost.mart", column).is_cost is is_cost
