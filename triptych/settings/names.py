"""What a name is: text with something in it."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

__all__ = ["Name"]
