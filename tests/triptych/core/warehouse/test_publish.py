"""What is published is audited first, and named only when it is there."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.campaigns.failing_disk import Changes, Disk
from tests.layers import in_full
from triptych.core.lake.catalogue import Catalogue
from triptych.core.lake.loads import StreamView
from triptych.core.settings import load_settings
from triptych.core.warehouse import publish as publishing
from triptych.core.warehouse import published_checksum
from triptych.core.warehouse.bills import BILL_STREAMS, LEDGER_VIEWS
from triptych.core.warehouse.publish import PublishError, begin_publication, publish
from triptych.core.warehouse.published_checksum import (
    checksum_file,
    difference,
    has_checksum,
    standing_of,
)
from triptych.core.warehouse.reader import (
    PublishedFileError,
    PublishedReader,
    published_fingerprint,
)
from triptych.core.workspace import Workspace
from triptych.service.health import judge

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Build:
    """A small build that can be published."""

    root: Path

    @property
    def pointer(self) -> Path:
        return self.root / "warehouse" / "CURRENT"

    @property
    def folder(self) -> Path:
        return self.root / "warehouse" / "published"

    def publish(self, run_id: str) -> Path:
        return publish(
            build_database=self.root / "build.duckdb",
            raw_database=self.root / "raw.duckdb",
            published_dir=self.folder,
            pointer=self.pointer,
            run_id=run_id,
            keep_runs=2,
        )

    def published(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.duckdb"))


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
    checksums = sorted(path.stem for path in build.folder.glob("*.json"))
    assert checksums == ["run-2", "run-3"]
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
    lost = "cost.costs has 3 rows in the build, 2 in the new file"
    with pytest.raises(PublishError, match=lost):
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


@pytest.mark.parametrize("trouble", ["full", *in_full("read-only")])
def test_wherever_the_disk_fails_readers_see_the_run_before_or_after_whole(
    build: Build, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    build.publish("run-0")
    with duckdb.connect(str(build.root / "build.duckdb")) as connection:
        connection.execute("UPDATE cost.costs SET cost = 10 * cost")
    seen: list[int] = []
    is_published = False
    while not is_published:
        disk = Disk(trouble, at=len(seen) + 1)
        with monkeypatch.context() as patch:
            Changes(disk).install(patch.setattr)
            with suppress(OSError):
                build.publish(f"run-{disk.at:02d}")
                is_published = True
        snapshot = PublishedReader(build.root).snapshot()
        [row] = snapshot.query("SELECT sum(cost) AS cost FROM cost.costs").to_pylist()
        seen.append(int(row["cost"]))
    before = seen.count(3)
    assert before > 8
    assert seen == [3] * before + [30] * (len(seen) - before)


def test_what_was_copied_early_is_published_with_what_came_later(build: Build) -> None:
    with duckdb.connect(str(build.root / "build.duckdb")) as connection:
        connection.execute("CREATE TABLE cost.landings AS SELECT 1 AS cost")
    begin_publication(
        build_database=build.root / "build.duckdb",
        published_dir=build.folder,
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
        published_dir=build.folder,
        run_id="run-1",
        later=[],
    )
    with duckdb.connect(str(build.root / "build.duckdb")) as connection:
        connection.execute("DELETE FROM cost.costs WHERE cost = 2")
    with duckdb.connect(str(build.publish("run-2")), read_only=True) as published:
        row = published.execute("SELECT sum(cost) FROM cost.costs").fetchone()
    assert row == (1,)
    assert build.published() == ["run-2.duckdb"]


def edit(path: Path) -> None:
    """Make every cost ten times as large, as anybody with a client can."""
    # This process may have the file open, and then cannot write it in place.
    copy = Path(shutil.copy(path, path.parent / ".edited.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE cost.costs SET cost = 10 * cost")
    copy.replace(path)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


@pytest.mark.parametrize("harm", [edit, flip_a_byte, cut_short])
@pytest.mark.parametrize("is_read_before", [True, False])
def test_a_published_file_that_was_changed_is_not_shown_and_turns_health_red(
    build: Build, harm: Callable[[Path], None], *, is_read_before: bool
) -> None:
    path = build.publish("run-1")
    reader = PublishedReader(build.root)
    if is_read_before:
        assert reader.snapshot().query("SELECT sum(cost) FROM cost.costs").num_rows
    harm(path)
    with pytest.raises(PublishedFileError, match="changed or damaged after") as refused:
        reader.snapshot()
    assert 'Run "triptych build"' in refused.value.next_step
    (build.root / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    health = judge(Workspace(build.root), load_settings(build.root))
    assert health.state == "failed"
    assert str(path) in health.reasons[0]
    assert "Nothing has been published yet." not in " ".join(health.reasons)
    assert published_fingerprint(build.root) is None
    build.publish("run-2")
    assert reader.snapshot().run_id == "run-2"


def test_a_checksum_made_for_an_edited_file_has_not_the_seal(build: Build) -> None:
    (build.root / ".journal-key").write_text("a" * 64)
    (build.root / ".journal-key").chmod(0o600)
    path = build.publish("run-1")
    assert difference(path, build.root) is None
    edit(path)
    content = json.loads(checksum_file(path).read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    content |= {"sha256": digest, "standing": standing_of(path)}
    checksum_file(path).write_text(json.dumps(content))
    assert "not what was written" in (difference(path, build.root) or "")
    # Under a key of the forger's own it proves nothing, and is published again.
    content |= {"seal": f"{'0' * 12}:{'0' * 64}"}
    checksum_file(path).write_text(json.dumps(content))
    assert not has_checksum(path, build.root)
    assert published_fingerprint(build.root) is None


def test_a_file_is_read_again_only_after_a_change(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may seal need not read the file at all; who may not reads it once."""
    (build.root / ".journal-key").write_text("a" * 64)
    (build.root / ".journal-key").chmod(0o600)
    path = build.publish("run-1")

    def unread(_: Path) -> str:
        raise AssertionError

    monkeypatch.setattr(published_checksum, "file_checksum", unread)
    assert difference(path, build.root) is None


def test_a_file_whose_checksum_is_gone_or_unreadable_is_published_again(
    build: Build,
) -> None:
    path = build.publish("run-1")
    for text in ("{", None):
        if text is None:
            checksum_file(path).unlink()
        else:
            checksum_file(path).write_text(text, encoding="utf-8")
        assert not has_checksum(path, build.root)
        assert published_fingerprint(build.root) is None
