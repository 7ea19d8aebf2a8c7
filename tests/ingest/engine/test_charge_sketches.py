"""Loads that cannot be read when they are to be compared, and whose fault that is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from ingest.connector import Delivery
from ingest.engine import charge_sketches
from ingest.engine.charge_sketches import Comparison, _asked
from ingest.engine.landed_loads import LandedDelivery
from ingest.engine.located_loads import Unread
from ingest.engine.overlapping_loads import may_repeat
from triptych.core.file_names import read_name
from triptych.core.lake.loads import ChargedMonth, LoadTotal, NewLoad

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "part-0.parquet"
    with duckdb.connect() as engine:
        engine.sql("SELECT * FROM range(100000) AS r(i)").write_parquet(str(path))
    return path


def unread_after(
    file: Path, column: str = "min(i)", memory: str = "1GB"
) -> dict[str, Unread]:
    """Return what a query of a file, twice, leaves unread."""
    unread: dict[str, Unread] = {}

    def query(owned: Sequence[tuple[str, str]]) -> str:
        files = ", ".join(read_name(name) for _, name in owned)
        return f"SELECT {column} FROM read_parquet([{files}])"

    with duckdb.connect(config={"memory_limit": memory, "threads": 1}) as engine:
        engine.execute("SET max_temp_directory_size = '0KB'")

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return engine.execute(sql).fetchall()

        _asked(ask, query, [("load-1", str(file)), ("load-2", str(file))], unread)
    return unread


def test_a_damaged_file_leaves_its_load_unread(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40])
    unread = unread_after(file)
    assert set(unread) == {"load-1", "load-2"}
    assert file.name in unread["load-1"].reason


def test_one_damaged_file_of_many_is_found_by_a_few_queries() -> None:
    """Of 256 files: all, then two halves of each part that has it, down to one."""
    unread: dict[str, Unread] = {}
    asked: list[int] = []

    def ask(sql: str) -> list[tuple[Any, ...]]:
        numbers = sql.split()
        asked.append(len(numbers))
        if "77" in numbers:
            raise duckdb.IOException("IO Error: cut")
        return [(number,) for number in numbers]

    owned = [(f"load-{number}", str(number)) for number in range(256)]
    rows = _asked(ask, lambda files: " ".join(f for _, f in files), owned, unread)
    assert set(unread) == {"load-77"}
    assert [int(number) for (number,) in rows] == [*range(77), *range(78, 256)]
    assert len(asked) == 1 + 2 * 8


def test_what_the_machine_lacks_is_not_called_damage(file: Path) -> None:
    with pytest.raises(duckdb.OutOfMemoryException):
        unread_after(file, "list(i ORDER BY hash(i))", memory="200KB")


def test_a_query_that_does_not_fit_is_not_called_damage(file: Path) -> None:
    with pytest.raises(duckdb.BinderException):
        unread_after(file, "min(no_such_column)")


def test_a_new_load_that_cannot_be_read_is_not_said_to_repeat_itself(
    tmp_path: Path,
) -> None:
    new, sound = _load(1), _load(2)
    compared = _comparison([new, sound], [], tmp_path, unread=[new.load_id])
    refusal = compared.refusal(new, [])
    assert refusal is not None
    assert "repeat" not in str(refusal)
    assert "withdraw" not in refusal.next_step
    # It is not loaded, so that nothing repeats it.
    assert compared.refusal(sound, []) is None


def test_a_new_load_that_counts_unread_holds_others_back(tmp_path: Path) -> None:
    """Its source may repeat charges, so that it was loaded all the same."""
    new, sound = _load(1), _load(2)
    compared = _comparison([new, sound], [], tmp_path, unread=[new.load_id])
    refusal = compared.refusal(sound, [new])
    assert refusal is not None
    assert new.load_id in str(refusal)


def test_a_load_that_is_unlike_an_unread_one_is_not_held_back(tmp_path: Path) -> None:
    """Outlines tell, whatever else of the batch leaves that one unread."""
    gone, other, alike = _load(1), _load(2), _load(3)
    gone, other, alike = (
        replace(load, totals=(_outlined(load.totals[0], outline),))
        for load, outline in (
            (gone, range(100)),
            (other, range(200, 300)),
            (alike, range(50, 150)),
        )
    )
    unread = _comparison(
        [other, alike], gone.charged_months(), tmp_path, unread=[gone.load_id]
    )
    assert unread.refusal(other, []) is None
    assert unread.refusal(alike, []) is not None


def _outlined(total: LoadTotal, outline: range) -> LoadTotal:
    return replace(total, outline=tuple(outline), charge_count=100)


def test_new_content_of_a_file_in_place_may_be_loaded_first(tmp_path: Path) -> None:
    before, new, replacing = _load(1), _load(2), _load(3, scope="1.csv")
    months = before.charged_months()
    unread = [before.load_id]
    compared = _comparison(
        [new, replacing], months, tmp_path, unread=unread, is_in_place=True
    )
    refusal = compared.refusal(new, [])
    assert refusal is not None
    assert "load that first: triptych ingest bills." in refusal.next_step
    assert compared.refusal(new, [replacing]) is None
    refusal = _comparison([new], months, tmp_path, unread=unread).refusal(new, [])
    assert refusal is not None
    assert "load that first" not in refusal.next_step


def test_a_load_is_held_back_by_the_first_unread_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 300 new loads and 1,000 unread ones each may repeat each other."""
    pairs: list[tuple[ChargedMonth, ChargedMonth]] = []

    def counted(one: ChargedMonth, other: ChargedMonth) -> bool:
        pairs.append((one, other))
        return may_repeat(one, other)

    monkeypatch.setattr(charge_sketches, "may_repeat", counted)
    unread = [_load(number) for number in range(1_000)]
    new = [_load(number) for number in range(1_000, 1_300)]
    months = [month for load in unread for month in load.charged_months()]
    compared = _comparison(
        new, months, tmp_path, unread=[load.load_id for load in unread]
    )
    assert all(compared.refusal(load, []) is not None for load in new)
    assert len(pairs) == len(new)


def _comparison(
    new: Sequence[NewLoad],
    in_force: Sequence[ChargedMonth],
    folder: Path,
    *,
    unread: Sequence[str],
    is_in_place: bool = False,
) -> Comparison:
    months = [month for load in new for month in load.charged_months()]
    [place] = {month.place for month in [*months, *in_force]}
    return Comparison(
        [_landed(load, folder) for load in new],
        list(in_force),
        [],
        {load_id: Unread("part-0 is gone", is_in_place) for load_id in unread},
        {place: [m for m in [*months, *in_force] if m.load_id in unread]},
    )


def _landed(load: NewLoad, folder: Path) -> LandedDelivery:
    delivery = Delivery(load.stream, load.scope, load.period, "", load.label)
    return LandedDelivery(delivery, load, folder, copied=False)


def _load(number: int, *, scope: str = "") -> NewLoad:
    return NewLoad(
        load_id=f"load-{number}",
        run_id="run",
        stream="focus",
        source="bills",
        scope=scope or f"{number}.csv",
        period="all",
        fingerprint="",
        label=f"{number}.csv",
        files=(),
        origins=(),
        checksums=(),
        byte_count=0,
        projections=(),
        spark_projections=(),
        signatures=(),
        absent_columns=(),
        row_count=100,
        quarantined=(),
        totals=(LoadTotal("2026-03", "USD", 100, (Decimal(number), None), ()),),
    )
