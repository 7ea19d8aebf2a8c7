"""The marts that a closed month keeps as they are, and their canonical text.

At the close of a month, its rows of these marts are copied into evidence and from then
on replace the rows that a build would make of them in the public mart. The columns here
are those of the marts' contracts; a test compares them.

Canonical text
--------------
A CSV file for each mart, UTF-8, lines end with a line feed. The first line has the
column names in the order of the contract; the rows follow, sorted by the bytes of their
line. NULL is an empty field. Text is in double quotes, a quote in it doubled. A DECIMAL
has exactly the decimals of its type, a DOUBLE is the shortest text that reads back as
the same number, a date is ``YYYY-MM-DD``, a truth value ``true`` or ``false``. The text
does not depend on the engine or the version that wrote it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

MONEY = "DECIMAL(28, 10)"
RATE = "DECIMAL(38, 18)"
_TEXT = "VARCHAR"
#: Prefix of the streams of closed months: no source that anybody configures.
LOCKED_STREAMS = "locked_"


@dataclass(frozen=True, slots=True)
class FrozenMart:
    """A mart of schema ``cost`` with its contract.

    ``columns`` maps each column that is kept to its DuckDB type, in the order of the
    contract; ``month_column`` has the month with which a row is kept.
    """

    name: str
    columns: Mapping[str, str] = field(hash=False)
    month_column: str = "billing_month"

    @property
    def stream(self) -> str:
        """The internal stream that keeps the rows of closed months."""
        return f"{LOCKED_STREAMS}{self.name.partition('_')[2]}"


def _columns(*groups: tuple[str, str]) -> dict[str, str]:
    """Return names → type from pairs of a type and the names that have it."""
    return {name: type_ for type_, names in groups for name in names.split()}


FROZEN_MARTS = (
    FrozenMart(
        "fct_daily_model_costs",
        _columns(
            ("DATE", "charge_date"),
            (
                _TEXT,
                "billing_month source provider platform_id model_id feature_id team_id"
                " cost_center lifecycle_stage component assignment_method pool_id"
                " currency",
            ),
            (MONEY, "billed_cost effective_cost"),
            ("BOOLEAN", "is_estimated"),
        ),
    ),
    FrozenMart(
        "fct_daily_pool_costs",
        _columns(
            ("DATE", "charge_date"),
            (_TEXT, "billing_month source pool_id driver currency"),
            (
                MONEY,
                "pool_billed_cost pool_effective_cost allocated_billed_cost"
                " allocated_effective_cost requested_idle_billed_cost"
                " requested_idle_effective_cost infrastructure_idle_billed_cost"
                " infrastructure_idle_effective_cost capacity_unknown_billed_cost"
                " capacity_unknown_effective_cost remainder_billed_cost"
                " remainder_effective_cost",
            ),
            (_TEXT, "idle_state"),
        ),
    ),
    FrozenMart(
        "mart_cost_waterfall",
        _columns(
            (_TEXT, "billing_month source currency step"),
            ("INTEGER", "step_order"),
            (MONEY, "billed_cost effective_cost"),
        ),
    ),
    FrozenMart(
        "mart_model_unit_costs",
        _columns(
            (_TEXT, "billing_month model_id currency"),
            (
                MONEY,
                "direct_cost shared_cost idle_cost unused_commitment_cost"
                " overhead_cost fully_loaded_cost requests successful_requests"
                " input_tokens cached_input_tokens cache_write_tokens output_tokens"
                " gpu_hours held_gpu_hours input_token_cost"
                " cached_input_token_cost cache_write_token_cost output_token_cost"
                " other_token_cost gpu_cost",
            ),
            (
                "INTEGER",
                "requests_day_count requests_cost_day_count tokens_day_count"
                " tokens_cost_day_count gpu_hours_day_count gpu_hours_cost_day_count",
            ),
            (
                "DOUBLE",
                "cost_per_thousand_requests cost_per_million_input_tokens"
                " cost_per_million_cached_input_tokens"
                " cost_per_million_cache_write_tokens cost_per_million_output_tokens"
                " token_cost_per_million_tokens cache_hit_ratio gpu_cost_per_gpu_hour"
                " meter_coverage_ratio",
            ),
            (MONEY, "request_metered_cost token_cost"),
        ),
    ),
    FrozenMart(
        "mart_exchange_rates",
        _columns(
            (_TEXT, "billing_month from_currency to_currency currency"),
            (RATE, "rate"),
            (_TEXT, "rate_source rate_rule rate_derivation"),
            ("BIGINT", "day_count"),
            ("DATE", "last_rate_date"),
            (RATE, "previous_rate"),
            ("BIGINT", "charge_count"),
            (
                MONEY,
                "unconverted_billed_cost unconverted_effective_cost billed_cost"
                " effective_cost exchange_effect_billed_cost"
                " exchange_effect_effective_cost",
            ),
        ),
    ),
    FrozenMart(
        "mart_unallocated_causes",
        _columns(
            (
                _TEXT,
                "billing_month source provider service_name resource_type currency",
            ),
            (MONEY, "billed_cost effective_cost"),
            ("BIGINT", "row_count"),
            (_TEXT, "suggested_rule"),
        ),
    ),
    FrozenMart(
        "mart_meter_gaps",
        _columns(
            (_TEXT, "billing_month source pool_id driver reason currency"),
            (MONEY, "billed_cost effective_cost"),
            ("BIGINT", "interval_count"),
            ("DATE", "first_charge_date last_charge_date"),
            (_TEXT, "explanation"),
        ),
    ),
    FrozenMart(
        "mart_invoice_reconciliation",
        _columns(
            (_TEXT, "billing_month invoice_issuer_name invoice_id source currency"),
            (
                MONEY,
                "invoiced_amount ledger_billed_cost difference_amount"
                " explained_tax_amount explained_credit_amount"
                " explained_rounding_amount explained_exchange_amount"
                " explained_timing_amount explained_missing_line_amount"
                " explained_amount unexplained_amount tolerance_amount",
            ),
            (_TEXT, "state matched_by"),
            ("BIGINT", "invoice_line_count ledger_row_count"),
            ("BOOLEAN", "is_final"),
            (_TEXT, "missing_lines reason"),
        ),
    ),
    # Accruals booked with the month: without the lock of the month that they are about,
    # and the booked flag, which the locks in force give.
    FrozenMart(
        "mart_period_adjustments",
        _columns(
            (_TEXT, "locked_month booked_month kind source"),
            ("DATE", "charge_date"),
            (
                _TEXT,
                "provider platform_id model_id feature_id team_id cost_center"
                " lifecycle_stage component pool_id currency",
            ),
            (
                MONEY,
                "billed_cost effective_cost locked_billed_cost locked_effective_cost"
                " current_billed_cost current_effective_cost",
            ),
            ("BOOLEAN", "is_in_ledger_of_booked_month nets_to_zero"),
            (_TEXT, "explanation"),
        ),
        month_column="booked_month",
    ),
    FrozenMart(
        "mart_statement_lines",
        _columns(
            (
                _TEXT,
                "billing_month about_month kind cost_center team_id model_id component"
                " pool_id platform_id currency",
            ),
            (MONEY, "billed_cost effective_cost"),
            ("BOOLEAN", "is_estimated"),
        ),
    ),
)


def canonical_csv(mart: FrozenMart, rows: pa.Table) -> bytes:
    """Return the rows of a mart as canonical text; see the module.

    Parameters
    ----------
    mart : FrozenMart
        Mart that gives the columns and their order.
    rows : pyarrow.Table
        With those columns and types, in any order of rows.
    """
    columns = [rows.column(name).to_pylist() for name in mart.columns]
    lines = sorted(_lines(columns))
    return b"".join((",".join(mart.columns).encode() + b"\n", *lines))


def _lines(columns: Sequence[Sequence[object]]) -> Iterator[bytes]:
    for row in zip(*columns, strict=True):
        yield ",".join(map(_field, row)).encode() + b"\n"


def _field(value: object) -> str:  # noqa: PLR0911  (one for each type)
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case float():
            return repr(value)
        case date():
            return value.isoformat()
    text = str(value).replace('"', '""')
    return f'"{text}"'


def content_hash(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the single hash of all canonical files of a closed month.

    It is the SHA-256 of the lines that ``sha256sum`` prints of the files, by name:
    ``sha256sum *.csv | sha256sum`` in their folder gives it too.
    """
    lines = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(files)
    )
    return hashlib.sha256(lines.encode()).hexdigest()
