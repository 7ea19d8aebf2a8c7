"""The shape of Google's billing export, and how it is laid flat.

The standard and the detailed usage cost export nest and repeat: ``service.id``,
``labels[]``, ``credits[]``. Each canonical column of ``gcp_billing_export`` is
written down once, with its path in the export; from that come the BigQuery query,
the DuckDB query over files, and the reading of CSV with dotted headers.

Money is never added as a floating point number: each amount is brought to a decimal
first. Google's schemas grow, so only columns that a table or file has are selected, by
name.

Source: Cloud Billing documentation, structure of the standard and detailed usage
cost data export.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ingest.streams import FOCUS, MONEY, QUANTITY, TAGS, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from google.cloud.bigquery import SchemaField

Kind = Literal[
    "text", "money", "time", "month", "labels", "credits", "promotions", "kept_credits"
]

#: The type of credit that ends when the promotion ends.
PROMOTION = "PROMOTION"


@dataclass(frozen=True, slots=True)
class ExportField:
    """Canonical column, and its place in the export."""

    name: str
    path: tuple[str, ...]
    kind: Kind = "text"


def _fields(kind: Kind, *pairs: tuple[str, str]) -> tuple[ExportField, ...]:
    return tuple(
        ExportField(name, tuple(path.split(".")), kind) for name, path in pairs
    )


FIELDS: tuple[ExportField, ...] = (
    *_fields(
        "money",
        ("cost", "cost"),
        ("cost_at_list", "cost_at_list"),
        ("currency_conversion_rate", "currency_conversion_rate"),
        ("usage_amount", "usage.amount"),
        ("usage_amount_in_pricing_units", "usage.amount_in_pricing_units"),
    ),
    *_fields("credits", ("credits_amount", "credits")),
    *_fields("promotions", ("promotion_amount", "credits")),
    *_fields("kept_credits", ("credits", "credits")),
    *_fields("month", ("invoice_month_start", "invoice.month")),
    *_fields(
        "time",
        ("usage_start_time", "usage_start_time"),
        ("usage_end_time", "usage_end_time"),
        ("export_time", "export_time"),
    ),
    *_fields(
        "text",
        ("currency", "currency"),
        ("cost_type", "cost_type"),
        ("billing_account_id", "billing_account_id"),
        ("service_id", "service.id"),
        ("service_description", "service.description"),
        ("sku_id", "sku.id"),
        ("sku_description", "sku.description"),
        ("project_id", "project.id"),
        ("project_name", "project.name"),
        ("location_region", "location.region"),
        ("location_zone", "location.zone"),
        ("usage_unit", "usage.unit"),
        ("usage_pricing_unit", "usage.pricing_unit"),
        ("resource_name", "resource.name"),
        ("resource_global_name", "resource.global_name"),
        ("consumption_model_id", "consumption_model.id"),
        ("transaction_type", "transaction_type"),
        ("seller_name", "seller_name"),
        ("adjustment_type", "adjustment_info.type"),
        ("adjustment_reason", "adjustment_info.description"),
    ),
    *_fields(
        "labels",
        ("labels", "labels"),
        ("system_labels", "system_labels"),
        ("project_labels", "project.labels"),
        ("tags", "tags"),
    ),
)


@dataclass(frozen=True, slots=True)
class SelectedColumn:
    """A column of a BigQuery query: expression, name, and its Arrow type."""

    sql: str
    name: str
    arrow_type: Literal["numeric", "timestamp", "string"]


def columns_of_table(schema: Sequence[SchemaField]) -> dict[str, SchemaField]:
    """Return every field of a BigQuery schema by its lower-case dotted path."""
    schema_fields: dict[str, SchemaField] = {}

    def visit(fields: Iterable[SchemaField], prefix: str) -> None:
        for field in fields:
            path = f"{prefix}{field.name}".casefold()
            schema_fields[path] = field
            if field.mode != "REPEATED":
                visit(field.fields, f"{path}.")

    visit(schema, "")
    return schema_fields


def select_export(present: Mapping[str, SchemaField]) -> list[SelectedColumn]:
    """Return the canonical columns that a usage cost table can fill."""
    return [_select_field(field) for field in FIELDS if ".".join(field.path) in present]


def _select_field(field: ExportField) -> SelectedColumn:
    path = ".".join(f"`{part}`" for part in field.path)
    if field.kind in {"money", "credits", "promotions"}:
        return SelectedColumn(_amount(field, path), field.name, "numeric")
    if field.kind == "time":
        return SelectedColumn(path, field.name, "timestamp")
    if field.kind == "month":
        first_day = f"CONCAT(SUBSTR({path}, 1, 4), '-', SUBSTR({path}, 5, 2), '-01')"
        sql = f"SAFE_CAST({first_day} AS TIMESTAMP)"
        return SelectedColumn(sql, field.name, "timestamp")
    if field.kind == "labels":
        return SelectedColumn(_labels_as_json(path), field.name, "string")
    if field.kind == "kept_credits":
        return SelectedColumn(f"TO_JSON_STRING({path})", field.name, "string")
    return SelectedColumn(f"CAST({path} AS STRING)", field.name, "string")


def _amount(field: ExportField, path: str) -> str:
    if field.kind == "money":
        return as_numeric(path)
    only = f" WHERE credit.type = '{PROMOTION}'"
    return sum_of_credits(only if field.kind == "promotions" else "")


def as_numeric(path: str) -> str:
    """Return a column as NUMERIC in BigQuery SQL; other text gives NULL.

    Google may store money as floating point. Its shortest text has the digits that
    were written into it, so NUMERIC is parsed from that.
    """
    return f"SAFE.PARSE_NUMERIC(CAST({path} AS STRING))"


def sum_of_credits(condition: str = "") -> str:
    """Return the sum of a row's credits as BigQuery SQL; no credits is zero."""
    # Not SAFE: a credit that is no number must fail, and not count as nothing.
    return (
        "IFNULL((SELECT SUM(PARSE_NUMERIC(CAST(credit.amount AS STRING)))"
        f" FROM UNNEST(credits) AS credit{condition}), 0)"
    )


def _labels_as_json(path: str) -> str:
    # A tag key may come twice, from two levels of the hierarchy; a map holds a single
    # entry per key.
    return (
        "(SELECT CONCAT('{', STRING_AGG(CONCAT(TO_JSON_STRING(label.key), ':',"
        " TO_JSON_STRING(label.value)), ',' ORDER BY label.key), '}')"
        " FROM (SELECT entry.key AS key, MAX(entry.value) AS value"
        f" FROM UNNEST({path}) AS entry WHERE entry.key IS NOT NULL"
        " GROUP BY entry.key) AS label)"
    )


def select_focus(present: Mapping[str, SchemaField]) -> list[SelectedColumn]:
    """Return the FOCUS columns that a FOCUS export table can fill."""
    selected = []
    for column in FOCUS.columns:
        spellings = (column.name, *column.aliases)
        field = next(
            (present[s.casefold()] for s in spellings if s.casefold() in present), None
        )
        if field is not None:
            selected.append(_select_focus_column(column.name, column.type, field))
    return selected


def _select_focus_column(name: str, type_: str, field: SchemaField) -> SelectedColumn:
    path = f"`{field.name}`"
    native = field.field_type.upper()
    if type_ in {MONEY, QUANTITY} and "Price" not in name:
        return SelectedColumn(as_numeric(path), name, "numeric")
    if type_ == TIMESTAMP:
        return SelectedColumn(f"SAFE_CAST({path} AS TIMESTAMP)", name, "timestamp")
    if type_ == TAGS and field.mode == "REPEATED":
        return SelectedColumn(_labels_as_json(path), name, "string")
    if native in {"JSON", "RECORD", "STRUCT"} or field.mode == "REPEATED":
        return SelectedColumn(f"TO_JSON_STRING({path})", name, "string")
    # As text, a unit price keeps the digits for which NUMERIC has no room.
    return SelectedColumn(f"CAST({path} AS STRING)", name, "string")


def arrow_schema(columns: Iterable[SelectedColumn]) -> pa.Schema:
    """Return the Arrow schema of a query's answer."""
    import pyarrow as pa

    types = {
        "numeric": pa.decimal128(38, 9),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "string": pa.string(),
    }
    return pa.schema([(column.name, types[column.arrow_type]) for column in columns])
