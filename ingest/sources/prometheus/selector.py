"""Selectors of Prometheus series: ``name{label="value", other=~"regex"}``.

A selector is part of the configuration, is sent to a server unchanged, and is applied
here to recorded samples. It names a single metric; functions are not part of it,
because the processing of the samples is the connector's to know.

Source: Prometheus documentation, *Querying basics*, time series selectors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME_LABEL = "__name__"

_METRIC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*")
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
_QUOTED = r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'" + r"|`[^`]*`"
_MATCHER = re.compile(rf"\s*({_LABEL})\s*(=~|!~|!=|=)\s*({_QUOTED})\s*")
_PAIR = re.compile(rf'\s*({_LABEL})\s*=\s*("(?:[^"\\]|\\.)*")\s*')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Condition on a label; a label that is absent is empty."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Return True if ``labels`` fit; a regular expression must fit the whole."""
        found = labels.get(self.label, "")
        if self.operator in {"=", "!="}:
            return (found == self.value) == (self.operator == "=")
        is_fitting = re.fullmatch(self.value, found) is not None
        return is_fitting == (self.operator == "=~")

    def __str__(self) -> str:
        """Return it as PromQL writes it."""
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        escaped = escaped.replace("\n", "\\n").replace("\t", "\\t")
        return f'{self.label}{self.operator}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of a single metric.

    Examples
    --------
    >>> selector = Selector.parse('http_requests_total{job="eta", code=~"2.."}')
    >>> str(selector)
    'http_requests_total{job="eta",code=~"2.."}'
    >>> selector.selects({"__name__": "http_requests_total", "job": "eta",
    ...                   "code": "500"})
    False
    """

    metric: str
    matchers: tuple[Matcher, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read a selector.

        Raises
        ------
        ValueError
            The text is not a selector, or more than a single selector.
        """
        name = _METRIC.match(text)
        rest = text[name.end() :].strip() if name else text
        if name is None or (rest and not (rest[0] == "{" and rest[-1] == "}")):
            message = (
                f"{text!r} is no series selector, such as"
                ' requests_total{job="eta"}; functions are not part of it'
            )
            raise ValueError(message)
        return cls(name[1], tuple(_matchers(rest[1:-1], text)))

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Return True if the series with these labels is selected."""
        return labels.get(NAME_LABEL) == self.metric and all(
            matcher.holds(labels) for matcher in self.matchers
        )

    def __str__(self) -> str:
        """Return it as PromQL writes it."""
        inside = ",".join(map(str, self.matchers))
        return f"{self.metric}{{{inside}}}" if inside else self.metric


def read_labels(text: str) -> dict[str, str]:
    """Return the labels between the braces of an exposition line.

    Raises
    ------
    ValueError
        It is no list of ``label="value"``.
    """
    labels = {}
    position = 0
    while position < len(text.rstrip()):
        pair = _PAIR.match(text, position)
        if pair is None:
            message = f"{text!r} is no list of labels"
            raise ValueError(message)
        labels[pair[1]] = _unquoted(pair[2])
        position = _after_comma(text, pair.end())
    return labels


def _matchers(text: str, selector: str) -> Iterator[Matcher]:
    position = 0
    while position < len(text.rstrip()):
        found = _MATCHER.match(text, position)
        if found is None:
            message = f"{selector!r}: {text[position:].strip()!r} is no label matcher"
            raise ValueError(message)
        matcher = Matcher(found[1], found[2], _unquoted(found[3]))
        if matcher.operator in {"=~", "!~"}:
            _compiled(matcher.value, selector)
        yield matcher
        position = _after_comma(text, found.end())


def _compiled(pattern: str, selector: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"{selector!r}: pattern {pattern!r} cannot be read: {error}"
        raise ValueError(message) from error


def _after_comma(text: str, position: int) -> int:
    if position < len(text) and text[position] != ",":
        message = f"{text!r}: a comma is missing before {text[position:]!r}"
        raise ValueError(message)
    return position + 1


def _unquoted(quoted: str) -> str:
    if quoted[0] == "`":
        return quoted[1:-1]
    return _ESCAPE.sub(lambda found: _escaped(found[1]), quoted[1:-1])


def _escaped(character: str) -> str:
    if character not in _ESCAPED:
        message = f"the escape \\{character} in quotes is not known"
        raise ValueError(message)
    return _ESCAPED[character]
