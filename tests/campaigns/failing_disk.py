"""A disk that fails, or a process that dies, at a call of one's choice.

Every change that Python makes to files goes through a handful of functions. They are
wrapped in the process under test: what fails there is what a full disk, a file system
that became read-only, or a broken device answers.
"""

from __future__ import annotations

import builtins
import datetime as dt
import errno
import io
import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_RENAMES = ("rename", "replace", "link")
_OTHERS = ("fsync", "unlink", "mkdir", "rmdir", "remove", "truncate", "ftruncate")
_WRITING = set("wax+")


@dataclass(frozen=True, slots=True)
class Disk:
    """What happens at the ``at``-th change of a kind.

    Attributes
    ----------
    what : str
        ``count``, ``kill group``, ``kill``, ``full``, ``read-only``, ``rename fails``
        or ``fsync fails``.
    at : int
        Which change, from 1. A disk that is full or read-only stays so.
    largest_file_bytes : int
        More than that no file can hold; also those that DuckDB writes.
    """

    what: str
    at: int = 0
    largest_file_bytes: int = 0


class Changes:
    """Counts the changes of this process, and lets one of them fail."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.count = 0

    def install(self, put: Callable[[Any, str, Any], None] = setattr) -> None:
        """Put the wrapped functions in place, for good unless ``put`` undoes it."""
        if self._disk.largest_file_bytes:
            limit = self._disk.largest_file_bytes
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        for name in (*_RENAMES, *_OTHERS):
            put(os, name, self._wrapped(name, getattr(os, name)))
        for module in (builtins, io):
            put(module, "open", self._wrapped_open(module.open))

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self._change(name, arguments[0] if arguments else None)
            return call(*arguments, **options)

        return wrapped

    def _wrapped_open(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
            if _WRITING & set(mode) and not isinstance(file, int):
                self._change("open", file)
            return call(file, mode, *more, **options)

        return wrapped

    def _change(self, name: str, path: object) -> None:
        disk = self._disk
        if (disk.what == "rename fails" and name not in _RENAMES) or (
            disk.what == "fsync fails" and name != "fsync"
        ):
            return
        self.count += 1
        if self.count < disk.at or not disk.at:
            return
        where = str(path) if isinstance(path, (str, os.PathLike)) else None
        match disk.what:
            case "kill group":
                os.killpg(os.getpgid(0), signal.SIGKILL)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "full" if name in {"open", "fsync", "mkdir", "rename", "replace"}:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where)
            case "read-only":
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), where)
            case "rename fails" | "fsync fails" if self.count == disk.at:
                raise OSError(errno.EIO, os.strerror(errno.EIO), where)


def set_clock(days: int) -> None:
    """Let this process believe that it is so many days later, from now on."""

    class Meta(type(dt.datetime)):  # type: ignore[misc]
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, _REAL)

        def __subclasscheck__(cls, kind: type) -> bool:
            return issubclass(kind, _REAL)

    class Shifted(_REAL, metaclass=Meta):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return _REAL.now(tz) + dt.timedelta(days=days)

    for name, module in list(sys.modules.items()):
        is_ours = name.split(".")[0] in {"triptych", "ingest", "attribution"}
        if is_ours and getattr(module, "datetime", None) is _REAL:
            module.datetime = Shifted  # type: ignore[attr-defined]


_REAL = dt.datetime
