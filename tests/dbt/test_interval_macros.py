"""The intervals of the velocity marts, against libraries that are known for them."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from triptych.dbt_commands import dbt_project_dir


def macro_of(name: str, **arguments: str) -> str:
    """Return the SQL of a macro of ``statistics.sql``, its arguments filled in."""
    file = dbt_project_dir() / "macros" / "engine" / "statistics.sql"
    text = file.read_text("utf-8")
    found = re.search(
        rf"{{% macro {name}\(.*?\) -%}}(.*?){{%- endmacro %}}", text, re.DOTALL
    )
    assert found is not None
    sql = found.group(1)
    for argument, value in arguments.items():
        sql = sql.replace(f"{{{{ {argument} }}}}", value)
    return sql


def asked(sql: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(sql).fetchall()


def test_a_ratio_has_wilsons_interval() -> None:
    bounds = [
        macro_of("wilson_bound", hits="hits", trials="trials", sign=sign)
        for sign in ("-1", "1")
    ]
    for hits, trials, low, high in asked(
        f"SELECT hits, trials, {', '.join(bounds)} FROM range(1, 60) AS t (trials)"
        " JOIN range(0, 60) AS h (hits) ON hits <= trials"
    ):
        expected = proportion_confint(hits, trials, alpha=0.1, method="wilson")
        assert (low, high) == pytest.approx(expected, abs=1e-12)


def test_a_median_is_bounded_by_ranks_that_hold_it_with_ninety_per_cent() -> None:
    rank = macro_of("median_bound_rank", count="n")
    rows = asked(f"SELECT n, {rank} FROM range(1, 1500) AS r (n)")
    assert [row for row in rows if row[0] < 5 and row[1] is not None] == []
    wider = 0
    for n, low in rows[4:]:
        assert binom.cdf(low - 1, n, 0.5) <= 0.05
        wider += binom.cdf(low, n, 0.5) <= 0.05
    # One rank wider than it need be, at 30, 37, 179, 213 and 1421 values.
    assert wider == 5
