"""The sample company's AWS bill, uploaded as it lies on disk, and read over HTTP."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from ingest.connector import Window
from ingest.sample_company.company import write_company
from ingest.sources.aws.data_exports import AwsDataExports, AwsDataExportsConfig
from tests.ingest.servers.loopback_s3 import (
    MISSING_REASON,
    client,
    is_available,
    running_s3,
    set_environment,
)

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = "nordhafen-billing"


def read_all(connector: AwsDataExports, workdir: Path) -> dict[str, list[str]]:
    """Return the checksums of the files of every month."""
    return {
        delivery.scope: [
            hashlib.sha256(part.path.read_bytes()).hexdigest()
            for part in connector.read(delivery, workdir / delivery.period)
        ]
        for delivery in connector.deliveries(Window())
    }


@pytest.mark.full
@pytest.mark.emulator
@pytest.mark.skipif(not is_available(), reason=MISSING_REASON)
def test_a_bucket_with_the_uploaded_folder_gives_the_same_months_as_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch)
    write_company(tmp_path / "company", months=6, scale=0.02)
    folder = tmp_path / "company" / "bills" / "aws"
    options = {"name": "aws", "type": "aws_data_exports", "prefix": "exports"}
    local = AwsDataExports(
        AwsDataExportsConfig(**options, export="focus", path="bills/aws"),
        root=tmp_path / "company",
    )
    with running_s3() as endpoint:
        writer = client(endpoint)
        writer.create_bucket(Bucket=BUCKET)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = path.relative_to(folder).as_posix()
                writer.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        remote = AwsDataExports(
            AwsDataExportsConfig(
                **options, export="focus", bucket=BUCKET, endpoint_url=endpoint
            ),
            root=tmp_path,
        )
        uploaded = read_all(remote, tmp_path / "remote")
    assert len(uploaded) == 6
    assert uploaded == read_all(local, tmp_path / "local")
