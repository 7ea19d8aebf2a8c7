"""Split cost rows as they land: from each form that AWS delivers, under given rules."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from ingest.testing import ConnectorCase
from tests.ingest.layouts.aws_cur_layout import CurLayout, line
from tests.ingest.layouts.aws_export_layout import ExportLayout, Folder
from tests.ingest.layouts.aws_split_rows import (
    Pod,
    cur2_split_table,
    instance,
    split_lines,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOON = datetime(2026, 6, 28, 12, tzinfo=UTC)
RULES = [
    {"match": {"tag:user_model": "*"}, "model": "${tag:user_model}"},
    {"match": {"namespace": {"regex": "^model-[a-z]+$"}}, "model": "by-name"},
    {"match": {"cluster": "prod"}, "pool": "gpu"},
]
PODS = [
    Pod("chat", "i-1", NOON, {"gpu": 4}, tags={"user_model": "it's"}),
    Pod("model-rank", "i-1", NOON, {"gpu": 2}, tags={"user_team": "x"}),
    Pod("batch", "i-1", NOON, {"gpu": 1}, cluster="dev"),
]
#: Only what a rule gives, in the order of the amounts below; the instance has none.
MAPPED = [("it's", "gpu"), ("by-name", "gpu"), (None, None), (None, None)]


def lines() -> list[dict[str, Any]]:
    split = split_lines(PODS, capacities={"gpu": 8.0}, price=3)
    return [*split, instance("i-1", NOON, 24, {"user_model": "it's"})]


def legacy(row: dict[str, Any]) -> dict[str, str]:
    """Return a line as a legacy report writes it, every tag a column of its own."""
    said = {
        "lineItem/Operation": row["line_item_operation"],
        "lineItem/ResourceId": row["line_item_resource_id"],
        "splitLineItem/ParentResourceId": row.get("split_line_item_parent_resource_id"),
        "splitLineItem/ReservedUsage": row.get("split_line_item_reserved_usage"),
        "splitLineItem/SplitUsage": row.get("split_line_item_split_usage"),
        "resourceTags/user:model": row["resource_tags"].get("user_model"),
    }
    texts = {name: "" if value is None else str(value) for name, value in said.items()}
    return line(str(row["line_item_unblended_cost"]), period="2026-06", **texts)


def source(
    root: Path, form: str, rules: Sequence[dict[str, Any]] = RULES
) -> ConnectorCase:
    """Return a source of one form with rules."""
    options: dict[str, Any] = {"path": "copy", "split_usage": list(rules)}
    if form.startswith("legacy"):
        type_ = "aws_cur_legacy"
        options |= {"prefix": "billing", "report": "cur"}
    else:
        type_ = "aws_data_exports"
        options |= {"prefix": "exports", "export": "cur"}
    nothing: Any = None
    return ConnectorCase(type_, options, root, 4, {}, nothing, nothing, nothing)


def deliver(root: Path, form: str) -> None:
    place = Folder(root / "copy")
    if form.startswith("legacy"):
        compression = form.removeprefix("legacy ")
        report = CurLayout(place, compression=compression)
        report.deliver("2026-06", [legacy(row) for row in lines()])
    else:
        table = cur2_split_table(lines())
        file_format = form.removeprefix("cur2 ")
        ExportLayout(place, export="cur").overwrite(
            "2026-06", [table], file_format=file_format
        )


def mapped(case: ConnectorCase) -> list[tuple[object, ...]]:
    return case.query(
        "SELECT x_split_model_id, x_split_pool_id FROM evidence.aws_cur2"
        " ORDER BY split_line_item_reserved_usage DESC NULLS LAST"
    )


FORMS = ("cur2 parquet", "cur2 csv", "legacy GZIP", "legacy Parquet")


@pytest.mark.parametrize("form", FORMS)
def test_rules_map_the_pods_of_every_form_that_aws_delivers(
    form: str, tmp_path: Path
) -> None:
    deliver(tmp_path, form)
    case = source(tmp_path, form)
    assert not case.ingest().failures
    assert mapped(case) == MAPPED
    held = case.query("SELECT sum(split_line_item_split_usage) FROM evidence.aws_cur2")
    assert held == [(Decimal(7),)]


@pytest.mark.parametrize("form", ["cur2 parquet", "legacy GZIP"])
def test_other_rules_read_a_month_again_and_the_same_ones_do_not(
    form: str, tmp_path: Path
) -> None:
    deliver(tmp_path, form)
    assert source(tmp_path, form).ingest().committed
    assert not source(tmp_path, form).ingest().committed
    others = [{"match": {}, "model": "all"}]
    changed = source(tmp_path, form, others)
    changed.run_count = 1
    assert changed.ingest().committed
    assert mapped(changed) == [("all", None)] * 3 + [(None, None)]
    without = source(tmp_path, form, [])
    without.run_count = 2
    assert without.ingest().committed
    assert mapped(without) == [(None, None)] * 4


def test_the_money_of_the_instance_counts_once(tmp_path: Path) -> None:
    deliver(tmp_path, "cur2 parquet")
    case = source(tmp_path, "cur2 parquet")
    case.ingest()
    totals = case.query("SELECT sum(first_amount) FROM catalogue.load_totals")
    assert totals == [(Decimal(24),)]


def test_a_negative_reading_goes_to_quarantine_and_the_money_stays(
    tmp_path: Path,
) -> None:
    rows = lines()
    rows[0]["split_line_item_split_usage"] = -1.0
    layout = ExportLayout(Folder(tmp_path / "copy"), export="cur")
    layout.overwrite("2026-06", [cur2_split_table(rows)])
    case = source(tmp_path, "cur2 parquet")
    assert not case.ingest().failures
    assert case.query("SELECT reason FROM catalogue.quarantine") == [
        ("negative_quantity",)
    ]
    totals = case.query("SELECT sum(first_amount) FROM catalogue.load_totals")
    assert totals == [(Decimal(24),)]


def test_an_export_without_split_columns_lands_as_it_is(tmp_path: Path) -> None:
    table = cur2_split_table([instance("i-1", NOON, 24)])
    kept = [name for name in table.column_names if not name.startswith("split_")]
    layout = ExportLayout(Folder(tmp_path / "copy"), export="cur")
    layout.overwrite("2026-06", [pa.table(table.select([*kept]))])
    case = source(tmp_path, "cur2 parquet")
    assert not case.ingest().failures
    assert mapped(case) == [(None, None)]
