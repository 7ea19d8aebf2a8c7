"""The sources of the sample company: the part ``sources`` of ``triptych.yml``."""

from __future__ import annotations

from typing import Final

from ingest.sample_company.formats.prometheus_ranges import LATENCY_METRIC, METRIC
from ingest.sample_company.formats.railway_answers import (
    PRODUCTS,
    SERVED,
    WINDOW_SECONDS,
)
from ingest.sample_company.organisation import MODELS, RAILWAY_WORKSPACE
from ingest.sample_company.railway_bill import DISK_PRICE_FROM, EARLIER_DISK_PRICE
from ingest.sample_company.slices import POOL

_LONG_AGO: Final = "2023-01-01"
_TOKEN_MODELS: Final = ("care-assistant", "invoice-reader")


def sources_text() -> str:
    """Return the list of sources."""
    return _SOURCES.format(
        railway=RAILWAY_WORKSPACE.id,
        items="\n".join(
            f"      - {{product_id: {product}, kind: {kind}}}"
            for product, kind in PRODUCTS.items()
        ),
        prices="\n".join(_prices()),
        served="\n".join(
            f"      - {{match: {{service: {service}, environment: production}},"
            f" model: {model}}}"
            for service, model in SERVED.items()
        ),
        window=WINDOW_SECONDS,
        teams="\n".join(
            f"      - {{match: {{team: {model.team}}}, model: {model.id}}}"
            for model in MODELS
            if model.id in _TOKEN_MODELS
        ),
        slices=POOL,
        metric=METRIC,
        latency=LATENCY_METRIC,
    )


def _prices() -> list[str]:
    """Return prices before the documented prices: volumes were dearer."""
    dollars = {
        "CPU_USAGE": "20",
        "MEMORY_USAGE_GB": "10",
        "DISK_USAGE_GB": EARLIER_DISK_PRICE,
        "BACKUP_USAGE_GB": EARLIER_DISK_PRICE,
        "NETWORK_TX_GB": "0.05",
    }
    lines = [
        f"      - {{measurement: {name}, valid_from: {_LONG_AGO}, dollars: {price}}}"
        for name, price in dollars.items()
    ]
    return [f"      # Until {DISK_PRICE_FROM}; then the documented ones.", *lines]


_SOURCES: Final = """\
sources:
  # Bills.
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
  # Recorded answers stand for the APIs of the next three, so that no key is needed.
  - name: railway
    type: railway
    path: bills/railway
    workspace_id: {railway}
    invoice_items:
{items}
    prices:
{prices}
    mapping:
{served}
    environment_tiers: {{production: production, staging: staging}}
    window_seconds: {window}
  - name: openai
    type: openai
    path: bills/openai
    usage_kinds: [completions]
    mapping:
      - {{match: {{project_name: Research}}, model: care-assistant}}
  - name: anthropic
    type: anthropic
    path: bills/anthropic
    mapping:
      - {{match: {{project_name: Invoice reading}}, model: invoice-reader}}
  # Meters.
  - name: cluster
    type: opencost
    path: meters/opencost
    mapping:
      - {{match: {{labels.model: "*"}}, model: "${{labels.model}}"}}
    gpus:
      - {{match: {{cluster: {slices}}}, per_node: 1}}
  - name: prometheus
    type: prometheus
    path: meters/prometheus
    usage:
      requests: {metric}
      latency: {{selector: {latency}}}
      pool: vector-database
      step_seconds: 3600
    mapping:
      - {{match: {{app: "*", pool: "*"}}, model: "${{app}}", pool: "${{pool}}"}}
      - {{match: {{app: "*"}}, model: "${{app}}"}}
  - name: gateway
    type: litellm
    path: meters/litellm
    prompt_tokens: whole
    mapping:
{teams}
      - {{match: {{provider: openai}}, pool: openai-key}}
      - {{match: {{provider: vertex_ai}}, pool: llm-gateway}}
  - name: accelerators
    type: tables
    stream: accelerator_usage
    path: meters/accelerator_usage
  - name: mixed-gpus
    type: tables
    stream: accelerator_usage
    path: meters/mixed_gpus.csv
  - name: usage-gpu
    type: tables
    stream: model_usage
    path: meters/model_usage
  - name: usage-daily
    type: tables
    stream: model_usage
    path: meters/model_usage_daily.csv
  # Rates that finance typed in, then those of the ECB.
  - name: rates
    type: tables
    stream: fx_rates
    path: meters/fx_rates.csv
  - name: ecb
    type: ecb_rates
    path: meters/ecb/eurofxref-hist.csv
    currencies: [USD, GBP]
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
  - name: commitments
    type: tables
    stream: commitments
    path: meters/commitments.csv
  # How it ships: events, the model registry, hours and heads.
  - name: events
    type: event_inbox
    path: delivery/events
    deployment_pipelines:
      - {{pipeline: "deploy-*", environment: production}}
  - name: github
    type: event_inbox
    path: delivery/github
  - name: argocd
    type: argocd
    path: delivery/argocd
  - name: incidents
    type: tables
    stream: incidents
    path: delivery/incidents.csv
    defaults: {{source_system: on-call}}
  - name: training-runs
    type: tables
    stream: training_runs
    path: delivery/training_runs.csv
  - name: model-versions
    type: tables
    stream: model_versions
    path: delivery/model_versions.csv
  - name: worklogs
    type: tables
    stream: worklogs
    path: delivery/worklogs.csv
    defaults: {{source_system: time-sheets}}
  - name: headcount
    type: tables
    stream: headcount
    path: delivery/headcount.csv
  - name: survey
    type: surveys
    path: delivery/survey.csv
"""
