"""Check for harm to guardrail outcomes.

A gain can be paid for elsewhere: more documents handled by nobody, and more of them to
do again. A guardrail is an outcome that represents that price (Kohavi, Tang and Xu
2020, Trustworthy Online Controlled Experiments, chapter 6). It is estimated like the
outcome itself. It is no measure of the quality of the evidence, so no grade depends on
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, not_run

if TYPE_CHECKING:
    from collections.abc import Sequence

_THRESHOLD = "warn if a 90 % interval lies wholly on the worse side of zero"


@dataclass(frozen=True, slots=True)
class GuardedOutcome:
    """Effect of a feature on an outcome that must not get worse.

    Attributes
    ----------
    column : str
        The outcome.
    better : {"higher", "lower"}
        Direction of improvement.
    interval : tuple of float or None
        90 % interval of the effect per treated unit and period; ``None`` where it
        cannot be estimated.
    refusal : str
        Reason that it cannot be estimated.
    """

    column: str
    better: str
    interval: tuple[float, float] | None
    refusal: str = ""

    @property
    def is_harmed(self) -> bool:
        """Return True if the outcome got worse beyond doubt."""
        if self.interval is None:
            return False
        low, high = self.interval
        return high < 0 if self.better == "higher" else low > 0

    @property
    def told(self) -> str:
        """Return a clause that describes the finding."""
        if self.interval is None:
            return f"{self.column} cannot be told ({self.refusal})"
        low, high = self.interval
        verdict = "worse" if self.is_harmed else "no harm detected"
        return f"{self.column} changed by {low:,.4g} to {high:,.4g}, {verdict}"


def guardrails(guarded: Sequence[GuardedOutcome]) -> Check:
    """Check the outcomes that must not get worse."""
    told = f"{'; '.join(outcome.told for outcome in guarded)}."
    known = [outcome for outcome in guarded if outcome.interval is not None]
    if not known:
        return not_run("guardrails", _THRESHOLD, f"What must not get worse: {told}")
    harmed = sum(outcome.is_harmed for outcome in known)
    return Check(
        "guardrails",
        "warn" if harmed else "pass",
        float(harmed),
        _THRESHOLD,
        f"Per unit and period, at 90 %: {told}",
        {
            outcome.column: list(outcome.interval)
            for outcome in known
            if outcome.interval is not None
        },
    )
