"""Options in ``database:`` of a ``tables`` source, for each engine."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ingest.http.addresses import is_safe_endpoint
from triptych.core.declared import Declared

_Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
_Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class QueryOptions(Declared):
    """Query options of any database: bounds, and the part to read again."""

    cursor: _Identifier | None = Field(
        default=None,
        description="Column of the answer, a date or a time. Each of its months is a"
        " delivery, and months that have settled are not asked for again.",
    )
    start_date: date | None = Field(
        default=None, description="First month that is read; needed by 'cursor'."
    )
    lookback_days: int = Field(
        default=7,
        ge=0,
        le=400,
        description="Days after its end for which a month is asked for again.",
    )
    max_rows: int = Field(
        default=5_000_000, gt=0, description="Most rows of an answer; more refuse it."
    )
    max_megabytes: int = Field(
        default=1_000,
        gt=0,
        description="Most that an answer, and a scan of BigQuery, may hold [MB].",
    )
    timeout_seconds: int = Field(
        default=300, gt=0, le=7_200, description="Longest that a query may run."
    )

    @model_validator(mode="after")
    def _cursor_has_a_start(self) -> Self:
        if (self.cursor is None) != (self.start_date is None):
            raise ValueError("'cursor' and 'start_date' go together: give both or none")
        return self


class PostgresOptions(QueryOptions):
    """PostgreSQL server, or a server that speaks its protocol."""

    engine: Literal["postgres"]
    connection_variable: _Variable = Field(
        description="Environment variable with the address:"
        " postgresql://user:password@host/database."
    )


class DuckdbOptions(QueryOptions):
    """A DuckDB file, which is opened read-only."""

    engine: Literal["duckdb"]
    path: str = Field(description="The file, relative to the workspace.")


class BigqueryOptions(QueryOptions):
    """BigQuery, with Google's Application Default Credentials."""

    engine: Literal["bigquery"]
    project: str = Field(description="Project that runs, and pays for, the queries.")
    location: str | None = Field(
        default=None, description="Location of the data, such as EU."
    )
    api_endpoint: str | None = Field(
        default=None, description="Address of BigQuery, where it is not Google's own."
    )

    @model_validator(mode="after")
    def _endpoint_is_safe(self) -> Self:
        if self.api_endpoint is not None and not is_safe_endpoint(self.api_endpoint):
            raise ValueError("'api_endpoint' needs https outside this machine")
        return self


class SnowflakeOptions(QueryOptions):
    """Snowflake, by ADBC."""

    engine: Literal["snowflake"]
    connection_variable: _Variable = Field(
        description="Environment variable with the address:"
        " user:password@account/database/schema?warehouse=…&role=…."
    )


class DatabricksOptions(QueryOptions):
    """A SQL warehouse of Databricks."""

    engine: Literal["databricks"]
    host: str = Field(
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Host of the workspace, such as dbc-a1b2.cloud.databricks.com.",
    )
    http_path: str = Field(description="HTTP path of the SQL warehouse.")
    connection_variable: _Variable = Field(
        default="DATABRICKS_TOKEN",
        description="Environment variable with the access token.",
    )


#: Selected by ``engine``.
DatabaseOptions = (
    PostgresOptions
    | DuckdbOptions
    | BigqueryOptions
    | SnowflakeOptions
    | DatabricksOptions
)
