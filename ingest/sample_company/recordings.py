"""Recordings of APIs: Railway, OpenAI and Anthropic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sample_company.formats.model_api_answers import (
    write_anthropic,
    write_openai,
)
from ingest.sample_company.formats.railway_answers import RailwayRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.charges import Source
    from ingest.sample_company.formats.model_api_answers import ModelApiMonth
    from ingest.sample_company.metering import Meters
    from ingest.sample_company.railway_bill import RailwayMonth
    from ingest.sample_company.timeline import Timeline


class Recordings:
    """Takes the bills of APIs as they are drawn; see ``ingest.sample_company.bills``.

    Parameters
    ----------
    directory : Path
        Folder of the bills.
    timeline : Timeline
        The months.
    meters : Meters
        Vendors' counts beside their bills.
    seed : int
        Source of chance.
    """

    def __init__(
        self, directory: Path, timeline: Timeline, meters: Meters, seed: int
    ) -> None:
        self._directory = directory
        self._timeline = timeline
        self._meters = meters
        self._railway = RailwayRecorder(directory / "railway", timeline, seed)

    def add_railway(self, month: RailwayMonth) -> None:
        """Take a billing period of Railway."""
        self._railway.add(month)

    def add_model_api(self, source: Source, month: ModelApiMonth) -> None:
        """Write a month of a vendor of a model API."""
        folder = self._directory / source
        if source == "openai":
            write_openai(folder, month, self._timeline, self._meters)
        else:
            write_anthropic(folder, month, self._timeline)

    def write(self) -> None:
        """Write the recordings that need every month to be known."""
        self._railway.write(self._meters)
