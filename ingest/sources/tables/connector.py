"""Any file, or a SQL query over files or a database, as a single stream.

This is the door for everything that has no connector: a meter's export, an invoice
register, a business metric in a warehouse. A declared mapping assigns delivered columns
(or expressions over delivered columns) to canonical columns.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    LandingOptions,
    Source,
    SourceConfig,
    Window,
)
from ingest.engine.projection import project
from ingest.notation import Notation
from ingest.reading.text_options import (
    DeclaredDates,
    DeclaredDecimal,
    Delimiter,
    EngineEncoding,
)
from ingest.sources.tables.database_query import DatabaseQuery
from ingest.sources.tables.databases.options import DatabaseOptions
from ingest.sources.tables.databases.statement import refuse_unless_reading
from ingest.storage.files import LocalFiles
from ingest.streams import STREAMS
from triptych.core.errors import MalformedDeliveryError, SourceError
from triptych.core.file_names import literal, search_path
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.connector import Part


class TablesConfig(SourceConfig):
    """Options of a ``tables`` source: ``path`` or ``query``, never both."""

    stream: str = Field(description="Canonical stream the rows belong to.")
    path: str | None = Field(
        default=None, description="File, folder or glob, relative to the workspace."
    )
    query: str | None = Field(
        default=None,
        description="DuckDB SQL over files, whose relative names start at the"
        " workspace; with 'database' the SQL of that.",
    )
    database: DatabaseOptions | None = Field(
        default=None,
        discriminator="engine",
        description="Database that 'query' is put to; its options are below.",
    )
    delimiter: Delimiter = ","
    encoding: EngineEncoding = "utf-8"
    decimal: DeclaredDecimal = None
    dates: DeclaredDates = None
    mapping: dict[str, str] = Field(
        default_factory=dict,
        description="Canonical column → delivered column or SQL expression over them.",
    )
    defaults: dict[str, str] = Field(
        default_factory=dict,
        description="Canonical column → value where the column is not delivered.",
    )

    @model_validator(mode="after")
    def _names_exactly_one_origin(self) -> Self:
        if (self.path is None) == (self.query is None):
            raise ValueError("give either 'path' or 'query'")
        if self.database is not None:
            if self.query is None:
                raise ValueError("'database' needs a 'query'")
            refuse_unless_reading(self.query, self.database.engine)
        if self.stream not in STREAMS:
            known = ", ".join(sorted(STREAMS))
            raise ValueError(f"unknown stream {self.stream!r}; known streams: {known}")
        known_columns = {column.name for column in STREAMS[self.stream].columns}
        unknown = (self.mapping.keys() | self.defaults.keys()) - known_columns
        if unknown:
            names = ", ".join(column.name for column in STREAMS[self.stream].columns)
            raise ValueError(
                f"stream {self.stream!r} has no column {min(unknown)!r};"
                f" its columns: {names}"
            )
        return self


class Tables(Source[TablesConfig]):
    """Source of tables from files, or of a query over files or a database."""

    type: ClassVar[str] = "tables"

    def __init__(self, config: TablesConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._root = root
        self._files = LocalFiles(config.path or ".", root=root, source=config.name)
        self._database = DatabaseQuery.of(config, root=root)

    def streams(self) -> Sequence[str]:
        """Return the single declared stream."""
        return (self._config.stream,)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return the declared mapping and defaults."""
        return LandingOptions(
            self._config.mapping,
            self._config.defaults,
            Notation(self._config.decimal, self._config.dates),
        )

    def probe(self) -> Iterator[Finding]:
        """Check for anything to read, or for the columns of the query."""
        if self._config.query is None:
            yield from self._files.check()
            return
        try:
            physical = self._columns()
        except SourceError as error:
            yield Finding(False, error.what, error.next_step)
            return
        stream = STREAMS[self._config.stream]
        missing = project(stream, physical, self.landing(stream.name)).missing_columns
        if missing:
            yield Finding(
                False,
                f"The query answers no {', '.join(missing)}, which stream"
                f" {stream.name!r} needs.",
                "Give the column that name in the query, or name it in 'mapping'.",
            )
        else:
            yield Finding(True, f"The query answers {', '.join(physical)}.")

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Take which months of a query with a cursor have settled."""
        if self._database is not None:
            self._database.remember(memos)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each file, or the query's answer: whole, or by month of its cursor."""
        if self._database is not None:
            yield from self._database.deliveries(window)
            return
        if self._config.query is not None:
            yield self._query_delivery(self._config.query)
            return
        for file in self._files.found():
            yield Delivery(
                stream=self._config.stream,
                scope=file.relative,
                period="all",
                fingerprint=file.fingerprint,
                label=file.label,
                detail=file.path,
                byte_count=file.byte_count,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:
        """Hand over the file, or the query's answer."""
        if self._database is not None:
            yield self._database.read(delivery)
            return
        if isinstance(delivery.detail, Path):
            yield FilePart(
                delivery.detail,
                LocalFiles.format_of(delivery.detail),
                delivery.label,
                is_owned=False,
                delimiter=self._config.delimiter,
                encoding=self._config.encoding,
            )
            return
        answer = workdir / "answer.parquet"
        self._run_query(
            f"COPY ({self._config.query}) TO {literal(str(answer))} (FORMAT parquet)"
        )
        yield FilePart(answer, "parquet", delivery.label, is_owned=True)

    def _columns(self) -> dict[str, str]:
        """Return the columns of a query's result: name → DuckDB type."""
        if self._database is not None:
            return self._database.columns()
        columns = self._run_query(f"DESCRIBE SELECT * FROM ({self._config.query})")
        return {str(name): str(type_) for name, type_, *_ in columns}

    def _query_delivery(self, query: str) -> Delivery:
        # A query is run again at each ingest; its answer's content decides if there is
        # anything new.
        rows = self._run_query(f"SELECT md5(string_agg(t::VARCHAR)) FROM ({query}) t")
        text = f"{query}\n{rows}"
        return Delivery(
            stream=self._config.stream,
            scope="query",
            period="all",
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:32],
            label=f"query of source {self._config.name!r}",
        )

    def _run_query(self, sql: str) -> list[tuple[object, ...]]:
        import duckdb

        try:
            with duckdb.connect(":memory:") as connection:
                connection.execute(f"SET file_search_path = {search_path(self._root)}")
                connection.execute("SET TimeZone = 'UTC'")
                return connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise MalformedDeliveryError(
                f"The query failed: {reason_of(error)}",
                where=f"source {self._config.name!r}",
                next_step="Correct 'query' in triptych.yml; file names are relative"
                " to the workspace.",
            ) from error
