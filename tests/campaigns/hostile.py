"""What is done to text, JSON and bytes that were right, by chance and by structure."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

#: A row that counts: its amount and currency, or its name and nothing.
Counted = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """A hostile workspace, and what may come of it.

    Attributes
    ----------
    kind, act : str
        What is delivered, and what was done to it.
    files : dict of str to bytes
        Path below the workspace → content; a path may hold bytes that are no UTF-8.
    may_count : list of Counted
        What a reader who is independent of ours finds there: nothing else may count.
    must_count : list of Counted
        What has to count or to be refused by name: nothing may be lost in silence.
    beside : list of Counted
        What stands in files that nothing was done to: it counts whatever happens.
    suspect : str
        What a refusal has to name.
    """

    kind: str
    act: str
    files: dict[str, bytes]
    may_count: list[Counted] = field(default_factory=list)
    must_count: list[Counted] = field(default_factory=list)
    beside: list[Counted] = field(default_factory=list)
    suspect: str = ""


def amount(value: Decimal | str) -> str:
    """Return an amount as it is compared: without trailing zeros."""
    return f"{Decimal(value).normalize():f}"


#: Cells that are no plain number → the numbers as which somebody may well read them.
JUNK_NUMBERS: dict[str, tuple[str, ...]] = {
    "": (), "NaN": (), "nan": (), "inf": (), "-Infinity": (), "null": (), "two": (),
    "1e400": (), "0x10": (), "1_000": (), "--5": (), "5-": (), "5 EUR": (), "€5": (),
    "$5.00": ("5",), "(5)": (), "٣": (), "５": (), "1/2": (), "=1+1": (), "TRUE": (),
    "9" * 45: (), "1." + "9" * 60: ("2",), "5,": (), "1,2,3": (), "1.2.3": (),
    "0,125": ("0.125",), "1e3": ("1000",), "+5": ("5",), " 5 ": ("5",), "5.": ("5",),
    ".5": ("0.5",), "-0": ("0",), "1E-3": ("0.001",), "007": ("7",), "5\t": ("5",),
}  # fmt: skip
#: Moments that are none, or beyond what anybody bills for.
JUNK_MOMENTS = (
    "", "9999-99-99", "0001-01-01", "2026-02-30", "infinity", "-infinity", "now",
    "epoch", "today", "2026-03-01T00:00:00+99:00", "2026-03-01T25:00:00", "tomorrow",
    "99999-01-01", "-4000-01-01", "1e9", "31/31/2026", "2026-13-01", "NaT", "20260230",
)  # fmt: skip
JUNK_CURRENCIES = ("EUX", "€", "null", "", "123", "EURO", "E\u200bUR", "🤑", "XXXX")
NASTY_TEXTS = (
    "<script>alert(1)</script>", "'; DROP TABLE loads; --", "{{ 7*7 }}", "\u202egnp",
    "a" * 70_000, "\x00", "\x1b[31m", "=cmd|' /C calc'!A0", "𝕏", "\ufeff", "../../x",
    "%s%n", "{}", "[]", '"', "\\", "NULL", "\u2028", "#REF!", "-",
)  # fmt: skip
NASTY_NAMES = (
    "a[1].csv", "a*.csv", "a?.csv", "o'brien.csv", 'q"uote.csv', "per%cent.csv",
    "with space.csv", "späti.csv", "日本.csv", "-dash.csv", "a,b;c.csv", "{a}.csv",
    "new\nline.csv", "$HOME.csv", "a" * 200 + ".csv", "b..csv", "tab\t.csv", "🙂.csv",
    "A.CSV", "x.csv.csv", "null.csv", "~.csv", "#.csv", "a\\b.csv",
)  # fmt: skip


def flipped(content: bytes, rng: random.Random, count: int = 1) -> bytes:
    """Return bytes of which a few bits are the other way round."""
    changed = bytearray(content)
    for _ in range(count):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """Return the beginning of bytes."""
    return content[: rng.randrange(len(content))]


def torn(content: bytes, rng: random.Random) -> bytes:
    """Return bytes with a piece missing, doubled, or of noise in between."""
    start = rng.randrange(len(content))
    end = min(len(content), start + rng.randrange(1, 60))
    match rng.randrange(3):
        case 0:
            return content[:start] + content[end:]
        case 1:
            return content[:end] + content[start:end] + content[end:]
        case _:
            return content[:start] + rng.randbytes(end - start) + content[end:]


ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e308, "", "x", [], {}, [None], {"a": {"b": []}},
    "\ud800", "0" * 5_000, [[[[[]]]]], "9" * 400, -0.0, "null", " ", "\x00",
)  # fmt: skip


def odd_json(value: Any, rng: random.Random) -> str:
    """Return JSON text of a value in which one thing is not what it should be."""
    changed = copy.deepcopy(value)
    places = list(_places(changed))
    holder, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del holder[key]
        case 1 | 2:
            holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
        case _ if isinstance(holder, dict):
            holder[rng.choice(("", "__proto__", "x" * 3_000, "é"))] = holder.pop(key)
        case _:
            holder.append(copy.deepcopy(holder[key]))
    return json.dumps(changed)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)) and value[key]:
            found += _places(value[key])
    return found


#: Texts that are no JSON object, or more of one than anybody can hold.
_NO_OBJECT = ("[" * 100_000, '{"a":' * 50_000, "", "null", "[]", "7", "9" * 10_000)
_BREAKING: tuple[Callable[[str], str], ...] = (
    lambda text: text[: len(text) // 2],
    lambda text: text + "}",
    lambda text: "\ufeff" + text,
    lambda text: text.replace(":", "=", 1),
    lambda text: text.replace("{", "{NaN:", 1),
    lambda text: text.replace('"', "'"),
    lambda text: "\x00" + text,
    lambda text: text.replace(",", ",,", 1),
    lambda text: text + text,
)


def broken_json(text: str, rng: random.Random) -> str:
    """Return text that is no JSON any more, or JSON of something else."""
    if rng.random() < 0.4:
        return rng.choice(_NO_OBJECT)
    return rng.choice(_BREAKING)(text)
