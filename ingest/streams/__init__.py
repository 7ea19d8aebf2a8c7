"""The streams a connector may deliver, with the schema each row must meet.

A module per family. Canonical streams are triptych's own and documented in
``docs/reference/streams.md``, which is generated from here.
"""

from ingest.streams.assistants import ASSISTANT_USE
from ingest.streams.aws_cost_explorer import AWS_COST_EXPLORER
from ingest.streams.bills import AWS_CUR2, FOCUS, GCP_BILLING_EXPORT
from ingest.streams.delivery import COMMITS, DEPLOYMENTS, SERVING_LATENCY
from ingest.streams.kubernetes import OPENCOST_ALLOCATION, OPENCOST_COSTS
from ingest.streams.llm_providers import LLM_PROVIDER_COSTS, LLM_USAGE
from ingest.streams.meters import (
    ACCELERATOR_USAGE,
    LATENCY_HISTOGRAMS,
    MODEL_USAGE,
)
from ingest.streams.operations import (
    HEADCOUNT,
    INCIDENTS,
    SURVEY_RESPONSES,
    WORKLOGS,
)
from ingest.streams.outcomes import OUTCOMES, PROCESS_VOLUMES
from ingest.streams.prices import (
    BILLING_PROJECTS,
    BUDGETS,
    COMMITMENTS,
    FX_RATES,
    INVOICES,
    SKU_PRICES,
)
from ingest.streams.railway import RAILWAY_USAGE
from ingest.streams.schema import (
    MONEY,
    QUANTITY,
    TAGS,
    TEXT,
    TIMESTAMP,
    Column,
    Stream,
)
from ingest.streams.training import MODEL_VERSIONS, PROMOTIONS, TRAINING_RUNS

#: Every stream by name. Anything that ``triptych`` can build on exists here and nowhere
#: else.
STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        FOCUS,
        AWS_CUR2,
        AWS_COST_EXPLORER,
        GCP_BILLING_EXPORT,
        LLM_PROVIDER_COSTS,
        OPENCOST_COSTS,
        RAILWAY_USAGE,
        SKU_PRICES,
        BILLING_PROJECTS,
        MODEL_USAGE,
        ACCELERATOR_USAGE,
        LLM_USAGE,
        ASSISTANT_USE,
        OPENCOST_ALLOCATION,
        SERVING_LATENCY,
        LATENCY_HISTOGRAMS,
        DEPLOYMENTS,
        COMMITS,
        TRAINING_RUNS,
        MODEL_VERSIONS,
        PROMOTIONS,
        INCIDENTS,
        WORKLOGS,
        SURVEY_RESPONSES,
        HEADCOUNT,
        INVOICES,
        FX_RATES,
        OUTCOMES,
        PROCESS_VOLUMES,
        BUDGETS,
        COMMITMENTS,
    )
}

__all__ = [
    "BUDGETS",
    "FOCUS",
    "MONEY",
    "QUANTITY",
    "STREAMS",
    "TAGS",
    "TEXT",
    "TIMESTAMP",
    "Column",
    "Stream",
]
