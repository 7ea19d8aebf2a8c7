"""The page of how often intervals held, from the cards that calibrations wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parents[2]


def calibration_page(generated: str) -> Iterator[str]:
    """Yield the page of how often intervals held where the truth was known."""
    from attribution.causal.calibration_cards import card_of

    yield "# How often intervals held\n"
    yield generated
    yield (
        "Each estimator (`recommended`) in simulated data whose truth is known, next to"
        " what is usually done instead: of n replications, how often the 95 % and the"
        " 90 % interval held the truth; how wide they are, at 95 % in the mean or at"
        " 90 % in the median; the mean interval score at 95 %, which adds to the width"
        " forty times what a miss missed by (lower is better); and how often an effect"
        " of 4 % was found. `make calibration` measures it anew. What it means is in"
        " [attribution](../concepts/attribution.md).\n"
    )
    for path in sorted((_ROOT / "attribution/causal/calibration_cards").glob("*.json")):
        card = card_of(path.stem)
        yield f"## {path.stem}\n"
        summary = str(card["summary"])
        yield f"{summary[0].upper()}{summary[1:]}\n"
        yield "| world | method | 95 % | 90 % | width | score | power | n |"
        yield "|---|---|---|---|---|---|---|---|"
        yield from (_calibration_row(row) for row in card["rows"])
        yield ""
    yield from _frozen_worlds()


def _frozen_worlds() -> Iterator[str]:
    """Yield what studies say in worlds that were written before the methods."""
    from benchmarks.calibration import CARD_OF_WORLDS

    card = json.loads(CARD_OF_WORLDS.read_text("utf-8"))
    summary = str(card["summary"])
    yield "## Worlds that were written before the methods\n"
    yield (
        f"{summary[0].upper()}{summary[1:]} Each is a registered study from end to end,"
        " checks and grade included. Refused: the part that has no estimate, with the"
        " usual reason. Counted: the part with grade A or B, which enters the headline."
        " Coverage is that of all estimates, and of those that are counted. Found: the"
        " 95 % interval leaves out zero. In worlds marked ∞ no method that sees only"
        " these data can hold; they are shown and not judged. Estimates that are not"
        " counted have grade C or D: where their coverage is low, that is why."
        f" {card['note']}\n"
    )
    yield (
        "| world | estimator | refused | counted | 95 % | 90 % | counted 95 % | counted"
        " 90 % | found | n | holds |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    yield from (_frozen_row(row) for row in card["rows"])
    yield ""


def _verdict(row: dict[str, Any]) -> str:
    if row["beyond"]:
        return "∞"
    if not row["holds"]:
        return "**no**"
    few = 0.1
    if row["refused"] >= 1.0 - few:
        return "refused"
    return "yes" if row["counted"] > few else "not counted"


def _frozen_row(row: dict[str, Any]) -> str:
    reason = f" ({row['refusal']})" if row["refusal"] else ""
    figures = [
        f"{_rounded(row['refused'], 2)}{reason}",
        *(
            _rounded(row[name], 2)
            for name in (
                "counted",
                "coverage_95",
                "coverage_90",
                "counted_coverage_95",
                "counted_coverage_90",
                "found_95",
            )
        ),
        f"{row['replications']:,}",
        _verdict(row),
    ]
    return f"| {' | '.join([row['world'], row['estimator'], *figures])} |"


def _calibration_row(row: dict[str, Any]) -> str:
    world = " · ".join(
        str(row[name]) for name in ("world", "world_name", "days") if name in row
    )
    figures = [
        _rounded(row.get("coverage_95"), 3),
        _rounded(row.get("coverage_90"), 3),
        _digits(row.get("mean_width_95", row.get("median_width_90"))),
        _digits(row.get("mean_interval_score_95")),
        _rounded(row.get("power_90"), 2),
    ]
    cells = [world, row["method"], *figures, f"{row['replications']:,}"]
    return f"| {' | '.join(cells)} |"


def _rounded(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _digits(value: float | None) -> str:
    """Write a number to three digits, a large one whole."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
