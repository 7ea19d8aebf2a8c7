"""Options that sources of HTTP APIs have in common, as types of their fields.

Each source sets the default of each option, and documents more where needed.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from ingest.http.addresses import checked_base_url

#: An address to which a credential may be sent.
BaseUrl = Annotated[str, AfterValidator(checked_base_url)]

#: The name of an environment variable, never its value.
EnvironmentVariable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

TimeoutSeconds = Annotated[
    float, Field(gt=0, le=600, description="Time to wait for an answer.")
]
RequestsPerSecond = Annotated[float | None, Field(gt=0, description="Highest rate.")]
