"""The small forms of ``make fuzz`` and ``make crash``, and that they notice."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.campaigns.forked import Ended
from tests.campaigns.fuzz import faults_of
from tests.campaigns.hostile import Case
from tests.e2e.cases.closing_case import copy_of_reconciled_company
from tests.layers import IS_FULL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces


def campaign(name: str, report: Path, *arguments: str) -> str:
    """Run a campaign in a process that has opened nothing; return its table."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", f"tests.campaigns.{name}", *arguments),
            *("--report", str(report)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert ended.returncode == 0, ended.stdout[-3_000:] + ended.stderr[-3_000:]
    return report.read_text("utf-8")


def test_hostile_deliveries_are_read_rightly_or_refused_with_a_next_step(
    tmp_path: Path,
) -> None:
    count = 24 if IS_FULL else 12
    text = campaign("fuzz", tmp_path / "fuzz.md", "--cases", str(count))
    assert text.startswith(f"{count} cases, ")
    for kind in ("bill", "invoice", "settings", "event", "manifest"):
        assert f"| {kind} | " in text


def crash_of_a_run(company: Path, report: Path, *trials: str) -> str:
    """Run a campaign of a run, which ingests, builds and publishes; return its table.

    ``make crash`` has all acts.
    """
    of = ("--acts", "run", "--company", str(company))
    return campaign("crash", report, *of, *trials)


# fast: killed while it builds, in triptych/cli/test_run_command.py
@pytest.mark.full
def test_what_was_killed_is_done_again_and_nothing_is_lost_or_doubled(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    case = copy_of_reconciled_company(built_workspaces, tmp_path / "company")
    trials = ("--kills", "1", "--faults", "0")
    text = crash_of_a_run(case.root, tmp_path / "crash.md", *trials)
    assert text.startswith("1 trials, ")


# fast: on a full disk, triptych/run/test_pipeline.py and core/warehouse/test_publish.py
@pytest.mark.full
def test_what_failed_is_done_again_and_nothing_is_lost_or_doubled(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    case = copy_of_reconciled_company(built_workspaces, tmp_path / "company")
    trials = ("--kills", "0", "--faults", "1")
    text = crash_of_a_run(case.root, tmp_path / "crash.md", *trials)
    assert text.startswith("1 trials, ")


@pytest.mark.full
def test_a_catalogue_that_was_lost_is_made_anew_and_every_mart_is_as_it_was(
    tmp_path: Path,
) -> None:
    text = campaign("recoveries", tmp_path / "recoveries.md", "--moments", "2")
    assert text.startswith("2 moments, ")


GOOD = {"counted": [["1.50", "EUR"]], "event_count": 0, "quarantined": 0}
REFUSED = {"kind": "MalformedDeliveryError", "where": "file.csv", "what": "It is cut."}
REFUSED |= {"next_step": "Deliver it again."}


def ended(**found: object) -> Ended:
    return Ended(value={"errors": [], "notes": [], **GOOD, **found})


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (ended(), ""),
        (ended(counted=[["1.5000", "EUR"]]), ""),
        (ended(counted=[], errors=[REFUSED]), ""),
        (ended(counted=[], quarantined=1), ""),
        (Ended(has_hung=True), "more than 30 seconds"),
        (Ended(signal=9), "died of signal 9"),
        (Ended(traceback="x\nKeyError: 1"), "KeyError"),
        (ended(counted=[]), "lost in silence"),
        (ended(counted=[["1500", "EUR"]]), "was not delivered"),
        (ended(counted=[["1.50", "EUR"], ["1.50", "EUR"]]), "was not delivered"),
        (ended(errors=[{**REFUSED, "next_step": ""}]), "no next step"),
        (ended(errors=[{**REFUSED, "where": ""}]), "no place"),
        (ended(errors=[{**REFUSED, "what": "a\nb"}]), "raw text"),
        (ended(errors=[{**REFUSED, "where": "other.csv"}]), "does not name file.csv"),
        (
            ended(errors=[{**REFUSED, "kind": "SettingsError"}]),
            "no file and line",
        ),
    ],
)
def test_the_judge_of_a_case_notices(how: Ended, words: str) -> None:
    counted = [("1.5", "EUR")]
    case = Case("bill", "torn", {}, counted, counted, suspect="file.csv")
    found = list(faults_of(case, how))
    assert bool(found) == bool(words)
    assert words in " ".join(found)


def test_what_stands_in_other_files_counts_whatever_happens() -> None:
    case = Case("bill", "torn", {}, beside=[("7", "CHF")])
    refused = ended(counted=[], errors=[REFUSED])
    assert "stands beside" in " ".join(faults_of(case, refused))
