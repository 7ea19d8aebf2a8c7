"""The catalogue of evidence: which loads there are, which of them count, and why.

``raw.duckdb`` holds two schemas. ``catalogue`` has the loads, their totals by billing
month, the quarantine, the sources and an audit log chained by hash. ``evidence`` has a
typed view per stream over an explicit list of files: those of the current loads.
Nothing is ever found by a glob, so a file that a crash left behind is invisible.

A load becomes current in a single transaction, together with the views and the audit
entry; before that transaction nothing of it exists for a reader.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from triptych.core.lake import (
    audit_log,
    charged_months,
    lake_log,
    load_rows,
    manifests,
    source_names,
    withdrawals,
)
from triptych.core.lake.bulk_rows import with_rows
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.columns_named import keep_names, named_columns
from triptych.core.lake.evidence_views import UnreadableLoadError, replace_view
from triptych.core.lake.in_place import CataloguedFile, current_files_in_place
from triptych.core.lake.layout import lay_out
from triptych.core.lake.loads import LoadInForce, NewLoad, SeenFile, StreamView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.lake.charged_months import FilesOfLoad
    from triptych.core.lake.loads import ChargedMonth, Renewal, SourceAttempt
    from triptych.core.lake.withdrawals import WithdrawnLoad

#: Folder of the evidence, below the workspace.
LAKE: Final = "lake"
#: Entry of the audit log for a load that was committed.
COMMITTED: Final = "load_committed"

_IN_FORCE = """
SELECT loads.source, loads.stream, loads.scope, loads.label, loads.fingerprint,
    loads.checksums, md5(array_to_string(loads.projections, chr(10))),
    loads.row_count,
    (SELECT list(uri) FROM catalogue.files_in_place AS files
     WHERE files.load_id = loads.load_id),
    loads.load_id
FROM catalogue.loads
WHERE status = 'current' AND (
    (source, stream, scope) IN (SELECT (source, stream, scope) FROM {rows})
    OR (stream, checksums) IN (SELECT (stream, checksums) FROM {rows})
)
"""

_RECORD = """
INSERT INTO catalogue.sources
SELECT unnest(?), unnest(?), unnest(?, max_depth := 1), unnest(?), unnest(?),
    CAST(unnest(?) AS TIMESTAMP), CAST(unnest(?) AS VARCHAR)
ON CONFLICT (source) DO UPDATE SET source_type = excluded.source_type,
    streams = excluded.streams,
    expected_lag_hours = excluded.expected_lag_hours,
    last_attempt_at = excluded.last_attempt_at,
    last_success_at = coalesce(excluded.last_success_at, sources.last_success_at),
    last_error = excluded.last_error
"""


class Catalogue:
    """The open catalogue of a workspace. A single process writes at a time.

    Parameters
    ----------
    path : Path
        ``raw.duckdb`` of the workspace; created when absent.
    root : Path
        Workspace folder; file lists are relative to it.
    streams : sequence of StreamView
        Streams that get a view, whether or not anything was loaded.
    """

    def __init__(
        self,
        path: Path,
        *,
        root: Path,
        streams: Sequence[StreamView],
        is_recovery: bool = False,
    ) -> None:
        self._root = root
        self._lake = None if is_recovery else root / LAKE
        if self._lake is not None:
            lake_log.refuse_lost(path, self._lake)
        self._streams = {view.name: view for view in streams}
        with ExitStack() as opened:
            self._connection = opened.enter_context(connect(path, root=root))
            lay_out(self._connection, streams)
            if self._lake and lake_log.catch_up(self._connection, self._lake):
                # Loads of an earlier version have no manifests; new loads bring theirs.
                manifests.write_manifests(self._connection, self._lake)
            self._opened = opened.pop_all()

    def _tell_the_lake(
        self, *, renewed: Sequence[str] = (), with_sources: bool = False
    ) -> None:
        """Update the lake's own records of the catalogue."""
        if self._lake is None:
            return
        lake_log.catch_up(self._connection, self._lake)
        if renewed:
            manifests.write_manifests(self._connection, self._lake, renewed)
        if with_sources:
            lake_log.write_sources(self._connection, self._lake)

    def close(self) -> None:
        """Close the database and let readers in."""
        self._opened.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def current_fingerprints(self) -> dict[tuple[str, str, str], str]:
        """Return the fingerprint of each current load by source, stream and scope."""
        rows = self._connection.execute(
            "SELECT source, stream, scope, fingerprint FROM catalogue.loads"
            " WHERE status = 'current'"
        ).fetchall()
        return {(source, stream, scope): text for source, stream, scope, text in rows}

    def seen_files(self) -> list[SeenFile]:
        """Return the delivered files with known content."""
        rows = self._connection.execute(
            "SELECT path, byte_count, version, checksum FROM catalogue.seen_files"
        ).fetchall()
        return [SeenFile(*row) for row in rows]

    def loads_in_force(self, loads: Sequence[NewLoad]) -> list[LoadInForce]:
        """Return current loads that new loads would replace or duplicate.

        Parameters
        ----------
        loads : sequence of NewLoad
            Not committed yet; at least a single load.
        """
        rows = with_rows(
            self._connection,
            {
                "source": [load.source for load in loads],
                "stream": [load.stream for load in loads],
                "scope": [load.scope for load in loads],
                "checksums": [load.checksums for load in loads],
            },
            _IN_FORCE,
        )
        return [_in_force(row) for row in rows]

    def known_load_ids(self) -> set[str]:
        """Return the ids of all loads ever committed."""
        rows = self._connection.execute("SELECT load_id FROM catalogue.loads")
        return {str(row[0]) for row in rows.fetchall()}

    def charged_months(self, months: Sequence[ChargedMonth]) -> list[ChargedMonth]:
        """Return current contents for the streams and months of new loads."""
        return charged_months.read_charged_months(self._connection, months)

    def files_of(self, load_ids: Collection[str]) -> list[FilesOfLoad]:
        """Return how the rows of loads are read, in the order of their ids."""
        return charged_months.read_files_of(self._connection, load_ids)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a question to the evidence that counts now."""
        return self._connection.execute(sql).fetchall()

    def files_in_place(self) -> list[CataloguedFile]:
        """Return the files of current loads that are not copied into the lake."""
        return current_files_in_place(self._connection)

    def commit(
        self,
        loads: Sequence[NewLoad] = (),
        *,
        renewals: Sequence[Renewal] = (),
        attempts: Sequence[SourceAttempt] = (),
        seen_files: Sequence[SeenFile] = (),
        compared: Sequence[ChargedMonth] = (),
    ) -> None:
        """Record the outcome of an ingest, in a single transaction.

        Parameters
        ----------
        loads : sequence of NewLoad
            They become current in their order, and supersede their predecessors.
        renewals : sequence of Renewal
            Current loads with content offered under a new fingerprint.
        attempts : sequence of SourceAttempt
            Outcomes of the sources.
        seen_files : sequence of SeenFile
            Delivered files with content that was read.
        compared : sequence of ChargedMonth
            Of loads in force, the results of comparing others with them.
        """
        renewed: list[str] = []
        with self._transaction():
            if loads:
                self._put(loads)
            if renewals or seen_files or compared:
                renewed = load_rows.renew(self._connection, renewals)
                load_rows.remember_files(self._connection, seen_files)
                renewed += load_rows.keep_compared(self._connection, compared)
            if attempts:
                self._record(attempts)
        self._tell_the_lake(renewed=renewed, with_sources=bool(attempts))

    def commit_together(
        self, loads: Sequence[NewLoad], *, event: str, detail: Mapping[str, object]
    ) -> AuditEntry:
        """Commit several loads and the reason, all in a single transaction."""
        with self._transaction():
            self._put(loads)
            entry = audit_log.append(self._connection, event, detail, root=self._root)
        self._tell_the_lake()
        return entry

    def _put(self, loads: Sequence[NewLoad]) -> None:
        # A single moment for both: all can be rebuilt from the log and the manifests.
        at = _now()
        load_rows.insert_loads(self._connection, loads, at=at)
        for stream in sorted({load.stream for load in loads}):
            replace_view(self._connection, self._streams[stream])
        audit_log.append_all(
            self._connection,
            [(COMMITTED, _detail(load)) for load in loads],
            at=at,
            root=self._root,
        )

    def withdraw(
        self, event: str, load_ids: Sequence[str], detail: Mapping[str, object]
    ) -> AuditEntry:
        """Apply an event to loads and record the reason; see :mod:`.source_names`.

        Another load of a stream may have lost its file: readers of the stream then are
        refused, and that load can be taken back next.
        """
        lost: dict[str, UnreadableLoadError] = {}
        while True:
            try:
                return self._withdraw(event, load_ids, detail, lost)
            except UnreadableLoadError as error:
                if error.stream in lost:
                    raise
                lost[error.stream] = error

    def _withdraw(
        self,
        event: str,
        load_ids: Sequence[str],
        detail: Mapping[str, object],
        lost: Mapping[str, UnreadableLoadError],
    ) -> AuditEntry:
        at = _now()
        with self._transaction():
            self._change(event, load_ids, at, detail, lost)
            entries = audit_log.append_all(
                self._connection,
                [(event, {**detail, "load_ids": list(load_ids)})],
                at=at,
                root=self._root,
            )
        self._tell_the_lake(with_sources=True)
        return entries[0]

    def withdraw_again(
        self, event: str, detail: Mapping[str, Any], *, at: datetime
    ) -> None:
        """Repeat a change of loads from a moment of the audit log."""
        with self._transaction():
            self._change(event, detail["load_ids"], at, detail, {})

    def withdrawn_loads(self) -> list[WithdrawnLoad]:
        """Return the loads that were taken back."""
        return withdrawals.read_withdrawn(self._connection)

    def _change(
        self,
        event: str,
        load_ids: Sequence[str],
        at: datetime,
        detail: Mapping[str, Any],
        lost: Mapping[str, UnreadableLoadError],
    ) -> None:
        source_names.apply(self._connection, event, load_ids, at, detail)
        streams = self._connection.execute(
            "SELECT DISTINCT stream FROM catalogue.loads"
            " WHERE list_contains(?, load_id) ORDER BY stream",
            [list(load_ids)],
        ).fetchall()
        for (stream,) in streams:
            view = self._streams[stream]
            replace_view(self._connection, view, lost.get(stream))

    def put_again(self, loads: Sequence[NewLoad], *, at: datetime) -> None:
        """Record loads as they were recorded at a moment, without an audit entry."""
        with self._transaction():
            load_rows.insert_loads(self._connection, loads, at=at)

    def finish_recovery(
        self, entries: Sequence[tuple[Any, ...]], sources: Sequence[Sequence[Any]]
    ) -> None:
        """Record the log and the sources as they were, and write all views."""
        from triptych.core.lake.superseded_loads import prune_again  # noqa: PLC0415

        with self._transaction():
            audit_log.append_again(self._connection, entries)
            prune_again(self._connection, audit_log.read_verified(self._connection))
            if sources:
                self._connection.executemany(
                    "INSERT INTO catalogue.sources VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [list(row) for row in sources],
                )
            for view in self._streams.values():
                replace_view(self._connection, view)

    def name_columns(self, names: Collection[str]) -> None:
        """Have evidence carry delivered columns that rules name and no stream has."""
        if set(named_columns(self._connection)) != set(names):
            with self._transaction():
                keep_names(self._connection, names)
                for view in self._streams.values():
                    replace_view(self._connection, view)

    def loads_at_rest(self) -> set[str]:
        """Return the ids of current loads that have files in the lake."""
        rows = self._connection.execute(
            "SELECT DISTINCT load_id FROM catalogue.files_at_rest"
            " JOIN catalogue.loads USING (load_id) WHERE status = 'current'"
        )
        return {str(row[0]) for row in rows.fetchall()}

    def _record(self, attempts: Sequence[SourceAttempt]) -> None:
        self._connection.execute(
            _RECORD,
            [
                [each.source for each in attempts],
                [each.source_type for each in attempts],
                [list(each.streams) for each in attempts],
                [each.expected_lag_hours for each in attempts],
                [each.at for each in attempts],
                [None if each.error else each.at for each in attempts],
                [each.error for each in attempts],
            ],
        )

    def forget_quarantined_fingerprints(self, *, source: str | None = None) -> int:
        """Mark current loads that have quarantined rows to be read again.

        Returns
        -------
        int
            Number of loads that the next ingest will read again.
        """
        rows = self._connection.execute(
            "UPDATE catalogue.loads SET fingerprint = ''"
            " WHERE status = 'current' AND quarantined_row_count > 0"
            " AND (? IS NULL OR source = ?) RETURNING load_id",
            [source, source],
        ).fetchall()
        return len(rows)

    def forget_fingerprints(self, load_ids: Sequence[str]) -> None:
        """Mark current loads by their ids to be read again."""
        self._connection.execute(
            "UPDATE catalogue.loads SET fingerprint = ''"
            " WHERE status = 'current' AND list_contains(?, load_id)",
            [list(load_ids)],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _in_force(row: tuple[Any, ...]) -> LoadInForce:
    source, stream, scope, label, fingerprint, checksums, reading, *rest = row
    count, uris, load_id = rest
    return LoadInForce(
        source,
        stream,
        scope,
        label,
        fingerprint,
        checksums=tuple(checksums),
        reading=reading,
        row_count=count,
        uris=frozenset(uris or ()),
        load_id=load_id,
    )


def _detail(load: NewLoad) -> dict[str, object]:
    """Return the audit log detail of a load."""
    return {
        "load_id": load.load_id,
        "source": load.source,
        "stream": load.stream,
        "scope": load.scope,
        "row_count": load.row_count,
        "quarantined_row_count": len(load.quarantined),
        "checksums": list(load.checksums),
        "files_at_rest": sorted(file.checksum for file in load.files_at_rest),
    }


def _now() -> datetime:
    # DuckDB's TIMESTAMP has no zone; by convention all of ours are UTC.
    return datetime.now(UTC).replace(tzinfo=None)
