"""The workspace's own files: triptych.yml, catalog.yml, allocation.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.simulate.organisation import (
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
from ingest.simulate.splits import FIXED_PERCENTAGES

if TYPE_CHECKING:
    from ingest.simulate.timeline import Timeline


def general_text() -> str:
    """Return ``triptych.yml``."""
    return _GENERAL.format(name=NAME, currency=CURRENCY)


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
    if model.starts_with_pivot:
        lines.append(f"    valid_from: {timeline.renamed_on}")
    if model.ends_with_pivot:
        lines.append(f"    valid_to: {timeline.retired_on}")
    return lines


def allocation_text(timeline: Timeline) -> str:
    """Return ``allocation.yml``."""
    outside = ", ".join(f'"{account.id}"' for account in OUT_OF_SCOPE_ACCOUNTS)
    percentages = ", ".join(f"{m}: {p}" for m, p in FIXED_PERCENTAGES.items())
    return _ALLOCATION.format(
        outside=outside, renamed_on=timeline.renamed_on, percentages=percentages
    )


_GENERAL = """\
# A sample company: everything in this workspace is made up.
organisation: {name}
currency: {currency}
synthetic: true
sources:
  - name: aws
    type: aws_data_exports
    path: bills/aws
    prefix: exports
    export: focus
  - name: gcp
    type: gcp_billing
    path: bills/gcp
  - name: tidewater
    type: focus_files
    path: bills/hybrid
  - name: accelerators
    type: tables
    stream: accelerator_usage
    path: meters/accelerator_usage
  - name: usage-gpu
    type: tables
    stream: model_usage
    path: meters/model_usage
  - name: usage-daily
    type: tables
    stream: model_usage
    path: meters/model_usage_daily.csv
  - name: rates
    type: tables
    stream: fx_rates
    path: meters/fx_rates.csv
  - name: invoices
    type: tables
    stream: invoices
    path: meters/invoices.csv
  - name: outcomes
    type: tables
    stream: outcomes
    path: meters/outcomes.parquet
  - name: processes
    type: tables
    stream: process_volumes
    path: meters/process_volumes.csv
  - name: budgets
    type: tables
    stream: budgets
    path: budgets.csv
"""

_PLATFORMS = """\
platforms:
  - id: aws-eks
    name: Amazon EKS
    kind: managed_kubernetes
    match: {{source: aws, tags: {{cluster: "*"}}}}
  - id: aws-managed
    name: Amazon managed services
    kind: other
    match: {{source: aws}}
  - id: tidewater
    name: {vendor}
    kind: ai_native
    match: {{source: tidewater}}
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
  - name: CPU nodes of the hybrid
    match: {{source: tidewater, tags: {{pool: cpu-serving}}}}
    lifecycle_stage: serving
    pool: kubernetes
  - name: vector search
    match: {{service_name: {{in: [Amazon OpenSearch Service, Vector Store]}}}}
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
    match: {{service_name: {{in: [AWS Data Transfer, Data Transfer]}}}}
    lifecycle_stage: serving
    pool: shared-network
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
  - name: team tag
    match: {{tags: {{team: "*"}}}}
    lifecycle_stage: experimentation
    team: "${{tags.team}}"

pools:
  - {{name: gpu-cluster, driver: gpu_hours, idle: show, interval: hour}}
  - {{name: gpu-batch, driver: gpu_hours, idle: show, interval: hour}}
  - {{name: gpu-hybrid, driver: gpu_hours, idle: show, interval: hour}}
  - {{name: kubernetes, driver: cpu_memory_hours}}
  - {{name: llm-gateway, driver: tokens}}
  - {{name: vector-database, driver: requests}}
  - {{name: observability, driver: even}}
  - {{name: support-plan, driver: direct_cost, kind: overhead}}
  - name: shared-network
    driver: fixed
    percentages: {{{percentages}}}

policies: {{unused_commitment: show, tax: show, credit: show}}
"""


__all__ = ["allocation_text", "catalog_text", "general_text"]
