"""Questions to a study, and the register's record of its plan.

Light to import, so that a study can be passed to a separate process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from attribution.causal.plan import Plan
    from attribution.causal.random_assignment import Draw


@dataclass(frozen=True, slots=True)
class Registered:
    """Record of a plan in the register.

    Attributes
    ----------
    state : {"REGISTERED", "AMENDED", "EXPLORATORY"}
        Label that an estimate may carry.
    at, by : str or None
        Time and author of the first lock of the study; ``None`` if it was never locked.
    minimum_detectable_effect : float or None
        Per unit and period, from the history before the launch.
    low_power_reason : str
        Reason that it was locked although its power was low; empty if it was not.
    withdrawal : {"none", "pending", "approved"}
        State of its withdrawal, and of the agreement of a second person.
    ledger_notes : tuple of str
        Changes to the plan since it was locked.
    draw : Draw or None
        Evidence of chance of an experiment's arms.
    accepted_data : tuple of str
        Hashes of data that two people accepted after the end.
    """

    state: str
    at: str | None = None
    by: str | None = None
    minimum_detectable_effect: float | None = None
    low_power_reason: str = ""
    withdrawal: str = "none"
    ledger_notes: tuple[str, ...] = ()
    draw: Draw | None = None
    accepted_data: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return notes for a reader on the manner in which it was locked."""
        if not self.low_power_reason:
            return self.ledger_notes
        reason = f"Locked although its power was low: {self.low_power_reason}"
        return (*self.ledger_notes, reason)

    def standing(self, *, is_over: bool) -> str:
        """Return the status of the study in the ledger.

        Parameters
        ----------
        is_over : bool
            True if its registered end has passed; before it nothing is counted.
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
        """Return True if the grade is C at most."""
        return self.state != "REGISTERED"


@dataclass(frozen=True, slots=True)
class Asked:
    """Question of a study, before any result.

    Attributes
    ----------
    plan : Plan
        The plan.
    registered : Registered
        Record in the register.
    seed : int
        Of all random numbers.
    as_of : date or None
        The last date with an outcome.
    method_version : str
        Of method and libraries.
    is_over : bool
        True if the registered end has passed, by the newest evidence of any kind. A
        study without figures until then ended early.
    """

    plan: Plan
    registered: Registered
    seed: int
    as_of: date | None
    method_version: str
    is_over: bool = True
