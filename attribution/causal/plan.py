"""Plan of a study: question, data and facts, decided in advance.

Mirrors a file of ``studies/``. Nothing here is found in the data: a plan is declared.
Its canonical form is JSON with sorted keys, and its hash the SHA-256 of that, so that
the order of keys, comments and spaces of the file do not matter, and all else does. A
field that is younger than the form appears in it only where it has a meaning: a plan
that was locked before such a field existed keeps its hash.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from attribution.causal.plan_parts import (
    Assignment,
    Column,
    DecisionRule,
    Driver,
    DriverKind,
    Economics,
    ExperimentResult,
    Guardrail,
    OtherLaunch,
    Positive,
    Process,
    Window,
)
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

Design = Literal[
    "auto",
    "experiment",
    "staggered_adoption",
    "synthetic_control",
    "counterfactual_series",
    "adoption_response",
    "automation_savings",
    "joint_launches",
]
Period = Literal["day", "week", "month", "quarter", "year"]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)]
#: Unit of measure of a counted process, for any kind of document.
PROCESS_UNIT = "minutes"
#: Fields that are younger than the canonical form, and the meaning of a plan without
#: them.
_ADDED_LATER: Mapping[str, Any] = {
    "better": None,
    "claim": "feature",
    "cluster": None,
    "denominator": None,
    "drivers": [],
    "guardrails": [],
    "process": None,
    "ramp_days": 0,
}
_ADDED_LATER_TO_LAUNCHES: Mapping[str, Any] = {"column": None, "ramp_days": 0}
_ADDED_LATER_TO_ASSIGNMENT: Mapping[str, Any] = {
    "estimand": "unit",
    "experiment": None,
    "list_sha256": None,
    "platform": None,
    "seed": None,
    "units": [],
    "uptake": None,
}


class Plan(Declared):
    """A study as it was declared.

    Units of ``minimum_effect`` are the outcome's, per unit and period. Dates are
    calendar dates in UTC; periods longer than a day are named by their first, a week by
    its Monday.
    """

    id: Identifier = Field(description="Name of the study.")
    feature: str = Field(description="Feature whose effect is asked for.")
    outcome: str = Field(description="Metric that the feature should move.")
    outcome_unit: str = Field(description="Its unit: tickets, EUR, minutes.")
    launch: date = Field(description="First date with the feature, for its first unit.")
    window: Window = Field(description="Dates that are looked at.")
    period: Period = Field(default="day", description="Length of a period.")
    design: Design = Field(
        default="auto", description="Estimator, or auto to find it from the facts."
    )
    scale: Literal["additive", "multiplicative"] = Field(
        default="additive",
        description="Whether the effect adds to the outcome or multiplies it.",
    )
    may_be_negative: bool = Field(
        default=False, description="Whether the outcome can be below zero."
    )
    treated: tuple[str, ...] = Field(
        default=(), description="Units that got the feature at the launch."
    )
    rollout: dict[str, date] = Field(
        default_factory=dict,
        description="First date with the feature by unit, where they differ.",
    )
    assignment: Assignment | None = Field(
        default=None, description="How units were randomised; absent if they were not."
    )
    denominator: Column | None = Field(
        default=None,
        description="What the outcome is a ratio to, in an experiment: tickets, where"
        " the outcome is minutes. The effect is that of the ratio, in the outcome's"
        " unit.",
    )
    cluster: Column | None = Field(
        default=None,
        description="Column with the region, or whatever else gives the units of a"
        " roll-out shocks in common.",
    )
    interference: bool = Field(
        default=False,
        description="Whether treated units can change the outcome of others.",
    )
    controls: tuple[Column, ...] = Field(
        default=(), description="Columns that move the outcome, and not the feature."
    )
    seasonal_control: Column | None = Field(
        default=None, description="The control that carries the season of the year."
    )
    unaffected_outcome: Column | None = Field(
        default=None, description="An outcome that the feature cannot change."
    )
    guardrails: tuple[Guardrail, ...] = Field(
        default=(), description="Outcomes that must not get worse."
    )
    slope: bool = Field(
        default=False, description="Whether a straight trend is part of the model."
    )
    anticipation: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Periods before the launch that may already react."
    )
    other_launches: tuple[OtherLaunch, ...] = Field(
        default=(), description="All else that may have moved the outcome."
    )
    ramp_days: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Days until the feature was fully there, among joint launches.",
    )
    claim: Literal["feature", "joint"] = Field(
        default="feature",
        description="Whether the feature's own effect is asked for, or that of all"
        " that cannot be told from it.",
    )
    drivers: tuple[Driver, ...] = Field(
        default=(), description="What moves the outcome by how much there is of it."
    )
    process: Process | None = Field(
        default=None, description="The counted process whose minutes are saved."
    )
    minimum_effect: Positive | None = Field(
        default=None, description="Smallest effect that would matter."
    )
    better: Literal["higher", "lower"] | None = Field(
        default=None,
        description="Which way is better; with it a change is told as gain or harm.",
    )
    looks: Annotated[int, Field(ge=1)] = Field(
        default=1,
        description="Obsolete, and changes nothing: before its end every study has an"
        " interval that holds at each look.",
    )
    planned_units: Annotated[int, Field(ge=4)] | None = Field(
        default=None, description="Units that an experiment was planned for."
    )
    decision_rule: DecisionRule = Field(
        default_factory=DecisionRule, description="What will be decided, and how."
    )
    economics: Economics | None = Field(
        default=None, description="Cost and worth, for the break-even effect."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.window.start < self.launch < self.window.end:
            raise ValueError(f"the launch on {self.launch} lies outside the window.")
        if self.treated and self.rollout:
            raise ValueError("name units in `treated` or in `rollout`, not in both.")
        if self.rollout and min(self.rollout.values()) != self.launch:
            raise ValueError("the launch is the earliest date of the rollout.")
        if self.seasonal_control and self.seasonal_control not in self.controls:
            raise ValueError("the seasonal control is one of the controls.")
        if len(set(self.controls)) != len(self.controls):
            raise ValueError("a control is named twice.")
        return self

    @model_validator(mode="after")
    def _drivers_are_told_apart(self) -> Self:
        names = [driver.name for driver in self.drivers]
        columns = [driver.column for driver in self.drivers]
        if len(set(names)) != len(names) or len(set(columns)) != len(columns):
            raise ValueError("a driver's name or column is used twice.")
        if set(columns) & set(self.controls):
            raise ValueError("a driver is no control; name its column once.")
        if self.drivers and "ai" not in {driver.kind for driver in self.drivers}:
            raise ValueError("none of the drivers is of kind ai: which is the feature?")
        guarded = [guardrail.column for guardrail in self.guardrails]
        used = {*columns, *self.controls}
        if len(set(guarded)) != len(guarded) or set(guarded) & used:
            raise ValueError("a guardrail is named twice, or is a control or driver.")
        launches = [launch.column for launch in self.other_launches if launch.column]
        if len(set(launches)) != len(launches) or set(launches) & set(self.controls):
            raise ValueError("a launch's column is used twice.")
        return self

    @model_validator(mode="after")
    def _use_is_of_one_thing(self) -> Self:
        uptake = self.assignment.uptake if self.assignment else None
        if uptake and self.denominator:
            raise ValueError("the effect of use is not estimated of a ratio.")
        if uptake and self.assignment and uptake == self.assignment.column:
            raise ValueError("`uptake` is who used it, and not who was assigned it.")
        return self

    @model_validator(mode="after")
    def _process_is_counted_in_minutes(self) -> Self:
        if self.process is None:
            return self
        if self.outcome_unit != PROCESS_UNIT:
            raise ValueError(f"a counted process saves {PROCESS_UNIT}: say so as unit.")
        if self.scale != "additive" or self.drivers:
            raise ValueError("a counted process is additive and has no drivers.")
        return self

    def canonical(self) -> str:
        """Return the plan as JSON with sorted keys.

        Nothing is left out, except younger fields with the meaning of a plan without
        them.
        """
        content = self.model_dump(mode="json")
        for name in ("treated", "controls"):
            content[name] = sorted(content[name])
        for launch in content["other_launches"]:
            _leave_out(launch, _ADDED_LATER_TO_LAUNCHES)
        if content["assignment"] is not None:
            _leave_out(content["assignment"], _ADDED_LATER_TO_ASSIGNMENT)
        content["other_launches"].sort(key=json.dumps)
        content["drivers"].sort(key=json.dumps)
        content["guardrails"].sort(key=json.dumps)
        _leave_out(content, _ADDED_LATER)
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical form."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def cell(self) -> str:
        """Return the cell of an average effect: a unit-period, or the divisor."""
        if self.process is not None:
            return "document"
        if self.assignment and self.assignment.counts_clusters_once:
            return f"treated cluster and {self.period}"
        if self.assignment and self.denominator:
            return f"unit of {self.denominator}"
        return f"treated unit and {self.period}"

    @property
    def break_even(self) -> float | None:
        """Effect over the window that pays for the feature, if known.

        In units of outcome; below zero where lower is better.
        """
        if self.economics is None:
            return None
        units = self.economics.cost_amount / self.economics.value_amount_per_unit
        return -units if self.better == "lower" else units

    @property
    def columns(self) -> dict[str, str]:
        """Return the required data columns and their purposes, in order."""
        found = dict.fromkeys(self.controls, "control")
        for name, role in self._named_parts():
            if name:
                found.setdefault(name, role)
        return found

    def _named_parts(self) -> Iterator[tuple[str | None, str]]:
        yield self.unaffected_outcome, "unaffected_outcome"
        yield self.denominator, "denominator"
        yield self.cluster, "cluster"
        if self.assignment:
            yield self.assignment.column, "assignment"
            yield self.assignment.cluster, "cluster"
            yield self.assignment.covariate, "covariate"
            yield self.assignment.uptake, "uptake"
        yield from ((driver.column, "driver") for driver in self.drivers)
        yield from ((launch.column, "launch") for launch in self.other_launches)
        if self.process:
            yield self.process.volume, "process"
            yield self.process.automated_volume, "process"
            yield self.process.handling_minutes, "process"
        yield from ((guardrail.column, "guardrail") for guardrail in self.guardrails)

    def first_date(self, unit: str) -> date | None:
        """Return when a unit got the feature, or ``None`` if it did not."""
        if unit in self.rollout:
            return self.rollout[unit]
        return self.launch if unit in self.treated else None

    def changes_since(self, earlier: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Return the fields that differ from an earlier plan: before, now.

        Parameters
        ----------
        earlier : mapping
            A plan in its canonical form, which may lack fields that are newer.
        """
        now: dict[str, Any] = json.loads(self.canonical())
        names: AbstractSet[str] = now.keys() | (earlier.keys() & _ADDED_LATER.keys())
        found = {
            name: [
                content.get(name, _ADDED_LATER.get(name)) for content in (earlier, now)
            ]
            for name in sorted(names)
        }
        return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


def _leave_out(content: dict[str, Any], unsaid: Mapping[str, Any]) -> None:
    for name, meaning in unsaid.items():
        if content[name] == meaning:
            del content[name]


__all__ = [
    "PROCESS_UNIT",
    "Assignment",
    "DecisionRule",
    "Design",
    "Driver",
    "DriverKind",
    "Economics",
    "ExperimentResult",
    "Guardrail",
    "OtherLaunch",
    "Plan",
    "Process",
    "Window",
]
