"""Rows of Google's detailed billing export, and a workspace to land them in.

Field names and nesting are those of the documented export; every value is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.connector import Window
from ingest.engine.runner import EngineLimits, IngestReport, IngestRunner, LakePlaces
from triptych.core.lake.catalogue_file import connect
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from ingest.connector import Connector

NISE = Path(__file__).resolve().parents[4] / "shared" / "data" / "nise" / "gcp"
PROJECT = "finance-example"
ACCOUNT = "01A2B3-C4D5E6-F7A8B9"
TABLE = "gcp_billing_export_resource_v1_01A2B3_C4D5E6_F7A8B9"
LABEL = [("key", "STRING"), ("value", "STRING")]
DETAILED: list[Any] = [
    ("billing_account_id", "STRING"),
    ("service", "NULLABLE", [("id", "STRING"), ("description", "STRING")]),
    ("sku", "NULLABLE", [("id", "STRING"), ("description", "STRING")]),
    ("usage_start_time", "TIMESTAMP"),
    ("usage_end_time", "TIMESTAMP"),
    (
        "project",
        "NULLABLE",
        [("id", "STRING"), ("name", "STRING"), ("labels", "REPEATED", LABEL)],
    ),
    ("labels", "REPEATED", LABEL),
    ("tags", "REPEATED", [*LABEL, ("inherited", "BOOL"), ("namespace", "STRING")]),
    ("location", "NULLABLE", [("region", "STRING"), ("zone", "STRING")]),
    ("resource", "NULLABLE", [("name", "STRING"), ("global_name", "STRING")]),
    ("export_time", "TIMESTAMP"),
    ("cost", "FLOAT"),
    ("currency", "STRING"),
    ("usage", "NULLABLE", [("amount", "FLOAT"), ("unit", "STRING")]),
    (
        "credits",
        "REPEATED",
        [("name", "STRING"), ("amount", "FLOAT"), ("type", "STRING")],
    ),
    ("invoice", "NULLABLE", [("month", "STRING"), ("publisher_type", "STRING")]),
    ("cost_type", "STRING"),
    ("adjustment_info", "NULLABLE", [("type", "STRING"), ("description", "STRING")]),
    ("a_column_of_the_future", "STRING"),
]


def row(cost: float | None, exported: str, **changes: object) -> dict[str, Any]:
    """Return a row of the detailed export: one hour of a GPU machine in June."""
    return {
        "billing_account_id": ACCOUNT,
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": "D973-5D65-BAB2", "description": "A2 Instance Core"},
        "usage_start_time": "2026-06-27T22:00:00Z",
        "usage_end_time": "2026-06-27T23:00:00Z",
        "project": {
            "id": "ml-prod",
            "name": "ML production",
            "labels": [{"key": "cost-center", "value": "4411"}],
        },
        "labels": [
            {"key": "team", "value": "ranking"},
            {"key": "note", "value": 'a "quoted" \\ note'},
        ],
        "tags": [],
        "location": {"region": "us-central1", "zone": None},
        "resource": {"name": "gpu-1", "global_name": "//compute/gpu-1"},
        "export_time": exported,
        "cost": cost,
        "currency": "EUR",
        "usage": {"amount": 3600.0, "unit": "seconds"},
        "credits": [],
        "invoice": {"month": "202606", "publisher_type": "GOOGLE"},
        "cost_type": "regular",
        "adjustment_info": None,
        "a_column_of_the_future": "ignored",
        **changes,
    }


def credit(amount: float, type_: str) -> dict[str, Any]:
    """Return an entry of a row's ``credits``."""
    return {"name": type_.title(), "amount": amount, "type": type_}


def export_rows() -> list[dict[str, Any]]:
    """Return eight rows; June is 15.08 EUR and 5.00 USD, July 4.00 EUR."""
    nothing: dict[str, object] = {
        "labels": [],
        "project": None,
        "location": None,
        "resource": None,
    }
    return [
        row(
            10.25,
            "2026-06-28T04:39:11Z",
            credits=[
                credit(-1.10, "PROMOTION"),
                credit(-2.05, "COMMITTED_USAGE_DISCOUNT"),
            ],
        ),
        row(0.1, "2026-06-28T05:00:00Z"),
        row(0.2, "2026-06-28T23:59:59Z"),
        row(5.0, "2026-06-28T06:00:00Z", currency="USD"),
        row(1.93, "2026-06-29T01:00:00Z", cost_type="tax", **nothing),
        row(
            -0.40,
            "2026-06-29T01:00:00Z",
            cost_type="adjustment",
            adjustment_info={"type": "USAGE_CORRECTION", "description": "metering"},
            **nothing,
        ),
        row(3.0, "2026-07-02T08:00:00Z"),
        row(
            4.0,
            "2026-07-02T08:00:00Z",
            usage_start_time="2026-07-01T00:00:00Z",
            usage_end_time="2026-07-01T01:00:00Z",
            invoice={"month": "202607", "publisher_type": "GOOGLE"},
            credits=[credit(-0.5, "SUSTAINED_USAGE_DISCOUNT")],
        ),
    ]


@dataclass
class Workbench:
    """A workspace folder, with the runner that ``triptych ingest`` uses."""

    root: Path
    run_count: int = 0

    def ingest(
        self, connector: Connector, window: Window | None = None
    ) -> IngestReport:
        """Ingest what is new, and report."""
        self.run_count += 1
        runner = IngestRunner(
            self.places,
            run_id=f"run-{self.run_count}",
            limits=EngineLimits(memory_limit="500MB", threads=1),
            progress=SilentProgress(),
        )
        return runner.run([connector], window or Window())

    @property
    def places(self) -> LakePlaces:
        """Return where the runner puts things."""
        return LakePlaces(
            root=self.root,
            lake=self.root / "lake",
            staging=self.root / "lake" / ".staging",
            raw_database=self.root / "raw.duckdb",
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the catalogue, whose schema ``evidence`` has the rows that count."""
        with connect(self.root / "raw.duckdb", root=self.root) as connection:
            return connection.execute(sql).fetchall()
