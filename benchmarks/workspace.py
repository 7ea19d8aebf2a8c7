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
    return workspace


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
