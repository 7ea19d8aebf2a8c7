"""Marts are copied to a bucket or container: whole runs, and names that stay.

Each test runs on a bucket of moto, on a Blob service of our own and, where it is
installed, on Azurite.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ingest.storage.azure_target import AzureTarget
from ingest.storage.publication import Publication
from ingest.storage.s3_target import S3Target
from tests.ingest.servers import loopback_blobs, loopback_s3
from tests.ingest.servers.loopback_blobs import BlobWriter, LoopbackBlobs
from triptych.core.errors import FatalSourceError, SettingsError, SourceAccessError
from triptych.core.settings import (
    AzureTargetSettings,
    S3TargetSettings,
    load_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

needs_s3 = pytest.mark.skipif(
    not loopback_s3.is_available(), reason=loopback_s3.MISSING_REASON
)
needs_azure = pytest.mark.skipif(
    not loopback_blobs.has_library(), reason=loopback_blobs.LIBRARY_MISSING
)
needs_azurite = pytest.mark.skipif(
    not loopback_blobs.AZURITE.exists(), reason=loopback_blobs.AZURITE_MISSING
)


@dataclass
class Copies:
    """A bucket or container of a test, and runs that are copied there."""

    target: Any
    folder: Path
    #: Name → content of all objects.
    contents: Callable[[], dict[str, bytes]]
    remove: Callable[[str], None]

    def publish(self, run_id: str, **marts: bytes) -> None:
        """Copy a run that has these marts of the schema cost."""
        run = self.folder / run_id
        (run / "cost").mkdir(parents=True, exist_ok=True)
        for mart, content in marts.items():
            (run / "cost" / f"{mart}.parquet").write_bytes(content)
        described = {"run_id": run_id, "formats": ["parquet"]}
        (run / "tables.json").write_text(json.dumps(described), "utf-8")
        Publication(self.target, keep_runs=2).refresh(run)


@pytest.fixture
def s3(endpoint: str) -> str:
    return endpoint


@pytest.fixture(scope="module")
def blobs() -> Iterator[str]:
    with LoopbackBlobs() as server:
        yield server.url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback_s3.set_environment(monkeypatch)
    monkeypatch.delenv("AZURE_STORAGE_KEY", raising=False)
    if loopback_blobs.has_library():
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", loopback_blobs.signature("rwdl"))


@pytest.fixture(
    params=[
        pytest.param("s3", marks=[needs_s3]),
        pytest.param("blobs", marks=[needs_azure]),
        pytest.param("azurite", marks=[needs_azure, needs_azurite]),
    ]
)
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Copies:
    url = str(request.getfixturevalue(request.param))
    return (copies_on_s3 if request.param == "s3" else copies_on_azure)(url, tmp_path)


def copies_on_s3(url: str, folder: Path) -> Copies:
    bucket = f"marts-{uuid.uuid4().hex[:12]}"
    client = loopback_s3.client(url)
    client.create_bucket(Bucket=bucket)

    def contents() -> dict[str, bytes]:
        listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            each["Key"]: client.get_object(Bucket=bucket, Key=each["Key"])[
                "Body"
            ].read()
            for each in listed
        }

    settings = S3TargetSettings(bucket=bucket, prefix="bi", endpoint_url=url)
    return Copies(
        S3Target(settings),
        folder,
        contents,
        lambda key: client.delete_object(Bucket=bucket, Key=key),
    )


def copies_on_azure(url: str, folder: Path) -> Copies:
    writer = BlobWriter(url)
    writer.clear()
    settings = AzureTargetSettings(
        account_url=url, container=loopback_blobs.CONTAINER, prefix="bi"
    )
    return Copies(AzureTarget(settings), folder, writer.contents, writer.delete)


def test_names_stay_and_the_pointer_names_a_whole_run(copies: Copies) -> None:
    copies.publish("run-1", costs=b"1", gone=b"1")
    copies.publish("run-2", costs=b"2")

    found = copies.contents()
    pointer = json.loads(found["bi/current.json"])
    assert (pointer["run_id"], pointer["prefix"]) == ("run-2", "bi/runs/run-2/")
    assert found["bi/current/cost/costs.parquet"] == b"2"
    assert found[f"{pointer['prefix']}cost/costs.parquet"] == b"2"
    assert found["bi/runs/run-1/cost/costs.parquet"] == b"1"
    assert "bi/current/cost/gone.parquet" not in found


def test_as_many_runs_stay_as_are_kept(copies: Copies) -> None:
    for number in (1, 2, 3):
        copies.publish(f"run-{number}", costs=b"%d" % number)
    runs = {key.split("/")[2] for key in copies.contents() if "/runs/" in key}
    assert runs == {"run-2", "run-3"}


def test_what_is_not_of_a_run_is_never_deleted(copies: Copies) -> None:
    copies.publish("run-1", costs=b"1", gone=b"1")
    foreign = {
        "bi/current/other-team/report.parquet",
        "bi/runs/dbt/manifest.json",
        "bi/runs/zzz/model.bin",
    }
    for name in sorted(foreign):
        copies.target.write(name.removeprefix("bi/"), b"theirs")
    for number in (2, 3):
        copies.publish(f"run-{number}", costs=b"2")
    found = copies.contents()
    assert foreign <= found.keys()
    assert "bi/current/cost/gone.parquet" not in found
    assert {key.split("/")[2] for key in found if "/runs/run" in key} == {
        "run-2",
        "run-3",
    }


@needs_s3
def test_what_cannot_be_deleted_is_named(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a bucket under object lock answers: 200, with an error for each object."""
    copies = copies_on_s3(s3, tmp_path)
    copies.publish("run-1", costs=b"1", gone=b"1")
    refused = {"Errors": [{"Key": "bi/x", "Code": "AccessDenied"}]}
    client = copies.target._objects.client
    monkeypatch.setattr(client, "delete_objects", lambda **_: refused)
    with pytest.raises(FatalSourceError, match=r"could not be deleted \(AccessDenied"):
        copies.publish("run-2", costs=b"2")


@pytest.mark.parametrize("broken", ["upload", "replicate"])
def test_a_copy_that_breaks_off_leaves_the_run_before_and_is_made_again(
    copies: Copies, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    copies.publish("run-1", costs=b"1")
    real = getattr(type(copies.target), broken)

    def break_off(target: object, *given: Any) -> Any:
        if any(str(each).endswith("tables.json") for each in given):
            raise ConnectionError("cut")
        return real(target, *given)

    with monkeypatch.context() as cut:
        cut.setattr(type(copies.target), broken, break_off)
        with pytest.raises(ConnectionError):
            copies.publish("run-2", costs=b"2")
    assert json.loads(copies.contents()["bi/current.json"])["run_id"] == "run-1"

    copies.publish("run-2", costs=b"2")
    found = copies.contents()
    assert json.loads(found["bi/current.json"])["run_id"] == "run-2"
    assert found["bi/current/cost/costs.parquet"] == b"2"


def test_what_is_current_already_is_not_written_again(copies: Copies) -> None:
    copies.publish("run-1", costs=b"1")
    copies.remove("bi/current/tables.json")
    copies.publish("run-1", costs=b"1")
    assert "bi/current/tables.json" not in copies.contents()


@needs_s3
def test_a_bucket_that_is_not_there_is_named(s3: str, tmp_path: Path) -> None:
    copies = copies_on_s3(s3, tmp_path)
    settings = S3TargetSettings(bucket="no-such-bucket", endpoint_url=s3)
    copies.target = S3Target(settings)
    with pytest.raises(FatalSourceError, match="bucket does not exist"):
        copies.publish("run-1", costs=b"1")


@needs_s3
def test_a_bucket_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    settings = S3TargetSettings(bucket="b", endpoint_url="http://127.0.0.1:9")
    copies = Copies(S3Target(settings), tmp_path, dict, lambda _: None)
    with pytest.raises(Exception, match="could not be reached, or broke off"):
        copies.publish("run-1", costs=b"1")


@needs_azure
@needs_azurite
def test_a_signature_that_only_reads_names_what_is_missing(
    azurite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = copies_on_azure(azurite, tmp_path)
    secret = loopback_blobs.signature("rl")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", secret)
    with pytest.raises(SourceAccessError, match="may not write here") as error:
        copies.publish("run-1", costs=b"1")
    assert "Storage Blob Data Contributor" in (error.value.next_step or "")
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("s3: {bucket: marts}", 4),
        ("azure: {account_url: 'https://a.example.com', container: marts}", 4),
    ],
)
def test_a_target_without_formats_is_refused_with_its_line(
    tmp_path: Path, target: str, line: int
) -> None:
    (tmp_path / "triptych.yml").write_text(
        f"organisation: A\ncurrency: EUR\nbi:\n  {target}\n", "utf-8"
    )
    with pytest.raises(SettingsError, match=rf"triptych\.yml:{line}: nothing is"):
        load_settings(tmp_path)
