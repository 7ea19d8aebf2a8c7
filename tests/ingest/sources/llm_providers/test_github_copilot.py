from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.engine.test_nothing_of_people_is_kept import everything_in
from tests.ingest.servers.llm_bench import CASE_START, NOW, START, TODAY, Bench
from tests.ingest.servers.loopback_github_copilot import (
    COPILOT_TOKEN,
    ORGANISATION,
    PLANTED,
    CopilotOrganisation,
    billed,
    credit,
    sample_copilot,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingest.servers.http_server import Answer, Request, ScriptedServer

SEATS = f"/orgs/{ORGANISATION}/copilot/billing/seats"


@pytest.fixture
def organisation() -> CopilotOrganisation:
    return sample_copilot(START, TODAY + timedelta(days=1), NOW)


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


@pytest.fixture
def case(bench: Bench, organisation: CopilotOrganisation) -> ConnectorCase:
    """Return the sample organisation as the shared suites want it."""

    def money() -> dict[str, Decimal]:
        return {"USD": organisation.money()}

    def deliver_late() -> dict[str, Decimal]:
        # Yesterday's seats are restated, and a credit of a third model arrives.
        yesterday = f"{TODAY - timedelta(days=1)}"
        for item in organisation.items:
            if item["date"].startswith(yesterday) and item["unitType"] == "UserMonths":
                item["netAmount"] += Decimal("0.000000001")
        organisation.credits[TODAY].append(credit("Gemini", "0.5"))
        organisation.items.append(
            billed(TODAY, "Copilot AI Credits", "50", "ai-credits", "0.5")
        )
        return money()

    def deliver_hostile() -> int:
        bad = billed(TODAY, "Copilot Business", "1", "UserMonths", "0")
        for net in ("a lot", "NaN", None):
            organisation.items.append(
                {**bad, "sku": f"hostile {net}", "netAmount": net}
            )
        return 3

    start = CASE_START.isoformat()
    organisation.items[:] = [i for i in organisation.items if i["date"] >= start]
    filled = bench.case(
        organisation=ORGANISATION,
        start_date=CASE_START,
        mapping=[{"match": {"cost_type": "seat"}, "model": "copilot"}],
    )
    # Of each day: the seats, and the credits of two models.
    filled.expected_rows = (
        sum(i["product"] == "copilot" for i in organisation.items) * 3 // 2
    )
    filled.expected_money = money()
    filled.deliver_late = deliver_late
    filled.deliver_hostile = deliver_hostile
    filled.secrets = (COPILOT_TOKEN, "person-001-madeup", "person-121-madeup")
    return filled


class TestGithubCopilotContract(ConnectorContract):
    """The shared suite, on the sample organisation."""


@pytest.mark.full
class TestGithubCopilotMisbehaviour(SurvivesMisbehaviour):
    """The shared suite, on a server that misbehaves."""

    names_credential = "GITHUB_COPILOT_TOKEN"

    @pytest.fixture
    def case(self, case: ConnectorCase) -> ConnectorCase:
        """Return the case; a refusal of GitHub may quote the token, never a person."""
        case.secrets = (COPILOT_TOKEN,)
        return case

    def test_pages_that_go_in_a_circle_end_with_a_clear_message(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        """Only seats are paged, by number: the first page comes for ever."""
        route = server._routes["GET", SEATS]
        first: list[Answer] = []

        def answer(request: Request) -> Answer:
            first.append(route(request))
            return first[0]

        server.route("GET", SEATS, answer)
        report = case.ingest()
        assert "announces 129 seats and lists 100" in repr(report.failures)


def test_seats_are_counted_by_team_over_all_pages(bench: Bench) -> None:
    bench.ingest(organisation=ORGANISATION)
    rows = bench.query(
        "SELECT team_id, assigned_seats, active_seats, ending_seats"
        " FROM evidence.assistant_use ORDER BY team_id"
    )
    assert rows == [
        (team, *PLANTED[team], 1) for team in ("payments", "search", "support")
    ]
    assert [request.one("page") for request in bench.server.asked(SEATS)] == ["1", "2"]


def test_a_file_of_members_gives_the_team_of_the_day(bench: Bench) -> None:
    (bench.root / "teams.csv").write_text(
        "person,team_id,valid_from,valid_to\n"
        "PERSON-001-madeup,maps,2026-01-01,2026-03-15\n"
        "person-001-madeup,routes,2026-03-15,\n"
        "person-002-madeup,maps,,2026-03-15\n"
    )
    rows = bench.rows(
        "assistant_use", organisation=ORGANISATION, teams_file="teams.csv"
    )
    counts = {row["team_id"]: row["assigned_seats"] for row in rows}
    assert counts == {"routes": "1", "search": "119", "support": "6", "payments": "3"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",search,,", "line 2 lacks a person or a team_id"),
        ("Jo Doe,search,soon,", "line 2 has no date"),
        ("Jo Doe,search,,\njo doe,maps,,", "line 3 has a second team"),
    ],
)
def test_a_file_of_members_is_refused_without_a_name(
    bench: Bench, line: str, problem: str
) -> None:
    (bench.root / "teams.csv").write_text(
        f"person,team_id,valid_from,valid_to\n{line}\n"
    )
    report = bench.case(organisation=ORGANISATION, teams_file="teams.csv").ingest()
    text = repr(report.failures)
    assert problem in text
    assert "doe" not in text.lower()


def test_credits_are_charged_by_model_only_where_they_sum_to_the_bill(
    bench: Bench, organisation: CopilotOrganisation
) -> None:
    organisation.credits[TODAY] = [credit("GPT-5", "2.09")]
    bench.ingest(organisation=ORGANISATION)
    rows = bench.query(
        "SELECT CAST(period_start AS DATE), provider_model, amount"
        " FROM evidence.llm_provider_costs WHERE cost_type = 'usage'"
        f" AND period_start >= DATE '{TODAY - timedelta(days=1)}' ORDER BY 1, 2"
    )
    yesterday = TODAY - timedelta(days=1)
    assert rows == [
        (yesterday, "Claude", Decimal("0.90")),
        (yesterday, "GPT-5", Decimal("2.10")),
        (TODAY, None, Decimal("3.00")),
    ]


def test_no_person_is_in_any_file_of_the_workspace(bench: Bench) -> None:
    bench.ingest(organisation=ORGANISATION)
    kept = everything_in(bench.root)
    assert "assistant_use" in kept
    assert "person-" not in kept
    assert COPILOT_TOKEN not in kept


def test_seats_that_change_while_they_are_listed_are_not_taken(
    bench: Bench, organisation: CopilotOrganisation
) -> None:
    # The last of the first page leaves: the list moves up, and one is never shown.
    organisation.seats[100] = organisation.seats[99]
    report = bench.case(organisation=ORGANISATION).ingest()
    assert "announces 129 seats and lists 128" in repr(report.failures)
    assert "madeup" not in repr(report.failures)
