"""YAML is read with its lines, and scalars stay as they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.core.settings.document import Document, parse_document, read_document
from triptych.core.settings.problems import Problems

if TYPE_CHECKING:
    from pathlib import Path


def parsed(text: str) -> tuple[Document, list[str]]:
    problems = Problems()
    document = parse_document(text, name="file.yml", problems=problems)
    return document, problems.lines()


def test_scalars_keep_their_digits_and_their_spelling() -> None:
    document, problems = parsed(
        "account: 001234567890\nshare: 33.33333333333333333333\non: yes\nnone: null\n"
    )

    assert problems == []
    assert document.data == {
        "account": "001234567890",
        "share": "33.33333333333333333333",
        "on": "yes",
    }


def test_values_within_values_are_read_to_a_bounded_depth() -> None:
    _, problems = parsed("a: " + "[" * 1_000 + "]" * 1_000)
    assert problems == ["file.yml:1: values are nested too deeply to be read."]


def test_lines_are_those_an_editor_shows() -> None:
    document, _ = parsed("# comment\na: 1\nb:\n  - x: 1\n\n    y: 2\n  - {x: 3}\n")

    assert document.line_of(("a",)) == 2
    assert document.line_of(("b", 0, "y")) == 6
    assert document.line_of(("b", 1, "x")) == 7


def test_the_line_of_something_absent_is_that_of_what_is_around_it() -> None:
    document, _ = parsed("a: 1\nb:\n  - x: 1\n")

    assert document.line_of(("b", 0, "missing")) == 3
    assert document.line_of(("nowhere",)) == 1


def test_a_repeated_key_is_refused_with_both_lines() -> None:
    _, problems = parsed("a: 1\nb: 2\na: 3\n")

    assert problems == ["file.yml:3: key 'a' appears twice, first in line 1. Keep one."]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2\n", 2),
        ("a: 1\n\tb: 2\n", 2),
        ("a: *unknown\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
    ],
)
def test_broken_yaml_is_refused_with_its_line(text: str, line: int) -> None:
    _, [problem] = parsed(text)

    assert problem.startswith(f"file.yml:{line}: not valid YAML: ")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    _, problems = parsed(text)

    assert problems == ["file.yml:1: the file must hold keys and values at the top."]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    document, problems = parsed(text)

    assert (document.data, problems) == ({}, [])


def test_an_alias_repeats_a_part_with_the_lines_of_its_origin() -> None:
    document, problems = parsed("a: &x {k: 1}\nb: *x\n")

    assert problems == []
    assert document.data == {"a": {"k": "1"}, "b": {"k": "1"}}


def test_a_part_that_contains_itself_is_refused() -> None:
    _, problems = parsed("a: &x\n  b: *x\n")

    assert problems == ["file.yml:1: a part of the file contains itself."]


def test_aliases_cannot_blow_a_file_up() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, problems = parsed("\n".join(levels))

    assert any("more than 200,000 values" in problem for problem in problems)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "triptych.yml"
    path.write_bytes("organisation: Müller".encode("latin-1"))
    problems = Problems()

    read_document(path, problems=problems)

    [line] = problems.lines()
    assert line.startswith("triptych.yml:1: the file is not UTF-8 text")


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "triptych.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read_document(path, problems=Problems()).data == {"a": "1"}


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail_without_a_message(text: str) -> None:
    document, problems = parsed(text)

    assert isinstance(document.data, dict)
    assert all(problem.startswith("file.yml:") for problem in problems)


def test_folded_text_is_one_line_without_marks_of_the_parser() -> None:
    problems = Problems()
    text = "mapping:\n  tags: >-\n    json_object('model', a,\n    'team', b)\n"
    document = parse_document(text, name="triptych.yml", problems=problems)
    assert document.data["mapping"] == {"tags": "json_object('model', a, 'team', b)"}
