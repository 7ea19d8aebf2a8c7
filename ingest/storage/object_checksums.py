"""Verify that a downloaded object equals the stored object, to the byte.

An S3 object may carry up to two proofs: its ETag, which is the MD5 of the content,
or of the MD5s of its parts for a multipart upload (``<md5>-<number of parts>``), and
a checksum that the writer asked for. Objects encrypted with KMS or with a customer's
key have an ETag that is no MD5; then only the checksum counts.

Source: Amazon S3 user guide, *Checking object integrity*; API reference, *Object*.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_BLOCK_BYTES = 1024 * 1024
_MD5_ETAG = re.compile(r"(?P<digest>[0-9a-f]{32})(?:-(?P<parts>\d+))?")


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> _Hash:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> _Hash:
    return hashlib.sha1(usedforsecurity=False)


#: Response key of HeadObject → how to compute it; CRC-32C and CRC-64/NVME have no
#: implementation in the standard library, and such objects have a usable ETag too.
_CHECKSUMS: dict[str, Callable[[], _Hash]] = {
    "ChecksumSHA256": hashlib.sha256,
    "ChecksumSHA1": _sha1,
    "ChecksumCRC32": _Crc32,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """A digest that an object must have.

    ``part_count`` is 0 for a digest of the whole content; else the digest is that
    of the concatenated digests of so many parts.
    """

    name: str
    algorithm: Callable[[], _Hash]
    digest: bytes
    part_count: int = 0

    def holds_for(self, path: Path, part_bytes: Sequence[int]) -> bool:
        """Return True if the file has the digest, with parts of these sizes."""
        digests = list(_part_digests(path, self.algorithm, part_bytes))
        if not self.part_count:
            return digests == [self.digest]
        combined = self.algorithm()
        combined.update(b"".join(digests))
        return combined.digest() == self.digest


def proofs(head: Mapping[str, object]) -> list[Proof]:
    """Return the proofs that an answer of HeadObject gives."""
    found = [
        _checksum_proof(name, algorithm, value, head)
        for name, algorithm in _CHECKSUMS.items()
        if isinstance(value := head.get(name), str)
    ]
    etag = _MD5_ETAG.fullmatch(str(head.get("ETag", "")).strip('"'))
    if etag and not _hides_its_md5(head):
        digest = bytes.fromhex(etag["digest"])
        found.append(Proof("ETag", _md5, digest, int(etag["parts"] or 0)))
    return found


def _checksum_proof(
    name: str,
    algorithm: Callable[[], _Hash],
    value: str,
    head: Mapping[str, object],
) -> Proof:
    encoded, _, parts = value.partition("-")
    is_composite = bool(parts) and head.get("ChecksumType") != "FULL_OBJECT"
    count = int(parts) if is_composite else 0
    return Proof(name, algorithm, base64.b64decode(encoded), count)


def _hides_its_md5(head: Mapping[str, object]) -> bool:
    uses_kms = str(head.get("ServerSideEncryption", "")).startswith("aws:kms")
    return uses_kms or "SSECustomerAlgorithm" in head


def _part_digests(
    path: Path, algorithm: Callable[[], _Hash], part_bytes: Sequence[int]
) -> Iterator[bytes]:
    with path.open("rb") as file:
        for size in part_bytes:
            digest, left = algorithm(), size
            while left and (block := file.read(min(left, _BLOCK_BYTES))):
                digest.update(block)
                left -= len(block)
            yield digest.digest()
