"""Objects over HTTP with the real boto3 client, and in a folder."""

from __future__ import annotations

import hashlib
import logging
import random
import tracemalloc
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from ingest.storage.object_checksums import proofs
from ingest.storage.object_errors import ObjectChangedError, ObjectMissingError
from ingest.storage.objects import LocalObjects, StoredObject
from ingest.storage.s3_objects import S3Objects
from tests.ingest.servers.loopback_s3 import (
    ENVIRONMENT,
    KEYS_PER_PAGE,
    MISSING_REASON,
    Fault,
    FaultyProxy,
    Request,
    is_available,
    set_environment,
)
from triptych.core.errors import (
    FatalSourceError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ingest.layouts.aws_export_layout import Bucket

MEBIBYTE = 1024 * 1024

needs_s3 = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)


def open_store(proxy: FaultyProxy, bucket: Bucket, **options: Any) -> S3Objects:
    return S3Objects(bucket.name, endpoint_url=proxy.url, **options)


def only(store: S3Objects, prefix: str) -> StoredObject:
    (stored,) = store.list_objects(prefix)
    return stored


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@needs_s3
def test_a_multipart_object_arrives_whole_through_parallel_ranges(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    content = noise(12 * MEBIBYTE + 17)
    bucket.put("data/large.bin", content)
    store = open_store(proxy, bucket, part_bytes=MEBIBYTE)
    stored = only(store, "data/")
    assert stored.etag.endswith("-3")
    (path,) = store.fetch([stored], folder=tmp_path)
    assert path.read_bytes() == content
    assert len(proxy.reads_of("large.bin")) == 13
    assert {r.headers["If-Match"] for r in proxy.reads_of("large.bin")} == {
        f'"{stored.etag}"'
    }


@needs_s3
def test_memory_stays_small_whatever_the_size_of_an_object(
    endpoint: str, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("data/large.bin", bytes(48 * MEBIBYTE))
    store = S3Objects(bucket.name, endpoint_url=endpoint, max_parallel_downloads=4)
    stored = only(store, "data/")
    tracemalloc.start()
    (path,) = store.fetch([stored], folder=tmp_path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size == 48 * MEBIBYTE
    assert peak_bytes < 4 * 3 * MEBIBYTE


@needs_s3
def test_parts_of_uneven_size_are_proven_part_by_part(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    pieces = [noise(6 * MEBIBYTE), noise(5 * MEBIBYTE), noise(1000)]
    writer, address = bucket.client, {"Bucket": bucket.name, "Key": "uneven.bin"}
    upload = writer.create_multipart_upload(**address)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": writer.upload_part(
                **address, UploadId=upload, PartNumber=number, Body=piece
            )["ETag"],
        }
        for number, piece in enumerate(pieces, start=1)
    ]
    writer.complete_multipart_upload(
        **address, UploadId=upload, MultipartUpload={"Parts": parts}
    )
    store = open_store(proxy, bucket)
    (path,) = store.fetch([only(store, "")], folder=tmp_path)
    assert path.read_bytes() == b"".join(pieces)
    asked = [r.path for r in proxy.requests if "partNumber" in r.path]
    assert len(asked) == 4  # The first tells that parts may be even; they are not.


@needs_s3
@pytest.mark.parametrize("size", [1000, 11 * MEBIBYTE])
def test_a_body_altered_on_the_way_is_refused_by_its_etag(
    proxy: FaultyProxy,
    bucket: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    bucket.put("data/altered.bin", noise(size))
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    receive = S3Objects._receive

    def alter(self: S3Objects, part: Any, write: Callable[[bytes, int], None]) -> None:
        receive(self, part, lambda block, at: write(block[:-1] + b"\0", at))

    monkeypatch.setattr(S3Objects, "_receive", alter)
    with pytest.raises(TransientSourceError, match="does not match the object's ETag"):
        store.fetch([stored], folder=tmp_path)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
@needs_s3
def test_a_checksum_that_the_writer_asked_for_is_used(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path, algorithm: str
) -> None:
    content = noise(5000)
    bucket.client.put_object(
        Bucket=bucket.name, Key="one", Body=content, ChecksumAlgorithm=algorithm
    )
    store = open_store(proxy, bucket)
    head = store._head(only(store, ""))
    (path,) = store.fetch([only(store, "")], folder=tmp_path)
    found = {proof.name: proof for proof in proofs(head)}
    assert found[f"Checksum{algorithm}"].holds_for(path, [5000])
    path.write_bytes(content[:-1] + b"\0")
    assert not found[f"Checksum{algorithm}"].holds_for(path, [5000])


def test_an_etag_of_an_object_encrypted_with_kms_proves_nothing() -> None:
    etag = hashlib.md5(b"", usedforsecurity=False).hexdigest()
    assert proofs({"ETag": etag})
    assert not proofs({"ETag": etag, "ServerSideEncryption": "aws:kms"})
    assert not proofs({"ETag": etag, "SSECustomerAlgorithm": "AES256"})
    assert not proofs({"ETag": '"not-an-md5"'})


@needs_s3
def test_a_connection_cut_in_the_middle_of_a_body_is_resumed(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    content = noise(3 * MEBIBYTE)
    bucket.put("data/cut.bin", content)
    cuts = iter([2 * MEBIBYTE, 0])

    def cut(request: Request) -> Fault | None:
        keep = next(cuts, None) if request.method == "GET" and request.key else None
        return None if keep is None else Fault(keep_bytes=keep)

    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    proxy.on_request = cut
    (path,) = store.fetch([stored], folder=tmp_path)
    assert path.read_bytes() == content
    resumed = [r.headers.get("Range") for r in proxy.reads_of("cut.bin")]
    assert resumed[0] is None
    assert resumed[-1] == f"bytes={2 * MEBIBYTE}-{3 * MEBIBYTE - 1}"


@needs_s3
def test_a_body_that_always_breaks_off_fails_as_transient(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("data/cut.bin", noise(1000))
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    proxy.on_request = lambda r: Fault(keep_bytes=0) if r.method == "GET" else None
    with pytest.raises(TransientSourceError, match="broke off"):
        store.fetch([stored], folder=tmp_path)
    assert len(proxy.reads_of("cut.bin")) <= 4 * 5


@needs_s3
def test_slow_down_twice_is_waited_for(proxy: FaultyProxy, bucket: Bucket) -> None:
    bucket.put("data/a", b"a")
    refusals = iter([Fault(503, "SlowDown")] * 2)
    proxy.on_request = lambda _: next(refusals, None)
    assert only(open_store(proxy, bucket), "data/").size == 1
    assert len(proxy.requests) == 3


@needs_s3
def test_a_store_that_keeps_refusing_is_asked_a_bounded_number_of_times(
    proxy: FaultyProxy, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    proxy.on_request = lambda _: Fault(503, "SlowDown")
    with pytest.raises(TransientSourceError, match="SlowDown"):
        only(open_store(proxy, bucket), "data/")
    assert len(proxy.requests) == 2


@needs_s3
def test_a_listing_of_more_than_a_page_is_followed_to_its_end(
    proxy: FaultyProxy, bucket: Bucket
) -> None:
    keys = [f"data/{number:04d}" for number in range(KEYS_PER_PAGE + 3)]
    for key in keys:
        bucket.put(key, b"x")
    bucket.put("data/deeper/not-a-child", b"x")
    bucket.put("elsewhere/large", b"x")
    store = open_store(proxy, bucket)
    assert [stored.key for stored in store.list_objects("data/")] == keys
    assert len(proxy.requests) == 2
    assert store.list_folders("data/") == ["deeper"]
    assert all("prefix=data%2F" in request.path for request in proxy.requests)


@needs_s3
def test_an_object_overwritten_after_it_was_listed_is_noticed(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("data/a", b"before")
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    bucket.put("data/a", b"after!")
    with pytest.raises(ObjectChangedError):
        store.fetch([stored], folder=tmp_path)


@needs_s3
def test_an_object_overwritten_between_two_ranges_is_noticed(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("data/a", b"a" * 100)
    store = open_store(proxy, bucket, part_bytes=60, max_parallel_downloads=1)
    stored = only(store, "data/")

    def overwrite(request: Request) -> None:
        if request.method == "GET" and request.headers["Range"] == "bytes=60-99":
            bucket.put("data/a", b"b" * 100)

    proxy.on_request = overwrite
    with pytest.raises(ObjectChangedError):
        store.fetch([stored], folder=tmp_path)


@needs_s3
def test_an_object_deleted_after_it_was_listed_is_missing(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("data/a", b"a")
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    bucket.client.delete_object(Bucket=bucket.name, Key="data/a")
    with pytest.raises(ObjectMissingError):
        store.fetch([stored], folder=tmp_path)


@needs_s3
def test_a_store_that_ignores_ranges_is_refused(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path, monkeypatch: Any
) -> None:
    bucket.put("data/a", b"a" * 100)
    store = open_store(proxy, bucket, part_bytes=60)
    get_object = store.client.get_object
    monkeypatch.setattr(
        store.client,
        "get_object",
        lambda **wanted: get_object(
            **{name: value for name, value in wanted.items() if name != "Range"}
        ),
    )
    with pytest.raises(FatalSourceError, match="did not send the bytes"):
        store.fetch([only(store, "data/")], folder=tmp_path)


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    operation: str
    kind: type[SourceError]
    words: str


REFUSALS = [
    Refusal(403, "AccessDenied", "list", SourceAccessError, "s3:ListBucket"),
    Refusal(403, "AccessDenied", "read", SourceAccessError, "s3:GetObject"),
    Refusal(400, "ExpiredToken", "list", SourceAccessError, "credential chain"),
    Refusal(403, "InvalidAccessKeyId", "list", SourceAccessError, "credential chain"),
    Refusal(403, "SignatureDoesNotMatch", "read", SourceAccessError, "credential"),
    Refusal(404, "NoSuchBucket", "list", FatalSourceError, "bucket does not exist"),
    Refusal(404, "NoSuchKey", "read", ObjectMissingError, "does not exist"),
    Refusal(403, "InvalidObjectState", "read", FatalSourceError, "archive storage"),
    Refusal(405, "MethodNotAllowed", "read", FatalSourceError, "MethodNotAllowed"),
]


@needs_s3
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: f"{r.code}-{r.operation}")
def test_each_refusal_says_what_is_wrong_and_shows_no_secret(
    proxy: FaultyProxy,
    bucket: Bucket,
    caplog: pytest.LogCaptureFixture,
    refusal: Refusal,
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket.put("data/a", b"a")
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    attempt: dict[str, Callable[[], object]] = {
        "list": lambda: only(store, "data/"),
        "read": lambda: store.read_bytes(stored),
    }
    secrets = [ENVIRONMENT[n] for n in ENVIRONMENT if n.startswith("AWS_SE")]
    echo = f"a store may echo {secrets}"
    proxy.on_request = lambda _: Fault(refusal.status, refusal.code, echo)
    with pytest.raises(refusal.kind, match=refusal.words) as caught:
        attempt[refusal.operation]()
    assert caught.value.where.startswith(f"s3://{bucket.name}/data/")
    if refusal.words.startswith("s3:"):
        resource = f"arn:aws:s3:::{bucket.name}"
        assert f"lack {refusal.words} on {resource}" in caught.value.what
        assert f"Allow {refusal.words} on {resource}" in caught.value.next_step
    assert len(secrets) == 2
    for secret in secrets:
        assert secret not in str(caught.value)
        assert secret not in caplog.text


@needs_s3
def test_a_key_that_may_not_be_used_is_named_as_the_missing_permission(
    proxy: FaultyProxy, bucket: Bucket
) -> None:
    bucket.put("data/a", b"a")
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    key = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-6789-abcd-ef012345"
    text = f"not authorized to perform: kms:Decrypt on resource: {key} because of x"
    proxy.on_request = lambda _: Fault(403, "AccessDenied", text)
    with pytest.raises(SourceAccessError) as caught:
        store.read_bytes(stored)
    assert f"lack kms:Decrypt on {key}." in caught.value.what
    assert "because of x" not in str(caught.value)
    proxy.on_request = lambda _: Fault(403, "KMS.DisabledException", "made up")
    with pytest.raises(SourceAccessError, match="on the KMS key that encrypts"):
        store.read_bytes(stored)


@needs_s3
def test_a_head_refused_without_a_body_still_names_the_action(
    proxy: FaultyProxy, bucket: Bucket
) -> None:
    bucket.put("data/a", b"a")
    store = open_store(proxy, bucket)
    stored = only(store, "data/")
    proxy.on_request = lambda _: Fault(403)
    with pytest.raises(SourceAccessError, match=r"s3:GetObject"):
        store.probe(stored)


def test_absent_credentials_name_the_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ENVIRONMENT:
        if name.startswith(("AWS_ACCESS", "AWS_SE")):
            monkeypatch.delenv(name)
    store = S3Objects("example", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(SourceAccessError, match=r"credential chain.*NoCredentials"):
        only(store, "data/")


def test_an_unknown_profile_names_the_chain() -> None:
    store = S3Objects("example", profile="nobody")
    with pytest.raises(SourceAccessError, match=r"credential chain.*ProfileNotFound"):
        only(store, "data/")


@pytest.mark.parametrize(
    ("bucket_name", "url"),
    [("not a bucket", "http://127.0.0.1:9"), ("example", "no-address")],
)
def test_settings_that_the_client_refuses_are_not_called_transient(
    bucket_name: str, url: str
) -> None:
    with pytest.raises(FatalSourceError, match="does not accept"):
        only(S3Objects(bucket_name, endpoint_url=url), "data/")


def test_an_endpoint_that_cannot_be_reached_is_transient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    store = S3Objects("example", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(TransientSourceError, match="could not be reached"):
        only(store, "data/")


def test_files_in_a_folder_are_read_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "data" / "deeper").mkdir(parents=True)
    (tmp_path / "data" / "a").write_bytes(b"abc")
    store = LocalObjects(tmp_path)
    (stored,) = store.list_objects("data/")
    assert (stored.key, stored.size) == ("data/a", 3)
    assert store.list_folders("data/") == ["deeper"]
    assert list(store.list_objects("nothing/")) == []
    assert store.fetch([stored], folder=tmp_path / "w") == [tmp_path / "data" / "a"]
    assert store.read_bytes(stored) == b"abc"
    with pytest.raises(ObjectMissingError):
        store.probe(replace(stored, key="data/b"))


def test_a_copy_is_called_by_its_path_below_the_workspace(tmp_path: Path) -> None:
    inside = LocalObjects(tmp_path / "bills", tmp_path)
    assert inside.uri("data/a") == "bills/data/a"
    outside = LocalObjects(tmp_path, tmp_path / "workspace")
    assert outside.uri("data/a") == str(tmp_path / "data" / "a")


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FatalSourceError, match="does not exist"):
        LocalObjects(tmp_path / "nowhere").list_folders("data/")
