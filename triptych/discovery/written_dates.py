"""Ways in which dates are written in a table, as SQL that reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Format of a date → SQL of it over a text column.
_DATES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        # Of another zone than UTC the first ten letters are another day.
        r"\d{4}-\d{2}-\d{2}([T ][\d:.]+ ?(Z|UTC|[+-]00:?00)?)?",
        "%Y-%m-%d",
        "try_cast({}[1:10] as date)",
    ),
    (
        r"\d{4}/\d{1,2}/\d{1,2}",
        "%Y/%m/%d",
        "cast(try_strptime({}, '%Y/%m/%d') as date)",
    ),
    (r"\d{8}", "%Y%m%d", "cast(try_strptime({}, '%Y%m%d') as date)"),
    (r"1\d{9}", "", "cast(to_timestamp(try_cast({} as bigint)) as date)"),
    (r"1\d{12}", "", "cast(to_timestamp(try_cast({} as bigint) / 1000) as date)"),
    (r"\d{4}-\d{2}", "%Y-%m", "try_cast({} || '-01' as date)"),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", "", "cast(try_strptime({}, '%b %d, %Y') as date)"),
    (r"\d{1,2} [A-Za-z]{3} \d{4}", "", "cast(try_strptime({}, '%d %b %Y') as date)"),
    (
        r"\d{1,2}\.\d{1,2}\.\d{4}",
        "%d.%m.%Y",
        "cast(try_strptime({}, '%d.%m.%Y') as date)",
    ),
    (
        r"\d{1,2}/\d{1,2}/\d{4}",
        "%m/%d/%Y",
        "cast(try_strptime({}, '%m/%d/%Y') as date)",
    ),
    (
        r"\d{1,2}/\d{1,2}/\d{4}",
        "%d/%m/%Y",
        "cast(try_strptime({}, '%d/%m/%Y') as date)",
    ),
)
#: Answer to ``dates`` → how they are written.
DATE_ORDERS: Final = {"month first": "%m/%d/%Y", "day first": "%d/%m/%Y"}
MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ].*|1\d{9}(\d{3})?")
OF_MONTH: Final = "|| '-01'"


def date_forms(values: Iterable[str]) -> list[str]:
    """Return the SQL of each way in which all dates may be written."""
    known = {value for value in values if value}
    return [
        sql
        for pattern, form, sql in _DATES
        if known
        and all(re.fullmatch(pattern, value) for value in known)
        and all(_parses(value, form) for value in known)
    ]


def _parses(value: str, form: str) -> bool:
    """Return whether a date exists as it is written."""
    if not form:
        return True
    try:
        datetime.strptime(value[:10], form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
