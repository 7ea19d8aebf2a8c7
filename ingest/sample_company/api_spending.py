"""Payments to Railway, OpenAI and Anthropic: in dollars, by the day.

Amounts are euros per month and phase, as in :mod:`ingest.sample_company.spending`. The
service, key or workspace that a charge names is in its tags.
"""

from __future__ import annotations

from typing import Final

from ingest.sample_company.charges import Placement
from ingest.sample_company.organisation import (
    ANTHROPIC_ORGANISATION,
    OPENAI_ORGANISATION,
    RAILWAY_WORKSPACE,
)
from ingest.sample_company.spending import Spend

GATEWAY_KEY: Final = "key_9b1gateway"
RESEARCH_PROJECT: Final = "proj_research"
INVOICE_WORKSPACE: Final = "wrkspc_01invoices"

_NOBODY: Final = Placement("unallocated")


def _pool(pool: str) -> Placement:
    return Placement("shared", "pool", pool)


def _model(model: str) -> Placement:
    return Placement("direct", "model", model)


def _railway(
    service: str,
    measurement: str,
    eur: tuple[float, float],
    placement: Placement,
    environment: str = "production",
) -> Spend:
    project = "platform" if service in {"vector-store", "llm-gateway"} else "serving"
    return Spend(
        f"{service}-{environment}-{measurement}", "railway", f"railway-{measurement}",
        RAILWAY_WORKSPACE, (0, *eur), placement,
        (
            ("project", "" if service == "old-batch" else project),
            ("environment", environment),
            ("service", service),
        ),
        grain="day",
    )  # fmt: skip


_NETWORK: Final = _pool("shared-network")
_VISION: Final = _model("maintenance-vision")

RAILWAY: Final = (
    _railway("vision-endpoint", "cpu", (380, 900), _VISION),
    _railway("vision-endpoint", "memory", (220, 560), _VISION),
    _railway("vision-endpoint", "network", (90, 130), _NETWORK),
    _railway(
        "vision-endpoint", "cpu", (60, 80), _model("maintenance-vision"), "staging"
    ),
    _railway("eta-api", "cpu", (330, 820), _model("eta-v2")),
    _railway("eta-api", "memory", (170, 390), _model("eta-v2")),
    _railway("eta-api", "network", (120, 170), _NETWORK),
    _railway("eta-api", "cpu", (50, 70), _model("eta-v2"), "staging"),
    _railway("route-api", "cpu", (280, 520), _model("route-planner")),
    _railway("route-api", "memory", (190, 330), _model("route-planner")),
    _railway("route-api", "network", (60, 70), _NETWORK),
    _railway("care-api", "cpu", (210, 410), _model("care-assistant")),
    _railway("care-api", "memory", (160, 300), _model("care-assistant")),
    _railway("care-api", "network", (30, 30), _NETWORK),
    _railway("camera-store", "disk", (200, 400), _model("driver-camera")),
    _railway("vector-store", "cpu", (90, 220), _pool("vector-database")),
    _railway("vector-store", "memory", (240, 480), _pool("vector-database")),
    _railway("vector-store", "disk", (90, 200), _pool("vector-database")),
    _railway("llm-gateway", "cpu", (70, 110), _pool("llm-gateway")),
    _railway("llm-gateway", "memory", (60, 90), _pool("llm-gateway")),
    # A service of a deleted project: nothing names it any more.
    _railway("old-batch", "cpu", (60, 40), _NOBODY),
)


def _openai(
    name: str,
    sku: str,
    eur: tuple[float, float, float],
    placement: Placement,
    project: str,
    key: str,
) -> Spend:
    return Spend(
        name, "openai", sku, OPENAI_ORGANISATION, eur, placement,
        (("project_id", project), ("api_key_id", key)), grain="day",
        pattern="workday",
    )  # fmt: skip


_KEY_POOL: Final = _pool("openai-key")

_GATEWAY: Final = ("proj_gateway", GATEWAY_KEY)
_RESEARCH: Final = (RESEARCH_PROJECT, "key_4research")
_PLAYGROUND: Final = ("proj_default", "key_2playground")
_CARE: Final = _model("care-assistant")

OPENAI: Final = (
    _openai("key-in", "openai-in", (620, 700, 540), _KEY_POOL, *_GATEWAY),
    _openai("key-cached", "openai-cached", (90, 100, 110), _KEY_POOL, *_GATEWAY),
    _openai("key-out", "openai-out", (780, 860, 690), _KEY_POOL, *_GATEWAY),
    _openai("research-in", "openai-in", (120, 130, 90), _CARE, *_RESEARCH),
    _openai("research-out", "openai-out", (160, 170, 120), _CARE, *_RESEARCH),
    _openai("playground", "openai-out", (70, 70, 40), _NOBODY, *_PLAYGROUND),
)


def _anthropic(name: str, sku: str, eur: tuple[float, float, float]) -> Spend:
    return Spend(
        name, "anthropic", sku, ANTHROPIC_ORGANISATION, eur, _model("invoice-reader"),
        (("workspace_id", INVOICE_WORKSPACE),), grain="day", pattern="workday",
    )  # fmt: skip


ANTHROPIC: Final = (
    _anthropic("in", "anthropic-in", (210, 260, 240)),
    _anthropic("cached", "anthropic-cached", (30, 40, 45)),
    _anthropic("out", "anthropic-out", (330, 380, 350)),
)

#: Models with services at Railway.
RAILWAY_MODELS: Final = {
    dict(spend.tags)["service"]: spend.placement.target
    for spend in RAILWAY
    if spend.placement.kind == "model"
}

BY_DAY: Final = (*RAILWAY, *OPENAI, *ANTHROPIC)
