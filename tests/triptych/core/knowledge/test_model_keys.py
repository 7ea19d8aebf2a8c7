"""Test that bills, meters and discovery read one model from one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.names.bills import bills
from ingest.sources.tables.bill_formats import format_of_header
from ingest.storage.files import column_names
from triptych.core.knowledge.model_keys import (
    NAMING_COLUMNS,
    SEPARATOR,
    model_key,
    parse_line,
    parse_meter,
)
from triptych.discovery.charges import classify
from triptych.discovery.ledger_sample import Reading, bench, sample_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("called_by_a_bill", "called_by_a_meter"),
    [
        ("Claude4Sonnet", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("Claude4.6Sonnet", "anthropic.claude-sonnet-4-6-20260501-v1:0"),
        ("Claude3.5Sonnet", "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("Claude Sonnet 4", "claude-sonnet-4@20250514"),
        ("Claude 3.5 Sonnet v2", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("USE1-Nova2.0Lite-input-tokens", "amazon.nova-2-lite-v1:0"),
        ("gemini 3.0 pro", "gemini-3-pro"),
        ("NovaPro", "amazon.nova-pro-v1:0"),
        ("gpt-oss-120b", "openai.gpt-oss-120b-1:0"),
        ("gemini 2.5 flash", "vertex_ai/gemini-2.5-flash"),
        ("gpt 4o 0806 Inp glbl Tokens", "gpt-4o-2024-08-06"),
        ("Azure OpenAI GPT5 - 5.4 mini inp Gl 1M Tokens", "gpt-5.4-mini"),
        ("Azure OpenAI PP FT GPT4s - 4.1 mini pp Opt Gl Tokens", "azure/gpt-4.1-mini"),
        ("USE2-deepseek.r1-output-tokens", "deepseek.r1-v1:0"),
        ("USW2-Kimi-K2-Thinking-input-tokens", "kimi-k2-thinking"),
    ],
)
def test_a_bill_and_a_meter_mean_one_model(
    called_by_a_bill: str, called_by_a_meter: str
) -> None:
    line = parse_line(SEPARATOR.join(["", called_by_a_bill, "", "", ""]))
    assert line is not None
    assert line.key == parse_meter(called_by_a_meter).key


def test_tokens_of_a_tuned_model_are_not_those_of_its_base() -> None:
    tuned, base = parse_meter("ft:gpt-4o-mini:acme"), parse_meter("gpt-4o-mini")
    assert (tuned.key, base.key) == ("ftgpt4ominiacme", "gpt4omini")
    meter = "Azure OpenAI PP FT GPT4s - 4.1 mini ft inp Dz Tokens"
    line = parse_line(SEPARATOR.join(["", meter, "", "", ""]))
    assert line is not None
    assert line.key == "ftgpt41mini"


def test_what_details_of_a_sku_state_decides() -> None:
    details = '{"ModelId": "claude-opus-4-6", "ServiceTier": "standard"}'
    line = parse_line(SEPARATOR.join([details, "gpt-4o usage", "", "", ""]))
    assert line is not None
    assert line.key == "claudeopus46"


def test_an_unknown_item_keeps_its_name_and_other_words_name_nothing() -> None:
    item = parse_line(
        SEPARATOR.join(["", "", "zeta-9-2026-01-02 batch, input", "", ""])
    )
    assert item is not None
    assert (item.key, item.date) == ("zeta9", "20260102")
    assert parse_line(SEPARATOR.join(["", "", "web search", "", "OpenAI"])) is None


def test_pools_are_divided_by_the_models_that_discovery_finds(tmp_path: Path) -> None:
    """The half of the corpus that rules are written with, as its bills have it."""
    compared = 0
    for bill in bills("develop"):
        path = bill.write(tmp_path)
        kind = format_of_header(column_names(path))
        assert kind is not None
        with bench() as connection:
            sample_file(
                connection, path, kind, table="charges", label="", reading=Reading()
            )
            classify(connection, "charges")
            rows = connection.execute(
                f"SELECT named_model, {', '.join(NAMING_COLUMNS)} FROM classified"
                " WHERE named_in IN ("
                + ", ".join(f"'{column}'" for column in NAMING_COLUMNS)
                + ")"
            ).fetchall()
        for model, *texts in rows:
            line = parse_line(SEPARATOR.join(text or "" for text in texts))
            assert line is not None, texts
            assert line.key.removeprefix("ft") == model_key(model), texts
        compared += len(rows)
    assert compared > 700
