"""Asks every source whether it can be reached and read, without reading data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.connector import Finding
from ingest.engine.in_place import engine_findings
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.connector import Connector


#: Type of a source that reads any bill of a folder.
_FOLDER_OF_BILLS = "focus_files"


@dataclass(frozen=True, slots=True)
class SourceProbe:
    """Answer of a source."""

    source: str
    source_type: str
    findings: tuple[Finding, ...]

    @property
    def is_ok(self) -> bool:
        """Return True if nothing is missing."""
        return all(finding.is_ok for finding in self.findings)


def probe_sources(
    connectors: Sequence[Connector], *, engine: str = "duckdb"
) -> Iterator[SourceProbe]:
    """Yield an answer for each source; a failure is an answer like another.

    A folder of bills may be empty while another has some: a workspace that was made of
    vendors' own files has one for those of clouds.

    Parameters
    ----------
    connectors : sequence of Connector
        The sources.
    engine : str
        Engine that will build from them: it must reach evidence that stays in place.
    """
    probes = list(_probed(connectors, engine))
    has_bills = any(p.is_ok and p.source_type == _FOLDER_OF_BILLS for p in probes)
    for probe in probes:
        is_let_off = has_bills and probe.source_type == _FOLDER_OF_BILLS
        yield _without_empty(probe) if is_let_off else probe


def _without_empty(probe: SourceProbe) -> SourceProbe:
    """Return an answer in which an empty folder is no failure."""
    findings = tuple(
        replace(each, is_ok=True, next_step="") if each.is_empty else each
        for each in probe.findings
    )
    return replace(probe, findings=findings)


def _probed(connectors: Sequence[Connector], engine: str) -> Iterator[SourceProbe]:
    for connector in connectors:
        try:
            findings = tuple(connector.check())
        except TriptychError as error:
            findings = (Finding.of(error),)
        findings += tuple(engine_findings(connector.config, engine))
        yield SourceProbe(connector.config.name, connector.type, findings)
