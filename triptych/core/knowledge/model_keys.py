"""Read which model a line of a bill or a meter names, as a key that both share.

Lines and meters spell one model in many ways. A key is letters and digits; the date in
a name is kept apart, since a bill often leaves it out.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from triptych.core.knowledge.model_names import find_model, stated_name
from triptych.core.knowledge.name_grammar import slug

#: Columns of a line that may name its model, most telling first.
NAMING_COLUMNS = (
    "sku_price_details",
    "charge_description",
    "sku_meter",
    "sku_id",
    "service_name",
)
#: Between those columns in the text of a line; no meter's name has it.
SEPARATOR = chr(31)
_DATE = re.compile(r"20\d\d[-_]?[01]\d[-_]?[0-3]\d")
_DATE_AT_END = re.compile(rf"[-@_ ]?({_DATE.pattern})$")
_VENDOR = re.compile(
    r"((us|eu|apac|global|jp)\.)?"
    r"(anthropic|meta|amazon|mistral|cohere|ai21|deepseek|openai|qwen)\."
)
_REVISION = re.compile(r"([-@]v\d+(:\d+)?|-\d+:\d+|[-@:]latest|@default)$")
_ROUTE = re.compile(r"[ _-]*(batch|flex|priority)$")
#: Tokens of a model that somebody tuned have a price of their own.
_TUNED = re.compile(r"(?<![a-z])(ft|fine-?tun)")


@dataclass(frozen=True, slots=True)
class ModelKey:
    """A model as letters and digits, and the date in its name as eight digits."""

    key: str
    date: str = ""


def parse_line(text: str) -> ModelKey | None:
    """Return the model of a line, given its naming columns; None if they name none.

    Examples
    --------
    >>> parse_line(chr(31).join(["", "", "gpt-4o-2024-08-06, input", "", ""]))
    ModelKey(key='gpt4o', date='20240806')
    """
    columns = dict(zip(NAMING_COLUMNS, text.split(SEPARATOR), strict=True))
    if name := stated_name(columns["sku_price_details"]):
        return parse_meter(name)
    for column in NAMING_COLUMNS:
        if model := _parsed(columns[column]):
            return model
    item, comma, _ = columns["sku_meter"].partition(", ")
    return parse_meter(_ROUTE.sub("", item.casefold())) if comma else None


def parse_meter(name: str) -> ModelKey:
    """Return the model that a meter names; one nobody knows keeps its own name.

    Examples
    --------
    >>> parse_meter("us.anthropic.claude-sonnet-4-20250514-v1:0")
    ModelKey(key='claudesonnet4', date='20250514')
    """
    whole = _REVISION.sub("", name.casefold())
    if model := _parsed(whole):
        return model
    bare = _VENDOR.sub("", whole.rsplit("/", 1)[-1])
    dated = _DATE_AT_END.search(bare)
    return ModelKey(model_key(_DATE_AT_END.sub("", bare)), _digits(dated and dated[1]))


def model_key(name: str) -> str:
    """Return letters and digits of a name; 2.0 and 2 are one number."""
    return slug(re.sub(r"(?<=\d)[.-]0(?!\d)", "", name)).replace("-", "")


@cache
def parser_version() -> str:
    """Return the digest of the parser and of what it knows: new names, new figures."""
    folder = files("triptych.core.knowledge")
    texts = (
        item.read_bytes()
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name in {"model_keys.py", "model_names.py", "name_grammar.py"}
        or item.name == "models.toml"
    )
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def _parsed(text: str) -> ModelKey | None:
    """Return the model of a known family that a text names."""
    model = find_model(text) if text else None
    if model is None:
        return None
    behind = text[text.index(model.spelling) :]
    end = len(model.spelling)
    following = re.match(r"[ ]?[^\s,]*", behind[end:])
    dated = _DATE.search(behind[:end] + (following[0] if following else ""))
    around = text.replace(model.spelling, " ", 1).casefold()
    tuned = "ft" if _TUNED.search(around) else ""
    return ModelKey(tuned + model_key(model.id), _digits(dated and dated[0]))


def _digits(date: str | None) -> str:
    return re.sub(r"\D", "", date or "")
