"""``python -m benchmarks.peers.coverage``: how often a peer's 95 % hold, beside ours.

The same series as in the calibration of ours, at its headline length, fitted by a peer
with its defaults, and weekdays, in an environment of its own (``make causal-peers``).
Prints how often each held, and the mean interval score, which punishes width and misses
alike (Gneiting and Raftery 2007; lower is better). Peers that take long are asked for
by name.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.calibration_of_series import (
    HEADLINE,
    interval_figures,
    recommended,
    simulated,
)
from benchmarks.measure import machine_line, run_measured
from benchmarks.peers.causal import PEERS
from benchmarks.simulated_worlds import WORLDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats

ROOT = Path(__file__).resolve().parents[2]


def peer_ends(name: str, world: str, replications: int) -> Floats:
    """Return a peer's intervals of the total at 95 %, shape (replications, 2).

    Raises
    ------
    RuntimeError
        The peer failed; with the last line that it wrote.
    """
    before, after = HEADLINE
    frames = [_frame(world, seed) for seed in range(replications)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.csv"
        pd.concat(frames).to_csv(path)
        python = str(ROOT / f".venv-{name}/bin/python")
        script = str(ROOT / "benchmarks" / "peers" / "causal.py")
        command = [python, script, name, str(path), str(before)]
        measured = run_measured(command, cwd=Path(folder))
    if measured.exit_code != 0:
        raise RuntimeError(measured.errors.strip().splitlines()[-1])
    said = json.loads(measured.output.strip().splitlines()[-1])
    return np.array([[after * one["low"], after * one["high"]] for one in said])


def our_ends(world: str, replications: int) -> Floats:
    """Return ours of the same series."""
    found = [
        recommended(*simulated(world, seed, *HEADLINE))[0]
        for seed in range(replications)
    ]
    return np.array(found)


def _frame(world: str, seed: int) -> pd.DataFrame:
    series, _ = simulated(world, seed, *HEADLINE)
    days = pd.date_range("2025-01-01", periods=len(series.outcome))
    columns = {
        "y": series.outcome,
        "x1": series.controls[:, 0],
        "x2": series.controls[:, 1],
    }
    return pd.DataFrame(columns, days).assign(series=seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per world and method."""
    options = _parser().parse_args(arguments)
    print(f"machine: {machine_line()}\n{options.replications} series a world\n")
    print(f"world  {'method':18}  coverage  mean width  mean interval score")
    for world in options.worlds:
        ends = {"triptych": our_ends(world, options.replications)}
        for name in options.peers:
            ends[name] = peer_ends(name, world, options.replications)
        for name, found in ends.items():
            figures = interval_figures(found)
            print(
                f"{world:5}  {name:18}  {figures['coverage_95']:8.3f}"
                f"  {figures['mean_width_95']:10.0f}"
                f"  {figures['mean_interval_score_95']:19.0f}",
                flush=True,
            )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", default="".join(WORLDS), help="Letters.")
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument(
        "--peers", nargs="*", choices=PEERS, default=["bsts-causalimpact"]
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
