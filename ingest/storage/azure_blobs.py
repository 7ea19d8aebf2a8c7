"""Lists and downloads blobs of a container in Azure Storage.

Each download is bound to the ETag that was listed, so that an overwrite is noticed,
comes in ranges, several at a time, and is proven by its size and, where the blob has an
MD5, by that. Credentials come from the environment or from Azure's own chain, and never
from triptych's configuration. The library is an extra: ``triptych[azure]``.

Source: Azure Storage REST API, *List Blobs*, *Get Blob*, *Get Blob Properties*.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
import weakref
from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ingest.http.addresses import is_loopback
from ingest.http.pages import each_once, until_the_last
from ingest.storage.azure_errors import blob_error, no_credential, not_installed
from ingest.storage.objects import StoredObject
from triptych.core.errors import TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from azure.storage.blob import (
        BlobProperties,
        ContainerClient,
        ExponentialRetry,
        StorageStreamDownloader,
    )

PART_BYTES = 8 * 1024 * 1024
#: Wait before the second try of a request; it doubles each time. Tests shorten it.
FIRST_WAIT_SECONDS = 1
READ_TIMEOUT_SECONDS = 60

_RETRIES = 4
_LONGEST_WAIT_SECONDS = 60
_CONNECT_TIMEOUT_SECONDS = 10


class BlobObjects:
    """A container.

    Parameters
    ----------
    account_url : str
        Address of the storage account's Blob service.
    container : str
        Container name.
    max_parallel_downloads : int
        Number of ranges of a blob in flight at a time.
    """

    is_local = False

    def __init__(
        self, account_url: str, *, container: str, max_parallel_downloads: int = 8
    ) -> None:
        self._account_url = account_url.rstrip("/")
        self._container = container
        self._max_parallel_downloads = max_parallel_downloads
        self._client: ContainerClient | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> ContainerClient:
        """The client that all threads share; made when first asked for."""
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
                weakref.finalize(self, self._client.close)
            return self._client

    def uri(self, key: str) -> str:
        """Return the blob's address, without a signature."""
        return f"{self._account_url}/{self._container}/{key}"

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below ``prefix``, sorted."""
        folders = [
            item.name[len(prefix) :].rstrip("/")
            for item in self._walked(prefix)
            if item.name.endswith("/")
        ]
        return sorted(folders)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the blobs directly below ``prefix``; none if it does not exist."""
        for item in self._walked(prefix):
            if not item.name.endswith("/"):
                yield _stored(item)

    def list_tree(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all blobs below ``prefix``, in the order of their names."""
        client = self.client
        pages = client.list_blobs(name_starts_with=prefix).by_page()
        yield from map(_stored, self._listed(pages, prefix))

    def read_bytes(self, stored: StoredObject) -> bytes:
        """Return the content of a small blob, as it was listed."""
        try:
            content: bytes = self._opened(stored, parallel=1).readall()
        except client_failures() as error:
            raise blob_error(error, uri=self.uri(stored.key)) from error
        return content

    def probe(self, stored: StoredObject) -> None:
        """Raise a fetch's error for a missing permission; reads 1 byte.

        A signature may allow the attributes of a blob and not its content.
        """
        try:
            self._opened(stored, parallel=1, length=1).readall()
        except client_failures() as error:
            raise blob_error(error, uri=self.uri(stored.key)) from error

    def fetch(self, objects: Sequence[StoredObject], *, folder: Path) -> list[Path]:
        """Download the blobs below ``folder``, whole and proven, in order.

        Raises
        ------
        ObjectChangedError
            A blob was overwritten since it was listed.
        ObjectMissingError
            A blob was deleted since it was listed.
        TransientSourceError
            A download broke off too often, or does not match its size or MD5.
        """
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, stored in enumerate(objects):
            name = stored.key.rsplit("/", 1)[-1]
            paths.append(folder / f"{number:05d}-{name}")
            self._download(stored, paths[-1])
        return paths

    def _download(self, stored: StoredObject, path: Path) -> None:
        try:
            download = self._opened(stored, parallel=self._max_parallel_downloads)
            with path.open("wb") as file:
                download.readinto(file)
        except client_failures() as error:
            raise blob_error(error, uri=self.uri(stored.key)) from error
        md5 = download.properties.content_settings.content_md5
        with path.open("rb") as file:
            found = hashlib.file_digest(file, _md5).digest()
        if path.stat().st_size != stored.size or (md5 and bytes(md5) != found):
            raise TransientSourceError(
                "The download does not match the blob's size or MD5.",
                where=self.uri(stored.key),
                next_step="Nothing of it was taken; run again.",
            )

    def _opened(
        self, stored: StoredObject, *, parallel: int, length: int | None = None
    ) -> StorageStreamDownloader[bytes]:
        from azure.core import MatchConditions

        return self.client.download_blob(
            stored.key,
            offset=None if length is None else 0,
            length=length,
            etag=f'"{stored.etag}"',
            match_condition=MatchConditions.IfNotModified,
            max_concurrency=parallel,
        )

    def _walked(self, prefix: str) -> Iterator[Any]:
        client = self.client
        pages = client.walk_blobs(name_starts_with=prefix, delimiter="/").by_page()
        yield from self._listed(pages, prefix)

    def _listed(self, pages: Any, prefix: str) -> Iterator[Any]:  # noqa: ANN401
        following = until_the_last(
            pages,
            # The library keeps the token beside the pages, and not on them.
            token_of=lambda _: pages.continuation_token,
            where=self.uri(prefix),
        )
        items = (item for page in following for item in page)
        try:
            yield from each_once(items, key=lambda item: item.name)
        except client_failures() as error:
            raise blob_error(error, uri=self.uri(prefix), attempted="list") from error

    def _new_client(self) -> ContainerClient:
        try:
            from azure.storage.blob import ContainerClient
        except ImportError as error:
            raise not_installed("azure-storage-blob", self.uri("")) from error
        _keep_signatures_out_of_logs()
        return ContainerClient(
            self._account_url,
            container_name=self._container,
            credential=_credential(self._account_url),
            retry_policy=_retry_policy(),
            connection_timeout=_CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_single_get_size=PART_BYTES,
            max_chunk_get_size=PART_BYTES,
        )


def _retry_policy() -> ExponentialRetry:
    """Return how requests are tried again: the library's way, and 429 too.

    A server's wish to wait is granted, up to a minute.
    """
    from azure.storage.blob import ExponentialRetry

    class PatientRetry(ExponentialRetry):
        def send(self, request: Any) -> Any:  # noqa: ANN401  (the library's own)
            send: Any = super().send
            response = send(request)
            for attempt in range(_RETRIES):
                answer = response.http_response
                if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                    break
                time.sleep(_wait_seconds(answer.headers, attempt))
                response = send(request)
            return response

        def get_backoff_time(self, settings: dict[str, Any]) -> float:
            answer = settings["history"][-1].http_response
            own: float = super().get_backoff_time(settings)
            if answer is None or "Retry-After" not in answer.headers:
                return own
            return _wait_seconds(answer.headers, settings["count"])

    return PatientRetry(
        initial_backoff=FIRST_WAIT_SECONDS,
        increment_base=2 if FIRST_WAIT_SECONDS > 0 else 0,
        retry_total=_RETRIES,
        random_jitter_range=FIRST_WAIT_SECONDS,
    )


def _wait_seconds(headers: Mapping[str, str], attempt: int) -> float:
    asked = headers.get("Retry-After", "")
    own = FIRST_WAIT_SECONDS * 2**attempt
    return min(float(asked) if asked.isdecimal() else own, _LONGEST_WAIT_SECONDS)


def _credential(account_url: str) -> Any:  # noqa: ANN401  (a union of the library's)
    """Return the first of: a shared access signature, an account key, Entra ID."""
    signature = os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    if signature:
        from azure.core.credentials import AzureSasCredential

        return AzureSasCredential(signature.lstrip("?"))
    key = os.environ.get("AZURE_STORAGE_KEY")
    if key:
        return {"account_name": _account_name(account_url), "account_key": key}
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise no_credential(account_url) from error
    return DefaultAzureCredential()


def _account_name(account_url: str) -> str:
    """Return the account: the host's first label, or on loopback the path's."""
    host_and_path = account_url.partition("://")[2]
    host, _, path = host_and_path.partition("/")
    return path.split("/")[0] if is_loopback(account_url) else host.split(".")[0]


def _stored(item: BlobProperties) -> StoredObject:
    return StoredObject(
        key=item.name,
        size=item.size,
        etag=str(item.etag).strip('"'),
        modified_at=item.last_modified.astimezone(UTC),
    )


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


def client_failures() -> tuple[type[Exception], ...]:
    """Return the client's exceptions for service and network failures."""
    from azure.core.exceptions import AzureError

    return AzureError, ConnectionError, TimeoutError


def _keep_signatures_out_of_logs() -> None:
    """At level DEBUG these libraries log addresses, and a signature is in them."""
    for name in ("azure", "urllib3", "msal"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.getEffectiveLevel(), logging.WARNING))
