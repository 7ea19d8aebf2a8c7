"""Servers on loopback that tests of several connectors and stores start alike."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.ingest.laid_out_catalogues import begin_laid_out
from tests.ingest.layouts.aws_export_layout import Bucket
from tests.ingest.servers.http_server import ScriptedServer
from tests.ingest.servers.loopback_blobs import running_azurite
from tests.ingest.servers.loopback_s3 import (
    FaultyProxy,
    client,
    running_s3,
    set_environment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _laid_out_once() -> Iterator[None]:
    """Begin each workspace with a copy of the catalogue that a first ingest makes."""
    with pytest.MonkeyPatch.context() as patch:
        begin_laid_out(patch)
        yield


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Return the address of an S3-compatible server; each test has its own bucket."""
    with running_s3() as url:
        yield url


@pytest.fixture
def proxy(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    set_environment(monkeypatch)
    with FaultyProxy(endpoint) as running:
        yield running


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    writer = client(endpoint)
    writer.create_bucket(Bucket=name)
    return Bucket(writer, name)


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_azurite(tmp_path_factory.mktemp("azurite")) as url:
        yield url
