"""A workspace with an audit log in which August was closed, and one file kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import duckdb

from triptych.core.lake import audit_log
from triptych.core.lake.layout import SCHEMA
from triptych.core.warehouse.locks import CLOSED, record_all
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEPT = "mart_cost_waterfall.csv"
MONTH = "2026-08"


def write_closed_workspace(root: Path) -> Workspace:
    """Write catalogue, lake log, sealed head and the folder of the lock."""
    workspace = Workspace(root)
    folder = workspace.locked_dir / MONTH / "lock-1"
    folder.mkdir(parents=True)
    workspace.runs_dir.mkdir(exist_ok=True)
    (folder / KEPT).write_text("amount\n185\n")
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute(SCHEMA)
        raw.execute(audit_log.SCHEMA)
    append(workspace, "source_retired", {"target": "bills"})
    append(workspace, CLOSED, closing_detail(folder / KEPT))
    return workspace


def closing_detail(kept: Path) -> dict[str, object]:
    return {
        "billing_month": MONTH,
        "lock_id": "lock-1",
        "actor": "Ana Lima",
        "approver": "Ben Okafor",
        "reason": None,
        "content_hash": "",
        "published_run_id": "run",
        "files": {KEPT: hashlib.sha256(kept.read_bytes()).hexdigest()},
        "marts": [],
        "load_ids": [],
    }


def append(workspace: Workspace, event: str, detail: Mapping[str, object]) -> None:
    record_all(workspace, [(event, detail)])
