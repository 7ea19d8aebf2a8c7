"""The changes of a scenario: twelve kinds, each with its values and their range.

A value is a number, or a number with the ends of a 90 % interval. Months are counted
from 1, the first month of the horizon. The effects of a kind are in
:mod:`attribution.scenarios.rules`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name

MOST_MONTHS: Final = 120
FINITE = Field(allow_inf_nan=False)
Month = Annotated[int, Field(ge=1, le=MOST_MONTHS)]


class Amount(Declared):
    """A value that is not negative, with the ends of a 90 % interval where it has any.

    ``value: 0.9`` and ``{value: 0.9, low: 0.8, high: 1.0}`` are both amounts.
    """

    value: Annotated[float, FINITE, Field(ge=0)]
    low: Annotated[float, FINITE, Field(ge=0)] | None = None
    high: Annotated[float, FINITE, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _reads_a_number(cls, given: Any) -> Any:  # noqa: ANN401  (any YAML value)
        return given if isinstance(given, (dict, Amount)) else {"value": given}

    @model_validator(mode="after")
    def _has_its_value_inside(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("has one end of an interval; give both low and high")
        if self.low is not None and self.high is not None:
            is_inside = self.low <= self.value <= self.high
            if not is_inside or self.low == self.high:
                ends = f"{self.low:g} to {self.high:g}"
                raise ValueError(f"{self.value:g} is not inside its interval, {ends}")
        return self

    @property
    def most(self) -> float:
        """The largest that is written down."""
        return self.value if self.high is None else self.high

    @property
    def least(self) -> float:
        """The smallest that is written down."""
        return self.value if self.low is None else self.low


class Target(Declared):
    """Cost of a feature, a model, a platform, a pool, or of several at once."""

    feature: Name | None = None
    model: Name | None = None
    platform: Name | None = None
    pool: Name | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.named:
            raise ValueError("names no feature, model, platform or pool")
        return self

    @property
    def named(self) -> dict[str, str]:
        """Return the names in it, by kind."""
        return {key: value for key, value in self if value is not None}


class _Change(Declared):
    """Fields shared by all changes.

    ``name`` is its name in results; without a name they use its kind and target.
    """

    #: Fields that are parts of 1.
    parts: ClassVar[tuple[str, ...]] = ()
    #: Fields that cannot be zero.
    positive: ClassVar[tuple[str, ...]] = ()

    name: Name | None = None
    from_month: Month = 1

    @model_validator(mode="after")
    def _is_in_range(self) -> Self:
        found = [
            Complaint((field,), f"{field} {text}")
            for field, amount in self.amounts.items()
            for text in self._out_of_range(field, amount)
        ]
        if found:
            raise complaints_error(found)
        return self

    def _out_of_range(self, field: str, amount: Amount) -> list[str]:
        found = []
        if field in self.parts and amount.most > 1:
            found.append(f"reaches {amount.most:g}; it is a part of 1: 12 % is 0.12.")
        if field in self.positive and amount.least <= 0:
            found.append(f"reaches {amount.least:g}; it must stay above 0.")
        return found

    @property
    def title(self) -> str:
        """Kind and target: ``utilisation gpu-hybrid``."""
        words = [str(getattr(self, "kind", "")).replace("_", " ")]
        match = getattr(self, "match", None)
        words += match.named.values() if match else []
        for key in ("pool", "platform", "model", "feature", "id"):
            if named := getattr(self, key, None):
                words.append(str(named))
        return " ".join(words)

    @property
    def amounts(self) -> dict[str, Amount]:
        """Its values by the names of their fields."""
        return {key: value for key, value in self if isinstance(value, Amount)}


class Price(_Change):
    """Price of a unit, as a factor of the present price."""

    positive = ("factor",)
    kind: Literal["price"]
    match: Target
    factor: Amount


class Discount(_Change):
    """A part that is taken off the bill."""

    parts = ("ratio",)
    kind: Literal["discount"]
    match: Target
    ratio: Amount


class Commitment(_Change):
    """Spend that is promised for some months at a discount, whether used or not."""

    parts = ("discount",)
    positive = ("level",)
    kind: Literal["commitment"]
    match: Target
    level: Amount
    discount: Amount
    months: Month = 12


class Utilisation(_Change):
    """Work of a pool done by fewer accelerators."""

    parts = ("to",)
    positive = ("to",)
    kind: Literal["utilisation"]
    pool: Name
    to: Amount


class Volume(_Change):
    """Volume change of everything or a feature: by a factor, or year by year."""

    positive = ("factor", "growth_factor_per_year")
    kind: Literal["volume"]
    feature: Name | None = None
    factor: Amount | None = None
    over_months: Month = 1
    growth_factor_per_year: Amount | None = None
    cost_elasticity: Amount | None = None

    @model_validator(mode="after")
    def _grows_one_way(self) -> Self:
        if (self.factor is None) == (self.growth_factor_per_year is None):
            raise ValueError("needs either 'factor' or 'growth_factor_per_year'")
        return self


class Adoption(_Change):
    """More or less use of a feature by those who have it."""

    kind: Literal["adoption"]
    feature: Name
    factor: Amount
    over_months: Month = 1
    cost_elasticity: Amount | None = None


class AssumptionChange(_Change):
    """Another value of an assumption of the register."""

    kind: Literal["assumption"]
    id: Name
    to: Amount


class ModelSwap(_Change):
    """Another model in place of a model, or the same model quantised."""

    kind: Literal["model_swap"]
    model: Name
    cost_factor: Amount
    effect_factor: Amount = Amount(value=1.0)
    one_off_cost: Amount = Amount(value=0.0)


class PlatformMove(_Change):
    """A move to another platform, paid twice for some months."""

    kind: Literal["platform_move"]
    platform: Name
    models: tuple[Name, ...] = ()
    to: Name
    cost_factor: Amount
    migration_cost: Amount
    double_running_months: Annotated[int, Field(ge=0, le=MOST_MONTHS)] = 0


class TeamHours(_Change):
    """Hours of people that a feature takes each month, more or less than now."""

    kind: Literal["team_hours"]
    feature: Name
    direction: Literal["more", "less"] = "more"
    hours_per_month: Amount


class StopFeature(_Change):
    """A feature is switched off."""

    parts = ("avoidable_shared_ratio",)
    kind: Literal["stop_feature"]
    feature: Name
    avoidable_shared_ratio: Amount = Amount(value=0.0)
    exit_cost: Amount = Amount(value=0.0)


class Sourcing(_Change):
    """A model built instead of bought, or bought instead of built, by its tokens."""

    kind: Literal["sourcing"]
    model: Name
    price_per_million_tokens: Amount
    fixed_cost_per_month: Amount = Amount(value=0.0)
    one_off_cost: Amount = Amount(value=0.0)


Change = Annotated[
    Price
    | Discount
    | Commitment
    | Utilisation
    | Volume
    | Adoption
    | AssumptionChange
    | ModelSwap
    | PlatformMove
    | TeamHours
    | StopFeature
    | Sourcing,
    Field(discriminator="kind"),
]
KINDS: Final = (
    *("price", "discount", "commitment", "utilisation", "volume", "adoption"),
    *("assumption", "model_swap", "platform_move", "team_hours", "stop_feature"),
    "sourcing",
)
