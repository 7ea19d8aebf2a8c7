"""``make crash``: kills at random moments, and disks, clocks and bits that fail.

A small company is copied for each trial. An act is killed, or something under it fails;
then readers and ``triptych health`` are asked, the same act is done again, and a run
follows. What comes out must be what comes out undisturbed: no load is lost or doubled,
readers see the figures of before or of after, and health says what happened. The table
goes to ``build/crash.md``.

A run takes most of a trial. After a kill it is left out where the act done again was a
run, or where the workspace is in a state from which a run has ended rightly in this
campaign; the table counts those. Each trial draws from its own number: ``--first N
--kills 1`` is trial N of any campaign.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import process_tree
from tests.campaigns.crash_acts import (
    ACTS,
    Act,
    command_line,
    commanded,
    facts,
    looked_at,
)
from tests.campaigns.failing_disk import Disk
from tests.campaigns.forked import Ended, Fork
from tests.campaigns.hostile import flipped
from tests.campaigns.workspace_state import state_of
from tests.e2e.cases.closing_case import reconciled_company

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED = 20_261_128
_LONGEST_SECONDS = 300.0
_TRIES_OF_A_KILL = 6
_RUN = ("run",)
_NOT_AGAIN = re.compile(
    "is closed already|No load of|no source 'bills' with loads|Nothing has changed"
)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """How an act goes that nothing happens to."""

    before: str
    after: str
    facts: dict[str, Any]
    seconds: float
    changes: int


@dataclass(frozen=True, slots=True)
class Failure:
    """What was not right after a trial."""

    number: int
    act: str
    trouble: str
    what: str


@dataclass(slots=True)
class Tally:
    """What came of the trials so far."""

    trials: Counter[tuple[str, str]] = field(default_factory=Counter)
    runs: int = 0
    runs_from_a_known_state: int = 0
    failures: list[Failure] = field(default_factory=list)


class Campaign:
    """Copies one company for each trial.

    Parameters
    ----------
    folder : Path
        Where everything goes.
    seed : int
        Of the trials.
    acts : sequence of Act
        In turn.
    """

    def __init__(self, folder: Path, seed: int, acts: Sequence[Act] = ACTS) -> None:
        self._folder = folder
        self._seed = seed
        self._chance = random.Random(seed)
        self._company = folder / "company"
        self._known: dict[str, Undisturbed] = {}
        self._known_states: set[tuple[str, str]] = set()
        self._acts = acts
        self._flip = b""
        self._flipped = folder
        self.tally = Tally()

    def build(self, company: Path | None = None) -> None:
        """Build the company, unless it is built already.

        Parameters
        ----------
        company : Path, optional
            Where it is built already.
        """
        if company is not None:
            shutil.copytree(company, self._company)
        else:
            self._import(self._forked(partial(_built, self._company)).value)
        command_line()

    def _import(self, names: Sequence[str]) -> None:
        """Import here what a process has needed, once for all that come after it."""
        for name in names:
            with suppress(Exception):
                importlib.import_module(name)

    def kill(self, number: int) -> None:
        """Kill one act at a random moment, all of it, its parent, or a child."""
        self._chance = random.Random(f"{self._seed} kill {number}")
        act = self._acts[number % len(self._acts)]
        known = self._undisturbed(act)
        how = self._chance.choice(("group", "parent", "child", "at a change"))
        part = self._chance.random()
        for _ in range(_TRIES_OF_A_KILL):
            root = self._copy(act)
            if self._killed(act, known, root, how, part):
                break
            part *= 0.7  # it was over by then
        else:
            how = "over before it could be killed"
        self._judge(number, act, f"killed: {how}", root, may_know=True)

    def _killed(
        self, act: Act, known: Undisturbed, root: Path, how: str, part: float
    ) -> bool:
        work = partial(commanded, root, act.command)
        if how != "at a change":
            return self._kill_after(work, part * known.seconds, how)
        at = 1 + int(part * known.changes)
        what = self._chance.choice(("kill", "kill group"))
        work = partial(commanded, root, act.command, Disk(what, at))
        return bool(self._forked(work).signal)

    def fail(self, number: int) -> None:
        """Let something fail under one act."""
        self._chance = random.Random(f"{self._seed} fail {number}")
        act = self._acts[number % len(self._acts)]
        troubles = ("full", "read-only", "rename fails", "fsync fails", "full for all")
        kinds = (*troubles, "bit flip", "clock jump", "two at once")
        trouble = kinds[(number // len(self._acts)) % len(kinds)]
        known = self._undisturbed(act)
        root = self._copy(act)
        match trouble:
            case "bit flip":
                self._flip_bits(root)
                self._expect_told(number, act, trouble, root, Disk("count"))
                self._mend(root)
            case "clock jump":
                self._forked(partial(commanded, root, act.command, None, 3_650))
            case "two at once":
                self._two_at_once(number, act, root)
            case "full for all":
                bytes_ = self._chance.randrange(10_000, 8_000_000)
                disk = Disk("count", largest_file_bytes=bytes_)
                self._expect_told(number, act, trouble, root, disk)
            case _:
                at = self._chance.randrange(1, max(2, known.changes))
                at = at if trouble in {"full", "read-only"} else 1 + at % 5
                self._expect_told(number, act, trouble, root, Disk(trouble, at))
        self._judge(number, act, trouble, root)

    def _undisturbed(self, act: Act) -> Undisturbed:
        if act.name not in self._known:
            root = self._copy(act)
            before = self._forked(partial(looked_at, self._company)).value
            ended = self._forked(partial(_commanded_first, root, act.command))
            assert ended.value["code"] == 0, self._log()
            self._import(ended.value["imported"])
            after = self._forked(partial(looked_at, root)).value
            run = self._forked(partial(commanded, root, _RUN))
            assert run.value["code"] == 0, self._log()
            self._known[act.name] = Undisturbed(
                before["figures"],
                after["figures"],
                self._forked(partial(facts, root)).value,
                ended.seconds,
                ended.value["changes"],
            )
        return self._known[act.name]

    def _judge(
        self,
        number: int,
        act: Act,
        trouble: str,
        root: Path,
        *,
        may_know: bool = False,
    ) -> None:
        self.tally.trials[act.name, trouble] += 1
        known = self._undisturbed(act)
        wrong = [*self._wrong(act, known, root)]
        if not wrong:
            wrong = [*self._wrong_in_the_end(act, known, root, may_know=may_know)]
        for what in wrong:
            self.tally.failures.append(Failure(number, act.name, trouble, what))
        shutil.rmtree(root, ignore_errors=True)

    def _wrong(self, act: Act, known: Undisturbed, root: Path) -> Iterator[str]:
        """Yield what is wrong with what is there, and with the act done again."""
        seen = self._forked(partial(looked_at, root))
        if seen.traceback:
            yield f"looking failed: {seen.traceback.splitlines()[-1]}"
            return
        right = {known.before, known.after, known.facts["figures"]}
        if seen.value["figures"] not in right:
            yield f"readers see neither before nor after: {seen.value['figures']}"
        if seen.value["is_cut_off"] and seen.value["health"] != "failed":
            yield f"health is {seen.value['health']} though a run was cut off"
        again = self._forked(partial(commanded, root, act.command))
        text = self._log()
        if again.traceback or (again.value["code"] and not _NOT_AGAIN.search(text)):
            yield f"the act failed when done again: {_last_line(text, again)}"

    def _wrong_in_the_end(
        self, act: Act, known: Undisturbed, root: Path, *, may_know: bool
    ) -> Iterator[str]:
        """Yield what is wrong with the next run and with what comes out of it."""
        state = None
        if may_know and not act.builds:
            state = act.name, str(self._forked(partial(state_of, root)).value)
            if state in self._known_states:
                self.tally.runs_from_a_known_state += 1
                return
        self.tally.runs += 1
        if not may_know or act.command != _RUN:
            run = self._forked(partial(commanded, root, _RUN))
            if run.traceback or run.value["code"]:
                yield f"the next run failed: {_last_line(self._log(), run)}"
                return
        found = self._forked(partial(facts, root)).value
        wrong = [
            f"{name}: {_difference(found[name], expected)}"
            for name, expected in known.facts.items()
            if found[name] != expected
        ]
        if state and not wrong:
            self._known_states.add(state)
        yield from wrong

    def _expect_told(
        self, number: int, act: Act, trouble: str, root: Path, disk: Disk
    ) -> None:
        ended = self._forked(partial(commanded, root, act.command, disk))
        text = self._log()
        what = ""
        if ended.traceback or ended.signal or ended.has_hung:
            what = f"it ended badly: {ended.signal} {ended.traceback[-200:]}"
        elif "Traceback (most" in text or "Something unexpected" in text:
            what = f"raw: {_last_line(text, ended)}"
        if what:
            self.tally.failures.append(Failure(number, act.name, trouble, what))

    def _two_at_once(self, number: int, act: Act, root: Path) -> None:
        work = partial(commanded, root, act.command)
        forks = [Fork(work, self._folder / f"log-{n}") for n in range(2)]
        codes = [(fork.end(_LONGEST_SECONDS).value or {}).get("code") for fork in forks]
        if not (0 in codes and set(codes) <= {0, 2, 7}):
            what = f"two at once ended with {codes}"
            failure = Failure(number, act.name, "two at once", what)
            self.tally.failures.append(failure)

    def _flip_bits(self, root: Path) -> None:
        parts = {"lake", "warehouse", "runs", "raw.duckdb"}
        files = [
            path
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.stat().st_size and parts & set(path.parts)
        ]
        self._flipped = self._chance.choice(files)
        self._flip = self._flipped.read_bytes()
        self._flipped.write_bytes(flipped(self._flip, self._chance, 4))

    def _mend(self, root: Path) -> None:
        """Restore from a backup what cannot be made anew, as the messages say."""
        if "lake" in self._flipped.parts:
            self._flipped.write_bytes(self._flip)
        elif self._flipped.name == "raw.duckdb":
            self._forked(partial(commanded, root, ("recover",)))
        elif "published" in self._flipped.parts or self._flipped.name == "CURRENT":
            self._forked(partial(commanded, root, ("build",)))
        elif self._flipped.name == "build.duckdb":
            self._flipped.unlink(missing_ok=True)

    def _kill_after(self, work: Callable[[], Any], seconds: float, how: str) -> bool:
        fork = Fork(work, self._folder / "log")
        deadline = time.monotonic() + seconds
        while fork.is_running() and time.monotonic() < deadline:
            time.sleep(0.002)
        is_running = fork.is_running()
        children = process_tree(fork.pid)[1:] if is_running else []
        if how == "child" and children:
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(children), 9)
        elif is_running:
            fork.kill(group=how == "group")
        fork.end(_LONGEST_SECONDS)
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        return is_running

    def _copy(self, act: Act) -> Path:
        root = self._folder / "trial"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self._company, root)
        act.prepare(root)
        return root

    def _forked(self, work: Callable[[], Any]) -> Ended:
        return Fork(work, self._folder / "log").end(_LONGEST_SECONDS)

    def _log(self) -> str:
        return (self._folder / "log").read_text("utf-8", errors="replace")


def _built(root: Path) -> list[str]:
    reconciled_company(root)
    return _imported()


def _commanded_first(root: Path, command: Sequence[str]) -> dict[str, Any]:
    """Run a command, and return what it imported as well."""
    return {**commanded(root, command), "imported": _imported()}


def _imported() -> list[str]:
    ours = {
        *("triptych", "ingest", "attribution", "dashboard", "statsmodels", "duckdb"),
        *("pyarrow", "pydantic", "numpy", "pandas", "scipy", "ruamel", "typer"),
    }
    return [name for name in sys.modules if name.split(".")[0] in ours]


def _last_line(text: str, ended: Ended) -> str:
    if ended.traceback:
        return ended.traceback.strip().splitlines()[-1][:200]
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, list) and isinstance(expected, list):
        more = [each for each in found if each not in expected]
        less = [each for each in expected if each not in found]
        return f"more {more}, less {less}, {len(found)} of {len(expected)}"[:300]
    return f"{found} instead of {expected}"


def table(tally: Tally, *, seed: int, seconds: float) -> str:
    """Return what came of a campaign, as Markdown."""
    bad = Counter((failure.act, failure.trouble) for failure in tally.failures)
    lines = [
        f"{tally.trials.total():,} trials, seed {seed}, {seconds:,.0f} s;"
        f" {len(tally.failures)} failures. {tally.runs:,} next runs, and"
        f" {tally.runs_from_a_known_state:,} times the state one began in.",
        "",
        "| act | what happened | trials | failures |",
        "|---|---|---:|---:|",
        *(
            f"| {act} | {trouble} | {count} | {bad[act, trouble]} |"
            for (act, trouble), count in sorted(tally.trials.items())
        ),
        "",
        *(f"- {failure}" for failure in tally.failures),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign, print its table and keep it; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--acts", default=",".join(act.name for act in ACTS))
    parser.add_argument("--first", type=int, default=0, help="number of a trial")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--company", type=Path, help="is built already")
    parser.add_argument("--report", type=Path, default=Path("build/crash.md"))
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="crash") as name:
        wanted = asked.acts.split(",")
        acts = [act for act in ACTS if act.name in wanted]
        campaign = Campaign(Path(name), asked.seed, acts)
        campaign.build(asked.company)
        first = asked.first
        kills, faults = (
            range(first, first + asked.kills),
            range(first, first + asked.faults),
        )
        trials = [(campaign.kill, n) for n in kills]
        trials += [(campaign.fail, n) for n in faults]
        for trial, number in trials:
            trial(number)
            seconds = time.monotonic() - started
            text = table(campaign.tally, seed=asked.seed, seconds=seconds)
            asked.report.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if campaign.tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
