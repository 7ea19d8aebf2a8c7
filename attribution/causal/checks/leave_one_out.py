"""Check for dependence on a single control, donor, unit or cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.causal.checks.check import Check, graded, not_run

if TYPE_CHECKING:
    from collections.abc import Mapping

WARN_ABOVE, FAIL_ABOVE = 1.0, 2.0
_THRESHOLD = (
    "largest change of the estimate, in half-widths of the wider 90 % interval:"
    f" warn above {WARN_ABOVE:g}, fail above {FAIL_ABOVE:g}"
)


def leave_one_out(
    whole: tuple[float, float], without: Mapping[str, tuple[float, float]]
) -> Check:
    """Check leave-one-out estimates.

    Parameters
    ----------
    whole : tuple of float
        The estimate and the half-width of its 90 % interval.
    without : mapping of str to tuple of float
        The same without each.
    """
    if not without:
        return not_run("leave_one_out", _THRESHOLD, "There is nothing to leave out.")
    changes = {
        name: abs(point - whole[0]) / max(half, whole[1])
        for name, (point, half) in without.items()
    }
    worst = max(changes, key=lambda name: changes[name])
    return Check(
        "leave_one_out",
        graded(changes[worst], warn_above=WARN_ABOVE, fail_above=FAIL_ABOVE),
        changes[worst],
        _THRESHOLD,
        f"Without {worst!r} the estimate changes most, by {changes[worst]:.2f}"
        " half-widths.",
        {name: [point] for name, (point, _) in without.items()},
    )
