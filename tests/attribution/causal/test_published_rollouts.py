"""Roll-outs: published effects, R's numbers, and the trap of two-way fixed effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attribution.causal.estimators.rollouts.doubly_robust import (
    doubly_robust_difference,
)
from attribution.causal.estimators.rollouts.group_time_effects import group_time_effects
from attribution.causal.estimators.rollouts.imputation import (
    covariance_of_jackknifed,
    imputation_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Table = tuple[NDArray[np.float64], NDArray[np.int64]]


def wide(table: pd.DataFrame, unit: str, time: str, value: str, cohort: str) -> Table:
    """Return outcomes by unit and period, and each unit's first treated position."""
    outcome = table.pivot_table(index=unit, columns=time, values=value)
    times = outcome.columns.to_numpy()
    start = table.groupby(unit)[cohort].first().reindex(outcome.index)
    never = (start == 0) | (start > times.max())
    first = np.where(never, len(times), np.searchsorted(times, start))
    return outcome.to_numpy(), first


@pytest.fixture(scope="module")
def mpdta(causal: Path) -> Table:
    table = pd.read_csv(causal / "mpdta.csv")
    return wide(table, "countyreal", "year", "lemp", "first.treat")


@pytest.fixture(scope="module")
def stagg(causal: Path) -> Table:
    table = pd.read_csv(causal / "fixest_base_stagg.csv")
    return wide(table, "id", "year", "y", "year_treated")


def two_way_fixed_effects(outcome: np.ndarray, first: np.ndarray) -> float:
    """Return what must not be an answer: the coefficient of a treatment dummy."""
    treated = (np.arange(outcome.shape[1]) >= first[:, None]).astype(float)
    demeaned = [
        x - x.mean(axis=0) - x.mean(axis=1)[:, None] + x.mean()
        for x in (outcome, treated)
    ]
    return float((demeaned[0] * demeaned[1]).sum() / (demeaned[1] ** 2).sum())


@pytest.mark.reference
@pytest.mark.parametrize(
    ("scenario", "controls"),
    [("mpdta_nev_dr", "never treated"), ("mpdta_nyt_dr", "not yet treated")],
)
def test_group_time_effects_are_those_of_r(
    causal: Path, mpdta: Table, scenario: str, controls: str
) -> None:
    found = group_time_effects(*mpdta, controls)  # type: ignore[arg-type]
    theirs = pd.read_csv(causal / "mpdta_R_did_attgt.csv")
    theirs = theirs[theirs["scenario"] == scenario].set_index(["group", "t"])
    for group, time, effect, error in zip(
        found.groups, found.times, found.effects, found.standard_errors, strict=True
    ):
        row = theirs.loc[(group + 2003, time + 2003)]
        assert effect == pytest.approx(row["att"], abs=1e-8)
        assert error == pytest.approx(row["se"], abs=1e-8)
    assert len(found.effects) == len(theirs)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("scenario", "controls"),
    [("mpdta_nev_dr", "never treated"), ("mpdta_nyt_dr", "not yet treated")],
)
def test_the_average_and_its_error_are_those_of_r(
    causal: Path, mpdta: Table, scenario: str, controls: str
) -> None:
    theirs = pd.read_csv(causal / "mpdta_R_did_aggte.csv")
    is_asked = (theirs["scenario"] == scenario) & (theirs["type"] == "simple")
    row = theirs[is_asked].iloc[0]
    found = group_time_effects(*mpdta, controls).simple()  # type: ignore[arg-type]
    assert found.effect == pytest.approx(row["overall_att"], abs=1e-8)
    assert found.standard_error == pytest.approx(row["overall_se"], abs=1e-8)


#: csdid 0.4.3 with ``lpop`` as covariate: group, year, effect and its error.
WITH_COVARIATE = {
    "never treated": [
        (2004, 2004, -0.014529668304898711, 0.022129157238335542),
        (2004, 2007, -0.10690389811145942, 0.03288649300289722),
        (2006, 2005, -0.006202524579796673, 0.01849570190418264),
        (2006, 2006, 0.0009605737466980733, 0.019400195422023033),
        (2007, 2007, -0.028781361039486576, 0.016238952966184977),
    ],
    "not yet treated": [
        (2004, 2004, -0.02118305347875805, 0.021648207714727564),
        (2004, 2006, -0.1381918226084269, 0.03422803722131864),
        (2006, 2006, 0.008660699867713275, 0.01683906095637533),
        (2007, 2004, 0.026932652900659427, 0.013913625970673933),
        (2007, 2007, -0.028781361039486576, 0.016238952966184977),
    ],
}


@pytest.fixture(scope="module")
def population(causal: Path) -> NDArray[np.float64]:
    table = pd.read_csv(causal / "mpdta.csv")
    return table.groupby("countyreal")["lpop"].first().to_numpy()[:, None]


@pytest.mark.reference
@pytest.mark.parametrize("controls", ["never treated", "not yet treated"])
def test_doubly_robust_effects_are_those_of_another_library(
    mpdta: Table, population: NDArray[np.float64], controls: str
) -> None:
    found = group_time_effects(*mpdta, controls, population)  # type: ignore[arg-type]
    ours = {
        (group + 2003, time + 2003): own
        for group, time, *own in zip(
            found.groups, found.times, found.effects, found.standard_errors, strict=True
        )
    }
    for group, time, effect, error in WITH_COVARIATE[controls]:
        assert ours[group, time] == pytest.approx([effect, error], abs=1e-8)


@pytest.mark.reference
def test_with_a_constant_propensity_it_is_the_regression_of_r(
    causal: Path, mpdta: Table, population: NDArray[np.float64]
) -> None:
    theirs = pd.read_csv(causal / "mpdta_R_did_attgt.csv")
    theirs = theirs[theirs["scenario"] == "mpdta_nev_reg_cov"]
    outcome, first = mpdta
    for row in theirs.to_dict("records"):
        start, time = int(row["group"]) - 2003, int(row["t"]) - 2003
        base = start - 1 if time >= start else time - 1
        both = (first == start) | (first == 5)
        change = (outcome[:, time] - outcome[:, base])[both]
        effect, influence = doubly_robust_difference(
            change, (first == start)[both], population[both], np.zeros((both.sum(), 0))
        )
        error = np.sqrt((influence**2).sum()) / len(influence)
        assert (effect, error) == pytest.approx((row["att"], row["se"]), abs=1e-8)


@pytest.mark.reference
def test_imputed_effects_are_the_published_ones(mpdta: Table) -> None:
    found = imputation_of(*mpdta)
    assert found.average == pytest.approx(-0.0477099, abs=1e-6)
    assert two_way_fixed_effects(*mpdta) == pytest.approx(-0.036549, abs=1e-5)


@pytest.mark.reference
def test_the_trap_of_two_way_fixed_effects_is_not_stepped_into(stagg: Table) -> None:
    """Truth -1.0; two-way fixed effects say -3.47 (0.47)."""
    assert two_way_fixed_effects(*stagg) == pytest.approx(-3.4676, abs=1e-3)
    found = imputation_of(*stagg)
    paths = found.jackknifed()
    covariance = covariance_of_jackknifed(paths)
    error = float(np.sqrt(covariance.sum()))
    assert found.cells == 225
    assert found.average == pytest.approx(-0.7456, abs=1e-3)
    assert error == pytest.approx(0.6227, abs=2e-3)
    assert abs(found.average + 1.0) < stats.t.ppf(0.975, len(paths) - 1) * error
    simple = group_time_effects(*stagg).simple()
    assert simple.effect == pytest.approx(-0.7552, abs=1e-3)
    assert abs(simple.effect + 1.0) < 1.96 * simple.standard_error


@pytest.mark.reference
def test_the_castle_doctrine_has_cohorts_of_one_state(causal: Path) -> None:
    columns = ["year", "sid", "homicide", "post"]
    table = pd.read_csv(causal / "castle.csv", usecols=columns)
    table["log_homicide"] = np.log(table["homicide"])
    start = table[table["post"] > 0].groupby("sid")["year"].min()
    table["start"] = table["sid"].map(start).fillna(0)
    panel = wide(table, "sid", "year", "log_homicide", "start")
    found = imputation_of(*panel)
    covariance = covariance_of_jackknifed(found.jackknifed())
    assert found.average == pytest.approx(0.0669, abs=1e-3)
    assert np.sqrt(covariance.sum()) == pytest.approx(0.0593, abs=1e-3)
    second = group_time_effects(*panel)
    assert second.simple().effect == pytest.approx(0.0194, abs=1e-3)
