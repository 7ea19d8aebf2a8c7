"""Scenarios of the sample company, as its platform team would ask them. All made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

#: Name of the file → its text.
SCENARIO_TEXTS: Final = {
    "leave_eks": """\
# What is left of the managed cluster follows to the hybrid, which is used more.
name: Leave the managed cluster
author: ML platform
horizon_months: 36
changes:
  - kind: platform_move
    platform: aws-eks
    to: tidewater
    cost_factor: {value: 0.7, low: 0.55, high: 0.9}
    migration_cost: {value: 60000, low: 40000, high: 100000}
    double_running_months: 2
    from_month: 2
  - kind: utilisation
    pool: gpu-hybrid
    to: {value: 0.75, low: 0.65, high: 0.85}
    from_month: 4
""",
    "quantise_vision": """\
# The largest model in eight bits: cheaper, and perhaps a little blind.
name: Quantise the wear model
author: Fleet AI
horizon_months: 36
changes:
  - kind: model_swap
    model: maintenance-vision
    cost_factor: {value: 0.6, low: 0.5, high: 0.75}
    effect_factor: {value: 0.97, low: 0.88, high: 1.0}
    one_off_cost: {value: 18000, low: 12000, high: 30000}
    from_month: 2
""",
    "grow_and_commit": """\
# Half as much again of everything within a year, with a year's promise on the hybrid.
name: Grow by half and commit
author: ML platform
horizon_months: 36
changes:
  - kind: volume
    factor: {value: 1.5, low: 1.1, high: 1.8}
    over_months: 12
    cost_elasticity: {value: 0.8, low: 0.6, high: 1.0}
  - kind: commitment
    match: {platform: tidewater}
    level: 0.8
    discount: 0.2
    months: 12
""",
}


def write_scenarios(folder: Path) -> None:
    """Write the scenarios into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SCENARIO_TEXTS.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
