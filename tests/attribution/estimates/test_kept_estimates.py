"""What is kept of a series: how little is done again, and that all anew is the same."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from attribution.costs.anomalies.line_items import Evidence
from attribution.costs.cost_anomalies import update_cost_anomalies
from attribution.costs.daily_costs import read_daily_costs
from attribution.costs.estimates import update_cost_estimates
from attribution.costs.forecasting import candidates
from attribution.costs.forecasting.candidates import ESTIMATED, METHODS, SeasonalNaive
from attribution.costs.forecasting.forecast import Asked, forecast_series
from attribution.estimates import store as estimate_store
from attribution.estimates.fitting_processes import each, pool
from tests.attribution.marts_of_costs import add_model, noisy_weeks, write_cost_marts
from tests.layers import in_full
from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from attribution.costs.estimates import EstimateReport

MODELS = ("care", "eta", "vision")
DAYS = 130
TABLES = ("cost_forecasts", "cost_landings", "cost_forecast_quality", "cost_anomalies")


@dataclass
class Company:
    """Three models in a pool and out of it, and what is estimated about them."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Company:
        build = write_cost_marts(folder)
        for seed, (model, level) in enumerate(
            zip(MODELS, (3.0, 1.0, 2.0), strict=True)
        ):
            add_model(
                build,
                model,
                noisy_weeks(level, seed, DAYS),
                pool_id="gpu" if model != "care" else None,
                service="training" if model == "vision" else "compute",
            )
        return cls(folder)

    def estimate(self, *daily_costs: str) -> EstimateReport:
        """Estimate; as if the tables of daily costs differed where none is given."""
        evidence = Evidence(self.folder / "raw.duckdb", self.folder)
        return update_cost_estimates(
            self.folder / "build.duckdb",
            evidence,
            daily_costs=daily_costs or [str(uuid4())],
        )

    def load(self, day: str) -> None:
        """Enter in the catalogue that the months from a day on were loaded again."""
        with database_in_spare_engine(self.folder / "raw.duckdb") as connection:
            connection.execute(
                "INSERT INTO catalogue.loads SELECT uuid(), 'focus', 'current';"
                " INSERT INTO catalogue.load_totals SELECT load_id, month"
                " FROM catalogue.loads ANTI JOIN catalogue.load_totals USING (load_id),"
                " (SELECT '2026-0' || range AS month FROM range(1, 7))"
                f" WHERE month >= strftime({day}, '%Y-%m')"
            )

    def change(self, sql: str, *values: object) -> None:
        with database_in_spare_engine(self.folder / "build.duckdb") as connection:
            connection.execute(sql, values)

    def rows(self) -> dict[str, list[Any]]:
        with database_in_spare_engine(self.folder / "build.duckdb") as connection:
            return {table: estimate_store.read(connection, table) for table in TABLES}

    def anew(self, folder: Path) -> Company:
        """Return the same company without anything that was estimated."""
        for name in ("build.duckdb", "raw.duckdb"):
            shutil.copy(self.folder / name, folder / name)
        copy = Company(folder)
        copy.change("DROP SCHEMA IF EXISTS estimates CASCADE")
        return copy


class Counted:
    """Counts the calls of a function, and leaves the work to it."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, place: str, function: Callable[..., Any]
    ) -> None:
        self.count = 0
        self._function = function
        monkeypatch.setattr(place, self)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.count += 1
        return self._function(*arguments, **options)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company.of(tmp_path)


#: A day of one model, long after the first eight weeks that methods are fitted on.
RAISE = """
UPDATE intermediate.int_line_items SET effective_cost = effective_cost * 2
WHERE model_id = 'eta' AND charge_date = DATE '2026-05-07'
"""


def test_a_changed_day_forecasts_its_series_and_the_total_and_fits_neither(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.estimate()
    forecast = Counted(
        monkeypatch, "attribution.costs.kept_forecasts.forecast_series", forecast_series
    )
    fits = Counted(
        monkeypatch,
        "attribution.costs.forecasting.candidates._estimate",
        candidates._estimate,
    )
    company.change(RAISE)
    assert not company.estimate().is_unchanged
    assert (forecast.count, fits.count) == (2, 0)
    assert company.estimate().is_unchanged
    assert (forecast.count, fits.count) == (2, 0)


def test_another_fiscal_year_lands_anew_without_a_changed_day(company: Company) -> None:
    company.estimate("models", "services")
    company.change("UPDATE control.run SET fiscal_year_start_month = 4")
    assert not company.estimate("models", "services").is_unchanged
    [row] = [
        row
        for row in company.rows()["cost_landings"]
        if row["landing"] == "year" and row["series"] == "total"
    ]
    assert f"{row['period_start']:%m-%d}" == "04-01"


def test_days_are_read_when_their_tables_or_the_loads_differ_and_not_before(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Counted(
        monkeypatch, "attribution.costs.estimates.read_daily_costs", read_daily_costs
    )
    assert not company.estimate("models", "services").is_unchanged
    report = company.estimate("models", "services")
    assert (reads.count, report.is_unchanged, report.series_count) == (1, True, 4)
    company.change(RAISE)
    assert not company.estimate("other models", "services").is_unchanged
    assert company.estimate("other models", "other services").is_unchanged
    company.load("DATE '2026-05-01'")
    assert not company.estimate("other models", "other services").is_unchanged
    assert reads.count == 4


def test_an_update_that_was_cut_off_is_not_taken_for_the_state_before(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.estimate("as it was", "")
    before = company.rows()
    company.change(RAISE)
    with monkeypatch.context() as patch:
        patch.setattr("attribution.costs.estimates.update_cost_anomalies", None)
        with pytest.raises(TypeError):
            company.estimate("raised", "")
    assert company.rows() != before
    company.change(RAISE.replace("* 2", "/ 2"))
    company.estimate("as it was", "")
    assert company.rows() == before


def test_days_that_methods_were_fitted_on_are_fitted_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.estimate()
    fits = Counted(
        monkeypatch,
        "attribution.costs.forecasting.candidates._estimate",
        candidates._estimate,
    )
    company.change(RAISE.replace("2026-05-07", "2026-01-07"))
    company.estimate()
    # Two methods with parameters, for the series and for the total.
    assert fits.count == 4


def test_a_series_that_is_gone_keeps_no_row(company: Company) -> None:
    company.estimate()
    company.change("DELETE FROM intermediate.int_line_items WHERE model_id = 'care'")
    company.estimate()
    with database_in_spare_engine(company.folder / "build.duckdb") as connection:
        kept = connection.execute(
            "SELECT part FROM estimates.kept_forecasts ORDER BY 1 NULLS LAST"
        ).fetchall()
        told = connection.execute(
            "SELECT DISTINCT model_id FROM estimates.cost_forecasts ORDER BY 1"
        ).fetchall()
    assert kept == [("eta",), ("vision",), (None,)]
    assert told == [("eta",), ("vision",), (None,)]


CHANGES = {
    "raise": "UPDATE intermediate.int_line_items SET effective_cost ="
    " effective_cost * 3 WHERE model_id = $model AND charge_date = $day",
    "restate": "UPDATE intermediate.int_line_items SET effective_cost ="
    " effective_cost * 1.2 WHERE model_id = $model"
    " AND billing_month = strftime($day::DATE, '%Y-%m')",
    "drop": "DELETE FROM intermediate.int_line_items WHERE model_id = $model"
    " AND charge_date >= $day",
    "move": "UPDATE intermediate.int_line_items SET model_id = 'other'"
    " WHERE model_id = $model AND charge_date = $day",
    "rename": "UPDATE intermediate.int_line_items SET service_name = 'renamed'"
    " WHERE model_id = $model AND charge_date >= $day",
    # Costs what it did, of other things: nothing but its load shows that it changed.
    "resku": "UPDATE intermediate.int_line_items SET sku_id = sku_id || '-new',"
    " charge_description = 'dearer hours', consumed_quantity = consumed_quantity / 2"
    " WHERE model_id = $model AND charge_date >= $day",
    "late": "INSERT INTO intermediate.int_line_items BY NAME SELECT *"
    " EXCLUDE (is_ai_cost) REPLACE (charge_date + 7 AS charge_date,"
    " charge_period_start + INTERVAL 7 DAY AS charge_period_start,"
    " strftime(charge_date + 7, '%Y-%m') AS billing_month)"
    " FROM intermediate.int_line_items WHERE model_id = $model"
    " AND charge_date > (SELECT max(charge_date) FROM intermediate.int_line_items) - 7",
}


@pytest.mark.parametrize("seed", [2, *in_full(5, 9)])
def test_after_any_changes_what_is_kept_and_what_is_new_is_what_all_anew_would_be(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = random.Random(seed)
    company = Company.of(tmp_path_factory.mktemp("kept"))
    company.estimate()
    for _ in range(2):
        change = chance.choice(sorted(CHANGES))
        model, number = chance.choice(MODELS), chance.randrange(DAYS)
        sql = CHANGES[change].replace("$model", f"'{model}'")
        day = f"(DATE '2026-01-05' + {number})"
        company.change(sql.replace("$day", day))
        company.load(day)
        company.estimate()
        fresh = company.anew(tmp_path_factory.mktemp("anew"))
        fresh.estimate()
        # As text: two that are not numbers are the same here.
        assert repr(company.rows()) == repr(fresh.rows()), (change, model, number)


def test_a_fit_computes_on_one_thread_whatever_the_libraries_would_take(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(*_: Any) -> SeasonalNaive:
        seen.extend(threads())
        return SeasonalNaive()

    monkeypatch.setitem(METHODS, "seasonal_naive", watched)
    with threadpool_limits(limits=2, user_api="blas"):
        if max(threads()) < 2:
            pytest.skip("linear algebra has one thread here at most")
        company.estimate()
        assert set(seen) == {1}
        assert max(threads()) == 2


def threads() -> list[int]:
    return [
        library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def test_a_forecast_is_the_same_in_this_process_and_in_another() -> None:
    asked = [Asked(noisy_weeks(1.0 + seed, seed, DAYS), 40) for seed in range(2)]
    alone = each(forecast_series, asked, 0.1)
    with pool(1) as executor:
        apart = list(executor.map(forecast_series, asked))
    assert {one.method for one in alone} & ESTIMATED
    for one, other in zip(alone, apart, strict=True):
        assert one.method == other.method
        assert one.days.tobytes() == other.days.tobytes()
        assert repr(one.quality) == repr(other.quality)
        for name, parameters in one.parameters.items():
            assert parameters.tobytes() == other.parameters[name].tobytes()


class Watched:
    """A connection that notes what it was asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.asked: list[str] = []
        self._connection = connection

    def execute(self, sql: str, *parameters: Any) -> Any:
        self.asked.append(sql)
        return self._connection.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def reads(self, table: str) -> int:
        return sum(f"FROM {table}" in sql for sql in self.asked)


def look_for_anomalies(company: Company) -> tuple[int, Watched]:
    """Return how many anomalies there are, and what was asked to find them."""
    evidence = Evidence(company.folder / "raw.duckdb", company.folder)
    with database_in_spare_engine(company.folder / "build.duckdb") as connection:
        estimate_store.prepare(connection)
        watched = Watched(connection)
        update_cost_anomalies(watched, evidence)  # type: ignore[arg-type]
        return estimate_store.count(connection, "cost_anomalies"), watched


def test_one_anomaly_and_many_are_explained_by_as_many_questions(
    company: Company, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = company.anew(tmp_path_factory.mktemp("other"))
    company.change(RAISE)
    days = ("2026-03-03", "2026-03-18", "2026-04-02", "2026-04-21", "2026-05-06")
    for number, day in enumerate(days, start=2):
        # Each twice as far as the one before: what is as far several times is ordinary.
        raised = RAISE.replace("2026-05-07", day).replace("* 2", f"* {2**number}")
        other.change(raised)
    few, asked = look_for_anomalies(company)
    many, asked_of_many = look_for_anomalies(other)
    assert 0 < few < many - 3
    assert len(asked.asked) == len(asked_of_many.asked)
    assert asked_of_many.reads("intermediate.int_line_items") == 1
    # Every series, the digest of every month, and the parts of all findings.
    assert asked_of_many.reads("cost.fct_daily_model_costs") == 3


def test_line_items_are_not_read_for_what_is_explained(company: Company) -> None:
    company.change(RAISE)
    look_for_anomalies(company)
    company.change(
        "UPDATE intermediate.int_line_items SET effective_cost = effective_cost * 1.01"
        " WHERE model_id = 'vision' AND charge_date = DATE '2026-02-02'"
    )
    count, asked = look_for_anomalies(company)
    assert count > 0
    assert asked.reads("intermediate.int_line_items") == 0
    company.load("DATE '2026-05-01'")
    _, asked = look_for_anomalies(company)
    assert asked.reads("intermediate.int_line_items") == 1
