"""Evidence in place: catalogued where the provider delivered it, without a copy.

Ingest still reads every byte once, to judge the rows and to sum the money, a file at a
time and without keeping it. Afterwards engines read the provider's own objects. Nothing
keeps those from changing, so a build first compares them with the catalogue.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from typing import TYPE_CHECKING

from pydantic import Field

from ingest.connector import Finding, RestingPlace, SourceConfig
from ingest.storage.bucket_options import BucketConfig
from ingest.storage.s3_objects import S3Objects
from triptych.core.errors import FatalSourceError, MalformedDeliveryError, SettingsError
from triptych.core.lake.in_place import (
    BUCKET_SCHEME,
    file_version,
    is_in_bucket,
    why_file_differs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.storage.objects import ObjectStore, StoredObject
    from triptych.core.lake.in_place import CataloguedFile

_SPARK_ONLY = "The embedded engine reads no bucket, and the evidence stays in one."
_WAY_OUT = "Build with --engine spark, or set 'in_place: false' to have it copied."
#: Characters that Spark takes for a pattern or an escape where a file is named.
_PATTERN_CHARACTERS = frozenset("*?[]{}\\,%#")


class EvidenceChangedError(FatalSourceError):
    """Error for a file in place that differs from its catalogue entry."""


class BucketSourceConfig(BucketConfig):
    """Options of a source with files that may lie, and stay, in a bucket."""

    in_place: bool = Field(
        default=False,
        description="Catalogue the Parquet files where they are, and copy none: they"
        " must stay there unchanged. In a bucket: only with engine 'spark'.",
    )

    @property
    @abstractmethod
    def is_in_bucket(self) -> bool:
        """Return True if the source names a bucket."""

    @property
    def stays_in_bucket(self) -> bool:
        """Return True if builds must read the bucket."""
        return self.in_place and self.is_in_bucket


def resting_place(store: ObjectStore, stored: StoredObject, path: Path) -> RestingPlace:
    """Return where an object stays; call it before the object is read.

    Parameters
    ----------
    store : ObjectStore
        Location of the object.
    stored : StoredObject
        The object as it was listed.
    path : Path
        The file itself, if the store is a folder.
    """
    if store.is_local:
        return unambiguous(RestingPlace(str(path.absolute()), file_version(path)))
    return unambiguous(RestingPlace(store.uri(stored.key), stored.etag))


def unambiguous(place: RestingPlace) -> RestingPlace:
    """Return a place with a name that means a single file to every engine.

    Raises
    ------
    MalformedDeliveryError
        The name is a pattern to Spark.
    """
    odd = sorted(_PATTERN_CHARACTERS & set(place.uri))
    if odd:
        raise MalformedDeliveryError(
            f"The name holds {' '.join(odd)}, which Spark takes for a pattern.",
            where=place.uri,
            next_step="Rename it, or set 'in_place: false' to have it copied.",
        )
    return place


def refuse_unless_parquet(file_format: str | None, uri: str) -> None:
    """Refuse text in place.

    Raises
    ------
    MalformedDeliveryError
        The file is not Parquet.
    """
    if file_format != "parquet":
        raise MalformedDeliveryError(
            "Only Parquet is read in place: text has no types, so every build would"
            " parse its amounts anew, and engines do not parse alike.",
            where=uri,
            next_step="Deliver Parquet, or set 'in_place: false' to have it converted"
            " once.",
        )


def engine_findings(config: SourceConfig, engine: str) -> list[Finding]:
    """Return obstacles to an engine reading a source's evidence in place."""
    if _is_out_of_reach(config, engine):
        return [Finding(False, _SPARK_ONLY, _WAY_OUT)]
    return []


def refuse_out_of_reach(configs: Sequence[SourceConfig], engine: str) -> None:
    """Refuse an engine that cannot read where evidence stays.

    Raises
    ------
    SettingsError
        A source stays in a bucket, and the engine is the embedded engine.
    """
    for config in configs:
        if _is_out_of_reach(config, engine):
            raise _out_of_reach(config.name)


def _is_out_of_reach(config: SourceConfig, engine: str) -> bool:
    is_bucket = isinstance(config, BucketSourceConfig) and config.stays_in_bucket
    return engine != "spark" and is_bucket


def _out_of_reach(source: str) -> SettingsError:
    return SettingsError(_SPARK_ONLY, where=f"source {source!r}", next_step=_WAY_OUT)


def verify_in_place(
    catalogued: Sequence[CataloguedFile],
    configs: Sequence[SourceConfig],
    *,
    engine: str,
) -> None:
    """Compare every file in place with its catalogue entry.

    Parameters
    ----------
    catalogued : sequence of CataloguedFile
        Files of the current loads.
    configs : sequence of SourceConfig
        The sources, which know how to reach their buckets. A bucket of a source that
        is not configured any more is reached through the environment alone.
    engine : str
        Engine that will read them.

    Raises
    ------
    EvidenceChangedError
        A file is gone or was changed.
    SettingsError
        A file lies in a bucket, and the engine is the embedded engine.
    SourceError
        A bucket cannot be listed.
    """
    in_buckets: dict[str, list[CataloguedFile]] = defaultdict(list)
    for entry in catalogued:
        if is_in_bucket(entry.file.uri):
            in_buckets[entry.source].append(entry)
        elif reason := why_file_differs(entry.file):
            raise _changed(entry, reason)
    known = {c.name: c for c in configs if isinstance(c, BucketSourceConfig)}
    for source, entries in in_buckets.items():
        if engine != "spark":
            raise _out_of_reach(source)
        _verify_objects(entries, known.get(source))


def _verify_objects(
    entries: Sequence[CataloguedFile], config: BucketSourceConfig | None
) -> None:
    folders = dict.fromkeys(entry.file.uri.rpartition("/")[0] for entry in entries)
    stored_objects: Mapping[str, StoredObject] = {
        uri: stored for folder in folders for uri, stored in _listed(folder, config)
    }
    for entry in entries:
        stored = stored_objects.get(entry.file.uri)
        if stored is None:
            raise _changed(entry, "is gone")
        if (stored.etag, stored.size) != (entry.file.version, entry.file.byte_count):
            raise _changed(entry, "was changed")


def _listed(
    folder: str, config: BucketSourceConfig | None
) -> Iterator[tuple[str, StoredObject]]:
    bucket, _, prefix = folder.removeprefix(BUCKET_SCHEME).partition("/")
    store = open_bucket(bucket, config)
    for stored in store.list_objects(f"{prefix}/" if prefix else ""):
        yield store.uri(stored.key), stored


def open_bucket(bucket: str, config: BucketSourceConfig | None) -> S3Objects:
    """Return a bucket, reached by the source's options or the environment."""
    if config is None:
        return S3Objects(bucket)
    return S3Objects(
        bucket,
        endpoint_url=config.endpoint_url,
        region=config.region,
        profile=config.profile,
    )


def _changed(entry: CataloguedFile, reason: str) -> EvidenceChangedError:
    next_step = (
        "Restore it, or have it delivered again; then run again."
        if reason == "is gone"
        else 'Run "triptych run": what is there now is catalogued as a new delivery.'
    )
    return EvidenceChangedError(
        f"The file {reason} since it was catalogued in place for source"
        f" {entry.source!r}; what is published stays.",
        where=entry.file.uri,
        next_step=next_step,
    )
