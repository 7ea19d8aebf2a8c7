"""Bad input: each its own message and exit code, and the previous data intact.

Every case starts from a workspace that has been run once; afterwards the published
ledger must be what it was.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.dbt.conftest import build_empty_workspace
from tests.ingest.layouts.aws_export_layout import Bucket, ExportLayout, focus_table
from tests.ingest.servers import loopback_s3
from tests.ingest.servers.loopback_s3 import Fault, FaultyProxy
from tests.layers import IS_FULL
from triptych.cli import app
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory\n"
)
GOOD = "10.00,10.00,EUR,2026-03-01,2026-03-05,2026-03-06,Usage\n"
GOOD_SETTINGS = (
    "organisation: Example\ncurrency: EUR\nsources:\n"
    "  - {name: bills, type: focus_files, path: bills}\n"
)
LEDGER = (
    "SELECT billing_month, billed_cost FROM cost.mart_cost_waterfall"
    " WHERE step = 'ledger' ORDER BY ALL"
)


def triptych(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line; in the full layer as a user does, in its own process."""
    command = [*arguments, "--workspace", str(root)]
    if not IS_FULL:
        done = CliRunner().invoke(app, command)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(
            command, done.exit_code, done.stdout, done.stderr
        )
    return subprocess.run(
        [sys.executable, "-m", "triptych", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def ledger(root: Path) -> list[dict[str, object]]:
    """Return what readers see, by the reader of the dashboard."""
    rows = PublishedReader(root).snapshot().query(LEDGER).to_pylist()
    return [{**row, "billed_cost": str(row["billed_cost"])} for row in rows]


def march(amount: str) -> dict[str, object]:
    """Return the ledger row of March 2026."""
    return {"billing_month": "2026-03", "billed_cost": amount}


@pytest.fixture(scope="module")
def published(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("published") / "workspace"
    root = built_workspaces.copy("empty_workspace", build_empty_workspace, folder)
    (root / "bills").mkdir()
    (root / "bills" / "march.csv").write_text(HEADER + GOOD)
    (root / "triptych.yml").write_text(GOOD_SETTINGS)
    answer = triptych(root, "run")
    assert answer.returncode == 0, answer.stderr
    return root


@dataclass(frozen=True)
class Case:
    """A spoiled workspace: what is done to it, how the run must end."""

    name: str
    spoil: Callable[[Path], object]
    exit_code: int
    says: tuple[str, ...]


def _bill(name: str, content: str | bytes) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda root: (root / "bills" / name).write_bytes(data)


def _settings(name: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(content)


def _row(**changes: str) -> str:
    fields = dict(zip(HEADER.strip().split(","), GOOD.strip().split(","), strict=True))
    return ",".join((fields | changes).values()) + "\n"


TRUNCATED = gzip.compress((HEADER + GOOD * 20_000).encode(), mtime=0)[:300]
POOL_OF_99 = (
    'assignments:\n  - {name: gpu, match: {tags: {c: "*"}}, pool: gpu}\n'
    "pools:\n  - {name: gpu, driver: fixed, percentages: {eta: 59.5, vision: 39.5}}\n"
)

CASES = (
    Case(
        "truncated gzip",
        _bill("april.csv.gz", TRUNCATED),
        3,
        ("april.csv.gz", "cut off"),
    ),
    Case(
        "wrong delimiter",
        _bill("april.csv", (HEADER + GOOD).replace(",", ";")),
        3,
        ("april.csv", "semicolon", "delimiter"),
    ),
    Case(
        "missing mandatory column",
        _bill("april.csv", "BilledCost,BillingCurrency\n1,EUR\n"),
        3,
        ("april.csv", "mandatory", "EffectiveCost", "ChargeCategory"),
    ),
    Case(
        "unknown currency",
        _bill("april.csv", HEADER + _row(BillingCurrency="EUX")),
        3,
        ("april.csv:1", "unknown_currency"),
    ),
    Case(
        "cost as text",
        _bill("april.csv", HEADER + _row(BilledCost="a lot")),
        3,
        ("april.csv:1", "BilledCost_unreadable"),
    ),
    Case(
        "cost that is no number",
        _bill("april.csv", HEADER + _row(BilledCost="NaN") + _row(EffectiveCost="Inf")),
        3,
        ("april.csv:1", "BilledCost_unreadable", "EffectiveCost_unreadable"),
    ),
    Case(
        "dates out of range",
        _bill("april.csv", HEADER + _row(ChargePeriodStart="1899-12-31")),
        3,
        ("april.csv:1", "date_out_of_range"),
    ),
    Case(
        "not Parquet at all",
        _bill("april.parquet", "this is no Parquet"),
        3,
        ("april.parquet", "Parquet"),
    ),
    Case(
        "unknown key in YAML",
        _settings("triptych.yml", GOOD_SETTINGS + "curency: EUR\n"),
        2,
        ("triptych.yml:5", "curency", "currency"),
    ),
    Case(
        "unknown key of a source",
        _settings("triptych.yml", GOOD_SETTINGS.replace("path:", "paths:")),
        2,
        ("triptych.yml:4", "paths"),
    ),
    Case(
        "a pool whose percentages sum to 99",
        _settings("allocation.yml", POOL_OF_99),
        2,
        ("allocation.yml:4", "99", "100"),
    ),
)


#: What `make test` leaves to `make test-full`: connectors prove each of them by itself.
LEFT_TO_FULL = {
    *("wrong delimiter", "missing mandatory column", "cost as text"),
    *("dates out of range", "not Parquet at all", "unknown key of a source"),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.full] if case.name in LEFT_TO_FULL else [],
        )
        for case in CASES
    ],
)
def test_bad_input_is_named_and_what_is_published_stands(
    published: Path, tmp_path: Path, case: Case
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    case.spoil(root)
    answer = triptych(root, "run")
    assert answer.returncode == case.exit_code, answer.stderr
    for text in case.says:
        assert text in answer.stderr
    assert "Traceback" not in answer.stderr
    for name in ("triptych.yml", "allocation.yml"):
        (root / name).unlink(missing_ok=True)
    (root / "triptych.yml").write_text(GOOD_SETTINGS)
    assert ledger(root) == [march("10.0000000000")]


def test_a_duplicate_delivery_is_told_and_not_counted(
    published: Path, tmp_path: Path
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    (root / "bills" / "again.csv").write_text(HEADER + GOOD)
    answer = triptych(root, "run")
    assert answer.returncode == 0, answer.stderr
    assert "duplicate delivery" in answer.stderr + answer.stdout
    assert ledger(root) == [march("10.0000000000")]


def test_bad_rows_beside_good_ones_are_quarantined_and_told(
    published: Path, tmp_path: Path
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    good = _row(BilledCost="1.50", EffectiveCost="1.50")
    (root / "bills" / "april.csv").write_text(
        HEADER + good * 3 + _row(BilledCost="NaN") + _row(BillingCurrency="QQQ")
    )
    answer = triptych(root, "run")
    assert answer.returncode == 0, answer.stderr
    assert "2" in answer.stdout
    assert ledger(root) == [march("14.5000000000")]
    listing = triptych(root, "quarantine", "list", "--json")
    assert listing.returncode == 0, listing.stderr
    told = triptych(root, "sql", LEDGER, "--format", "json")
    assert json.loads(told.stdout) == [march("14.5000000000")]
    assert "unknown_currency" in listing.stdout
    assert "BilledCost_unreadable" in listing.stdout


@pytest.mark.full  # fast: e2e/test_exchange_and_invoices.py
def test_a_month_without_an_exchange_rate_is_not_complete_and_the_others_are(
    published: Path, tmp_path: Path
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    (root / "bills" / "april.csv").write_text(
        HEADER
        + _row(BillingCurrency="USD", BillingPeriodStart="2026-04-01")
        + _row(BillingPeriodStart="2026-05-01")
    )
    answer = triptych(root, "run")
    assert answer.returncode == 0, answer.stderr
    query = (
        "SELECT billing_month, is_complete, missing FROM core.mart_month_completeness"
        " ORDER BY ALL"
    )
    rows = json.loads(triptych(root, "sql", query, "--format", "json").stdout)
    assert rows == [
        {"billing_month": "2026-03", "is_complete": True, "missing": None},
        {
            "billing_month": "2026-04",
            "is_complete": False,
            "missing": "exchange rate USD to EUR for 2026-04",
        },
        {"billing_month": "2026-05", "is_complete": True, "missing": None},
    ]


BUCKET_SETTINGS = (
    GOOD_SETTINGS
    + "  - name: aws\n    type: aws_data_exports\n    bucket: example-billing\n"
    "    prefix: exports\n    export: focus\n    endpoint_url: {url}\n"
)


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[FaultyProxy, Bucket, ExportLayout]]:
    if not loopback_s3.is_available():
        pytest.skip(loopback_s3.MISSING_REASON)
    with loopback_s3.running_s3() as url, FaultyProxy(url) as proxy:
        writer = loopback_s3.client(url)
        writer.create_bucket(Bucket="example-billing")
        bucket = Bucket(writer, "example-billing")
        layout = ExportLayout(bucket)
        layout.overwrite("2026-04", [focus_table("2026-04", ["1.25", "2.50"])])
        yield proxy, bucket, layout


@pytest.mark.full
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(403, "AccessDenied"), ("example-billing", "s3:")),
        (Fault(400, "ExpiredToken"), ("ExpiredToken", "Sign in again")),
    ],
    ids=["denied bucket", "expired credentials"],
)
def test_a_bucket_that_refuses_is_named_and_what_is_published_stands(
    published: Path,
    tmp_path: Path,
    bucket: tuple[FaultyProxy, Bucket, ExportLayout],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    says: tuple[str, ...],
) -> None:
    proxy, _, _ = bucket
    for name, value in loopback_s3.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    (root / "triptych.yml").write_text(BUCKET_SETTINGS.replace("{url}", proxy.url))
    proxy.on_request = lambda _request: fault
    answer = triptych(root, "run")
    proxy.on_request = lambda _request: None
    assert answer.returncode == 3, answer.stderr
    for text in says:
        assert text in answer.stderr
    for secret in ("secret-that-no-message", "token-that-no-message"):
        assert secret not in answer.stderr + answer.stdout
    assert ledger(root) == [march("10.0000000000")]


@pytest.mark.full
def test_a_manifest_that_names_a_missing_object_keeps_its_month_out(
    published: Path,
    tmp_path: Path,
    bucket: tuple[FaultyProxy, Bucket, ExportLayout],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy, store, layout = bucket
    for name, value in loopback_s3.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    layout.overwrite("2026-05", [focus_table("2026-05", ["4.00"])])
    listed = store.client.list_objects_v2(
        Bucket=store.name, Prefix="exports/focus/data/BILLING_PERIOD=2026-05/"
    )
    [key] = [entry["Key"] for entry in listed["Contents"]]
    store.client.delete_object(Bucket=store.name, Key=key)
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    (root / "triptych.yml").write_text(BUCKET_SETTINGS.replace("{url}", proxy.url))
    answer = triptych(root, "run")
    assert answer.returncode == 3, answer.stderr
    assert key in answer.stderr
    assert ledger(root) == [march("10.0000000000")]
    kept = triptych(root, "run", "--keep-going")
    assert kept.returncode == 3, kept.stderr
    assert ledger(root) == [
        march("10.0000000000"),
        {"billing_month": "2026-04", "billed_cost": "3.7500000000"},
    ]
