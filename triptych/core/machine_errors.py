"""Explains system and library errors in terms of the workspace.

Disks fill up, files cannot be written, memory runs out, somebody stops a command. Those
who catch such an error know the command; the explanation and the remedy are the same
wherever it is caught.
"""

from __future__ import annotations

import errno
import re
import sys
from typing import TYPE_CHECKING, Final

from triptych.core.errors import MachineError, TriptychError
from triptych.core.stopping import StoppedError, stopped_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

_AGAIN = "run the same command again; what is published stays until then."
_FULL = ("The disk is full.", f"Make room on it, then {_AGAIN}")
_READ_ONLY = (
    "It is on a file system that can only be read.",
    f"Mount it for writing, or name another --workspace, and {_AGAIN}",
)
_FORBIDDEN = (
    "This user may not read or write it (permission denied).",
    f"Let this user read and write the folder of the workspace, then {_AGAIN}",
)
_NO_MEMORY = (
    "It needs more memory than it may have.",
    f"Give it more with --memory-limit or in warehouse.memory_limit, or {_AGAIN}",
)
_TOO_DEEP = (
    "It is nested too deeply to be read.",
    "Write it without so many levels, or restore it from a backup, and run again.",
)
_WRONG_KIND = (
    "It is a file where a folder belongs, or the other way round.",
    f"Move it out of the way, then {_AGAIN}",
)
_MANY_FILES = (
    "Too many files are open.",
    f"Raise the limit of open files of this user (ulimit -n), then {_AGAIN}",
)
_BROKEN = (
    "The device could not read or write it.",
    f"Look after the disk, and restore what it lost from a backup; else {_AGAIN}",
)
_TROUBLE: Final[Mapping[int, tuple[str, str]]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    errno.EROFS: _READ_ONLY,
    **dict.fromkeys((errno.EACCES, errno.EPERM), _FORBIDDEN),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), _WRONG_KIND),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), _MANY_FILES),
    errno.ENOMEM: _NO_MEMORY,
    errno.EIO: _BROKEN,
}
#: Parts of the engine's message where the system refused it something.
_TOLD_BY_THE_ENGINE: Final = (
    (re.compile("no space left|file too large|disk quota", re.IGNORECASE), _FULL),
    (re.compile("read-only file system", re.IGNORECASE), _READ_ONLY),
    (re.compile("permission denied", re.IGNORECASE), _FORBIDDEN),
    (re.compile("is a directory|not a directory", re.IGNORECASE), _WRONG_KIND),
    (re.compile("too many open files", re.IGNORECASE), _MANY_FILES),
)
_DAMAGED: Final = re.compile(
    r"not a valid duckdb database|could not read enough bytes|corrupt|checksum|serializ"
    r"|invalidated|failed to load metadata|storage version",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"""["'](/[^"']+|[A-Za-z]:\\[^"']+)["']""")


def as_expected(error: BaseException) -> TriptychError | None:
    """Return an error in the reader's words; ``None`` for a triptych defect.

    Parameters
    ----------
    error : BaseException
        Exception that was raised.
    """
    if isinstance(error, TriptychError):
        return error
    if (name := stopped_by(error)) is not None:
        return StoppedError(name)
    return _of_the_machine(error)


def machine_trouble(error: BaseException) -> MachineError | None:
    """Return the meaning of a machine error; ``None`` for a data error.

    A full disk is not the fault of the file that was being read then.
    """
    machine_error = _of_the_machine(error)
    blameless = {_FULL[0], _READ_ONLY[0], _NO_MEMORY[0], _MANY_FILES[0]}
    return (
        machine_error
        if machine_error is not None and machine_error.what in blameless
        else None
    )


def _of_the_machine(error: BaseException) -> MachineError | None:
    match error:
        case MemoryError():
            return _failure(_NO_MEMORY)
        case RecursionError():
            return _failure(_TOO_DEEP)
        case OSError():
            return _of_the_system(error)
    # An error of an engine that was never loaded is none: "--help" stays quick.
    engine = sys.modules.get("duckdb")
    if engine is not None and isinstance(error, engine.Error):
        is_out_of_memory = isinstance(error, engine.OutOfMemoryException)
        return _of_the_engine(error, is_out_of_memory=is_out_of_memory)
    return None


def _of_the_system(error: OSError) -> MachineError | None:
    where = str(error.filename or error.filename2 or "")
    if error.errno is not None and error.errno in _TROUBLE:
        return _failure(_TROUBLE[error.errno], where)
    if error.errno is None or not where:
        return None
    reason = f"The system says: {error.strerror}."
    return _failure((reason, f"Look at this file and its disk, then {_AGAIN}"), where)


def _of_the_engine(error: duckdb.Error, *, is_out_of_memory: bool) -> MachineError:
    text = " ".join(str(error).split("\n", 1)[0].split()).rstrip(".")
    quoted = _QUOTED.search(text)
    where = quoted[1] if quoted else ""
    if is_out_of_memory:
        return _failure(_NO_MEMORY, where)
    for pattern, told in _TOLD_BY_THE_ENGINE:
        # The first line may only name the error that followed.
        if pattern.search(str(error)):
            return _failure(told, where)
    if _DAMAGED.search(text):
        what = f"A database file is damaged; the query engine says: {text}."
        next_step = (
            'Run "triptych recover" for raw.duckdb; remove'
            " warehouse/build.duckdb if it is that. Both are made again from the lake."
        )
        return _failure((what, next_step), where)
    what = f"The query engine refused a step: {text}."
    return _failure((what, "Run the command again with -v for details."), where)


def _failure(told: tuple[str, str], where: str = "") -> MachineError:
    what, next_step = told
    return MachineError(what, where=where, next_step=next_step)
