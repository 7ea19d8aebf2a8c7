"""Names that other systems use for a model of the sample company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingest.sample_company.organisation import Model

REGISTRY: Final = "mlflow"


def service_of(model: Model) -> str:
    """Return the service name of a model in deployments and incidents."""
    return f"{model.id}-service"


def repository_of(model: Model) -> str:
    """Return where the code of a model is."""
    return f"nordhafen/{model.id}"


def registered_model_of(model: Model) -> str:
    """Return the name of a model in the registry."""
    return model.id.replace("-", "_")
