"""For any spans, task costs sum to the ledger of metered models, to the last digit.

Task trees are drawn at random: attempts over two days and models, requests of tools and
evaluations, spans without a task, spans that come late, samples scaled to all, a second
meter of the same requests, and a vendor that counts more than the spans.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.task_cost_case import TaskCosts, cost, reading, span
from tests.layers import examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.dbt.dbt_commands import DbtCommands

    Rows = list[dict[str, Any]]

#: Each example runs the compiled SQL.
SLOW = settings(
    max_examples=examples(24),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
DAY = datetime(2026, 3, 1)  # noqa: DTZ001  (UTC throughout)
DAYS = (DAY, DAY + timedelta(days=1))
MODELS = ("a", "b", "unseen")
SPANS, LEDGER = "staging.stg_llm_usage", "cost.fct_daily_model_costs"
METERS, PRICES = "intermediate.int_model_readings", "cost.mart_model_unit_costs"

tokens = st.integers(0, 10_000)
requests = st.fixed_dictionaries(
    {
        "model_id": st.sampled_from(MODELS[:2]),
        "usage_date": st.sampled_from(DAYS),
        "agent": st.sampled_from([None, "triage", "writer"]),
        "task_step": st.sampled_from([None, None, "tool", "evaluation"]),
        "input_tokens": tokens,
        "cached_input_tokens": st.none() | st.integers(0, 100),
        "output_tokens": st.none() | tokens,
    }
)
#: Attempts of a task, each an outcome, the hours until it is declared, and requests.
attempts = st.tuples(
    st.sampled_from([None, "success", "failure", "closed"]),
    st.integers(0, 20),
    st.lists(requests, min_size=1, max_size=3),
)
tasks = st.lists(st.lists(attempts, min_size=1, max_size=3), max_size=4)
amounts = st.integers(-(10**9), 10**12).map(lambda units: Decimal(units).scaleb(-7))
charges = st.lists(
    st.fixed_dictionaries(
        {
            "model_id": st.sampled_from(MODELS),
            "charge_date": st.sampled_from((*DAYS, DAYS[1] + timedelta(days=5))),
            "component": st.sampled_from(["direct", "shared", "idle", "overhead"]),
            "feature_id": st.sampled_from([None, "chat"]),
            "billed_cost": amounts,
            "effective_cost": amounts,
        }
    ),
    min_size=1,
    max_size=8,
)
prices = st.none() | st.tuples(*(st.sampled_from([0.0, 0.15, 2.5, 10.0]),) * 2)
vendors = st.lists(
    st.tuples(st.sampled_from(MODELS[:2]), st.sampled_from(DAYS), tokens, tokens)
)


@pytest.fixture(scope="module")
def task_costs(dbt: DbtCommands) -> TaskCosts:
    return TaskCosts(dbt)


def _spans(trees: Iterable[Any], orphans: Iterable[Mapping[str, Any]]) -> Rows:
    """Return the rows of task trees, and of requests that no task is known of."""
    rows = [_request(request) for request in orphans]
    for task, tries in enumerate(trees):
        for number, (outcome, hours, many) in enumerate(tries):
            named = {"task_id": f"T-{task}", "attempt_id": str(number)}
            rows += [_request(request) | named for request in many]
            if outcome is not None:
                at = DAYS[1] + timedelta(hours=hours)
                late = {"requests": 0, "input_tokens": None, "output_tokens": None}
                rows.append(span("", at, **named, **late, task_outcome=outcome))
    return rows


def _request(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**span("", fields["usage_date"]), **fields}


def _case(
    trees: Any, orphans: Any, bill: Any, price: Any, counted: Any
) -> dict[str, Rows]:
    ledger = [cost("", row["charge_date"], 0) | row for row in bill]
    priced = [
        {
            "model_id": model,
            "currency": "EUR",
            "billing_month": "2026-03",
            "cost_per_million_input_tokens": price[0],
            "cost_per_million_output_tokens": price[1],
        }
        for model in MODELS[:2]
        if price
    ]
    meters = [
        reading(model, day, input_tokens=put, output_tokens=got)
        for model, day, put, got in counted
    ]
    spans = _spans(trees, orphans)
    return {SPANS: spans, LEDGER: ledger, PRICES: priced, METERS: meters}


def _sums(rows: Iterable[Mapping[str, Any]]) -> dict[Any, list[Decimal]]:
    """Return model and feature → sum of both bases; sums of nothing are left out."""
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in rows:
        key = row["model_id"], row["feature_id"]
        sums[key][0] += row["billed_cost"]
        sums[key][1] += row["effective_cost"]
    return dict(sums)


def _metered(case: Mapping[str, Rows]) -> set[str]:
    return {row["model_id"] for row in case[SPANS] if row["requests"]}


def _by_part(rows: Rows) -> dict[Any, Any]:
    return {
        (
            row["model_id"],
            row["feature_id"],
            row["agent"],
            row["cost_part"],
            row["attempt_outcome"],
        ): row
        for row in rows
    }


@SLOW
@given(tasks, st.lists(requests, max_size=3), charges, prices, vendors)
def test_parts_sum_to_the_ledger_of_metered_models_to_the_last_digit(
    task_costs: TaskCosts, trees: Any, orphans: Any, bill: Any, price: Any, counted: Any
) -> None:
    case = _case(trees, orphans, bill, price, counted)
    mart = task_costs.run(case)
    ledger = [row for row in case[LEDGER] if row["model_id"] in _metered(case)]
    assert _sums(mart) == _sums(ledger)


@SLOW
@given(tasks, st.lists(requests, max_size=3), charges, prices, vendors)
def test_a_second_meter_of_the_same_requests_moves_nothing(
    task_costs: TaskCosts, trees: Any, orphans: Any, bill: Any, price: Any, counted: Any
) -> None:
    case = _case(trees, orphans, bill, price, counted)
    once = task_costs.run(case)
    again = [row | {"source": "collector"} for row in case[SPANS]]
    assert _by_part(task_costs.run(case | {SPANS: case[SPANS] + again})) == _by_part(
        once
    )


@SLOW
@given(tasks, charges, prices)
def test_each_task_and_each_attempt_with_cost_counts_once(
    task_costs: TaskCosts, trees: Any, bill: Any, price: Any
) -> None:
    case = _case(trees, [], bill, price, [])
    mart = task_costs.run(case)
    charged = {
        (row["model_id"], row["charge_date"])
        for row in case[LEDGER]
        if row["component"] != "idle"
    }
    paid = {
        (row["task_id"], row["attempt_id"])
        for row in case[SPANS]
        if row["requests"] and (row["model_id"], row["usage_date"]) in charged
    }
    assert sum(row["attempt_count"] for row in mart) == len(paid)
    assert sum(row["task_count"] for row in mart) == len({task for task, _ in paid})


@SLOW
@given(tasks, charges, prices, st.integers(2, 9))
def test_an_even_sample_that_is_scaled_divides_as_all_spans_do(
    task_costs: TaskCosts, trees: Any, bill: Any, price: Any, factor: int
) -> None:
    case = _case(trees, [], bill, price, [])
    once = task_costs.run(case)
    counts = ("requests", "input_tokens", "cached_input_tokens", "output_tokens")
    scaled = [
        row | {name: row[name] * factor for name in counts if row.get(name) is not None}
        for row in case[SPANS]
    ]
    assert _by_part(task_costs.run(case | {SPANS: scaled})) == _by_part(once)


def test_the_bill_of_a_day_by_hand(task_costs: TaskCosts) -> None:
    """Divide 90 of a day: prices 2 and 10 per million of input and output tokens.

    T-1 fails with 100 in and 20 out: 100 × 2 + 20 × 10 = 400. Its second attempt, 100
    and 30, succeeds: 500. A tool of it weighs 100 × 2 = 200. T-2 succeeds at once with
    50 and 10: 200. An evaluation weighs 100, a request without a task 100. Spans weigh
    1,500 of the 3,000 that the vendor counts (1,000 × 2 + 100 × 10), so half of 90 is
    not metered and 45 are divided: 0.03 for each unit of weight. 7 are idle, and 5 of
    another day are not metered.
    """
    price = {
        "model_id": "a",
        "currency": "EUR",
        "billing_month": "2026-03",
        "cost_per_million_input_tokens": 2.0,
        "cost_per_million_output_tokens": 10.0,
    }
    first = {"agent": "triage", "task_id": "T-1", "attempt_id": "1"}
    second = first | {"attempt_id": "2"}
    other = first | {"task_id": "T-2"}

    def sent(fields: Mapping[str, object], put: int, got: int, **more: object) -> Any:
        return span("a", DAY, input_tokens=put, output_tokens=got, **fields, **more)

    spans = [
        sent(first, 100, 20, task_outcome="failure"),
        sent(second, 100, 30, task_outcome="success"),
        sent(second, 100, 0, task_step="tool", task_outcome="success"),
        sent(other, 50, 10, task_outcome="success"),
        sent(other, 50, 0, task_step="evaluation"),
        sent({"agent": "triage"}, 50, 0),
    ]
    ledger = [
        cost("a", DAY, Decimal(90)),
        cost("a", DAY, Decimal(7), component="idle"),
        cost("a", DAYS[1], Decimal(5)),
        cost("a", DAY, Decimal(19), component="tax", is_ai_cost=False),
        cost("b", DAY, Decimal(1000)),
    ]
    vendor = [reading("a", DAY, input_tokens=1000, output_tokens=100)]
    mart = task_costs.run(
        {SPANS: spans, LEDGER: ledger, METERS: vendor, PRICES: [price]}
    )
    found = {
        (row["cost_part"], row["attempt_outcome"]): (
            row["billed_cost"],
            row["attempt_count"],
            row["successful_task_count"],
        )
        for row in mart
    }
    assert found == {
        ("failure", "failure"): (12, 1, 0),
        ("retry", "success"): (15, 1, 1),
        ("tool", "success"): (6, 0, 0),
        ("success", "success"): (6, 1, 1),
        ("evaluation", "success"): (3, 0, 0),
        ("unknown", None): (3, 0, 0),
        ("idle", None): (7, 0, 0),
        ("not_metered", None): (50, 0, 0),
    }
    assert {row["model_id"] for row in mart} == {"a"}


def test_an_outcome_that_is_declared_late_is_of_the_last_attempt(
    task_costs: TaskCosts,
) -> None:
    first = {"task_id": "T-1", "attempt_id": "f" * 32}
    late = {"requests": 0, "task_id": "T-1", "attempt_id": "a" * 32}
    spans = [
        span("a", DAY, **first),
        span("a", DAYS[1], task_id="T-1", attempt_id="b" * 32),
        span("", DAYS[1] + timedelta(days=9), **late, task_outcome="success"),
    ]
    ledger = [cost("a", day, Decimal(10)) for day in DAYS]
    mart = task_costs.run({SPANS: spans, LEDGER: ledger})
    parts = {row["cost_part"]: row["attempt_outcome"] for row in mart}
    assert parts == {"unknown": None, "retry": "success"}
