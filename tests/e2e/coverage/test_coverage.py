"""No money counts twice in silence: a matrix of repeats, and of what only looks alike.

The cases were written before the method that finds repeats, and their hash with them.
Their true totals are sums of planned charges (``coverage_repeats.py``), some of
them the amounts that were counted twice before anybody saw it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.chosen_marts import ingest_and_build
from tests.e2e.coverage.coverage_lookalikes import lookalikes
from tests.e2e.coverage.coverage_repeats import repeats
from tests.e2e.coverage.coverage_rows import Case, text_of
from tests.ingest.layouts.aws_export_layout import ExportLayout, Folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SETTINGS = """\
organisation: Coverage
currency: USD
sources:
  - {name: api, type: focus_files, path: api}
  - {name: card, type: focus_files, path: card}
  - {name: marketplace, type: focus_files, path: marketplace}
  - {name: invoice, type: focus_files, path: invoice}
  - {name: gateway, type: focus_files, path: gateway}
  - {name: focus, type: focus_files, path: focus}
  - {name: cur, type: aws_data_exports, path: cur, prefix: exports, export: cur}
  - {name: rates, type: tables, stream: fx_rates, path: rates.csv}
"""
EUROS = Decimal("1.1111")
RATES = f"rate_date,from_currency,to_currency,rate\n2026-09-30,EUR,USD,{EUROS}\n"
#: More of the look-alikes may not be called repeats.
MOST_FALSE = 1
CASES = [*repeats(), *lookalikes()]
HASH_OF_CASES = "89c62b4784dc8e9793e2f84d09022dedfdd23228bea782897ac6d658aa111dbf"
#: What was counted, and what was true.
FOUND_FIRST = {
    "a cumulative export of 15 lines": ("402.75", "256.65"),
    "windows of seven days every four": ("7431.80", "4733.98"),
    "a cumulative export re-rated by 0.1 %": ("4156.77", "2746.11"),
    "a daily file beside a monthly roll-up": ("5658", "2829"),
    "an API beside a card bill": ("65657.66", "32828.83"),
    "a month restated under another name": ("615", "315"),
}


def test_the_cases_are_those_that_were_written_first() -> None:
    content = [
        [
            *(case.name, case.is_repeat, case.vendor, str(case.true_total)),
            sorted((list(key), rows) for key, rows in case.files.items()),
        ]
        for case in CASES
    ]
    text = json.dumps(content, sort_keys=True).encode()
    assert hashlib.sha256(text).hexdigest() == HASH_OF_CASES
    assert sum(case.is_repeat for case in CASES) == 110
    assert sum(not case.is_repeat for case in CASES) == 46


def test_cases_that_were_found_first_have_the_amounts_that_were_counted() -> None:
    by_name = {case.name.partition(":")[0]: case for case in CASES}
    amounts = {
        name: (by_name[name].counted_total, by_name[name].true_total)
        for name in FOUND_FIRST
    }
    assert amounts == {
        name: (Decimal(counted), Decimal(true))
        for name, (counted, true) in FOUND_FIRST.items()
    }


@dataclass(frozen=True, slots=True)
class Published:
    """What is said of each vendor: its overlaps, and what was refused at landing."""

    overlaps: Mapping[str, Sequence[Mapping[str, object]]]
    refused: Sequence[str]

    def amount(self, case: Case) -> Decimal:
        """Return what may count twice of the vendor of a case."""
        rows = self.overlaps.get(case.vendor.lower(), ())
        return sum((Decimal(str(row["repeated_amount"])) for row in rows), Decimal(0))

    def is_refused(self, case: Case) -> bool:
        """Tell whether a file of a case was not loaded."""
        return any(f"/{case.vendor}-".lower() in each.lower() for each in self.refused)

    def is_told(self, case: Case) -> bool:
        """Tell whether the vendor of a case is published as red, or was refused."""
        return case.vendor.lower() in self.overlaps or self.is_refused(case)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("coverage")
    (root / "triptych.yml").write_text(SETTINGS, "utf-8")
    (root / "rates.csv").write_text(RATES, "utf-8")
    for case in CASES:
        deliver(root, case)
    marts = ingest_and_build(root, "core.mart_coverage_overlaps", is_all_loaded=False)
    overlaps: dict[str, list[Mapping[str, object]]] = {}
    for row in marts.query("FROM core.mart_coverage_overlaps").to_pylist():
        vendor = row["vendor"].lower().removesuffix(" inc").removesuffix(", inc.")
        named = {"aws": "amazon web services"}.get(vendor, vendor)
        overlaps.setdefault(named, []).append(row)
    refused = [str(failure.error) for failure in marts.ingested.failures]
    return Published(overlaps, refused)


def deliver(root: Path, case: Case) -> None:
    """Write the files of a case as its sources have them."""
    for (channel, name), rows in case.files.items():
        if channel == "cur":
            place = Folder(root / channel)
            ExportLayout(place, export="cur").overwrite(name, [_cur(rows)])
            continue
        named = name if case.vendor in name else f"{case.vendor}-{name}"
        path = root / channel / named
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(rows), "utf-8")


def _cur(rows: Sequence[Mapping[str, str]]) -> pa.Table:
    """Return charges as a CUR 2.0 export has them."""
    moments = ("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd")
    month, start, end = (
        [datetime.fromisoformat(row[name]) for row in rows] for name in moments
    )
    return pa.table(
        {
            "line_item_unblended_cost": [float(row["BilledCost"]) for row in rows],
            "line_item_currency_code": ["USD"] * len(rows),
            "bill_billing_period_start_date": month,
            "line_item_usage_start_date": start,
            "line_item_usage_end_date": end,
            "line_item_line_item_type": ["Usage"] * len(rows),
            "line_item_product_code": ["AmazonEC2"] * len(rows),
            "line_item_resource_id": [row["ResourceId"] for row in rows],
            "line_item_usage_type": ["EUC1-BoxUsage"] * len(rows),
            "line_item_usage_account_id": [row["SubAccountId"] for row in rows],
            "bill_payer_account_id": [row["BillingAccountId"] for row in rows],
        }
    )


def test_no_repeat_counts_in_silence(published: Published) -> None:
    repeated = [case for case in CASES if case.is_repeat]
    silent = [case.name for case in repeated if not published.is_told(case)]
    refused = sum(published.is_refused(case) for case in repeated)
    shown = f"{len(silent)} of {len(repeated)} repeats count in silence"
    print(f"{shown}; {refused} are refused")  # noqa: T201  (shown with -s)
    assert silent == []


def test_what_only_looks_alike_counts(published: Published) -> None:
    alike = [case for case in CASES if not case.is_repeat]
    false = [case.name for case in alike if published.is_told(case)]
    names = ", ".join(false)
    shown = f"{len(false)} of {len(alike)} look-alikes are called repeats: {names}"
    print(shown)  # noqa: T201  (shown with -s)
    assert len(false) <= MOST_FALSE


def test_the_money_that_may_count_twice_is_what_is_not_true(
    published: Published,
) -> None:
    """A bill that is 5 % or a tax higher counts the smaller amount twice."""
    wrong = {}
    for case in CASES:
        if not case.is_repeat or published.is_refused(case):
            continue
        told, twice = published.amount(case), _counted(case) - case.true_total
        if abs(told - twice) > twice * Decimal("0.06"):
            wrong[case.name] = (told, twice)
    assert wrong == {}


def _counted(case: Case) -> Decimal:
    """Return what all files of a case charge, in dollars."""
    euros = sum(
        Decimal(row["BilledCost"])
        for rows in case.files.values()
        for row in rows
        if row["BillingCurrency"] == "EUR"
    )
    return case.counted_total + euros * (EUROS - 1)
