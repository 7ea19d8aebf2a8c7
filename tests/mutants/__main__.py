"""Plants each defect in a copy of the tree, and tells which of them the tests notice.

``python -m tests.mutants`` runs, for each defect, the tests of the fast layer that are
listed for it. It fails when more than one in twenty stays unnoticed; with ``--full``,
which runs the listed tests of the full layer too, when any does; and wherever a defect
could not be planted, or its tests did not run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.mutants.planted import REPOSITORY, Defect, defects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WORK = REPOSITORY / "build" / "mutants"
REPORT = REPOSITORY / "build" / "mutants.json"
#: Of the defects, the part that the fast layer has to notice: 57 of 60.
_FAST_PART: Final = 0.95
_FAILED: Final = 1
#: What a test that does not end says, too.
_TIMEOUT_SECONDS: Final = 1800


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one defect.

    ``status`` is ``caught``, ``survived``, or ``invalid`` where its tests did not run.
    """

    defect: Defect
    status: str
    seconds: float
    detail: str


class Tree:
    """A copy of the repository in which a defect is planted at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self) -> None:
        """Copy what is under version control, changed or not; link environments."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            origin, target = REPOSITORY / name, self.root / name
            if origin.is_file() and not name.startswith(".venv"):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, target)
        for environment in REPOSITORY.glob(".venv*"):
            (self.root / environment.name).symlink_to(environment.resolve())

    def prepare(self) -> None:
        """Build the workspace that tests of the dbt project start from."""
        program = (
            "import sys; from pathlib import Path;"
            " from tests.dbt.conftest import build_empty_workspace as build;"
            " build(Path(sys.argv[1]))"
        )
        self.empty_workspace.parent.mkdir(exist_ok=True)
        subprocess.run(
            [sys.executable, "-c", program, str(self.empty_workspace)],
            cwd=self.root,
            env=self._environment(),
            check=True,
        )

    @property
    def empty_workspace(self) -> Path:
        """Where that workspace is."""
        return self.root / "build" / "empty_workspace"

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def judge(self, defect: Defect, tests: Sequence[str], *, is_full: bool) -> Outcome:
        """Plant a defect, run tests, and put the file back."""
        path, begun = self.root / defect.file, time.monotonic()
        whole = path.read_bytes()
        try:
            defect.plant(self.root)
            code, said = self.run(tests, defect.unit_tests_of, is_full=is_full)
        except ValueError as error:
            code, said = -1, str(error)
        finally:
            path.write_bytes(whole)
        status = {0: "survived", _FAILED: "caught"}.get(code, "invalid")
        return Outcome(defect, status, time.monotonic() - begun, said)

    def run(
        self, tests: Sequence[str], unit_tests_of: Sequence[str], *, is_full: bool
    ) -> tuple[int, str]:
        """Run tests here; return the exit code of pytest and its last lines."""
        layer = ["-m", ""] if is_full else []
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        environment = self._environment() | {
            "TRIPTYCH_UNIT_TESTS_OF": " ".join(unit_tests_of),
            "TRIPTYCH_TEST_LAYER": "full" if is_full else "",
        }
        if self.empty_workspace.is_dir():
            environment["TRIPTYCH_EMPTY_WORKSPACE"] = str(self.empty_workspace)
        try:
            done = subprocess.run(
                [*command, *layer, *tests],
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return _FAILED, "does not come to an end"
        return done.returncode, "\n".join(done.stdout.splitlines()[-6:])


def main() -> int:
    """Judge every defect, print a table, and return the exit code."""
    options = _options()
    chosen = [one for one in defects() if options.only in f"{one.file} {one.name}"]
    WORK.mkdir(parents=True, exist_ok=True)
    # Two at once have trees of their own.
    with TemporaryDirectory(dir=WORK) as folder:
        trees = _planted_in(Path(folder), chosen, options.jobs)
        if not options.skip_baseline and not _holds_without(trees[0], chosen, options):
            return 2
        outcomes = list(_judged(chosen, trees, options))
    for outcome in sorted(outcomes, key=lambda one: one.status):
        _print(outcome)
    caught = sum(outcome.status == "caught" for outcome in outcomes)
    print(f"\n{caught} of {len(outcomes)} defects are noticed.")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report = [
        {
            "file": one.defect.file,
            "defect": one.defect.name,
            "status": one.status,
            "seconds": round(one.seconds, 1),
            "said": one.detail,
        }
        for one in outcomes
    ]
    REPORT.write_text(json.dumps(report, indent=1), encoding="utf-8")
    if any(outcome.status == "invalid" for outcome in outcomes):
        return 2
    return caught < len(outcomes) * (1 if options.full else _FAST_PART)


def _planted_in(folder: Path, chosen: Sequence[Defect], count: int) -> list[Tree]:
    trees = [Tree(folder / f"tree-{number}") for number in range(count)]
    for tree in trees:
        tree.fill()
        if any(test.startswith("tests/dbt") for one in chosen for test in one.tests):
            tree.prepare()
    return trees


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--full", action="store_true", help="tests of the full layer")
    parser.add_argument("--all", action="store_true", help="the whole layer for each")
    parser.add_argument("--only", default="", help="part of a file or of a name")
    parser.add_argument(
        "--skip-baseline", action="store_true", help="no run without any defect first"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    return parser.parse_args()


def _holds_without(
    tree: Tree, chosen: Sequence[Defect], options: argparse.Namespace
) -> bool:
    """Tell whether the tests pass as they are: a failure would notice nothing."""
    tests = sorted({test for one in chosen for test in _tests_for(one, options)})
    models = sorted({model for one in chosen for model in one.unit_tests_of})
    code, said = tree.run(tests, models, is_full=options.full)
    if code:
        print(f"Without any defect the tests do not pass:\n{said}")
    return not code


def _judged(
    chosen: Sequence[Defect], free: Sequence[Tree], options: argparse.Namespace
) -> Iterable[Outcome]:
    trees: SimpleQueue[Tree] = SimpleQueue()
    for tree in free:
        trees.put(tree)

    def judge(defect: Defect) -> Outcome:
        tree = trees.get()
        try:
            tests = _tests_for(defect, options)
            outcome = tree.judge(defect, tests, is_full=options.full)
        finally:
            trees.put(tree)
        print(f"{outcome.status:9} {outcome.seconds:6.1f} s  {defect.name}", flush=True)
        return outcome

    with ThreadPoolExecutor(options.jobs) as pool:
        yield from pool.map(judge, chosen)


def _tests_for(defect: Defect, options: argparse.Namespace) -> tuple[str, ...]:
    if options.all:
        return ("tests",)
    return defect.tests + (defect.full_tests if options.full else ())


def _print(outcome: Outcome) -> None:
    defect = outcome.defect
    print(f"{outcome.status:9} {defect.file}: {defect.name}")
    if outcome.status != "caught":
        print(f"          breaks: {defect.promise}")
        print("          " + outcome.detail.replace("\n", "\n          "))


if __name__ == "__main__":
    sys.exit(main())
