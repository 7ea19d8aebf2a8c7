"""``scenarios/*.yml``: what a scenario changes, from when on, and by how much.

A value is a number, or a number with the ends of a 90 % interval. Months are counted
from 1, the first month of the horizon.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from triptych.settings.complaint import Complaint, complaints_error
from triptych.settings.document import read_document
from triptych.settings.explanation import explain
from triptych.settings.names import Name
from triptych.settings.problems import Problems, known_names
from triptych.settings.secrets import refuse_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.settings.document import Document, ValuePath

PUBLISHED: Final = "published"
MOST_CHANGES: Final = 20
MOST_MONTHS: Final = 120
_FINITE = Field(allow_inf_nan=False)
Month = Annotated[int, Field(ge=1, le=MOST_MONTHS)]


class Amount(BaseModel):
    """A value that is not negative, with the ends of a 90 % interval where it has any.

    ``value: 0.9`` and ``{value: 0.9, low: 0.8, high: 1.0}`` are both amounts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[float, _FINITE, Field(ge=0)]
    low: Annotated[float, _FINITE, Field(ge=0)] | None = None
    high: Annotated[float, _FINITE, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _reads_a_number(cls, given: Any) -> Any:  # noqa: ANN401  (any YAML value)
        return given if isinstance(given, dict | Amount) else {"value": given}

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


class Target(BaseModel):
    """Which cost: of a feature, a model, a platform, a pool, or of several at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
        """What it names, by kind."""
        return {key: value for key, value in self if value is not None}


class _Change(BaseModel):
    """What all changes have in common.

    ``name`` is how results call it; without one they call it by what it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
        """What it is and of what: ``utilisation gpu-hybrid``."""
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
    """What is paid for a unit, as a factor of what is paid now."""

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
    """More or less of everything, or of one feature: by a factor, or year by year."""

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
    """Another model in place of one, or the same one quantised."""

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


class Scenario(BaseModel):
    """A scenario as its file says it.

    Attributes
    ----------
    base : str
        Run that it starts from, or ``published``.
    features : tuple of str
        What it is about; empty: everything that the bills have.
    run_rate_months : int
        Last complete months whose mean cost is carried forward.
    discount_rate : float or None
        A year; ``None``: what the register of the base run says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    author: Name | None = None
    base: Name = PUBLISHED
    horizon_months: Month
    run_rate_months: Annotated[int, Field(ge=1, le=12)] = 3
    discount_rate: Annotated[float, _FINITE, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    features: tuple[Name, ...] = ()
    changes: Annotated[tuple[Change, ...], Field(max_length=MOST_CHANGES)] = ()

    @model_validator(mode="after")
    def _calls_changes_by_different_names(self) -> Self:
        names = [self.change_name(number) for number in range(len(self.changes))]
        found = [
            Complaint(
                ("changes", number),
                f"two changes are called {name!r}; results could not tell them apart.",
            )
            for number, name in enumerate(names)
            if name in names[:number]
        ]
        found += [
            Complaint(
                ("changes", number, "from_month"),
                f"{names[number]} begins in month {one.from_month}, after the horizon"
                f" of {self.horizon_months} months.",
            )
            for number, one in enumerate(self.changes)
            if one.from_month > self.horizon_months
        ]
        if found:
            raise complaints_error(found)
        return self

    def change_name(self, number: int) -> str:
        """Return what results call a change."""
        one = self.changes[number]
        if one.name:
            return one.name
        alike = [
            other
            for other in self.changes[:number]
            if not other.name and other.title == one.title
        ]
        return f"{one.title} {len(alike) + 1}" if alike else one.title

    @property
    def named_changes(self) -> list[tuple[str, Change]]:
        """Every change with its name."""
        return [(self.change_name(n), one) for n, one in enumerate(self.changes)]

    @property
    def with_names(self) -> Self:
        """The same, with a name written into every change."""
        named = tuple(
            one.model_copy(update={"name": name}) for name, one in self.named_changes
        )
        return self.model_copy(update={"changes": named})

    @property
    def content(self) -> dict[str, Any]:
        """What decides the numbers: no name of a person, and not the file's form."""
        return self.model_dump(mode="json", exclude={"author", "base"})


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a file.

    Raises
    ------
    SettingsError
        The file is missing or not valid; each problem with its line.
    """
    problems = Problems()
    document = read_document(path, problems=problems)
    if not document.is_present:
        problems.add(path.name, None, "there is no such file.")
    problems.raise_if_any()
    if refuse_secrets(document, problems=problems):
        problems.raise_if_any()
    found = _scenario_of(document, problems)
    problems.raise_if_any()
    assert found is not None  # noqa: S101  (else there was a problem)
    return found


def _scenario_of(document: Document, problems: Problems) -> Scenario | None:
    if _has_unknown_kinds(document, problems):
        return None
    try:
        return Scenario.model_validate(document.data)
    except ValidationError as error:
        for complaint in explain(error, schema=Scenario, data=document.data):
            line = document.line_of(_in_file(complaint.path))
            problems.add(document.name, line, _in_words(complaint.text))
    return None


def _has_unknown_kinds(document: Document, problems: Problems) -> bool:
    changes = document.data.get("changes")
    found = False
    for number, one in enumerate(changes if isinstance(changes, list) else []):
        kind = one.get("kind") if isinstance(one, dict) else None
        if kind not in KINDS:
            found = True
            known = known_names("kinds", KINDS, given=str(kind))
            text = f"change {number + 1} is of kind {kind!r}; {known}"
            problems.add(document.name, document.line_of(("changes", number)), text)
    return found


def _in_words(text: str) -> str:
    """Return a complaint that counts changes from 1 and does not repeat their kind."""
    kinds = "|".join(KINDS)
    return re.sub(
        rf"\bchanges(?:\.| )(\d+)(?:\.(?:{kinds})(?=\W))?",
        lambda found: f"change {int(found[1]) + ('.' in found[0])}",
        text,
    )


def _in_file(path: ValuePath) -> ValuePath:
    """Return a path without the kind that pydantic puts behind a change's place."""
    if path[:1] == ("changes",) and path[2:3] and path[2] in KINDS:
        return (*path[:2], *path[3:])
    return path


__all__ = [
    "KINDS",
    "MOST_CHANGES",
    "PUBLISHED",
    "Adoption",
    "Amount",
    "AssumptionChange",
    "Change",
    "Commitment",
    "Discount",
    "ModelSwap",
    "PlatformMove",
    "Price",
    "Scenario",
    "Sourcing",
    "StopFeature",
    "Target",
    "TeamHours",
    "Utilisation",
    "Volume",
    "read_scenario",
]
