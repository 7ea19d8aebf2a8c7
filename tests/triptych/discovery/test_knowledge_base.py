"""What is known of AI on bills is well formed, dated, and says what it is meant to."""

from __future__ import annotations

import re
from datetime import date

import duckdb
import pytest

from triptych.core.knowledge.knowledge_base import (
    model_families,
    reviewed_on,
    service_rules,
)
from triptych.core.knowledge.model_names import find_model
from triptych.discovery.charges import classify
from triptych.discovery.ledger_sample import bench
from triptych.discovery.proposals import pattern_of

#: Names in the spelling of vendors' documents and price lists → the id of the model.
NAMES = {
    "anthropic.claude-3-5-sonnet-20240620-v1:0": "claude-3-5-sonnet",
    "anthropic.claude-v2:1": "claude-2",
    "anthropic.claude-instant-v1": "claude-instant",
    "claude-opus-4-20250514": "claude-opus-4",
    "Claude Haiku 4.5 Cache Write": "claude-haiku-4-5",
    "gpt-4-turbo-2024-04-09": "gpt-4-turbo",
    "gpt-35-turbo": "gpt-3-5-turbo",
    "gpt4omini-0718 Outp regnl": "gpt-4o-mini",
    "gpt-oss-120b": "gpt-oss-120b",
    "o1-preview": "o1-preview",
    "text-embedding-ada-002": "text-embedding-ada-002",
    "gemini-1.5-flash-8b": "gemini-1-5-flash-8b",
    "Gemini 2.5 Pro Thinking Text Output": "gemini-2-5-pro",
    "meta.llama3-8b-instruct-v1:0": "llama-3-8b",
    "Llama 4 Maverick 17B Instruct": "llama-4-maverick-17b",
    "mistral.mixtral-8x7b-instruct-v0:1": "mixtral-8x7b",
    "amazon.titan-embed-text-v1": "titan-embed-text-v1",
    "Cohere Command R+": "cohere-command-r-plus",
    "deepseek-ai/DeepSeek-V3.1": "deepseek-v3-1",
    "stability.stable-diffusion-xl-v1": "stable-diffusion-xl",
    '{"ModelDeveloper": "A", "ModelId": "solora-9b"}': "solora-9b",
    # OpenAI's pages on models and deprecations, September 2026.
    "gpt-6-astra-2026-09-03, input": "gpt-6-astra",
    "gpt-image-2.5-flare-2026-09-08, output": "gpt-image-2-5-flare",
    "gpt-live-transcribe, audio input": "gpt-live-transcribe",
    "gpt-rosalind, output": "gpt-rosalind",
    "chatgpt-image-latest, image": "chatgpt-image",
    "omni-moderation-2024-09-26, input": "omni-moderation",
    "text-davinci-003, input": "text-davinci-003",
    "davinci-002, output": "davinci-002",
}
#: What is near to a name and is none.
NO_NAMES = (
    "$0.09 per GB - first 10 TB / month data transfer out",
    "Standard Data Transfer Out - Zone 1",
    "Photo3 storage, 42 GB",
    "Novartis subscription",
    "Command line interface, seats",
    "Provisioned Managed Regional Unit",
    "gpt-usage, input",
)
#: Provider, service, meter, description → the kind; None: not known as AI.
CHARGES = {
    ("AWS", "AmazonEC2", "BoxUsage:p5.48xlarge", ""): "accelerator",
    ("AWS", "AmazonEC2", "EUW1-SpotUsage:g6e.xlarge", ""): "accelerator",
    ("AWS", "AmazonEC2", "BoxUsage:m7g.large", ""): None,
    ("AWS", "AmazonEC2", "BoxUsage:g4ad.xlarge", ""): "not_ai",
    ("AWS", "AmazonAppStream", "stream.graphics.g5.xlarge", ""): None,
    ("AWS", "AWS Lambda", "Lambda-GB-Second", ""): None,
    ("Lambda Labs", "On-demand", "gpu_1x_h100", ""): "accelerator",
    ("Microsoft", "Virtual Machines", "ND96amsr A100 v4", ""): "accelerator",
    ("Microsoft", "Virtual Machines", "NV12ads A10 v5", ""): "not_ai",
    ("Microsoft", "Virtual Machines", "D4s v5", ""): None,
    ("Google Cloud", "Compute Engine", "", "Nvidia H100 80GB GPU"): "accelerator",
    ("Google Cloud", "Compute Engine", "", "A2 Instance Core"): "accelerator",
    ("Google Cloud", "Compute Engine", "", "N2 Instance Core"): None,
    (
        "Google Cloud",
        "Compute Engine",
        "",
        "Nvidia Tesla T4 Virtual Workstation GPU",
    ): "not_ai",
    ("Oracle", "LANGUAGE", "", "OCI Language"): "ai_service",
    ("Vendor", "LANGUAGE", "", "Courses for employees"): None,
    ("Snowflake", "Snowflake", "WAREHOUSE_METERING", ""): None,
    # SERVICE_TYPE of METERING_DAILY_HISTORY, and the release note of 2026-04-06.
    ("Snowflake", "AI_SERVICES", "", ""): "ml_platform",
    ("Snowflake", "AI_INFERENCE", "", ""): "ml_platform",
    ("Snowflake", "CORTEX_AGENTS", "", ""): "ml_platform",
    ("Snowflake", "SNOWFLAKE_INTELLIGENCE", "", ""): "ml_platform",
    ("Snowflake", "SNOWFLAKE_COCO_CLI", "", ""): "ml_platform",
    ("Snowflake", "Snowflake", "SNOWFLAKE_COCO_SNOWSIGHT", ""): "ml_platform",
    ("Snowflake", "SNOWPIPE_STREAMING", "", ""): None,
    ("Snowflake", "TRUST_CENTER", "", ""): None,
    ("Anthropic, PBC", "Claude API", "output", ""): "model_api",
    ("Anthropic", "Claude Sonnet 4.5", "", "Input tokens"): "model_api",
    ("Google Cloud", "Gemini API", "", "Gemini 3 Flash Text Input"): "model_api",
    ("Gemini Trust Company", "Gemini", "", "Custody fee"): None,
    ("State Street", "Gemini Exchange Fund", "", "Management fee"): None,
    ("Google Cloud", "Compute Engine", "", "Ironwood chip hour"): "accelerator",
    ("Google Cloud", "Compute Engine", "", "v6e chip hour"): "accelerator",
    ("Google Cloud", "Compute Engine", "", "v5litepod in Iowa"): "accelerator",
    ("Google Cloud", "Cloud Run", "", "Jobs v2 CPU Time"): None,
    ("Google Cloud", "Cloud Dataflow", "", "Prime v3 Shuffle Data"): None,
    ("AWS", "Weights & Biases", "MP:seats-Units", ""): "model_operations",
    ("Snowflake", "Cortex Analyst", "messages", ""): "ml_platform",
    ("Snowflake", "Compute", "CORTEX_FUNCTIONS", ""): "ml_platform",
    ("Snowflake", "AI_SERVICES", "", "credits"): "ml_platform",
}


def test_every_pattern_is_one_that_the_engine_can_run() -> None:
    with duckdb.connect(":memory:") as engine:
        for rule in service_rules():
            for pattern in rule.match.values():
                [(is_match,)] = engine.execute(
                    "SELECT regexp_matches('', ?)", [pattern]
                ).fetchall()
                assert is_match == bool(re.search(pattern, "")), (rule.id, pattern)


def test_ids_are_unique_and_parts_of_a_model_are_groups_of_its_pattern() -> None:
    ids = [rule.id for rule in service_rules()]
    assert len(set(ids)) == len(ids)
    for family in model_families():
        groups = set(re.findall(r"\?P<(\w+)>", family.pattern))
        assert set(re.findall(r"\{(\w+)\}", family.id)) <= groups, family.id


def test_the_knowledge_has_a_day_that_is_past() -> None:
    assert date(2026, 1, 1) <= reviewed_on()


@pytest.mark.parametrize(("text", "model"), NAMES.items())
def test_a_name_is_found_in_the_spelling_of_vendors(text: str, model: str) -> None:
    found = find_model(text)
    assert found is not None
    assert found.id == model


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name_is_none(text: str) -> None:
    assert find_model(text) is None


@pytest.mark.parametrize("text", NAMES)
def test_the_rule_of_a_spelling_finds_it_in_the_engine(text: str) -> None:
    found = find_model(text)
    assert found is not None
    with duckdb.connect(":memory:") as engine:
        sql = "SELECT regexp_matches(?, ?)"
        answer = engine.execute(sql, [text, pattern_of(found.spelling)]).fetchone()
    assert answer == (True,)


def test_a_charge_is_of_the_kind_that_people_who_know_it_say() -> None:
    columns = ("sku_id", "sku_price_details", "service_category", "resource_id")
    nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in columns)
    with bench() as connection:
        connection.execute(
            "CREATE TABLE given (service_provider_name VARCHAR, service_name VARCHAR,"
            " sku_meter VARCHAR, charge_description VARCHAR, position INTEGER)"
        )
        for position, charge in enumerate(CHARGES):
            connection.execute(
                "INSERT INTO given VALUES (?, ?, ?, ?, ?)", [*charge, position]
            )
        classify(
            connection,
            f"(SELECT *, {nothing}, CAST(NULL AS VARCHAR) AS resource_name FROM given)",
        )
        rows = connection.execute(
            "SELECT kind FROM classified ORDER BY position"
        ).fetchall()
    assert [kind for (kind,) in rows] == list(CHARGES.values())
