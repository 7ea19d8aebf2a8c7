"""Words that readers should not meet do not come back (``make words`` lists them)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.word_rates import (
    BOUNDS,
    BUDGETS,
    PAGE_BOUNDS,
    page_words,
    pages,
    prose,
    rates,
)
from tests.architecture.words import documents, long_sentences, product_texts, retired

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _clone() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: nothing says which files belong to it")


def test_no_page_and_no_description_has_a_retired_word() -> None:
    assert retired(documents()) == []


def test_no_text_of_the_product_has_a_retired_word() -> None:
    assert retired(product_texts()) == []


def test_no_sentence_that_users_read_is_longer_than_thirty_words() -> None:
    assert long_sentences() == []


def test_docstrings_and_comments_use_no_word_more_often_than_before() -> None:
    highest = {word: bound.highest for word, bound in BOUNDS.items()}
    assert {w: r for w, r in rates(prose()).items() if r > highest[w]} == {}


def test_pages_use_no_word_more_often_than_before() -> None:
    found = rates(pages(*BUDGETS))
    assert {
        word: rate for word, rate in found.items() if rate > PAGE_BOUNDS[word]
    } == {}


def test_no_folder_of_the_documentation_has_more_words_than_its_budget() -> None:
    words = {folder: page_words(folder) for folder in BUDGETS}
    assert {f: count for f, count in words.items() if count > BUDGETS[f]} == {}


def test_a_rate_is_of_ten_thousand_words() -> None:
    assert rates(["What counts: one of five.", "It is its own, of its own."]) == {
        **dict.fromkeys(BOUNDS, 0.0),
        "what": 10_000 / 12,
        "one": 10_000 / 12,
        "of its own": 10_000 / 12,
    }


def test_a_retired_word_is_found_whatever_its_case() -> None:
    text = [("page.md", "Held against the bill, beside it.\nheadset")]
    assert [word for _, word in retired(iter(text))] == ["beside", "held against"]


def test_each_term_of_the_glossary_stands_on_a_page_that_links_to_it() -> None:
    pages = [
        " ".join(text.lower().split())
        for path, text in documents()
        if path != "docs/glossary.md" and "glossary.md#" in text
    ]
    terms = [
        term
        for line in (ROOT / "docs/glossary.md").read_text("utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| term ")
        for term in line.split("|")[1].strip().split(", ")
    ]
    assert len(terms) > 50
    assert [t for t in terms if not any(t.lower() in page for page in pages)] == []
