"""Evidence that stays where it was delivered gives the figures of a copied run."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ingest.engine.in_place import EvidenceChangedError
from ingest.sample_company.company import write_company
from tests.ingest.servers.loopback_s3 import (
    MISSING_REASON,
    client,
    is_available,
    running_s3,
    set_environment,
)
from tests.spark.conftest import Company, on_spark
from tests.spark.published_figures import OF_THE_LOADS, PublishedTable, differences
from tests.spark.servers import (
    JAVA_MISSING,
    SAIL_MISSING,
    has_java,
    has_sail,
    running_sail,
)
from triptych.core.errors import SettingsError
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import LineItemsOutOfReachError, PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import bound_connectors
from triptych.run.probe import probe_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triptych.core.warehouse.reader import Snapshot

BUCKET = "nordhafen-billing"
#: The month whose deliveries change, and the one with a row that cannot count.
MONTH = "2026-10"
REFUSED_MONTH = "2026-08"
needs_s3 = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)
needs_sail = pytest.mark.skipif(not has_sail(), reason=SAIL_MISSING)
needs_java = pytest.mark.skipif(not has_java(), reason=JAVA_MISSING)


@dataclass(frozen=True, slots=True)
class ExportBucket:
    """The bucket with the company's AWS export, and a Spark server that reads it."""

    client: Any
    spark: str

    def read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def manifest(self) -> tuple[str, bytes]:
        key = f"exports/focus/metadata/BILLING_PERIOD={MONTH}/focus-Manifest.json"
        return key, self.read(key)

    def data_keys(self) -> list[str]:
        uris: list[str] = json.loads(self.manifest()[1])["dataFiles"]
        return [f"exports/focus/data/{uri.partition('/data/')[2]}" for uri in uris]

    def name_another_execution(self) -> None:
        """Deliver the month once more, one row short, in a folder of its own."""
        key, manifest = self.manifest()
        content = json.loads(manifest)
        for position, data_key in enumerate(self.data_keys()):
            other = data_key.replace("/focus-", "/another-execution/focus-")
            data = self.read(data_key)
            self.put(other, without_last_row(data) if position == 0 else data)
            content["dataFiles"][position] = f"s3://{BUCKET}/{other}"
        self.put(key, json.dumps(content).encode())


def set_aws(root: Path, *lines: str) -> None:
    """Replace the place of the company's AWS export in ``triptych.yml``."""
    settings = root / "triptych.yml"
    before = settings.read_text("utf-8")
    assert before.count("    path: bills/aws\n") == 1
    after = "".join(f"    {line}\n" for line in lines)
    settings.write_text(before.replace("    path: bills/aws\n", after), "utf-8")


def upload(writer: Any, folder: Path) -> None:
    writer.create_bucket(Bucket=BUCKET)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key = path.relative_to(folder).as_posix()
            writer.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())


@pytest.fixture
def unloaded(tmp_path: Path) -> Company:
    """Return the company of ``built_on_duckdb`` before anything was ingested."""
    root = tmp_path / "in_place"
    write_company(root, months=6, scale=0.02)
    return Company(root)


@pytest.fixture
def bucket(
    unloaded: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExportBucket]:
    with ExitStack() as stack:
        endpoint = stack.enter_context(running_s3())
        set_environment(monkeypatch)
        upload(client(endpoint), unloaded.root / "bills" / "aws")
        shutil.rmtree(unloaded.root / "bills" / "aws")
        set_aws(
            unloaded.root,
            f"bucket: {BUCKET}",
            f"endpoint_url: {endpoint}",
            "in_place: true",
        )
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        server = stack.enter_context(running_sail(tmp_path / "sail"))
        yield ExportBucket(client(endpoint), server.address)


ANOMALIES = "cost.mart_cost_anomalies"
#: Place of the driver among the columns of an anomaly that are compared exactly.
DRIVER = 10


def ask(company: Company, question: str) -> list[tuple[Any, ...]]:
    """Ask the catalogue."""
    database = Workspace(company.root).raw_database
    with duckdb.connect(str(database), read_only=True) as catalogue:
        return catalogue.execute(question).fetchall()


def without_drivers(published: dict[str, PublishedTable]) -> list[tuple[Any, ...]]:
    """Return what each anomaly is, without what drove it."""
    return [row[:DRIVER] for row in published[ANOMALIES].exact]


def row_counts(company: Company) -> list[int]:
    """Return the rows of the current loads of the changing month."""
    rows = ask(
        company,
        "SELECT row_count FROM catalogue.loads WHERE status = 'current'"
        f" AND scope = 'focus/{MONTH}'",
    )
    return [count for (count,) in rows]


def current_files_in_place(company: Company) -> list[str]:
    rows = ask(
        company,
        "SELECT uri FROM catalogue.files_in_place JOIN catalogue.loads USING (load_id)"
        " WHERE status = 'current' ORDER BY uri",
    )
    return [uri for (uri,) in rows]


def files_in_lake(company: Company) -> list[Path]:
    return sorted(Workspace(company.root).lake.glob("*/aws/**/*.parquet"))


def assert_only_a_refused_row_was_copied(company: Company) -> None:
    """Check the one object of the company's export with a row that cannot count."""
    assert {f"/{REFUSED_MONTH}/" in str(file) for file in files_in_lake(company)} == {
        True
    }
    assert len(files_in_lake(company)) == 1
    refused = ask(
        company,
        "SELECT reason, row_content LIKE '%BilledCost%' FROM catalogue.quarantine"
        " WHERE source = 'aws'",
    )
    assert refused == [("unknown_currency", True)]


def line_items(company: Company) -> Snapshot:
    return PublishedReader(company.root).snapshot()


def without_last_row(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(content))
    buffer = io.BytesIO()
    pq.write_table(table.slice(0, table.num_rows - 1), buffer)
    return buffer.getvalue()


@needs_s3
@needs_sail
@pytest.mark.emulator
@pytest.mark.spark
@pytest.mark.timeout(900)
def test_an_export_that_stays_in_its_bucket_gives_the_figures_of_a_copied_one(
    built_on_duckdb: Company, unloaded: Company, bucket: ExportBucket
) -> None:
    # An execution that lacks a row is superseded by a manifest that names another.
    whole = bucket.manifest()
    bucket.name_another_execution()
    unloaded.ingest()
    short = row_counts(unloaded)
    bucket.put(*whole)
    assert [load.row_count for load in unloaded.ingest().committed] == [short[-1] + 1]

    unloaded.run(on_spark(bucket.spark))
    expected = built_on_duckdb.published(but_for=OF_THE_LOADS)
    found = unloaded.published(but_for=OF_THE_LOADS)
    loads = found["core.mart_loads"]
    current = [row for row in loads.exact if "superseded" not in row]
    assert len(loads.exact) == len(current) + 1
    found["core.mart_loads"] = replace(
        loads, exact=current, approximate=[() for _ in current]
    )
    assert without_drivers(found) == without_drivers(expected)
    # Line items that stay in a bucket are out of reach: what drove an excess is not
    # known then, and never something else; a part of a pool is known without them.
    drivers = zip(
        expected.pop(ANOMALIES).exact, found.pop(ANOMALIES).exact, strict=True
    )
    told = {(there[DRIVER], here[DRIVER]) for there, here in drivers}
    assert {here for there, here in told if there != here} == {"unknown"}
    assert differences(expected, found) == []
    assert len(found["cost.fct_daily_model_costs"].exact) > 1000

    in_place = current_files_in_place(unloaded)
    assert len(in_place) == len(files_in_lake(built_on_duckdb)) - 1
    assert all(uri.startswith(f"s3://{BUCKET}/exports/focus/data/") for uri in in_place)
    assert_only_a_refused_row_was_copied(unloaded)
    with pytest.raises(LineItemsOutOfReachError, match="stay in its bucket"):
        line_items(unloaded).query_line_items("SELECT sum(billed_cost) FROM line_items")

    again = unloaded.ingest()
    assert (again.committed, again.failures) == ([], [])

    # An object is changed behind the catalogue: no build reads it, and the next
    # ingest catalogues what is there now.
    published = Workspace(unloaded.root).pointer.read_text("utf-8")
    key = bucket.data_keys()[-1]
    bucket.put(key, without_last_row(bucket.read(key)))
    with pytest.raises(EvidenceChangedError, match="was changed") as refused:
        unloaded.build(on_spark(bucket.spark))
    assert refused.value.where == f"s3://{BUCKET}/{key}"
    assert Workspace(unloaded.root).pointer.read_text("utf-8") == published
    assert [load.row_count for load in unloaded.ingest().committed] == [short[-1]]

    bucket.client.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(EvidenceChangedError, match="is gone"):
        unloaded.build(on_spark(bucket.spark))


@pytest.mark.full
@needs_s3
@needs_sail
@pytest.mark.emulator
def test_the_embedded_engine_refuses_evidence_in_a_bucket_before_it_begins(
    unloaded: Company, bucket: ExportBucket
) -> None:
    with pytest.raises(SettingsError, match="embedded engine reads no bucket"):
        unloaded.run()
    assert not Workspace(unloaded.root).raw_database.exists()
    workspace, settings = Workspace(unloaded.root), load_settings(unloaded.root)
    connectors = bound_connectors(workspace, settings, ["aws"])
    (on_duckdb,) = probe_sources(connectors, engine="duckdb")
    (on_large,) = probe_sources(connectors, engine="spark")
    assert [f.message for f in on_duckdb.findings if not f.is_ok] == [
        "The embedded engine reads no bucket, and the evidence stays in one."
    ]
    assert on_large.is_ok
    unloaded.ingest()
    with pytest.raises(SettingsError, match="embedded engine reads no bucket"):
        unloaded.build()
    assert bucket.data_keys()


@pytest.mark.full
def test_an_export_that_stays_in_a_folder_gives_the_figures_of_a_copied_one(
    built_on_duckdb: Company, unloaded: Company
) -> None:
    set_aws(unloaded.root, "path: bills/aws", "in_place: true")
    unloaded.run()
    expected = built_on_duckdb.published(but_for=OF_THE_LOADS)
    assert differences(expected, unloaded.published(but_for=OF_THE_LOADS)) == []
    assert_only_a_refused_row_was_copied(unloaded)
    question = (
        "SELECT load_id <> '' AS is_known, count(*) AS row_count,"
        " sum(billed_cost) AS billed_cost FROM line_items WHERE source = 'aws'"
        " GROUP BY ALL"
    )
    found, copied = (
        line_items(company).query_line_items(question).to_pylist()
        for company in (unloaded, built_on_duckdb)
    )
    assert found == copied
    assert found[0]["row_count"] > 1000

    path = Path(current_files_in_place(unloaded)[0])
    path.write_bytes(without_last_row(path.read_bytes()))
    with pytest.raises(LineItemsOutOfReachError, match="was changed"):
        line_items(unloaded).query_line_items(question)
    with pytest.raises(EvidenceChangedError, match="was changed"):
        unloaded.build()


@needs_java
@pytest.mark.spark
@pytest.mark.timeout(1800)
def test_apache_spark_reads_an_export_that_stays_in_a_folder(
    built_on_duckdb: Company, unloaded: Company
) -> None:
    set_aws(unloaded.root, "path: bills/aws", "in_place: true")
    unloaded.run({"warehouse.engine": "spark", "spark.master": "local[2]"})
    expected = built_on_duckdb.published(but_for=OF_THE_LOADS)
    assert differences(expected, unloaded.published(but_for=OF_THE_LOADS)) == []
    assert_only_a_refused_row_was_copied(unloaded)
