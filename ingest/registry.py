"""Which connectors there are, and binding them to the sources of a workspace.

Built-in connectors are known by the name of their module and imported when a source
asks for one. Others come through the entry point group ``triptych.connectors``,
whose names are their types.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from pydantic import ValidationError

from triptych.errors import SettingsError
from triptych.settings.problems import Problems, known_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from ingest.connector import Connector, SourceConfig
    from triptych.settings import SourceEntry

_FILE = "triptych.yml"
_ENTRY_POINTS = "triptych.connectors"

BUILT_IN: dict[str, str] = {
    "anthropic": "ingest.connectors.anthropic:Anthropic",
    "argocd": "ingest.connectors.argocd:Argocd",
    "aws_cost_explorer": "ingest.connectors.aws_cost_explorer:AwsCostExplorer",
    "aws_cur_legacy": "ingest.connectors.aws_cur_legacy:AwsCurLegacy",
    "aws_data_exports": "ingest.connectors.aws_data_exports:AwsDataExports",
    "aws_invoices": "ingest.connectors.aws_invoices:AwsInvoices",
    "azure_focus": "ingest.connectors.azure_focus:AzureFocus",
    "azure_invoices": "ingest.connectors.azure_invoices:AzureInvoices",
    "ecb_rates": "ingest.connectors.ecb_rates:EcbRates",
    "event_inbox": "ingest.connectors.event_inbox:EventInbox",
    "focus_files": "ingest.connectors.focus_files:FocusFiles",
    "gcp_billing": "ingest.connectors.gcp_billing:GcpBilling",
    "github": "ingest.connectors.github:Github",
    "gitlab": "ingest.connectors.gitlab:Gitlab",
    "incident_io": "ingest.connectors.incident_io:IncidentIo",
    "jira_worklogs": "ingest.connectors.jira_worklogs:JiraWorklogs",
    "langfuse": "ingest.connectors.langfuse:Langfuse",
    "litellm": "ingest.connectors.litellm:Litellm",
    "mlflow": "ingest.connectors.mlflow:Mlflow",
    "oci_focus": "ingest.connectors.oci_focus:OciFocus",
    "oci_invoices": "ingest.connectors.oci_invoices:OciInvoices",
    "openai": "ingest.connectors.openai:OpenAi",
    "opencost": "ingest.connectors.opencost:Opencost",
    "openshift_metrics": "ingest.connectors.openshift_metrics:OpenshiftMetrics",
    "pagerduty": "ingest.connectors.pagerduty:Pagerduty",
    "prometheus": "ingest.connectors.prometheus:Prometheus",
    "railway": "ingest.connectors.railway:Railway",
    "sagemaker": "ingest.connectors.sagemaker:Sagemaker",
    "surveys": "ingest.connectors.surveys:Surveys",
    "tables": "ingest.connectors.tables:Tables",
}


class UnknownConnectorError(SettingsError):
    """No connector has this type."""

    def __init__(self, type_: str) -> None:
        known = known_names("types", known_types(), given=type_)
        super().__init__(f"There is no source type {type_!r}; {known}")


def known_types() -> list[str]:
    """Return every type that a source may have, built in and installed."""
    installed = {entry.name for entry in entry_points(group=_ENTRY_POINTS)}
    return sorted(installed | set(BUILT_IN))


def connector_class(type_: str) -> type[Connector]:
    """Return the connector of a type; a built-in one comes before an installed one.

    Raises
    ------
    UnknownConnectorError
        No connector has this type; the message lists those there are.
    SettingsError
        An installed connector cannot be imported.
    """
    if type_ in BUILT_IN:
        module, _, name = BUILT_IN[type_].partition(":")
        built_in: type[Connector] = getattr(import_module(module), name)
        return built_in
    for entry in entry_points(group=_ENTRY_POINTS, name=type_):
        try:
            installed: type[Connector] = entry.load()
        except Exception as error:
            raise SettingsError(
                f"Connector {type_!r} cannot be imported: {error}.",
                where=entry.value,
                next_step="Install the package that brings it again, or remove it.",
            ) from error
        return installed
    raise UnknownConnectorError(type_)


def bind_sources(sources: Iterable[SourceEntry], root: Path) -> list[Connector]:
    """Return a connector for each source, bound to its options.

    Raises
    ------
    SettingsError
        Options do not fit; one line ``triptych.yml:12: …`` for each that is wrong.
    """
    problems = Problems()
    connectors = []
    for source in sources:
        connector = _bind(source, root, problems)
        if connector is not None:
            connectors.append(connector)
    problems.raise_if_any()
    return connectors


def _bind(source: SourceEntry, root: Path, problems: Problems) -> Connector | None:
    try:
        kind = connector_class(source.type)
    except SettingsError as error:
        reason = str(error)
        if isinstance(error, UnknownConnectorError):
            known = known_names("types", known_types(), given=source.type)
            reason = f"there is no type {source.type!r}; {known}"
        line = source.option_lines.get("type", source.line)
        problems.add(_FILE, line, f"source {source.name!r}: {reason}")
        return None
    values = {**source.options, "name": source.name, "type": source.type}
    try:
        config = kind.Config.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            line = source.option_lines.get(_key(details), source.line)
            problems.add(_FILE, line, _text(source, kind.Config, details))
        return None
    return kind(config, root=root)


def _key(details: ErrorDetails) -> str:
    return str(details["loc"][0]) if details["loc"] else ""


def _text(
    source: SourceEntry, config: type[SourceConfig], details: ErrorDetails
) -> str:
    subject = f"source {source.name!r}"
    key = ".".join(str(step) for step in details["loc"])
    match details["type"]:
        case "extra_forbidden" if len(details["loc"]) == 1:
            known = known_names("keys", config.model_fields, given=key)
            return f"{subject}: unknown key {key!r} for type {source.type!r}; {known}"
        case "missing":
            known = known_names("keys", config.model_fields)
            return f"{subject} has no {key!r}; {known}"
        case "value_error":
            reason = str(details["ctx"]["error"]).rstrip(".")
            return f"{subject}: {key}: {reason}." if key else f"{subject}: {reason}."
    # The value stays out of the message: only its connector knows whether it is
    # confidential.
    reason = details["msg"][:1].lower() + details["msg"][1:]
    return f"{subject}: {key}: {reason}."


__all__ = [
    "BUILT_IN",
    "UnknownConnectorError",
    "bind_sources",
    "connector_class",
    "known_types",
]
