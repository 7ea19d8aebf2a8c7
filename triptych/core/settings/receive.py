"""``triptych.yml``, ``receive``: event endpoints, and their secrets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from triptych.core.declared import Declared
from triptych.core.settings.names import Name

_Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class ReceiveSettings(Declared):
    """Listening address of ``triptych receive``, and its accepted events.

    Each ``…_variable`` names the environment variable that holds a secret; without the
    secret its endpoint refuses. Port 0 takes a free port. ``request_seconds`` is the
    time in which a request must arrive. ``telemetry_attributes`` are further names of
    attributes that are kept of spans: ``team``, ``task`` and others → names.
    """

    host: Name = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8600
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    max_telemetry_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = (
        16 * 1024 * 1024
    )
    request_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    max_connections: Annotated[int, Field(ge=1, le=4096)] = 256
    events_variable: _Variable = "TRIPTYCH_EVENTS_KEY"
    devlake_variable: _Variable = "TRIPTYCH_DEVLAKE_KEY"
    promotions_variable: _Variable = "TRIPTYCH_PROMOTIONS_KEY"
    github_variable: _Variable = "TRIPTYCH_GITHUB_WEBHOOK_KEY"
    mlflow_variable: _Variable = "TRIPTYCH_MLFLOW_WEBHOOK_KEY"
    telemetry_variable: _Variable = "TRIPTYCH_TELEMETRY_KEY"
    telemetry_attributes: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """Return the variable of each secret, by the name of the secret."""
        return {
            "events": self.events_variable,
            "devlake": self.devlake_variable,
            "promotions": self.promotions_variable,
            "github": self.github_variable,
            "mlflow": self.mlflow_variable,
            "telemetry": self.telemetry_variable,
        }
