"""Input of an act, validated by its fields before anything is done."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Filling
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from triptych.core.acts import Act, ActField, Given

#: As a person writes it in any file of the workspace: a point, and no separators.
NUMBER: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def filled(act: Act, given: Given, reason: str = "") -> Filling:
    """Return the input, if the fields of the act can hold it.

    Raises
    ------
    UsageError
        A field is unknown or missing, or has an invalid value.
    """
    texts = {k: v.strip() for k, v in given.items() if isinstance(v, str)}
    files = {k: v for k, v in given.items() if isinstance(v, bytes)}
    known = {each.name for each in act.fields}
    strange = sorted(set(given) - known)
    missing = [
        each.label
        for each in act.fields
        if each.is_required and not (texts.get(each.name) or files.get(each.name))
    ]
    if strange or missing:
        what = f"knows no field {strange[0]!r}" if strange else f"lacks {missing[0]}"
        raise UsageError(
            f"“{act.title}” {what}.", next_step="Fill in what the form asks for."
        )
    for each in act.fields:
        if texts.get(each.name):
            _refuse_unfit(each, texts[each.name])
    return Filling(texts, files, " ".join(reason.split()))


def _refuse_unfit(field: ActField, value: str) -> None:
    if field.choices and value not in field.choices:
        raise UsageError(
            f"{field.label} cannot be {value!r}.",
            next_step=f"Choose one of: {', '.join(field.choices)}.",
        )
    if field.kind == "number" and not NUMBER.fullmatch(value):
        raise UsageError(
            f"{field.label}: {value!r} is not a number.",
            next_step="Write it with a point and no separators, such as 1200.50.",
        )
    if field.kind == "day" and not _is_day(value):
        raise UsageError(
            f"{field.label}: {value!r} is not a day.",
            next_step="Write it as YYYY-MM-DD.",
        )


def _is_day(value: str) -> bool:
    if not _DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
