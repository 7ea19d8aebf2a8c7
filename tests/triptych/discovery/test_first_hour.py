"""Mistakes of a first hour: each is answered with what, where and what to do next.

One workspace is spoiled in one way at a time and checked; where a file is at fault, it
is loaded as well, and nothing of it counts.
"""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.cli import app
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ChargeDescription,"
    "ProviderName,Tags\n"
)


def charge(day: int, currency: str = "EUR", cost: str = "1.50") -> str:
    """Write a charge of May 2026."""
    following = f"2026-05-{day + 1:02}" if day < 31 else "2026-06-01"
    return (
        f"{cost},{cost},{currency},2026-05-01,2026-06-01,2026-05-{day:02},{following},"
        f'Usage,Inference,GPU hours {day},Vendor,"{{""model"": ""eta""}}"\n'
    )


MAY = "".join(charge(day) for day in range(1, 32))
GOOD = HEADER + MAY
SETTINGS = (
    "organisation: Example\ncurrency: EUR\nsources:\n"
    "  - {name: bills, type: focus_files, path: bills}\n"
)
TABLE = "day,revenue,country\n2026-05-01,12.50,NL\n"


def put(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Put a file into ``bills``, or over a settings file."""

    def spoil(root: Path) -> None:
        path = root / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)

    return spoil


def settings(old: str, new: str) -> Callable[[Path], None]:
    """Change triptych.yml."""
    return put("triptych.yml", SETTINGS.replace(old, new))


def rules(text: str) -> Callable[[Path], None]:
    """Write allocation.yml."""
    return put("allocation.yml", text)


def only(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Have no other bill than this."""

    def spoil(root: Path) -> None:
        (root / "bills" / "may.csv").unlink()
        put(f"bills/{name}", content)(root)

    return spoil


@dataclass(frozen=True)
class Mistake:
    """What goes wrong, how ``check`` ends, and what it must say.

    ``loaded`` is how many rows an ingest then loads; ``None``: it is not tried.
    """

    name: str
    spoil: Callable[[Path], object]
    exit_code: int
    says: tuple[str, ...]
    loaded: int | None = None


[AZURE] = [bill for bill in held_out_bills() if bill.name == "azure_ea"]
GZIPPED = gzip.compress(GOOD.encode())
MISTAKES = (
    Mistake(
        "the folder is another one",
        settings("path: bills", "path: bill"),
        3,
        ("'bill' does not exist", "correct 'path' in triptych.yml"),
        0,
    ),
    Mistake(
        "no file is there yet",
        lambda root: (root / "bills" / "may.csv").unlink(),
        3,
        ("No data file in bills", "Put files there"),
        0,
    ),
    Mistake(
        "the bill is a workbook",
        only("may.xlsx", b"PK\x03\x04"),
        3,
        ("bills/may.xlsx: Excel workbook", "Save the sheet as CSV"),
        0,
    ),
    Mistake(
        "one bill of two is a workbook",
        put("bills/april.xlsx", b"PK\x03\x04"),
        3,
        ("bills/april.xlsx: Excel workbook. The workbook cannot", "Save the sheet as"),
        31,
    ),
    Mistake(
        "the bill is in an archive",
        put("bills/all.zip", b"PK\x03\x04"),
        3,
        ("bills/all.zip: ZIP archive", "Unpack it"),
    ),
    Mistake(
        "the bill is a PDF",
        put("bills/invoice.pdf", b"%PDF"),
        3,
        ("bills/invoice.pdf: PDF", "Download the bill as CSV"),
    ),
    Mistake(
        "the file is empty",
        put("bills/june.csv", b""),
        3,
        ("bills/june.csv: empty file. It has zero bytes", "Deliver it again"),
        31,
    ),
    Mistake(
        "the file has a header and nothing below",
        put("bills/june.csv", HEADER),
        0,
        ("note    bills/june.csv: FOCUS", "It has no charge that can be loaded"),
    ),
    Mistake(
        "the header is missing",
        only("may.csv", MAY),
        3,
        ("bills/may.csv: table with", "map its columns"),
        0,
    ),
    Mistake(
        "semicolons separate the columns",
        only("may.csv", GOOD.replace(",", ";")),
        3,
        ("bills/may.csv", "semicolons", "delimiter"),
        0,
    ),
    Mistake(
        "the download was cut off",
        only("may.csv.gz", GZIPPED[: len(GZIPPED) // 2]),
        3,
        ("bills/may.csv.gz", "cut off", "Deliver it again"),
        0,
    ),
    Mistake(
        "the Parquet file is damaged",
        only("may.parquet", b"PAR1 and no more"),
        3,
        ("bills/may.parquet", "cannot be read", "Deliver it again"),
        0,
    ),
    Mistake(
        "a column was not exported",
        only("may.csv", GOOD.replace("BillingCurrency", "Money")),
        3,
        ("bills/may.csv: FOCUS", "BillingCurrency", "'mapping' or 'defaults'"),
        0,
    ),
    Mistake(
        "dates can mean two days",
        only("may.csv", GOOD.replace("2026-05-01,2026-06-01", "5/1/26,6/1/26", 1)),
        3,
        ("can mean two things", "Set 'dates: day first' or 'dates: month first'"),
        0,
    ),
    Mistake(
        "it is another FOCUS data set",
        put("bills/contracts.csv", "ContractCommitmentId,ContractId\na,b\n"),
        3,
        ("FOCUS data set Contract Commitment", "holds no charges"),
    ),
    Mistake(
        "it is a manifest",
        put("bills/cur-Manifest.json", json.dumps({"assemblyId": 1, "reportKeys": []})),
        3,
        ("manifest of a legacy AWS Cost and Usage Report", "type aws_cur_legacy"),
    ),
    Mistake(
        "it is a meter of Kubernetes",
        put("bills/pods.csv", "pod,node,pod_usage_cpu_core_seconds\na,b,1\n"),
        3,
        ("OpenShift pod usage", "source of type openshift_metrics"),
    ),
    Mistake(
        "it is an answer of an API",
        put("bills/costs.json", json.dumps({"object": "page", "data": []})),
        3,
        ("answer of OpenAI's API", "source of type openai"),
    ),
    Mistake(
        "it is a table of the business",
        put("bills/revenue.csv", TABLE),
        3,
        ("bills/revenue.csv: table with 3 columns (day, revenue, country",),
    ),
    Mistake(
        "the same bill lies there twice",
        put("bills/may (1).csv", GOOD),
        3,
        ("are the same file", "Remove one of them"),
        31,
    ),
    Mistake(
        "an older export was left with the newer one",
        put("bills/may-newer.csv", GOOD + charge(31, cost="2")),
        3,
        ("share 31 charges", "would count twice", "Keep the newer"),
    ),
    Mistake(
        "the workspace is in another currency",
        settings("currency: EUR", "currency: USD"),
        3,
        ("Bills are in EUR, the workspace is in USD", "Set currency: EUR"),
    ),
    Mistake(
        "bills are in two currencies",
        put("bills/dollars.csv", HEADER + charge(1, "USD")),
        3,
        ("Bills are in USD, the workspace is in EUR", "ecb_rates"),
    ),
    Mistake(
        "half a month is missing",
        only("may.csv", HEADER + "".join(charge(day) for day in range(1, 15))),
        0,
        ("2026-05 has charges from 2026-05-01 to 2026-05-14 only", "whole month"),
    ),
    Mistake(
        "two providers share a folder",
        put("bills/cur.csv", "lineItem/UnblendedCost,lineItem/UsageType\n1,a\n"),
        3,
        ("bills/cur.csv: AWS Cost and Usage Report (legacy)", "mandatory columns"),
        31,
    ),
    Mistake(
        "the bill of one provider is in the folder of another",
        lambda root: (
            settings("type: focus_files", "type: gcp_billing")(root),
            put("bills/azure_ea.csv", AZURE.text())(root),
        ),
        3,
        ("A source of type gcp_billing does not take it", "type azure_focus"),
    ),
    Mistake(
        "a placeholder was left in",
        rules("assignments:\n  - {name: a, match: {}, model: MODEL-ID}\n"),
        2,
        ("allocation.yml:2", "'MODEL-ID' is a placeholder"),
    ),
    Mistake(
        "a tag is misspelt",
        rules('assignments:\n  - {name: a, match: {tags: {modle: "*"}}, model: x}\n'),
        0,
        ("looks for the tag 'modle', which no bill carries; the nearest is 'model'",),
    ),
    Mistake(
        "a column is misspelt",
        rules("assignments:\n  - {name: a, match: {servcie_name: x}, model: x}\n"),
        2,
        ("allocation.yml:2", "servcie_name", "service_name"),
    ),
    Mistake(
        "a rule names a pool that is not declared",
        rules("assignments:\n  - {name: a, match: {}, pool: gpu}\n"),
        2,
        ("allocation.yml:2", "names pool 'gpu'"),
    ),
    Mistake(
        "the type of a source is misspelt",
        settings("focus_files", "focus_file"),
        2,
        ("triptych.yml:4", "focus_file", "focus_files"),
    ),
    Mistake(
        "the YAML is broken",
        settings("currency: EUR", "currency: [EUR"),
        2,
        ("triptych.yml",),
    ),
)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = initialise(tmp_path_factory.mktemp("first") / "w").root
    (root / "triptych.yml").write_text(SETTINGS, encoding="utf-8")
    (root / "bills" / "may.csv").write_text(GOOD, encoding="utf-8")
    return root


def test_nothing_is_wrong_before_anything_is_spoiled(clean: Path) -> None:
    result = CliRunner().invoke(app, ["check", "-w", str(clean)])
    assert result.exit_code == 0
    assert "FOCUS of Vendor, 2026-05, EUR 46.50, 31 rows." in result.stdout
    assert "tag model: 100% of cost, such as eta" in result.stdout


@pytest.mark.parametrize("mistake", MISTAKES, ids=[each.name for each in MISTAKES])
def test_a_mistake_of_the_first_hour_is_answered(
    clean: Path, tmp_path: Path, mistake: Mistake
) -> None:
    root = tmp_path / "w"
    shutil.copytree(clean, root)
    mistake.spoil(root)
    result = CliRunner().invoke(app, ["check", "-w", str(root)])
    text = result.stdout + result.stderr
    assert result.exit_code == mistake.exit_code, text
    for part in mistake.says:
        assert part in text
    if mistake.loaded is not None:
        loading = CliRunner().invoke(app, ["ingest", "-w", str(root), "--json"])
        committed = json.loads(loading.stdout)["committed"] if loading.stdout else []
        assert sum(load["row_count"] for load in committed) == mistake.loaded
