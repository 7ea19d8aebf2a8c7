"""Lay a triptych workspace over a folder that :mod:`benchmarks.generate` wrote.

The bills are linked, not copied: what a run then copies into its lake is the run's
own work, and the harness times it.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from typing import Final

_TRIPTYCH: Final = """\
organisation: Benchmark
currency: USD
sources:
  - name: bills
    type: focus_files
    path: bills
  - name: usage
    type: tables
    stream: model_usage
    path: usage.csv
"""

_ALLOCATION: Final = """\
scope:
  - {name: all charges, match: {}}
assignments:
  - name: model tag
    match: {tags: {model: "*"}}
    model: "${tags.model}"
    lifecycle_stage: serving
  - name: gpu cluster
    match: {tags: {cluster: gpu}}
    pool: gpu-cluster
    lifecycle_stage: serving
pools:
  - {name: gpu-cluster, driver: gpu_hours, interval: day, idle: show}
policies: {unused_commitment: show, tax: show, credit: show}
"""

_OF_CLUSTER: Final = """\
  - name: seventh cluster
    match: {tags: {model: "*", cluster: cluster-7}}
    model: "${tags.model}"
    lifecycle_stage: training
"""
_OF_TOKENS: Final = """\
scope:
  - {name: all charges, match: {}}
assignments:
  - name: model api
    match: {service_name: Model API}
    pool: api
    lifecycle_stage: serving
pools:
  - {name: api, driver: tokens, interval: day}
policies: {unused_commitment: show, tax: show, credit: show}
"""
_CATALOG: Final = """\
teams:
  - {id: platform, name: Platform}
"""
_ASSUMPTIONS: Final = """\
assumptions:
  - id: capital
    kind: discount_rate
    applies_to: all
    value: 0.08
    unit: ratio/year
    owner: Treasury
    source: Plan
    approved_by: Chief financial officer
    valid_from: 2026-01-01
"""


def lay_workspace(data: Path, workspace: Path) -> Path:
    """Create ``workspace`` anew over the generated folder ``data``.

    Parameters
    ----------
    data : Path
        Folder with ``bills/`` and ``usage.csv``.
    workspace : Path
        Folder to write; removed first if it is there.

    Returns
    -------
    Path
        The workspace.
    """
    shutil.rmtree(workspace, ignore_errors=True)
    (workspace / "bills").mkdir(parents=True)
    for file in sorted((data / "bills").iterdir()):
        link_into(file, workspace / "bills")
    link_into(data / "usage.csv", workspace)
    (workspace / "triptych.yml").write_text(_TRIPTYCH, "utf-8")
    (workspace / "allocation.yml").write_text(_ALLOCATION, "utf-8")
    (workspace / "catalog.yml").write_text(_CATALOG, "utf-8")
    (workspace / "assumptions.yml").write_text(_ASSUMPTIONS, "utf-8")
    return workspace


def divide_by_tokens(workspace: Path) -> None:
    """Let the tokens that models used divide a bill of tokens."""
    (workspace / "allocation.yml").write_text(_OF_TOKENS, "utf-8")


def rename_team(workspace: Path) -> None:
    """Give a team another display name."""
    _replace(workspace / "catalog.yml", "name: Platform", "name: Platform team")


def change_stage(workspace: Path) -> None:
    """Let a rule place its charges in another stage of the lifecycle."""
    _replace(workspace / "allocation.yml", "serving\npools", "training\npools")


def add_rule(workspace: Path) -> None:
    """Let a rule of its own take what models used of one cluster, an eighth of all."""
    _replace(
        workspace / "allocation.yml", "assignments:\n", f"assignments:\n{_OF_CLUSTER}"
    )


def change_assumption(workspace: Path) -> None:
    """Value the future by another rate."""
    _replace(workspace / "assumptions.yml", "value: 0.08", "value: 0.09")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    if old not in text:
        raise ValueError(f"{file} has no {old!r}")
    file.write_text(text.replace(old, new), "utf-8")


def link_into(file: Path, folder: Path) -> None:
    """Put ``file`` into ``folder`` by hard link, or by copy across file systems."""
    target = folder / file.name
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copy2(file, target)


def main() -> None:
    """Run as ``python -m benchmarks.workspace DATA WORKSPACE``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("workspace", type=Path)
    arguments = parser.parse_args()
    print(lay_workspace(arguments.data, arguments.workspace))


if __name__ == "__main__":
    main()
