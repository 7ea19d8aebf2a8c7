"""What ARCHITECTURE.md lists is what there is."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from typing import TYPE_CHECKING, get_args

import pytest

from attribution.causal.plan import Design
from ingest.engine.registry import BUILT_IN
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

_FIRST_CELL = re.compile(r"^\| (?:\[)?`([^`]+)`")


@pytest.fixture(scope="module")
def sections(repository: Path) -> dict[str, str]:
    """Return the sections of ARCHITECTURE.md by their headings."""
    text = (repository / "ARCHITECTURE.md").read_text("utf-8")
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return dict(part.split("\n", 1) for part in parts)


def listed(section: str) -> list[str]:
    """Return what stands in the first column of a section's table."""
    matches = (_FIRST_CELL.match(line) for line in section.splitlines())
    return [match[1] for match in matches if match]


def test_each_folder_of_a_source_says_what_each_of_its_types_reads() -> None:
    folders = {place.rpartition(".")[0] for place in BUILT_IN.values()}
    described = [type_ for name in folders for type_ in import_module(name).READS]
    assert sorted(described) == sorted(BUILT_IN)


def test_the_streams_listed_are_those_declared(sections: dict[str, str]) -> None:
    assert sorted(listed(sections["Streams"])) == sorted(STREAMS)


def test_the_folders_listed_are_those_there(
    repository: Path, sections: dict[str, str]
) -> None:
    folders = listed(sections["Folders"])
    missing = [name for name in folders if not (repository / name).is_dir()]
    packages = {f"{path.parent.name}/" for path in repository.glob("*/__init__.py")}
    assert not missing
    assert packages <= set(folders)


def test_the_checks_listed_are_those_there(
    repository: Path, sections: dict[str, str]
) -> None:
    checks = repository / "attribution/causal/checks"
    files = {path.stem for path in checks.glob("[!_]*.py")}
    assert set(listed(sections["Checks"])) == files - {"check"}
    told = (repository / "docs/concepts/attribution.md").read_text("utf-8")
    assert not [name for name in files - {"check"} if f"`{name}`" not in told]


def test_the_estimators_listed_are_the_designs_of_a_plan(
    repository: Path, sections: dict[str, str]
) -> None:
    designs = set(get_args(Design)) - {"auto"}
    assert set(listed(sections["Estimators"])) == designs
    for design in designs:
        text = (repository / f"attribution/causal/estimators/{design}.py").read_text(
            "utf-8"
        )
        docstring = ast.get_docstring(ast.parse(text)) or ""
        for part in ("Estimand", "Assumptions", "Refuses", "Sources"):
            assert f"\n{part}\n" in docstring, (design, part)


def test_every_decision_is_listed_in_its_order(
    repository: Path, sections: dict[str, str]
) -> None:
    records = sorted((repository / "docs/decisions").glob("[0-9]*.md"))
    assert listed(sections["Decisions"]) == [path.name[:4] for path in records]
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_decision_has_its_four_parts(repository: Path) -> None:
    parts = ["Context", "Decision", "Consequences", "What would change our mind"]
    for path in (repository / "docs/decisions").glob("[0-9]*.md"):
        headings = re.findall(r"^## (.+)$", path.read_text("utf-8"), re.MULTILINE)
        assert headings == parts, path.name
