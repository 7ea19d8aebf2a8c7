"""Results of scenarios, a file each under ``scenarios/results/`` of the workspace.

A result is written once, under its id, and never changed: neither a mart nor an
approved value is touched by it. The user and time of the run are beside the numbers.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import TriptychError, UsageError
from triptych.core.settings.problems import known_names

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    Row = dict[str, Any]

MOST_COMPARED: Final = 4
#: Of who and when, which the numbers do not depend on.
_SIGNATURE: Final = ("author", "created_at")
_FORMAT: Final = 1


class ScenarioStore:
    """Saved scenarios of a workspace.

    Parameters
    ----------
    folder : Path
        ``scenarios/results``; need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, result: Row, *, by: str, at: datetime) -> Row:
        """Save a result, unless it is saved already; return it as it is saved.

        Parameters
        ----------
        result : dict
            Of :func:`attribution.scenarios.results.result_of`.
        by : str
            User who ran it.
        at : datetime
            Time of the run.

        Raises
        ------
        TriptychError
            Other numbers are saved under the same id.
        """
        earlier = self.find(result["scenario_id"])
        if earlier is not None:
            self._compare(earlier, result)
            return earlier
        stamp = at.isoformat(timespec="seconds")
        signed = {"format": _FORMAT, **result, "author": by, "created_at": stamp}
        self._folder.mkdir(parents=True, exist_ok=True)
        final = self._path(result["scenario_id"])
        partial = final.with_name(f".{final.name}.{os.getpid()}")
        partial.write_text(json.dumps(signed, indent=1, allow_nan=False), "utf-8")
        partial.replace(final)
        return signed

    def _compare(self, earlier: Row, result: Row) -> None:
        saved = {k: v for k, v in earlier.items() if k not in (*_SIGNATURE, "format")}
        if saved != json.loads(json.dumps(result)):
            raise TriptychError(
                "Other numbers are saved under this id.",
                where=str(self._path(result["scenario_id"])),
                next_step="Somebody changed the file, or the libraries differ: move it"
                " away and run the scenario again.",
            )

    def find(self, scenario_id: str) -> Row | None:
        """Return a saved result by its whole id; ``None`` where there is none."""
        path = self._path(scenario_id)
        return _read(path) if path.is_file() else None

    def get(self, name: str) -> Row:
        """Return a saved result by its id, the beginning of it, or its newest by name.

        Raises
        ------
        UsageError
            There is none, or the beginning is that of several.
        """
        saved = self.all()
        by_name = [row for row in saved if row["name"] == name]
        by_id = [row for row in saved if row["scenario_id"].startswith(name)]
        if by_name:
            return by_name[0]
        if len(by_id) == 1:
            return by_id[0]
        if by_id:
            told = ", ".join(row["scenario_id"] for row in by_id)
            raise UsageError(
                f"{name!r} is the beginning of several ids: {told}.",
                next_step="Write more of it.",
            )
        names = [f"{row['scenario_id']} ({row['name']})" for row in saved]
        raise UsageError(
            f"No scenario {name!r} is saved; {known_names('scenarios', names)}.",
            next_step='"triptych scenario run FILE" saves one.',
        )

    def all(self) -> list[Row]:
        """Return every saved result that can be read, the newest first."""
        return sorted(
            self._readable().values(),
            key=lambda result: (result["created_at"], result["name"]),
            reverse=True,
        )

    def unreadable(self) -> tuple[str, ...]:
        """Return the names of files that are no saved result, and stop none of them."""
        readable = self._readable()
        return tuple(path.name for path in self._files() if path not in readable)

    def _readable(self) -> dict[Path, Row]:
        results = {}
        for path in self._files():
            with suppress(TriptychError):
                results[path] = _read(path)
        return results

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[!.]*.json"))

    def _path(self, scenario_id: str) -> Path:
        return self._folder / f"{scenario_id}.json"


def _read(path: Path) -> Row:
    try:
        row: Row = json.loads(path.read_text("utf-8"))
        is_whole = row["created_at"] and row["name"]
        is_it = row["format"] == _FORMAT and row["scenario_id"] == path.stem
        if is_whole and is_it:
            return row
        problem = "it is of another form, or of another scenario"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = str(error)
    raise TriptychError(
        f"A saved scenario cannot be read: {problem}.",
        where=str(path),
        next_step="Move the file away and run the scenario again.",
    )


def differences(results: list[Row]) -> list[Row]:
    """Return the differences between scenario files, a row for each key.

    Parameters
    ----------
    results : list of dict
        Two to four of them.

    Returns
    -------
    list of dict
        ``key``, and the value in each under its id; ``None`` where it has no value.

    Raises
    ------
    UsageError
        There are fewer than two or more than four.
    """
    if not 1 < len(results) <= MOST_COMPARED:
        raise UsageError(
            f"{len(results)} scenarios cannot be compared.",
            next_step=f"Name two to {MOST_COMPARED}.",
        )
    said = {result["scenario_id"]: _said(result) for result in results}
    keys = dict.fromkeys(key for values in said.values() for key in values)
    return [
        {"key": key, **{id_: values.get(key) for id_, values in said.items()}}
        for key in keys
        if len({repr(values.get(key)) for values in said.values()}) > 1
    ]


def _said(result: Row) -> Row:
    found = {"base run": result["base_run_id"]}
    for key, value in result["file"].items():
        if key not in {"changes", "name"}:
            found[key.replace("_", " ")] = written(value)
    for change in result["changes"]:
        said = {
            key.replace("_", " "): value
            for key, value in change["values"].items()
            if key not in {"name", "kind"} and value not in (None, [], "")
        }
        title = change["title"]
        # Two changes of the same thing, such as in different months, are distinguished
        # by name.
        found[f"{title} ({change['change']})" if title in found else title] = written(
            said
        )
    return found


def written(value: object) -> str | None:
    """Return a scenario file's value on a single line; ``None`` if empty."""
    if isinstance(value, dict):
        if value.get("value") is not None and set(value) <= {"value", "low", "high"}:
            number = f"{value['value']:,g}"
            if value.get("low") is None:
                return number
            return f"{number} ({value['low']:,g} to {value['high']:,g})"
        return ", ".join(f"{key} {written(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(str(written(one)) for one in value) or None
    return None if value is None else str(value)
