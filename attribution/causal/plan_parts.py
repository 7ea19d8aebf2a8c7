"""Parts of a study's plan that have separate fields."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from triptych.core.declared import Declared

DriverKind = Literal["ai", "price", "ux", "inventory", "season", "other"]
Platform = Literal["growthbook", "statsig", "eppo"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_RESERVED = {"unit", "date", "outcome", "outcome_unit"}


def _not_reserved(name: str) -> str:
    if name in _RESERVED:
        raise ValueError(f"{name!r} is a column of its own, no control or exposure.")
    return name


Column = Annotated[str, Field(min_length=1), AfterValidator(_not_reserved)]
CarryOver = Annotated[float, Field(ge=0, lt=1)]


class Window(Declared):
    """Dates that the study looks at, from the first to before the last."""

    start: date = Field(description="First date of the history before the launch.")
    end: date = Field(description="The date after the last one, half-open.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"the window ends on {self.end}, before it starts.")
        return self


class Assignment(Declared):
    """Method of random assignment of the treatment, if any."""

    column: Column = Field(description="Column with 1 for treated and 0 for control.")
    unit: str = Field(description="What was randomised: user, team, region.")
    row_unit: str | None = Field(
        default=None,
        description="What a row's unit is, if it is not what was randomised.",
    )
    cluster: Column | None = Field(
        default=None, description="Column with the randomised unit, if it is coarser."
    )
    estimand: Literal["unit", "cluster"] = Field(
        default="unit",
        description="Whether the effect is per unit, so that a cluster counts by its"
        " size, or per cluster, so that each counts once.",
    )
    expected_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="Part of the units that should be treated."
    )
    covariate: Column | None = Field(
        default=None,
        description="Column measured before the launch that lowers the variance."
        " By default the mean outcome before the launch.",
    )
    uptake: Column | None = Field(
        default=None,
        description="Column with the part of each period in which the unit used the"
        " feature, 0 to 1, where assignment does not decide that. With it the effect of"
        " use is estimated, too.",
    )
    units: tuple[str, ...] = Field(
        default=(),
        description="Units to draw from, clusters by their number, listed before the"
        " draw. `triptych study draw` draws their arms from the sealed entry.",
    )
    platform: Platform | None = Field(
        default=None, description="Experiment platform that assigns the arms."
    )
    experiment: str | None = Field(
        default=None, description="Key of the experiment on that platform."
    )
    seed: int | None = Field(
        default=None,
        description="Obsolete: a seed of one's choice is no evidence of chance.",
    )
    list_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="Obsolete: the SHA-256 of a list is no evidence of chance.",
    )

    @model_validator(mode="after")
    def _draw_has_one_origin(self) -> Self:
        if (self.platform is None) != (self.experiment is None):
            raise ValueError("name the `platform` and its `experiment`, or neither.")
        if self.platform and self.units:
            raise ValueError("arms come from a platform or from `units`, not both.")
        if len(set(self.units)) != len(self.units):
            raise ValueError("a unit is listed twice.")
        return self

    @property
    def counts_clusters_once(self) -> bool:
        """Return True if clusters are compared, regardless of their size."""
        return self.cluster is not None and self.estimand == "cluster"


class OtherLaunch(Declared):
    """Something else that may have moved the outcome."""

    name: str = Field(description="What it was.")
    on: date = Field(description="When it began.")
    units: tuple[str, ...] = Field(
        default=(), description="Units it touched; none named means all."
    )
    ramp_days: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Days until it was fully there; 0 for at once."
    )
    column: Column | None = Field(
        default=None,
        description="Column with how much of it there was, if that was measured: a"
        " share, a price. It replaces the ramp.",
    )


class ExperimentResult(Declared):
    """Experimental result for a driver's coefficient."""

    source: str = Field(description="Its origin: a study, a report.")
    effect_per_unit: float = Field(
        description="Change of the outcome per unit of the driver's column and period."
    )
    standard_error: Positive = Field(description="Its standard error.")
    weight: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="Its weight relative to the series."
    )


class Driver(Declared):
    """Something measured that may move the outcome, day by day."""

    name: str = Field(description="What it is called in the result.")
    column: Column = Field(description="Column with how much of it there was.")
    kind: DriverKind = Field(
        default="other", description="What it is; the feature itself is of kind ai."
    )
    baseline: float | None = Field(
        default=None,
        description="Its value without the feature. By default its mean before the"
        " launch.",
    )
    carry_over: Annotated[tuple[CarryOver, ...], Field(min_length=1)] = Field(
        default=(0.0,),
        description="Parts of its effect that may last into the next period: a small"
        " grid, averaged by evidence and never selected.",
    )
    experiment: ExperimentResult | None = Field(
        default=None, description="An experiment that its coefficient is held to."
    )


class Process(Declared):
    """A counted process: documents, and the minutes that they took."""

    volume: Column = Field(default="volume", description="Column with documents.")
    automated_volume: Column = Field(
        default="automated_volume",
        description="Column with documents that nobody had to handle.",
    )
    handling_minutes: Column = Field(
        default="handling_minutes", description="Column with minutes of handling."
    )
    cash_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="Part of the saved minutes that is no longer paid for; the rest is"
        " released capacity.",
    )


class Guardrail(Declared):
    """An outcome that must not get worse while the feature does its work."""

    column: Column = Field(description="Column with it, by unit and period.")
    better: Literal["higher", "lower"] = Field(description="Which way it is better.")


class Economics(Declared):
    """Cost of the feature and worth of an outcome unit, for the break-even."""

    cost_amount: Positive = Field(description="Cost of the feature over the window.")
    value_amount_per_unit: Positive = Field(
        description="What one unit of outcome is worth."
    )


class DecisionRule(Declared):
    """Decision that depends on the estimate, and its level."""

    level: Annotated[float, Field(ge=0.5, le=0.99)] = Field(
        default=0.9, description="Level of the interval that decides."
    )
    text: str = Field(default="", description="The rule in words.")
