"""Values that people declare in files, and answers of a fixed form."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    """A declaration: nothing unknown is in it, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
