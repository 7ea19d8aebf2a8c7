"""``python -m benchmarks.delivery``: the marts of delivery over millions of events.

Generates commits, deployments, training runs, versions, promotions and incidents of
many services and models over two years as Parquet, ingests them through ``tables``
sources and builds. Prints what each part took; fails when a row is lost.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.measure import machine_line
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import build, ingest

#: Of a hundred events, how many are rows of a stream.
SHARES: Final = {
    "commits": 60,
    "deployments": 24,
    "training_runs": 8,
    "model_versions": 3,
    "promotions": 3,
    "incidents": 2,
}
_FIRST: Final = "TIMESTAMP '2024-01-01'"
#: Rows of each stream by its number ``i``; ``{n}`` is how many there are.
_SQL: Final = {
    # Three states of each deployment: open, then success nine times of ten.
    "deployments": """
        'ci' AS source_system, 'd' || (i // 3) AS deployment_id, 1 AS attempt,
        CASE i % 3 WHEN 0 THEN 'open' WHEN 2 THEN 'inactive'
            ELSE CASE WHEN (i // 3) % 10 = 0 THEN 'failure' ELSE 'success' END
        END AS status,
        {first} + to_seconds((i // 3) * 63072000 // ({n} // 3) + (i % 3) * 300)
            AS event_time,
        'service-' || ((i // 3) % 400) AS service, 'production' AS environment,
        'sha' || (i // 3) AS commit_sha""",
    "commits": """
        'ci' AS source_system, 'repository-' || (d % 400) AS repository,
        'c' || i AS commit_sha, 'd' || d AS deployment_id,
        'service-' || (d % 400) AS service,
        {first} + to_seconds(d * 63072000 // {deployments} - 3600 * (i % 40))
            AS committed_at""",
    "training_runs": """
        'mlflow' AS source_system, 'r' || i AS run_id,
        CASE WHEN i % 9 = 0 THEN 'failed' ELSE 'finished' END AS status,
        {first} + to_seconds(i * 63072000 // {n}) AS started_at,
        {first} + to_seconds(i * 63072000 // {n} + 600 + i % 7200) AS ended_at,
        'model-' || (i % 200) AS registered_model, 'gru' AS architecture""",
    "model_versions": """
        'mlflow' AS source_system, 'model-' || (i % 200) AS registered_model,
        CAST(i // 200 AS VARCHAR) AS model_version, 'r' || i AS run_id,
        {first} + to_seconds(i * 63072000 // {n} + 9000) AS created_at""",
    "promotions": """
        'mlflow' AS source_system, 'alias_set' AS event, 'e' || i AS event_id,
        'model-' || (i % 200) AS registered_model, 'champion' AS alias,
        CAST(i // 200 AS VARCHAR) AS model_version,
        {first} + to_seconds(i * 63072000 // {n} + 90000) AS event_time""",
    "incidents": """
        'pager' AS source_system, 'i' || (i // 2) AS incident_id,
        CASE i % 2 WHEN 0 THEN 'open' ELSE 'resolved' END AS status,
        'service-' || ((i // 2) % 400) AS service,
        {first} + to_seconds((i // 2) * 63072000 // ({n} // 2) + (i % 2) * 7200)
            AS event_time""",
}


def main() -> int:
    """Run the benchmark; return 1 when a row is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--build", type=Path, default=Path("build/bench/delivery"))
    options = parser.parse_args()
    shutil.rmtree(options.build, ignore_errors=True)
    rows = write_events(options.build, options.events)
    print(f"machine: {machine_line()}; {sum(rows.values()):,} events", flush=True)
    workspace, settings = Workspace(options.build), load_settings(options.build)
    for name, step in (("ingest", ingest), ("build", build), ("build again", build)):
        started = time.perf_counter()
        step(workspace, settings, progress=SilentProgress())
        print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)
    counted = "SELECT (SELECT count(*) FROM delivery.fct_deployments) AS deployments"
    counted += ", (SELECT count(*) FROM delivery.fct_changes) AS commits"
    (found,) = PublishedReader(options.build).snapshot().query(counted).to_pylist()
    print(found)
    wanted = {"deployments": rows["deployments"] // 3, "commits": rows["commits"]}
    return int(found != wanted)


def write_events(root: Path, events: int) -> dict[str, int]:
    """Write a workspace with so many events; return the rows of each stream."""
    root.mkdir(parents=True)
    # Of deployments whole ones: three states each.
    counts = {name: events * share // 300 * 3 for name, share in SHARES.items()}
    lines = ["organisation: Bench", "currency: EUR", "sources:"]
    for name, columns in _SQL.items():
        deployments = counts["deployments"] // 3
        select = columns.format(first=_FIRST, n=counts[name], deployments=deployments)
        duckdb.connect().execute(
            f"COPY (SELECT {select} FROM (SELECT i, i * {deployments} //"
            f" {counts[name]} AS d FROM range({counts[name]}) AS r (i)))"
            f" TO '{root / name}.parquet' (FORMAT parquet)"
        )
        lines.append(
            f"  - {{name: {name}, type: tables, stream: {name}, path: {name}.parquet}}"
        )
    text = "\n".join([*lines, "delivery: {time_zone: Europe/Berlin}", ""])
    (root / "triptych.yml").write_text(text, encoding="utf-8")
    (root / "catalog.yml").write_text(_catalog(), encoding="utf-8")
    return counts


def _catalog() -> str:
    services = [
        f"  - {{service: service-{number}, team: team-{number % 20}}}"
        for number in range(400)
    ]
    models = [
        f"  - {{registered_model: model-{number}, team: team-{number % 20}}}"
        for number in range(200)
    ]
    return "\n".join(["identities:", *services, *models, ""])


if __name__ == "__main__":
    raise SystemExit(main())
