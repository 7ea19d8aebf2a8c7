"""Leaves blobs in a container of Azure Storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ingest.storage.azure_blobs import BlobObjects, client_failures
from ingest.storage.azure_errors import blob_error
from ingest.storage.publication import key_below, name_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azure.storage.blob import BlobProperties, ContainerClient

    from triptych.core.settings import AzureTargetSettings

_Result = TypeVar("_Result")


@dataclass(slots=True)
class AzureTarget:
    """A container; see :class:`ingest.storage.publication.Target`.

    Parameters
    ----------
    settings : AzureTargetSettings
        Account, container and prefix. Credentials are those of the Azure connector.
    """

    settings: AzureTargetSettings
    _objects: BlobObjects = field(init=False)

    def __post_init__(self) -> None:
        """Open nothing: a client is made when it is first asked for."""
        self._objects = BlobObjects(
            self.settings.account_url, container=self.settings.container
        )

    def key(self, name: str) -> str:
        """Return the whole name of a blob."""
        return key_below(self.settings.prefix, name)

    def read(self, name: str) -> bytes | None:
        """Return the content of a blob; None where it is not there."""

        def get(client: ContainerClient) -> bytes | None:
            blob = client.get_blob_client(self.key(name))
            return blob.download_blob().readall() if blob.exists() else None

        return self._call(name, get)

    def write(self, name: str, content: bytes) -> None:
        """Replace a blob of JSON as a whole."""
        from azure.storage.blob import ContentSettings

        kind = ContentSettings(content_type="application/json")
        self._call(
            name,
            lambda client: client.upload_blob(
                self.key(name), content, overwrite=True, content_settings=kind
            ),
        )

    def upload(self, path: Path, name: str) -> None:
        """Replace a blob by the content of a file."""

        def put(client: ContainerClient) -> None:
            with path.open("rb") as file:
                client.upload_blob(self.key(name), file, overwrite=True)

        self._call(name, put)

    def replicate(self, source: str, target: str, path: Path) -> None:
        """Send the file again: a copy of blobs needs a signature in its address."""
        del source
        self.upload(path, target)

    def names(self, below: str) -> Iterator[str]:
        """Yield the names of all blobs below a folder.

        With a hierarchical namespace folders are listed, too; they cannot be deleted
        like blobs.
        """

        def listed(client: ContainerClient) -> list[BlobProperties]:
            start = self.key(below)
            return list(client.list_blobs(name_starts_with=start, include=["metadata"]))

        for item in self._call(below, listed):
            if (item.metadata or {}).get("hdi_isfolder") != "true":
                yield name_below(self.settings.prefix, item.name)

    def delete(self, names: list[str]) -> None:
        """Delete blobs."""
        for name in names:
            self._call(name, _deleting(self.key(name)))

    def _call(self, name: str, call: Callable[[ContainerClient], _Result]) -> _Result:
        client = self._objects.client  # says what to install where that is missing
        failures: tuple[type[Exception], ...] = (*client_failures(), OSError)
        try:
            return call(client)
        except failures as error:
            uri = self._objects.uri(self.key(name))
            raise blob_error(error, uri=uri, attempted="write") from error


def _deleting(key: str) -> Callable[[ContainerClient], None]:
    return lambda client: client.delete_blob(key)
