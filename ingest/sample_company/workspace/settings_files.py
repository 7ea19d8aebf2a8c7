"""The workspace's own files: triptych.yml, catalog.yml, allocation.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sample_company.api_spending import (
    GATEWAY_KEY,
    INVOICE_WORKSPACE,
    RAILWAY_MODELS,
    RESEARCH_PROJECT,
)
from ingest.sample_company.delivery.names import (
    registered_model_of,
    repository_of,
    service_of,
)
from ingest.sample_company.delivery.superseded import SERVICES, TEAM
from ingest.sample_company.latency import LATENCY_THRESHOLD_SECONDS
from ingest.sample_company.ledger import MIXED_POOL
from ingest.sample_company.organisation import (
    COST_CENTERS,
    CURRENCY,
    FEATURES,
    HYBRID_VENDOR,
    MODELS,
    NAME,
    OUT_OF_SCOPE_ACCOUNTS,
    TEAMS,
    Model,
)
from ingest.sample_company.splits import FIXED_PERCENTAGES
from ingest.sample_company.workspace.controls_file import controls_text
from ingest.sample_company.workspace.moves_file import INTEGRATION_RULE, moves_text
from ingest.sample_company.workspace.outcomes_section import outcomes_text
from ingest.sample_company.workspace.source_settings import sources_text

if TYPE_CHECKING:
    from ingest.sample_company.timeline import Timeline


def general_text() -> str:
    """Return ``triptych.yml``."""
    return _GENERAL.format(name=NAME, currency=CURRENCY) + sources_text()


def catalog_text(timeline: Timeline) -> str:
    """Return ``catalog.yml``."""
    lines = ["# Who is who at the sample company.", "cost_centers:"]
    lines += [f"  - {{id: {id_}, name: {name}}}" for id_, name in COST_CENTERS.items()]
    lines.append("teams:")
    lines += [
        f"  - {{id: {team.id}, name: {team.name}, cost_center: {team.cost_center}}}"
        for team in TEAMS
    ]
    lines.append(_PLATFORMS.format(vendor=HYBRID_VENDOR).rstrip())
    lines.append("features:")
    lines += [
        f"  - {{id: {feature.id}, name: {feature.name}, team: {feature.team}}}"
        for feature in FEATURES
    ]
    lines.append("models:")
    for model in MODELS:
        lines += _model_lines(model, timeline)
    lines.append(moves_text(timeline).rstrip())
    lines.append(controls_text(timeline).rstrip())
    lines.append(outcomes_text().rstrip())
    lines.append("# What other systems call them.")
    lines.append("identities:")
    for model in MODELS:
        lines += _identity_lines(model)
    lines += [f"  - {{service: {service}, team: {TEAM}}}" for service in SERVICES]
    return "\n".join(lines) + "\n"


def _model_lines(model: Model, timeline: Timeline) -> list[str]:
    lines = [
        f"  - id: {model.id}",
        f'    name: "{model.name}"',
        f"    feature: {model.feature}",
        f"    team: {model.team}",
    ]
    if model.aliases:
        lines.append(f"    aliases: [{', '.join(model.aliases)}]")
    if model.id in LATENCY_THRESHOLD_SECONDS:
        seconds = LATENCY_THRESHOLD_SECONDS[model.id]
        lines.append(f"    latency_threshold_seconds: {seconds}")
    if model.starts_with_migration:
        lines.append(f"    valid_from: {timeline.renamed_on}")
    if model.ends_with_migration:
        lines.append(f"    valid_to: {timeline.retired_on}")
    return lines


def _identity_lines(model: Model) -> list[str]:
    names = {
        "service": service_of(model),
        "repository": repository_of(model),
        "registered_model": registered_model_of(model),
    }
    return [
        f"  - {{{kind}: {name}, model: {model.id}}}" for kind, name in names.items()
    ]


def allocation_text(timeline: Timeline) -> str:
    """Return ``allocation.yml``."""
    outside = ", ".join(f'"{account.id}"' for account in OUT_OF_SCOPE_ACCOUNTS)
    percentages = ", ".join(f"{m}: {p}" for m, p in FIXED_PERCENTAGES.items())
    return _ALLOCATION.format(
        outside=outside,
        renamed_on=timeline.renamed_on,
        percentages=percentages,
        railway_services="\n".join(map(_railway_rule, RAILWAY_MODELS.items())),
        gateway_key=GATEWAY_KEY,
        research=RESEARCH_PROJECT,
        invoices=INVOICE_WORKSPACE,
        integration=INTEGRATION_RULE,
        mixed=MIXED_POOL,
    )


def _railway_rule(pair: tuple[str, str]) -> str:
    service, model = pair
    return (
        f"  - {{name: {service} at Railway, match: {{source: railway,"
        f" tags: {{service: {service}}}}},\n"
        f"     lifecycle_stage: serving, model: {model}}}"
    )


_GENERAL = """\
# A sample company: everything in this workspace is made up.
organisation: {name}
currency: {currency}
synthetic: true
delivery:
  loaded_hourly_rates: [{{amount: 95}}]
"""

_PLATFORMS = """\
platforms:
  - id: aws-eks
    name: Amazon EKS
    kind: managed_kubernetes
    match: {{source: aws, tags: {{cluster: "*"}}}}
    team: ml-platform
    skills: [Kubernetes, Helm, Karpenter, NVIDIA GPU operator, Prometheus]
  - id: aws-managed
    name: Amazon managed services
    kind: other
    match: {{source: aws}}
  - id: tidewater
    name: {vendor}
    kind: other
    match: {{source: tidewater}}
    team: ml-platform
    skills: [Containers, Terraform]
  - id: railway
    name: Railway
    kind: ai_native
    match: {{source: railway}}
    team: ml-platform
    skills: [Containers]
  - id: openai
    name: OpenAI
    kind: model_api
    match: {{source: openai}}
  - id: anthropic
    name: Anthropic
    kind: model_api
    match: {{source: anthropic}}
  - id: google-bigquery
    name: BigQuery
    kind: data_warehouse
    match: {{source: gcp, service_name: BigQuery}}
  - id: google-vertex
    name: Vertex AI
    kind: model_api
    match: {{source: gcp, service_name: Vertex AI}}
"""

_ALLOCATION = """\
# Rules are ordered: the first that matches decides.
scope:
  - name: business systems
    match: {{sub_account_id: {{in: [{outside}]}}}}
    in_scope: false
  - {{name: everything else, match: {{}}}}

assignments:
  # Shared platforms.
  - name: GPU nodes
    match: {{source: aws, tags: {{cluster: gpu-a}}}}
    lifecycle_stage: serving
    pool: gpu-cluster
  - name: savings plan of the GPU nodes
    match:
      source: aws
      charge_category: Purchase
      service_name: {{prefix: Savings Plans}}
    lifecycle_stage: serving
    pool: gpu-cluster
  - name: GPU nodes for batch jobs
    match: {{source: aws, tags: {{cluster: gpu-batch}}}}
    lifecycle_stage: training
    pool: gpu-batch
  - name: GPU nodes of the hybrid
    match: {{source: tidewater, tags: {{pool: gpu-serving}}}}
    lifecycle_stage: serving
    pool: gpu-hybrid
  - name: Kubernetes
    match: {{source: aws, tags: {{cluster: apps}}}}
    lifecycle_stage: serving
    pool: kubernetes
  - name: GPU node that is cut into slices
    match: {{source: aws, tags: {{cluster: gpu-slices}}}}
    lifecycle_stage: serving
    pool: gpu-slices
  - name: GPU nodes of two types
    match: {{source: aws, tags: {{cluster: {mixed}}}}}
    lifecycle_stage: serving
    pool: {mixed}
  - name: vector search
    match: {{service_name: Amazon OpenSearch Service}}
    lifecycle_stage: serving
    pool: vector-database
  - name: LLM gateway
    match: {{source: gcp, sub_account_id: nordhafen-llm-gateway}}
    lifecycle_stage: serving
    pool: llm-gateway
  - name: observability
    match: {{service_name: {{in: [AmazonCloudWatch, Metrics and Traces]}}}}
    pool: observability
  - name: support
    match: {{service_name: {{prefix: AWS Support}}}}
    pool: support-plan
  - name: network of the ML accounts
    match: {{service_name: AWS Data Transfer}}
    lifecycle_stage: serving
    pool: shared-network
  # Railway: traffic and platform services are shared, every other service is a model's.
  - name: traffic at Railway
    match: {{source: railway, service_name: Railway Network}}
    lifecycle_stage: serving
    pool: shared-network
  - name: vector search at Railway
    match: {{source: railway, tags: {{service: vector-store}}}}
    lifecycle_stage: serving
    pool: vector-database
  - name: gateway at Railway
    match: {{source: railway, tags: {{service: llm-gateway}}}}
    lifecycle_stage: serving
    pool: llm-gateway
  - name: plan and seats
    match: {{source: railway, service_name: Railway Plan}}
    lifecycle_stage: serving
    team: ml-platform
{railway_services}
  # Model APIs: the gateway's key is shared, other projects have one user each.
  - name: key of the gateway
    match: {{source: openai, resource_id: {gateway_key}}}
    lifecycle_stage: serving
    pool: openai-key
  - name: research at OpenAI
    match: {{source: openai, sub_account_id: {research}}}
    lifecycle_stage: experimentation
    model: care-assistant
  - name: invoices at Anthropic
    match: {{source: anthropic, sub_account_id: {invoices}}}
    lifecycle_stage: serving
    model: invoice-reader
  # Tags. The model's tag was called ml_model until it was renamed.
  - name: training, old tag
    match: {{tags: {{ml_model: "*", stage: training}}}}
    valid_to: {renamed_on}
    lifecycle_stage: training
    model: "${{tags.ml_model}}"
  - name: data, old tag
    match: {{tags: {{ml_model: "*", stage: data}}}}
    valid_to: {renamed_on}
    lifecycle_stage: data
    model: "${{tags.ml_model}}"
  - name: model, old tag
    match: {{tags: {{ml_model: "*"}}}}
    valid_to: {renamed_on}
    lifecycle_stage: experimentation
    model: "${{tags.ml_model}}"
  - name: training
    match: {{tags: {{model: "*", stage: training}}}}
    lifecycle_stage: training
    model: "${{tags.model}}"
  - name: data
    match: {{tags: {{model: "*", stage: data}}}}
    lifecycle_stage: data
    model: "${{tags.model}}"
  - name: experiments
    match: {{tags: {{model: "*", stage: experimentation}}}}
    lifecycle_stage: experimentation
    model: "${{tags.model}}"
  - name: model tag
    match: {{tags: {{model: "*"}}}}
    lifecycle_stage: serving
    model: "${{tags.model}}"
  - name: feature tag
    match: {{tags: {{feature: "*"}}}}
    lifecycle_stage: data
    feature: "${{tags.feature}}"
  - name: {integration}
    match: {{tags: {{team: "*", stage: integration}}}}
    lifecycle_stage: experimentation
    team: "${{tags.team}}"
  - name: team tag
    match: {{tags: {{team: "*"}}}}
    lifecycle_stage: experimentation
    team: "${{tags.team}}"

pools:
  - {{name: gpu-cluster, driver: gpu_hours, interval: hour, team: ml-platform}}
  - {{name: gpu-batch, driver: gpu_hours, interval: hour, team: ml-platform}}
  - {{name: gpu-hybrid, driver: gpu_hours, interval: hour, team: fleet-ai}}
  - {{name: gpu-slices, driver: gpu_hours, interval: hour, team: ml-platform}}
  - {{name: {mixed}, driver: gpu_hours, interval: day, team: ml-platform}}
  - {{name: kubernetes, driver: cpu_memory_hours}}
  - {{name: llm-gateway, driver: tokens}}
  - {{name: openai-key, driver: tokens}}
  - {{name: vector-database, driver: requests, allocates_only: true}}
  - {{name: observability, driver: even}}
  - {{name: support-plan, driver: direct_cost, kind: overhead}}
  - name: shared-network
    driver: fixed
    percentages: {{{percentages}}}

policies: {{unused_commitment: show, tax: show, credit: show}}
"""
