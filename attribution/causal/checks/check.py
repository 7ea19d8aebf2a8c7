"""Result of a check: a status, the number behind it, and why it matters.

A check that passes has not refuted the design; it has not proved it. The text states
this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Status = Literal["pass", "warn", "fail", "not run"]


@dataclass(frozen=True, slots=True)
class Check:
    """Single check of an estimate.

    Attributes
    ----------
    name : str
        Its module.
    status : {"pass", "warn", "fail", "not run"}
        ``pass`` means not refuted.
    statistic : float or None
        Value found; ``None`` if the check was not run.
    threshold : str
        Thresholds of warn and fail, in words.
    why : str
        Finding for this study, a single sentence.
    picture : mapping of str to sequence of float
        The numbers of its chart, by series.
    """

    name: str
    status: Status
    statistic: float | None
    threshold: str
    why: str
    picture: Mapping[str, Sequence[float]] = field(default_factory=dict)


def not_run(name: str, threshold: str, why: str) -> Check:
    """Return a check that does not apply here, with the reason."""
    return Check(name, "not run", None, threshold, why)


def graded(value: float, *, warn_above: float, fail_above: float) -> Status:
    """Return the status of a number that should be small."""
    if value > fail_above:
        return "fail"
    return "warn" if value > warn_above else "pass"
