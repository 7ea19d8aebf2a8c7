"""The defects: where each is, what it breaks, and which tests should notice.

Each file ``*.toml`` beside this one holds those of one part of the product. A defect is
a text that occurs once in a file, and what is put in its place.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect, as a small change of one file.

    Attributes
    ----------
    name : str
        What goes wrong, in a few words.
    file : str
        Path below the repository.
    old, new : str
        Text that occurs once, and what replaces it.
    promise : str
        What the product promises and no longer keeps.
    tests : tuple of str
        Tests of the fast layer of which one has to fail.
    full_tests : tuple of str
        Tests of the full layer that are run as well where it is asked for.
    unit_tests_of : tuple of str
        Models whose unit tests are enough; empty for all.
    """

    name: str
    file: str
    old: str
    new: str
    promise: str
    tests: tuple[str, ...]
    full_tests: tuple[str, ...] = ()
    unit_tests_of: tuple[str, ...] = ()

    def plant(self, root: Path) -> None:
        """Change the file below ``root``.

        Raises
        ------
        ValueError
            The old text does not occur exactly once.
        """
        path = root / self.file
        text = path.read_text("utf-8")
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: its old text occurs {text.count(self.old)} times in"
                f" {self.file}"
            )
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def defects() -> list[Defect]:
    """Return every defect, part by part."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for entry in tomllib.loads(path.read_text("utf-8"))["defect"]:
            given: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in entry.items()
            }
            found.append(Defect(**given))
    return found
