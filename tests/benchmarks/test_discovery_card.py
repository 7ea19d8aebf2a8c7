"""What is printed of names on bills was measured, and does not get worse."""

from __future__ import annotations

import json

import pytest

from benchmarks.names.card import BARS, CARD, figures, identity, measure, page

STORED = json.loads(CARD.read_text("utf-8"))
LAST = STORED["again"]


def test_the_develop_half_is_read_no_worse_than_the_card_tells() -> None:
    """A change that reads names better is followed by a new card."""
    total = figures(measure("develop"))["total"]
    for part in BARS:
        for side, share in LAST["develop"]["total"][part].items():
            assert total[part][side] >= share, (part, side)


def test_the_page_prints_misses_as_well() -> None:
    lines = "\n".join(page(STORED))
    assert "first measurement" in lines
    assert "**no**" in lines


def test_the_closing_figure_is_the_score_before_the_blind_half_was_seen() -> None:
    """Rules were written for what the closing score of Snowflake had shown."""
    closing, again = STORED["closing"], STORED["again"]
    seen = [card["blind"]["by_provider"]["snowflake"] for card in (closing, again)]
    assert [each["is_ai"]["recall"] for each in seen] == [0.1531, 1.0]
    lines = "\n".join(page(STORED))
    assert "| snowflake | 1.000 · 0.153 |" in lines
    assert "not wholly blind" in lines


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Claude 4.5 Sonnet", "claude-sonnet-4-5-20250929"),
        ("gpt-35-turbo-16k", "gpt-3.5-turbo"),
        ("gemini-3.0-pro", "gemini-3-pro"),
        ("llama3.1-8b-instruct", "llama-3.1-8b"),
    ],
)
def test_spellings_of_one_model_are_one(written: str, meant: str) -> None:
    assert identity(written) == identity(meant)


def test_versions_and_variants_tell_models_apart() -> None:
    names = ("gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-5.1-codex", "gpt-4o", "o4-mini")
    assert len({identity(name) for name in names}) == len(names)
