"""GitHub Copilot: an organisation's daily charges, and seats by team.

The bill is ``billing/usage``: a charge for each day and SKU, net of discounts, in US
dollars. Seats are billed by the day in ``UserMonths``. AI credits are one amount a day
there; ``ai_credit/usage`` has them by model. Its parts replace a day's amount only
where they sum to it exactly, so the money is always the bill's.

A seat's last activity needs telemetry in the editor, and GitHub forgets it after 90
days: a seat without one counts as idle. A person has one seat of an organisation. Use
by team and week is read where ``metrics`` asks for it.

Source: GitHub REST API 2022-11-28, pages *Billing usage* and *Copilot user management*
(docs.github.com/rest), read on 3 December 2026. Both are in public preview. Answers of
these reports are not paged; they reach back 24 months.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ingest.connector import Delivery
from ingest.http.pages import numbered_pages
from ingest.http.refusals import NotThereError
from ingest.source_kinds.calendar import midnight
from ingest.sources.llm_providers import llm_provider
from ingest.sources.llm_providers.coding_assistants import (
    ASSISTANT_USE,
    AssistantConfig,
    CodingAssistant,
    Seat,
    day_row,
    parse_moment,
)
from ingest.sources.llm_providers.github_copilot_use import UseReports, weeks
from ingest.sources.llm_providers.llm_provider import tags_of, yesterday
from ingest.sources.llm_providers.llm_results import Span, as_text, malformed
from ingest.storage.recorded_answers import RecordedAnswers
from triptych.core.errors import TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ingest.connector import Window
    from ingest.reading.text_rows import Row
    from ingest.sources.llm_providers.llm_pages import Client

_API_VERSION = "2022-11-28"
_SEATS_PER_PAGE = 100
_WEEK = timedelta(days=7)
#: A report may still change for so long after its day.
_REPORTED_AFTER = timedelta(days=7)
_FIRST_REPORT = date(2025, 10, 10)
_REPORTED_FOR = timedelta(days=365)
_CURRENCY = "USD"
_SEAT_UNITS = frozenset({"usermonths", "usermonth", "seats", "months", "month"})


class GithubCopilotConfig(AssistantConfig):
    """Options of a ``github_copilot`` source: an organisation's seats and charges."""

    organisation: str = Field(
        pattern=r"^[A-Za-z0-9-]+$", description="Organisation, as in its address."
    )
    base_url: str = Field(
        default="https://api.github.com", description="Address of the API."
    )
    metrics: bool = Field(
        default=False,
        description="Also read what seats are used for, by team and week.",
    )
    key_variable: str = Field(
        default="GITHUB_COPILOT_TOKEN",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the token.",
    )


class GithubCopilot(CodingAssistant[GithubCopilotConfig]):
    """Source of an organisation's GitHub Copilot."""

    type: ClassVar[str] = "github_copilot"
    title: ClassVar[str] = "GitHub Copilot"
    denied_advice: ClassVar[str] = (
        "Let {variable} hold a fine-grained token of an owner of the organisation, with"
        " the organisation permissions Administration (read) and GitHub Copilot"
        " Business (read); with metrics, Organization Copilot metrics (read), too."
    )

    def _headers(self, key: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {key}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": _API_VERSION,
        }

    def _organisation(self) -> str:
        return self._config.organisation

    def _monthly_streams(self) -> Sequence[str]:
        return self.streams()[:1]

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each month, the seats of today, and the weeks of use."""
        yield from super().deliveries(window)
        if not (self._config.usage and self._config.metrics) or self._recorded:
            return
        now = llm_provider._now()  # noqa: SLF001  (one clock for one base)
        start = max(_FIRST_REPORT, now.date() - _REPORTED_FOR)
        for week in weeks(max(start, self._config.start_date or start), now.date()):
            if not window.overlaps_month(f"{week:%Y-%m}"):
                continue
            is_open = now.date() < week + _WEEK + _REPORTED_AFTER
            state = now.isoformat() if is_open else "settled"
            yield Delivery(
                stream=ASSISTANT_USE,
                scope=f"week {week}",
                period=f"{week:%Y-%m}",
                fingerprint=f"{state} {self._digest(midnight(week))}",
                label=f"{self.title} use in the week of {week}",
                detail=Span(midnight(week), midnight(min(week + _WEEK, now.date()))),
            )

    def _usage_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        """Yield the use of each team in a week."""
        assert not isinstance(client, RecordedAnswers)  # noqa: S101  (not recorded)
        reports = UseReports(
            client,
            f"/orgs/{self._organisation()}/copilot/metrics/reports",
            self._where,
            self._config.timeout_seconds,
        )
        first = asked.start.date()
        days = [
            first + timedelta(days=n) for n in range((asked.end - asked.start).days)
        ]
        for team, counts in reports.of_week(days, self._teams.team_of):
            yield {**self._use_of(first.isoformat(), team or ""), **counts}

    def _recorded_days(self, recorded: RecordedAnswers) -> Iterator[Span]:
        for answer in recorded.bodies(self._report("usage")):
            for item in self._items(answer):
                day = self._day(item)
                yield Span(day, day + timedelta(days=1))

    def _cost_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        for day, items in sorted(self._billed(client, asked).items()):
            credited = [item for item in items if _is_credit(item)]
            parts = self._by_model(client, day, credited) if credited else None
            rest = [item for item in items if parts is None or not _is_credit(item)]
            for item in (*rest, *(parts or ())):
                yield self._cost_row(day, item)

    def _billed(
        self, client: Client, asked: Span
    ) -> dict[datetime, list[dict[str, Any]]]:
        """Return the charges for Copilot, by day."""
        days: dict[datetime, list[dict[str, Any]]] = defaultdict(list)
        month = {"year": asked.start.year, "month": asked.start.month}
        path = self._report("usage")
        answers = (
            client.bodies(path)
            if isinstance(client, RecordedAnswers)
            else [client.get_json(path, params=month)]
        )
        for answer in answers:
            for item in self._items(answer):
                day = self._day(item)
                if _is_copilot(item) and asked.start <= day < asked.end:
                    days[day].append(item)
        return days

    def _by_model(
        self, client: Client, day: datetime, billed: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]] | None:
        """Return a day's AI credits by model, if they sum to the bill's amount."""
        if isinstance(client, RecordedAnswers):
            return None
        asked = {"year": day.year, "month": day.month, "day": day.day}
        try:
            answer = client.get_json(self._report("ai_credit/usage"), params=asked)
        except NotThereError:
            return None
        parts = [item for item in self._items(answer) if _is_copilot(item)]
        total = _net(billed)
        return parts if total is not None and _net(parts) == total else None

    def _cost_row(self, day: datetime, item: dict[str, Any]) -> Row:
        sku, model = as_text(item.get("sku")), as_text(item.get("model"))
        organisation = as_text(item.get("organizationName")) or self._organisation()
        labels = {
            "project_id": organisation,
            "line_item": sku,
            "cost_type": "seat" if _unit(item) in _SEAT_UNITS else "usage",
            "provider_model": model,
        }
        quantity = item.get("quantity", item.get("netQuantity"))
        return {
            **day_row(day),
            **labels,
            "provider": self.type,
            "amount": as_text(item.get("netAmount")),
            "currency": _CURRENCY,
            "project_name": organisation,
            "description": f"{sku}, {model}" if model else sku,
            "quantity": as_text(quantity),
            "quantity_unit": as_text(item.get("unitType")),
            "tags": tags_of(self._target(labels)),
        }

    def _seats(self, client: Client) -> list[Seat]:
        assert not isinstance(client, RecordedAnswers)  # noqa: S101  (not recorded)
        path = f"/orgs/{self._organisation()}/copilot/billing/seats"
        seats: dict[str, Seat] = {}
        total = 0
        for page in numbered_pages(
            lambda number: client.get_json(
                path, params={"page": number, "per_page": _SEATS_PER_PAGE}
            ),
            items=lambda page: page["seats"],
            is_last=lambda page, number: (
                number * _SEATS_PER_PAGE >= int(page["total_seats"])
            ),
            source=self._where,
        ):
            total = int(page["total_seats"])
            for item in page["seats"]:
                seat = self._seat(item)
                seats[seat.person] = seat
        if len(seats) != total:
            raise TransientSourceError(
                f"GitHub announces {total} seats and lists {len(seats)}.",
                where=self._where,
                next_step="Run again; nothing of this answer was loaded.",
            )
        return list(seats.values())

    def _seat(self, item: Any) -> Seat:  # noqa: ANN401
        """Read a seat; no message has anything of it, for it names a person."""
        try:
            return Seat(
                person=str(item["assignee"]["login"]),
                team_id=(item.get("assigning_team") or {}).get("slug"),
                plan=item.get("plan_type"),
                last_active=parse_moment(item.get("last_activity_at")),
                is_ending=bool(item.get("pending_cancellation_date")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise malformed("a seat differs", self._where) from None

    def _probes(self) -> Sequence[Callable[[Client], str]]:
        config = self._config
        return (
            self._probe_bill,
            *((self._probe_seats,) if config.usage else ()),
            *((self._probe_use,) if config.usage and config.metrics else ()),
        )

    def _probe_bill(self, client: Client) -> str:
        list(self._billed(client, yesterday()))
        return "GitHub Copilot's charges can be read. They are net of discounts."

    def _probe_seats(self, client: Client) -> str:
        return f"GitHub Copilot lists {len(self._seats(client))} seats."

    def _probe_use(self, client: Client) -> str:
        list(self._usage_rows(client, yesterday()))
        return "GitHub Copilot's reports of use can be read."

    def _report(self, name: str) -> str:
        return f"/organizations/{self._organisation()}/settings/billing/{name}"

    def _items(self, answer: Any) -> Iterable[dict[str, Any]]:  # noqa: ANN401
        items = answer.get("usageItems") if isinstance(answer, dict) else None
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            raise malformed("it has no list 'usageItems'", self._where)
        return items

    def _day(self, item: dict[str, Any]) -> datetime:
        try:
            moment = parse_moment(item.get("date"))
        except ValueError:
            moment = None
        if moment is None:
            raise malformed("a charge has no date", self._where)
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _is_copilot(item: dict[str, Any]) -> bool:
    return _plain(item.get("product")).startswith("copilot")


def _is_credit(item: dict[str, Any]) -> bool:
    return _unit(item) == "aicredits"


def _unit(item: dict[str, Any]) -> str:
    return _plain(item.get("unitType"))


def _plain(value: object) -> str:
    """Return letters in lower case: GitHub writes UserMonths and user-months."""
    return "".join(letter for letter in str(value).lower() if letter.isalpha())


def _net(items: Iterable[dict[str, Any]]) -> Decimal | None:
    """Return the sum of amounts [USD]; ``None`` where an amount is no number."""
    amounts = [item.get("netAmount") for item in items]
    if not all(
        isinstance(amount, (int, Decimal)) and not isinstance(amount, bool)
        for amount in amounts
    ):
        return None
    return sum((Decimal(amount or 0) for amount in amounts), Decimal(0))
