"""A scripted client that chooses its call by the words of descriptions alone.

It lists the tools, pages through the catalogue, and takes the description whose words
match a question best. Months, groups and numbers it reads from the question.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, Final

from triptych.service.assistant.catalogue import words_of

if TYPE_CHECKING:
    from mcp import Client

MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
NUMBERS: Final = {"three": 3, "five": 5, "ten": 10}
#: A name counts for so many words of its description.
_NAME_WEIGHT: Final = 3
_REPORT: Final = re.compile(r"^- (\w+): (.*)$", re.MULTILINE)
_ADDRESS: Final = re.compile(r"\w+\.\w+/\w+\S*")
_GROUPS: Final = re.compile(
    r"\b(?:by|per|each|which)\s+(?:(?:three|five|ten|\d+)\s+)?(\w+(?:\s(?!by|in|and)\w+)?)"
    r"(?:\s+and\s+(\w+))?"
)


@dataclass(frozen=True)
class Call:
    """A call that answers a question."""

    tool: str
    names: frozenset[str] = frozenset()
    by: frozenset[str] = frozenset()
    period: str | None = None
    compare: str | None = None
    top: int | None = None

    def arguments(self, where: dict[str, str]) -> dict[str, Any]:
        """Return the arguments of the call."""
        name, *_ = sorted(self.names) or [""]
        if self.tool == "report":
            return {"name": name} | ({"month": self.period} if self.period else {})
        given = {"period": self.period, "compare": self.compare, "top": self.top}
        asked = {"measures": [name], "by": sorted(self.by), "where": where}
        return asked | {key: value for key, value in given.items() if value}


class Reader:
    """Chooses calls by descriptions."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], list[str]] = {}
        self.dimensions: dict[str, list[str]] = {}

    async def read(self, client: Client) -> None:
        """Read the descriptions of tools, reports and measures."""
        for tool in (await client.list_tools()).tools:
            text = tool.description or ""
            if reports := _REPORT.findall(text):
                for name, title in reports:
                    words = words_of(f"{name} " * _NAME_WEIGHT + title)
                    self.texts["report", name] = words
            elif tool.name not in {"query", "catalogue"}:
                self.texts[tool.name, ""] = words_of(f"{tool.name} {text}")
        cursor: dict[str, str] = {}
        while True:
            result = await client.call_tool("catalogue", cursor)
            page = result.structured_content or {}
            for each in page["measures"]:
                name = each["name"].replace("_", " ")
                text = f"{each['label']} {each['description']}".replace("_", " ")
                words = words_of(f"{name} " * _NAME_WEIGHT + text)
                self.texts["query", each["name"]] = words
                self.dimensions[each["name"]] = each["dimensions"]
            if "cursor" not in page:
                break
            cursor = {"cursor": page["cursor"]}
        self.holders = Counter(w for text in self.texts.values() for w in {*text})

    def choose(self, question: str) -> Call:
        """Return the call that the reader makes for a question."""
        if _ADDRESS.search(question):
            return Call("explain")
        asked = {*words_of(question)}
        tool, name = max(self.texts, key=lambda key: self.score(key, asked))
        period = period_in(question)
        if tool == "report":
            return Call(tool, frozenset({name}), period=period)
        if tool != "query":
            return Call(tool)
        return Call(
            tool,
            frozenset({name}),
            self.groups(question, name),
            period,
            "previous" if re.search(r"\bchange from ", question) else None,
            top_in(question),
        )

    def score(self, key: tuple[str, str], asked: set[str]) -> float:
        """Return how well a description matches, by rare words that they share."""
        counts = Counter(self.texts[key])
        shared = sum(self.weight(word) * counts[word] for word in asked & {*counts})
        size = sum(self.weight(word) ** 2 * n**2 for word, n in counts.items()) ** 0.5
        return shared / size if size else 0.0

    def weight(self, word: str) -> float:
        """Return the weight of a word: high where few descriptions have it."""
        holders = self.holders[word]
        return log(1 + len(self.texts) / holders) if holders else 0.0

    def groups(self, question: str, measure: str) -> frozenset[str]:
        """Return the dimensions by which a question wants its rows."""
        known = {
            name.removesuffix("_id").replace("_", " "): name
            for name in self.dimensions[measure]
        }
        known["month"] = "month"
        groups = set()
        for match in _GROUPS.finditer(question.lower()):
            for phrase in filter(None, match.groups()):
                for part in (phrase, phrase.split()[0]):
                    plain = part.removesuffix("s")
                    if near := difflib.get_close_matches(plain, known, n=1, cutoff=0.8):
                        groups.add(known[near[0]])
                        break
        if "trend" in question.lower():
            groups.add("month")
        return frozenset(groups)


def period_in(question: str) -> str | None:
    """Return the month or the months that a question names."""
    months = re.findall(r"\b\d{4}-\d{2}\b", question)
    names = re.findall(rf"\b({'|'.join(MONTHS)})\b(?: (\d{{4}}))?", question.lower())
    year = next((year for _, year in names if year), "")
    months += [f"{y or year}-{MONTHS.index(m) + 1:02d}" for m, y in names]
    if len(months) == 2 and " change from " not in question:
        return f"{months[0]}..{months[1]}"
    return months[-1] if months else None


def top_in(question: str) -> int | None:
    """Return how many rows a question wants."""
    match = re.search(r"\b(?:top|which) (\d+|three|five|ten)\b", question.lower())
    return None if match is None else NUMBERS.get(match[1]) or int(match[1])


def expected_calls(text: str) -> list[Call]:
    """Return the calls that answer a question, as the file of questions has them."""
    calls = []
    for written in re.split(r" \| (?=query |report )", text):
        tool, *parts = written.split()
        named = dict(part.split("=") for part in parts if "=" in part)
        names = next((part for part in parts if "=" not in part), "")
        calls.append(
            Call(
                tool,
                frozenset(filter(None, names.split("|"))),
                frozenset(filter(None, named.get("by", "").split(","))),
                named.get("period") or named.get("month"),
                named.get("compare"),
                int(named["top"]) if "top" in named else None,
            )
        )
    return calls


def where_of(text: str) -> dict[str, str]:
    """Return the filter that the file of questions has for a question."""
    match = re.search(r"where=(\w+):(\w+)", text)
    return {match[1]: match[2]} if match else {}


def is_right(call: Call, expected: Call) -> bool:
    """Return True if a call is one that answers the question, with its arguments."""
    return (
        call.tool == expected.tool
        and (call.names <= expected.names if call.names else not expected.names)
        and (call.by, call.period) == (expected.by, expected.period)
        and (call.compare, call.top) == (expected.compare, expected.top)
    )
