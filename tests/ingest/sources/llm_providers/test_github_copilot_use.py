"""Use of GitHub Copilot by team and week, without its people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.ingest.engine.test_nothing_of_people_is_kept import everything_in
from tests.ingest.servers.llm_bench import NOW, TODAY, Bench
from tests.ingest.servers.loopback_github_copilot import (
    COPILOT_TOKEN,
    ORGANISATION,
    SIGNATURE,
    CopilotOrganisation,
    in_team,
    used,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer

#: A Monday, three weeks before the day on which the clock stands still.
MONDAY = date(2026, 2, 23)
OPTIONS = {"organisation": ORGANISATION, "metrics": True, "start_date": MONDAY}


@pytest.fixture
def organisation() -> CopilotOrganisation:
    """Return six people of search, four of support, and one of both teams.

    Each of search sends two prompts on Monday and on Tuesday, and accepts one of three
    suggestions with ten lines; who is in both does so on Tuesday. Support's four use it
    on Monday. The report of Wednesday is missing.
    """
    made = CopilotOrganisation()
    tuesday = MONDAY + timedelta(days=1)
    both = [*range(1, 7), 20]
    made.used = {
        MONDAY: [
            used(MONDAY, n, (2, 3, 1, 10)) for n in (*range(1, 7), *range(11, 15))
        ],
        tuesday: [used(tuesday, n, (2, 3, 1, 10)) for n in both],
    }
    made.teams = {
        day: [
            *(in_team(day, n, "search") for n in both),
            *(in_team(day, n, "support") for n in (*range(11, 15), 20)),
        ]
        for day in (MONDAY, tuesday)
    }
    for number in range(3, 7):
        day = MONDAY + timedelta(days=number)
        made.used[day], made.teams[day] = [], []
    return made


@pytest.fixture
def bench(
    server: ScriptedServer,
    organisation: CopilotOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    bench = Bench(server, organisation, tmp_path, "github_copilot", monkeypatch)
    bench.open(COPILOT_TOKEN)
    monkeypatch.setenv("GITHUB_COPILOT_TOKEN", COPILOT_TOKEN)
    return bench


def _week(bench: Bench, **options: Any) -> list[tuple[object, ...]]:
    bench.ingest(**OPTIONS, **options)
    return bench.query(
        "SELECT team_id, read_days, active_people, prompts, suggestions, acceptances,"
        " accepted_lines FROM evidence.assistant_use"
        f" WHERE read_days > 0 AND period_start = DATE '{MONDAY}' ORDER BY team_id"
    )


def test_people_of_a_week_are_counted_once_and_their_use_is_summed(
    bench: Bench,
) -> None:
    # Six people on two days: 12 × 2, 12 × 3, 12 × 1 and 12 × 10; a day has no report.
    # Support's four and the one of two teams are too few to be counted.
    assert _week(bench) == [
        ("search", 6, 6, 24, 36, 12, 120),
        ("support", 6, None, None, None, None, None),
        (None, 6, None, None, None, None, None),
    ]


def test_a_file_of_members_decides_who_is_of_a_team(bench: Bench) -> None:
    people = "".join(f"person-{n:03d}-madeup,maps,,\n" for n in (1, 11, 12, 13, 14))
    (bench.root / "teams.csv").write_text(
        f"person,team_id,valid_from,valid_to\n{people}person-020-madeup,search,,\n"
    )
    # Maps has one person on two days, four on one; search five on two and one on one.
    assert _week(bench, teams_file="teams.csv") == [
        ("maps", 6, 5, 12, 18, 6, 60),
        ("search", 6, 6, 22, 33, 11, 110),
    ]


def test_a_week_is_asked_again_until_its_reports_no_longer_change(bench: Bench) -> None:
    bench.ingest(**OPTIONS)
    reports = f"/orgs/{ORGANISATION}/copilot/metrics/reports/users-1-day"
    asked = len(bench.server.asked(reports))
    # Three weeks up to the day before; the week of 23 February ended 13 days ago.
    assert asked == 20
    bench.at(NOW + timedelta(hours=1))
    bench.ingest(**OPTIONS)
    again = [request.one("day") for request in bench.server.asked(reports)[asked:]]
    assert again == [f"{TODAY - timedelta(days=n)}" for n in range(13, 0, -1)]


def test_neither_people_nor_links_are_in_any_file(bench: Bench) -> None:
    bench.ingest(**OPTIONS)
    kept = everything_in(bench.root)
    assert "assistant_use" in kept
    assert not [word for word in ("madeup", SIGNATURE) if word in kept]


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("loc_added_sum", "many", "a line of a report has no count loc_added_sum"),
        ("user_id", None, "a line of a report has no user_id"),
    ],
)
def test_a_line_of_another_form_is_refused_without_its_person(
    bench: Bench,
    organisation: CopilotOrganisation,
    field: str,
    value: object,
    problem: str,
) -> None:
    organisation.used[MONDAY][0][field] = value
    report = bench.case(**OPTIONS).ingest()
    assert problem in repr(report.failures)
    assert "madeup" not in repr(report.failures)
