"""Turns the labels of a meter's reading into a model and a pool, by ordered rules.

::

    mapping:
      - {match: {tag: "feature:eta"}, model: eta-v2}
      - {match: {tag: {prefix: "feature:"}}, model: "${tag}"}
      - {match: {provider: openai, key: {in: [prod, batch]}}, pool: openai-key}

The first matching rule that names a model gives the model, and the first that names a
pool gives the pool; so a single rule can name the pool of a whole provider. A reading
that no rule matches has no model: its part of a pool is unallocated, never dropped.

A value is text (equal), ``"*"`` (present), or any of ``{in: [..]}``, ``{prefix: ..}``,
``{regex: ..}``, ``{not: ..}``. A label may have several values, such as tags; a single
match is enough, and ``not`` requires that none matches. ``${label}`` in a target is the
value that matched, without the requested prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field, field_validator, model_validator

from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    #: Label → its values; a label without a value is left out or empty.
    Labels = Mapping[str, Sequence[str]]

_PRESENT = "*"
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")
_OPERATORS = ("in", "prefix", "regex", "not")


class Target(NamedTuple):
    """Target that a reading counts for."""

    model_id: str | None
    pool_id: str | None


class MappingRule(Declared):
    """Mapping rule: label conditions, and the target that a reading gets."""

    match: dict[str, Any] = Field(description="Label → what its value must be.")
    model: str | None = Field(default=None, description="Model of the catalogue.")
    pool: str | None = Field(default=None, description="Pool of allocation.yml.")

    @field_validator("match")
    @classmethod
    def _means_something(cls, match: dict[str, Any]) -> dict[str, Any]:
        for label, value in match.items():
            _condition(label, value)
        return match

    @model_validator(mode="after")
    def _names_a_target(self) -> MappingRule:
        if not (self.model or self.pool):
            message = "a rule needs 'model', 'pool' or both"
            raise ValueError(message)
        for name in template_labels(f"{self.model or ''}{self.pool or ''}"):
            if name not in self.match:
                message = f"'${{{name}}}' is no label that the rule matches"
                raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class _Condition:
    """Condition on a label; ``found`` returns the value for a template."""

    label: str
    found: Callable[[Sequence[str]], str | None]


class LabelMapping:
    """Rules of a source, in their order.

    Parameters
    ----------
    rules : sequence of MappingRule
        As they stand in ``triptych.yml``.

    Examples
    --------
    >>> rule = MappingRule(match={"tag": {"prefix": "feature:"}}, model="${tag}")
    >>> LabelMapping([rule]).target({"tag": ["env:prod", "feature:eta"]})
    Target(model_id='eta', pool_id=None)
    """

    def __init__(self, rules: Sequence[MappingRule]) -> None:
        self._rules = [
            ([_condition(*item) for item in rule.match.items()], rule) for rule in rules
        ]

    def target(self, labels: Labels) -> Target:
        """Return the model and the pool of a reading with these labels."""
        model_id: str | None = None
        pool_id: str | None = None
        for conditions, rule in self._rules:
            if (model_id or not rule.model) and (pool_id or not rule.pool):
                continue
            found = _matched(conditions, labels)
            if found is None:
                continue
            model_id = model_id or filled(rule.model, found)
            pool_id = pool_id or filled(rule.pool, found)
        return Target(model_id, pool_id)


class LabelMatch:
    """Label conditions, for rules that name neither a model nor a pool.

    Parameters
    ----------
    match : mapping
        Label → condition on its value, as in a :class:`MappingRule`.

    Raises
    ------
    ValueError
        A condition cannot be read.
    """

    def __init__(self, match: Mapping[str, Any]) -> None:
        self._conditions = [_condition(*item) for item in match.items()]

    def found(self, labels: Labels) -> Mapping[str, str] | None:
        """Return the matched value of each label; ``None`` if any failed."""
        return _matched(self._conditions, labels)


def filled(template: str | None, found: Mapping[str, str]) -> str | None:
    """Return a target with ``${label}`` filled in; ``None`` if nothing is left."""
    if template is None:
        return None
    return _TEMPLATE.sub(lambda match: found[match[1]], template) or None


def template_labels(template: str) -> list[str]:
    """Return the labels that a target is filled with."""
    return _TEMPLATE.findall(template)


def refuse_unknown_labels(rules: Sequence[MappingRule], known: Collection[str]) -> None:
    """Raise :class:`ValueError` where a rule matches a label that no reading has."""
    for rule in rules:
        for label in rule.match:
            if label not in known:
                names = ", ".join(sorted(known))
                message = f"a rule matches {label!r}; known labels: {names}"
                raise ValueError(message)


def _matched(conditions: Sequence[_Condition], labels: Labels) -> dict[str, str] | None:
    found = {}
    for condition in conditions:
        value = condition.found(labels.get(condition.label, ()))
        if value is None:
            return None
        found[condition.label] = value
    return found


def _condition(label: str, value: object) -> _Condition:
    if value == _PRESENT:
        return _Condition(label, lambda values: next(iter(values), None))
    if isinstance(value, str):
        return _Condition(label, _one_of([value]))
    if isinstance(value, dict) and len(value) == 1:
        [(name, operand)] = value.items()
        if name in _OPERATORS and operand:
            return _Condition(label, _operator(label, name, operand))
    message = (
        f'the value of {label!r} is text, "*" (present), or one of {{in: [..]}},'
        " {prefix: ..}, {regex: ..}, {not: ..}"
    )
    raise ValueError(message)


def _operator(
    label: str, name: str, operand: object
) -> Callable[[Sequence[str]], str | None]:
    operands = [str(each) for each in operand] if isinstance(operand, list) else None
    texts = operands if operands is not None else [str(operand)]
    if name == "in":
        return _one_of(texts)
    if name == "prefix":
        return _starts_with(texts)
    if name == "not":
        return _none_of(texts)
    try:
        patterns = [re.compile(text) for text in texts]
    except re.error as error:
        message = f"the pattern of {label!r} cannot be read: {error}"
        raise ValueError(message) from error
    return lambda values: next(
        (v for v in values if any(pattern.search(v) for pattern in patterns)), None
    )


def _one_of(texts: Collection[str]) -> Callable[[Sequence[str]], str | None]:
    return lambda values: next((value for value in values if value in texts), None)


def _starts_with(prefixes: Sequence[str]) -> Callable[[Sequence[str]], str | None]:
    def found(values: Sequence[str]) -> str | None:
        for value in values:
            for prefix in prefixes:
                if value.startswith(prefix):
                    return value.removeprefix(prefix)
        return None

    return found


def _none_of(texts: Collection[str]) -> Callable[[Sequence[str]], str | None]:
    def found(values: Sequence[str]) -> str | None:
        if any(value in texts for value in values):
            return None
        return next(iter(values), "")

    return found
