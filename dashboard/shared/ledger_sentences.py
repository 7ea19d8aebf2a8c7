"""Contents of the ledger of studies, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = Mapping[str, Any]

_LEAST_P_VALUE: Final = 0.001
#: Standing of a study → its label.
STANDINGS: Final = {
    "exploratory": "Exploratory",
    "interim": "Open",
    "registered": "Registered",
    "concluded": "Concluded",
    "re_estimated": "Re-estimated: its concluded figure is lost",
    "withdrawal_pending": "Withdrawn, counted as registered",
    "withdrawn": "Withdrawn and approved",
    "superseded": "Superseded",
    "overlapping": "Overlapping",
}


def counts(row: Row) -> str:
    """Describe withdrawn studies in the headline, and open studies.

    Nothing for a run that was published before there was a ledger.
    """
    parts = []
    pending = row.get("withdrawal_pending_study_count")
    if pending:
        named = fmt.plural(pending, "withdrawn study is", "withdrawn studies are")
        parts.append(f"{named} counted as registered until a second person decides.")
    withdrawn = row.get("withdrawn_study_count")
    if withdrawn:
        named = fmt.plural(withdrawn, "study was", "studies were")
        parts.append(f"{named} withdrawn and approved.")
    interim = row.get("interim_study_count")
    if interim:
        named = fmt.plural(interim, "open study is", "open studies are")
        parts.append(f"{named} neither gain nor loss until the registered end.")
    return " ".join(parts)


def found(row: Row) -> str:
    """Return the number of studies with an effect when tested together."""
    tested = row.get("tested_study_count")
    if not tested:
        return ""
    studies = fmt.plural(tested, "registered study", "registered studies")
    return (
        f"Tested together, {row['found_study_count']} of {studies} show an effect at a"
        " false-discovery rate of 10 %."
    )


def share(row: Row) -> str:
    """Write the part of a study that is counted, and from which others the rest is."""
    if not row["counted"]:
        other = row["counted_from"]
        return f"no: counted from {other}" if other else "no"
    if row["counted_from"] is None:
        return "yes"
    return f"{fmt.percent(row['counted_ratio'])}; the rest from {row['counted_from']}"


def p_value(value: float | None) -> str:
    """Write a p-value to three decimals: never as zero."""
    if value is None:
        return fmt.UNKNOWN
    return "< 0.001" if value < _LEAST_P_VALUE else f"{value:.3f}"
