"""Decompress gzip data of one or more members, as RFC 1952 (section 2.2) allows.

Collectors, log shippers and ``cat a.gz b.gz`` write several members one after another.
A decompressor of :mod:`zlib` ends silently with the first.
"""

from __future__ import annotations

import zlib
from typing import Final

_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


class TooLargeError(ValueError):
    """The content is larger than is taken."""


class GzipMembers:
    """Decompressor of all members, piece by piece.

    Parameters
    ----------
    most_bytes : int, optional
        Largest size of the content [bytes].
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._most_bytes = most_bytes
        self._byte_count = 0

    @property
    def is_whole(self) -> bool:
        """Return True if the last member has come to its end."""
        return self._member.eof

    def decode(self, piece: bytes) -> bytes:
        """Return the content of the next piece.

        Raises
        ------
        zlib.error
            It is no gzip data.
        TooLargeError
            The content is larger than ``most_bytes``.
        """
        content = []
        while piece:
            if self._member.eof:
                piece = piece.lstrip(b"\0")  # padding of tapes and blocks
                if not piece:
                    break
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            content.append(self._decoded(piece))
            piece = self._member.unused_data
        return b"".join(content)

    def _decoded(self, piece: bytes) -> bytes:
        if self._most_bytes is None:
            return self._member.decompress(piece)
        left = self._most_bytes - self._byte_count
        content = self._member.decompress(piece, left + 1)
        self._byte_count += len(content)
        if self._byte_count > self._most_bytes:
            raise TooLargeError
        return content
