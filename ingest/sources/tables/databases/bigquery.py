"""BigQuery: a query that may scan and answer only so much.

Source: BigQuery documentation, *Control costs: restrict the bytes billed*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.http.pages import as_many_as_announced
from ingest.sources.google.cloud import Advice, google_errors, open_bigquery
from ingest.sources.tables.databases.bounds import within_bounds
from ingest.sources.tables.databases.failures import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from google.cloud.bigquery import Client
    from google.cloud.bigquery.table import RowIterator

    from ingest.sources.tables.databases.options import BigqueryOptions

_ROWS_PER_PAGE = 20_000
_CALL_SECONDS = 60
_BYTES_PER_MEGABYTE = 1_000_000


class Bigquery:
    """A project of BigQuery.

    Parameters
    ----------
    options : BigqueryOptions
        Project, and the bounds.
    where : str
        The source, as messages call it.
    """

    def __init__(self, options: BigqueryOptions, *, where: str) -> None:
        self._options = options
        grant = (
            f"Grant roles/bigquery.jobUser in project {options.project} and"
            " roles/bigquery.dataViewer on what the query names."
        )
        self._asked = Asked(where, grant, options.timeout_seconds)
        self._advice = Advice(
            where=where,
            on_denied=grant,
            on_missing="Correct 'query' or 'project' in triptych.yml.",
        )

    def schema(self, sql: str) -> pa.Schema:
        """Return the columns that a query answers, without its rows."""
        none = f"SELECT * FROM ({sql}) AS asked WHERE FALSE"
        with google_errors(self._advice), self._open() as client:
            return self._run(client, none).to_arrow().schema

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Yield the result of a query, never more than the options allow."""
        with google_errors(self._advice), self._open() as client:
            answer = self._run(client, sql)
            whole: Iterator[Any] = as_many_as_announced(
                answer.to_arrow_iterable(),
                announced=lambda: answer.total_rows,
                size_of=lambda batch: batch.num_rows,
                where=self._asked.where,
            )
            yield from within_bounds(whole, self._options, self._asked)

    def _open(self) -> Client:
        return open_bigquery(
            project=self._options.project,
            location=self._options.location,
            api_endpoint=self._options.api_endpoint,
        )

    def _run(self, client: Client, sql: str) -> RowIterator:
        from google.cloud import bigquery

        limit = self._options.max_megabytes * _BYTES_PER_MEGABYTE
        retry = bigquery.DEFAULT_RETRY.with_timeout(_CALL_SECONDS)
        job = client.query(
            sql,
            job_config=bigquery.QueryJobConfig(maximum_bytes_billed=limit),
            retry=retry,
            timeout=_CALL_SECONDS,
        )
        try:
            return job.result(
                page_size=_ROWS_PER_PAGE,
                retry=retry,
                timeout=self._options.timeout_seconds,
            )
        except TimeoutError:  # waiting has ended, the query has not
            job.cancel(retry=retry, timeout=_CALL_SECONDS)
            raise self._asked.out_of_time() from None
