"""What a line of a bill is the price of, told from the words of vendors.

The macros are rendered as dbt renders them for DuckDB, and run over words that bills
have; no workspace is needed.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.names.macros import token_macros

#: Kind → words of bills of OpenAI, Anthropic, Azure, Bedrock and Vertex AI.
EXAMPLES = {
    "search": ("web search", "grounding with google search"),
    "file_search": ("file search tool call",),
    "code_session": ("code interpreter session", "code_execution"),
    "input": (
        *("gpt-4o-2024-08-06, input", "uncached_input_tokens", "prompt tokens"),
        *("use1-claude4sonnet-input-tokens", "gemini 2.5 pro text input - predictions"),
        *("text-embedding-3-small", "use1-mp:use1_inputtokencount-units"),
        *("gpt 4o 0806 inp glbl tokens", "claude opus 4.6 input_no_cache"),
    ),
    "cache_storage": ("gemini 3 flash text input caching storage",),
    "cache_write_1h": (
        *("cache_creation.ephemeral_1h_input_tokens", "input_cache_write_1h"),
    ),
    "cache_write": (
        "input_cache_write_5m",
        "cache_creation.ephemeral_5m_input_tokens",
        "use1-claude4sonnet-cache-write-input-token-count",
    ),
    "cached_input": (
        *("gpt-4.1, cached input", "cache_read_input_tokens", "gpt 4o cchd inp glbl"),
        *("use1-novapro-cache-read-input-token-count", "gemini 3 text input caching"),
        "input_cache_read",
    ),
    "reasoning": ("gemini 2.5 flash thinking text output - predictions",),
    "audio_seconds": ("whisper-1", "gpt-4o-transcribe"),
    "characters": ("tts-1 characters",),
    "audio_output": ("audio output tokens", "generated audio"),
    "audio_input": ("audio input tokens",),
    "image_input": ("image input tokens",),
    "image_output": ("image tokens",),
    "image": ("dall-e-3 images",),
    "output": (
        *("gpt-4.1, output", "output_tokens", "completion tokens", "response tokens"),
        *("use1-claude4sonnet-output-tokens", "gpt 4o 0806 outp glbl tokens"),
        "million response tokens",
    ),
    None: ("training on n1-highmem-8 with l4", "platform plan", "boxusage:p5.48xlarge"),
}


@pytest.fixture(scope="module")
def macros() -> Any:
    """Return the macros on kinds."""
    return token_macros()


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """Return an engine for every answer: to begin one takes ten times as long."""
    return duckdb.connect()


def answer(sql: str, text: str) -> Any:
    """Return what an expression over ``text`` comes to."""
    query = f"SELECT {sql} FROM (SELECT $1 AS text)"
    row = engine().execute(query, [text]).fetchone()
    assert row is not None
    return row[0]


def conditions(macros: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Return each kind with the patterns that all have to be found."""
    # The first branch is the guard itself.
    _, _, rest = macros.token_kind("text").partition("cast(null as string)")
    branches = re.findall(r"when (.*?)\s+then '(\w+)'", rest, re.DOTALL)
    return [
        (kind, tuple(re.findall(r"regexp_matches\(text, '(.*?)'\)", condition)))
        for condition, kind in branches
    ]


def test_words_of_every_kind_pass_the_guard_and_are_of_that_kind(macros: Any) -> None:
    assert {kind for kind, _ in conditions(macros)} == EXAMPLES.keys() - {None}
    for kind, texts in EXAMPLES.items():
        for text in texts:
            assert answer(macros.token_kind("text"), text) == kind, text
            is_asked = answer(macros.may_name_a_kind("text"), text)
            assert is_asked or kind is None, text


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_whatever_a_kind_is_told_by_passes_the_guard(
    macros: Any, data: st.DataObject
) -> None:
    """A word that a kind is told by and the guard does not know is never asked for."""
    kind, patterns = data.draw(st.sampled_from(conditions(macros)))
    words = [data.draw(st.from_regex(re.compile(one, re.ASCII))) for one in patterns]
    text = " ".join(words)
    assert answer(macros.may_name_a_kind("text"), text), (kind, text)
