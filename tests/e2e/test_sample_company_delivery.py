"""What the sample company delivers, and how fast, is what was planted."""

from __future__ import annotations

import csv
import gzip
import json
import statistics
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

from ingest.sample_company.formats.railway_answers import SERVED
from tests.dashboard.conftest import text_of, tiles

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp
    from triptych.core.warehouse.reader import Snapshot


def of_service_and_month(
    published: Snapshot, sql: str
) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = published.query(sql).to_pylist()
    return {
        (str(row.pop("key")), str(row.pop("month"))): tuple(row.values())
        for row in rows
    }


def planted_by_month(
    planted: dict[str, Any], *names: str
) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (key, month): tuple(figures[name] for name in names)
        for key, months in planted.items()
        for month, figures in months.items()
        if set(names) <= figures.keys()
    }


def test_each_service_deployed_and_failed_as_often_as_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    found = of_service_and_month(
        published,
        """
        SELECT service AS key, month, count(*) FILTER (counts_as_deployment),
            count(*) FILTER (outcome IN ('success', 'failure')),
            count(*) FILTER (is_failed)
        FROM delivery.fct_deployments
        WHERE source = 'events' AND month IS NOT NULL GROUP BY ALL
        """,
    )
    planted = truth["delivery"]["services"]
    names = ("deployments", "finished", "failed")
    assert found == planted_by_month(planted, *names)
    assert sum(failed for _, _, failed in found.values()) > 10


@pytest.mark.parametrize(
    ("kind", "figure", "sql"),
    [
        (
            "services",
            "change_lead_time",
            "SELECT service AS key, month, count(lead_time_seconds) AS n,"
            " quantile_cont(lead_time_seconds, 0.5) / 3600 AS p50,"
            " quantile_cont(lead_time_seconds, 0.9) / 3600 AS p90"
            " FROM delivery.fct_changes WHERE lead_time_seconds IS NOT NULL"
            " GROUP BY ALL",
        ),
        (
            "services",
            "time_to_restore",
            "SELECT service AS key, resolved_month AS month, count(restore_seconds),"
            " quantile_cont(restore_seconds, 0.5) / 3600,"
            " quantile_cont(restore_seconds, 0.9) / 3600"
            " FROM delivery.fct_incidents GROUP BY ALL",
        ),
        (
            "promotions",
            "training_to_production",
            "SELECT model_id AS key, month, count(training_to_production_seconds),"
            " quantile_cont(training_to_production_seconds, 0.5) / 3600,"
            " quantile_cont(training_to_production_seconds, 0.9) / 3600"
            " FROM delivery.fct_promotions WHERE promotion_class = 'promotion'"
            " GROUP BY ALL",
        ),
    ],
)
def test_times_are_the_planted_order_statistics(
    published: Snapshot, truth: dict[str, Any], kind: str, figure: str, sql: str
) -> None:
    planted = {
        (key, month): of_month if kind == "promotions" else of_month.get(figure)
        for key, months in truth["delivery"][kind].items()
        for month, of_month in months.items()
    }
    expected = {key: figures for key, figures in planted.items() if figures}
    found = of_service_and_month(published, sql)
    assert found.keys() == expected.keys()
    for key, (count, median, upper) in found.items():
        assert count == expected[key]["n"]
        assert median == pytest.approx(expected[key]["p50_hours"], abs=2e-6)
        assert upper == pytest.approx(expected[key]["p90_hours"], abs=2e-6)


def test_what_no_identity_maps_is_listed_with_the_entry_that_would(
    published: Snapshot,
) -> None:
    rows = published.query(
        "SELECT kind, name, catalog_entry FROM delivery.mart_unmapped_identities"
    ).to_pylist()
    assert {row["kind"] for row in rows} == {"service"}
    entries = {row["name"]: yaml.safe_load(row["catalog_entry"]) for row in rows}
    assert entries["llm-gateway"] == [
        {"service": "llm-gateway", "source": "railway", "model": "llm-gateway"}
    ]
    assert not any(name.endswith("-service") for name in entries)


def test_the_published_velocity_is_the_planted_one(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        """
        SELECT scope_id, month, metric, metric_value, p90, n_used, statistic
        FROM delivery.mart_velocity
        WHERE (scope_kind = 'service' AND scope_id LIKE '%-service'
                AND metric IN ('change_lead_time', 'time_to_restore'))
            OR (scope_kind = 'model' AND metric = 'training_to_production')
        """
    ).to_pylist()
    planted = truth["delivery"]["services"], truth["delivery"]["promotions"]
    compared = 0
    for row in rows:
        months = planted[row["metric"] == "training_to_production"][row["scope_id"]]
        of_month = months.get(row["month"], {})
        expected = of_month
        if row["metric"] != "training_to_production":
            expected = of_month.get(row["metric"], {})
        assert row["n_used"] == expected.get("n", 0)
        if row["n_used"] >= 5:
            hours = row["metric_value"] / 3600
            assert hours == pytest.approx(expected["p50_hours"], abs=2e-6)
            compared += 1
        else:
            assert row["metric_value"] is None
        if row["n_used"] >= 10:
            upper = row["p90"] / 3600
            assert upper == pytest.approx(expected["p90_hours"], abs=2e-6)
    assert compared > 20


def test_what_is_rare_has_medians_over_months_that_were_counted_apart(
    published: Snapshot, sample_company: Path
) -> None:
    """From the files that were delivered, in plain Python."""
    delivered = sample_company / "delivery"
    lasted = [
        datetime.fromisoformat(row["resolved_at"])
        - datetime.fromisoformat(row["impact_started_at"])
        for row in csv_rows(delivered / "incidents.csv")
        if row["status"] == "resolved"
    ]
    expected: dict[str, list[float]] = {
        "time_to_restore": [length.total_seconds() for length in lasted],
        "iterations_per_feature": [*iterations_of_releases(delivered)],
    }
    rows = published.query(
        """
        SELECT metric, metric_value, n_used FROM delivery.mart_velocity_windows
        WHERE scope_kind = 'organisation' AND window_months = 12 AND month = (
            SELECT max(month) FROM delivery.mart_velocity_windows
        )
        """
    ).to_pylist()
    found = {row["metric"]: (row["metric_value"], row["n_used"]) for row in rows}
    for metric, values in expected.items():
        assert found[metric] == (pytest.approx(statistics.median(values)), len(values))


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def iterations_of_releases(delivered: Path) -> list[int]:
    """Count the finished runs of each model since the run of the release before."""
    lines = [
        json.loads(line)
        for path in (delivered / "events").glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    released = {
        (line["registered_model"], line["model_version"])
        for line in lines
        if line.get("event") == "alias_set"
    }
    released_runs = {
        row["run_id"]
        for row in csv_rows(delivered / "model_versions.csv")
        if (row["registered_model"], row["version"]) in released
    }
    found: list[int] = []
    waiting: Counter[str] = Counter()
    finished = [
        row
        for row in csv_rows(delivered / "training_runs.csv")
        if row["status"] == "finished"
    ]
    for row in sorted(finished, key=lambda each: each["ended_at"]):
        waiting[row["registered_model"]] += 1
        if row["run_id"] in released_runs:
            found.append(waiting.pop(row["registered_model"]))
    return found


def test_a_figure_over_months_that_is_missing_says_why_and_where_there_is_one(
    published: Snapshot,
) -> None:
    silent = published.query(
        """
        SELECT scope_id, metric FROM delivery.mart_velocity_windows
        WHERE metric_value IS NULL AND (reason IS NULL OR way_out IS NULL)
        UNION ALL
        SELECT scope_id, 'infra_hours' FROM delivery.mart_infra_hours
        WHERE infra_hours_per_deployment IS NULL
            AND (reason IS NULL OR way_out IS NULL)
        UNION ALL
        SELECT architecture, breakdown FROM delivery.mart_training_times
        WHERE training_hours_p50 IS NULL AND (reason IS NULL OR way_out IS NULL)
        """
    ).to_pylist()
    assert silent == []


def test_the_hours_of_the_platform_team_are_divided_among_its_platforms(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        """
        SELECT scope_id, month, infra_hours, is_estimated
        FROM delivery.mart_infra_hours
        WHERE scope_kind = 'platform' AND window_months = 3 AND infra_hours IS NOT NULL
            AND month = (SELECT max(month) FROM delivery.mart_infra_hours)
        """
    ).to_pylist()
    assert {row["scope_id"] for row in rows} == {"tidewater", "railway"}
    assert all(row["is_estimated"] for row in rows)
    booked = truth["delivery"]["booked_hours"]["ml-platform"]
    months = [month for month in sorted(booked) if month <= rows[0]["month"]][-3:]
    assert sum(row["infra_hours"] for row in rows) == pytest.approx(
        sum(booked[month]["infra"] for month in months)
    )


def test_the_median_with_versions_that_still_wait_is_the_planted_one(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """Versions that were never promoted count for as long as they have waited."""
    rows = published.query(
        "SELECT * FROM delivery.mart_time_to_event WHERE scope_kind = 'model'"
        " AND cohort_kind = 'all' AND metric = 'training_to_production'"
    ).to_pylist()
    planted = truth["delivery"]["versions"]
    assert {row["scope_id"] for row in rows} == planted.keys()
    for row in rows:
        expected = planted[row["scope_id"]]
        counts = (row["item_count"], row["censored_count"])
        assert counts == (expected["n"], expected["open"])
        if expected["n"] < 5 or expected["median_hours"] is None:
            assert row["median_seconds"] is None
            continue
        hours = row["median_seconds"] / 3600
        assert hours == pytest.approx(expected["median_hours"], abs=2e-6)
        if row["median_seconds_of_ended"] is not None and row["censored_count"]:
            assert row["median_seconds"] >= row["median_seconds_of_ended"]
    assert sum(row["median_seconds"] is not None for row in rows) > 3


def test_shares_of_mature_cohorts_are_those_that_are_counted_elsewhere(
    published: Snapshot,
) -> None:
    rows = published.query(
        """
        SELECT cohorts.converted_ratio, figures.metric_value, figures.n_used,
            cohorts.item_count
        FROM delivery.mart_conversions AS cohorts
        JOIN delivery.mart_velocity AS figures
            ON figures.scope_kind = cohorts.scope_kind
            AND figures.scope_id = cohorts.scope_id
            AND figures.month = cohorts.cohort
            AND figures.metric = printf('versions_promoted_within_%d_days',
                cohorts.horizon_days)
        WHERE cohorts.is_mature AND cohorts.cohort_kind = 'month'
            AND cohorts.metric = 'registration_to_production'
        """
    ).to_pylist()
    # A version that is younger is open there, even where it was promoted at once.
    same = [row for row in rows if row["n_used"] == row["item_count"]]
    assert len(same) > 20
    for row in same:
        assert row["converted_ratio"] == pytest.approx(row["metric_value"])


def test_a_quarters_median_is_that_of_all_its_changes(published: Snapshot) -> None:
    """From the changes themselves: no combination of monthly medians gives it."""
    rows = published.query(
        """
        WITH planted AS (
            SELECT lower(service) AS service,
                printf('%s-Q%d', month[:4], (month[6:]::int + 2) // 3) AS quarter,
                quantile_cont(lead_time_seconds, 0.5) AS p50, count(*) AS n
            FROM delivery.fct_changes WHERE lead_time_seconds IS NOT NULL GROUP BY ALL
        )
        SELECT figures.metric_value, planted.p50, planted.n, figures.n_used
        FROM planted JOIN delivery.mart_velocity_quarters AS figures
            ON figures.scope_kind = 'service' AND figures.scope_id = planted.service
            AND figures.quarter = planted.quarter
            AND figures.metric = 'change_lead_time'
        """
    ).to_pylist()
    assert len(rows) >= 10
    for row in rows:
        assert row["n_used"] == row["n"]
        if row["n"] >= 5:
            assert row["metric_value"] == pytest.approx(row["p50"], abs=1e-3)


def test_latency_is_far_over_its_threshold_at_first_and_at_its_target_at_last(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """Every week that lies in one phase has the planted p95 and share over."""
    rows = published.query(
        "SELECT week, model_id, p95_to_threshold_ratio AS p95,"
        " requests_over_threshold_ratio AS over,"
        " windows_over_threshold_ratio AS windows"
        " FROM delivery.mart_serving_performance"
    ).to_pylist()
    assert {row["model_id"] for row in rows} == {"maintenance-vision", "driver-camera"}
    compared: dict[str, int] = defaultdict(int)
    for name, planted in truth["phases"].items():
        first, last = planted["months"][0], planted["months"][-1]
        for row in rows:
            week = row["week"]
            days = {f"{week:%Y-%m}", f"{week + timedelta(days=6):%Y-%m}"}
            if min(days) < first or max(days) > last:
                continue
            compared[name] += 1
            assert row["p95"] == pytest.approx(planted["p95_latency_to_threshold"])
            assert row["over"] == pytest.approx(planted["requests_over_threshold"])
            assert row["windows"] == (1.0 if name != "hybrid" else 0.0)
    assert truth["phases"]["managed_kubernetes"]["p95_latency_to_threshold"] == 3
    assert truth["phases"]["hybrid"]["p95_latency_to_threshold"] <= 1
    assert min(compared[name] for name in ("managed_kubernetes", "hybrid")) >= 8


def test_percentiles_that_a_platform_computed_stay_window_by_window(
    published: Snapshot, sample_company: Path
) -> None:
    rows = published.query(
        "SELECT percentile_kind, window_seconds, model_id, count(*) AS n"
        " FROM delivery.mart_latency_percentiles GROUP BY ALL"
    ).to_pylist()
    kinds = {(row["percentile_kind"], row["window_seconds"]) for row in rows}
    assert kinds == {("delivered", 6 * 3600)}
    assert {row["model_id"] for row in rows} == {"eta-v2", "route-planner"}
    with duckdb.connect(str(sample_company / "raw.duckdb"), read_only=True) as raw:
        raw.execute(f"SET file_search_path = '{sample_company}'")
        counted = raw.execute(
            "SELECT count(DISTINCT (period_start, service_id, environment_id))"
            " FROM evidence.serving_latency"
        ).fetchone()
    assert counted == (sum(row["n"] for row in rows),)


def test_firefighting_and_the_cost_of_incidents_are_the_planted_ones(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    effort = published.query(
        "SELECT month, firefighting_self_report_ratio AS share"
        " FROM delivery.mart_infra_effort WHERE team_id = 'ml-platform'"
    ).to_pylist()
    found = {row["month"]: row["share"] for row in effort}
    planted = truth["delivery"]["firefighting_share"]
    assert found.keys() == planted.keys()
    for month, share in planted.items():
        # Entries are quarters of an hour.
        assert found[month] == pytest.approx(share, abs=0.25 / 1152)
    costs = published.query(
        "SELECT sum(engaged_hours) AS hours, sum(incident_cost) AS cost"
        " FROM delivery.mart_delivery_costs WHERE scope_kind = 'model'"
    ).to_pylist()
    assert float(costs[0]["cost"]) == pytest.approx(costs[0]["hours"] * 95, rel=1e-9)
    assert costs[0]["hours"] > 50


def test_a_wave_shows_groups_of_five_and_more_and_nothing_that_betrays_others(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT wave_id, group_id, respondent_count, is_suppressed, score"
        " FROM delivery.mart_satisfaction WHERE item_id = 'satisfaction'"
    ).to_pylist()
    planted = truth["delivery"]["survey_answers"]
    assert {row["wave_id"] for row in rows} == planted.keys()
    for wave, answered in planted.items():
        cells = {row["group_id"]: row for row in rows if row["wave_id"] == wave}
        assert cells.pop(None)["respondent_count"] == sum(answered.values())
        hidden = [group for group, cell in cells.items() if cell["is_suppressed"]]
        assert {group for group, count in answered.items() if count < 5} <= set(hidden)
        # One hidden group would be the total less all others.
        assert len(hidden) != 1
        for group, cell in cells.items():
            if group in hidden:
                assert (cell["respondent_count"], cell["score"]) == (None, None)
            else:
                assert cell["respondent_count"] == answered[group]


def test_the_page_of_velocity_states_the_planted_lead_time(
    sample_company: Path, truth: dict[str, Any], open_app: OpenApp
) -> None:
    service = "care-assistant-service"
    planted = truth["delivery"]["services"][service]
    month, figures = max(
        (month, figures["change_lead_time"])
        for month, figures in planted.items()
        if figures.get("change_lead_time", {}).get("n", 0) >= 5
    )
    link = {"period": month, "whose": f"service {service}"}
    app = open_app(sample_company, page="velocity", **link)
    assert not app.exception
    assert not app.error
    hours = figures["p50_hours"]
    expected = f"{hours / 24:,.1f} d" if hours >= 48 else f"{hours:,.1f} h"
    found = tiles(app)
    assert found["Change lead time"].replace("\u00a0", " ") == expected
    assert f"n = {figures['n']}" in text_of(app)


#: Ends of Railway's rollouts, over and over; the seventh was taken down by hand.
_RAILWAY_ENDS = ("SUCCESS", "SUCCESS", "SUCCESS", "FAILED", "SUCCESS", "CRASHED")


_TAKEN_DOWN = 6


def railway_deployments(sample_company: Path) -> dict[str, list[dict[str, Any]]]:
    """Return Railway's recorded deployments by service, the oldest first."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted((sample_company / "bills/railway").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            exchange = json.loads(line)
            if exchange["operationName"] == "Deployments":
                for edge in exchange["answer"]["data"]["deployments"]["edges"]:
                    found[edge["node"]["serviceId"]].append(edge["node"])
    return {
        service: sorted(nodes, key=lambda node: node["createdAt"])
        for service, nodes in found.items()
    }


def changes_of_service(sample_company: Path, service: str) -> list[datetime]:
    """Return when the versions of a service were deployed, the oldest first.

    One that ran already is a redeploy, which answers no failure.
    """
    deployed = []
    for path in sorted((sample_company / "delivery/events").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            kind = event.get("context", {}).get("type", "")
            if kind.startswith("dev.cdevents.service.deployed") and (
                event["subject"]["id"] == service
            ):
                ended = datetime.fromisoformat(event["context"]["timestamp"])
                deployed.append((ended, event["customData"]["commit_sha"]))
    deployed.sort()
    return [
        ended
        for number, (ended, commit) in enumerate(deployed)
        if number == 0 or commit != deployed[number - 1][1]
    ]


def test_deployments_that_railway_replaced_are_successes_and_one_is_unknown(
    sample_company: Path, published: Snapshot
) -> None:
    """Recovery is days, to the next rollout; around the unknown one it is unknown.

    A model that EKS serves as well is over its failure with its next change there.
    """
    changes: dict[str | None, list[datetime]] = {None: []}
    for model in SERVED.values():
        changes[model] = changes_of_service(sample_company, f"{model}-service")
    rows = published.query(
        "SELECT deployment_id, model_id, outcome, outcome_known_by, unknown_reason,"
        " recovery_seconds FROM delivery.fct_deployments"
        " WHERE source_system = 'railway'"
    ).to_pylist()
    by_id = {row["deployment_id"]: row for row in rows}
    unknown = recovered = 0
    for nodes in railway_deployments(sample_company).values():
        for number, node in enumerate(nodes):
            row = by_id[node["id"]]
            end = _RAILWAY_ENDS[number % len(_RAILWAY_ENDS)]
            if number == _TAKEN_DOWN:
                assert (row["outcome"], row["outcome_known_by"]) == ("unknown", None)
                unknown += 1
            elif end == "SUCCESS":
                known_by = "replaced" if node["status"] == "REMOVED" else "stated"
                assert (row["outcome"], row["outcome_known_by"]) == (
                    *("success", known_by),
                )
            elif number + 1 < len(nodes):
                # Of a replaced one the start is known, of the live one the end.
                after = nodes[number + 1]
                which = "updatedAt" if after["status"] == "SUCCESS" else "createdAt"
                ended, answered = (
                    datetime.fromisoformat(text)
                    for text in (node["updatedAt"], after[which])
                )
                later = [
                    change for change in changes[row["model_id"]] if change > ended
                ]
                first = min([answered, *later])
                if number + 1 == _TAKEN_DOWN and first == answered:
                    assert row["unknown_reason"] == "next_outcome_unknown"
                    assert row["recovery_seconds"] is None
                    continue
                seconds = (first - ended).total_seconds()
                assert row["recovery_seconds"] == seconds < 17 * 86_400
                recovered += 1
    assert unknown >= 1
    assert recovered >= 3


def test_deployments_that_github_and_argo_cd_replaced_are_what_was_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """A success where it held its place, was returned to, or was listed once."""
    rows = published.query(
        "SELECT service, deployment_id, outcome, outcome_known_by AS known_by, team_id,"
        " counts_as_deployment, is_failed FROM delivery.fct_deployments"
        " WHERE source IN ('github', 'argocd')"
    ).to_pylist()
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        found[row["service"]][row["deployment_id"]] = {
            name: row[name] for name in ("outcome", "known_by")
        }
    planted = truth["delivery"]["superseded"]
    assert found == planted
    ends = [one for of_service in planted.values() for one in of_service.values()]
    unknown = [one for one in ends if one["outcome"] == "unknown"]
    assert {one["known_by"] for one in ends} == {
        *("stated", "replaced", "rolled_back_to", None),
    }
    assert len(unknown) == 3
    assert {row["team_id"] for row in rows} == {"ml-platform"}
    # One that nobody knows of is neither a deployment nor a failure.
    for row in rows:
        if row["outcome"] == "unknown":
            assert (row["counts_as_deployment"], row["is_failed"]) == (False, None)
