"""GitHub's Copilot seats and billing reports on loopback, as GitHub documents them.

Forms: REST API 2022-11-28, *Billing usage*, *Copilot user management* and *Copilot
usage metrics*. Seats are paged by number, reports of use are files of JSON lines behind
signed links. All values and names are made up.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = "madeup-signature-of-a-link"
COPILOT_TOKEN = "github_pat_madeup0123456789abcdefghij"
ORGANISATION = "acme"
SEAT_PRICE = Decimal(19)
Record = dict[str, Any]


@dataclass
class CopilotOrganisation:
    """An organisation: billed items, credits by model, and seats.

    Attributes
    ----------
    items : list of dict
        Items of ``billing/usage``; other products among them.
    credits : dict of date to list of dict
        Items of ``ai_credit/usage``.
    seats : list of dict
        Seats, in the order of the list.
    used, teams : dict of date to list of dict
        Lines of the reports of users and of teams.
    """

    items: list[Record] = field(default_factory=list)
    credits: dict[date, list[Record]] = field(default_factory=lambda: defaultdict(list))
    seats: list[Record] = field(default_factory=list)
    used: dict[date, list[Record]] = field(default_factory=dict)
    teams: dict[date, list[Record]] = field(default_factory=dict)

    def install(self, server: ScriptedServer) -> None:
        """Answer the routes of the vendor."""
        billing = f"/organizations/{ORGANISATION}/settings/billing"
        server.route("GET", f"{billing}/usage", self._usage)
        server.route("GET", f"{billing}/ai_credit/usage", self._credit_usage)
        server.route(
            "GET", f"/orgs/{ORGANISATION}/copilot/billing/seats", self._seat_page
        )
        reports = f"/orgs/{ORGANISATION}/copilot/metrics/reports"
        for name, days in (("users", self.used), ("user-teams", self.teams)):
            route = partial(self._report, server, name, days)
            server.route("GET", f"{reports}/{name}-1-day", route)
            for half in (1, 2):
                file = partial(self._file, days, half)
                server.route("GET", f"/files/{name}-{half}.ndjson", file)

    def money(self) -> Decimal:
        """Return all that is billed for Copilot."""
        return sum(
            (item["netAmount"] for item in self.items if item["product"] == "copilot"),
            Decimal(0),
        )

    def _usage(self, request: Request) -> Answer:
        _assert_headers(request)
        month = f"{request.one('year')}-{int(request.one('month') or 0):02}"
        return Answer(
            {"usageItems": [i for i in self.items if i["date"].startswith(month)]}
        )

    def _credit_usage(self, request: Request) -> Answer:
        _assert_headers(request)
        year, month, day = (int(request.one(n) or 0) for n in ("year", "month", "day"))
        period = {"year": year, "month": month, "day": day}
        items = self.credits[date(year, month, day)]
        return Answer(
            {"timePeriod": period, "organization": ORGANISATION, "usageItems": items}
        )

    def _report(
        self,
        server: ScriptedServer,
        name: str,
        days: dict[date, list[Record]],
        request: Request,
    ) -> Answer:
        """Answer with two signed links, or with 404 for a day without a report."""
        _assert_headers(request)
        day = request.one("day") or ""
        if date.fromisoformat(day) not in days:
            return Answer({"message": "Not Found"}, 404)
        signed = f"day={day}&sig={SIGNATURE}"
        files = (f"/files/{name}-{half}.ndjson?{signed}" for half in (1, 2))
        links = [f"{server.url}{file}" for file in files]
        return Answer({"download_links": links, "report_day": day})

    def _file(
        self, days: dict[date, list[Record]], half: int, request: Request
    ) -> Answer:
        """Answer with every second line, to whoever has the link and no token."""
        assert request.one("sig") == SIGNATURE
        assert "authorization" not in request.headers
        rows = days[date.fromisoformat(request.one("day") or "")][half - 1 :: 2]
        return Answer("\n".join(json.dumps(row) for row in rows).encode())

    def _seat_page(self, request: Request) -> Answer:
        _assert_headers(request)
        size = int(request.one("per_page") or 50)
        start = (int(request.one("page") or 1) - 1) * size
        page = self.seats[start : start + size]
        return Answer({"total_seats": len(self.seats), "seats": page})


def _assert_headers(request: Request) -> None:
    assert request.headers["authorization"] == f"Bearer {COPILOT_TOKEN}"
    assert request.headers["x-github-api-version"] == "2022-11-28"


def seat(
    login: str, team: str | None, last_active: datetime | None, *, ends: str | None
) -> Record:
    """Return a seat as GitHub lists it."""
    moment = None if last_active is None else f"{last_active:%Y-%m-%dT%H:%M:%S}+01:00"
    return {
        "created_at": "2025-08-03T18:00:00-06:00",
        "updated_at": "2025-09-23T15:00:00-06:00",
        "pending_cancellation_date": ends,
        "last_activity_at": moment,
        "last_activity_editor": "vscode/1.77.3/copilot/1.86.82",
        "plan_type": "business",
        "assignee": {"login": login, "id": len(login), "type": "User"},
        "assigning_team": None if team is None else {"name": team, "slug": team},
    }


def used(
    day: date, number: int, counts: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> Record:
    """Return a line of the report of users: what a person did on a day."""
    prompts, suggestions, acceptances, lines = counts
    return {
        "user_id": number,
        "user_login": f"person-{number:03d}-madeup",
        "day": f"{day}",
        "organization_id": "999",
        "enterprise_id": "13213",
        "user_initiated_interaction_count": prompts,
        "code_generation_activity_count": suggestions,
        "code_acceptance_activity_count": acceptances,
        "loc_suggested_to_add_sum": lines + 1,
        "loc_added_sum": lines,
        "used_chat": prompts > 0,
        "used_agent": False,
    }


def in_team(day: date, number: int, slug: str) -> Record:
    """Return a line of the report of teams: a person who was in one on a day."""
    return {
        "user_id": number,
        "user_login": f"person-{number:03d}-madeup",
        "day": f"{day}",
        "organization_id": "999",
        "team_id": len(slug),
        "slug": slug,
    }


def billed(day: date, sku: str, quantity: str, unit: str, net: str) -> Record:
    """Return an item of ``billing/usage``."""
    return {
        "date": f"{day}T01:34:34Z",
        "product": "copilot",
        "sku": sku,
        "quantity": Decimal(quantity),
        "unitType": unit,
        "pricePerUnit": SEAT_PRICE,
        "grossAmount": Decimal(net) + 1,
        "discountAmount": Decimal(1),
        "netAmount": Decimal(net),
        "organizationName": ORGANISATION,
        "repositoryName": "",
    }


def credit(model: str, net: str) -> Record:
    """Return an item of ``ai_credit/usage``."""
    return {
        "product": "Copilot AI Credits",
        "sku": "AI Credit",
        "model": model,
        "unitType": "ai-credits",
        "pricePerUnit": Decimal("0.01"),
        "grossQuantity": Decimal(net) * 100,
        "grossAmount": Decimal(net),
        "discountQuantity": 0,
        "discountAmount": 0,
        "netQuantity": Decimal(net) * 100,
        "netAmount": Decimal(net),
    }


#: Team → seats assigned, and of them used in 28 days. Payments is smaller than five.
PLANTED = {"search": (120, 90), "support": (6, 2), "payments": (3, 3)}


def sample_copilot(start: date, end: date, now: datetime) -> CopilotOrganisation:
    """Return an organisation with a bill on every day of a range."""
    organisation = CopilotOrganisation(seats=list(_seats(now)))
    day = start
    while day < end:
        organisation.items += [
            billed(
                day, "Copilot Business", "4.249999995", "UserMonths", "80.749999905"
            ),
            billed(day, "Copilot AI Credits", "300", "ai-credits", "3.00"),
            {
                **billed(day, "Actions Linux", "3", "Minutes", "0.018"),
                "product": "actions",
            },
        ]
        organisation.credits[day] = [credit("GPT-5", "2.10"), credit("Claude", "0.90")]
        day += timedelta(days=1)
    return organisation


def _seats(now: datetime) -> Iterator[Record]:
    number = 0
    for team, (assigned, active) in PLANTED.items():
        for place in range(assigned):
            number += 1
            ago = timedelta(days=3 if place < active else 40)
            # The idle half of a team never used it, and GitHub says null.
            used = (
                None if place >= active and place % 2 else (now - ago).astimezone(UTC)
            )
            ends = "2026-04-01" if place == assigned - 1 else None
            yield seat(f"person-{number:03d}-madeup", team, used, ends=ends)
