"""The daily activity of a LiteLLM proxy, in the forms of its versions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ingest.http.client import HttpClient
from ingest.sources.llm_gateways.gateway_usage import UnreadableError
from ingest.sources.llm_gateways.litellm_activity import DayOfActivity, daily_activity
from ingest.sources.llm_gateways.litellm_lines import (
    LineReader,
    refused_day,
    whole_input,
)
from tests.ingest.servers.http_server import Answer, ScriptedServer
from triptych.core.errors import MalformedDeliveryError

PATH = "/user/daily/activity"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)


def activity(server: ScriptedServer, *pages: dict[str, Any]) -> list[DayOfActivity]:
    server.route("GET", PATH, lambda r: Answer(pages[int(str(r.one("page"))) - 1]))
    with HttpClient(base_url=server.url, source="x", attempts=1) as client:
        return daily_activity(client, PATH, FIRST, LAST, source="x")


def page(
    day: str, figures: dict[str, Any], models: dict[str, Any], **metadata: Any
) -> dict[str, Any]:
    breakdown = {"models": models, "providers": {"openai": {}, "anthropic": {}}}
    result = {"date": day, "metrics": figures, "breakdown": breakdown}
    return {"results": [result], "metadata": metadata}


def test_a_day_on_two_pages_is_one_whose_figures_are_added(
    server: ScriptedServer,
) -> None:
    figures = {"spend": Decimal("0.5"), "prompt_tokens": 10, "api_requests": 1}
    of_key = {"k": {"metrics": figures, "metadata": {"team_id": "t"}}}
    models = {"gpt-4o": {"metrics": figures, "api_key_breakdown": of_key}}
    more = figures | {"prompt_tokens": 5}
    others = {
        "gpt-4o": {"api_key_breakdown": {"k": {"metrics": more}}},
        # Older versions have the figures at once, and no keys.
        "anthropic/claude-3": {"prompt_tokens": 7, "api_requests": 2},
    }
    [day] = activity(
        server,
        page("2026-03-01", figures, models, has_more=True),
        page("2026-03-01", more, others, has_more=False),
    )
    assert day.date == FIRST
    lines = [(each["model"], each["api_key"]) for each in day.lines]
    assert lines == [("anthropic/claude-3", None), ("gpt-4o", "k")]
    claude, gpt = (LineReader().of_day(line) for line in day.lines)
    assert (gpt.input_tokens, gpt.requests, gpt.cost) == (15, 2, Decimal(1))
    assert (gpt.origin.provider, gpt.origin.project_id) == ("openai", "t")
    assert (claude.input_tokens, claude.origin.provider) == (7, "anthropic")
    assert claude.cache_read_tokens is None


def test_a_figure_that_is_no_number_is_kept_for_the_quarantine(
    server: ScriptedServer,
) -> None:
    models = {"gpt-4o": {"metrics": {"prompt_tokens": "many", "api_requests": 3}}}
    [day] = activity(server, page("2026-03-02", {}, models, total_pages=1))
    [line] = day.lines
    with pytest.raises(UnreadableError, match="prompt_tokens"):
        LineReader().of_day(line)
    kept = refused_day(line)
    assert kept["input_tokens"] == "many"
    assert kept["requests"] == "3"
    assert kept["period_start"] == "2026-03-02"


def test_a_day_changes_its_fingerprint_with_its_figures_and_not_their_writing(
    server: ScriptedServer,
) -> None:
    def fingerprint(spend: Any) -> str:
        figures = {"spend": spend, "api_requests": 1}
        [day] = activity(server, page("2026-03-01", figures, {}, has_more=False))
        return day.fingerprint

    assert fingerprint(Decimal("1.50")) == fingerprint(Decimal("1.5"))
    assert fingerprint(Decimal("1.5")) != fingerprint(Decimal("1.6"))


def test_an_unknown_form_is_refused_and_an_empty_range_asks_nothing(
    server: ScriptedServer,
) -> None:
    with pytest.raises(
        MalformedDeliveryError, match="Unexpected response format of the daily activity"
    ):
        activity(server, page("Jan 22", {}, {}, has_more=False))
    with HttpClient(base_url=server.url, source="x") as client:
        assert daily_activity(client, PATH, LAST, FIRST, source="x") == []


@pytest.mark.parametrize(
    ("prompt", "read", "write", "stated_beyond", "whole"),
    [
        (1000, 0, 0, None, 1000),
        (1000, 800, 100, None, 1000),  # everything may be inside
        (1000, 800, 300, None, 1300),  # the writes cannot be inside as well
        (88, 120_269, 21_002, None, 141_359),  # neither can
        (120_357, 120_269, 21_002, 0, 141_359),  # reads inside, writes not
        (1000, 800, 100, 900, 1900),  # the stated total says so
        (1000, 800, 100, 800, 1800),
        (1000, 800, 100, 7, 1000),  # a total that fits no part says nothing
    ],
)
def test_the_whole_input_is_what_the_line_proves(
    prompt: int, read: int, write: int, stated_beyond: int | None, whole: int
) -> None:
    assert whole_input(prompt, read, write, stated_beyond=stated_beyond) == whole
