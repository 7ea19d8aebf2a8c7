"""Moves in ``catalog.yml``: where models run, candidates and dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sample_company.timeline import Timeline

MIGRATION: Final = "managed-kubernetes-to-hybrid"
INTEGRATION_RULE: Final = "integration"
#: Models that leave managed Kubernetes, and the platform that serves them afterwards.
MOVED: Final = {
    "maintenance-vision": "tidewater",
    "maintenance-sensors": "tidewater",
    "driver-camera": "tidewater",
    "route-planner": "railway",
}
#: Models that call an API, or are trained at another provider, all the time.
STAYING: Final = {"care-assistant": "openai", "invoice-reader": "anthropic"}
_TRAINED_AT: Final = {
    "aws-managed": (
        "maintenance-vision", "maintenance-sensors", "driver-camera", "eta-v1",
        "eta-v2", "route-planner",
    ),
    "google-vertex": ("invoice-reader",),
}  # fmt: skip
#: Parts that somebody would have to rebuild elsewhere; models that are missing here
#: were judged by nobody.
PORTABILITY: Final = {
    "Amazon Elastic Compute Cloud": "portable",
    "Amazon Elastic Kubernetes Service": "portable_with_effort",
    "Amazon Elastic Block Store": "portable",
    "Amazon Simple Storage Service": "portable_with_effort",
    "Amazon SageMaker": "proprietary",
    "Amazon Bedrock": "proprietary",
    "Amazon OpenSearch Service": "portable_with_effort",
    "AmazonCloudWatch": "proprietary",
    "GPU Nodes": "portable",
    "Metrics and Traces": "portable",
    "Railway Compute": "portable",
    "Railway Storage": "portable",
    "BigQuery": "proprietary",
    "Vertex AI": "proprietary",
    "OpenAI API": "portable_with_effort",
    "Anthropic API": "portable_with_effort",
}


def moves_text(timeline: Timeline) -> str:
    """Return the sections ``placements``, ``portability`` and ``migrations``."""
    migration = timeline.first_of("migration").first_day
    hybrid = timeline.first_of("hybrid").first_day
    lines = ["# Which model runs where, and what was moved.", "placements:"]
    for model, platform in MOVED.items():
        lines.append(_placement(model, "aws-eks", f", valid_to: {migration}"))
        lines.append(_placement(model, platform, f", valid_from: {hybrid}"))
    lines += [_placement(model, platform) for model, platform in STAYING.items()]
    lines += list(_training())
    lines.append("portability:")
    lines += [
        f"  - {{service: {service}, portability: {portability}, owner: ML platform,"
        f" judged_on: {timeline.first_day}}}"
        for service, portability in PORTABILITY.items()
    ]
    lines += [
        "migrations:",
        f"  - id: {MIGRATION}",
        "    name: From managed Kubernetes to a hybrid",
        "    from_platforms: [aws-eks]",
        "    to_platforms: [tidewater, railway]",
        f"    models: [{', '.join(MOVED)}]",
        f"    migration_from: {migration}",
        f"    migration_to: {hybrid}",
        f"    integration_rules: [{INTEGRATION_RULE}]",
    ]
    return "\n".join(lines) + "\n"


def _placement(model: str, platform: str, more: str = "") -> str:
    return f"  - {{model: {model}, platform: {platform}{more}}}"


def _training() -> Iterator[str]:
    for platform, models in _TRAINED_AT.items():
        for model in models:
            yield _placement(model, platform, ", stage: training")
