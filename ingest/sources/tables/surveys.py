"""Surveys: answers on scales from CSV files, with respondents hashed at the door."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.reading.text_options import Delimiter
from ingest.reading.text_rows import text_rows
from ingest.sources.tables.survey_answers import SURVEY_RESPONSES, SurveyFile, salt_of
from ingest.storage.files import LocalFile, LocalFiles
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SALT_FILE = ".survey-salt"
_SUFFIXES = (".csv", ".csv.gz")


class SurveysConfig(SourceConfig):
    """Options of a ``surveys`` source."""

    path: str = Field(
        default="surveys",
        description="File, folder or glob, relative to the workspace.",
    )
    delimiter: Delimiter = Field(default=",", description="Delimiter of the files.")
    salt_variable: str = Field(
        default="TRIPTYCH_SURVEY_SALT",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the salt; else the file"
        f" {_SALT_FILE} of the workspace, which is made.",
    )


class Surveys(Source[SurveysConfig]):
    """Reads files of answers."""

    type: ClassVar[str] = "surveys"

    def __init__(self, config: SurveysConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._salt_file = root / _SALT_FILE
        self._files = LocalFiles(
            config.path, root=root, source=config.name, suffixes=_SUFFIXES
        )

    def streams(self) -> Sequence[str]:
        """Return the stream of answers."""
        return (SURVEY_RESPONSES,)

    def probe(self) -> Iterator[Finding]:
        """Check that files exist, that each is a survey, and the salt."""
        findings = self._files.check()
        if not all(finding.is_ok for finding in findings):
            yield from findings
            return
        try:
            salt = self._salt()
        except TriptychError as error:
            yield Finding(False, error.what, error.next_step)
            return
        yield from findings
        for file in self._files.found():
            try:
                self._survey(file, salt).header()
            except TriptychError as error:
                yield Finding.of(error)

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Offer each file."""
        files = self._files.found()
        if not files:
            return
        salted = hashlib.sha256(self._salt()).hexdigest()[:8]
        for file in files:
            yield Delivery(
                stream=SURVEY_RESPONSES,
                scope=file.relative,
                period="all",
                fingerprint=f"{file.fingerprint} {salted}",
                label=file.label,
                detail=file,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Yield the answers of a file, without the respondents."""
        if isinstance(delivery.detail, LocalFile):
            survey = self._survey(delivery.detail, self._salt())
            yield text_rows(SURVEY_RESPONSES, survey.rows(), delivery.label)

    def _salt(self) -> bytes:
        return salt_of(
            self._config.salt_variable,
            self._salt_file,
            source=f"source {self._config.name!r}",
        )

    def _survey(self, file: LocalFile, salt: bytes) -> SurveyFile:
        return SurveyFile(file.path, file.label, salt, self._config.delimiter)
