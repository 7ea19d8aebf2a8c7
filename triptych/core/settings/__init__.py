"""Settings of a workspace: read once, judged whole, handed down as typed values.

File < environment < flag. Nothing else in triptych reads the environment, and a
message about a file names the line.
"""

from triptych.core.settings.access import (
    AccessSettings,
    OidcSettings,
    ProxySettings,
    Role,
    RoleEntry,
)
from triptych.core.settings.allocation import (
    Allocation,
    Assignment,
    Policies,
    Pool,
    ScopeRule,
)
from triptych.core.settings.assumptions import AppliesTo, Assumption, Assumptions
from triptych.core.settings.catalog import (
    Catalog,
    CostCenter,
    Feature,
    Identity,
    Model,
    Platform,
    Team,
)
from triptych.core.settings.environment import workspace_from_environment
from triptych.core.settings.general import (
    AttributionSettings,
    AzureTargetSettings,
    BiSettings,
    DashboardSettings,
    DeliverySettings,
    ExchangeSettings,
    HealthSettings,
    LogSettings,
    MetricsSettings,
    ReceiveSettings,
    S3TargetSettings,
    SourceEntry,
    SparkSettings,
    WarehouseSettings,
    WebhookSettings,
)
from triptych.core.settings.loading import Settings, load_access, load_settings
from triptych.core.settings.match import Condition, normalise_match

__all__ = [
    "AccessSettings",
    "Allocation",
    "AppliesTo",
    "Assignment",
    "Assumption",
    "Assumptions",
    "AttributionSettings",
    "AzureTargetSettings",
    "BiSettings",
    "Catalog",
    "Condition",
    "CostCenter",
    "DashboardSettings",
    "DeliverySettings",
    "ExchangeSettings",
    "Feature",
    "HealthSettings",
    "Identity",
    "LogSettings",
    "MetricsSettings",
    "Model",
    "OidcSettings",
    "Platform",
    "Policies",
    "Pool",
    "ProxySettings",
    "ReceiveSettings",
    "Role",
    "RoleEntry",
    "S3TargetSettings",
    "ScopeRule",
    "Settings",
    "SourceEntry",
    "SparkSettings",
    "Team",
    "WarehouseSettings",
    "WebhookSettings",
    "load_access",
    "load_settings",
    "normalise_match",
    "workspace_from_environment",
]
