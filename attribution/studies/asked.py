"""What a study is asked, and what the register says of its plan.

Light to import, so that a study can be handed to a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from attribution.causal.plan import Plan


@dataclass(frozen=True, slots=True)
class Registered:
    """What the register says of a plan.

    Attributes
    ----------
    state : {"REGISTERED", "AMENDED", "EXPLORATORY"}
        What an estimate may call itself.
    at, by : str or None
        When and by whom the study was first locked; ``None`` where it never was.
    minimum_detectable_effect : float or None
        Per unit and period, from the history before the launch.
    low_power_reason : str
        Why it was locked although its power was low; empty where it was not.
    withdrawal : {"none", "pending", "approved"}
        Whether it was withdrawn, and whether a second person agreed.
    ledger_notes : tuple of str
        What became of the plan since it was locked.
    """

    state: str
    at: str | None = None
    by: str | None = None
    minimum_detectable_effect: float | None = None
    low_power_reason: str = ""
    withdrawal: str = "none"
    ledger_notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know of how it was locked."""
        if not self.low_power_reason:
            return self.ledger_notes
        reason = f"Locked although its power was low: {self.low_power_reason}"
        return (*self.ledger_notes, reason)

    def standing(self, *, is_over: bool) -> str:
        """Return what the study is in the ledger.

        Parameters
        ----------
        is_over : bool
            Whether its registered end has passed; before it nothing is counted.
        """
        if self.withdrawal == "approved":
            return "withdrawn"
        if not is_over:
            return "interim"
        if self.withdrawal == "pending":
            return "withdrawal_pending"
        return "exploratory" if self.is_exploratory else "concluded"

    @property
    def is_exploratory(self) -> bool:
        """Whether the grade is C at most."""
        return self.state != "REGISTERED"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a study was asked, before anything was found.

    Attributes
    ----------
    plan : Plan
        The plan.
    registered : Registered
        What the register says of it.
    seed : int
        Of all random numbers.
    as_of : date or None
        The last date with an outcome.
    method_version : str
        Of method and libraries.
    is_over : bool
        Whether the registered end has passed, by the newest evidence of any kind. What
        has no figures until then ended early.
    """

    plan: Plan
    registered: Registered
    seed: int
    as_of: date | None
    method_version: str
    is_over: bool = True
