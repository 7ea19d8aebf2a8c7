"""First section of *Velocity*: the organisation, by quarter against prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.summary import figures as summary_figures
from dashboard.pages.velocity import organisation_queries as queries
from dashboard.pages.velocity import sentences as words
from dashboard.shared import format as fmt
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

#: In this order; names for less and more of each.
_VERDICTS: Final = {
    "change_lead_time": ("faster", "slower"),
    "deployment_frequency": ("rarer", "more often"),
    "change_fail_ratio": ("safer", "less safe"),
    "time_to_restore": ("faster", "slower"),
    "training_to_production": ("faster", "slower"),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two quarters of the organisation, the newer first, and the changes."""

    quarters: tuple[str, str]
    kind: str
    headline: str
    rows: tuple[dict[str, Any], ...]

    @property
    def columns(self) -> tuple[tables.Column, ...]:
        """Return the format of its rows."""
        now, before = map(fmt.period, self.quarters)
        return (
            tables.Column("name", "Organisation"),
            tables.Column("figure", now, "month"),
            tables.Column("figure_before", before, "month"),
            tables.Column("change", "Change", "month"),
        )


def compared(view: Page) -> Compared | None:
    """Return both quarters; a change counts only beyond its interval."""
    until = max(view.selection.period.months)
    quarters = queries.compared_quarters(view.snapshot, until)
    if len(quarters) < 2:  # noqa: PLR2004  (one quarter has nothing to compare with)
        return None
    now, before = (row["quarter"] for row in quarters)
    kind = summary_figures.shipping_kind(view)
    of_units = queries.units_compared(view.snapshot, kind, now)
    of_all = queries.whole_compared(
        view.snapshot, *(row["last_month"] for row in quarters)
    )
    rows = [_of_units(row, kind) for row in of_units] + [_of_all(row) for row in of_all]
    if not rows:
        return None
    rows.sort(key=lambda row: list(_VERDICTS).index(row["metric"]))
    headline = f"{view.organisation_prefix}{_headline(of_units, kind, now, before)}"
    return Compared((now, before), kind, headline, tuple(rows))


def show(view: Page) -> None:
    """Draw both quarters side by side."""
    found = compared(view)
    if found is None:
        return
    teams = queries.slowest_teams(view.snapshot, found.quarters[0])
    st.markdown(found.headline)
    if teams is not None and teams.num_rows:
        st.markdown(slowest(teams.to_pylist(), found.quarters[0]))
    tables.show(
        pa.Table.from_pylist(list(found.rows)),
        found.columns,
        page=view,
        name="velocity-organisation",
        caption="Quarter against quarter; a change is one beyond both 90 % intervals",
        origin=Origin(
            formula=f"Least to greatest of each {found.kind}'s figure, which have no"
            " common median; medians of three months over the organisation. A change"
            " is one where the 90 % intervals of both quarters lie apart.",
            mart="delivery.mart_velocity_changes",
        ),
        is_of_period=False,
    )
    if teams is not None and teams.num_rows:
        show_teams(view, teams, found.quarters[0])


def show_teams(view: Page, teams: pa.Table, quarter: str) -> None:
    """Draw the teams of a quarter by their time to production, slowest first."""
    tables.show(
        teams,
        [
            tables.Column("path", "Way to production"),
            tables.Column("slowness_rank", "Rank", "count", "unranked_reason"),
            tables.Column("team", "Team"),
            tables.Column("figure", "Median, h", "decimal"),
            tables.Column("low", "From", "decimal"),
            tables.Column("high", "To", "decimal"),
            tables.Column("n_used", "n", "count"),
        ],
        page=view,
        name="velocity-slowest-teams",
        is_folded=True,
        caption=f"{fmt.period(quarter)}, the slowest first; interval of 90 %",
        origin=Origin(
            formula="Rank of medians. Teams whose intervals overlap may change places.",
            mart="delivery.mart_velocity_quarters",
            row_count=teams.num_rows,
        ),
        is_of_period=False,
    )


def slowest(rows: list[dict[str, Any]], quarter: str) -> str:
    """Name the team that is slowest to production, by each way."""
    said = [
        f"{row['path'].lower()} **{fmt.markdown(row['team'])}**,"
        f" {words.duration(row['figure'])} ({words.duration(row['low'])} to"
        f" {words.duration(row['high'])}, n = {row['n_used']})"
        for row in rows
        if row["slowness_rank"] == 1
    ]
    if not said:
        return "No team has five items to production: no ranking."
    return f"Slowest to production in {fmt.period(quarter)}: {'; '.join(said)}."


def _headline(rows: list[dict[str, Any]], kind: str, now: str, before: str) -> str:
    lead = next((row for row in rows if row["metric"] == "change_lead_time"), None)
    if lead is None or not lead["compared_count"]:
        return f"No {kind} has a lead time in both quarters."
    of = fmt.plural(lead["compared_count"], kind)
    when = f" from {fmt.period(before)} to {fmt.period(now)}"
    if not lead["less_count"] + lead["more_count"]:
        return f"**Lead times of {of}: no real change**{when}."
    return (
        f"Lead times of {of}: **{lead['less_count']} faster,"
        f" {lead['more_count']} slower**{when}."
    )


def _of_units(row: dict[str, Any], kind: str) -> dict[str, Any]:
    name, _ = words.METRICS[row["metric"]]
    less, more = _VERDICTS[row["metric"]]
    parts = [
        f"{count} {verdict}"
        for count, verdict in ((row["less_count"], less), (row["more_count"], more))
        if count
    ]
    compared = fmt.plural(row["compared_count"], kind)
    return {
        "metric": row["metric"],
        "name": f"{name}, by {kind}",
        "figure": _span(row["unit"], row["least"], row["greatest"]),
        "figure_before": _span(
            row["unit"], row["least_before"], row["greatest_before"]
        ),
        "change": f"{', '.join(parts) or 'none'} of {compared}"
        if row["compared_count"]
        else "no interval",
    }


def _of_all(row: dict[str, Any]) -> dict[str, Any]:
    less, more = _VERDICTS[row["metric"]]
    return {
        "metric": row["metric"],
        "name": words.METRICS[row["metric"]][0],
        "figure": f"{words.quantity(row['unit'], row['figure'])} (n = {row['n_used']})",
        "figure_before": words.quantity(row["unit"], row["figure_before"]),
        "change": "no interval"
        if row["is_less"] is None
        else less
        if row["is_less"]
        else more
        if row["is_more"]
        else "none",
    }


def _span(unit: str, low: float, high: float) -> str:
    least, greatest = words.quantity(unit, low), words.quantity(unit, high)
    return least if least == greatest else f"{least} to {greatest}"
