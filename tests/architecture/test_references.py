"""What documentation and docstrings point to is there.

Modules move; sentences that name them stay behind and lead to nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tests.architecture.test_files import tracked_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROLE: Final = re.compile(r":(?:mod|func|class|data|meth|attr|exc):`~?([\w.]+)`")
_PATH: Final = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|sql|toml))`")
_PACKAGES: Final = ("triptych", "ingest", "attribution", "dashboard", "tests")
#: Folders of the contributor's guide: what somebody adds is not there yet.
_EXAMPLES: Final = ("acme",)


def _lines_of(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        for match in pattern.finditer(line):
            yield number, match[1]


def _is_there(repository: Path, name: str) -> bool:
    """Tell whether a dotted name is a package or module, or is written in it."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = repository.joinpath(*parts[:length])
        module = place.with_suffix(".py")
        if not (module.is_file() or place.is_dir()):
            continue
        text = module if module.is_file() else place / "__init__.py"
        wanted = parts[length : length + 1]
        return (
            not wanted or re.search(rf"\b{wanted[0]}\b", text.read_text()) is not None
        )
    return False


def test_each_module_that_a_docstring_names_is_there(repository: Path) -> None:
    lost = [
        f"{path.relative_to(repository)}:{number}: {name}"
        for path in tracked_files(repository)
        if path.suffix == ".py"
        for number, name in _lines_of(path, _ROLE)
        if name.startswith(tuple(f"{package}." for package in _PACKAGES))
        and not _is_there(repository, name)
    ]
    assert lost == []


def test_each_file_of_code_that_documentation_names_is_there(repository: Path) -> None:
    files = [path.relative_to(repository) for path in tracked_files(repository)]
    names = {f"/{path.as_posix()}" for path in files}
    lost = [
        f"{path}:{number}: {name}"
        for path in files
        if path.suffix == ".md" and path.name != "CHANGELOG.md"
        for number, name in _lines_of(repository / path, _PATH)
        if not any(example in name for example in _EXAMPLES)
        and not any(known.endswith(f"/{name}") for known in names)
    ]
    assert lost == []


def test_each_module_in_the_prose_of_the_architecture_is_there(
    repository: Path,
) -> None:
    modules = {path.name for path in tracked_files(repository)}
    written = _lines_of(repository / "ARCHITECTURE.md", re.compile(r"`(\w+\.py)`"))
    assert [
        f"{number}: {name}" for number, name in written if name not in modules
    ] == []
