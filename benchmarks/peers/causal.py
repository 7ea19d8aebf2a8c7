"""What a peer of before-and-after studies takes for the series of the benchmark.

Runs in the peer's own environment and imports nothing of this project. Reads a CSV of
``date, y, x1, x2`` and fits the study; then, unless that took long, the same at six
placebo launches, which triptych fits in the same pass. Prints JSON: seconds of
processor time, how many fits those are of, and what it says of the effect per day.
With a column ``series`` it fits each series once, and prints what it says of each.

Each peer has its defaults, and is told of weekdays, which ours knows, in its own way.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def tfcausalimpact(data: Any, launch: int) -> dict[str, float]:  # noqa: ANN401
    """Fit with its default, variational inference."""
    from causalimpact import CausalImpact  # noqa: PLC0415

    frame = data.reset_index(drop=True)
    before, after = [0, launch - 1], [launch, len(frame) - 1]
    impact = CausalImpact(frame, before, after, model_args={"nseasons": 7})
    row = impact.summary_data["average"]
    return {
        "effect": float(row["abs_effect"]),
        "low": float(row["abs_effect_lower"]),
        "high": float(row["abs_effect_upper"]),
    }


def causalpy(data: Any, launch: int) -> dict[str, float]:  # noqa: ANN401
    """Fit the interrupted series with its default sampler, chains one by one."""
    import causalpy as cp  # noqa: PLC0415

    found = cp.InterruptedTimeSeries(
        data.assign(weekday=data.index.weekday),
        treatment_time=data.index[launch],
        formula="y ~ 1 + x1 + x2 + C(weekday)",
        model=cp.pymc_models.LinearRegression(
            sample_kwargs={"progressbar": False, "random_seed": 1, "cores": 1}
        ),
    )
    effect = found.post_impact.mean("obs_ind").values.ravel()
    return _quantiles(effect)


def bsts_causalimpact(data: Any, launch: int) -> dict[str, float]:  # noqa: ANN401
    """Fit with its default sampler."""
    from causal_impact import CausalImpact  # noqa: PLC0415

    days = data.index
    before, after = [days[0], days[launch - 1]], [days[launch], days[-1]]
    impact = CausalImpact(data, before, after, model_args={"nseasons": 7})
    row = impact.summary_stats
    return {
        "effect": float(row["point_effect_mean"]),
        "low": float(row["ci_lower"]),
        "high": float(row["ci_upper"]),
    }


def _quantiles(draws: Any) -> dict[str, float]:  # noqa: ANN401
    import numpy as np  # noqa: PLC0415

    low, high = np.quantile(draws, [0.025, 0.975])
    return {"effect": float(draws.mean()), "low": float(low), "high": float(high)}


PLACEBOS = 6
#: A fit that takes longer [s] is not made seven times.
_LONG = 2.0
PEERS: dict[str, Callable[[Any, int], dict[str, float]]] = {
    "tfcausalimpact": tfcausalimpact,
    "causalpy": causalpy,
    "bsts-causalimpact": bsts_causalimpact,
}


def main(arguments: list[str]) -> int:
    """Print what one peer takes."""
    import pandas as pd  # noqa: PLC0415

    name, path, launch = arguments[0], arguments[1], int(arguments[2])
    data = pd.read_csv(path, index_col=0, parse_dates=True)
    fit = PEERS[name]
    if "series" in data:
        each = [one.drop(columns="series") for _, one in data.groupby("series")]
        print(json.dumps([fit(one, launch) for one in each]))
        return 0
    fit(data, launch)  # what is imported or compiled first is not counted
    started = time.process_time()
    found = fit(data, launch)
    seconds = time.process_time() - started
    fits = 1
    if seconds < _LONG:
        horizon = len(data) - launch
        for number in range(PLACEBOS):
            origin = launch // 2 + number * (launch // 2 - horizon) // (PLACEBOS - 1)
            fit(data.iloc[: origin + horizon], origin)
        fits += PLACEBOS
        seconds = time.process_time() - started
    print(json.dumps({"seconds": seconds, "fits": fits, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
