"""Words per 10,000 in docstrings and comments, next to those of seven codebases.

Peers: dlt, httpx, linearmodels, CausalPy, datasette and koku. Their rates of *stands*,
*told*, *tells*, *says* and *whose* are those of a group of words that has it.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Folder of the documentation → most words in it; decisions are records.
BUDGETS = {"concepts": 15_700, "how_to": 32_000, "reference": 36_700, ".": 1_900}
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PACKAGES = ("triptych", "ingest", "attribution", "dashboard")


class Bound(NamedTuple):
    """Rates per 10,000 words: highest of the peers, and highest allowed."""

    peers: float | None
    highest: float


#: Word → bounds.
BOUNDS = {
    "what": Bound(3.7, 20),
    "one": Bound(23.2, 25),
    "whose": Bound(3.6, 2),
    "whoever": Bound(None, 2),
    "stands": Bound(4.4, 2),
    "told": Bound(2.4, 2),
    "tells": Bound(2.4, 2),
    "says": Bound(2.4, 2),
    "besides": Bound(None, 2),
    "of its own": Bound(None, 2),
    "anew": Bound(None, 2),
    "whatever": Bound(None, 2),
}

#: Word → highest rate on pages, so far; never raised.
PAGE_BOUNDS = {
    **{word: bound.highest for word, bound in BOUNDS.items()},
    "what": 8,
    "one": 34,
    "whose": 2,
    "says": 2,
}


def rates(texts: Iterable[str]) -> dict[str, float]:
    """Return the rate of each bounded word per 10,000 words of the texts."""
    counts: Counter[str] = Counter()
    words = 0
    for text in map(str.lower, texts):
        words += len(re.findall(r"[a-z][a-z'-]*", text))
        for word in BOUNDS:
            counts[word] += len(re.findall(rf"\b{word}\b", text))
    return {word: counts[word] * 10_000 / words for word in BOUNDS}


def pages(*folders: str) -> Iterator[str]:
    """Yield the text of each page in folders of the documentation, without code."""
    for folder in folders:
        for path in _pages_in(folder):
            yield _FENCE.sub("", path.read_text("utf-8"))


def page_words(folder: str) -> int:
    """Count words of a folder's pages; rules and bars of tables are none."""
    texts = (path.read_text("utf-8") for path in _pages_in(folder))
    return sum(any(map(str.isalnum, word)) for text in texts for word in text.split())


def _pages_in(folder: str) -> list[Path]:
    root = DOCS / folder
    return sorted(root.glob("*.md") if folder == "." else root.rglob("*.md"))


def prose(packages: Iterable[str] = PACKAGES) -> Iterator[str]:
    """Yield docstrings and comments of the modules of packages."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text("utf-8")
            yield from _docstrings(ast.parse(source))
            for token in tokenize.generate_tokens(io.StringIO(source).readline):
                if token.type == tokenize.COMMENT:
                    yield token.string.lstrip("#: ")


def report() -> Iterator[str]:
    """Yield a table of the product's rates, the peers' and the aims."""
    yield "per 10,000 words of docstrings and comments: word, ours, peers, bound"
    for word, rate in rates(prose()).items():
        peers, highest = BOUNDS[word]
        yield f"{word:12} {rate:7.1f} {'–' if peers is None else peers:>7} {highest:5}"
    yield "per 10,000 words of pages: word, ours, bound"
    for word, rate in rates(pages(*BUDGETS)).items():
        yield f"{word:12} {rate:7.1f} {PAGE_BOUNDS[word]:7}"
    yield "words of pages by folder: ours, bound"
    for folder, highest in BUDGETS.items():
        yield f"docs/{folder:12} {page_words(folder):7,} {highest:7,}"


def _docstrings(tree: ast.Module) -> Iterator[str]:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text
