"""Options of sources with files in an S3 bucket, or in a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from ingest.connector import SourceConfig
from ingest.storage.objects import LocalObjects
from ingest.storage.s3_objects import S3Objects

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.storage.objects import ObjectStore


class BucketConfig(SourceConfig):
    """Options of access to a bucket."""

    model_config = ConfigDict(hide_input_in_errors=True)

    endpoint_url: str | None = Field(
        default=None, description="Address of an S3-compatible store."
    )
    region: str | None = Field(default=None, description="Region of the bucket.")
    profile: str | None = Field(
        default=None, description="Named profile of the AWS credential chain."
    )

    @field_validator("endpoint_url")
    @classmethod
    def _holds_no_credentials(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.username or parts.password or parts.query:
            message = "must be a bare address: credentials belong in the environment"
            raise ValueError(message)
        return value


class BucketOrCopyConfig(BucketConfig):
    """A bucket, or a folder with a copy of it."""

    bucket: str | None = Field(
        default=None, min_length=1, description="Bucket that holds the files."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Folder with a copy of the bucket, relative to the workspace;"
        " instead of 'bucket'.",
    )
    max_parallel_downloads: int = Field(
        default=8, ge=1, le=64, description="Ranges in flight at a time."
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.bucket is None) == (self.path is None):
            message = "needs either 'bucket' or 'path', and not both"
            raise ValueError(message)
        return self

    def opened(self, root: Path) -> ObjectStore:
        """Return the store that holds the files."""
        if self.bucket is None:
            return LocalObjects(root / str(self.path), root)
        return S3Objects(
            self.bucket,
            endpoint_url=self.endpoint_url,
            region=self.region,
            profile=self.profile,
            max_parallel_downloads=self.max_parallel_downloads,
        )
