"""A year's newest AI bill from its seats: Copilot on loopback to idle seats in money.

GitHub charges 19 USD for a seat and month by the day: of a seat that is assigned on the
16th of April, the fifteen days of thirty that are left. The list of seats is read on
three days. What is expected is worked out here from what the server answers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.servers.http_server import ScriptedServer
from tests.ingest.servers.loopback_github_copilot import (
    COPILOT_TOKEN,
    CopilotOrganisation,
    billed,
    credit,
    seat,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONTH, LATE = date(2026, 4, 1), date(2026, 4, 16)
DAYS = [MONTH + timedelta(days=number) for number in range(30)]
#: Team → seats and idle ones; search has them all month, the others from the 16th.
SEATS = {"search": (6, 2), "support": (5, 1), "payments": (3, 3)}
#: Days of the lists: one before the 16th, two after it.
READ_ON = (date(2026, 4, 10), date(2026, 4, 20), date(2026, 4, 30))
PRICE = Decimal(19)
SOURCES = """\
organisation: Example GmbH
currency: USD
sources:
  - name: copilot
    type: github_copilot
    organisation: acme
    base_url: {url}
    start_date: 2026-04-01
    mapping:
      - {{match: {{cost_type: {{in: [seat, usage]}}}}, model: coding-assistant}}
"""
ALLOCATION = """\
scope:
  - {name: all, match: {}}
assignments:
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
"""


def _teams_on(day: date) -> dict[str, tuple[int, int]]:
    return {t: n for t, n in SEATS.items() if t == "search" or day >= LATE}


def _seats_on(day: date) -> list[dict[str, object]]:
    now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return [
        seat(
            f"person-{team}-{number}",
            team,
            None if number < idle else now - timedelta(days=1),
            ends=None,
        )
        for team, (assigned, idle) in _teams_on(day).items()
        for number in range(assigned)
    ]


def copilot() -> CopilotOrganisation:
    """Return an organisation with April's bill: seats by the day, and credits."""
    organisation = CopilotOrganisation()
    for day in DAYS:
        assigned = sum(assigned for assigned, _ in _teams_on(day).values())
        months = (Decimal(assigned) / 30).quantize(Decimal("1e-9"))
        organisation.items += [
            billed(
                day, "Copilot Business", str(months), "UserMonths", str(months * PRICE)
            ),
            billed(day, "Copilot AI Credits", "300", "ai-credits", "3.00"),
        ]
        organisation.credits[day] = [credit("GPT-5", "2.10"), credit("Claude", "0.90")]
    return organisation


def ingested(root: Path, server: ScriptedServer, *marts: str) -> ChosenMarts:
    """Read the lists of three days into a workspace, and build marts."""
    organisation = copilot()
    organisation.install(server)
    (root / "triptych.yml").write_text(SOURCES.format(url=server.url), "utf-8")
    (root / "allocation.yml").write_text(ALLOCATION, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_COPILOT_TOKEN", COPILOT_TOKEN)
        for day in READ_ON:
            now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            patch.setattr(
                "ingest.sources.llm_providers.llm_provider._now", lambda now=now: now
            )
            organisation.seats = list(_seats_on(day))
            built = ingest_and_build(root, *(marts if day == READ_ON[-1] else ()))
    return built


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChosenMarts]:
    with ScriptedServer() as server:
        yield ingested(
            tmp_path_factory.mktemp("copilot"),
            server,
            *("cost.mart_assistant_seats", "cost.fct_daily_model_costs"),
        )


def _bill() -> Decimal:
    items = copilot().items
    seats = (item for item in items if item["unitType"] == "UserMonths")
    return sum((item["netAmount"] for item in seats), Decimal(0))


def test_seats_of_teams_sum_to_the_bill_and_idle_ones_have_their_days(
    marts: ChosenMarts,
) -> None:
    rows = marts.query(
        "SELECT * FROM cost.mart_assistant_seats ORDER BY seats"
    ).to_pylist()
    search, small = sorted(rows, key=lambda row: row["group_kind"], reverse=True)
    # Payments has three seats: it is shown together with support, eight on two days.
    assert (search["team_id"], small["team_id"]) == ("search", None)
    assert small["group_kind"] == "small_teams"
    assert (search["seats"], search["idle_seats"]) == (6, 2)
    assert small["seats"] == pytest.approx(16 / 3)
    assert small["idle_seats"] == pytest.approx(8 / 3)
    # 15 × 6 × 19 ÷ 30 and 15 × 14 × 19 ÷ 30 are 190, of months with nine decimals.
    assert _bill() == Decimal("190.0000000950")
    assert search["seat_billed_cost"] + small["seat_billed_cost"] == _bill()
    ten = Fraction(1, 10**10)
    for row, part, idle in ((search, (18, 34), (1, 3)), (small, (16, 34), (1, 2))):
        cost = Fraction(_bill()) * Fraction(*part)
        assert abs(Fraction(row["seat_effective_cost"]) - cost) <= ten
        assert abs(Fraction(row["idle_effective_cost"]) - cost * Fraction(*idle)) <= ten


def test_spend_on_an_assistant_is_the_cost_of_its_model(marts: ChosenMarts) -> None:
    [[spend]] = (
        marts.query(
            "SELECT sum(billed_cost) FROM cost.fct_daily_model_costs"
            " WHERE model_id = 'coding-assistant'"
        )
        .to_pydict()
        .values()
    )
    assert spend == _bill() + 30 * Decimal(3)
