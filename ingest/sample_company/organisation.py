"""Nordhafen Logistik: teams, models and their uses. All names are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAME: Final = "Nordhafen Logistik"
CURRENCY: Final = "EUR"
DEPOT_COUNT: Final = 24
REGION_COUNT: Final = 8


@dataclass(frozen=True, slots=True)
class Team:
    """A team and where finance books it."""

    id: str
    name: str
    cost_center: str


@dataclass(frozen=True, slots=True)
class Feature:
    """Purpose of models."""

    id: str
    name: str
    team: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model, and whether it starts or ends inside the timeline.

    ``starts_with_migration`` and ``ends_with_migration`` mean that it exists only from
    the first, or only to the last day of the migration.
    """

    id: str
    name: str
    feature: str
    team: str
    aliases: tuple[str, ...] = ()
    starts_with_migration: bool = False
    ends_with_migration: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A linked account, project or workspace at a provider."""

    id: str
    name: str
    is_ai: bool = True


COST_CENTERS: Final = {
    "cc-100": "Platform engineering",
    "cc-210": "Fleet operations",
    "cc-220": "Network planning",
    "cc-310": "Customer care",
    "cc-410": "Finance",
}

TEAMS: Final = (
    Team("ml-platform", "ML platform", "cc-100"),
    Team("fleet-ai", "Fleet AI", "cc-210"),
    Team("network-ai", "Network AI", "cc-220"),
    Team("care-ai", "Customer care AI", "cc-310"),
    Team("finance-automation", "Finance automation", "cc-410"),
)

FEATURES: Final = (
    Feature("eta-prediction", "ETA prediction", "network-ai"),
    Feature("predictive-maintenance", "Predictive maintenance", "fleet-ai"),
    Feature("support-assistant", "Support assistant", "care-ai"),
    Feature("route-optimiser", "Route optimiser", "network-ai"),
    Feature("driver-safety", "Driver-safety camera", "fleet-ai"),
    Feature("invoice-reading", "Invoice reading", "finance-automation"),
)

MODELS: Final = (
    Model(
        "eta-v1", "ETA, first", "eta-prediction", "network-ai", ends_with_migration=True
    ),
    Model(
        "eta-v2",
        "ETA, second",
        "eta-prediction",
        "network-ai",
        starts_with_migration=True,
    ),
    Model(
        "maintenance-vision",
        "Wear seen by cameras",
        "predictive-maintenance",
        "fleet-ai",
        aliases=("pm_vision",),
    ),
    Model(
        "maintenance-sensors",
        "Wear felt by sensors",
        "predictive-maintenance",
        "fleet-ai",
    ),
    Model("care-assistant", "Care assistant", "support-assistant", "care-ai"),
    Model("route-planner", "Route planner", "route-optimiser", "network-ai"),
    Model("driver-camera", "Driver camera", "driver-safety", "fleet-ai"),
    Model("invoice-reader", "Invoice reader", "invoice-reading", "finance-automation"),
)

AWS_DOLLAR_PAYER: Final = Account("010000000001", "nordhafen-payer")
AWS_EURO_PAYER: Final = Account("010000000002", "nordhafen-payer-eu")
AWS_PRODUCTION: Final = Account("021000000011", "ml-production")
AWS_RESEARCH: Final = Account("021000000012", "ml-research")
AWS_ERP: Final = Account("021000000021", "erp", is_ai=False)
AWS_WEBSHOP: Final = Account("021000000022", "customer-portal", is_ai=False)

GCP_BILLING_ACCOUNT: Final = "0A1B2C-3D4E5F-6A7B8C"
GCP_GATEWAY: Final = Account("nordhafen-llm-gateway", "LLM gateway")
GCP_DATA: Final = Account("nordhafen-ml-data", "ML data")
GCP_OFFICE: Final = Account("nordhafen-office", "Office", is_ai=False)
GCP_NO_PROJECT: Final = Account("", "")

HYBRID_VENDOR: Final = "Tidewater GPU Cloud"
HYBRID_WORKSPACE: Final = Account("tw-nordhafen-prod", "nordhafen-prod")
RAILWAY_WORKSPACE: Final = Account("5d2f7c1e-0417-4000-8000-000000000417", "nordhafen")
OPENAI_ORGANISATION: Final = Account("org-nordhafen", "Nordhafen Logistik")
ANTHROPIC_ORGANISATION: Final = Account("nordhafen", "Nordhafen Logistik")

AWS_DOLLAR_ISSUER: Final = "Amazon Web Services, Inc."
AWS_EURO_ISSUER: Final = "Amazon Web Services EMEA SARL"
GCP_ISSUER: Final = "Google Cloud"
HYBRID_ISSUER: Final = "Tidewater GPU Cloud GmbH"
OPENAI_ISSUER: Final = "OpenAI"
ANTHROPIC_ISSUER: Final = "Anthropic"

OUT_OF_SCOPE_ACCOUNTS: Final = (AWS_ERP, AWS_WEBSHOP, GCP_OFFICE)
