"""``python -m benchmarks.cost_card`` measures forecasts and anomalies in known worlds.

Writes what was counted to ``benchmarks/cost_card.json``, from which ``make reference``
writes a page of the documentation, and fails where a promised world misses its bar.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.cost_alarms import false_alarms, recall
from benchmarks.cost_worlds import (
    DISTURBED_WORLDS,
    LANDING_WORLDS,
    ORDINARY_WORLDS,
    UNSEEN,
)
from benchmarks.landings import landing_figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CARD: Final = Path(__file__).parent / "cost_card.json"
#: Draws of each world; a year of days takes as long as several landings.
REPLICATIONS: Final = {"landings": 400, "anomalies": 60}
#: Worlds whose quarter landings hold between these parts of times: widened intervals
#: rather hold too often than too rarely.
PROMISED_LANDINGS: Final = tuple(LANDING_WORLDS)[:7]
LANDING_BAR: Final = (0.88, 0.96)
RECALL_BARS: Final[Mapping[str, float]] = {
    "+25 % for three days": 0.9,
    "+15 % that lasts": 0.8,
    "falls to zero": 1.0,
}
_NOTHING_CAME: Final = 1e3
#: Patterns that alarm at most once a model and year.
PROMISED_ORDINARY: Final = tuple(ORDINARY_WORLDS)[:6]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every world and write the card; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    for part, count in REPLICATIONS.items():
        parser.add_argument(f"--{part}", type=int, default=count)
    asked = parser.parse_args(arguments)
    card = measured({part: getattr(asked, part) for part in REPLICATIONS})
    CARD.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
    missed = list(missed_bars(card))
    print("\n".join(missed), file=sys.stderr, end="\n" if missed else "")
    return int(bool(missed))


def measured(replications: Mapping[str, int]) -> dict[str, Any]:
    """Return what so many draws of each world showed, of landings and anomalies."""
    seeds = range(replications["landings"])
    years = range(replications["anomalies"])
    return {
        "measured_on": f"{datetime.now(tz=UTC):%Y-%m-%d}",
        "replications": dict(replications),
        "landings": {
            world: {
                kind: _rounded(asdict(figures))
                for kind, figures in landing_figures(world, seeds).items()
            }
            for world in LANDING_WORLDS
        },
        "recall": {world: round(recall(world, years), 4) for world in DISTURBED_WORLDS},
        "false_alarms": {
            world: round(false_alarms(world, years), 4) for world in ORDINARY_WORLDS
        },
    }


def missed_bars(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield each promise that a card does not keep."""
    least, most = LANDING_BAR
    for world in PROMISED_LANDINGS:
        held = card["landings"][world]["quarter"]["coverage"]
        if not least <= held <= most:
            yield f"quarter landings, {world}: held {held:.3f}"
    for world, bar in RECALL_BARS.items():
        if card["recall"][world] < bar:
            yield f"anomalies, {world}: found {card['recall'][world]:.3f}"
    for world in PROMISED_ORDINARY:
        if card["false_alarms"][world] > 1.0:
            yield f"anomalies, {world}: {card['false_alarms'][world]:.2f} false a year"


def page(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the page that prints a card."""
    count = card["replications"]
    yield (
        f"Each world was drawn {count['landings']} times for landings and"
        f" {count['anomalies']} times for anomalies on {card['measured_on']}; `make"
        " cost-card` measures it anew. Worlds were written before the methods and are"
        " frozen by digests; nothing was tuned on those marked *unseen*. What it means"
        " stands in [forecasts](../concepts/forecasts.md) and"
        " [anomalies](../concepts/anomalies.md).\n"
    )
    yield "## Landings\n"
    yield (
        "Half a year to a year and a half is known, the last day lies anywhere in its"
        " quarter. *Held*: part of the 90 % intervals that held what came. *Error* and"
        " *width*: medians, relative to what came.\n"
    )
    yield "| world | month held | quarter held | error | width |"
    yield "|---|---|---|---|---|"
    for world, kinds in card["landings"].items():
        month, quarter = kinds["month"], kinds["quarter"]
        width = quarter["width_ratio"]
        cells = (
            _named(world),
            f"{month['coverage']:.3f}",
            f"{quarter['coverage']:.3f}",
            f"{quarter['error_ratio']:.3f}",
            # Of nothing that came, no width is a part.
            f"{width:.2f}" if width < _NOTHING_CAME else "",
        )
        yield f"| {' | '.join(cells)} |"
    yield "\n## Anomalies\n"
    yield (
        "A year of days that vary by 6 %. *Found*: in time, which is ten days for what"
        " lasts.\n"
    )
    yield "| planted | found |"
    yield "|---|---|"
    for world, part in card["recall"].items():
        yield f"| {_named(world)} | {part:.3f} |"
    yield "\nNothing was planted here:\n"
    yield "| pattern | false alarms per model and year |"
    yield "|---|---|"
    for world, alarms in card["false_alarms"].items():
        yield f"| {_named(world)} | {alarms:.2f} |"


def _named(world: str) -> str:
    return f"{world} (*unseen*)" if world in UNSEEN else world


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) for name, value in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
