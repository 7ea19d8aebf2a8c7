"""``python -m benchmarks.attribution_speed``: one study beside its peers, on one core.

A before-and-after study of 250 days with two controls and six placebo launches, the
same series for all in one run; and 200 placebos of a synthetic control. A peer fits the
study and the placebos one by one, or, if that takes long, the study alone. It is
measured where ``make causal-peers`` installed it,
each in its own environment; the others are named as absent. Prints seconds of
processor time, which a busy machine does not move, and never fails for being slow.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attribution import Estimate, Plan, estimate
from attribution.causal.estimators.series_model import fit_series
from attribution.causal.estimators.synthetic_gaps import SyntheticGaps
from benchmarks.measure import machine_line, run_measured
from benchmarks.peers.causal import PEERS
from benchmarks.simulated_worlds import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
DAYS, AFTER, PLANTED = 250, 60, 4.72
REPEATS = 5
_ONE_CORE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """What one way of asking took."""

    name: str
    seconds: float
    effect: str = ""


def series() -> tuple[pd.DataFrame, int]:
    """Return the outcome and the controls of world A, with an effect of 4 %."""
    made = simulate("A", np.random.default_rng(7), days=DAYS, after=AFTER)
    columns = {
        "y": made.with_effect(PLANTED),
        "x1": made.controls[:, 0],
        "x2": made.controls[:, 1],
    }
    return pd.DataFrame(columns, pd.date_range("2025-01-01", periods=DAYS)), made.launch


def fastest(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least processor time of a few runs [s], and what the last returned."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        found = run()
        times.append(time.process_time() - started)
    return min(times), found


def ours() -> list[Timing]:
    """Measure the model with its placebos, and the whole study with all its checks."""
    data, launch = series()
    controls = data[["x1", "x2"]].to_numpy()
    seconds, fitted = fastest(
        lambda: fit_series(
            data["y"].to_numpy(), controls, launch, np.random.default_rng(1)
        )
    )
    low, high = (end / AFTER for end in fitted.effect_interval(0.95))
    shown = f"{fitted.effect_mean / AFTER:.2f} ({low:.2f} to {high:.2f})"
    found = [Timing("triptych, fit with six placebo windows", seconds, shown)]
    frame = data.rename(columns={"y": "outcome"}).assign(unit="all", date=data.index)
    plan = _plan(data, launch)
    seconds, whole = fastest(lambda: estimate(frame, plan, seed=1))
    assert isinstance(whole, Estimate), whole  # noqa: S101
    low, high = whole.average.interval(0.95)
    shown = f"{whole.average.point:.2f} ({low:.2f} to {high:.2f})"
    found.append(Timing("triptych, the study with every check", seconds, shown))
    shops = np.random.default_rng(2).normal(50.0, 2.0, (201, 60))
    seconds, _ = fastest(
        lambda: [
            placebo.mean_gap
            for placebo in SyntheticGaps(shops[0], shops[1:], 40).placebos
        ]
    )
    found.append(Timing("triptych, 200 placebos of a synthetic control", seconds))
    return found


def _plan(data: pd.DataFrame, launch: int) -> Plan:
    content = {
        "id": "speed",
        "feature": "pilot",
        "outcome": "tickets",
        "outcome_unit": "tickets",
        "launch": data.index[launch].date(),
        "window": {
            "start": data.index[0].date(),
            "end": (data.index[-1] + pd.Timedelta(days=1)).date(),
        },
        "controls": ("x1", "x2"),
        "seasonal_control": "x1",
    }
    return Plan.model_validate(content)


def of_peer(name: str, python: Path) -> Timing | str:
    """Measure a peer in its own environment, or say why it cannot be."""
    if not python.exists():
        return f"{name}: not installed; `make causal-peers` tries to"
    data, launch = series()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.csv"
        data.to_csv(path)
        script = ROOT / "benchmarks" / "peers" / "causal.py"
        command = [str(python), str(script), name, str(path), str(launch)]
        measured = run_measured(command, cwd=Path(folder), environment=_ONE_CORE)
    if measured.exit_code != 0:
        last = (measured.errors.strip().splitlines() or ["no message"])[-1]
        return f"{name}: failed: {last}"
    said = json.loads(measured.output.strip().splitlines()[-1])
    shown = f"{said['effect']:.2f} ({said['low']:.2f} to {said['high']:.2f})"
    return Timing(f"{name}, fits: {said['fits']}", said["seconds"], shown)


def table(timings: Sequence[Timing]) -> str:
    """Return the timings as rows, each as a multiple of the first."""
    first = timings[0].seconds
    width = max(len(timing.name) for timing in timings)
    head = f"{'':{width}}   seconds     times   effect per day, 95 %"
    rows = [
        f"{timing.name:{width}}  {timing.seconds:8.3f}  {timing.seconds / first:8.1f}"
        f"   {timing.effect}".rstrip()
        for timing in timings
    ]
    return "\n".join([head, *rows])


def main() -> int:
    """Print ours, and the peers that are installed."""
    if any(os.environ.get(name) != "1" for name in _ONE_CORE):
        # Read when numerical libraries are loaded, which they are by now.
        os.execve(  # noqa: S606  (itself, and nothing that is not its own)
            sys.executable,
            [sys.executable, "-m", "benchmarks.attribution_speed"],
            {**os.environ, **_ONE_CORE},
        )
    print(f"machine: {machine_line()}\nplanted: {PLANTED} per day\n")
    found = [of_peer(name, ROOT / f".venv-{name}/bin/python") for name in PEERS]
    timings = [*ours(), *(one for one in found if isinstance(one, Timing))]
    print(table(timings))
    print("\n".join(one for one in found if isinstance(one, str)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
