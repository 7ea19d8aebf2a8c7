"""All errors in the settings, reported at once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONG_LIST = 15
_NEXT_STEP = 'Correct it: "triptych check" reads the settings again.'
#: For errors outside the files of the settings.
TRY_AGAIN = "Correct it and try again."


class Problems:
    """Collects errors, file by file, until the error is requested.

    Parameters
    ----------
    next_step : str
        Remedy for the reader.
    """

    def __init__(self, next_step: str = _NEXT_STEP) -> None:
        self._found: list[tuple[str, int, str]] = []
        self._next_step = next_step

    def __bool__(self) -> bool:
        """Return True if there is any error."""
        return bool(self._found)

    def add(self, file: str, line: int | None, text: str) -> None:
        """Add a problem of a line of a file, or of a flag or variable (no line)."""
        problem = (file, line or 0, text)
        if problem not in self._found:
            self._found.append(problem)

    def lines(self) -> list[str]:
        """Return ``file:line: problem`` lines, by file in order of appearance."""
        files = list(dict.fromkeys(file for file, _, _ in self._found))
        ordered = sorted(
            self._found, key=lambda found: (files.index(found[0]), found[1])
        )
        return [_sentence(*found) for found in ordered]

    def raise_if_any(self) -> None:
        """Raise all problems as a single error, a line for each.

        Raises
        ------
        SettingsError
            Something is wrong.
        """
        if not self._found:
            return
        is_given = all(file.startswith("--") for file, _, _ in self._found)
        next_step = TRY_AGAIN if is_given else self._next_step
        if len(self._found) > 1:
            raise SettingsError("\n".join(self.lines()), next_step=next_step)
        [(file, line, text)] = self._found
        where = f"{file}:{line}" if line else file
        raise SettingsError(text, where=where, next_step=next_step)


def _sentence(file: str, line: int, text: str) -> str:
    return f"{file}:{line}: {text}" if line else f"{file}: {text}"


def known_names(noun: str, names: Iterable[str], *, given: str = "") -> str:
    """Return ``known drivers: a, b`` and, if close, ``Did you mean 'a'?``.

    A long list is left out when a close name is found.

    Examples
    --------
    >>> known_names("drivers", ["gpu_hours", "even"], given="gpu_hour")
    "known drivers: gpu_hours, even. Did you mean 'gpu_hours'?"
    """
    names = list(dict.fromkeys(names))
    if not names:
        return f"there are no {noun} yet"
    listing = f"known {noun}: {', '.join(names)}"
    close = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.7)
    if not close:
        return listing
    if len(names) > _LONG_LIST:
        return f"did you mean {close[0]!r}?"
    return f"{listing}. Did you mean {close[0]!r}?"
