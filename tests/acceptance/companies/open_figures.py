"""Figures that still differ from the truth, by company and surface."""

from __future__ import annotations

from typing import Final

OPEN: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("api", "marts"): frozenset(
        [
            "2026-09.cost_per_million.cache_write.contract-reader",
            "2026-09.cost_per_million.input.contract-reader",
            "2026-09.cost_per_thousand_requests.contract-reader",
            "2026-09.tokens.cache_write.contract-reader",
            "2026-09.tokens.input.contract-reader",
            "2026-09.tokens.input.support-bot",
            "2026-10.ai_cost.billed",
            "2026-10.ai_cost.effective",
            "2026-10.budget.share",
            "2026-10.budget.variance",
            "2026-10.cost_per_million.cache_write.contract-reader",
            "2026-10.cost_per_million.input.contract-reader",
            "2026-10.cost_per_thousand_requests.contract-reader",
            "2026-10.credit",
            "2026-10.platform.openai",
            "2026-10.tokens.cache_write.contract-reader",
            "2026-10.tokens.input.contract-reader",
            "2026-10.tokens.input.support-bot",
            "2026-10.unallocated",
            "bridge.change",
            "bridge.rate",
            "lock_in.anthropic",
            "lock_in.openai",
        ]
    ),
    ("api", "assistant"): frozenset(
        [
            "2026-09.cost_per_thousand_requests.contract-reader",
            "2026-10.ai_cost.billed",
            "2026-10.ai_cost.effective",
            "2026-10.budget.variance",
            "2026-10.cost_per_thousand_requests.contract-reader",
            "2026-10.platform.openai",
            "2026-10.unallocated",
        ]
    ),
    ("api", "pages"): frozenset(
        [
            "budget: 2026-10.budget.share",
            "cost_by_model: 2026-10.unallocated",
            "summary: 2026-10.ai_cost.effective",
            "summary: 2026-10.cost_per_thousand_requests.all",
        ]
    ),
    ("gpu", "marts"): frozenset(
        [
            "2026-08.cost_per_gpu_hour.chat",
            "2026-08.cost_per_gpu_hour.embed",
            "2026-08.cost_per_gpu_hour.rerank",
            "2026-08.gpu_hours.held.chat",
            "2026-08.gpu_hours.held.embed",
            "2026-08.gpu_hours.held.rerank",
            "2026-08.price.gpu_hour.spot",
            "2026-08.price.gpu_hour.usual",
            "2026-08.unallocated.billed",
            "2026-09.unallocated.billed",
            "bridge.corrections",
            "bridge.rate",
        ]
    ),
    ("gpu", "assistant"): frozenset(
        [
            "2026-08.cost_per_gpu_hour.chat",
            "2026-08.cost_per_gpu_hour.embed",
            "2026-08.cost_per_gpu_hour.rerank",
        ]
    ),
    ("migration", "marts"): frozenset(
        [
            "move.payback_months",
            "platform.eks.cost_per_thousand",
            "platform.eks.lock_in",
            "platform.eks.p95_to_threshold",
            "platform.eks.windows_over",
            "platform.railway.cost_per_thousand",
            "platform.railway.lock_in",
            "platform.railway.p95_to_threshold",
            "platform.railway.windows_over",
            "story.latency_after",
            "story.latency_before",
            "story.monthly_cost_since",
        ]
    ),
    ("migration", "pages"): frozenset(["scorecard: story.monthly_cost_change"]),
}
