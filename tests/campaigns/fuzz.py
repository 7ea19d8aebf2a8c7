"""``make fuzz``: hostile bills, invoices, events, manifests, settings, by the thousand.

Each case is a workspace of its own that is ingested in a process of its own. A reader
that is independent of ours says what may count. Found are: a traceback, a death, more
than thirty seconds, money that nobody delivered or that is lost in silence, and a
refusal that does not say where and what to do. The table goes to ``build/fuzz.md``.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.reading import unpacked
from tests.campaigns import hostile_documents, hostile_tables
from tests.campaigns.forked import Ended, Fork
from tests.campaigns.hostile import amount
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.campaigns.hostile import Case

SEED = 20_261_128
LONGEST_SECONDS = 30.0
_SETTINGS_LINE = re.compile(r"(triptych|allocation|catalog|assumptions)\.yml:\d+: .+")
_KINDS = ("bill", "bill", "invoice", "settings", "event", "manifest")


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong in a case that is to go wrong in none."""

    number: int
    kind: str
    act: str
    what: str


@dataclass(slots=True)
class Tally:
    """What came of the cases so far."""

    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    slowest_seconds: float = 0.0


def cases(seed: int, folder: Path) -> Iterator[Case]:
    """Yield cases of all kinds in turn; the same for the same seed."""
    sources = {
        "bill": hostile_tables.cases(hostile_tables.BILL, random.Random(f"{seed} b")),
        "invoice": hostile_tables.cases(
            hostile_tables.INVOICE, random.Random(f"{seed} i")
        ),
        "settings": hostile_documents.settings(random.Random(f"{seed} s")),
        "event": hostile_documents.events(random.Random(f"{seed} e")),
        "manifest": hostile_documents.manifests(random.Random(f"{seed} m"), folder),
    }
    for kind in cycle(_KINDS):
        yield next(sources[kind])


def ingested(root: Path) -> dict[str, Any]:
    """Ingest a workspace; return what counts now, what was refused, and why."""
    # Imported before the fork by preload(); here for whoever reads.
    from triptych.core.progress import SilentProgress
    from triptych.core.settings import load_settings
    from triptych.core.workspace import Workspace
    from triptych.run import pipeline

    try:
        loaded = load_settings(root)
        report = pipeline.ingest(Workspace(root), loaded, progress=SilentProgress())
    except TriptychError as error:
        return {"errors": [_told(error)], "notes": []}
    errors = [_told(failure.error) for failure in report.failures]
    return {"errors": errors, "notes": report.notes, **_counted(root)}


def _told(error: TriptychError) -> dict[str, str]:
    kind = type(error).__name__
    return {
        "kind": kind,
        "what": error.what,
        "where": error.where,
        "next_step": error.next_step,
    }


def _counted(root: Path) -> dict[str, Any]:
    from triptych.core.lake.catalogue_file import connect

    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        rows = raw.execute(
            'SELECT "BilledCost"::VARCHAR, "BillingCurrency" FROM evidence.focus'
            " UNION ALL SELECT invoiced_amount::VARCHAR, currency"
            " FROM evidence.invoices WHERE _source = 'hostile'"
        ).fetchall()
        events = raw.execute("SELECT count(*) FROM evidence.deployments").fetchall()
        refused = raw.execute(
            "SELECT count(*) FROM catalogue.quarantine JOIN catalogue.loads"
            " USING (load_id) WHERE status = 'current'"
        ).fetchall()
    return {
        "counted": rows,
        "event_count": events[0][0],
        "quarantined": refused[0][0],
    }


def preload() -> None:
    """Import what an ingest needs, so that it is there after a fork."""


def faults_of(case: Case, ended: Ended) -> Iterator[str]:
    """Yield what is wrong with how a case ended."""
    if ended.has_hung:
        yield f"it took more than {LONGEST_SECONDS:.0f} seconds"
    elif ended.signal:
        yield f"it died of signal {ended.signal}"
    elif ended.traceback:
        yield f"a traceback: {ended.traceback.strip().splitlines()[-1][:200]}"
    else:
        yield from _faults_of_refusals(case, ended.value["errors"])
        if "counted" in ended.value:
            yield from _faults_of_money(case, ended.value)


def _faults_of_refusals(case: Case, errors: Sequence[dict[str, str]]) -> Iterator[str]:
    for error in errors:
        text = f"{error['where']}: {error['what']}"[:160]
        if not error["next_step"]:
            yield f"no next step: {text}"
        if error["kind"] == "SettingsError":
            located = f"{error['where']}: {error['what']}" if error["where"] else ""
            for line in (located or error["what"]).splitlines():
                if not _SETTINGS_LINE.match(line):
                    yield f"no file and line: {line[:160]}"
        elif "\n" in error["what"] or not error["where"]:
            yield f"no place, or raw text: {text}"
        elif (
            case.kind != "settings"
            and case.suspect not in f"{error['where']} {error['what']}"
        ):
            yield f"it does not name {case.suspect}: {text}"


def _faults_of_money(case: Case, found: dict[str, Any]) -> Iterator[str]:
    if case.kind == "event":
        yield from _faults_of_events(case, found)
    counted = Counter(
        (amount(value), currency)
        for value, currency in found["counted"]
        if value is not None
    )
    beside = Counter(case.beside)
    if lost := beside - counted:
        yield f"what stands beside does not count: {dict(lost)}"
    counted -= beside
    if case.kind == "event":
        return
    if extra := counted - Counter(case.may_count):
        yield f"counts and was not delivered: {str(dict(extra))[:160]}"
    missing = (Counter(case.must_count) - counted).total()
    if missing > found["quarantined"] and not found["errors"] and not found["notes"]:
        yield f"{missing} rows are lost in silence"


def _faults_of_events(case: Case, found: dict[str, Any]) -> Iterator[str]:
    count = found["event_count"]
    if count > len(case.may_count):
        yield f"{count} events count, and {len(case.may_count)} were there"
    lost = len(case.must_count) - count
    if lost > 0 and not found["errors"]:
        yield f"{lost} events are lost in silence"


def write(case: Case, root: Path) -> None:
    """Write the workspace of a case."""
    for name, content in case.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        # As those of a real delivery, which was not written just now.
        os.utime(path, (1_700_000_000, 1_700_000_000))


def run(
    count: int, tally: Tally | None = None, *, seed: int = SEED, first: int = 0
) -> Tally:
    """Run cases, one after another; the first of them may be a later one."""
    preload()
    # Real archives of this ratio are too large for a campaign.
    unpacked._HARMLESS_BYTES = 1_000_000
    tally = Tally() if tally is None else tally
    with tempfile.TemporaryDirectory(prefix="fuzz") as name:
        folder = Path(name)
        (folder / "exports").mkdir()
        drawn = islice(cases(seed, folder / "exports"), first, first + count)
        for number, case in enumerate(drawn, start=first):
            _run_one(number, case, folder, tally)
    return tally


def _run_one(number: int, case: Case, folder: Path, tally: Tally) -> None:
    root = folder / "workspace"
    write(case, root)
    work = Fork(lambda: ingested(root), folder / "log")
    ended = work.end(LONGEST_SECONDS)
    key = case.kind, case.act
    tally.cases[key] += 1
    tally.slowest_seconds = max(tally.slowest_seconds, ended.seconds)
    if ended.value and ended.value["errors"]:
        tally.refused[key] += 1
    for what in faults_of(case, ended):
        tally.faults.append(Fault(number, *key, what))
    shutil.rmtree(root, ignore_errors=True)


def table(tally: Tally, *, seed: int, seconds: float) -> str:
    """Return what came of a campaign, as Markdown."""
    bad = Counter((fault.kind, fault.act) for fault in tally.faults)
    lines = [
        f"{tally.cases.total():,} cases, seed {seed}, {seconds:,.0f} s; the slowest"
        f" took {tally.slowest_seconds:.1f} s; {len(tally.faults)} faults.",
        "",
        "| kind | what was done | cases | refused | faults |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {kind} | {_cell(act)} | {count} | {tally.refused[kind, act]} |"
        f" {bad[kind, act]} |"
        for (kind, act), count in sorted(tally.cases.items())
    ]
    lines += ["", *(f"- {fault}" for fault in tally.faults)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").encode("unicode_escape").decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign, print its table and keep it; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_500)
    parser.add_argument("--first", type=int, default=0, help="number of a case")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--report", type=Path, default=Path("build/fuzz.md"))
    asked = parser.parse_args(arguments)
    os.environ["TRIPTYCH_WAREHOUSE__THREADS"] = "1"
    started = time.monotonic()
    tally = Tally()
    try:
        run(asked.cases, tally, seed=asked.seed, first=asked.first)
    finally:  # also of a campaign that somebody stopped
        text = table(tally, seed=asked.seed, seconds=time.monotonic() - started)
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        asked.report.write_text(text, encoding="utf-8", errors="replace")
    sys.stdout.write(text)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
