"""Asks every source whether it can be reached and read, without reading data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.connector import Finding
from ingest.engine.in_place import engine_findings
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.connector import Connector


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

    Parameters
    ----------
    connectors : sequence of Connector
        The sources.
    engine : str
        Engine that will build from them: it must reach evidence that stays in place.
    """
    for connector in connectors:
        try:
            findings = tuple(connector.check())
        except TriptychError as error:
            findings = (Finding.of(error),)
        findings += tuple(engine_findings(connector.config, engine))
        yield SourceProbe(connector.config.name, connector.type, findings)
