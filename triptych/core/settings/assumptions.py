"""``assumptions.yml``: values that a return needs beyond the bills.

A register: each entry has a value, an owner, a source, and an approver. An assumption
backed by nobody but its owner is shown, and never counts in the headline.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.problems import known_names
from triptych.core.settings.validity import (
    Day,
    ends_before_it_starts,
    overlap,
    overlapping_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from triptych.core.settings.catalog import Catalog

Kind = Literal[
    "conversion",
    "margin",
    "discount_rate",
    "hurdle_rate",
    "integration",
    "labour",
    "driver",
    "replaced_cost",
]
#: Kinds of which a single entry at a time holds for a feature; costs add up instead.
_ONE_AT_A_TIME: Final = frozenset(
    {"conversion", "margin", "discount_rate", "hurdle_rate", "labour", "replaced_cost"}
)
#: Kind → the only unit it can have; money is checked against the workspace's currency.
_UNITS: Final = {
    "margin": "ratio",
    "discount_rate": "ratio/year",
    "hurdle_rate": "ratio",
    "driver": "ratio",
}
_MONEY_UNIT: Final = {
    "conversion": re.compile(r"([A-Z]{3})/\S.*"),
    "labour": re.compile(r"([A-Z]{3})/hour"),
    "integration": re.compile(r"([A-Z]{3})"),
    "replaced_cost": re.compile(r"([A-Z]{3})/month"),
}
_MONEY_FORM: Final = {
    "conversion": "{}/ and the outcome's unit, such as {}/minute",
    "labour": "{}/hour",
    "integration": "{}",
    "replaced_cost": "{}/month",
}
#: Key → the kinds that have it. Each of them has to have it.
_OWN_KEYS: Final = {
    "better": ("conversion",),
    "cash": ("conversion",),
    "months": ("integration",),
}
_EMAIL = re.compile(r"\S+@\S+\.\S+")
Number = Annotated[float, Field(allow_inf_nan=False)]


class AppliesTo(Declared):
    """Subject of an assumption: a feature, a metric, both, or everything."""

    feature: Name | None = None
    metric: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _reads_all(cls, given: Any) -> Any:  # noqa: ANN401
        if given == "all":
            return {}
        if isinstance(given, dict) and given:
            return given
        raise ValueError("is all, or names a feature, a metric or both: {feature: eta}")


class Assumption(Declared):
    """A value that somebody assumes, for the days on which it holds.

    ``low`` and ``high`` are the ends of a 90 % interval; without them the value is
    certain. ``better`` sets if more or less of the metric is good, ``cash`` if the
    money is in the books or the worth of released capacity, and ``takes_margin`` that
    the converted amount is revenue, of which the margin is earned. ``months`` is the
    write-off period of an integration, from ``valid_from`` on.
    """

    id: Name
    kind: Kind
    applies_to: AppliesTo
    value: Number
    low: Number | None = None
    high: Number | None = None
    unit: Name
    better: Literal["more", "less"] | None = None
    takes_margin: bool = False
    cash: bool | None = None
    months: Annotated[int, Field(ge=1, le=120)] | None = None
    owner: Name
    source: Name
    approved_by: Name | None = None
    valid_from: Day
    valid_to: Day | None = None

    @property
    def is_approved(self) -> bool:
        """Return True if somebody other than the owner approved the value."""
        return self.approved_by is not None

    @property
    def currency(self) -> str | None:
        """The currency of the unit; ``None`` for a ratio."""
        form = _MONEY_UNIT.get(self.kind)
        found = form.fullmatch(self.unit) if form else None
        return found[1] if found else None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        complaints = [
            Complaint((key,), f"assumption {self.id!r} {text}")
            for key, text in (
                *_interval(self),
                *_range(self),
                *_unit(self),
                *_own_keys(self),
                *_people(self),
            )
        ]
        if complaints:
            raise complaints_error(complaints)
        return self


Told = tuple[str, str]


def _interval(assumption: Assumption) -> Iterable[Told]:
    if ends_before_it_starts(assumption):
        yield "valid_to", f"ends on {assumption.valid_to}, before it starts."
    if (assumption.low is None) != (assumption.high is None):
        given, lacks = ("high", "low") if assumption.low is None else ("low", "high")
        yield given, f"has {given!r} and no {lacks!r}; give both ends, or none."
        return
    if assumption.low is None or assumption.high is None:
        return
    if (
        not assumption.low <= assumption.value <= assumption.high
        or assumption.low == assumption.high
    ):
        ends = f"{assumption.low:g} to {assumption.high:g}"
        yield (
            "low",
            f"has a value of {assumption.value:g} outside its interval, {ends}.",
        )


def _range(assumption: Assumption) -> Iterable[Told]:
    least = assumption.value if assumption.low is None else assumption.low
    most = assumption.value if assumption.high is None else assumption.high
    if assumption.kind == "driver":
        if assumption.value != 1:
            yield "value", "is a driver, which moves what is known around 1: value: 1."
        if assumption.low is None:
            yield "value", "is a driver without an interval, which moves nothing."
    if assumption.kind in {"margin", "driver"} and least <= 0:
        yield "value", f"reaches down to {least:g}; it must stay above 0."
    elif least < 0:
        yield "value", f"reaches down to {least:g}; it cannot be below 0."
    if assumption.kind in {"margin", "discount_rate"} and most > 1:
        text = f"reaches up to {most:g}; it is a part of 1, so 12 % is 0.12."
        yield "value", text


def _unit(assumption: Assumption) -> Iterable[Told]:
    if assumption.kind in _UNITS:
        if assumption.unit != _UNITS[assumption.kind]:
            yield (
                "unit",
                f"is in {assumption.unit!r}; its kind is in {_UNITS[assumption.kind]}.",
            )
    elif assumption.currency is None:
        form = _MONEY_FORM[assumption.kind].replace("{}", "EUR")
        yield "unit", f"is in {assumption.unit!r}; its kind is in {form}."


def _own_keys(assumption: Assumption) -> Iterable[Told]:
    for key, kinds in _OWN_KEYS.items():
        is_given = getattr(assumption, key) is not None
        if assumption.kind in kinds and not is_given:
            yield "id", f"has no {key!r}, and its kind, {assumption.kind}, needs it."
        elif is_given and assumption.kind not in kinds:
            yield key, f"has {key!r}, which belongs to the kind {kinds[0]}."
    if assumption.takes_margin and assumption.kind != "conversion":
        yield (
            "takes_margin",
            "has 'takes_margin', which belongs to the kind conversion.",
        )
    if assumption.kind == "conversion" and assumption.applies_to.metric is None:
        yield "applies_to", "is a conversion and names no metric that it converts."
    of_a_feature = {"integration": "an integration", "replaced_cost": "a baseline"}
    if assumption.kind in of_a_feature and assumption.applies_to.feature is None:
        kind = of_a_feature[assumption.kind]
        yield "applies_to", f"is {kind} and names no feature that it is for."


def _people(assumption: Assumption) -> Iterable[Told]:
    for key in ("owner", "approved_by"):
        if _EMAIL.search(getattr(assumption, key) or ""):
            yield key, f"has an e-mail address as {key!r}; name a role or a person."
    if assumption.approved_by and _plain(assumption.approved_by) == _plain(
        assumption.owner
    ):
        yield "approved_by", "is approved by its owner; somebody else has to."


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


class Assumptions(Declared):
    """Everything that ``assumptions.yml`` declares; empty without the file.

    Entries of the same ``id`` are versions of an assumption and follow each other.
    """

    assumptions: tuple[Assumption, ...] = ()

    @model_validator(mode="after")
    def _says_one_thing_at_a_time(self) -> Self:
        complaints = [*self._overlapping_versions(), *self._competing()]
        if complaints:
            raise complaints_error(complaints)
        return self

    def _overlapping_versions(self) -> Iterable[Complaint]:
        ids = [assumption.id for assumption in self.assumptions]
        for first, second in overlapping_pairs(self.assumptions, ids):
            line = f"assumption {ids[second]!r} has two versions for the same days,"
            yield Complaint(
                ("assumptions", second),
                f"{line} from {self.assumptions[first].valid_from} and from"
                f" {self.assumptions[second].valid_from}; valid_to is the first day"
                f" that is no longer covered.{_way_out(self.assumptions[first])}",
            )
        for position, one in enumerate(self.assumptions):
            first = ids.index(one.id)
            if one.kind != self.assumptions[first].kind:
                text = f"assumption {one.id!r} is of kind {one.kind} here, and of kind"
                text += f" {self.assumptions[first].kind} in its first version."
                yield Complaint(("assumptions", position, "kind"), text)

    def _competing(self) -> Iterable[Complaint]:
        """Yield duplicates; a proposal may coexist with an approved value."""
        names = [
            "|".join(map(str, (one.kind, one.applies_to, one.is_approved)))
            if one.kind in _ONE_AT_A_TIME
            else str(position)
            for position, one in enumerate(self.assumptions)
        ]
        for first, second in overlapping_pairs(self.assumptions, names):
            one, other = self.assumptions[first], self.assumptions[second]
            if one.id != other.id:
                yield Complaint(
                    ("assumptions", second),
                    f"assumption {other.id!r} says what {one.id!r} says: a"
                    f" {one.kind} of the same for the same days.{_way_out(one)}",
                )


def _way_out(assumption: Assumption) -> str:
    """Return the commands that make room where a proposal takes it."""
    if assumption.is_approved:
        return ""
    return (
        f" End the proposal with triptych assumption end {assumption.id} --on DAY, or"
        f" take it back with triptych assumption withdraw {assumption.id}; the page"
        " Assumptions & lineage does both, too."
    )


def unfitting(file: Assumptions, *, catalog: Catalog, currency: str) -> list[Complaint]:
    """Return mismatches with the catalogue or the workspace's currency."""
    features = [feature.id for feature in catalog.features]
    found: list[Complaint] = []
    for position, one in enumerate(file.assumptions):
        feature = one.applies_to.feature
        if features and feature is not None and feature not in features:
            known = known_names("features", features, given=feature)
            path = ("assumptions", position, "applies_to", "feature")
            text = f"assumption {one.id!r} names feature {feature!r}; {known}"
            found.append(Complaint(path, text))
        if one.currency not in {None, currency}:
            text = f"assumption {one.id!r} is in {one.currency}, and everything is"
            unit = ("assumptions", position, "unit")
            found.append(Complaint(unit, f"{text} reported in {currency}."))
    return found


def unapproved(assumptions: Sequence[Assumption]) -> list[Complaint]:
    """Return entries that are allowed but count in no headline.

    A proposal beside an approved value fills no gap, and is no reason to worry.
    """
    return [
        Complaint(
            ("assumptions", position),
            f"assumption {one.id!r} is approved by nobody; it counts in no headline.",
        )
        for position, one in enumerate(assumptions)
        if not one.is_approved
        and not any(_is_approved_beside(other, one) for other in assumptions)
    ]


def _is_approved_beside(other: Assumption, assumption: Assumption) -> bool:
    says_the_same = (
        other.kind == assumption.kind and other.applies_to == assumption.applies_to
    )
    return says_the_same and other.is_approved and overlap(other, assumption)
