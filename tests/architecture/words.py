"""``python -m tests.architecture.words``: retired words and overlong sentences.

What users read: documentation, descriptions of models and columns, and texts of the
product that are not docstrings. Decisions and the log of changes are history.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.architecture import word_rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
#: Retired word → what to write; ``docs/glossary.md`` has the terms of the field.
RETIRED = {
    "beside": "next to, compared with, in addition to",
    "held against": "compared with, reconciled with",
    "has not the": "lacks",
    "none is": "say what is missing",
    "heads": "headcount",
    "nine times of ten": "90 % interval",
}
LONGEST_SENTENCE_WORDS = 30
_HISTORY = ("docs/decisions/", "CHANGELOG.md")
_PACKAGES = ("triptych", "ingest", "attribution", "dashboard")
_SQL = re.compile(r"\b(AS|OR|SET|CAST|SELECT)\b")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])[*)\"]*\s+|\n\s*\n|\n\s*[-|#>]|\s\|\s")


def documents() -> Iterator[tuple[str, str]]:
    """Yield path and text of each page and of each description of dbt."""
    for path in _tracked("*.md", "docs", "dbt_project/models/**/*.yml"):
        if path.endswith((".md", ".yml")) and not path.startswith(_HISTORY):
            yield path, _FENCE.sub("", (ROOT / path).read_text("utf-8"))


@cache
def product_texts() -> list[tuple[str, str]]:
    """Return place and text of each string of the product that is no docstring."""
    return list(_texts_of_product())


def _texts_of_product() -> Iterator[tuple[str, str]]:
    for path in _tracked(*_PACKAGES):
        if path.endswith(".py"):
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            for node in _outside_docstrings(tree):
                text = _text(node)
                if _is_prose(text):
                    yield f"{path}:{node.lineno}", text


def descriptions() -> Iterator[tuple[str, str]]:
    """Yield path and text of each description of a model, a column or an exposure."""
    for path in _tracked("dbt_project/models/**/*.yml"):
        if not path.endswith("__unit_tests.yml"):
            properties = yaml.load(
                (ROOT / path).read_text("utf-8"),
                yaml.CSafeLoader,
            )
            yield from ((path, text) for text in _descriptions_in(properties))


def retired(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return where a retired word stands, and which."""
    return [
        (place, word)
        for place, text in texts
        for word in RETIRED
        for _ in re.finditer(rf"\b{word}\b", text, re.IGNORECASE)
    ]


def long_sentences() -> list[tuple[int, str, str]]:
    """Return number of words, page and beginning of sentences that are too long."""
    return sorted(
        (
            (len(words), place, " ".join(words[:8]))
            for place, text in _read_in_sentences()
            for words in map(str.split, _SENTENCE.split(text))
            if len(words) > LONGEST_SENTENCE_WORDS
        ),
        reverse=True,
    )


def _read_in_sentences() -> Iterator[tuple[str, str]]:
    """Yield what a person writes; pages below ``docs/reference`` derive from it."""
    for path, text in documents():
        if path.endswith(".md") and not path.startswith("docs/reference/"):
            yield path, text
    yield from descriptions()
    for place, text in product_texts():
        if not _SQL.search(text):
            yield place, text


def _descriptions_in(properties: object) -> Iterator[str]:
    if isinstance(properties, dict):
        if isinstance(text := properties.get("description"), str):
            yield text
        properties = list(properties.values())
    if isinstance(properties, list):
        for part in properties:
            yield from _descriptions_in(part)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    """Return a literal, with an ellipsis for each value that is put into it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "\u2026"
        for part in node.values
    )


def _is_prose(text: str) -> bool:
    """Tell sentences from identifiers, and from SQL over several lines."""
    return " " in text.strip() and "\n" not in text


def _outside_docstrings(
    tree: ast.Module,
) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield each literal once: an f-string whole, not its parts."""
    left_out = set(map(id, _docstrings(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left_out.update(map(id, node.values))
            yield node
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in left_out
        ):
            yield node


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr):
                yield first.value


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns],  # noqa: S607  (whatever git the machine has)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def _report() -> Iterator[str]:
    for name, texts in (("documents", documents()), ("product", product_texts())):
        places = retired(texts)
        for word, count in Counter(word for _, word in places).most_common():
            yield f"{name:9} {count:4} × {word!r}: write {RETIRED[word]}"
        yield from (f"          {place}: {word}" for place, word in places)
    sentences = long_sentences()
    yield f"{len(sentences)} sentences over {LONGEST_SENTENCE_WORDS} words:"
    yield from (f"{count:5} {path}: {start} …" for count, path, start in sentences)
    yield from word_rates.report()


if __name__ == "__main__":
    print("\n".join(_report()))  # noqa: T201  (its answer)
