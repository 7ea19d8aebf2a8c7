"""What OpenAI tells of a whole organisation, its charges and its usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.sources.llm_providers.openai import USAGE_KINDS
from tests.ingest.servers.http_server import ScriptedServer
from tests.ingest.servers.llm_bench import Bench, exact
from tests.ingest.servers.openai_bench import MAPPING, openai_bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ingest.servers.loopback_llm_providers import OpenAiOrganisation


@pytest.fixture(scope="module")
def whole(
    sample: OpenAiOrganisation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Return the bench with all of the organisation ingested, which no test changes."""
    with ScriptedServer() as server, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("whole")
        bench = openai_bench(server, sample.copy(), folder, patch)
        bench.ingest(mapping=MAPPING)
        yield bench


def test_costs_are_dollars_to_the_last_digit_by_month_and_project(
    whole: Bench, sample: OpenAiOrganisation
) -> None:
    found = whole.query(
        "select strftime(period_start, '%Y-%m'), project_id, currency, sum(amount)"
        " from evidence.llm_provider_costs group by all order by all"
    )
    expected = []
    for month in ("2026-01", "2026-02", "2026-03"):
        for project in ("proj_search", "proj_support"):
            amounts = [
                cost["value"]
                for cost in sample.costs
                if f"{cost['day']:%Y-%m}" == month and cost["project_id"] == project
            ]
            expected.append((month, project, "USD", exact(amounts)))
    assert found == expected


def test_usage_is_told_by_project_key_and_model_with_its_tokens(
    whole: Bench, sample: OpenAiOrganisation
) -> None:
    found = whole.query(
        "select project_id, api_key_id, provider_model, sum(requests),"
        " sum(uncached_input_tokens), sum(cached_input_tokens),"
        " sum(cache_write_input_tokens), sum(input_tokens), sum(output_tokens)"
        " from evidence.llm_usage where usage_kind = 'completions'"
        " group by all order by all"
    )
    expected: dict[tuple[str, ...], list[int]] = {}
    fields = (
        "num_model_requests",
        "input_uncached_tokens",
        "input_cached_tokens",
        "input_cache_write_tokens",
        "input_tokens",
        "output_tokens",
    )
    for record in sample.usage["completions"]:
        key = (record["project_id"], record["api_key_id"], record["model"])
        sums = expected.setdefault(key, [0] * len(fields))
        for position, name in enumerate(fields):
            sums[position] += record[name]
    assert found == [(*key, *sums) for key, sums in sorted(expected.items())]


def test_the_input_is_the_sum_of_its_parts_on_every_row(whole: Bench) -> None:
    broken = whole.query(
        "select count(*) filter (input_tokens = uncached_input_tokens"
        " + coalesce(cached_input_tokens, 0) + coalesce(cache_write_input_tokens, 0)),"
        " count(*) filter (input_tokens is not null)"
        " from evidence.llm_usage"
    )
    [(good, all_)] = broken
    assert good == all_ == 275  # 55 days of four keys and of embeddings


def test_tokens_that_do_not_add_up_go_to_quarantine(
    bench: Bench, organisation: OpenAiOrganisation
) -> None:
    organisation.usage["completions"][-1]["input_tokens"] += 1
    bench.ingest()
    assert bench.query(
        "select reason, count(*) from catalogue.quarantine group by 1"
    ) == [("tokens_do_not_add_up", 1)]


def test_an_answer_without_uncached_tokens_is_completed(
    bench: Bench, organisation: OpenAiOrganisation
) -> None:
    for record in organisation.usage["completions"]:
        del record["input_uncached_tokens"]
    rows = bench.rows("llm_usage", usage_kinds=["completions"])
    expected = sum(
        record["input_tokens"]
        - record["input_cached_tokens"]
        - record["input_cache_write_tokens"]
        for record in organisation.usage["completions"]
    )
    assert sum(int(row["uncached_input_tokens"]) for row in rows) == expected


def test_tokens_of_batches_have_a_tier_of_their_own(
    bench: Bench, organisation: OpenAiOrganisation
) -> None:
    records = organisation.usage["completions"]
    served = {True: "batch", False: "standard", None: None}
    for number, record in enumerate(records):
        record["batch"] = (True, False, None)[number % 3]
    rows = bench.rows("llm_usage", usage_kinds=["completions"])
    for is_batch, tier in served.items():
        expected = sum(r["output_tokens"] for r in records if r["batch"] is is_batch)
        of_tier = [row for row in rows if row["service_tier"] == tier]
        assert sum(int(row["output_tokens"]) for row in of_tier) == expected > 0


def test_calls_are_quantities_and_no_second_count_of_requests(bench: Bench) -> None:
    rows = bench.rows("llm_usage", usage_kinds=["web_search_calls"])
    assert {
        (row["requests"], row["quantity"], row["quantity_unit"]) for row in rows
    } == {(None, "9", "calls")}


def test_every_usage_report_is_asked_with_its_own_dimensions(whole: Bench) -> None:
    for kind in USAGE_KINDS.values():
        first = whole.server.asked(f"/v1/organization/usage/{kind.name}")[0]
        assert tuple(first.query["group_by"]) == kind.dimensions


def test_rules_give_usage_a_model_or_a_pool_and_charges_their_tags(
    whole: Bench,
) -> None:
    usage = whole.query(
        "select distinct api_key_id, model_id, pool_id from evidence.llm_usage"
        " where usage_kind = 'completions' order by all"
    )
    assert usage == [
        ("key_search_prod", "search-ranker", None),
        ("key_search_test", "search-ranker", None),
        ("key_support_prod", None, "support-key"),
        ("key_support_test", None, None),
    ]
    tags = whole.query(
        "select distinct api_key_id, tags from evidence.llm_provider_costs order by all"
    )
    assert tags == [
        ("key_search_prod", {"model": "search-ranker"}),
        ("key_search_test", {"model": "search-ranker"}),
        ("key_support_prod", {"pool": "support-key"}),
        ("key_support_test", None),
        (None, {"model": "search-ranker"}),
    ]
