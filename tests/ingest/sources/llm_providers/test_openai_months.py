"""Which months OpenAI is asked for, and when again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from ingest.connector import Window
from tests.ingest.servers.llm_bench import Bench, exact
from tests.ingest.servers.openai_bench import COMPLETIONS_PATH, COSTS_PATH, MAPPING

if TYPE_CHECKING:
    from tests.ingest.servers.loopback_llm_providers import OpenAiOrganisation


def test_a_month_is_asked_until_after_its_end_then_once_more_and_never_again(
    bench: Bench,
) -> None:
    def asked_at(*moment: int) -> list[str]:
        bench.server.requests.clear()
        bench.at(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type,misc]
        bench.ingest(usage=False)
        return bench.months_asked(COSTS_PATH)

    assert asked_at(2026, 2, 28, 23) == ["2026-01", "2026-02"]
    assert asked_at(2026, 2, 28, 23) == ["2026-02"]
    assert asked_at(2026, 3, 1, 1) == ["2026-02", "2026-03"]
    assert asked_at(2026, 3, 3, 23) == ["2026-02", "2026-03"]
    assert asked_at(2026, 3, 4, 0) == ["2026-02", "2026-03"]  # February, once more
    assert asked_at(2026, 3, 4, 1) == ["2026-03"]


def test_a_month_that_is_named_is_asked_again_whatever_its_age(bench: Bench) -> None:
    bench.ingest(usage=False)
    bench.server.requests.clear()
    report = bench.ingest(Window(date(2026, 1, 1), date(2026, 2, 1)), usage=False)
    assert bench.months_asked(COSTS_PATH) == ["2026-01"]
    assert report.committed == []


def test_a_restated_old_month_replaces_what_was_loaded(
    bench: Bench, organisation: OpenAiOrganisation
) -> None:
    bench.ingest(usage=False)
    organisation.costs[0]["value"] += 100
    bench.ingest(usage=False)
    bench.ingest(Window(date(2026, 1, 1), None), usage=False)
    found = bench.query("select sum(amount) from evidence.llm_provider_costs")
    assert found == [(exact([cost["value"] for cost in organisation.costs]),)]


def test_no_day_is_asked_before_the_start_or_after_today(bench: Bench) -> None:
    bench.ingest(usage=False)
    first, *_, last = sorted(
        bench.server.asked(COSTS_PATH), key=lambda request: request.query["start_time"]
    )
    assert first.one("start_time") == str(
        int(datetime(2026, 1, 20, tzinfo=UTC).timestamp())
    )
    assert last.one("end_time") == str(
        int(datetime(2026, 3, 16, tzinfo=UTC).timestamp())
    )


def test_without_a_start_twelve_months_are_asked(bench: Bench) -> None:
    connector = bench.case(start_date=None, usage=False).connector()
    months = [delivery.scope for delivery in connector.deliveries(Window())]
    assert months[0] == "2025-03"
    assert months[-1] == "2026-03"
    assert len(months) == 13


def test_without_usage_only_the_bill_is_delivered(bench: Bench) -> None:
    connector = bench.case(usage=False).connector()
    assert connector.streams() == ("llm_provider_costs",)
    bench.ingest(usage=False)
    assert bench.server.asked(COMPLETIONS_PATH) == []


def test_another_mapping_reads_every_month_again(bench: Bench) -> None:
    bench.ingest(usage=False)
    bench.ingest(usage=False, mapping=MAPPING)
    assert bench.months_asked(COSTS_PATH) == sorted(
        2 * ["2026-01", "2026-02", "2026-03"]
    )
