"""No money counts twice in silence: a matrix of repeats, and of what only looks alike.

The cases were written before the method that finds repeats, and their hash with them.
Their true totals are sums of planned charges (``cases/coverage_repeats.py``), some of
them the amounts that were counted twice before anybody saw it.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal

from tests.e2e.cases.coverage_lookalikes import lookalikes
from tests.e2e.cases.coverage_repeats import repeats

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
    found = {case.name.partition(":")[0]: case for case in CASES}
    amounts = {
        name: (found[name].counted_total, found[name].true_total)
        for name in FOUND_FIRST
    }
    assert amounts == {
        name: (Decimal(counted), Decimal(true))
        for name, (counted, true) in FOUND_FIRST.items()
    }
