"""Files that are no bill: which source takes them, or why none does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ingest.connector import LandingOptions
from ingest.engine.projection import project
from ingest.storage.workbooks import find_sheet, is_workbook
from ingest.streams import STREAMS
from triptych.core.errors import MalformedDeliveryError
from triptych.core.warehouse.frozen_marts import LOCKED_STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Suffix → kind of file, and the remedy.
_NOT_READ = {
    ".xls": ("Excel workbook", "Save the sheet as CSV (UTF-8) and put that here."),
    ".ods": ("spreadsheet", "Save the sheet as CSV (UTF-8) and put that here."),
    ".zip": ("ZIP archive", "Unpack it and put its files here; .csv.gz is read."),
    ".tar": ("archive", "Unpack it and put its files here."),
    ".tgz": ("archive", "Unpack it and put its files here."),
    ".pdf": ("PDF", "Download the bill as CSV or Parquet."),
    ".txt": ("text file", "If it is a bill, rename it to .csv."),
    ".tsv": ("tab-separated text", 'Rename it to .csv and set delimiter: "\\t".'),
    **dict.fromkeys(
        (".crdownload", ".part", ".partial", ".download"),
        ("unfinished download", "Download it again, and remove this."),
    ),
    ".md": ("text for people", "Nothing to do."),
    ".yml": ("YAML file", "Nothing to do."),
    ".yaml": ("YAML file", "Nothing to do."),
}
#: Words of a header → kind of file, the source for it, and the next step.
_KNOWN_HEADERS: tuple[tuple[frozenset[str], str, str, str], ...] = (
    (
        frozenset({"gpu_uuid", "gpu_model_name"}),
        "OpenShift GPU usage",
        "openshift_metrics",
        "Put it in a folder of its own, for a source of type openshift_metrics.",
    ),
    (
        frozenset({"pod_usage_cpu_core_seconds"}),
        "OpenShift pod usage",
        "openshift_metrics",
        "Put it in a folder of its own, for a source of type openshift_metrics.",
    ),
    (
        frozenset({"node_labels", "interval_start"}),
        "OpenShift node labels",
        "openshift_metrics",
        "Put it in a folder of its own, for a source of type openshift_metrics.",
    ),
    (
        frozenset({"namespace_labels", "interval_start"}),
        "OpenShift namespace labels",
        "openshift_metrics",
        "Put it in a folder of its own, for a source of type openshift_metrics.",
    ),
    (
        frozenset({"amount_value", "amount_currency", "line_item"}),
        "OpenAI cost export of the console",
        "openai",
        "Connect OpenAI with a source of type openai; it reads the same costs.",
    ),
    (
        frozenset({"usage_input_tokens_no_cache", "usage_output_tokens"}),
        "Claude Console export of tokens, without money",
        "anthropic",
        "Export the page Cost instead, or connect Anthropic with a source of type"
        " anthropic.",
    ),
    (
        frozenset({"request_id", "spend", "starttime", "model"}),
        "spend log of LiteLLM",
        "litellm",
        "Put it in a folder of its own, for a source of type litellm.",
    ),
    (
        frozenset({"lineitem/referenceno", "product/service"}),
        "usage report of Oracle Cloud in its own columns",
        "oci_focus",
        "Read its FOCUS reports with a source of type oci_focus.",
    ),
    (
        frozenset({"cpucost", "ramcost", "totalcost"}),
        "OpenCost export",
        "opencost",
        "Put it in a folder of its own, for a source of type opencost.",
    ),
)
#: First bytes of a file → what it is and what to do, whatever its name ends in.
_CONTENTS = (
    (b"%PDF", "PDF", "Download the bill as CSV or Parquet."),
    (
        b"PK\x03\x04",
        "Excel workbook or ZIP archive",
        "Rename a workbook to .xlsx, or unpack the archive; CSV is read, too.",
    ),
    (b"\xd0\xcf\x11\xe0", "Excel workbook", "Save its sheet as CSV (UTF-8)."),
)
_BEGINNINGS_OF_PAGES = (b"<!doctype html", b"<html")
_MOST_JSON_BYTES = 4 * 1024 * 1024


def content_of(path: Path) -> tuple[str, str, str, str] | None:
    """Return what a file with the name of data is by its first bytes.

    It is told as by :func:`why_not_read`; ``None`` where it may be a table.
    """
    if is_workbook(path):
        return None
    with path.open("rb") as file:
        first = file.read(64).removeprefix(b"\xef\xbb\xbf")
    for beginning, kind, next_step in _CONTENTS:
        if first.startswith(beginning):
            return kind, "", f"Its name ends in {path.suffix}.", next_step
    if first.lstrip().lower().startswith(_BEGINNINGS_OF_PAGES):
        again = "Sign in, and download the bill again."
        return "web page (HTML)", "", f"Its name ends in {path.suffix}.", again
    if first.startswith(b"sep="):
        problem = "Its first line tells a spreadsheet the separator (sep=)."
        return "table", "", problem, "Remove the first line."
    return None


def why_not_read(path: Path) -> tuple[str, str, str, str]:
    """Return the kind of a file, the source for it, the problem, the remedy.

    It is for files that no reader of tables opens; the source is mostly empty.
    """
    if path.stat().st_size == 0:
        again = "Deliver it again, or remove it."
        return "empty file", "", "It has zero bytes.", again
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json(path)
    if is_workbook(path):
        return _workbook(path)
    if suffix in {".csv", ".gz", ".parquet", ".jsonl", ".ndjson"}:
        again = "Deliver it again; download it anew if it was cut off."
        return "data file", "", "Its header cannot be read.", again
    other = f"file ending in {suffix}" if suffix else "file without an ending"
    kind, next_step = _NOT_READ.get(suffix, (other, "Deliver CSV or Parquet."))
    is_for_people = next_step == "Nothing to do."
    problem = "It is not a bill." if is_for_people else "It is not read."
    return kind, "", problem, next_step


def belongs_to(columns: Sequence[str]) -> tuple[str, str, str]:
    """Return a table's kind by its header, its source, and the next step."""
    folded = {name.strip().casefold() for name in columns}
    for words, kind, connector, next_step in _KNOWN_HEADERS:
        if words <= folded:
            return kind, connector, next_step
    if stream := _stream_of(columns):
        next_step = f"Add a source of type tables with stream: {stream} for it."
        return f"table for the stream {stream}", "tables", next_step
    shown = ", ".join(list(columns)[:6])
    return (
        f"table with {len(columns)} columns ({shown}, …)",
        "",
        "If it is a bill, map its columns in a source of type focus_files.",
    )


def _stream_of(columns: Sequence[str]) -> str:
    """Return the stream sharing most columns with a table, if complete."""
    physical = dict.fromkeys(columns, "VARCHAR")
    fitting = {}
    for name, stream in STREAMS.items():
        if name.startswith(LOCKED_STREAMS):
            continue
        projection = project(stream, physical, LandingOptions())
        if not projection.missing_columns:
            present = len(stream.columns) - len(projection.absent_columns)
            fitting[name] = present / len(stream.columns)
    return max(fitting, key=lambda name: fitting[name], default="")


def _workbook(path: Path) -> tuple[str, str, str, str]:
    """Return why the table of a workbook is not read."""
    again = "Save the sheet as CSV (UTF-8) and put that here."
    try:
        sheet = find_sheet(path)
    except MalformedDeliveryError as error:
        return "Excel workbook", "", error.what, error.next_step or again
    return "Excel workbook", "", f"{sheet.line}: its header cannot be read.", again


def _json(path: Path) -> tuple[str, str, str, str]:
    if path.stat().st_size > _MOST_JSON_BYTES:
        return "JSON file", "", "It is not read.", "Deliver CSV or Parquet."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        again = "Deliver it again."
        return "JSON file", "", "It cannot be read as JSON.", again
    kind, connector, next_step = _kind_of_json(content)
    problem = "It is not a table of charges." if not connector else "It is not a bill."
    return kind, connector, problem, next_step


def _kind_of_json(content: Any) -> tuple[str, str, str]:  # noqa: ANN401
    keys = set(content) if isinstance(content, dict) else set()
    if {"assemblyId", "reportKeys"} <= keys:
        return (
            "manifest of a legacy AWS Cost and Usage Report",
            "aws_cur_legacy",
            "Keep it where AWS put it and read the folder with a source of type"
            " aws_cur_legacy; the data files alone are read here, too.",
        )
    if {"exportConfig", "blobs"} <= keys or {"manifestVersion", "blobs"} <= keys:
        return (
            "manifest of an Azure export",
            "azure_focus",
            "Read the folder with a source of type azure_focus.",
        )
    if {"object", "data"} <= keys and content.get("object") == "page":
        return (
            "answer of OpenAI's API",
            "openai",
            "Connect OpenAI with a source of type openai, or point its 'recordings'"
            " at the folder.",
        )
    return "JSON file", "", "Deliver CSV or Parquet."
