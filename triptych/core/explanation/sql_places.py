"""Place of a figure's SQL: the file and line that make its column."""

from __future__ import annotations

import re
from collections import deque
from functools import cache
from typing import TYPE_CHECKING

from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from pathlib import Path

#: Models and macros that a file reads: ``ref('int_…')`` and ``{{ cost_sums(…) }}``.
_USED = re.compile(r"ref\(\s*['\"](\w+)['\"]|\b(\w+)\(")
#: Forms in which a line names a column: ``as cost``, ``cost``, ``{{ part }}_cost``.
_NAMES = {
    "made": re.compile(r"\bas (\w+)"),
    "named": re.compile(r"\b\w+\b"),
    "put together": re.compile(r"\}(\w+)"),
}
_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)
_MACRO = re.compile(r"\{%-?\s*macro (\w+)\(")


def sql_place(model_name: str, column: str) -> str | None:
    """Return ``dbt_project/models/…/file.sql:line`` that makes a column of a mart.

    The first model or macro on the way from the mart to the evidence that names the
    column with ``as``; else the first that names it at all or, of a name that is put
    together, its end; else the mart's file alone, such as for an estimate that is made
    in Python. ``None`` for a model of the workspace.

    Parameters
    ----------
    model_name : str
        The model of the mart.
    column : str
        A column of it.
    """
    files = _files()
    if model_name not in files:
        return None
    ends = [column[at:] for at, sign in enumerate(column) if sign == "_"]
    for kind, names in (
        ("made", [column]),
        ("named", [column]),
        ("put together", ends),
    ):
        for path in _way_to_the_evidence(model_name):
            lines = _last_lines(path)[kind]
            if line := max((lines.get(name, 0) for name in names), default=0):
                return _written(path, line)
    return _written(files[model_name])


@cache
def _way_to_the_evidence(model_name: str) -> tuple[Path, ...]:
    files = _files()
    way = {model_name: files[model_name]}
    waiting = deque([model_name])
    while waiting:
        for name in _used(files[waiting.popleft()]):
            if name in files and name not in way:
                way[name] = files[name]
                waiting.append(name)
    return tuple(way.values())


@cache
def _used(path: Path) -> tuple[str, ...]:
    return tuple(map("".join, _USED.findall(_text(path))))


@cache
def _text(path: Path) -> str:
    """Return a file without comments, each line where it was."""
    return _COMMENT.sub(
        lambda comment: "\n" * comment[0].count("\n"), path.read_text("utf-8")
    )


@cache
def _last_lines(path: Path) -> dict[str, dict[str, int]]:
    """Return the last line on which each name is made, named, or put together."""
    return {
        kind: {
            name: number
            for number, line in enumerate(_text(path).splitlines(), 1)
            for name in pattern.findall(line)
        }
        for kind, pattern in _NAMES.items()
    }


def _written(path: Path, line: int = 0) -> str:
    place = f"dbt_project/{path.relative_to(dbt_project_dir()).as_posix()}"
    return f"{place}:{line}" if line else place


@cache
def _files() -> dict[str, Path]:
    project = dbt_project_dir()
    macros = {
        name: path
        for path in sorted((project / "macros").rglob("*.sql"))
        for name in _MACRO.findall(_text(path))
    }
    models = {path.stem: path for path in (project / "models").rglob("*.sql")}
    return macros | models
