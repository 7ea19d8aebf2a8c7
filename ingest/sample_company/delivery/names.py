"""What other systems call a model of the sample company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingest.sample_company.organisation import Model

REGISTRY: Final = "mlflow"


def service_of(model: Model) -> str:
    """Return what deployments and incidents call the service of a model."""
    return f"{model.id}-service"


def repository_of(model: Model) -> str:
    """Return where the code of a model is."""
    return f"nordhafen/{model.id}"


def registered_model_of(model: Model) -> str:
    """Return what the registry calls a model."""
    return model.id.replace("-", "_")
