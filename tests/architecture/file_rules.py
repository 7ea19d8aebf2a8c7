"""Rules for every file of the repository, whatever is in it.

``python -m tests.architecture.file_rules FILE…`` is the commit hook; the test module
beside it looks at every tracked file.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST_FILE_BYTES = 500_000
# Written in pieces, so that this file keeps its own rule.
_MACHINE_PATH = re.compile(
    r"(?<![\w.:/<>{}$~-])/(?:" + "home|Users|root|work|farm|opt|mnt" + r")/[\w.-]+"
)
_REGISTRY = re.compile("|".join(("pypi" + r"\.org", "registry" + r"\.npmjs")))

#: A column of a contract with nothing but name, type and description, on three lines.
_SPREAD_COLUMN = re.compile(
    r"^( +)- (name: \S+)\n\1  (data_type: .+)\n\1  (description: .+)\n(?!\1  )",
    re.MULTILINE,
)
_LONGEST_COLUMN = 120


def complaints(path: Path) -> Iterator[str]:
    """Yield what is wrong with one file."""
    content = path.read_bytes()
    if len(content) > LARGEST_FILE_BYTES:
        yield f"is larger than {LARGEST_FILE_BYTES} bytes"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return  # not text: a recorded Parquet file, an image
    if text and not text.endswith("\n"):
        yield "has no newline at its end"
    yield from _complaints_about_lines(text)
    if path.suffix == ".toml":
        yield from _toml_complaints(text)
    if path.suffix in {".yml", ".yaml"}:
        yield from _yaml_complaints(text)
    if path.name.endswith("__models.yml"):
        yield from _column_complaints(text)


def _complaints_about_lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line != line.rstrip() and not line.endswith("\r"):
            yield f"line {number}: space at its end"
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            yield f"line {number}: conflict marker"
        if _MACHINE_PATH.search(line):
            yield f"line {number}: a path of one machine: {line.strip()[:60]}"
        if _REGISTRY.search(line):
            yield f"line {number}: address of a package registry"


def _column_complaints(text: str) -> Iterator[str]:
    """Yield the columns of a contract that fit on one line, and are not."""
    for indent, name, type_, description in _SPREAD_COLUMN.findall(text):
        written = type_.replace("decimal(", '"decimal(').replace(")", ')"')
        line = f"{indent}- {{{name}, {written}, {description}}}"
        if len(line) <= _LONGEST_COLUMN:
            yield f"{name} fits on one line: {line.strip()}"


def _toml_complaints(text: str) -> Iterator[str]:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        yield f"not TOML: {error}"


def _yaml_complaints(text: str) -> Iterator[str]:
    try:
        # Only the form: mkdocs and dbt have tags of their own.
        list(yaml.parse(text, yaml.CSafeLoader))
    except yaml.YAMLError as error:
        yield f"not YAML: {' '.join(str(error).split())}"


def main(names: Iterable[str]) -> int:
    """Print every complaint about the named files; return 1 if there is any."""
    found = [
        f"{name}: {complaint}"
        for name in names
        if Path(name).is_file()
        for complaint in complaints(Path(name))
    ]
    print("\n".join(found), end="\n" if found else "")  # noqa: T201  (a hook's answer)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
