"""The bars that triptych sets itself, and whether a benchmark met them.

A bar is in seconds of wall-clock time, or in MiB; where it depends on the machine it is
a multiple of the bare query of the same run. What ten million line items take, and what
models declare that they take, is a card, ``benchmarks/card.json``, which the reference
prints.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.harness import SizeResult

BARE: Final = "bare query, effective cost"
FULL: Final = "triptych run, fresh workspace"
UNCHANGED: Final = "triptych run, nothing new"
RESTATED: Final = "triptych run, one month restated"
RENAMED: Final = "triptych run, one name changed"
OTHER_STAGE: Final = "triptych run, one rule of another stage"
ADDED_RULE: Final = "triptych run, one rule added"
OTHER_ASSUMPTION: Final = "triptych run, one assumption changed"
PACKED_TEXT: Final = "ingest of one month as CSV.gz"
SMALL_FILES: Final = "ingest of 5,000 small files"
#: Seconds of a run of :mod:`benchmarks.many_models`.
MANY_MODELS: Final = {UNCHANGED: 3.0, RESTATED: 25.0}
CARD: Final = Path(__file__).with_name("card.json")
#: Line items of the bill that the card is of.
LINES: Final = 10_000_000
#: Metadata of models that read line items, or keep more than a tenth of a row for each.
READS: Final = "reads_line_items"
KEEPS: Final = "keeps_days_of_models"
#: Step → CPU seconds that it should take at most on two cores.
CPU_BARS: Final = {
    FULL: 36.0,
    RESTATED: 12.0,
    ADDED_RULE: 20.0,
    OTHER_STAGE: 12.0,
    UNCHANGED: 1.2,
}
_MIB: Final = 2**20
_LARGE: Final = 30_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar and what was measured.

    Attributes
    ----------
    name : str
        What was measured.
    measured, bar : float
        In the unit that ``unit`` names.
    unit : str
        ``s``, ``CPU s`` or ``MiB``.
    words : str
        How the bar is worked out.
    """

    name: str
    measured: float
    bar: float
    unit: str
    words: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the bar was met."""
        return self.measured <= self.bar

    def line(self) -> str:
        """Return it as text."""
        verdict = "met" if self.is_met else "OVER"
        words = f" ({self.words})" if self.words else ""
        return (
            f"  {self.name}: {self.measured:,.1f} {self.unit}, {verdict}"
            f" {self.bar:,.1f} {self.unit}{words}"
        )


def verdicts(result: SizeResult) -> list[Verdict]:
    """Return the bars of one size that the benchmark could measure."""
    return [*_of_runs(result), *_of_the_full_run(result), *_of_text(result)]


def _of_runs(result: SizeResult) -> Iterator[Verdict]:
    is_large = result.rows > _LARGE
    full = result.seconds(FULL)
    for name, bar, words in (
        (UNCHANGED, 2.0, ""),
        (RESTATED, 11.0 if is_large else 7.0, ""),
        (RENAMED, 4.0, ""),
        (OTHER_ASSUMPTION, 6.0, ""),
        (OTHER_STAGE, 0.6 * (full or 0.0), "0.6 x full run"),
        (ADDED_RULE, 0.6 * (full or 0.0), "0.6 x full run"),
    ):
        step = result.step(name)
        if step is not None and bar:
            yield Verdict(name, step.seconds, bar, "s", words)
    unchanged = result.step(UNCHANGED)
    if unchanged is not None:
        yield Verdict(UNCHANGED, unchanged.cpu_seconds, 2.0, "CPU s")


def _of_the_full_run(result: SizeResult) -> Iterator[Verdict]:
    bare, full = result.step(BARE), result.step(FULL)
    if bare is None or full is None:
        return
    fixed = 15.0 if result.rows > _LARGE else 12.0
    yield Verdict(
        FULL, full.seconds, 4 * bare.seconds + fixed, "s", f"4 x bare + {fixed:.0f} s"
    )
    yield Verdict(f"{FULL}, peak", full.peak_rss_bytes / _MIB, 2048.0, "MiB")


def _of_text(result: SizeResult) -> Iterator[Verdict]:
    packed = result.step(PACKED_TEXT)
    if packed is not None and result.month_rows:
        of_a_million = packed.cpu_seconds / result.month_rows * 1_000_000
        yield Verdict(PACKED_TEXT, of_a_million, 5.5, "CPU s", "per million line items")
    for name, bar in ((SMALL_FILES, 90.0), (f"{SMALL_FILES}, again", 3.0)):
        step = result.step(name)
        if step is not None:
            yield Verdict(name, step.seconds, bar, "s")


def card_of(
    result: SizeResult, machine: str, declared: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Return the card of a measured size.

    Parameters
    ----------
    result : SizeResult
        Steps of ten million line items.
    machine : str
        Cores, memory and load.
    declared : mapping of str to mapping
        Key of the metadata → model → CPU seconds per million line items.
    """
    return {
        "measured_on": f"{datetime.now(tz=UTC):%Y-%m-%d}",
        "machine": machine,
        "line_items": result.rows,
        "steps": {
            step.name: {
                "seconds": round(step.seconds, 1),
                "cpu_seconds": round(step.cpu_seconds, 1),
                "peak_mib": round(step.peak_rss_bytes / _MIB),
            }
            for step in result.steps
            if step.problem is None and (step.name == BARE or step.name in CPU_BARS)
        },
        **{key: dict(declared[key]) for key in (READS, KEEPS)},
    }


def write_card(result: SizeResult, machine: str, file: Path = CARD) -> None:
    """Write the card of a measured size, with what models declare."""
    card = card_of(result, machine, read_declared())
    file.write_text(json.dumps(card, indent=2) + "\n", "utf-8")


def read_declared() -> dict[str, dict[str, float]]:
    """Return key of the metadata → model → CPU seconds per million line items."""
    declared: dict[str, dict[str, float]] = {READS: {}, KEEPS: {}}
    for file in sorted((dbt_project_dir() / "models").rglob("_*__models.yml")):
        for model in yaml.safe_load(file.read_text("utf-8")).get("models", []):
            for key in declared.keys() & model.get("meta", {}).keys():
                seconds = model["meta"][key]["cpu_seconds_per_million"]
                declared[key][model["name"]] = seconds
    return declared


def page(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the page that prints a card."""
    yield (
        f"{card['line_items']:,} generated line items of a year, 200 models and 501"
        f" SKUs on {card['machine'].partition(', load')[0]}, measured on"
        f" {card['measured_on']}; `make bench` measures it anew. The bare query sums"
        " the bill by day and model. A bar is CPU seconds on two cores.\n"
    )
    yield "| step | seconds | CPU seconds | bar | × bare query | peak MiB |"
    yield "|---|---|---|---|---|---|"
    bare = card["steps"][BARE]["cpu_seconds"]
    for name, step in card["steps"].items():
        bar = CPU_BARS.get(name)
        cells = (
            name,
            f"{step['seconds']:.1f}",
            f"{step['cpu_seconds']:.1f}",
            ""
            if bar is None
            else f"{bar:.1f}{'' if is_met(name, step) else ', missed'}",
            f"{step['cpu_seconds'] / bare:.1f}",
            f"{step['peak_mib']:,}",
        )
        yield f"| {' | '.join(cells)} |"
    yield "\n## Models that read line items\n"
    yield "CPU seconds per million line items; zero of lines that this bill has not.\n"
    yield from _models(card[READS])
    yield "\n## Models with a row for each model and day\n"
    yield "CPU seconds per million line items.\n"
    yield from _models(card[KEEPS])


def is_met(name: str, step: Mapping[str, float]) -> bool:
    """Return True if a step takes no more CPU time than its bar."""
    return step["cpu_seconds"] <= CPU_BARS[name]


def _models(seconds: Mapping[str, float]) -> Iterator[str]:
    yield "| model | CPU seconds |"
    yield "|---|---|"
    for name, value in sorted(seconds.items(), key=lambda item: (-item[1], item[0])):
        yield f"| `{name}` | {value:.2f} |"
