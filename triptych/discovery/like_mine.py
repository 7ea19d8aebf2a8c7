"""A copy of somebody's workspace with simulated meters, deliveries and outcomes.

The bill stays their own, so that a buyer sees three layers over their own figures. The
copy is a separate workspace: simulated data never enters the workspace with the
evidence, and removing the copy removes all of it. ``synthetic: true`` marks each page,
sheet and document of it, and it sends no alerts.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from ingest.sample_company.like_a_bill import (
    BilledModel,
    write_deployments,
    write_outcomes,
    write_usage,
)
from triptych.core.errors import StaleError, UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.settings import load_settings
from triptych.core.warehouse.gate import open_published
from triptych.core.whole_files import write_whole
from triptych.core.workspace import Workspace
from triptych.discovery.yaml_insertion import NewEntry, with_entries

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import date

#: Names the copy and its owner; only a folder that has it is ever removed.
RECORD = ".demo-like.json"
FOLDER = "synthetic"
#: Streams that are simulated: name of the source → stream.
SOURCES = {
    "synthetic-usage": "model_usage",
    "synthetic-deployments": "deployments",
    "synthetic-outcomes": "outcomes",
}
#: Files that a run of the copy rebuilds, and files that belong to a run of the
#: original.
_LEFT_OUT = (
    *("published", "warehouse/published", "warehouse/build.duckdb*"),
    *("warehouse/CURRENT", "runs/lock*"),
)
#: Sections that would bring simulated figures to others, or in the place of real
#: figures.
TELLING = frozenset({"notify", "webhook", "synthetic", "bi", "metrics"})
_MOST_MODELS = 40
_MODELS = """
    SELECT model_id, any_value(feature_id) AS feature_id,
           CAST(sum(effective_cost) AS DOUBLE) AS cost,
           min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM cost.fct_daily_model_costs
    WHERE model_id IS NOT NULL
    GROUP BY model_id
    ORDER BY cost DESC, model_id
"""


@dataclass(frozen=True, slots=True)
class LikeMine:
    """Result: the copy, and its simulated share."""

    workspace: Workspace
    model_count: int
    row_counts: dict[str, int]


def write_like_mine(mine: Workspace, directory: Path, *, seed: int = 7) -> LikeMine:
    """Copy a workspace into a new folder, and add simulated data.

    Parameters
    ----------
    mine : Workspace
        The original, with a published run; it is read and not changed.
    directory : Path
        Folder that does not exist yet, outside the original.
    seed : int
        Another seed simulates other figures.

    Raises
    ------
    StaleError
        Nothing is published, or no cost is on a model yet.
    UsageError
        The folder exists, or lies in the original.
    """
    target = Workspace(directory)
    _refuse_place(mine, target)
    rows = open_published(mine.root).query(_MODELS).to_pylist()
    if not rows:
        raise StaleError(
            "No cost is on a model yet, so there is nothing to simulate for.",
            where=str(mine.root),
            next_step="Run 'triptych discover' and 'triptych run' there first.",
        )
    with hold_run_lock(mine.lock_file):
        left_out = {path for name in _LEFT_OUT for path in mine.root.glob(name)}
        left_out.add(mine.root / RECORD)
        # First, so that an interrupted copy can be removed as a copy.
        target.root.mkdir(parents=True)
        record = {"like": str(mine.root), "seed": seed}
        (target.root / RECORD).write_text(json.dumps(record), encoding="utf-8")
        shutil.copytree(
            mine.root,
            target.root,
            dirs_exist_ok=True,
            ignore=lambda folder, names: [
                name for name in names if Path(folder) / name in left_out
            ],
            copy_function=_linked_or_copied,
        )
    counts = _simulate(target, rows[:_MOST_MODELS], seed)
    return LikeMine(target, len(rows[:_MOST_MODELS]), counts)


def remove_like_mine(directory: Path) -> None:
    """Remove a copy that :func:`write_like_mine` made, and nothing else.

    Raises
    ------
    UsageError
        The folder is no such copy; nothing was removed.
    """
    root = Workspace(directory).root
    if not (root / RECORD).is_file():
        raise UsageError(
            "This folder was not made by 'triptych demo --like'.",
            where=str(root),
            next_step="Name the folder of the copy; nothing was removed.",
        )
    shutil.rmtree(root)


def _simulate(
    target: Workspace, rows: list[dict[str, Any]], seed: int
) -> dict[str, int]:
    days = _days(min(row["first_day"] for row in rows), _last_day(rows))
    models = [
        BilledModel(row["model_id"], row["feature_id"], row["cost"] / len(days))
        for row in rows
    ]
    features = sorted({model.feature_id for model in models if model.feature_id})
    text = target.settings_file.read_text(encoding="utf-8")
    currency = load_settings(target.root).currency
    folder = target.root / FOLDER
    usage, deployments, outcomes = (folder / f"{name}.csv" for name in SOURCES)
    counts = (
        write_usage(usage, models, days, seed=seed),
        write_deployments(deployments, models, days, seed=seed),
        write_outcomes(outcomes, features, days, currency=currency, seed=seed),
    )
    entries = [
        NewEntry(_source(name, stream), "SYNTHETIC: simulated, not measured.")
        for (name, stream), count in zip(SOURCES.items(), counts, strict=True)
        if count
    ]
    marked = f"synthetic: true\n{without_sections(text, TELLING)}"
    where = target.settings_file.name
    write_whole(
        target.settings_file, with_entries(marked, "sources", entries, where=where)
    )
    return dict(zip(SOURCES, counts, strict=True))


def without_sections(text: str, names: AbstractSet[str]) -> str:
    r"""Return a YAML file's text without some of its top-level keys.

    Examples
    --------
    >>> without_sections("a: 1\nb:\n  c: 2\nd: 3\n", {"b"})
    'a: 1\nd: 3\n'
    """
    lines = text.splitlines(keepends=True)
    pairs = YAML(typ="rt").compose(text).value
    starts = [key.start_mark.line for key, _ in pairs] + [len(lines)]
    kept = lines[: starts[0]]
    for (key, _), start, end in zip(pairs, starts[:-1], starts[1:], strict=True):
        if key.value not in names:
            kept += lines[start:end]
    return "".join(kept)


def _source(name: str, stream: str) -> dict[str, object]:
    entry: dict[str, object] = {"name": name, "type": "tables", "stream": stream}
    entry["path"] = f"{FOLDER}/{name}.csv"
    if stream == "deployments":
        entry["defaults"] = {"source_system": FOLDER}
    return entry


def _last_day(rows: list[dict[str, Any]]) -> date:
    last: date = max(row["last_day"] for row in rows)
    return last


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _refuse_place(mine: Workspace, target: Workspace) -> None:
    if target.root.exists():
        raise UsageError(
            "The folder of the copy exists already.",
            where=str(target.root),
            next_step="Name a new folder, or remove the copy with"
            f" 'triptych demo --remove {target.root}'.",
        )
    if target.root.is_relative_to(mine.root):
        raise UsageError(
            "The copy cannot lie in the workspace that it is a copy of.",
            where=str(target.root),
            next_step="Name a folder next to it.",
        )


def _linked_or_copied(source: str, target: str) -> None:
    # Loads are never changed: a second name costs nothing.
    if source.endswith(".parquet"):
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)
        return
    shutil.copy2(source, target)
