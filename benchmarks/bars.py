"""The bars that triptych sets itself, and whether a benchmark met them.

A bar is in seconds of wall-clock time, or in MiB; where it depends on the machine it is
a multiple of the bare query of the same run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

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
