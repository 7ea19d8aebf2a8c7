"""Spending of the company, in euros per month and phase: a row per meter.

The table is the story: managed Kubernetes that is too large, double running while
the models move, and a hybrid that is cheaper although a commitment is left behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.sample_company.charges import (
    CreditRate,
    Grain,
    Kind,
    Pattern,
    Placement,
    Source,
    Tags,
)
from ingest.sample_company.organisation import (
    AWS_ERP,
    AWS_EURO_PAYER,
    AWS_PRODUCTION,
    AWS_RESEARCH,
    AWS_WEBSHOP,
    GCP_DATA,
    GCP_GATEWAY,
    GCP_OFFICE,
    HYBRID_WORKSPACE,
    Account,
)

#: Monthly fee of the compute savings plan [EUR], and how much of it is used.
COMMITMENT_FEE: Final = 7_500.0
COMMITMENT_USED: Final = {"managed_kubernetes": 0.97, "migration": 0.60, "hybrid": 0.25}
COMMITMENT_DISCOUNT: Final = 0.30
CONTRACT_DISCOUNT: Final = 0.08

#: Total cost of the AWS GPU nodes [EUR per month]; part of it may be covered.
GPU_NODES: Final = {
    "managed_kubernetes": 29_000.0,
    "migration": 26_000.0,
    "hybrid": 3_600.0,
}
GPU_NODE_COUNT: Final = {"managed_kubernetes": 8, "migration": 8, "hybrid": 2}

VAT_RATE: Final = 0.19

_SUSTAINED: Final = CreditRate(
    "SUSTAINED_USAGE_DISCOUNT", "Sustained Usage Discount", 0.10
)
_COMMITTED: Final = CreditRate(
    "COMMITTED_USAGE_DISCOUNT", "Committed Usage Discount: GPU", 0.20
)
PROMOTION: Final = CreditRate("PROMOTION", "Start with generative AI", 0.25)


@dataclass(frozen=True, slots=True)
class Spend:
    """A meter and its cost.

    Parameters
    ----------
    name : str
        Unique; resources are called after it.
    source, sku, account : str, str, Account
        Biller.
    eur : tuple of float
        Euros per month in each phase; zero means that there is no charge.
    placement : Placement
        Placement that the rules of the company must give it.
    tags : tuple of pairs
        Tags or labels. The tag of a model is added by its placement.
    """

    name: str
    source: Source
    sku: str
    account: Account
    eur: tuple[float, float, float]
    placement: Placement
    tags: Tags = ()
    grain: Grain = "hour"
    resources: int = 1
    pattern: Pattern = "flat"
    credits: tuple[CreditRate, ...] = ()
    kind: Kind = "usage"


def _pool(pool: str) -> Placement:
    return Placement("shared", "pool", pool)


def _model(model: str) -> Placement:
    return Placement("direct", "model", model)


_OUTSIDE: Final = Placement("out_of_scope")
_NOBODY: Final = Placement("unallocated")
_GPU_BATCH: Final = (("cluster", "gpu-batch"), ("environment", "production"))
_GPU_SLICES: Final = (("cluster", "gpu-slices"), ("environment", "production"))
_APPS: Final = (("cluster", "apps"), ("environment", "production"))
_TRAINING: Final = (("stage", "training"), ("environment", "research"))
_DATA: Final = (("stage", "data"), ("environment", "production"))

_AWS_SHARED: Final = (
    Spend(
        "gpu-batch", "aws", "aws-gpu-batch", AWS_PRODUCTION, (3_800, 3_800, 900),
        _pool("gpu-batch"), _GPU_BATCH,
    ),
    Spend(
        "gpu-slices", "aws", "aws-gpu-slices", AWS_PRODUCTION, (0, 1_700, 2_100),
        _pool("gpu-slices"), _GPU_SLICES,
    ),
    Spend(
        "eks", "aws", "aws-eks", AWS_PRODUCTION, (450, 450, 300),
        _pool("kubernetes"), _APPS, grain="day", resources=3,
    ),
    Spend(
        "apps-node", "aws", "aws-cpu", AWS_PRODUCTION, (8_200, 7_800, 3_600),
        _pool("kubernetes"), _APPS, resources=2,
    ),
    Spend(
        "apps-volume", "aws", "aws-ebs", AWS_PRODUCTION, (900, 850, 400),
        _pool("kubernetes"), _APPS, grain="day", resources=12,
    ),
    Spend(
        "vectors", "aws", "aws-opensearch", AWS_PRODUCTION, (3_100, 3_100, 1_400),
        _pool("vector-database"), (("purpose", "vectors"),),
    ),
    Spend(
        "logs", "aws", "aws-cloudwatch", AWS_PRODUCTION, (3_600, 3_900, 1_700),
        _pool("observability"), grain="day", resources=10, pattern="workday",
    ),
    Spend(
        "transfer", "aws", "aws-transfer", AWS_PRODUCTION, (1_500, 2_600, 800),
        _pool("shared-network"), grain="day", resources=4, pattern="workday",
    ),
    Spend(
        "support", "aws", "aws-support", AWS_EURO_PAYER, (2_900, 3_000, 1_500),
        _pool("support-plan"), grain="month", kind="subscription",
    ),
)  # fmt: skip


def _training(model: str, *eur: float) -> Spend:
    return Spend(
        f"train-{model}", "aws", "aws-sagemaker", AWS_RESEARCH,
        (eur[0], eur[1], eur[2]), _model(model), _TRAINING, grain="day",
        resources=6, pattern="workday",
    )  # fmt: skip


def _stored(model: str, *eur: float) -> Spend:
    return Spend(
        f"data-{model}", "aws", "aws-s3", AWS_PRODUCTION, (eur[0], eur[1], eur[2]),
        _model(model), _DATA, grain="day", resources=8,
    )  # fmt: skip


_AWS_DIRECT: Final = (
    _training("maintenance-vision", 2_600, 1_500, 500),
    _training("maintenance-sensors", 1_300, 900, 300),
    _training("driver-camera", 1_700, 1_200, 400),
    _training("eta-v1", 700, 300, 0),
    _training("eta-v2", 0, 500, 250),
    _training("route-planner", 500, 500, 350),
    _stored("maintenance-vision", 900, 900, 500),
    _stored("driver-camera", 800, 850, 500),
    _stored("maintenance-sensors", 300, 300, 200),
    Spend(
        "evaluation", "aws", "aws-bedrock", AWS_RESEARCH, (400, 400, 250),
        _model("care-assistant"), (("stage", "experimentation"),), grain="day",
        resources=2, pattern="workday",
    ),
    Spend(
        "labelling", "aws", "aws-labelling", AWS_RESEARCH, (700, 600, 300),
        Placement("direct", "feature", "driver-safety"),
        (("feature", "driver-safety"), ("stage", "data")), grain="day",
        resources=2, pattern="workday",
    ),
    Spend(
        "notebook", "aws", "aws-cpu", AWS_RESEARCH, (400, 400, 300),
        Placement("direct", "team", "fleet-ai"),
        (("team", "fleet-ai"), ("stage", "experimentation")), grain="day",
        resources=4, pattern="workday",
    ),
    Spend(
        "untagged", "aws", "aws-cpu", AWS_RESEARCH, (2_900, 2_400, 900), _NOBODY,
        grain="day", resources=8, pattern="workday",
    ),
)  # fmt: skip

_AWS_BUSINESS: Final = (
    Spend(
        "erp-database", "aws", "aws-rds", AWS_ERP, (5_200, 5_200, 5_200), _OUTSIDE,
        (("application", "erp"),), grain="day", resources=6,
    ),
    Spend(
        "portal-node", "aws", "aws-cpu", AWS_WEBSHOP, (6_100, 6_200, 6_400), _OUTSIDE,
        (("application", "portal"),), grain="day", resources=9,
    ),
    Spend(
        "portal-transfer", "aws", "aws-transfer", AWS_WEBSHOP, (900, 950, 1_000),
        _OUTSIDE, (("application", "portal"),), grain="day", resources=6,
    ),
)  # fmt: skip

_GCP: Final = (
    Spend(
        "gateway-in", "gcp", "gcp-tokens-in", GCP_GATEWAY, (1_500, 1_700, 1_300),
        _pool("llm-gateway"), (("service", "gateway"),), pattern="daytime",
    ),
    Spend(
        "gateway-out", "gcp", "gcp-tokens-out", GCP_GATEWAY, (2_400, 2_600, 2_000),
        _pool("llm-gateway"), (("service", "gateway"),), pattern="daytime",
    ),
    Spend(
        "train-invoice-reader", "gcp", "gcp-training", GCP_DATA, (1_100, 800, 300),
        _model("invoice-reader"), _TRAINING, grain="day", resources=4,
    ),
    Spend(
        "features-eta-v1", "gcp", "gcp-bigquery", GCP_DATA, (900, 600, 0),
        _model("eta-v1"), _DATA, grain="day", resources=5, pattern="workday",
    ),
    Spend(
        "features-eta-v2", "gcp", "gcp-bigquery", GCP_DATA, (0, 300, 600),
        _model("eta-v2"), _DATA, grain="day", resources=5, pattern="workday",
    ),
    Spend(
        "features-route-planner", "gcp", "gcp-bigquery", GCP_DATA, (600, 600, 450),
        _model("route-planner"), _DATA, grain="day", resources=5, pattern="workday",
    ),
    Spend(
        "research-gpu", "gcp", "gcp-gpu", GCP_DATA, (720, 720, 430),
        Placement("direct", "team", "network-ai"),
        (("team", "network-ai"), ("stage", "experimentation")), grain="day",
        credits=(_SUSTAINED, _COMMITTED),
    ),
    Spend(
        "office-database", "gcp", "gcp-sql", GCP_OFFICE, (1_800, 1_850, 1_900),
        _OUTSIDE, (("application", "office"),), grain="day", resources=4,
        credits=(_SUSTAINED,),
    ),
)  # fmt: skip


def _tidewater(  # noqa: PLR0913  (a row of the table)
    name: str,
    sku: str,
    eur: tuple[float, float, float],
    placement: Placement,
    *,
    tags: Tags = (),
    grain: Grain = "day",
    resources: int = 1,
    kind: Kind = "usage",
) -> Spend:
    return Spend(
        name, "tidewater", sku, HYBRID_WORKSPACE, eur, placement, tags,
        grain=grain, resources=resources, kind=kind,
    )  # fmt: skip


_HYBRID: Final = (
    _tidewater(
        "gpu-serving", "hybrid-gpu", (0, 9_500, 14_540), _pool("gpu-hybrid"),
        tags=(("pool", "gpu-serving"),), grain="hour", resources=5,
    ),
    _tidewater(
        "series", "hybrid-metrics", (0, 300, 500), _pool("observability"), resources=6
    ),
    _tidewater(
        "migration", "hybrid-migration", (0, 3_800, 0),
        Placement("direct", "team", "ml-platform"),
        tags=(("team", "ml-platform"), ("stage", "integration")), resources=2,
    ),
    _tidewater(
        "plan", "hybrid-plan", (0, 990, 990),
        Placement("direct", "team", "ml-platform"),
        tags=(("team", "ml-platform"),), grain="month", kind="subscription",
    ),
)  # fmt: skip

SPENDING: Final = (*_AWS_SHARED, *_AWS_DIRECT, *_AWS_BUSINESS, *_GCP, *_HYBRID)

#: Alone where the old name of the tag is still used after the renaming [EUR].
STRAGGLER: Final = 640.0
CORRECTION: Final = -840.0
LATE_CREDIT: Final = -1_500.0
#: Amount prepaid once for GPU hours, and the amount drawn of it in each month of the
#: hybrid [EUR].
PREPAID: Final = 5_000.0
DRAWN_PER_MONTH: Final = 0.10
ACTIVATION_CREDIT: Final = -500.0
