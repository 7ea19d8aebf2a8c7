"""An estimate as a table, in the form in which statistical libraries print theirs."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.causal.effect import Effect
    from attribution.causal.refusal import Refusal
    from attribution.causal.result import Estimate

_DIGITS = "{:,.4g}".format


@dataclass(frozen=True, eq=False)
class Summary:
    """Summary of an estimate or a refusal, for a terminal or a notebook.

    Attributes
    ----------
    title : str
        The study, and the verdict on it.
    facts : mapping of str to str
        Design, grade, sizes and the like.
    table : DataFrame
        A row per quantity: estimate, standard error, p-value and interval; empty for a
        refusal.
    """

    title: str
    facts: Mapping[str, str]
    table: pd.DataFrame

    def __str__(self) -> str:
        """Return it as text."""
        width = max(map(len, self.facts), default=0)
        lines = [f"{name:<{width}}  {text}" for name, text in self.facts.items()]
        shown = "" if self.table.empty else self.table.to_string(float_format=_DIGITS)
        return "\n".join(part for part in (self.title, *lines, shown) if part)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>"
            for name, text in self.facts.items()
        )
        table = "" if self.table.empty else self.table.to_html(float_format=_DIGITS)
        return f"<p>{escape(self.title)}</p><table>{rows}</table>{table}"


def effects_of(estimate: Estimate) -> dict[str, Effect]:
    """Return the quantities of an estimate: the total, and the average of a cell."""
    return {"total": estimate.effect, "average": estimate.average}


def std_error(effect: Effect) -> float:
    """Return the standard deviation of the draws of a total; NaN if it is unbounded."""
    if not np.isfinite(effect.draws).all():
        return float("nan")
    mean = effect.weights @ effect.draws
    return float(np.sqrt(effect.weights @ (effect.draws - mean) ** 2))


def conf_int(estimate: Estimate, level: float) -> pd.DataFrame:
    """Return the ends of the interval of each quantity, at a level below 1."""
    ends = {name: each.interval(level) for name, each in effects_of(estimate).items()}
    return pd.DataFrame.from_dict(ends, orient="index", columns=["lower", "upper"])


def summary_of(estimate: Estimate, verdict: str) -> Summary:
    """Return the summary of an estimate."""
    effects = effects_of(estimate)
    table = pd.DataFrame(
        {
            "estimate": {name: each.point for name, each in effects.items()},
            "std_error": {name: std_error(each) for name, each in effects.items()},
            "p_value": {name: each.p_value for name, each in effects.items()},
        }
    ).join(conf_int(estimate, estimate.level))
    facts = {
        "design": estimate.design,
        "estimand": estimate.estimand,
        "grade": estimate.grade,
        "outcome": f"{estimate.outcome} [{estimate.unit}]",
        "periods": f"{len(estimate.dates)}",
        "interval": f"{estimate.level:.0%}",
        "checks": _counted(estimate),
    }
    return Summary(f"{estimate.study_id}: {verdict}", facts, table)


def summary_of_refusal(refusal: Refusal) -> Summary:
    """Return the summary of a refusal: its reason and its remedy."""
    facts = {"refused": refusal.code, "why": refusal.message}
    facts["remedy"] = refusal.what_would_fix_it
    return Summary(f"{refusal.study_id}: no estimate", facts, pd.DataFrame())


def _counted(estimate: Estimate) -> str:
    statuses = [check.status for check in estimate.checks]
    counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "none"
