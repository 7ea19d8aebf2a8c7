"""Settings of a workspace: read once, judged whole, handed down as typed values.

File < environment < flag. Nothing else in triptych reads the environment, and a
message about a file names the line.
"""

from triptych.settings.allocation import (
    Allocation,
    Assignment,
    Policies,
    Pool,
    ScopeRule,
)
from triptych.settings.assumptions import AppliesTo, Assumption, Assumptions
from triptych.settings.catalog import (
    Catalog,
    CostCenter,
    Feature,
    Identity,
    Model,
    Platform,
    Team,
)
from triptych.settings.environment import workspace_from_environment
from triptych.settings.general import (
    DashboardSettings,
    DeliverySettings,
    ExchangeSettings,
    ReceiveSettings,
    SourceEntry,
    SparkSettings,
    WarehouseSettings,
)
from triptych.settings.loading import Settings, load_settings
from triptych.settings.match import Condition, normalise_match

__all__ = [
    "Allocation",
    "AppliesTo",
    "Assignment",
    "Assumption",
    "Assumptions",
    "Catalog",
    "Condition",
    "CostCenter",
    "DashboardSettings",
    "DeliverySettings",
    "ExchangeSettings",
    "Feature",
    "Identity",
    "Model",
    "Platform",
    "Policies",
    "Pool",
    "ReceiveSettings",
    "ScopeRule",
    "Settings",
    "SourceEntry",
    "SparkSettings",
    "Team",
    "WarehouseSettings",
    "load_settings",
    "normalise_match",
    "workspace_from_environment",
]
