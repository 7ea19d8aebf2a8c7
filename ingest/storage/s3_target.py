"""Leaves objects in a bucket of Amazon S3, or of a store that speaks its protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ingest.storage.object_errors import client_error
from ingest.storage.publication import key_below, name_below
from ingest.storage.s3_objects import S3Objects
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from triptych.core.settings import S3TargetSettings

_Result = TypeVar("_Result")
_MOST_DELETED: Final = 1000


@dataclass(slots=True)
class S3Target:
    """A bucket; see :class:`ingest.storage.publication.Target`.

    Parameters
    ----------
    settings : S3TargetSettings
        Bucket and prefix. Credentials come from boto3's own chain.
    """

    settings: S3TargetSettings
    _objects: S3Objects = field(init=False)

    def __post_init__(self) -> None:
        """Open nothing: a client is made when it is first asked for."""
        bucket = self.settings
        self._objects = S3Objects(
            bucket.bucket,
            endpoint_url=bucket.endpoint_url,
            region=bucket.region,
            profile=bucket.profile,
        )

    def key(self, name: str) -> str:
        """Return the whole name of an object."""
        return key_below(self.settings.prefix, name)

    def read(self, name: str) -> bytes | None:
        """Return the content of an object; None where it is not there."""

        def get(client: S3Client) -> bytes | None:
            try:
                found = client.get_object(Bucket=self._bucket, Key=self.key(name))
            except client.exceptions.NoSuchKey:
                return None
            return found["Body"].read()

        return self._call("GetObject", name, get)

    def write(self, name: str, content: bytes) -> None:
        """Replace an object of JSON as a whole."""
        self._call(
            "PutObject",
            name,
            lambda client: client.put_object(
                Bucket=self._bucket,
                Key=self.key(name),
                Body=content,
                ContentType="application/json",
            ),
        )

    def upload(self, path: Path, name: str) -> None:
        """Replace an object by the content of a file."""
        self._call(
            "PutObject",
            name,
            lambda client: client.upload_file(str(path), self._bucket, self.key(name)),
        )

    def replicate(self, source: str, target: str, path: Path) -> None:
        """Copy an object within the bucket, so that nothing is sent again."""
        del path
        copied: Any = {"Bucket": self._bucket, "Key": self.key(source)}
        self._call(
            "PutObject",
            target,
            lambda client: client.copy(copied, self._bucket, self.key(target)),
        )

    def names(self, below: str) -> Iterator[str]:
        """Yield the names of all objects below a folder."""
        for stored in self._objects.list_tree(self.key(below)):
            yield name_below(self.settings.prefix, stored.key)

    def delete(self, names: list[str]) -> None:
        """Delete objects, as many at a time as the service takes."""
        for start in range(0, len(names), _MOST_DELETED):
            self._delete(names[start : start + _MOST_DELETED])

    def _delete(self, names: list[str]) -> None:
        listed: Any = {"Objects": [{"Key": self.key(name)} for name in names]}
        answer = self._call(
            "DeleteObjects",
            "",
            lambda client: client.delete_objects(
                Bucket=self._bucket, Delete=listed | {"Quiet": True}
            ),
        )
        # The request succeeds even if no object was deleted.
        for refused in answer.get("Errors", []):
            raise FatalSourceError(
                f"What is out of date could not be deleted ({refused.get('Code')}).",
                where=self._objects.uri(str(refused.get("Key", ""))),
                next_step="Allow s3:DeleteObject there, and run again.",
            )

    @property
    def _bucket(self) -> str:
        return self.settings.bucket

    def _call(
        self, operation: str, name: str, call: Callable[[S3Client], _Result]
    ) -> _Result:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call(self._objects.client)
        except (BotoCoreError, ClientError, Boto3Error, OSError) as error:
            cause = error.__context__ if isinstance(error, Boto3Error) else error
            known = cause if isinstance(cause, ClientError) else error
            uri = self._objects.uri(self.key(name))
            raise client_error(known, uri=uri, operation=operation) from error
