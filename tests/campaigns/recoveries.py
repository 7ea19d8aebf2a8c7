"""``make recoveries``: catalogues that are lost or set back at random moments.

One company closes March and lives on: late charges, rows that nobody can read, other
meters, comments, removals. After each of its acts the catalogue is lost, damaged or set
back to an earlier one; nothing may run until it is recovered. Then everything is built
anew from what was recovered, and every public mart must hold the rows that it held
before, every export of the closed month its bytes. The table goes to
``build/recoveries.md``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.dbt.test_random_histories import differing_marts
from tests.e2e.cases.closing_case import CLOSED, ClosingCase, reconciled_company
from tests.e2e.test_exports_of_a_closed_month import exported, triptych
from tests.e2e.test_recover import ACTS, content_of, damage, lose, set_back
from triptych.core.errors import TriptychError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.evidence import recovering
from triptych.run import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Harm = Callable[[ClosingCase, Path, random.Random], None]

SEED = 20_261_128
#: As many earlier catalogues are kept to go back to.
_KEPT = 10


@dataclass(slots=True)
class Tally:
    """What came of the moments so far."""

    moments: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[tuple[int, str, str, str]] = field(default_factory=list)


class History:
    """A company with a closed month, act by act.

    Parameters
    ----------
    folder : Path
        Where it lives.
    seed : int
        Of its acts and of what befalls it.
    exports_every : int
        After how many moments the exports of the closed month are written again, and
        after the last.
    """

    def __init__(self, folder: Path, seed: int, exports_every: int) -> None:
        self._folder = folder
        self._draw = random.Random(seed)
        self._exports_every = exports_every
        reconciled_company(folder / "company")
        self._case = ClosingCase(folder / "company")
        people = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
        triptych(self._case.root, "close", "--period", CLOSED, *people)
        self._march = self._case.march()
        self._exports = exported(self._case.root, folder / "exports")
        self._earlier: list[Path] = []
        self.tally = Tally()

    def live(self, moments: int) -> Iterator[Tally]:
        """Let so many acts happen, and after each of them a loss."""
        for number in range(moments):
            self._keep_catalogue(number)
            act = ACTS[number % len(ACTS)]
            act(self._case, self._draw)
            self._case.run()  # a comment is published with the next run
            is_last = number == moments - 1
            has_exports = is_last or number % self._exports_every == 0
            harm = self._draw.choice((lose, set_back, damage))
            kind = act.__name__, harm.__name__
            self.tally.moments[kind] += 1
            for what in self._wrong(harm, has_exports=has_exports):
                self.tally.wrong.append((number, *kind, what))
            yield self.tally

    def _wrong(self, harm: Harm, *, has_exports: bool) -> Iterator[str]:
        case = self._case
        known = content_of(case)
        published = PublishedReader(case.root).current_path()
        before = Path(shutil.copy(published, self._folder / "before.duckdb"))
        harm(case, self._draw.choice(self._earlier), self._draw)
        if not _is_same(case, known):
            yield from _wrong_until_recovered(case)
            recovering.recover(case.workspace)
        if content_of(case) != known:
            yield "the catalogue has other rows"
        settings = load_settings(case.root)
        pipeline.build(case.workspace, settings, full=True, progress=SilentProgress())
        after = PublishedReader(case.root).current_path()
        if marts := differing_marts(before, after):
            yield f"marts differ: {', '.join(marts)}"
        if case.march() != self._march:
            yield "the closed month has other bytes"
        if has_exports:
            shutil.rmtree(self._folder / "again", ignore_errors=True)
            if exported(case.root, self._folder / "again") != self._exports:
                yield "the exports of the closed month have other bytes"

    def _keep_catalogue(self, number: int) -> None:
        copy = self._folder / f"earlier-{number}.duckdb"
        shutil.copy(self._case.workspace.raw_database, copy)
        self._earlier.append(copy)
        if len(self._earlier) > _KEPT:
            self._earlier.pop(0).unlink()


def _wrong_until_recovered(case: ClosingCase) -> Iterator[str]:
    files = _lake_files(case)
    try:
        case.run()
    except TriptychError as refusal:
        if "recover" not in refusal.next_step:
            yield f"no way out: {refusal}"
    else:
        yield "a run went on without its catalogue"
    if _lake_files(case) != files:
        yield "the lake has other files"


def _lake_files(case: ClosingCase) -> set[Path]:
    return {path for path in case.workspace.lake.rglob("*") if path.is_file()}


def _is_same(case: ClosingCase, known: object) -> bool:
    try:
        return content_of(case) == known
    except Exception:  # noqa: BLE001  (what is damaged raises what it likes)
        return False


def table(tally: Tally, *, seed: int, seconds: float) -> str:
    """Return what came of a history, as Markdown."""
    lines = [
        f"{tally.moments.total():,} moments, seed {seed}, {seconds:,.0f} s;"
        f" {len(tally.wrong)} failures.",
        "",
        "| act before | catalogue | moments |",
        "|---|---|---:|",
        *(
            f"| {act} | {harm} | {count} |"
            for (act, harm), count in sorted(tally.moments.items())
        ),
        "",
        *(f"- {each}" for each in tally.wrong),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through a history, print its table and keep it; 1 where it is wrong."""
    parser = argparse.ArgumentParser(prog="make recoveries", description=__doc__)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--exports-every", type=int, default=10)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--report", type=Path, default=Path("build/recoveries.md"))
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="recoveries") as name:
        history = History(Path(name), asked.seed, asked.exports_every)
        for tally in history.live(asked.moments):
            seconds = time.monotonic() - started
            text = table(tally, seed=asked.seed, seconds=seconds)
            asked.report.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if history.tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
