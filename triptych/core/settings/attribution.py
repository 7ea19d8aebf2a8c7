"""``triptych.yml``, ``attribution``: how studies are estimated."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from triptych.core.declared import Declared


class AttributionSettings(Declared):
    """From which seed, and in how many processes; by default as many as cores.

    The seed of each study is derived from this seed and the study's name, so that a
    study's figures do not depend on the other studies.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    processes: Annotated[int, Field(ge=1)] | None = None
