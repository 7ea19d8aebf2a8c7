"""Inputs of a figure in the published file: models, loads, versions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.warehouse.bills import BILL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from triptych.core.warehouse.reader import Snapshot

_BILLS = frozenset(bill.name for bill in BILL_STREAMS)
#: Inputs of a run, by the workspace file that contains them.
_TOLD = {
    "rules (allocation.yml)": (*("settings", "pools", "pool_percentages", "policies"),),
    "catalogue (catalog.yml)": (
        *("catalog_models", "catalog_model_aliases", "catalog_features"),
        *("catalog_teams", "catalog_platforms", "catalog_cost_centers"),
        "identities",
    ),
    "settings (triptych.yml)": (
        *("delivery_rules", "production_environments", "production_aliases"),
        "loaded_hourly_rates",
    ),
    # Absent from runs published before there were any.
    "studies (studies/*.yml)": ("studies", "study_columns", "study_units"),
    "register (assumptions.yml)": ("assumptions",),
}
_LOADS = """
SELECT load_id, source, stream, label, loaded_at, row_count, quarantined_row_count,
  checksums, origins
FROM lineage.loads
WHERE list_contains($streams, stream)
  AND (NOT list_contains($bills, stream) OR len($sources) = 0
    OR list_contains($sources, source))
  AND (len($months) = 0
    OR load_id IN (SELECT load_id FROM lineage.load_months
                   WHERE list_contains($months, billing_month))
    OR load_id NOT IN (SELECT load_id FROM lineage.load_months))
ORDER BY source, stream, loaded_at, load_id
"""
_LINEAGE = """
WITH RECURSIVE upstream AS (
  SELECT model_name, upstream, sources FROM lineage.models WHERE model_name = $model
  UNION
  SELECT models.model_name, models.upstream, models.sources
  FROM upstream, lineage.models
  WHERE list_contains(upstream.upstream, models.model_name)
)
SELECT models.schema_name || '.' || models.model_name AS node, models.sources
FROM upstream JOIN lineage.models USING (model_name) ORDER BY models.position DESC
"""


@dataclass(frozen=True, slots=True)
class Load:
    """A current load that a figure is made of; checksums are SHA-256 [hex]."""

    load_id: str
    source: str
    stream: str
    label: str
    loaded_at: datetime
    row_count: int
    quarantined_row_count: int
    checksums: tuple[str, ...]
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """Version of an input of the run: a hash of its whole content."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Nodes:
    """The dbt models between evidence and a mart, nearest first, and its streams."""

    models: tuple[str, ...]
    streams: tuple[str, ...]


def read_nodes(snapshot: Snapshot, model_name: str) -> Nodes:
    """Return the inputs of a mart, up to staging."""
    rows = snapshot.query(_LINEAGE, {"model": model_name}).to_pylist()
    sources = {source for row in rows for source in row["sources"]}
    prefix = "evidence."
    streams = sorted(s.removeprefix(prefix) for s in sources if s.startswith(prefix))
    return Nodes(tuple(row["node"] for row in rows), tuple(streams))


def read_loads(
    snapshot: Snapshot,
    nodes: Nodes,
    *,
    months: Sequence[str],
    sources: Sequence[str] = (),
) -> tuple[Load, ...]:
    """Return the current loads that some months and sources come from.

    Without any, those of all of them; the source of a meter decides nothing.
    """
    rows = snapshot.query(
        _LOADS,
        {
            "streams": list(nodes.streams),
            "bills": sorted(_BILLS),
            "sources": list(sources),
            "months": list(months),
        },
    ).to_pylist()
    for row in rows:
        row |= {name: tuple(row[name]) for name in ("checksums", "origins")}
    return tuple(Load(**row) for row in rows)


def read_versions(snapshot: Snapshot) -> tuple[Version, ...]:
    """Return a version of every run input that decides its figures."""
    versions = []
    for name, tables in _TOLD.items():
        digest = snapshot.digest_of_input(tables)
        if digest is not None:
            versions.append(Version(name, digest))
    # A build of all months leaves other blank lines than a build of some.
    models = snapshot.query(
        "SELECT model_name, regexp_replace(sql, '\\s+', ' ', 'g') AS sql"
        " FROM lineage.models ORDER BY model_name"
    ).to_pylist()
    versions.append(Version("models (SQL of the run)", _hash(models)))
    if snapshot.inputs_hash:
        name = "inputs (loads, settings, rules, locks, studies, models)"
        versions.append(Version(name, snapshot.inputs_hash))
    return tuple(versions)


def _hash(content: object) -> str:
    text = json.dumps(content, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
