"""Files of a workspace that an act writes: all of them or none, and each once.

The content to write is first put into ``runs/acts``, then the act is entered in the
audit log, then the files are written. The next act repairs a crash in between: an act
in the log is finished, an act missing from it is dropped.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.acts import FileChange
from triptych.core.errors import UsageError
from triptych.core.warehouse.locks import record_all
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.workspace import Workspace

#: Entry of the audit log for files that an act wrote.
WRITTEN = "files_written"
_CONTEXT_LINES = 2
_SHOWN_LINES = 200
#: Folders and files that other parts of triptych write.
_NOT_OURS = frozenset({"lake", "warehouse", "runs", "inbox", "published"})


class ChangedSinceError(UsageError):
    """A file changed since the act was previewed."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file before and after an act; None where there is none.

    ``name`` is its path below the workspace, with forward slashes.
    """

    name: str
    before: bytes | None
    after: bytes | None


def edit(root: Path, name: str, after: str | bytes) -> FileEdit:
    """Return the edit that gives a workspace file the given content.

    Raises
    ------
    UsageError
        It is no file that people write.
    """
    path = _path(root, name)
    before = path.read_bytes() if path.is_file() else None
    if isinstance(after, str):
        is_windows = before is not None and b"\r\n" in before
        after = _with_endings_of(before or b"", after) if is_windows else after.encode()
    return FileEdit(name, before, after)


def _with_endings_of(before: bytes, after: str) -> bytes:
    """Return a text with CR LF where the file has it, and in lines that are new."""
    own = before.decode(errors="replace").split("\n")
    new = after.replace("\r\n", "\n").split("\n")
    bare = [line.removesuffix("\r") for line in own]
    matcher = difflib.SequenceMatcher(None, bare, new, autojunk=False)
    lines: list[str] = []
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag != "equal":
            lines += [f"{line}\r" for line in new[start:end]]
            continue
        lines += own[first:last]
        if last == len(own) and end < len(new):
            lines[-1] += "\r"  # what was the end of the file is no longer
    lines[-1] = lines[-1].removesuffix("\r")
    return "\n".join(lines).encode()


def change_of(each: FileEdit) -> FileChange:
    """Return the change of a file, as readers see it."""
    texts = [_lines(content) for content in (each.before, each.after)]
    if None in texts:
        size = len(each.after or b"")
        return FileChange(each.name, f"+ {size:,} bytes\n")
    before, after = (text or [] for text in texts)
    diff = difflib.unified_diff(before, after, each.name, each.name, n=_CONTEXT_LINES)
    lines = [line if line.endswith("\n") else f"{line}\n" for line in diff]
    more = len(lines) - _SHOWN_LINES
    if more > 0:
        lines = [*lines[:_SHOWN_LINES], f"… and {more:,} lines more\n"]
    return FileChange(each.name, "".join(lines))


def digests(each: FileEdit) -> dict[str, str | None]:
    """Return the SHA-256 of a file before and after."""
    return {"before": _digest(each.before), "after": _digest(each.after)}


def write(
    workspace: Workspace,
    edits: Sequence[FileEdit],
    *,
    token: str,
    detail: Mapping[str, object],
) -> AuditEntry:
    """Write files and log them in the audit log; the caller holds the run lock.

    Raises
    ------
    ChangedSinceError
        A file differs from its earlier content; nothing was written.
    """
    for each in edits:
        _refuse_if_changed(workspace.root, each.name, each.before)
    plan = _folder(workspace) / f"{token}.pending"
    write_whole(plan, json.dumps([_record(each) for each in edits]))
    plan.chmod(0o600)
    files = {each.name: digests(each) for each in edits}
    [entry] = record_all(workspace, [(WRITTEN, {**detail, "files": files})])
    _finish(workspace.root, plan)
    return entry


def finish_interrupted(
    workspace: Workspace, is_recorded: Callable[[str], bool]
) -> None:
    """Repair a crash: finish logged writes and drop the others."""
    for plan in _folder(workspace).glob("*.pending"):
        if is_recorded(plan.stem):
            _finish(workspace.root, plan)
        else:
            plan.unlink()


def undoing(workspace: Workspace, token: str) -> tuple[FileEdit, ...]:
    """Return the edits that undo the writes of a token.

    Raises
    ------
    UsageError
        It wrote nothing that is kept, or a file was changed since.
    """
    plan = _folder(workspace) / f"{token}.json"
    if not plan.is_file():
        raise UsageError(
            "What this act wrote is not kept, so it cannot be undone.",
            next_step="Change the file by hand, or put it back from version control.",
        )
    edits = _read(plan)
    for each in edits:
        _refuse_if_changed(workspace.root, each.name, each.after)
    return tuple(FileEdit(each.name, each.after, each.before) for each in edits)


def _finish(root: Path, plan: Path) -> None:
    for each in _read(plan):
        path = _path(root, each.name)
        is_now = path.read_bytes() if path.is_file() else None
        if is_now != each.before:
            continue  # written already, or changed by hand after a crash
        if each.after is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, each.after)
    plan.rename(plan.with_suffix(".json"))


def _refuse_if_changed(root: Path, name: str, expected: bytes | None) -> None:
    path = _path(root, name)
    is_now = path.read_bytes() if path.is_file() else None
    if is_now != expected:
        raise ChangedSinceError(
            f"{name} was changed since.",
            where=name,
            next_step="Look at the preview again; nothing was written.",
        )


def _path(root: Path, name: str) -> Path:
    top = root.resolve()
    path = (top / name).resolve()
    # Of where it leads, not of how it is written: absolute, or through a link.
    below = path.relative_to(top).parts if path.is_relative_to(top) else ()
    is_hidden = any(part.startswith(".") for part in (*name.split("/"), *below))
    if not below or is_hidden or _is_ours([part.casefold() for part in below]):
        raise UsageError(
            f"{name!r} is no file that people write.",
            where=name,
            next_step="Choose a plain name below the workspace.",
        )
    return path


def _is_ours(below: Sequence[str]) -> bool:
    """Return True if only triptych writes at a path below the workspace."""
    top, second = below[0], below[1] if len(below) > 1 else ""
    is_result = top == "scenarios" and second == "results"
    is_register = top == "studies" and second.startswith("register")
    return top in _NOT_OURS or is_result or is_register


def _folder(workspace: Workspace) -> Path:
    folder = workspace.runs_dir / "acts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _record(each: FileEdit) -> dict[str, str | None]:
    contents = {"before": each.before, "after": each.after}
    coded = {
        key: None if content is None else base64.b64encode(content).decode()
        for key, content in contents.items()
    }
    return {"name": each.name, **coded}


def _read(plan: Path) -> list[FileEdit]:
    rows: Iterable[dict[str, Any]] = json.loads(plan.read_text("utf-8"))
    return [
        FileEdit(row["name"], _content(row["before"]), _content(row["after"]))
        for row in rows
    ]


def _content(coded: str | None) -> bytes | None:
    return None if coded is None else base64.b64decode(coded)


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _lines(content: bytes | None) -> list[str] | None:
    if content is None:
        return []
    try:
        return content.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return None
