"""Check for enough pre-launch periods to make weights meaningful."""

from __future__ import annotations

from attribution.causal.checks.check import Check

_THRESHOLD = "warn below two periods before for each after"


def history_length(before: int, after: int) -> Check:
    """Check the periods before the launch against those after."""
    ratio = before / after
    return Check(
        "history_length",
        "warn" if ratio < 2 else "pass",  # noqa: PLR2004  (the threshold above)
        ratio,
        _THRESHOLD,
        f"{before} periods before the launch and {after} after.",
    )
