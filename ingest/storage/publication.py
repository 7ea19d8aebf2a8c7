"""Copies a folder of marts to a bucket or container.

Objects of a run are written below ``runs/<run_id>/`` and never changed. Below
``current/`` the same files have names that do not change: each is replaced as a whole,
and ``current/tables.json``, which describes them, comes last. When all are there,
``current.json`` names the place of the run, so who follows it sees whole runs.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POINTER: Final = "current.json"
_DESCRIPTION: Final = "tables.json"
_RUNS: Final = "runs/"
_RUN_ID: Final = re.compile(r"\d{8}T\d+Z-[0-9a-f]+")


class Target(Protocol):
    """Destination of objects; names are those below its prefix."""

    def key(self, name: str) -> str:
        """Return the whole name of an object, with the prefix."""

    def read(self, name: str) -> bytes | None:
        """Return the content of an object; None where it is not there."""

    def write(self, name: str, content: bytes) -> None:
        """Replace an object of JSON as a whole."""

    def upload(self, path: Path, name: str) -> None:
        """Replace an object by the content of a file."""

    def replicate(self, source: str, target: str, path: Path) -> None:
        """Replace an object by another with the content of a file."""

    def names(self, below: str) -> Iterator[str]:
        """Yield the names of all objects below a folder."""

    def delete(self, names: list[str]) -> None:
        """Delete objects."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Destination of marts, and the number of runs kept there.

    Parameters
    ----------
    target : Target
        A bucket or container.
    keep_runs : int
        Number of runs to keep there, the current run included.
    """

    target: Target
    keep_runs: int

    def refresh(self, folder: Path) -> None:
        """Make the current run that of a folder, unless it is already.

        Parameters
        ----------
        folder : Path
            Of a single run: files and their ``tables.json``.

        Raises
        ------
        SourceError
            The target could not be written; the current run there is unchanged.
        """
        content = json.loads((folder / _DESCRIPTION).read_text("utf-8"))
        run_id = str(content["run_id"])
        wanted = {"run_id": run_id, "formats": sorted(content["formats"])}
        if self._pointer().items() >= wanted.items():
            return
        names = _files(folder)
        place = f"{_RUNS}{run_id}/"
        for name in names:
            self.target.upload(folder / name, f"{place}{name}")
        runs = self._runs()
        self._replace_stable_names(folder, place, names)
        self._delete_stable_names({n for run in runs.values() for n in run} - {*names})
        # Last: it marks that everything is done, and an interrupted publication is done
        # again.
        pointer = {**wanted, "prefix": self.target.key(place)}
        text = json.dumps(pointer, indent=1, ensure_ascii=False)
        self.target.write(POINTER, text.encode())
        self._retire(runs, run_id)

    def _pointer(self) -> dict[str, Any]:
        """Return the current run there, or an empty mapping without a run."""
        try:
            content = json.loads(self.target.read(POINTER) or b"{}")
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def _replace_stable_names(self, folder: Path, place: str, names: list[str]) -> None:
        for name in sorted(names, key=lambda each: each == _DESCRIPTION):
            self.target.replicate(f"{place}{name}", f"current/{name}", folder / name)

    def _delete_stable_names(self, gone: set[str]) -> None:
        """Delete leftovers of earlier runs, and nobody else's files."""
        there = self.target.names("current/")
        self.target.delete([name for name in there if name[len("current/") :] in gone])

    def _runs(self) -> dict[str, list[str]]:
        """Return run → its file names; names that are not runs are ignored."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.target.names(_RUNS):
            run_id, _, file = name[len(_RUNS) :].partition("/")
            if file:
                found[run_id].append(file)
        return {
            run_id: files
            for run_id, files in found.items()
            if _RUN_ID.fullmatch(run_id) or _DESCRIPTION in files
        }

    def _retire(self, runs: dict[str, list[str]], current: str) -> None:
        for run_id in sorted(runs)[: -max(self.keep_runs, 1)]:
            if run_id != current:
                self.target.delete([f"{_RUNS}{run_id}/{n}" for n in runs[run_id]])


def key_below(prefix: str, name: str) -> str:
    """Return the whole name of an object below a prefix, which may be empty."""
    prefix = prefix.strip("/")
    return f"{prefix}/{name}" if prefix else name


def name_below(prefix: str, key: str) -> str:
    """Return the name of an object below a prefix; the reverse of :func:`key_below`."""
    return key[len(key_below(prefix, "")) :]


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )
