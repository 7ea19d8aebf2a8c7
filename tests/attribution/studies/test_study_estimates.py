"""Studies from marts to tables: real fits in processes of their own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from attribution import Estimate, estimate
from attribution.studies.asked import Asked, Registered
from attribution.studies.process import StudyJob, fit_study, fitted
from attribution.studies.register import StudyRegister
from attribution.studies.request import StudyRequest
from attribution.studies.updating import seed_of, update_study_estimates
from tests.attribution.marts_of_studies import write_marts
from tests.attribution.quick_fits import Deadly, refused_at_once
from tests.attribution.studies_for_tests import START, series_study, trial_study
from triptych.core.errors import SettingsError
from triptych.core.progress import SilentProgress
from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from attribution.causal.plan import Plan
    from attribution.studies.request import StudyReport

    Studies = dict[str, tuple[pd.DataFrame, Plan]]

#: Tickets a day that the pilot really added.
PLANTED = 12.0
#: Tables that hold figures of studies.
FIGURES = ("estimates", "monthly_draws", "sensitivity")


def studies() -> Studies:
    """Return two planted effects, and three studies that cannot say anything."""
    made: Studies = {
        "pilot": series_study(world="A", before=200, after=30, effect=PLANTED),
        "short": series_study(before=40, after=10),
        "no-column": series_study(before=200, after=30),
        "broken": series_study(before=80, after=10),
    }
    made = {
        name: (frame, plan.model_copy(update={"id": name}))
        for name, (frame, plan) in made.items()
    }
    frame, plan = made["no-column"]
    made["no-column"] = frame.drop(columns=["traffic"]), plan
    frame, plan = made["broken"]
    # Its variance is beyond the largest number there is: arithmetic itself fails.
    made["broken"] = frame.assign(outcome=frame["outcome"] * 1e300), plan
    made["trial"] = trial_study()
    return made


class Case:
    """A build database with a register, and a way to go over it again."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "build.duckdb"
        self.register = StudyRegister(folder / "studies" / "register.jsonl")
        self.studies = studies()
        absent = self.studies["pilot"][1].model_copy(update={"id": "absent"})
        self.plans = [*(plan for _, plan in self.studies.values()), absent]
        write_marts(self.database, self.studies)

    def go(self, **request: Any) -> StudyReport:
        request = {"plans": self.plans, "processes": 2, **request}
        asked = StudyRequest(register=self.register, **request)
        return update_study_estimates(self.database, asked, SilentProgress())

    def rows(self, sql: str, *values: str) -> list[dict[str, Any]]:
        with database_in_spare_engine(self.database, read_only=True) as connection:
            found = connection.sql(sql, params=list(values)).to_arrow_table()
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def digests(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM estimates.digests ORDER BY subject")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    made = Case(tmp_path_factory.mktemp("studies"))
    before_launch = datetime(2024, 1, 2, tzinfo=UTC)
    made.register.register(made.studies["pilot"][1], by="Ana Lima", at=before_launch)
    made.go()
    return made


def test_each_study_says_what_it_can_and_none_stops_the_others(case: Case) -> None:
    found = case.rows(
        "SELECT study_id, status, refusal_code FROM estimates.attribution_studies"
    )
    assert {row.pop("study_id"): tuple(row.values()) for row in found} == {
        "pilot": ("estimated", None),
        "short": ("refused", "pre_period_too_short"),
        "no-column": ("refused", "panel_columns_missing"),
        "absent": ("refused", "panel_empty"),
        "broken": ("failed", None),
        "trial": ("estimated", None),
    }


def test_with_nothing_changed_no_process_is_started_and_no_panel_is_read(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: Any, **__: Any) -> None:
        pytest.fail("something was done although nothing had changed")

    stored = {"pilot", "short", "no-column", "absent", "trial"}
    monkeypatch.setattr("attribution.studies.process.pool", unexpected)
    monkeypatch.setattr("attribution.studies.updating.study_frame", unexpected)
    # A failed study is tried again each time: it is left out here, and asked for below.
    assert case.go(only=stored).fitted == ()
    with pytest.raises(pytest.fail.Exception):
        case.go(only=["broken"])


def test_units_with_and_without_are_those_that_the_lots_drew(case: Case) -> None:
    counts = "SELECT treated_unit_count, comparison_unit_count"
    counts += " FROM estimates.attribution_studies WHERE study_id = ?"
    (trial,) = case.rows(counts, "trial")
    assert tuple(trial.values()) == (6, 6)
    (pilot,) = case.rows(counts, "pilot")
    assert tuple(pilot.values()) == (1, 0)


def test_a_failed_study_keeps_the_message_of_its_error(case: Case) -> None:
    (row,) = case.rows(
        "SELECT refusal_message, verdict, grade FROM estimates.attribution_studies"
        " WHERE status = 'failed'"
    )
    assert "Error: " in row["refusal_message"]
    assert (row["verdict"], row["grade"]) == ("failed", "X")


def test_what_was_not_delivered_is_said_with_what_was(case: Case) -> None:
    (row,) = case.rows(
        "SELECT refusal_message FROM estimates.attribution_studies"
        " WHERE study_id = 'no-column'"
    )
    assert row["refusal_message"] == (
        "1 columns that the plan names are not delivered: 'traffic'. Delivered are:"
        " 'orders'."
    )


def test_the_tables_hold_what_the_library_says_of_the_same_rows(case: Case) -> None:
    frame, plan = case.studies["pilot"]
    found = estimate(frame, plan, seed=seed_of("pilot", 0), is_registered=True)
    assert isinstance(found, Estimate)
    total, average = case.rows(
        "SELECT * FROM estimates.attribution_estimates WHERE study_id = 'pilot'"
        " ORDER BY estimand DESC"
    )
    assert total["effect"] == pytest.approx(found.effect.point, rel=1e-9)
    for level in (50, 90, 95):
        low, high = found.average.interval(level / 100)
        assert average[f"effect_low_{level}"] == pytest.approx(low, rel=1e-9)
        assert average[f"effect_high_{level}"] == pytest.approx(high, rel=1e-9)
    assert total["p_value"] == pytest.approx(found.effect.p_value)
    assert average["unit"] == "tickets per treated unit and day"
    assert average["effect_low_90"] < PLANTED < average["effect_high_90"]
    (study,) = case.rows(
        "SELECT * FROM estimates.attribution_studies WHERE study_id = 'pilot'"
    )
    assert (study["state"], study["is_exploratory"]) == ("REGISTERED", False)
    assert (study["registered_by"], study["verdict"]) == ("Ana Lima", "positive")
    assert study["registered_at"].isoformat() == "2024-01-02T00:00:00"
    assert study["plan_hash"] == plan.hash
    assert study["data_hash"] == found.data_hash
    assert json.loads(study["plan"])["outcome"] == "resolved_tickets"
    assert study["as_of_date"] == START + timedelta(days=229)
    assert (study["period_count_before"], study["period_count_after"]) == (200, 30)


def test_days_before_the_launch_have_no_effect_and_the_last_day_has_all_of_it(
    case: Case,
) -> None:
    days = case.rows(
        "SELECT * FROM estimates.attribution_counterfactuals"
        " WHERE study_id = 'pilot' ORDER BY effect_date"
    )
    after = [day for day in days if day["is_post"]]
    assert len(after) == 30
    assert all(day["effect"] is None for day in days if not day["is_post"])
    summed = sum(day["effect"] for day in after)
    assert after[-1]["cumulative_effect"] == pytest.approx(summed, rel=1e-9)
    (total,) = case.rows(
        "SELECT effect, effect_low_90 FROM estimates.attribution_estimates"
        " WHERE study_id = 'pilot' AND estimand = 'total'"
    )
    assert summed == pytest.approx(total["effect"], rel=1e-9)
    assert after[-1]["cumulative_effect_low_90"] == pytest.approx(
        total["effect_low_90"], rel=1e-6
    )


def test_draws_of_all_months_add_up_to_the_draws_of_the_total(case: Case) -> None:
    """Day 200 is 19 July 2024: 13 days of July and 17 of August."""
    (study,) = case.rows(
        "SELECT count(*) AS rows, count(DISTINCT draw) AS draws,"
        " min(effect_month) AS first, max(effect_month) AS last"
        " FROM estimates.attribution_monthly_draws WHERE study_id = 'pilot'"
    )
    assert study == {"rows": 2000, "draws": 1000, "first": "2024-07", "last": "2024-08"}
    (quantiles,) = case.rows(
        "SELECT quantile_cont(total, [0.05, 0.95]) AS ends FROM (SELECT draw,"
        " sum(effect) AS total FROM estimates.attribution_monthly_draws"
        " WHERE study_id = 'pilot' GROUP BY draw)"
    )
    (total,) = case.rows(
        "SELECT effect_low_90 AS low, effect_high_90 AS high"
        " FROM estimates.attribution_estimates"
        " WHERE study_id = 'pilot' AND estimand = 'total'"
    )
    width = total["high"] - total["low"]
    for end, stored in zip(quantiles["ends"], total.values(), strict=True):
        assert end == pytest.approx(stored, abs=0.06 * width)


def test_every_run_of_the_sensitivity_is_shown_and_the_plan_is_one_of_them(
    case: Case,
) -> None:
    """4 priors, 3 windows, 2 controls; 4 subsets by slope by scale are 16 in all."""
    runs = case.rows(
        "SELECT * FROM estimates.attribution_sensitivity WHERE study_id = 'pilot'"
        " ORDER BY variant_order"
    )
    kinds = [run["kind"] for run in runs]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "leave_one_out": 2,
        "prior": 4,
        "specification": 16,
        "window": 3,
    }
    assert [run["is_declared"] for run in runs] == [True] + [False] * 24
    for run in runs:
        assert (run["effect"] is None) == (run["refusal_code"] is not None), run
    (average,) = case.rows(
        "SELECT effect FROM estimates.attribution_estimates"
        " WHERE study_id = 'pilot' AND estimand = 'average'"
    )
    assert runs[0]["effect"] == average["effect"]
    controlled = [run for run in runs if "with orders, traffic" in run["variant"]]
    assert len(controlled) == 3
    for run in controlled:
        assert run["effect_low_90"] < PLANTED < run["effect_high_90"], run


@dataclass(frozen=True)
class Second:
    """A second look at the same studies, in one process: what it had, and came to."""

    case: Case
    digests: list[dict[str, Any]]
    report: StudyReport


@pytest.fixture(scope="module")
def second(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Second:
    """Look again after the file of a locked study and the rows of another are gone."""
    made = Case(tmp_path_factory.mktemp("second"))
    shutil.copyfile(case.database, made.database)
    made.register = case.register
    digests = made.digests()
    with database_in_spare_engine(made.database) as connection:
        for table in (*FIGURES, "studies", "checks", "study_units"):
            connection.execute(
                f"DELETE FROM estimates.attribution_{table} WHERE study_id = 'trial'"
            )
        connection.execute("DELETE FROM estimates.digests WHERE subject LIKE '%trial%'")
    kept = [plan for plan in made.plans if plan.id != "pilot"]
    return Second(made, digests, made.go(plans=kept, processes=1))


def test_nothing_is_fitted_again_while_nothing_changed(second: Second) -> None:
    # What failed is tried again; it may have been the machine's fault.
    assert set(second.report.fitted) == {"broken", "pilot", "trial"}
    before = {row["subject"]: row for row in second.digests}
    after = {row["subject"]: row for row in second.case.digests()}
    assert before.keys() == after.keys()
    assert [of for of, row in after.items() if row != before[of]] == ["study pilot"]


def test_another_seed_a_changed_value_and_a_new_plan_are_looked_at_again(
    case: Case, tmp_path: Path
) -> None:
    made = Case(tmp_path)
    shutil.copyfile(case.database, made.database)
    made.register = case.register
    frame, plan = made.studies["no-column"]
    asked: dict[str, Any] = {"only": (plan.id,)}
    seed = "SELECT seed FROM estimates.attribution_studies WHERE study_id = ?"
    assert made.go(**asked).fitted == ()
    (first,) = made.rows(seed, plan.id)
    asked["seed"] = 7
    assert made.go(**asked).fitted == (plan.id,)
    (second,) = made.rows(seed, plan.id)
    assert first["seed"] != second["seed"]
    orders = frame["orders"].where(frame.index != 0, 0.0)
    made.studies[plan.id] = frame.assign(orders=orders), plan
    write_marts(made.database, made.studies)
    assert made.go(**asked).fitted == (plan.id,)
    assert made.go(**asked).fitted == ()
    changed = plan.model_copy(update={"minimum_effect": 3.0})
    plans = [changed if each.id == plan.id else each for each in made.plans]
    assert made.go(plans=plans, **asked).fitted == (plan.id,)


def test_only_named_studies_are_fitted_and_the_others_stay(tmp_path: Path) -> None:
    made = Case(tmp_path)
    report = made.go(only=("absent",))
    assert report.fitted == ("absent",)
    assert report.statuses == {"absent": "refused"}


def test_a_locked_study_whose_file_is_gone_keeps_every_row_and_says_so(
    case: Case, second: Second
) -> None:
    """The defect: ``rm studies/pilot.yml`` took its figure out, without a word."""
    sql = "SELECT * FROM estimates.attribution_estimates WHERE study_id = 'pilot'"
    assert second.report.removed == ()
    assert second.case.rows(sql) == case.rows(sql)
    (study,) = second.case.rows(
        "SELECT grade, state, standing, notes FROM estimates.attribution_studies"
        " WHERE study_id = 'pilot'"
    )
    assert (study["state"], study["standing"]) == ("REGISTERED", "withdrawal_pending")
    assert "Its file is gone" in study["notes"]
    (graded,) = case.rows(
        "SELECT grade FROM estimates.attribution_studies WHERE study_id = 'pilot'"
    )
    assert study["grade"] == graded["grade"]


def test_a_register_that_lost_an_entry_stops_the_estimates(
    case: Case, tmp_path: Path
) -> None:
    """Deleting plan and register together took a study out, too."""
    made = Case(tmp_path)
    shutil.copyfile(case.database, made.database)
    kept = [plan for plan in made.plans if plan.id != "pilot"]
    with pytest.raises(SettingsError, match="'pilot': locked when it was last"):
        made.go(plans=kept, only=("absent",))
    assert made.rows(
        "SELECT 1 FROM estimates.attribution_studies WHERE study_id = ?", "pilot"
    )


def test_treated_units_are_kept_by_name(case: Case) -> None:
    units = case.rows(
        "SELECT unit FROM estimates.attribution_study_units WHERE study_id = 'trial'"
        " ORDER BY unit"
    )
    assert [row["unit"] for row in units] == [f"team-{n:02}" for n in range(1, 12, 2)]


def test_a_study_that_was_never_locked_is_removed_with_all_its_rows(
    case: Case, tmp_path: Path
) -> None:
    made = Case(tmp_path)
    shutil.copyfile(case.database, made.database)
    made.register = case.register
    counted = "SELECT count(*) AS rows FROM estimates.attribution_{} WHERE study_id = ?"
    filled = ("studies", "estimates", "checks", "monthly_draws", "study_units")
    assert all(made.rows(counted.format(table), "trial")[0]["rows"] for table in filled)
    kept = [plan for plan in made.plans if plan.id != "trial"]
    report = made.go(plans=kept, only=("absent",))
    assert report.removed == ("trial",)
    assert "trial" not in report.statuses
    for table in filled:
        assert made.rows(counted.format(table), "trial") == [{"rows": 0}]
        assert made.rows(counted.format(table), "pilot")[0]["rows"] > 0


def test_the_same_seed_gives_the_same_figures_in_one_process_and_in_two(
    case: Case, second: Second
) -> None:
    for table in FIGURES:
        sql = (
            f"SELECT * FROM estimates.attribution_{table} WHERE study_id = 'trial'"
            " ORDER BY ALL"
        )
        assert second.case.rows(sql) == case.rows(sql)
        assert case.rows(sql)


def test_a_process_that_dies_costs_its_own_study_only(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attribution.studies.process.fit_study", refused_at_once)

    def jobs() -> Iterator[StudyJob]:
        frame, plan = case.studies["short"]
        asked = Asked(plan, Registered("EXPLORATORY"), 1, date(2024, 2, 19), "1")
        rows = duckdb.connect().from_df(frame).to_arrow_table()
        for number in range(3):
            deadly: Any = Deadly()
            yield StudyJob(asked, deadly if number == 1 else rows, str(number))

    statuses = {
        job.digest: tables["attribution_studies"]["status"][0].as_py()
        for job, tables in fitted(jobs(), processes=2)
    }
    assert statuses == {"0": "refused", "1": "failed", "2": "refused"}


def test_memory_holds_no_more_studies_than_wait_for_a_process(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attribution.studies.process.fit_study", refused_at_once)
    frame, plan = case.studies["short"]
    asked = Asked(plan, Registered("EXPLORATORY"), 1, date(2024, 2, 19), "1")
    rows = duckdb.connect().from_df(frame).to_arrow_table()
    read: list[int] = []

    def jobs() -> Iterator[StudyJob]:
        for number in range(20):
            read.append(number)
            yield StudyJob(asked, rows, str(number))

    done = 0
    for _ in fitted(jobs(), processes=2):
        done += 1
        assert len(read) - done <= 2 * 3 + 1
    assert done == 20


def test_a_workspace_without_marts_of_studies_refuses_each(tmp_path: Path) -> None:
    database = tmp_path / "build.duckdb"
    _, plan = series_study(before=200, after=30)
    request = StudyRequest([plan], StudyRegister(tmp_path / "register.jsonl"))
    report = update_study_estimates(database, request, SilentProgress())
    assert report.statuses == {"support-copilot": "refused"}
    assert np.isfinite(seed_of(plan.id, 0))


def test_a_study_that_was_locked_without_power_says_so_among_its_notes(
    case: Case,
) -> None:
    frame, plan = case.studies["short"]
    registered = Registered("REGISTERED", low_power_reason="the only season there is")
    asked = Asked(plan, registered, 1, date(2024, 2, 19), "1")
    rows = duckdb.connect().from_df(frame).to_arrow_table()
    tables = fit_study(StudyJob(asked, rows, "1"))
    assert tables["attribution_studies"]["notes"].to_pylist() == [
        "Locked although its power was low: the only season there is"
    ]
