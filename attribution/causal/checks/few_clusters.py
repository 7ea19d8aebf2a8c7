"""Check of an effect over few clusters by sign flips."""

from __future__ import annotations

from attribution.causal.checks.check import Check, Status, not_run

WARN_ABOVE = 0.1
THRESHOLD = (
    "p of no effect by a wild bootstrap over all signs of few clusters, where the 90 %"
    f" interval leaves out zero: warn above {WARN_ABOVE:g}"
)


def few_clusters(p_value: float | None, clusters: int, *, claims_effect: bool) -> Check:
    """Check an interval that rests on the errors of few clusters.

    Parameters
    ----------
    p_value : float or None
        Of no effect; ``None`` where clusters are many.
    clusters : int
        Number of clusters; of units, where those were randomised individually.
    claims_effect : bool
        True if the 90 % interval excludes zero.
    """
    if p_value is None:
        return not_run("few_clusters", THRESHOLD, f"{clusters:,} clusters are not few.")
    # Of all signs two are always as far: those of the data, and all of them turned.
    least = 2.0 ** (1 - clusters)
    limit = ""
    if least > WARN_ABOVE:
        limit = (
            f" The least p of so few is {least:g}, so no claim of theirs can pass:"
            " include more clusters."
        )
    status: Status = "warn" if claims_effect and p_value > WARN_ABOVE else "pass"
    return Check(
        "few_clusters",
        status,
        p_value,
        THRESHOLD,
        f"Over all signs of {clusters} clusters no effect has p = {p_value:.3f}."
        f"{limit}",
        {"p_value": [p_value]},
    )
