"""Plans of the sample company's studies, as its analytics team would declare them.

Dates are those of the roll-outs in ``outcomes.py``; nothing here knows an effect. Every
window ends before something else that could be mistaken for the feature begins, or the
plan declares it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ingest.sample_company.outcomes import EXPERIMENT_HISTORY_MONTHS, EXPERIMENT_MONTHS
from ingest.sample_company.timeline import add_months

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.sample_company.outcomes import Outcomes
    from ingest.sample_company.timeline import Timeline


def write_studies(folder: Path, outcomes: Outcomes, timeline: Timeline) -> None:
    """Write a plan for each feature into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in study_texts(outcomes, timeline).items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")


def study_texts(outcomes: Outcomes, timeline: Timeline) -> dict[str, str]:
    """Return study → the text of its file."""
    calendar = _Calendar(timeline)
    return {_id_of(text): text for text in _texts(outcomes, calendar)}


def _id_of(text: str) -> str:
    [line] = [line for line in text.splitlines() if line.startswith("id: ")]
    return line.removeprefix("id: ")


class _Calendar:
    """Days of the timeline as dates; a window never leaves it."""

    def __init__(self, timeline: Timeline) -> None:
        self._first = timeline.first_day.toordinal()
        self.day_count = timeline.day_count

    def day(self, number: int) -> date:
        return date.fromordinal(self._first + number)

    def window(self, start: int, end: int) -> str:
        first, last = max(start, 0), min(end, self.day_count)
        return f"window: {{start: {self.day(first)}, end: {self.day(last)}}}"

    def around(self, starts: Mapping[str, int]) -> str:
        """Return the window of a roll-out: six weeks before it, five after its end."""
        return self.window(min(starts.values()) - 42, max(starts.values()) + 35)

    def months_around(self, start: int) -> str:
        """Return the window of an experiment that begins with a month."""
        first = add_months(self.day(start), -EXPERIMENT_HISTORY_MONTHS)
        last = add_months(self.day(start), EXPERIMENT_MONTHS)
        within = max(first, self.day(0)), min(last, self.day(self.day_count))
        return f"window: {{start: {within[0]}, end: {within[1]}}}"

    def rollout(self, starts: Mapping[str, int]) -> str:
        lines = (f"  {unit}: {self.day(starts[unit])}" for unit in sorted(starts))
        return "rollout:\n" + "\n".join(lines)


def _texts(outcomes: Outcomes, calendar: _Calendar) -> Iterator[str]:
    starts: Mapping[str, Mapping[str, int]] = outcomes.starts
    launch = starts["route-optimiser"]["company"]
    eta, camera = starts["eta-prediction"], starts["driver-safety"]
    yield _ETA.format(
        launch=calendar.day(min(eta.values())),
        window=calendar.around(eta),
        rollout=calendar.rollout(eta),
    )
    start = starts["predictive-maintenance"]["region-1"]
    yield _MAINTENANCE.format(
        launch=calendar.day(start), window=calendar.window(start - 180, start + 90)
    )
    start = starts["support-assistant"]["treatment arm"]
    yield _ASSISTANT.format(
        launch=calendar.day(start),
        window=calendar.months_around(start),
    )
    yield _ROUTES.format(
        launch=calendar.day(launch),
        redesign=calendar.day(launch - REDESIGN_LEAD_DAYS),
        window=calendar.window(0, launch + 30),
    )
    yield _CAMERA.format(
        launch=calendar.day(min(camera.values())),
        window=calendar.around(camera),
        rollout=calendar.rollout(camera),
    )
    start = starts["invoice-reading"]["company"]
    yield _INVOICES.format(
        launch=calendar.day(start), window=calendar.window(0, start + 30)
    )


#: The redesigned app began to be handed out so many days before the route optimiser.
REDESIGN_LEAD_DAYS = 7

_ETA = """\
# Does a better arrival time bring revenue? Depots start in five waves, drawn by lot.
id: eta-prediction
feature: eta-prediction
outcome: revenue_per_depot_day
outcome_unit: EUR
launch: {launch}
{window}
{rollout}
better: higher
minimum_effect: 250            # EUR per depot and day, about 1 %
decision_rule: {{level: 0.9, text: roll out to all depots if it is above zero}}
economics: {{cost_amount: 60000, value_amount_per_unit: 0.12}}   # margin of a euro
"""
_MAINTENANCE = """\
# Do fewer vehicles break down where sensors watch them? One region has them.
id: predictive-maintenance
feature: predictive-maintenance
outcome: breakdown_cost_per_region_day
outcome_unit: EUR
launch: {launch}
{window}
treated: [region-1]
better: lower
minimum_effect: 300            # EUR per day, about 5 %
decision_rule: {{level: 0.9, text: equip other regions if it is below zero}}
economics: {{cost_amount: 45000, value_amount_per_unit: 1}}
"""
_ASSISTANT = """\
# Does the assistant shorten a case? 600 customers, half of them drawn by lot.
id: support-assistant
feature: support-assistant
outcome: handling_minutes_per_case
outcome_unit: minutes
period: month                  # a customer has a case every third day
launch: {launch}
{window}
assignment:
  column: arm
  unit: customer
  platform: growthbook         # its export is meters/growthbook/assignments.csv
  experiment: support-assistant
better: lower
minimum_effect: 0.7            # minutes per case, about 5 %
decision_rule: {{level: 0.9, text: keep it if it is below zero}}
"""
_ROUTES = """\
# Do better routes bring more parcels? A lower price and a new app came with them.
# Each had been there on its own: a promotion of four weeks, and a trial with half of
# the customers.
id: route-optimiser
feature: route-optimiser
outcome: parcels_per_day
outcome_unit: parcels
design: joint_launches
launch: {launch}
{window}
other_launches:
  - {{name: price promotion, on: {launch}, column: price_index}}
  - {{name: app redesign, on: {redesign}, column: app_redesign_share}}
better: higher
minimum_effect: 1200           # parcels per day, about 3 %
decision_rule: {{level: 0.9, text: extend the licence only if it is above zero}}
"""
_CAMERA = """\
# Does a camera that watches drivers change punctuality? It was bought for safety.
id: driver-safety
feature: driver-safety
outcome: on_time_rate
outcome_unit: ratio
launch: {launch}
{window}
{rollout}
better: higher
minimum_effect: 0.005          # half a percentage point
decision_rule: {{level: 0.9, text: stop if it is below zero}}
"""
_INVOICES = """\
# What does reading invoices save? Documents and minutes are counted.
id: invoice-reading
feature: invoice-reading
outcome: incoming-invoices
outcome_unit: minutes
design: automation_savings
launch: {launch}
{window}
process: {{}}
better: lower
minimum_effect: 0.65           # minutes per document, a tenth
decision_rule: {{level: 0.9, text: keep it if it is below zero}}
economics: {{cost_amount: 9000, value_amount_per_unit: 0.7}}   # a minute of work
"""
