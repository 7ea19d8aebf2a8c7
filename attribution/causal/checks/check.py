"""What every check returns: a status, the number behind it, and why it matters.

A check that passes has not refuted the design; it has not proved it. The text says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Status = Literal["pass", "warn", "fail", "not run"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one estimate.

    Attributes
    ----------
    name : str
        Its module.
    status : {"pass", "warn", "fail", "not run"}
        ``pass`` means not refuted.
    statistic : float or None
        What was found; ``None`` if it was not run.
    threshold : str
        Where warn and fail begin, in words.
    why : str
        What it says about this study, one sentence.
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
