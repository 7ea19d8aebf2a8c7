"""Write files of invented companies in the formats that providers document."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: A figure by its name; None is a figure that must be unknown, with a reason.
Truth = dict[str, Decimal | None]
DAY = timedelta(days=1)


def days(first: date, end: date) -> list[date]:
    """Return the days from ``first`` to before ``end``."""
    return [first + n * DAY for n in range((end - first).days)]


def month_days(month: str) -> list[date]:
    """Return the days of a month, YYYY-MM."""
    first = date.fromisoformat(f"{month}-01")
    return days(first, (first + 31 * DAY).replace(day=1))


def day_count(month: str) -> Decimal:
    """Return how many days a month has."""
    return Decimal(len(month_days(month)))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up amounts."""
    return sum(amounts, Decimal(0))


def midnight(day: date) -> str:
    """Return the first moment of a day, UTC."""
    return f"{day}T00:00:00Z"


def unix_seconds(day: date) -> int:
    """Return the first moment of a day [s since 1970]."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def fingerprint(truth: Truth) -> str:
    """Return the SHA-256 of all figures, by name and exact value."""
    lines = [
        f"{name}={'unknown' if value is None else format(value.normalize(), 'f')}\n"
        for name, value in sorted(truth.items())
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def copy_settings(company: str, root: Path) -> None:
    """Copy ``triptych.yml`` and what is next to it into a new workspace."""
    shutil.copytree(Path(__file__).parent / "settings" / company, root)


def write_text(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, body: Any) -> None:
    """Write one answer of an API."""
    write_text(path, json.dumps(body))


def write_json_lines(path: Path, bodies: Iterable[Any]) -> None:
    """Write one answer a line."""
    write_text(path, "".join(f"{json.dumps(body)}\n" for body in bodies))


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as CSV, with the columns of the first one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


# --------------------------------------------------------------------------------------
# AWS CUR 2.0, daily: the columns of AWS's table dictionary that these bills need.
# --------------------------------------------------------------------------------------
ACCOUNT = "123456789012"
_CUR_COLUMNS = (
    "identity_line_item_id", "identity_time_interval", "bill_bill_type",
    "bill_billing_entity", "bill_billing_period_start_date",
    "bill_billing_period_end_date", "bill_payer_account_id", "bill_invoice_id",
    "line_item_usage_account_id", "line_item_line_item_type",
    "line_item_usage_start_date", "line_item_usage_end_date",
    "line_item_product_code", "line_item_usage_type", "line_item_operation",
    "line_item_resource_id", "line_item_usage_amount", "line_item_currency_code",
    "line_item_unblended_cost", "line_item_line_item_description",
    "pricing_term", "pricing_unit", "pricing_public_on_demand_cost",
    "pricing_public_on_demand_rate", "product_instance_type", "product_region_code",
    "product_servicecode", "reservation_effective_cost",
    "reservation_reservation_a_r_n",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee", "resource_tags",
)  # fmt: skip


def cur_line(
    month: str, start: date, end: date, tags: Mapping[str, str], **values: object
) -> dict[str, object]:
    """Return a line item of CUR 2.0 of the bill of a month.

    A key of ``values`` is the end of a column's name, such as ``unblended_cost``.
    """
    period = month_days(month)
    line: dict[str, object] = dict.fromkeys(_CUR_COLUMNS, "")
    line |= {
        "identity_time_interval": f"{midnight(start)}/{midnight(end)}",
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": f"{period[0]} 00:00:00.000",
        "bill_billing_period_end_date": f"{period[-1] + DAY} 00:00:00.000",
        "bill_payer_account_id": ACCOUNT,
        "bill_invoice_id": f"AWS-{month}",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": f"{start} 00:00:00.000",
        "line_item_usage_end_date": f"{end} 00:00:00.000",
        "line_item_currency_code": "USD",
        "product_region_code": "eu-central-1",
        "resource_tags": json.dumps({f"user_{key}": tags[key] for key in tags}),
    }
    for ending, value in values.items():
        [column] = [name for name in _CUR_COLUMNS if _is_column(name, ending)]
        line[column] = value
    name = json.dumps([str(value) for value in line.values()])
    line["identity_line_item_id"] = hashlib.sha256(name.encode()).hexdigest()[:32]
    return line


def _is_column(name: str, ending: str) -> bool:
    """Decide whether a column is that of a short name: equal, or after its section."""
    sections = ("line_item_", "pricing_", "product_", "reservation_")
    return name == ending or name in {f"{section}{ending}" for section in sections}
