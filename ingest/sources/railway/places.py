"""Names of Railway's projects, environments and services, by their ids.

Usage is reported by ids; people and rules use names. A thing that has no name any more
goes by its id, so nothing is dropped for the lack of a name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.sources.railway.api import nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Labels that a rule of ``mapping`` can match, by name or by id.
LABELS = ("project", "environment", "service")
_ID_FIELDS = ("projectId", "environmentId", "serviceId")


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a workload; a name that is not known is its id."""

    project_id: str | None
    environment_id: str | None
    service_id: str | None
    project: str | None
    environment: str | None
    service: str | None

    @property
    def tags(self) -> dict[str, str]:
        """Return the names that it has."""
        named = zip(LABELS, self._names, strict=True)
        return {label: name for label, name in named if name is not None}

    @property
    def labels(self) -> dict[str, Sequence[str]]:
        """Return names and ids, for the rules of a mapping."""
        ids = (self.project_id, self.environment_id, self.service_id)
        return {
            label: [text for text in dict.fromkeys(pair) if text is not None]
            for label, *pair in zip(LABELS, self._names, ids, strict=True)
        }

    @property
    def _names(self) -> tuple[str | None, ...]:
        return (self.project, self.environment, self.service)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of everything in a workspace, by id."""

    by_id: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, projects: Iterable[Mapping[str, Any]]) -> Names:
        """Collect the names in a listing of projects."""
        named: dict[str, str] = {}
        for project in projects:
            named[project["id"]] = project["name"]
            for kind in ("environments", "services"):
                named |= {node["id"]: node["name"] for node in nodes_of(project[kind])}
        return cls(named)

    def place(self, answer: Mapping[str, Any]) -> Place:
        """Return the place of an answer with ``projectId`` and so on."""
        ids = [answer.get(name) for name in _ID_FIELDS]
        names = [None if id_ is None else self.by_id.get(id_, id_) for id_ in ids]
        return Place(*ids, *names)
