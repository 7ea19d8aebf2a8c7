"""The intervals of the marts, against libraries that are known for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest
import statsmodels.api as sm
from jinja2 import Environment
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a macro of five degrees of freedom or more may be off Student's t.
T_TOLERANCE = 0.001


def macro_of(name: str, *arguments: str, **named: str) -> str:
    """Return the SQL of a macro of ``statistics.sql``, as DuckDB is given it."""
    file = dbt_project_dir() / "macros" / "engine" / "statistics.sql"

    def dispatch(macro: str, _: str) -> Callable[..., str]:
        return getattr(module, f"default__{macro}")  # type: ignore[no-any-return]

    adapter = SimpleNamespace(dispatch=dispatch)
    template = Environment(autoescape=False).from_string(  # noqa: S701
        file.read_text("utf-8"), globals={"adapter": adapter, "return": str}
    )
    module = template.module
    return str(getattr(module, name)(*arguments, **named))


def asked(sql: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(sql).fetchall()


def asked_one(sql: str) -> Any:
    [(value,)] = asked(f"SELECT {sql}")
    return value


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


def promoter_intervals(largest: int) -> list[tuple[Any, ...]]:
    """Return promoters, detractors, answers, score, bounds of groups up to a size."""
    counts = ("p", "d", "n")
    bounds = [macro_of("net_promoter_bound", *counts, sign) for sign in ("-1", "1")]
    return asked(
        f"SELECT p, d, n, {macro_of('net_promoter_score', *counts)},"
        f" {', '.join(bounds)} FROM range(1, {largest + 1}) AS a (n)"
        f" JOIN range(0, {largest + 1}) AS b (p) ON p <= n"
        f" JOIN range(0, {largest + 1}) AS c (d) ON p + d <= n"
    )


def test_a_promoter_score_has_an_interval_with_width_that_ends_at_a_hundred() -> None:
    for promoters, detractors, n, score, low, high in promoter_intervals(40):
        assert -100 <= low <= score <= high <= 100
        assert high > low
        if promoters + detractors == n:
            wilson = proportion_confint(promoters, n, alpha=0.1, method="wilson")
            expected = [200 * bound - 100 for bound in wilson]
            assert (low, high) == pytest.approx(expected, abs=1e-9)


def test_a_promoter_score_of_seven_people_has_an_interval_of_ninety_per_cent() -> None:
    """All answers of seven people, each as likely as it is."""
    rows = [row for row in promoter_intervals(7) if row[2] == 7]
    assert len(rows) == 36
    within = []
    for promote in np.linspace(0.05, 0.9, 18):
        for detract in np.linspace(0.05, 0.95 - promote, 6):
            chances = (promote, detract, 1 - promote - detract)
            within.append(
                sum(
                    stats.multinomial.pmf((p, d, 7 - p - d), 7, chances)
                    for p, d, _, _, low, high in rows
                    if low <= 100 * (promote - detract) <= high
                )
            )
    assert min(within) > 0.82
    assert 0.9 < np.mean(within) < 0.96


def test_a_median_is_bounded_by_ranks_that_hold_it_with_ninety_per_cent() -> None:
    rank = macro_of("median_bound_rank", count="n")
    rows = asked(f"SELECT n, {rank} FROM range(1, 1500) AS r (n)")
    assert [row for row in rows if row[0] < 5 and row[1] is not None] == []
    wider = 0
    for n, low in rows[4:]:
        assert stats.binom.cdf(low - 1, n, 0.5) <= 0.05
        wider += stats.binom.cdf(low, n, 0.5) <= 0.05
    # One rank wider than it need be, at 30, 37, 179, 213 and 1421 values.
    assert wider == 5


def test_the_quantile_of_students_t_is_as_near_as_it_says() -> None:
    for degrees, found in asked(
        f"SELECT n, {macro_of('student_t_95', 'n')} FROM range(2, 100) AS r (n)"
    ):
        expected = stats.t.ppf(0.95, degrees)
        assert found == pytest.approx(expected, rel=0.013)
        if degrees >= 5:
            assert found == pytest.approx(expected, rel=T_TOLERANCE)


def test_a_ratio_of_clusters_has_the_error_of_a_regression_through_the_origin() -> None:
    """The ratio is its weighted slope, and the robust error with n / (n - 1) its."""
    rng = np.random.default_rng(7)
    for n in (6, 12, 24):
        below = rng.uniform(1, 9, n)
        above = below * 3 + rng.normal(0, 2, n)
        fit = sm.WLS(above, below, weights=1 / below).fit(cov_type="HC1")
        ratio = above.sum() / below.sum()
        assert fit.params[0] == pytest.approx(ratio)
        squares = float(((above - ratio * below) ** 2).sum())
        half = asked_one(
            macro_of("half_width_of_ratio", str(squares), str(n), str(below.sum()))
        )
        expected = stats.t.ppf(0.95, n - 1) * fit.bse[0]
        assert half == pytest.approx(expected, rel=T_TOLERANCE)


def test_two_clusters_have_no_interval() -> None:
    assert asked_one(macro_of("half_width_of_ratio", "1.0", "2", "3.0")) is None
    found = macro_of("half_width_of_difference", "1.0", "2", "1.0", "9")
    assert asked_one(found) is None


def test_a_difference_of_means_is_as_sure_as_the_shorter_window() -> None:
    rng = np.random.default_rng(8)
    for first_n, second_n in ((6, 6), (6, 12), (12, 8)):
        first, second = rng.normal(0, 1, first_n), rng.normal(1, 3, second_n)
        squares = [str(float(one.var() * len(one))) for one in (first, second)]
        half = asked_one(
            macro_of(
                "half_width_of_difference",
                *(squares[0], str(first_n), squares[1], str(second_n)),
            )
        )
        error = np.hypot(stats.sem(first), stats.sem(second))
        expected = stats.t.ppf(0.95, min(first_n, second_n) - 1) * error
        assert half == pytest.approx(expected, rel=T_TOLERANCE)


def test_a_slope_is_flat_where_least_squares_cannot_tell_it_from_none() -> None:
    rng = np.random.default_rng(9)
    rows, chances = [], []
    for trend in np.linspace(0, 1, 60):
        n = int(rng.integers(7, 13))
        place = np.arange(1.0, n + 1)
        values = trend * place + rng.normal(0, 2, n)
        apart, moved = place - place.mean(), values - values.mean()
        rows.append((apart @ moved, apart @ apart, moved @ moved, n))
        chances.append(sm.OLS(values, sm.add_constant(place)).fit().pvalues[1])
    written = ", ".join(
        f"({float(xy)}, {float(xx)}, {float(yy)}, {n})" for xy, xx, yy, n in rows
    )
    flat = macro_of("slope_is_flat", "xy", "xx", "yy", "n")
    found = asked(f"SELECT {flat} FROM (VALUES {written}) AS s (xy, xx, yy, n)")
    verdicts = []
    for (is_flat,), p in zip(found, chances, strict=True):
        if abs(p - 0.1) > 0.002:
            assert is_flat is bool(p > 0.1)
            verdicts.append(is_flat)
    assert 10 < sum(verdicts) < len(verdicts) - 10
