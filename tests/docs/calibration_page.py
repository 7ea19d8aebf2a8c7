"""The page of how often intervals held, from the cards that calibrations wrote."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parents[2]
_SHOWN_DAYS: Final = "190+60"


def calibration_page(generated: str) -> Iterator[str]:
    """Yield the page of coverage of intervals where the truth was known."""
    from attribution.causal.calibration_cards import card_of

    yield "# How often intervals held\n"
    yield generated
    yield (
        "Each estimator (`recommended`) and usual methods, in simulated data of known"
        " truth. A cell is the share of n replications in which the 95 % and the 90 %"
        " interval held the truth, and the width: at 95 % the mean, or at 90 % the"
        f" median. Series: usual methods are shown for {_SHOWN_DAYS} days. The files in"
        " `attribution/causal/calibration_cards/` have all rows, with scores and power."
        " `make calibration` repeats the measurement."
        " [Attribution](../concepts/attribution.md) explains it.\n"
    )
    for path in sorted((_ROOT / "attribution/causal/calibration_cards").glob("*.json")):
        card = card_of(path.stem)
        yield f"## {path.stem}\n"
        summary = str(card["summary"])
        yield f"{summary[0].upper()}{summary[1:]}\n"
        yield from _table(list(filter(_is_shown, card["rows"])))
    yield from _frozen_worlds()


def _is_shown(row: dict[str, Any]) -> bool:
    is_ours = row["method"] == "recommended"
    return bool(is_ours or row.get("days", _SHOWN_DAYS) == _SHOWN_DAYS)


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table with a row per world and a column per method and length."""
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        names = dict.fromkeys(str(row[k]) for k in ("world", "world_name") if k in row)
        method = str(row["method"])
        if method == "recommended" and "days" in row:
            method = f"{method} {row['days']}"
        cells.setdefault(" · ".join(names), {})[method] = _cell(row)
    methods = list(dict.fromkeys(name for world in cells.values() for name in world))
    counts = sorted({row["replications"] for row in rows if row["replications"]})
    yield f"n = {' or '.join(f'{count:,}' for count in counts)}.\n"
    yield f"| world | {' | '.join(methods)} |"
    yield f"|{'---|' * (len(methods) + 1)}"
    for world, figures in cells.items():
        yield f"| {world} | {' | '.join(figures.get(m, '') for m in methods)} |"
    yield ""


def _cell(row: dict[str, Any]) -> str:
    """Return coverage at 95 and 90 %, and the width."""
    width = row.get("mean_width_95", row.get("median_width_90"))
    held = [_rounded(row.get(name), 3) for name in ("coverage_95", "coverage_90")]
    return "/".join(text for text in [*held, _digits(width)] if text)


def _frozen_worlds() -> Iterator[str]:
    """Yield coverage of registered studies in worlds written before the methods."""
    from benchmarks.calibration import CARD_OF_WORLDS

    card = json.loads(CARD_OF_WORLDS.read_text("utf-8"))
    summary = str(card["summary"])
    least = min(row["replications"] for row in card["rows"])
    yield "## Worlds that were written before the methods\n"
    yield (
        f"{summary[0].upper()}{summary[1:]} n = {least:,} or more. Each is a registered"
        " study from end to end,"
        " checks and grade included. Refused: the part without an estimate, with the"
        " usual reason. Counted: the part with grade A or B, in the headline."
        " Coverage is that of all estimates, and of counted ones. Found: the"
        " 95 % interval excludes zero. In worlds marked ∞ no method with only"
        " these data can hold; they are not judged. Estimates not"
        " counted have grade C or D, often because of a low coverage."
        f" {card['note']}\n"
    )
    for estimator, rows in groupby(card["rows"], key=lambda row: row["estimator"]):
        yield f"### {estimator}\n"
        yield (
            "| world | refused | counted | 95 % | 90 % | counted 95 % | counted"
            " 90 % | found | holds |"
        )
        yield "|---|---|---|---|---|---|---|---|---|"
        yield from (_frozen_row(row) for row in rows)
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
        _verdict(row),
    ]
    return f"| {' | '.join([row['world'], *figures])} |"


def _rounded(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _digits(value: float | None) -> str:
    """Write a number to three digits, a large one whole."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
