"""``python -m benchmarks.calibration`` counts how often 95 % hold.

Simulates worlds whose truth is known, asks each estimator, and counts. Prints one table
per estimator beside simpler methods, writes the same numbers to ``build/calibration/``,
and with ``--write-cards`` to the cards that ship with the package and stand beside each
estimate. ``frozen_worlds`` asks studies end to end in worlds that were written before
the estimators; their card is in ``benchmarks/frozen_worlds``. Last comes ``company``:
the studies of the sample company, asked of many seeds; it is no estimator and has no
card.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.calibration_of_company import calibrate_company
from benchmarks.calibration_of_decompositions import (
    calibrate_adoption_response,
    calibrate_automation_savings,
    calibrate_joint_launches,
)
from benchmarks.calibration_of_frozen_worlds import calibrate_frozen_worlds
from benchmarks.calibration_of_panels import (
    calibrate_experiment,
    calibrate_staggered_adoption,
    calibrate_synthetic_control,
)
from benchmarks.calibration_of_series import calibrate_series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CARDS = Path(__file__).resolve().parent.parent / "attribution/causal/calibration_cards"
CALIBRATIONS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "experiment": calibrate_experiment,
    "staggered_adoption": calibrate_staggered_adoption,
    "synthetic_control": calibrate_synthetic_control,
    "adoption_response": calibrate_adoption_response,
    "automation_savings": calibrate_automation_savings,
    "joint_launches": calibrate_joint_launches,
    "counterfactual_series": calibrate_series,
}
COMPANY = "company"
FROZEN = "frozen_worlds"
#: Its card is about studies and not about one estimator.
CARD_OF_WORLDS = Path(__file__).parent / "frozen_worlds/card.json"
#: The card of series that is shipped has 1000, an hour on two cores.
REPLICATIONS = 200
#: Where they take seconds, so that a bar is not missed or met by luck.
MORE_REPLICATIONS = dict.fromkeys(
    ("experiment", "staggered_adoption", "synthetic_control", FROZEN), 1000
)
COMPANIES = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the calibrations; return 1 when a bar is missed."""
    options = _parser().parse_args(arguments)
    missed = []
    for name in options.estimators or (*CALIBRATIONS, FROZEN, COMPANY):
        card = _measured(name, options.replications)
        card["measured_on"] = f"{datetime.now(tz=UTC):%Y-%m-%d}"
        print(table(name, card), flush=True)
        missed += [f"{name}: {bar}" for bar in card["missed_bars"]]
        content = json.dumps(card, indent=1) + "\n"
        for path in _written_to(name, options):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    print("\n".join(missed), file=sys.stderr, end="\n" if missed else "")
    return 1 if missed else 0


def _measured(name: str, replications: int | None) -> dict[str, Any]:
    if name == COMPANY:
        return calibrate_company(replications or COMPANIES)
    usual = MORE_REPLICATIONS.get(name, REPLICATIONS)
    if name == FROZEN:
        return calibrate_frozen_worlds(replications or usual)
    return CALIBRATIONS[name](replications or usual)


def _written_to(name: str, options: argparse.Namespace) -> list[Path]:
    paths: list[Path] = [options.build / f"{name}.json"]
    if options.write_cards and name == FROZEN:
        paths.append(CARD_OF_WORLDS)
    elif options.write_cards and name != COMPANY:
        paths.append(CARDS / f"{name}.json")
    return paths


def table(name: str, card: Mapping[str, Any]) -> str:
    """Return the rows of a card as a table."""
    rows: list[dict[str, Any]] = card["rows"]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    shown = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(len(line[i]) for line in [columns, *shown]) for i in range(len(columns))
    ]
    lines = [f"{name}: {card['summary']}", ""]
    for line in [columns, *shown]:
        cells = zip(line, widths, strict=True)
        lines.append("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("estimators", nargs="*", metavar="ESTIMATOR")
    parser.add_argument(
        "--replications",
        type=int,
        help=f"default: {REPLICATIONS}, 1000 of those that take seconds, and"
        f" {COMPANIES} companies",
    )
    parser.add_argument("--build", type=Path, default=Path("build/calibration"))
    parser.add_argument("--write-cards", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
