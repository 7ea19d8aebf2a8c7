"""A workspace of Railway whose amounts were worked out by hand.

Prices are the documented ones: 43,200 vCPU-minutes are 20.00 USD, as many GB-minutes of
memory 10.00 and of disk 0.15; a gigabyte of traffic is 0.05.

============  ===========================  ==========================================
period        13 August to 13 September    13 September on, seen on the 15th
============  ===========================  ==========================================
usage         20.00 + 5.00 + 3.00 = 28.00  1.00 + 0.10 + 0.50 = 1.60, reported 1.85
invoices      in_0813: plan 20.00
              in_0913: plan 20.00, seats
              2 x 10.00, usage 14.00,
              total 54.00, paid 49.00
factor        14.00 / 28.00 = 0.5          none yet
billed        20 + 20 + 20 + 14 - 5 = 69   0
effective     69.00                        1.60
============  ===========================  ==========================================
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.sources.railway import connector as railway
from tests.ingest.servers.loopback_railway import (
    TOKEN,
    WORKSPACE_ID,
    LoopbackRailway,
    Metered,
    invoice,
    project,
    unix,
)

if TYPE_CHECKING:
    import pytest

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)
AUGUST = ("2026-08-13T00:00:00.000Z", "2026-09-13T00:00:00.000Z")
SEPTEMBER = ("2026-09-13T00:00:00.000Z", "2026-10-13T00:00:00.000Z")
TEN, ELEVEN = unix("2026-09-14T10:00Z"), unix("2026-09-14T11:00Z")

ETA: dict[str, str | None] = {
    "projectId": "p-search",
    "environmentId": "p-search-prod",
    "serviceId": "s-eta",
    "region": "europe-west4",
}
#: A service of a deleted project that no listing names any more.
GONE: dict[str, str | None] = {
    "projectId": "p-old",
    "environmentId": "e-gone",
    "serviceId": "s-gone",
    "region": None,
}
INVOICE_ITEMS = [
    {"product_id": "prod_plan", "kind": "plan_fee", "description": "Pro plan"},
    {"product_id": "prod_seat", "kind": "seats"},
    {"product_id": "prod_usage", "kind": "usage"},
]
MAPPING = [
    {"match": {"service": "eta-api", "environment": "production"}, "model": "eta-v2"},
    {"match": {"project": "search"}, "pool": "search-platform"},
]
OPTIONS: dict[str, Any] = {
    "workspace_id": WORKSPACE_ID,
    "start_date": "2026-08-13",
    "invoice_items": INVOICE_ITEMS,
    "mapping": MAPPING,
    "environment_tiers": {"production": "production"},
    "requests_per_second": 1000,
}


def september_invoice(usage: float, *, credit: float = 5.0) -> dict[str, Any]:
    """Return the invoice of the first period, with another amount for usage."""
    total = 40 + usage
    return invoice(
        "in_0913",
        AUGUST,
        [("prod_plan", 20.0, 1), ("prod_seat", 10.0, 2), ("prod_usage", usage, 1)],
        total=round(total * 100),
        due=total - credit,
    )


def workspace() -> LoopbackRailway:
    """Return the workspace of this module's docstring, not serving yet."""
    return LoopbackRailway(
        period=SEPTEMBER,
        current_usage=1.85,
        invoices=[
            september_invoice(14.0),
            invoice(
                "in_0813", (AUGUST[0], AUGUST[0]), [("prod_plan", 20.0, 1)],
                total=2000, due=20.0,
            ),
        ],
        projects=[
            project("p-search", "search", services={"s-eta": "eta-api", "s-x": "x"}),
            project("p-old", "old", services={}, deletedAt="2026-09-10T00:00:00Z"),
        ],
        usage=[
            Metered("2026-08-20T10:00Z", "CPU_USAGE", 43_200.0, ETA),
            Metered("2026-08-21T10:00Z", "MEMORY_USAGE_GB", 21_600.0, ETA),
            Metered("2026-09-01T10:00Z", "NETWORK_TX_GB", 60.0, GONE, is_deleted=True),
            Metered("2026-09-01T10:00Z", "CPU_USAGE_2", 43_200.0, ETA),
            Metered("2026-09-13T10:00Z", "CPU_USAGE", 2160.0, ETA),
            Metered("2026-09-14T10:00Z", "DISK_USAGE_GB", 28_800.0, ETA),
            Metered("2026-09-15T10:00Z", "CPU_USAGE", 1080.0, ETA),
        ],
        deployments={
            "p-search": [
                deployment("d-1", "REMOVED", "2026-09-01T08:00:00Z", commit="a" * 40),
                deployment("d-2", "SUCCESS", "2026-09-14T08:00:00Z", commit="b" * 40),
            ]
        },
        requests={
            ("s-eta", "p-search-prod"): {
                200: [(TEN, 90.0), (ELEVEN, 5.0)],
                404: [(TEN, 3.0)],
                500: [(ELEVEN, 2.0)],
            }
        },
        latency={
            ("s-eta", "p-search-prod"): [
                (TEN, 120.0, 250.0, 400.5, 900.0),
                (ELEVEN, 100.0, 200.0, 300.0, 800.0),
            ]
        },
    )  # fmt: skip


def deployment(
    id_: str, status: str, created: str, *, commit: str, **more: Any
) -> dict[str, Any]:
    """Return a deployment of eta-api; its state is ten minutes younger than itself."""
    return {
        "id": id_,
        "status": status,
        "createdAt": created,
        "updatedAt": created.replace("08:00", "08:11"),
        "statusUpdatedAt": created.replace("08:00", "08:10"),
        "projectId": "p-search",
        "environmentId": "p-search-prod",
        "serviceId": "s-eta",
        "url": None,
        "staticUrl": "eta-api.example.com",
        "meta": {
            "repo": "example/eta",
            "branch": "main",
            "commitHash": commit,
            "commitMessage": "words that nobody needs",
            "commitAuthor": "somebody",
            "reason": "deploy",
        },
        **more,
    }


def set_the_clock(monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> None:
    """Let the connector run at a known time that goes on, with the made-up token."""
    ticks = itertools.count()
    tick = timedelta(milliseconds=1)
    monkeypatch.setattr(railway, "_now", lambda: now + next(ticks) * tick)
    monkeypatch.setenv("RAILWAY_API_TOKEN", TOKEN)
