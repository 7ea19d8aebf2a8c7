"""Names money of bills that is probably not meant, before it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.discovery.doubtful_sql import doubtful_sql
from triptych.discovery.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from triptych.discovery.file_report import FileReport

#: What makes two lines the same but for their money.
_SAME_LINE: Final = (
    "charge_period_start, service_name, sku_id, sku_meter, resource_id,"
    " sub_account_id, charge_description, charge_category, billing_currency, tags"
)
_CATEGORIES: Final = "'Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'"
_LEAST_LINES: Final = 20
_LEAST_SHARE: Final = 0.5
#: Hours of the widest zone: what begins so early is of the month in local time.
_ZONE_HOURS: Final = 14


def doubtful_bills(
    connection: duckdb.DuckDBPyConnection, bills: Sequence[FileReport]
) -> Iterator[Observation]:
    """Name what is doubtful within each bill, and from month to month."""
    for bill in bills:
        yield from _total_lines(connection, bill)
        yield from _positive_credits(connection, bill)
        yield from _unknown_categories(connection, bill)
        yield from _local_times(connection, bill)
    yield from _months_of_another_magnitude(connection, bills)


def restated(
    connection: duckdb.DuckDBPyConnection, bill: FileReport, other: FileReport
) -> Iterator[Observation]:
    """Name two files with the same lines and other amounts: one restates the other."""
    lines = "SELECT {0}, sum(billed_cost) AS cost, count(*) AS n FROM {1} GROUP BY ALL"
    first = lines.format(_SAME_LINE, bill.table)
    second = lines.format(_SAME_LINE, other.table)
    pairs = " AND ".join(
        f"a.{name.strip()} IS NOT DISTINCT FROM b.{name.strip()}"
        for name in _SAME_LINE.split(",")
    )
    row = connection.execute(
        "SELECT coalesce(sum(a.n), 0),"
        " coalesce(sum(a.n) FILTER (a.cost <> b.cost), 0), sum(a.cost), sum(b.cost),"
        " any_value(a.billing_currency)"
        f" FROM ({first}) AS a JOIN ({second}) AS b ON {pairs} AND a.n = b.n"
    ).fetchone()
    if row is None or row[0] < _LEAST_LINES or not row[1]:
        return
    if row[0] < _LEAST_SHARE * min(bill.row_count, other.row_count):
        return
    count, _, cost, other_cost, currency = row
    yield Observation(
        "note",
        f"{bill.label} and {other.label} have the same {int(count):,} lines with other"
        f" amounts, {currency} {cost:,.2f} and {currency} {other_cost:,.2f}: a restated"
        " month would count twice.",
        "Keep the newer under the name of the older, and remove the other.",
    )


def _total_lines(
    connection: duckdb.DuckDBPyConnection, bill: FileReport
) -> Iterator[Observation]:
    """Name a charge that is as much as all others of its file together."""
    is_total = doubtful_sql("is_total_line('billed_cost', 'whole', 'n')")
    rows = connection.execute(
        "WITH sums AS (SELECT billing_currency, sum(billed_cost) AS whole,"
        f" count(*) AS n FROM {bill.table} WHERE billed_cost <> 0 GROUP BY ALL)"
        " SELECT billing_currency, billed_cost,"
        f" coalesce(charge_description, service_name, '') FROM {bill.table}"
        f" JOIN sums USING (billing_currency) WHERE {is_total} LIMIT 1"
    ).fetchall()
    for currency, cost, text in rows:
        yield Observation(
            "note",
            f"{bill.label}: one line ({text or 'without a description'}) is"
            f" {currency} {cost:,.2f}, as much as all others together: a total counts"
            " everything twice.",
            "Remove the line if it is a total.",
        )


def _positive_credits(
    connection: duckdb.DuckDBPyConnection, bill: FileReport
) -> Iterator[Observation]:
    rows = connection.execute(
        "SELECT billing_currency, sum(billed_cost), count(*)"
        f" FROM {bill.table} WHERE {doubtful_sql('is_positive_credit()')}"
        " GROUP BY billing_currency ORDER BY 1"
    ).fetchall()
    for currency, cost, count in rows:
        yield Observation(
            "note",
            f"{bill.label}: {count:,} credits of {currency} {cost:,.2f} together are"
            " above zero, so they add to the cost.",
            "Write credits with a negative sign, or correct their ChargeCategory.",
        )


def _unknown_categories(
    connection: duckdb.DuckDBPyConnection, bill: FileReport
) -> Iterator[Observation]:
    rows = connection.execute(
        "SELECT charge_category, billing_currency, sum(billed_cost)"
        f" FROM {bill.table} WHERE charge_category NOT IN ({_CATEGORIES})"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for category, currency, cost in rows:
        yield Observation(
            "missing",
            f"{bill.label}: {currency} {cost:,.2f} have the ChargeCategory"
            f" {category!r}, which FOCUS does not have.",
            "Map it to Usage, Purchase, Tax, Credit or Adjustment with 'mapping'.",
        )


def _local_times(
    connection: duckdb.DuckDBPyConnection, bill: FileReport
) -> Iterator[Observation]:
    """Name charges that begin hours before their billing month."""
    rows = connection.execute(
        "SELECT billing_currency, count(*), sum(billed_cost),"
        " min(charge_period_start)"
        f" FROM {bill.table} WHERE charge_period_start < billing_period_start"
        " AND charge_period_start > billing_period_start"
        f" - INTERVAL {_ZONE_HOURS + 1} HOUR"
        " AND charge_period_start <> date_trunc('day', charge_period_start)"
        " GROUP BY billing_currency ORDER BY 1"
    ).fetchall()
    for currency, count, cost, first in rows:
        yield Observation(
            "note",
            f"{bill.label}: {count:,} charges of {currency} {cost:,.2f} begin at"
            f" {first} UTC, hours before their billing month: local time?",
            "Days are those of UTC; export times in UTC if you can.",
        )


def _months_of_another_magnitude(
    connection: duckdb.DuckDBPyConnection, bills: Sequence[FileReport]
) -> Iterator[Observation]:
    """Name months of a service that cost a power of ten of the month before a day."""
    tables = [bill.table for bill in bills if bill.row_count and not bill.is_sampled]
    if not tables:
        return
    columns = (
        "'' AS source, service_provider_name AS provider, service_name,"
        " billing_currency, strftime(billing_period_start, '%Y-%m') AS billing_month,"
        " CAST(charge_period_start AS DATE) AS charge_date, billed_cost"
    )
    lines = " UNION ALL ".join(f"SELECT {columns} FROM {table}" for table in tables)
    months = doubtful_sql("months_of_another_magnitude('lines')")
    rows = connection.execute(
        f"WITH lines AS ({lines}) SELECT service_name, billing_currency, billing_month,"
        f" billed_cost, cost_before, power FROM ({months}) ORDER BY ALL"
    ).fetchall()
    for service, code, month, cost, before, power in rows:
        times = (
            f"{10 ** int(power):,} times"
            if power > 0
            else f"a {10 ** -int(power):,}th of"
        )
        yield Observation(
            "note",
            f"{service or 'A service'} cost {code} {cost:,.2f} in {month}, {times} the"
            f" {code} {before:,.2f} of the month before.",
            "Check whether amounts are in cents, or a unit changed.",
        )
