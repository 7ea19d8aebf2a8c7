"""Macros that list sources, written from the folders that the sources have.

Jinja cannot look into folders, so ``make reference`` writes what dbt is to know of
them; a test compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.warehouse.bills import BillStream, read_bill_streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WRITTEN = "Written by `make reference` from the folders in `models/staging/`."
#: Macro that lists meters → how the staging models that are such meters end.
METERS = {
    "model_usage_meters": "model_usage",
    "accelerator_usage_meters": "accelerator_usage",
    "compute_usage_meters": "compute_usage",
    "node_usage_meters": "node_usage",
}


def macros(staging: Path) -> dict[str, str]:
    """Return the files of macros that list the sources in a folder, by name."""
    return {
        "bill_streams.sql": "\n".join(_bill_streams(staging)) + "\n",
        "meter_sources.sql": "\n".join(_meter_sources(staging)) + "\n",
    }


def _bill_streams(staging: Path) -> Iterator[str]:
    yield "{#-"
    yield f"  {_WRITTEN}"
    yield "  The streams that are bills, as `bill.toml` of each folder declares them."
    yield "-#}"
    yield "{% macro bill_streams() -%}"
    yield "    {{ return(["
    for bill in read_bill_streams(staging):
        yield from _bill(bill)
    yield "    ]) }}"
    yield "{%- endmacro %}"


def _bill(bill: BillStream) -> Iterator[str]:
    yield "        {"
    yield f"            'stream': '{bill.stream}',"
    yield f"            'charges': '{bill.staging_views[-1]}',"
    yield f"            'billed': '{bill.billed}',"
    yield f"            'effective': '{bill.effective}',"
    for flag in ("is_settled_by_invoice", "is_never_invoiced"):
        if getattr(bill, flag):
            yield f"            '{flag}': true,"
    yield "        },"


def _meter_sources(staging: Path) -> Iterator[str]:
    yield "{#-"
    yield f"  {_WRITTEN}"
    yield "  Where meters come from: the staging models whose readings divide shared"
    yield "  money, or say what a node had. `int_model_usage`, `int_accelerator_usage`,"
    yield "  `int_compute_usage` and `int_node_usage` read each of them."
    yield "-#}"
    listed = {
        macro: sorted(staging.glob(f"*/stg_*__{kind}.sql"))
        for macro, kind in METERS.items()
    }
    listed["model_usage_meters_of_bills"] = [
        path
        for path in listed["model_usage_meters"]
        if (path.parent / "bill.toml").exists()
    ]
    for number, (macro, paths) in enumerate(listed.items()):
        if number:
            yield ""
        yield f"{{% macro {macro}() -%}}"
        yield "    {{ return(["
        for path in paths:
            yield f"        '{path.stem}',"
        yield "    ]) }}"
        yield "{%- endmacro %}"
