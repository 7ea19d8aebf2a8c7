"""A study's plan: what is asked, of which data, under which facts, decided before.

Mirrors a file of ``studies/``. Nothing here is found in the data: a plan is declared.
Its canonical form is JSON with sorted keys, and its hash the SHA-256 of that, so that
the order of keys, comments and spaces of the file do not matter, and all else does.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

Design = Literal[
    "auto",
    "experiment",
    "staggered_adoption",
    "synthetic_control",
    "counterfactual_series",
]
Period = Literal["day", "month", "year"]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)]
Positive = Annotated[float, Field(gt=0)]
_RESERVED = {"unit", "date", "outcome", "outcome_unit"}


def _not_reserved(name: str) -> str:
    if name in _RESERVED:
        raise ValueError(f"{name!r} is a column of its own, no control or exposure.")
    return name


Column = Annotated[str, Field(min_length=1), AfterValidator(_not_reserved)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Declared):
    """Dates that the study looks at, from the first to before the last."""

    start: date = Field(description="First date of the history before the launch.")
    end: date = Field(description="The date after the last one, half-open.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"the window ends on {self.end}, before it starts.")
        return self


class Assignment(_Declared):
    """How treatment was assigned, where it was assigned at random."""

    column: Column = Field(description="Column with 1 for treated and 0 for control.")
    unit: str = Field(description="What was randomised: user, team, region.")
    row_unit: str | None = Field(
        default=None,
        description="What a row's unit is, if it is not what was randomised.",
    )
    cluster: Column | None = Field(
        default=None, description="Column with the randomised unit, if it is coarser."
    )
    expected_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="Part of the units that should be treated."
    )
    covariate: Column | None = Field(
        default=None,
        description="Column measured before the launch that lowers the variance."
        " By default the mean outcome before the launch.",
    )


class OtherLaunch(_Declared):
    """Something else that may have moved the outcome."""

    name: str = Field(description="What it was.")
    on: date = Field(description="When it began.")
    units: tuple[str, ...] = Field(
        default=(), description="Units it touched; none named means all."
    )


class Economics(_Declared):
    """What the feature costs and a unit of outcome is worth, for the break-even."""

    cost_amount: Positive = Field(description="Cost of the feature over the window.")
    value_amount_per_unit: Positive = Field(
        description="What one unit of outcome is worth."
    )


class DecisionRule(_Declared):
    """What will be decided by the estimate, and at which level."""

    level: Annotated[float, Field(ge=0.5, le=0.99)] = Field(
        default=0.9, description="Level of the interval that decides."
    )
    text: str = Field(default="", description="The rule in words.")


class Plan(_Declared):
    """A study as it was declared.

    Units of ``minimum_effect`` are the outcome's, per unit and period. Dates are
    calendar dates in UTC; periods of a month or a year are named by their first day.
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
    slope: bool = Field(
        default=False, description="Whether a straight trend is part of the model."
    )
    anticipation: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Periods before the launch that may already react."
    )
    other_launches: tuple[OtherLaunch, ...] = Field(
        default=(), description="All else that may have moved the outcome."
    )
    minimum_effect: Positive | None = Field(
        default=None, description="Smallest effect that would matter."
    )
    looks: Annotated[int, Field(ge=1)] = Field(
        default=1, description="How often an experiment may be looked at."
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

    def canonical(self) -> str:
        """Return the plan as JSON with sorted keys and nothing left out."""
        content = self.model_dump(mode="json")
        for name in ("treated", "controls"):
            content[name] = sorted(content[name])
        content["other_launches"].sort(key=json.dumps)
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical form."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def break_even(self) -> float | None:
        """Units of outcome over the window that pay for the feature, if known."""
        if self.economics is None:
            return None
        return self.economics.cost_amount / self.economics.value_amount_per_unit

    def first_date(self, unit: str) -> date | None:
        """Return when a unit got the feature, or ``None`` if it did not."""
        if unit in self.rollout:
            return self.rollout[unit]
        return self.launch if unit in self.treated else None

    def changes_since(self, earlier: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Return what this plan says otherwise than before, by field: before, now.

        Parameters
        ----------
        earlier : mapping
            A plan in its canonical form, which may lack fields that are newer.
        """
        now: dict[str, Any] = json.loads(self.canonical())
        return {
            name: [earlier.get(name), value]
            for name, value in now.items()
            if earlier.get(name) != value
        }


__all__ = [
    "Assignment",
    "DecisionRule",
    "Design",
    "Economics",
    "OtherLaunch",
    "Plan",
    "Window",
]
