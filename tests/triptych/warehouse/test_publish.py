"""What is published is audited first, and named only when it is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from triptych.warehouse import publish as publishing
from triptych.warehouse.bills import BILL_STREAMS, LEDGER_VIEWS
from triptych.warehouse.catalogue import Catalogue
from triptych.warehouse.loads import StreamView
from triptych.warehouse.publish import PublishError, begin_publication, publish


@dataclass(frozen=True)
class Build:
    """A small build that can be published."""

    root: Path

    @property
    def pointer(self) -> Path:
        return self.root / "CURRENT"

    def publish(self, run_id: str) -> Path:
        return publish(
            build_database=self.root / "build.duckdb",
            raw_database=self.root / "raw.duckdb",
            published_dir=self.root / "published",
            pointer=self.pointer,
            run_id=run_id,
            keep_runs=2,
        )

    def published(self) -> list[str]:
        return sorted(path.name for path in (self.root / "published").iterdir())


@pytest.fixture
def build(tmp_path: Path) -> Build:
    streams = [StreamView(bill.name, (("cost", "INTEGER"),)) for bill in BILL_STREAMS]
    with Catalogue(tmp_path / "raw.duckdb", root=tmp_path, streams=streams):
        pass  # the tables and views of an empty lake
    with duckdb.connect(str(tmp_path / "build.duckdb")) as connection:
        for schema in ("control", "staging", "intermediate", "cost"):
            connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(
            "CREATE TABLE control.catalog_model_aliases (alias VARCHAR, model VARCHAR)"
        )
        views = [
            ("staging", view) for bill in BILL_STREAMS for view in bill.staging_views
        ]
        for schema, view in [
            *views,
            *(("intermediate", view) for view in LEDGER_VIEWS),
        ]:
            connection.execute(
                f'CREATE OR REPLACE VIEW {schema}."{view}" AS SELECT 1 AS a'
            )
        connection.execute("CREATE TABLE cost.costs AS FROM range(3) AS r(cost)")
    return Build(tmp_path)


def test_a_new_file_is_named_and_the_one_before_it_kept(build: Build) -> None:
    for number in range(1, 4):
        build.publish(f"run-{number}")
    assert build.published() == ["run-2.duckdb", "run-3.duckdb"]
    assert build.pointer.read_text() == "published/run-3.duckdb\n"


def test_a_file_that_lacks_a_row_is_never_published(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.publish("run-1")
    write = publishing._write

    def lose_a_row(partial: Path, *rest: object) -> None:
        write(partial, *rest)  # type: ignore[arg-type]
        with duckdb.connect(str(partial)) as connection:
            connection.execute("DELETE FROM cost.costs WHERE cost = 1")

    monkeypatch.setattr(publishing, "_write", lose_a_row)
    with pytest.raises(PublishError, match=r"cost\.costs has \(3, 2\) rows"):
        build.publish("run-2")
    assert build.pointer.read_text() == "published/run-1.duckdb\n"


def test_the_pointer_names_no_file_before_it_is_there(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.publish("run-1")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", die)
    with pytest.raises(KeyboardInterrupt):
        build.publish("run-2")
    assert build.pointer.read_text() == "published/run-1.duckdb\n"
    monkeypatch.undo()
    build.publish("run-2")
    assert build.published() == ["run-1.duckdb", "run-2.duckdb"]


def test_what_was_copied_early_is_published_with_what_came_later(build: Build) -> None:
    with duckdb.connect(str(build.root / "build.duckdb")) as connection:
        connection.execute("CREATE TABLE cost.landings AS SELECT 1 AS cost")
    begin_publication(
        build_database=build.root / "build.duckdb",
        published_dir=build.root / "published",
        run_id="run-1",
        later=[("cost", "landings")],
    )
    with duckdb.connect(str(build.root / "build.duckdb")) as connection:
        connection.execute("UPDATE cost.landings SET cost = 2")
    with duckdb.connect(str(build.publish("run-1")), read_only=True) as published:
        rows = published.execute(
            "SELECT (SELECT sum(cost) FROM cost.costs), cost FROM cost.landings"
        ).fetchall()
    assert rows == [(3, 2)]
    assert build.published() == ["run-1.duckdb"]


def test_what_a_run_that_failed_had_copied_is_in_no_later_file(build: Build) -> None:
    begin_publication(
        build_database=build.root / "build.duckdb",
        published_dir=build.root / "published",
        run_id="run-1",
        later=[],
    )
    with duckdb.connect(str(build.root / "build.duckdb")) as connection:
        connection.execute("DELETE FROM cost.costs WHERE cost = 2")
    with duckdb.connect(str(build.publish("run-2")), read_only=True) as published:
        row = published.execute("SELECT sum(cost) FROM cost.costs").fetchone()
    assert row == (1,)
    assert build.published() == ["run-2.duckdb"]
