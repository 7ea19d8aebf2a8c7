"""The recorded answers, read with the standard library alone and added up again.

Nothing here uses a connector: amounts are worked out from quantities, prices and
invoices in fractions, and rates from the ECB's file.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from ingest.sample_company.exchange import publication_days
from ingest.sample_company.timeline import plan_timeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTES = Fraction(43_200)


def bodies(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("*.json.gz")):
        yield json.loads(gzip.decompress(path.read_bytes()), parse_float=Decimal)


def exchanges(company: Path, operation: str) -> Iterator[dict[str, Any]]:
    for path in sorted((company / "bills" / "railway").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            exchange = json.loads(line, parse_float=Decimal)
            if exchange["operationName"] == operation:
                yield exchange


def billed_dollars(truth: dict[str, Any], source: str) -> dict[str, Decimal]:
    return {
        month: Decimal(by_currency["USD"]["billed_cost"])
        for month, by_currency in truth["ledger"][source].items()
    }


def test_openai_costs_add_up_to_the_planted_ledger(
    company: Path, truth: dict[str, Any]
) -> None:
    found: dict[str, Decimal] = defaultdict(Decimal)
    unreadable = []
    for body in bodies(company / "bills/openai/v1/organization/costs"):
        for bucket in body["data"]:
            month = f"{datetime.fromtimestamp(bucket['start_time'], UTC):%Y-%m}"
            for result in bucket["results"]:
                value = result["amount"]["value"]
                if isinstance(value, str):
                    unreadable.append(value)
                else:
                    found[month] += value
    assert found == billed_dollars(truth, "openai")
    assert unreadable == ["see invoice"]


def test_anthropic_costs_are_cents_and_add_up_to_the_planted_ledger(
    company: Path, truth: dict[str, Any]
) -> None:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for body in bodies(company / "bills/anthropic/v1/organizations/cost_report"):
        for bucket in body["data"]:
            for result in bucket["results"]:
                if result["amount"] != "pending":
                    cents = Decimal(result["amount"])
                    found[bucket["starting_at"][:7]] += cents / 100
    assert found == billed_dollars(truth, "anthropic")


def price(measurement: str, day: str) -> Fraction:
    """Return dollars for a minute, or a gigabyte sent, as Railway documents them."""
    if measurement == "NETWORK_TX_GB":
        return Fraction(1, 20)
    disk = Fraction("0.15") if day >= "2026-08-01" else Fraction("0.25")
    whole = {"CPU_USAGE": Fraction(20), "MEMORY_USAGE_GB": Fraction(10)}
    return whole.get(measurement, disk) / MINUTES


def railway_estimates(company: Path) -> dict[str, Fraction]:
    found: dict[str, Fraction] = defaultdict(Fraction)
    for exchange in exchanges(company, "Usage"):
        if len(exchange["variables"]["measurements"]) == 1:
            continue  # asked only for what ran in a week
        day = exchange["variables"]["startDate"][:10]
        for one in exchange["answer"]["data"]["usage"]:
            quantity = Fraction(one["value"])
            if quantity >= 0:
                found[day[:7]] += quantity * price(one["measurement"], day)
    return found


def test_railway_invoices_settle_the_usage_and_the_last_month_stays_estimated(
    company: Path, truth: dict[str, Any]
) -> None:
    [account] = exchanges(company, "Workspace")
    customer = account["answer"]["data"]["workspace"]["customer"]
    estimates = railway_estimates(company)
    ledger = truth["ledger"]["railway"]
    invoices = {one["periodStart"][:7]: one for one in customer["invoices"]}
    assert set(estimates) == set(ledger) == {*invoices, "2026-10"}
    for month, invoice in invoices.items():
        items = sum(
            Fraction(item["priceDollars"]) * item["quantity"]
            for item in invoice["items"]
        )
        assert items * 100 == invoice["total"]
        # What is paid, after credit, is the whole month.
        assert Decimal(ledger[month]["USD"]["billed_cost"]) == invoice["amountDue"]
        usage = Fraction(invoice["items"][-1]["priceDollars"])
        # The factor has two decimals and the estimate whole dollars, so nothing rounds.
        assert (usage / estimates[month] * 100).denominator == 1
        assert estimates[month].denominator == 1
    lowered = [i for i in invoices.values() if i["amountDue"] * 100 != i["total"]]
    assert len(lowered) == 1
    last = ledger["2026-10"]["USD"]
    assert Decimal(last["billed_cost"]) == 0
    assert Fraction(last["effective_cost"]) == estimates["2026-10"]


def test_deployments_end_in_several_states_and_one_is_a_rollback(
    company: Path,
) -> None:
    nodes = [
        edge["node"]
        for exchange in exchanges(company, "Deployments")
        for edge in exchange["answer"]["data"]["deployments"]["edges"]
    ]
    assert len(nodes) > 100
    states = {node["status"] for node in nodes}
    assert states == {"SUCCESS", "REMOVED", "FAILED", "CRASHED"}
    assert any(node["meta"]["reason"] == "rollback" for node in nodes)


def test_the_rate_of_a_month_is_one_by_the_average_of_the_ecbs_quotations(
    company: Path, truth: dict[str, Any]
) -> None:
    """OpenAI's direct cost in October, converted here by day and kind of token."""
    with (company / "meters/ecb/eurofxref-hist.csv").open(encoding="utf-8") as file:
        quotes = [
            Decimal(row["USD"])
            for row in csv.DictReader(file)
            if row["Date"].startswith("2026-10")
        ]
    assert len(quotes) == 22
    rate = round(Decimal(len(quotes)) / sum(quotes), 12)
    parts: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    folder = company / "bills/openai/v1/organization/costs"
    for body in bodies(folder):
        for bucket in body["data"]:
            month = f"{datetime.fromtimestamp(bucket['start_time'], UTC):%Y-%m}"
            for result in bucket["results"]:
                value = result["amount"]["value"]
                is_direct = result["project_id"] == "proj_research"
                if month == "2026-10" and is_direct and not isinstance(value, str):
                    parts[bucket["start_time"], result["line_item"]] += value
    euros = sum(round(part * rate, 10) for part in parts.values())
    planted = truth["components"]["openai"]["2026-10"]["direct"]
    assert euros == Decimal(planted["effective_cost"])


@pytest.mark.parametrize(
    ("month", "count"), [("2024-12", 20), ("2025-04", 20), ("2026-04", 20)]
)
def test_the_ecb_publishes_on_days_on_which_target_is_open(
    month: str, count: int
) -> None:
    """Christmas, and Good Friday to Easter Monday, are closed."""
    months = {one.label: one for one in plan_timeline(36).months}
    assert len(publication_days(months[month])) == count


def test_the_slices_of_the_gpu_are_never_more_than_seven(company: Path) -> None:
    hours = 0
    for body in bodies(company / "meters/opencost"):
        for step in body["data"]:
            held = sum(
                int(entry["gpuAllocation"]["migProfile"][0])
                for entry in step.values()
                if entry.get("gpuAllocation") and entry["gpuHours"] > 0
            )
            assert 1 <= held <= 7
            hours += 1
    assert hours == 365 * 24


def test_vector_queries_survive_restarts_of_their_counter(
    company: Path, truth: dict[str, Any]
) -> None:
    """Increases of both apps over the whole time are the weights of the pool."""
    points: dict[str, dict[int, int]] = defaultdict(dict)
    for body in bodies(company / "meters/prometheus"):
        for series in body["data"]["result"]:
            for moment, value in series["values"]:
                points[series["metric"]["app"]][moment] = int(value)
    restarts = 0
    for app in ("care-assistant", "invoice-reader"):
        values = [value for _, value in sorted(points[app].items())]
        total = 0
        for before, after in pairwise(values):
            restarts += after < before
            total += after - before if after >= before else after
        months = truth["pools"]["vector-database"]["months"].values()
        planted = sum(Decimal(part["models"][app]["weight"]) for part in months)
        assert total == planted
    assert restarts > 10
