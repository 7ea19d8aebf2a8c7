"""A name: text that is not empty, and not a placeholder."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from triptych.core.settings.complaint import Complaint, complaints_error

#: Placeholders of suggestions and templates where a person has to decide.
_PLACEHOLDER = re.compile(
    r"(?:MODEL|FEATURE|TEAM|POOL|OWNER|COST[-_ ]?CENT(?:ER|RE))[-_ ](?:ID|NAME)"
    r"|<[^<>]*>|TODO|FIXME|CHANGE[-_ ]?ME|REPLACE[-_ ]?ME|YOUR[-_ ].+"
)


def _is_no_placeholder(name: str) -> str:
    if _PLACEHOLDER.fullmatch(name):
        text = f"{name!r} is a placeholder; write the id or name that is meant."
        raise complaints_error([Complaint((), text)])
    return name


Name = Annotated[
    str,
    StringConstraints(min_length=1, strip_whitespace=True),
    AfterValidator(_is_no_placeholder),
]
