"""Lists and downloads objects of Amazon S3, or of a store that speaks its protocol.

Downloads come in ranges, several at a time, each bound to the ETag that was listed,
so that an overwrite is noticed; a body that breaks off is resumed. Every object is
proven by size and checksum before it is handed over. Credentials come from boto3's
own chain, and never from triptych's configuration.

Source: Amazon S3 API reference, ListObjectsV2, HeadObject, GetObject.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ingest.http.pages import each_once, until_the_last
from ingest.storage.aws_session import new_session
from ingest.storage.object_checksums import proofs
from ingest.storage.object_errors import ObjectChangedError, client_error
from ingest.storage.objects import StoredObject
from triptych.core.errors import FatalSourceError, SourceError, TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from ingest.storage.object_checksums import Proof

PART_BYTES = 8 * 1024 * 1024

_BLOCK_BYTES = 1024 * 1024
_REQUEST_ATTEMPTS = 5
_BODY_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.2
_CONNECT_TIMEOUT_SECONDS = 10
_READ_TIMEOUT_SECONDS = 60
_LONGEST_WAIT_SECONDS = 60.0
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(slots=True)
class _Range:
    """Bytes of an object that are still to come; ``position`` moves on."""

    stored: StoredObject
    position: int
    end: int
    path: Path | None = None

    @property
    def header(self) -> dict[str, Any]:
        is_whole = self.position == 0 and self.end == self.stored.size
        return {} if is_whole else {"Range": f"bytes={self.position}-{self.end - 1}"}

    def is_answered_by(self, answer: Mapping[str, Any]) -> bool:
        span = f"bytes {self.position}-{self.end - 1}/"
        given = str(answer.get("ContentRange", span if not self.header else ""))
        is_complete = answer["ContentLength"] == self.end - self.position
        return is_complete and given.startswith(span)


class S3Objects:
    """A bucket.

    A single client serves all threads. botocore retries requests (standard mode,
    bounded; ``AWS_MAX_ATTEMPTS`` overrides how often). Memory stays below two blocks of
    1 MiB per download thread.

    Parameters
    ----------
    bucket : str
        Bucket name.
    endpoint_url : str, optional
        Address of an S3-compatible store; ``None`` for Amazon's own.
    region : str, optional
        Region of the bucket; ``None`` leaves it to the environment.
    profile : str, optional
        Named profile of the credential chain.
    max_parallel_downloads : int
        Number of ranges in flight at a time.
    part_bytes : int
        Size of a range [bytes].
    """

    is_local = False

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        max_parallel_downloads: int = 8,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._region = region
        self._profile = profile
        self._max_parallel_downloads = max_parallel_downloads
        self._part_bytes = part_bytes
        self._client: S3Client | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> S3Client:
        """The client that all threads share; made when first asked for."""
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
            return self._client

    def uri(self, key: str) -> str:
        """Return the ``s3://`` address."""
        return f"s3://{self._bucket}/{key}"

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below ``prefix``, sorted."""
        folders = {
            folder["Prefix"]
            for page in self._pages(prefix)
            for folder in page.get("CommonPrefixes", [])
        }
        return sorted(folder[len(prefix) :].rstrip("/") for folder in folders)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects directly below ``prefix``; none if it does not exist."""
        yield from _listed(self._pages(prefix))

    def list_tree(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects below ``prefix``, in the order of their keys."""
        yield from _listed(self._pages(prefix, delimiter=""))

    def read_bytes(self, stored: StoredObject) -> bytes:
        """Return the content of a small object, as it was listed."""
        content = bytearray(stored.size)

        def write(block: bytes, position: int) -> None:
            content[position : position + len(block)] = block

        self._receive(_Range(stored, 0, stored.size), write)
        return bytes(content)

    def probe(self, stored: StoredObject) -> None:
        """Raise a fetch's error for a missing permission; reads no data."""
        self._head(stored)

    def fetch(self, objects: Sequence[StoredObject], *, folder: Path) -> list[Path]:
        """Download the objects below ``folder``, whole and proven, in order.

        Raises
        ------
        ObjectChangedError
            An object was overwritten since it was listed.
        ObjectMissingError
            An object was deleted since it was listed.
        TransientSourceError
            A download broke off too often, or does not match its checksum.
        """
        folder.mkdir(parents=True, exist_ok=True)
        paths = [
            folder / f"{number:05d}-{stored.key.rsplit('/', 1)[-1]}"
            for number, stored in enumerate(objects)
        ]
        ranges = [
            part
            for stored, path in zip(objects, paths, strict=True)
            for part in self._ranges(stored, path)
        ]
        with ThreadPoolExecutor(self._max_parallel_downloads) as pool:
            heads = _run_all(pool, self._head, objects)
            _run_all(pool, self._fetch_range, ranges)
            downloads = zip(objects, paths, heads, strict=True)
            _run_all(pool, lambda download: self._verify(*download), downloads)
        return paths

    def _ranges(self, stored: StoredObject, path: Path) -> list[_Range]:
        path.touch()
        return [
            _Range(stored, start, min(start + self._part_bytes, stored.size), path)
            for start in range(0, stored.size, self._part_bytes)
        ]

    def _fetch_range(self, part: _Range) -> None:
        assert part.path is not None  # noqa: S101
        with part.path.open("r+b", buffering=0) as file:
            descriptor = file.fileno()

            def write(block: bytes, position: int) -> None:
                os.pwrite(descriptor, block, position)

            self._receive(part, write)

    def _receive(self, part: _Range, write: Callable[[bytes, int], None]) -> None:
        """Fetch a range, going on where the body broke off."""
        attempt = 0
        while part.position < part.end:
            attempt += 1
            try:
                self._stream(part, write)
            except _client_failures() as error:
                failure = self._translated(error, part.stored.key, "GetObject")
                is_broken_off = type(failure) is TransientSourceError
                if attempt == _BODY_ATTEMPTS or not is_broken_off:
                    raise failure from error
                time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)

    def _stream(self, part: _Range, write: Callable[[bytes, int], None]) -> None:
        answer = self.client.get_object(
            Bucket=self._bucket,
            Key=part.stored.key,
            IfMatch=_quoted(part.stored.etag),
            **part.header,
        )
        with answer["Body"] as body:
            if answer["ETag"].strip('"') != part.stored.etag:
                raise ObjectChangedError(
                    "The object was overwritten while it was being read.",
                    where=self.uri(part.stored.key),
                    next_step="Run again once it has been delivered.",
                )
            if not part.is_answered_by(cast("Mapping[str, Any]", answer)):
                raise FatalSourceError(
                    "The store did not send the bytes that it was asked for.",
                    where=self.uri(part.stored.key),
                    next_step="Use a store that honours ranged reads.",
                )
            while block := body.read(_BLOCK_BYTES):
                write(block, part.position)
                part.position += len(block)
        if part.position < part.end:
            raise ConnectionError("The body ended early.")

    def _head(
        self, stored: StoredObject, part_number: int | None = None
    ) -> Mapping[str, Any]:
        """Request an object's attributes, or the size of a single part."""
        wanted: dict[str, Any] = (
            {"PartNumber": part_number}
            if part_number
            else {"IfMatch": _quoted(stored.etag), "ChecksumMode": "ENABLED"}
        )
        try:
            answer = self.client.head_object(
                Bucket=self._bucket, Key=stored.key, **wanted
            )
        except _client_failures() as error:
            raise self._translated(error, stored.key, "HeadObject") from error
        return cast("Mapping[str, Any]", answer)

    def _verify(
        self, stored: StoredObject, path: Path, head: Mapping[str, Any]
    ) -> None:
        failed = [
            proof.name
            for proof in proofs(head)
            if not self._is_proven(stored, path, proof)
        ]
        if path.stat().st_size != stored.size:
            failed.append("size")
        if failed:
            raise TransientSourceError(
                f"The download does not match the object's {failed[0]}.",
                where=self.uri(stored.key),
                next_step="Nothing of it was taken; run again.",
            )

    def _is_proven(self, stored: StoredObject, path: Path, proof: Proof) -> bool:
        if not proof.part_count:
            return proof.holds_for(path, [stored.size])
        first = self._head(stored, 1)
        even = _even_parts(stored.size, int(first["ContentLength"]))
        if len(even) == proof.part_count and proof.holds_for(path, even):
            return True
        if first.get("PartsCount") != proof.part_count:
            return True  # The store does not tell part sizes: the size must do.
        return proof.holds_for(path, self._part_sizes(stored, proof.part_count))

    def _part_sizes(self, stored: StoredObject, count: int) -> list[int]:
        return [
            int(self._head(stored, number)["ContentLength"])
            for number in range(1, count + 1)
        ]

    def _pages(
        self, prefix: str, *, delimiter: str = "/"
    ) -> Iterator[Mapping[str, Any]]:
        paginator = self.client.get_paginator("list_objects_v2")
        pages = paginator.paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter=delimiter
        )
        try:
            yield from until_the_last(
                cast("Iterator[Mapping[str, Any]]", pages),
                token_of=lambda page: page.get("NextContinuationToken"),
                where=self.uri(prefix),
            )
        except _client_failures() as error:
            raise self._translated(error, prefix, "ListObjectsV2") from error

    def _translated(self, error: Exception, key: str, operation: str) -> SourceError:
        return client_error(error, uri=self.uri(key), operation=operation)

    def _new_client(self) -> S3Client:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        attempts = int(os.environ.get("AWS_MAX_ATTEMPTS") or _REQUEST_ATTEMPTS)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            read_timeout=_READ_TIMEOUT_SECONDS,
            max_pool_connections=self._max_parallel_downloads + 2,
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if self._endpoint_url else "auto"},
        )
        try:
            session = new_session(profile=self._profile, region=self._region)
            client = session.client(
                "s3", endpoint_url=self._endpoint_url, config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise self._translated(error, "", "CreateClient") from error
        # The stubs do not know of handlers that answer.
        on_failure: Any = partial(_wait, attempts)
        client.meta.events.register_first("needs-retry.s3", on_failure)
        return client


def _listed(pages: Iterator[Mapping[str, Any]]) -> Iterator[StoredObject]:
    items = (item for page in pages for item in page.get("Contents", []))
    for item in each_once(items, key=lambda item: item["Key"]):
        yield StoredObject(
            key=item["Key"],
            size=item["Size"],
            etag=item["ETag"].strip('"'),
            modified_at=item["LastModified"].astimezone(UTC),
        )


def _wait(
    limit: int,
    response: tuple[Any, Mapping[str, Any]] | None = None,
    attempts: int = 1,
    **_: object,
) -> float | None:
    """Return for how long to wait before the next try, where botocore does not know.

    It tries neither status 429 again, which stores other than Amazon's answer, nor
    grants it the time that a store asks for.
    """
    status = response[0].status_code if response else 0
    if response is None or status not in _BUSY or attempts >= limit:
        return None
    headers = response[1].get("ResponseMetadata", {}).get("HTTPHeaders", {})
    asked = str(headers.get("retry-after", ""))
    if asked.isdecimal():
        return min(float(asked), _LONGEST_WAIT_SECONDS)
    is_new_to_botocore = status == HTTPStatus.TOO_MANY_REQUESTS
    return _FIRST_PAUSE_SECONDS * 2.0**attempts if is_new_to_botocore else None


def _client_failures() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, ClientError, HTTPError, ConnectionError, TimeoutError


def _quoted(etag: str) -> str:
    return f'"{etag}"'


def _even_parts(size: int, part_bytes: int) -> list[int]:
    whole, rest = divmod(size, max(part_bytes, 1))
    return [part_bytes] * whole + [rest] * bool(rest)


def _run_all(
    pool: ThreadPoolExecutor,
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
) -> list[_Result]:
    """Run ``work`` on every item; the first failure cancels pending items."""
    futures: list[Future[_Result]] = [pool.submit(work, item) for item in items]
    done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
    for future in waiting:
        future.cancel()
    for future in done:
        future.result()
    return [future.result() for future in futures]
