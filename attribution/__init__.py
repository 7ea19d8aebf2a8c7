"""Stage 3, marts to estimates: cost forecasts and effects of AI.

>>> from attribution import Plan, estimate
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attribution.causal.effect import Effect
    from attribution.causal.estimating import estimate
    from attribution.causal.plan import Plan
    from attribution.causal.refusal import Refusal
    from attribution.causal.result import Estimate

# Looked up when first used: forecasts need none of it, and commands start faster.
_HOMES = {
    "Effect": "causal.effect",
    "Estimate": "causal.result",
    "Plan": "causal.plan",
    "Refusal": "causal.refusal",
    "estimate": "causal.estimating",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the name stands for)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"attribution.{_HOMES[name]}"), name)


__all__ = ["Effect", "Estimate", "Plan", "Refusal", "estimate"]
