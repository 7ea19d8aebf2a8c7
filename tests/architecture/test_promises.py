"""Each promise of the product has a test, in the layer that the table says."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.planted import Defect, defects

TESTS = Path(__file__).resolve().parents[1]
#: What the fast layer leaves out, by its marker.
LEFT_OUT = {"full", "spark", "crash"}
_ROW = re.compile(r"^\| (?P<promise>[^|]+) \| `(?P<test>[^`]+)` \| (?P<layer>\w+) \|$")


@dataclass(frozen=True, slots=True)
class Promise:
    """A row of the table."""

    text: str
    test: str
    layer: str


def promises() -> list[Promise]:
    lines = (TESTS / "README.md").read_text("utf-8").splitlines()
    rows = [_ROW.match(line) for line in lines]
    return [Promise(row["promise"], row["test"], row["layer"]) for row in rows if row]


def layer_of(test: str, root: Path = TESTS) -> str:
    """Return the layer of ``file::test``; AssertionError where there is no such test.

    Unit tests of models, named by their file below ``dbt_project``, are all fast.
    Markers of single parameters count for nothing: the others run in the fast layer.
    """
    name, *inner = test.split("::")
    path = (root.parent if name.endswith(".yml") else root) / name
    assert path.is_file(), f"there is no {name}"
    if path.suffix == ".yml":
        cases = re.findall(r"^  - name: (\w+)$", path.read_text("utf-8"), re.MULTILINE)
        assert cases.count(inner[0]) == 1, f"{name} has no {inner[0]}"
        return "fast"
    body = _statements_of(path)
    marks = _marks_of_module(body)
    for step in inner:
        named = [
            node
            for node in body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == step
        ]
        assert named, f"{name} has no {step}"
        marks |= {mark for node in named[0].decorator_list for mark in _marks(node)}
        body = named[0].body
    return "full" if marks & LEFT_OUT else "fast"


@cache
def _statements_of(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text("utf-8")).body


def _marks_of_module(body: list[ast.stmt]) -> set[str]:
    return {
        mark
        for node in body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        for mark in _marks(node.value)
    }


def _marks(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Call):
        # Not what is inside: that belongs to single parameters.
        return _marks(node.func)
    if isinstance(node, ast.List | ast.Tuple):
        return {mark for element in node.elts for mark in _marks(element)}
    return set(re.findall(r"pytest\.mark\.(\w+)$", ast.unparse(node)))


def test_the_table_has_every_part_of_the_product() -> None:
    listed = promises()
    assert len(listed) >= 60
    assert len({promise.text for promise in listed}) == len(listed)
    assert {promise.layer for promise in listed} == {"fast", "full"}


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise.text)
def test_a_promise_has_its_test_in_the_layer_that_is_stated(promise: Promise) -> None:
    assert layer_of(promise.test) == promise.layer


def test_a_test_that_is_marked_or_missing_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "@pytest.mark.full\n@pytest.mark.timeout(9)\ndef test_slow(): ...\n"
        "@pytest.mark.parametrize('a', [pytest.param(1, marks=pytest.mark.full)])\n"
        "def test_quick(): ...\n"
    )
    assert layer_of("test_it.py::test_slow", tmp_path) == "full"
    assert layer_of("test_it.py::test_quick", tmp_path) == "fast"
    with pytest.raises(AssertionError, match="no test_gone"):
        layer_of("test_it.py::test_gone", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "cases.yml").write_text("unit_tests:\n  - name: a_case\n")
    assert layer_of("cases.yml::a_case", tmp_path / "tests") == "fast"
    with pytest.raises(AssertionError, match="no another"):
        layer_of("cases.yml::another", tmp_path / "tests")


@pytest.mark.parametrize("defect", defects(), ids=lambda defect: defect.name)
def test_a_defect_can_still_be_planted_and_has_its_tests(defect: Defect) -> None:
    text = (TESTS.parent / defect.file).read_text("utf-8")
    assert text.count(defect.old) == 1
    assert defect.new != defect.old
    assert text.replace(defect.old, defect.new) != text
    assert defect.promise
    assert defect.tests
    for test in (*defect.tests, *defect.full_tests):
        assert (TESTS.parent / test.partition("::")[0]).exists(), test
        if "::" in test:
            layer = layer_of(test.removeprefix("tests/"))
            assert layer == "fast" or test in defect.full_tests


def test_names_of_defects_are_their_own() -> None:
    names = [defect.name for defect in defects()]
    assert len(set(names)) == len(names) >= 60
