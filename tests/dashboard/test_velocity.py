"""The page about how fast models ship, and what running them takes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.velocity import organisation, organisation_queries
from dashboard.pages.velocity import queries as velocity_queries
from dashboard.pages.velocity import sentences as words
from tests.dashboard.conftest import text_of, tiles
from tests.dashboard.fixtures.velocity_fixture import CREW
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.layers import in_full
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from tests.dashboard.conftest import LookAt, OpenApp
    from triptych.core.warehouse.reader import Snapshot

PAGE = "velocity"
METRICS_SQL = (
    Path(__file__).resolve().parents[2] / "dbt_project/macros/velocity_metrics.sql"
)


def test_each_tile_has_its_value_interval_and_what_is_missing(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-09")
    assert not app.exception
    assert not app.error
    assert tiles(app) == {
        "Change lead time": "30.0 h",
        "Deployment frequency": "2.5 a week",
        "Change fail rate": "10.0 %",
        "Failed deployment recovery": "—",
        "Deployment rework rate": "—",
        "Time to restore": "—",
        "Training to production": "—",
        "Iterations per feature": "—",
    }
    text = text_of(app).replace("\u00a0", " ")
    assert "n = 7 · 90 % interval 20.0 h to 40.0 h · 12.5 % missing" in text
    assert "1 open, the oldest 10.0 d · 2 left out" in text
    assert "n = 10 · 90 % interval 2.3 % to 34.5 %" in text
    assert "Left out: first deployment 2." in text
    assert "ETA v2, Sep 2026, so far" not in text
    assert "Fewer than five: no median is drawn from them. Velocity, Flow lists" in text
    deltas = {metric.label: metric.delta for metric in app.metric}
    assert deltas["Change lead time"].replace("\u00a0", " ") == "40.0 h in Aug 2026"


def test_bands_are_shown_on_demand_and_never_of_fewer_than_ten(look_at: LookAt) -> None:
    assert "2023" not in text_of(look_at(page=PAGE, period="2026-09"))
    app = look_at(page=PAGE, period="2026-09", bands="true")
    text = text_of(app)
    assert "10 left out" not in text
    assert text.count("high, 2023") == 1  # the fail rate; the lead time has seven


def test_too_few_and_none_are_not_zero(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-09", whose="model vision-v1")
    assert tiles(app)["Change lead time"] == "—"
    assert "is known for 1 month. 2 months have none." in text_of(app)


def test_what_is_too_rare_for_a_month_has_windows_or_the_scope_that_has_enough(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE, period="2026-09")
    text = text_of(app).replace("\u00a0", " ")
    assert "To Sep 2026, over 12 months: 2.0 h (n = 6)." in text
    # 345,600 seconds are four days.
    assert (
        "12 months to Sep 2026: n = 2, fewer than five."
        " n = 41 in the organisation over 12 months: 4.0 d." in text
    )
    assert "ETA v2, months to Sep 2026" in text
    assert "Oct 2025 to Sep 2026" in text
    assert "1.0 h to 4.0 h" in text
    assert "Organisation, months to Sep 2026" in text
    # 10,800 seconds of the other model, from five incidents.
    row = re.search(r"Vision v1</th><td[^>]*>3.00</td><td[^>]*>5</td>", text)
    assert row is not None


def test_infra_hours_count_the_deployments_that_their_figure_leaves_out(
    look_at: LookAt,
) -> None:
    text = text_of(look_at(page=PAGE, period="2026-09"))
    assert "Up to 10 deployments of unknown outcome are in no figure" in text
    # The organisation: 200 hours for 40 deployments, and for 50 if all succeeded.
    row = re.search(r"Organisation</th>.*?</tr>", text, re.DOTALL)
    assert row is not None
    assert re.findall(r">([\d.]+)<", row[0]) == ["200.0", "40", "10", "5.00", "4.00"]
    assert "no deployment of it counted in these months" in text
    assert "n = 40 in the organisation over 12 months" in text


def test_every_section_has_its_sentence_and_its_table(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-09")
    text = text_of(app).replace("\u00a0", " ")
    # 10, 20, 30, 40 and 50 hours; nine of ten are within 46.
    assert "Half of the 5 changes of Sep 2026 took less than **30.0 h**" in text
    assert "nine of ten less than 46.0 h" in text
    assert "In **1 of 3 whole weeks** nothing was deployed." in text
    assert "**1 version came** into production in Sep 2026." in text
    assert "only known to lie between two looks at the registry" in text
    assert "**1 used**, 1 open and 1 left out" in text
    assert "**EUR 146.00** per deployment. It is not what deploying costs." in text
    assert "2 deployments of unknown outcome are not counted." in text
    assert "**1 model-week is over the threshold** at p95, of 1." in text
    assert "By wave, of groups that are large enough to be anonymous." in text
    assert "1 cell is not shown: too few people" in text
    assert "— (too few people, or next to such a group)" in text
    assert "**1 name belongs to nobody**" in text
    assert "A triangle: not all of the cohort has been followed so long." in text
    assert "0 in production so far, observed for 11 days." in text
    assert {button.key for button in app.get("download_button")} == {
        f"download-{name}"
        for name in (
            *("velocity-by-unit", "velocity-change_lead_time", "lead-time-stages"),
            "velocity-organisation",
            *("promotions", "events-change_lead_time", "delivery-costs"),
            *("serving-performance", "infra-effort", "satisfaction"),
            *("unmapped-identities", "latency-percentiles", "times-with-open"),
            *("times-with-open-by-month", "conversions-registration-to-production"),
            *("velocity-windows", "velocity-windows-organisation"),
            *("infra-hours-by-team", "velocity-windows-by-unit"),
        )
    }


def test_the_bars_scope_chooses_whose_velocity_is_shown(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-09", scope="model vision-v1")
    assert [box.label for box in app.selectbox].count("Whose") == 0
    assert tiles(app)["Change lead time"] == "—"
    other = look_at(page=PAGE, period="2026-09", scope="model chat-v1")
    assert "Nothing is known of how model Chat v1 ships." in text_of(other)


def test_a_quarter_that_is_chosen_has_its_own_figures(look_at: LookAt) -> None:
    """The quarter's 35 hours come from its items; 30 hours are the month's."""
    app = look_at(page=PAGE, period="2026-Q3")
    assert not app.exception
    assert tiles(app)["Change lead time"] == "35.0 h"
    assert tiles(app)["Change fail rate"] == "20.0 %"
    text = text_of(app)
    assert "ETA v2, Q3 2026" in text
    assert (
        "A quarter's figure comes from its items and is no mean of its months" in text
    )
    assert "is known for 2 quarters." in text
    deltas = {metric.label: metric.delta for metric in app.metric}
    assert deltas["Change lead time"].replace("\u00a0", " ") == "45.0 h in Q2 2026"


def test_a_month_that_is_not_over_is_one_so_far(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE delivery.mart_velocity_windows SET is_over = false")
    app = open_app(tmp_path, page=PAGE, period="2026-09")
    assert "ETA v2, Sep 2026, so far" in text_of(app)


def test_what_is_still_open_counts_beside_the_plain_median(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE, period="2026-Q3"))
    assert "open (*censored*) items" in text
    assert "**Training to production**: 6 of 10 items are open." in text
    assert "Those that ended took 3.0 d at the median" in text
    assert "is **not reached**" in text
    assert "the median is longer than the 90.0 d of the oldest" in text
    assert (
        "In 2026-Q3 8 versions were registered: 4 in production so far, observed for"
        " 31 days." in text
    )


def test_percentiles_that_were_delivered_are_counted_and_never_merged(
    look_at: LookAt,
) -> None:
    text = text_of(look_at(page=PAGE, period="2026-09"))
    assert "2 windows of Sep 2026 came as percentiles without their histogram." in text
    assert "In **1 of 2** the p95 was over the threshold of its model." in text


def publish_with_crew(root: Path) -> None:
    publish(root)
    with duckdb.connect(str(PublishedReader(root).current_path())) as connection:
        connection.execute(CREW)


def test_a_team_without_a_bill_can_be_chosen_on_velocity_alone(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish_with_crew(tmp_path)
    app = open_app(tmp_path, page=PAGE)
    scope = next(box for box in app.selectbox if box.label == "Scope")
    assert "team crew" in scope.options
    app = scope.set_value("team crew").run()
    assert not app.exception
    assert tiles(app)["Deployment frequency"] == "4.0 a week"
    cost = open_app(tmp_path)
    assert "team crew" not in next(
        box.options for box in cost.selectbox if box.label == "Scope"
    )


def test_a_month_without_a_bill_can_be_chosen_on_velocity_alone(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """In November 2026 the crew shipped; the newest month with charges comes first."""
    publish_with_crew(tmp_path)
    app = open_app(tmp_path, page=PAGE)
    period = next(box for box in app.selectbox if box.label == "Period")
    assert "Nov 2026" in period.options
    assert period.value == "2026-09"
    app = period.set_value("2026-11").run()
    scope = next(box for box in app.selectbox if box.label == "Scope")
    app = scope.set_value("team crew").run()
    assert not app.exception
    assert "crew, Nov 2026" in text_of(app)
    cost = open_app(tmp_path)
    assert "Nov 2026" not in next(
        box.options for box in cost.selectbox if box.label == "Period"
    )


def test_a_service_has_no_costs_of_its_own_and_the_page_says_whose_they_are(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(CREW.replace("'team', 'crew'", "'service', 'crew'"))
    app = open_app(tmp_path, page=PAGE, whose="service crew", velocity="Cost")
    text = text_of(app)
    assert "Costs belong to models and teams: choose one above." in text
    assert "has both costs and events" not in text


#: Marts that runs of earlier versions have not published.
LATER = (
    *("mart_velocity_changes", "mart_velocity_quarters", "mart_time_to_event"),
    "mart_conversions",
    *("mart_latency_percentiles", "mart_velocity_windows", "mart_infra_hours"),
)


@pytest.mark.parametrize(
    "marts", [LATER, *in_full(*((mart,) for mart in LATER))], ids="-".join
)
def test_a_run_of_an_earlier_version_lacks_marts_and_shows_no_traceback(
    tmp_path: Path, open_app: OpenApp, marts: tuple[str, ...]
) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        for mart in marts:
            connection.execute(f"DROP TABLE delivery.{mart}")
    app = open_app(tmp_path, page=PAGE, period="2026-Q3")
    assert not app.exception
    assert not app.error
    assert tiles(app)["Change lead time"] != "—"


def test_stages_of_a_service_are_of_what_it_is_deployed_as(snapshot: Snapshot) -> None:
    """A service is known by its name in lower case, or by its repository."""
    service = velocity_queries.VelocityScope("service", "eta-api", ("2026-09",))
    stages = velocity_queries.lead_time_stages(snapshot, service).to_pylist()
    # 10, 20, 30, 40 and 50 hours, of which each change waited 6 for its merge.
    assert [(row["n"], row["p50"]) for row in stages] == [(5, 6), (5, 24), (5, 30)]


@pytest.mark.parametrize(
    ("ratio", "share", "is_over"),
    [(1.0, 0.1, True), (1.0, 0.05, False), (1.2, None, True), (None, None, False)],
    ids=["tenth above the last bound", "p95 on the bound", "no bound", "unknown"],
)
def test_a_week_is_over_by_the_requests_above_its_threshold(
    ratio: float | None, share: float | None, is_over: bool
) -> None:
    """Above the last bound p95 is that bound, and no more than the threshold."""
    row = {"p95_to_threshold_ratio": ratio, "requests_over_threshold_ratio": share}
    assert words.is_over_threshold(row) is is_over


def test_a_week_of_unknown_outcomes_is_no_quiet_week() -> None:
    weeks = [
        {"is_complete": True, "deployment_count": count, "unknown_count": unknown}
        for count, unknown in ((0, 0), (0, 0), (0, 3), (2, 1))
    ]
    running = {"is_complete": False, "deployment_count": 0, "unknown_count": 0}
    assert words.quiet_weeks([*weeks, running]) == (
        "In **2 of 4 whole weeks** nothing was deployed. They count in the median"
        " above. Outcomes of 1 more are unknown."
    )
    assert words.quiet_weeks(weeks[:2]) == (
        "In **2 of 2 whole weeks** nothing was deployed. They count in the median"
        " above."
    )


def test_a_month_without_a_bill_is_no_month_without_deployments() -> None:
    row = {"month": "2026-11", "currency": "EUR", "effective_cost": None}
    unbilled = {"cost_per_deployment": None, "unknown_deployment_count": 2}
    assert words.cost_of_a_deployment(
        "crew", {**row, **unbilled, "deployment_count": 12}
    ) == ("No cost of crew is known in Nov 2026, in which it shipped 12 deployments.")
    assert words.cost_of_a_deployment(
        "crew", {**row, **unbilled, "deployment_count": None}
    ) == (
        "In Nov 2026 the outcome of 2 deployments of crew is unknown: no cost is"
        " divided by them."
    )
    none = {**row, **unbilled, "deployment_count": None, "unknown_deployment_count": 0}
    assert words.cost_of_a_deployment("crew", none) == (
        "Nothing was deployed in Nov 2026: no cost per deployment."
    )


def test_an_unknown_outcome_is_said_with_its_bounds_and_a_way_out() -> None:
    figure = velocity_queries.VelocityFigure(
        *("change_fail_ratio", "2026-10", "ratio", None, None, 0.078, 1.0),
        *(1, 0, 3, "next_outcome_unknown 1, redeploy 1, unknown 24", 0.9, None, 1),
    )

    assert words.absence(figure) == (
        "Outcome of 24 deployments unknown, 1 deployment followed by one of unknown"
        " outcome: a later state replaced it before it was read. Between 7.8\u00a0% and"
        " 100.0\u00a0%. Read the source more often, or send each rollout's end to"
        " `triptych receive`."
    )
    # Whether its changes are in production is unknown too, and counted.
    lead_time = replace(
        figure,
        metric="change_lead_time",
        excluded_by_reason="deployment_outcome_unknown 2, first_deployment 1",
    )
    assert "3 left out · 2 of them in deployments of unknown outcome" in (
        words.evidence(lead_time)
    )
    # Runs of unknown status are another matter.
    other = replace(figure, metric="training_hours", n_used=3)
    assert words.absence(other).startswith("Fewer than five")


def test_twelve_deployments_without_a_whole_week_are_not_too_few() -> None:
    figure = velocity_queries.VelocityFigure(
        *("deployment_frequency", "2026-11", "per_week", None, None, None, None),
        *(12, 0, 1, "redeploy 1", 0.0, None, 1),
    )
    assert words.absence(figure) == "No whole week is measured."
    bounded = replace(figure, low=1.0, high=4.0, excluded_by_reason="unknown 3")
    assert words.absence(bounded).startswith("Outcome of 3 deployments unknown:")


def test_every_metric_of_the_mart_has_its_words() -> None:
    declared = set(re.findall(r"'metric': '(\w+)'", METRICS_SQL.read_text("utf-8")))
    # Of the same events as the frequency, so it is declared with none of its own.
    assert words.METRICS.keys() == declared | {"deployment_days"}


@pytest.mark.parametrize("variant", ["empty", "partial", "stale"])
def test_the_page_says_what_would_fill_it(
    tmp_path: Path, open_app: OpenApp, variant: str
) -> None:
    publish(tmp_path, variant)  # type: ignore[arg-type]
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM delivery.mart_velocity")
    app = open_app(tmp_path, page=PAGE)
    assert not app.exception
    if variant != "empty":
        assert "**Velocity needs deployments.** None arrived yet." in text_of(app)


#: Of the quarter: 9 items of ml at a median of 12 days, 3 of ops.
_TEAMS = """
alter table delivery.mart_velocity_quarters add column slowness_rank bigint;
alter table delivery.mart_velocity_quarters add column unranked_reason varchar;
insert into delivery.mart_velocity_quarters by name
select '2026-Q3' as quarter, '2026-07' as first_month, '2026-09' as last_month,
  true as is_over, 'team' as scope_kind, team as scope_id,
  'training_to_production' as metric, 'seconds' as unit, 'median' as statistic,
  days * 86400 as metric_value, days * 43200 as interval_low,
  days * 172800 as interval_high, n as n_used, place as slowness_rank,
  reason as unranked_reason
from (values ('ml', 12.0, 9, 1, null), ('ops', null, 3, null, 'n = 3, fewer than five'))
  as teams (team, days, n, place, reason);
"""


def test_the_slowest_team_to_production_is_said_with_n_and_interval(
    tmp_path: Path,
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(_TEAMS)
    snapshot = PublishedReader(tmp_path).snapshot()
    found = organisation_queries.slowest_teams(snapshot, "2026-Q3")
    assert found is not None
    first, last = found.to_pylist()
    said = organisation.slowest([first, last], "2026-Q3").replace("\u00a0", " ")
    assert f"**{first['team']}**, 12.0 d (6.0 d to 24.0 d, n = 9)" in said
    assert (last["slowness_rank"], last["unranked_reason"]) == (
        None,
        "n = 3, fewer than five",
    )


def test_a_run_of_an_earlier_version_ranks_no_team(tmp_path: Path) -> None:
    publish(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    assert organisation_queries.slowest_teams(snapshot, "2026-Q3") is None
