"""Connector registry, and binding of connectors to workspace sources.

Built-in connectors are declared by the folder of their vendor and imported when a
source needs them. Others come through the entry point group ``triptych.connectors``,
with their types as names.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pydantic import ValidationError

from triptych.core.errors import SettingsError
from triptych.core.settings.problems import Problems, known_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from ingest.connector import Connector, SourceConfig
    from triptych.core.settings import SourceEntry

_FILE = "triptych.yml"
_ENTRY_POINTS = "triptych.connectors"
_SOURCES = "ingest.sources"


def _built_in() -> dict[str, str]:
    """Return ``module:class`` by type, as the folder of each vendor declares them."""
    declared: dict[str, str] = {}
    for vendor in sorted(
        part.name for part in iter_modules(import_module(_SOURCES).__path__)
    ):
        folder = f"{_SOURCES}.{vendor}"
        connectors: dict[str, str] = import_module(folder).CONNECTORS
        declared |= {type_: f"{folder}.{place}" for type_, place in connectors.items()}
    return dict(sorted(declared.items()))


BUILT_IN: dict[str, str] = _built_in()


class UnknownConnectorError(SettingsError):
    """No connector has this type."""

    def __init__(self, type_: str) -> None:
        known = known_names("types", known_types(), given=type_)
        super().__init__(
            f"There is no source type {type_!r}; {known}",
            next_step="Correct 'type', or install the package that brings it.",
        )


def known_types() -> list[str]:
    """Return every type that a source may have, built in and installed."""
    installed = {entry.name for entry in entry_points(group=_ENTRY_POINTS)}
    return sorted(installed | set(BUILT_IN))


def connector_class(type_: str) -> type[Connector]:
    """Return the connector of a type; built-in connectors take precedence.

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
        Options do not fit; a line ``triptych.yml:12: …`` for each invalid option.
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
