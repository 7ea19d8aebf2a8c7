"""``python -m tests.architecture.words``: retired words, and long sentences.

What users read: documentation, descriptions of models and columns, and texts of the
product that are not docstrings. Decisions and the log of changes are history.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])[*)\"]*\s+|\n\s*\n|\n\s*[-|#>]|\s\|\s")


def documents() -> Iterator[tuple[str, str]]:
    """Yield path and text of each page and of each description of dbt."""
    for path in _tracked("*.md", "docs", "dbt_project/models/**/*.yml"):
        if path.endswith((".md", ".yml")) and not path.startswith(_HISTORY):
            yield path, _FENCE.sub("", (ROOT / path).read_text("utf-8"))


def product_texts() -> Iterator[tuple[str, str]]:
    """Yield place and text of each string of the product that is no docstring."""
    for path in _tracked(*_PACKAGES):
        if path.endswith(".py"):
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            docstrings = set(map(id, _docstrings(tree)))
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and id(node) not in docstrings
                    and _is_prose(node.value)
                ):
                    yield f"{path}:{node.lineno}", node.value


def retired(texts: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
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
            (len(words), path, " ".join(words[:8]))
            for path, text in documents()
            if path.endswith(".md") and not path.startswith("docs/reference/")
            for words in map(str.split, _SENTENCE.split(text))
            if len(words) > LONGEST_SENTENCE_WORDS
        ),
        reverse=True,
    )


def _is_prose(text: str) -> bool:
    """Tell sentences from identifiers, and from SQL over several lines."""
    return " " in text.strip() and "\n" not in text


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


if __name__ == "__main__":
    print("\n".join(_report()))  # noqa: T201  (its answer)
