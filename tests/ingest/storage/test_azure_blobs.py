"""The blob store, with the real client, against Azurite and a server of our own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

import ingest.storage.azure_blobs
from ingest.storage.azure_blobs import BlobObjects
from ingest.storage.object_errors import ObjectChangedError, ObjectMissingError
from ingest.storage.objects import LocalObjects
from tests.ingest.servers.loopback_blobs import (
    ACCOUNT_KEY,
    AZURITE,
    AZURITE_MISSING,
    CONTAINER,
    LIBRARY_MISSING,
    BlobWriter,
    Fault,
    LoopbackBlobs,
    Request,
    has_library,
    signature,
)
from triptych.core.errors import (
    FatalSourceError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not has_library(), reason=LIBRARY_MISSING)
needs_azurite = pytest.mark.skipif(not AZURITE.exists(), reason=AZURITE_MISSING)


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackBlobs]:
    monkeypatch.setattr(ingest.storage.azure_blobs, "FIRST_WAIT_SECONDS", 0)
    with LoopbackBlobs() as server:
        yield server


@pytest.fixture(params=["our own", pytest.param("azurite", marks=[needs_azurite])])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "azurite":
        return str(request.getfixturevalue("azurite"))
    return str(request.getfixturevalue("blobs").url)


@pytest.fixture(autouse=True)
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_KEY", raising=False)
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature())


def written(url: str, contents: dict[str, bytes]) -> BlobObjects:
    writer = BlobWriter(url)
    writer.clear()
    for key, content in contents.items():
        writer.put(key, content)
    return BlobObjects(url, container=CONTAINER)


def test_folders_files_and_trees_are_listed_as_on_disk(
    url: str, tmp_path: Path
) -> None:
    keys = ["a/one.csv", "a/b/two.csv", "a/b/c/three.csv", "ab/four.csv", "five.csv"]
    store = written(url, {key: key.encode() for key in keys})
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_text(key)
    folder = LocalObjects(tmp_path)
    for prefix in ("", "a/", "a/b/", "nothing/"):
        assert store.list_folders(prefix) == folder.list_folders(prefix)
        for listing in ("list_objects", "list_tree"):
            here, there = (
                sorted((o.key, o.size) for o in getattr(place, listing)(prefix))
                for place in (store, folder)
            )
            assert here == there


def test_what_was_listed_is_fetched_whole_and_in_order(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.storage.azure_blobs, "PART_BYTES", 1024 * 1024)
    large = bytes(range(256)) * 12_000  # Three ranges of a MiB at most.
    store = written(url, {"x/1.csv": b"small", "x/2.csv": large, "x/3.csv": b"s"})
    stored = list(store.list_objects("x/"))
    paths = store.fetch(stored, folder=tmp_path / "out")
    assert [path.read_bytes() for path in paths] == [b"small", large, b"s"]
    assert store.read_bytes(stored[0]) == b"small"
    store.probe(stored[1])


def test_an_overwrite_after_the_listing_is_noticed(url: str, tmp_path: Path) -> None:
    store = written(url, {"x/1.csv": b"before"})
    (stored,) = store.list_objects("x/")
    BlobWriter(url).put("x/1.csv", b"after!")
    with pytest.raises(ObjectChangedError):
        store.fetch([stored], folder=tmp_path)
    BlobWriter(url).delete("x/1.csv")
    with pytest.raises((ObjectMissingError, ObjectChangedError)):
        store.fetch([stored], folder=tmp_path)


def test_a_container_that_does_not_exist_is_named(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_SAS_TOKEN")
    monkeypatch.setenv("AZURE_STORAGE_KEY", ACCOUNT_KEY)
    written(url, {})
    with pytest.raises(FatalSourceError, match="ContainerNotFound") as caught:
        list(BlobObjects(url, container="another").list_objects(""))
    assert "another" in caught.value.where


@pytest.mark.parametrize(
    ("permissions", "fails", "needed"), [("r", "list", "'l'"), ("l", "read", "'r'")]
)
def test_the_permission_that_a_signature_lacks_is_named(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    permissions: str,
    fails: str,
    needed: str,
) -> None:
    store = written(url, {"x/1.csv": b"1"})
    (stored,) = store.list_objects("x/")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(permissions))
    limited = BlobObjects(url, container=CONTAINER)
    with pytest.raises(SourceAccessError) as caught:
        list(limited.list_tree("")) if fails == "list" else limited.probe(stored)
    assert "Storage Blob Data Reader" in caught.value.next_step
    assert needed in caught.value.next_step


def test_an_expired_signature_is_a_matter_of_credentials(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(url, {"x/1.csv": b"1"})
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(minutes=-5))
    with pytest.raises(SourceAccessError, match="expired"):
        list(BlobObjects(url, container=CONTAINER).list_tree(""))


def test_an_account_key_works_too(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written(url, {"x/1.csv": b"1"})
    monkeypatch.delenv("AZURE_STORAGE_SAS_TOKEN")
    monkeypatch.setenv("AZURE_STORAGE_KEY", ACCOUNT_KEY)
    (stored,) = BlobObjects(url, container=CONTAINER).list_tree("")
    assert stored.key == "x/1.csv"


def test_without_a_credential_the_ways_to_give_one_are_named(
    blobs: LoopbackBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_SAS_TOKEN")
    monkeypatch.setitem(__import__("sys").modules, "azure.identity", None)
    with pytest.raises(SourceAccessError, match="AZURE_STORAGE_SAS_TOKEN"):
        list(BlobObjects(blobs.url, container=CONTAINER).list_tree(""))


def test_without_the_library_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "azure.storage.blob", None)
    store = BlobObjects("https://example.blob.core.windows.net", container="c")
    with pytest.raises(FatalSourceError, match="azure-storage-blob") as caught:
        list(store.list_tree(""))
    assert "triptych[azure]" in caught.value.next_step


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([Fault(503, "ServerBusy")] * 2, id="busy twice"),
        pytest.param([Fault(500, "InternalError")] * 2, id="500 twice"),
        pytest.param([Fault(429, "TooManyRequests")], id="429"),
        pytest.param([Fault(keep_bytes=3)], id="cut short"),
    ],
)
def test_what_passes_is_tried_again_and_the_download_is_whole(
    blobs: LoopbackBlobs, tmp_path: Path, faults: list[Fault]
) -> None:
    store = written(blobs.url, {"x/1.csv": b"0123456789"})
    (stored,) = store.list_objects("x/")
    waiting = iter(faults)
    blobs.on_request = lambda _: next(waiting, None)
    (path,) = store.fetch([stored], folder=tmp_path)
    assert path.read_bytes() == b"0123456789"
    assert next(waiting, None) is None


def test_a_listing_goes_over_all_pages_and_survives_a_cut_page(
    blobs: LoopbackBlobs,
) -> None:
    store = written(blobs.url, {f"x/{n:03d}.csv": b"1" for n in range(25)})
    blobs.page_size = 10
    faults = iter([None, Fault(503, "ServerBusy"), None, Fault(500)])
    blobs.on_request = lambda _: next(faults, None)
    assert len(list(store.list_tree("x/"))) == 25


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(503, "ServerBusy"), TransientSourceError, "ServerBusy"),
        (Fault(403, "AuthorizationFailure"), SourceAccessError, "network rules"),
        (Fault(403, "AuthenticationFailed"), SourceAccessError, "expired"),
        (Fault(401, "InvalidAuthenticationInfo"), SourceAccessError, "refused"),
        (Fault(404, "ContainerNotFound"), FatalSourceError, "container"),
        (Fault(409, "BlobArchived"), FatalSourceError, "archive"),
        (Fault(400, "InvalidQueryParameterValue"), FatalSourceError, "Invalid"),
    ],
)
def test_what_does_not_pass_is_said_without_repeating_the_service(
    blobs: LoopbackBlobs,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    kind: type[Exception],
    words: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    store = written(blobs.url, {"x/1.csv": b"1"})
    (stored,) = store.list_objects("x/")
    caplog.clear()
    blobs.on_request = lambda _: fault
    with pytest.raises(kind, match=words) as caught:
        store.probe(stored)
    signed_with = signature().partition("sig=")[2][:12]
    for text in (str(caught.value), caplog.text, repr(store)):
        assert ACCOUNT_KEY not in text
        assert signed_with not in text
        assert "sig=" not in text


def test_an_answer_that_takes_too_long_is_asked_for_again(
    blobs: LoopbackBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(blobs.url, {"x/1.csv": b"1"})
    monkeypatch.setattr(ingest.storage.azure_blobs, "READ_TIMEOUT_SECONDS", 0.3)
    slow = iter([Fault(wait_seconds=1)])
    seen: list[Request] = []

    def wait_once(request: Request) -> Fault | None:
        seen.append(request)
        return next(slow, None)

    blobs.on_request = wait_once
    store = BlobObjects(blobs.url, container=CONTAINER)
    assert [stored.key for stored in store.list_tree("x/")] == ["x/1.csv"]
    assert len(seen) == 2


def test_a_body_that_is_not_what_its_md5_says_is_refused(
    blobs: LoopbackBlobs, tmp_path: Path
) -> None:
    store = written(blobs.url, {"x/1.csv": b"0123456789"})
    (stored,) = store.list_objects("x/")
    blob = blobs.blobs["x/1.csv"]
    object.__setattr__(blob, "content", b"0123456780")
    with pytest.raises(TransientSourceError, match="MD5"):
        store.fetch([stored], folder=tmp_path)
