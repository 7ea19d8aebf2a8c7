"""A company that leaves EKS for Railway, from its own files: its five figures.

Bills (CUR 2.0, Railway), delivered percentiles, booked hours, headcount and budget are
written here from the amounts below; each expected figure is arithmetic on them.
"""

from __future__ import annotations

import calendar
import csv
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pytest
import yaml

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.layouts.aws_export_layout import ExportLayout, Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

BEFORE: Final = ("2025-08", "2025-09", "2025-10")
MOVING: Final = ("2025-11", "2025-12", "2026-01")
AFTER: Final = ("2026-02", "2026-03", "2026-04")
#: Dollars a month by platform, stage and month: 3,800 before, 2,280 after.
SERVING_ON_EKS: Final = dict.fromkeys(BEFORE, 2800) | dict.fromkeys(MOVING, 2800)
LEFT_ON_EKS: Final = dict.fromkeys(AFTER, 500)
TRAINING: Final = dict.fromkeys((*BEFORE, *MOVING), 1000) | dict.fromkeys(AFTER, 700)
RAILWAY: Final = dict.fromkeys(MOVING, 400) | dict.fromkeys(AFTER, 1080)
BUDGET: Final = 1000
REQUESTS: Final = dict.fromkeys((*BEFORE, *MOVING), 700_000) | dict.fromkeys(
    AFTER, 720_000
)
THRESHOLD_SECONDS: Final = 0.3
P95_SECONDS: Final = dict.fromkeys((*BEFORE, *MOVING), 0.9) | dict.fromkeys(AFTER, 0.27)
AVAILABLE_HOURS: Final = 10 * 160
INCIDENT_HOURS: Final = (
    dict.fromkeys(BEFORE, 960)
    | {"2025-11": 720, "2025-12": 480, "2026-01": 360}
    | dict.fromkeys(AFTER, 240)
)
INTEGRATION_HOURS: Final = 40
HOURLY_RATE: Final = 50
MARTS: Final = (
    "roi.mart_platform_measurements",
    "roi.mart_platform_migrations",
    "roi.mart_platform_migration_costs",
    "roi.mart_platform_comparisons",
)


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as a customer's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)


def next_month(month: str) -> str:
    """Return the month after a month."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def write_cur(root: Path) -> None:
    """Write CUR 2.0 line items: a charge a day of each service."""
    layout = ExportLayout(Folder(root / "aws"), export="cur")
    services = (
        ("AmazonEC2", "serving", SERVING_ON_EKS | LEFT_ON_EKS),
        ("AmazonSageMaker", "training", TRAINING),
    )
    for month in (*BEFORE, *MOVING, *AFTER):
        count = calendar.monthrange(int(month[:4]), int(month[5:]))[1]
        first = datetime.fromisoformat(f"{month}-01")
        lines = [
            (first.replace(day=day), product, stage, amounts[month] / count)
            for day in range(1, count + 1)
            for product, stage, amounts in services
        ]
        instant = pa.timestamp("ms")
        starts = pa.array([line[0] for line in lines], instant)
        size = len(lines)
        tags = [[("user_model", "ranker"), ("user_stage", line[2])] for line in lines]
        layout.overwrite(
            month,
            [
                pa.table(
                    {
                        "line_item_unblended_cost": [line[3] for line in lines],
                        "line_item_currency_code": ["USD"] * size,
                        "bill_billing_period_start_date": pa.array(
                            [first] * size, instant
                        ),
                        "line_item_usage_start_date": starts,
                        "line_item_usage_end_date": starts,
                        "line_item_line_item_type": ["Usage"] * size,
                        "line_item_product_code": [line[1] for line in lines],
                        "resource_tags": pa.array(
                            tags, pa.map_(pa.string(), pa.string())
                        ),
                    }
                )
            ],
        )


def write_railway(root: Path) -> None:
    """Write Railway's priced usage, a line a month."""
    write_csv(
        root / "railway.csv",
        (
            {
                "line_id": f"usage-{month}",
                "line_kind": "usage",
                "billed_cost": amount,
                "effective_cost": amount,
                "currency": "USD",
                "is_estimated": "false",
                "billing_period_start": f"{month}-01",
                "billing_period_end": f"{next_month(month)}-01",
                "charge_period_start": f"{month}-01",
                "charge_period_end": f"{month}-02",
                "measurement": "CPU_USAGE",
                "quantity": 1,
                "service_name": "ranker",
            }
            for month, amount in RAILWAY.items()
        ),
    )


def write_meters(root: Path) -> None:
    """Write requests by day, percentiles by month, hours, heads and the budget."""
    months = (*BEFORE, *MOVING, *AFTER)
    write_csv(
        root / "requests.csv",
        (
            {
                "period_start": f"{month}-01",
                "model_id": "ranker",
                "requests": count,
                "successful_requests": count,
            }
            for month, count in REQUESTS.items()
        ),
    )
    write_csv(
        root / "percentiles.csv",
        (
            {
                "period_start": f"{month}-01",
                "period_end": f"{next_month(month)}-01",
                "source_system": "gateway",
                "model_id": "ranker",
                "latency_p95_seconds": P95_SECONDS[month],
            }
            for month in months
        ),
    )
    bookings = [(month, "incident", INCIDENT_HOURS[month]) for month in months]
    bookings += [(MOVING[0], "integration", INTEGRATION_HOURS)]
    write_csv(
        root / "hours.csv",
        (
            {
                "worklog_id": f"{category}-{month}",
                "work_date": f"{month}-10",
                "team_id": "devops",
                "category": category,
                "hours": hours,
            }
            for month, category, hours in bookings
        ),
    )
    write_csv(
        root / "heads.csv",
        (
            {
                "period_start": f"{month}-01",
                "team_id": "devops",
                "headcount": 10,
                "working_hours_per_head": 160,
            }
            for month in months
        ),
    )
    write_csv(
        root / "budget.csv",
        (
            {
                "budget_month": month,
                "scope_type": "all",
                "scope_id": "ai",
                "budget_amount": BUDGET,
                "currency": "USD",
            }
            for month in months
        ),
    )


def write_settings(root: Path) -> None:
    """Write who is who, which rules assign, and where files are."""

    def table(name: str, stream: str, **more: object) -> dict[str, object]:
        path = {"path": f"{name}.csv"}
        return {"name": name, "type": "tables", "stream": stream} | path | more

    settings = {
        "organisation": "Kestrel",
        "currency": "USD",
        "delivery": {"loaded_hourly_rates": [{"amount": HOURLY_RATE}]},
        "sources": [
            {
                "name": "aws",
                "type": "aws_data_exports",
                "path": "aws",
                "prefix": "exports",
                "export": "cur",
            },
            table("railway", "railway_usage"),
            table("requests", "model_usage"),
            table("percentiles", "serving_latency"),
            table("hours", "worklogs", defaults={"source_system": "timesheets"}),
            table("heads", "headcount"),
            table("budget", "budgets"),
        ],
    }
    move = {"from": date(2025, 11, 1), "to": date(2026, 2, 1)}
    catalog = {
        "teams": [{"id": "devops", "name": "DevOps"}],
        "models": [
            {
                "id": "ranker",
                "team": "devops",
                "latency_threshold_seconds": THRESHOLD_SECONDS,
            }
        ],
        "platforms": [
            {"id": "sagemaker", "kind": "other"}
            | {"match": {"source": "aws", "service_name": "AmazonSageMaker"}},
            {"id": "eks", "kind": "managed_kubernetes", "team": "devops"}
            | {"match": {"source": "aws"}},
            {"id": "railway", "kind": "ai_native", "team": "devops"}
            | {"match": {"source": "railway"}},
        ],
        "placements": [
            {"model": "ranker", "platform": "eks", "valid_to": move["from"]},
            {"model": "ranker", "platform": "railway", "valid_from": move["to"]},
        ],
        "migrations": [
            {
                "id": "to-railway",
                "name": "EKS to Railway",
                "from_platforms": ["eks"],
                "to_platforms": ["railway"],
                "models": ["ranker"],
                "migration_from": move["from"],
                "migration_to": move["to"],
            }
        ],
    }
    rules = [
        {
            "name": "training",
            "match": {"tags": {"stage": "training"}},
            "model": "ranker",
            "lifecycle_stage": "training",
        },
        {
            "name": "serving",
            "match": {"tags": {"stage": "serving"}},
            "model": "ranker",
            "lifecycle_stage": "serving",
        },
        {
            "name": "railway",
            "match": {"source": "railway"},
            "model": "ranker",
            "lifecycle_stage": "serving",
        },
    ]
    for name, content in (
        ("triptych", settings),
        ("catalog", catalog),
        ("allocation", {"assignments": rules}),
    ):
        (root / f"{name}.yml").write_text(yaml.safe_dump(content), "utf-8")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    """Return the marts that answer for the company."""
    root = tmp_path_factory.mktemp("kestrel")
    write_cur(root)
    write_railway(root)
    write_meters(root)
    write_settings(root)
    return ingest_and_build(root, *MARTS)


def change_of(company: ChosenMarts, metric: str) -> dict[str, Any]:
    """Return what the move changed in a metric."""
    [row] = company.query(
        "SELECT * FROM roi.mart_platform_migrations WHERE metric = ? AND basis = 'all'",
        [metric],
    ).to_pylist()
    return row


def figure_of(company: ChosenMarts, platform: str, metric: str) -> dict[str, Any]:
    """Return a figure of a platform to date."""
    [row] = company.query(
        "SELECT * FROM roi.mart_platform_measurements WHERE subject_kind = 'platform'"
        " AND subject_id = ? AND metric = ?",
        [platform, metric],
    ).to_pylist()
    return row


def test_spend_was_280_percent_over_the_budget_before(company: ChosenMarts) -> None:
    row = change_of(company, "spend_to_budget_ratio")
    assert row["before_figure"] - 1 == pytest.approx((2800 + 1000 - 1000) / 1000)


def test_delivered_percentiles_were_three_times_the_threshold(
    company: ChosenMarts,
) -> None:
    row = change_of(company, "delivered_p95_to_threshold_ratio")
    assert row["before_figure"] == pytest.approx(0.9 / 0.3)
    assert row["after_figure"] == pytest.approx(0.27 / 0.3)
    assert row["delivered_grain"] == "month"


def test_incidents_took_60_percent_of_hours_and_a_quarter_later_15(
    company: ChosenMarts,
) -> None:
    row = change_of(company, "firefighting_booked_ratio")
    assert row["before_figure"] == pytest.approx(960 / AVAILABLE_HOURS)
    assert row["after_figure"] == pytest.approx(240 / AVAILABLE_HOURS)
    [move] = company.query("FROM roi.mart_platform_migration_costs").to_pylist()
    days = (move["migration_to"] - move["migration_from"]).days
    assert days == 30 + 31 + 31


def test_a_month_costs_40_percent_less(company: ChosenMarts) -> None:
    row = change_of(company, "spend_per_month")
    assert row["change_ratio"] == pytest.approx(2280 / 3800 - 1)
    assert row["since_change_ratio"] == pytest.approx(2280 / 3800 - 1)


def test_a_platform_costs_what_it_charged_for_serving(company: ChosenMarts) -> None:
    charged = {
        platform: figure_of(company, platform, "charged_per_thousand_inferences")
        for platform in ("eks", "railway")
    }
    assert charged["eks"]["metric_value"] == pytest.approx(2800 / 700)
    assert charged["railway"]["metric_value"] == pytest.approx(1080 / 720)


def test_the_cost_of_its_models_in_all_has_no_training_in_it(
    company: ChosenMarts,
) -> None:
    whole = figure_of(company, "railway", "cost_per_thousand_inferences")
    training = figure_of(company, "sagemaker", "training_cost_per_month")
    assert whole["metric_value"] == pytest.approx((1080 + 500) / 720)
    assert training["metric_value"] == pytest.approx((6 * 1000 + 3 * 700) / 9)


def test_platforms_are_compared_by_what_each_charged(company: ChosenMarts) -> None:
    [row] = company.query(
        "SELECT * FROM roi.mart_platform_comparisons WHERE unit_id = 'ranker'"
        " AND metric = 'charged_per_thousand_inferences' AND platform_id = 'railway'"
        " AND reference_platform_id = 'eks'"
    ).to_pylist()
    assert row["metric_value"] == pytest.approx(1.5 / 4)


def test_lock_in_of_services_that_nobody_classified_is_unknown(
    company: ChosenMarts,
) -> None:
    for metric in ("proprietary_spend_ratio", "portable_spend_ratio"):
        row = figure_of(company, "eks", metric)
        assert row["metric_value"] is None
        assert "none of its services is classified" in row["reason"]
        assert "portability" in row["way_out"]
    assert figure_of(company, "eks", "unclassified_spend_ratio")["metric_value"] == 1


def test_the_move_pays_back_in_a_point_and_its_parts(company: ChosenMarts) -> None:
    """Forty hours, and what Railway cost while EKS still ran."""
    [move] = company.query("FROM roi.mart_platform_migration_costs").to_pylist()
    assert move["monthly_saving"] == pytest.approx(3800 - 2280)
    moving = INTEGRATION_HOURS * HOURLY_RATE + 3 * 400
    usual = Decimal(2800) * 3 * (30 + 31 + 31) / (31 + 30 + 31)
    assert usual == 2800 * 3
    assert float(move["cost_of_moving_amount"]) == pytest.approx(moving, abs=0.01)
    assert move["break_even_months"] == pytest.approx(moving / (3800 - 2280), rel=1e-4)
