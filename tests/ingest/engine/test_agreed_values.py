"""Two exchange rates of one day do not both count, wherever they come from."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ingest.connector import Window
from ingest.engine.delivery_landing import EngineLimits
from ingest.engine.runner import IngestRunner, LakePlaces
from ingest.sources.tables.connector import Tables, TablesConfig
from triptych.core.lake.catalogue import Catalogue
from triptych.core.lake.catalogue_file import connect
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "date,base,quote,rate,rate_origin\n"


def ingest(root: Path, *sources: str) -> list[str]:
    """Ingest sources, each a folder of rates; return what was refused."""
    connectors = [
        Tables(
            TablesConfig(name=name, type="tables", stream="fx_rates", path=name),
            root=root,
        )
        for name in sources
    ]
    places = LakePlaces(
        root=root,
        lake=root / "lake",
        staging=root / "lake" / ".staging",
        raw_database=root / "raw.duckdb",
    )
    run_id = f"run-{len(list(root.glob('lake/fx_rates/*/*/*')))}"
    runner = IngestRunner(
        places,
        run_id=run_id,
        limits=EngineLimits("1GB", 1),
        progress=SilentProgress(),
    )
    return [str(each.error) for each in runner.run(connectors, Window()).failures]


def deliver(root: Path, name: str, *rows: str) -> None:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))


def rates(root: Path) -> list[Decimal]:
    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        rows = raw.execute("SELECT rate FROM evidence.fx_rates ORDER BY ALL").fetchall()
    return [Decimal(rate).normalize() for (rate,) in rows]


@pytest.mark.parametrize("other", ["bank/b.csv", "treasury/b.csv"])
@pytest.mark.parametrize("is_later", [False, True], ids=["in one run", "later"])
def test_a_rate_that_says_otherwise_than_one_in_force_is_refused(
    tmp_path: Path, other: str, *, is_later: bool
) -> None:
    deliver(tmp_path, "bank/a.csv", "2026-03-31,USD,EUR,0.90,")
    (tmp_path / "treasury").mkdir()
    (tmp_path / "treasury" / "z.csv").write_text(HEADER + "2026-01-31,USD,EUR,1,\n")
    if is_later:
        assert ingest(tmp_path, "bank", "treasury") == []
    deliver(tmp_path, other, "2026-04-30,USD,EUR,0.80,", "2026-03-31,USD,EUR,0.95,")
    [refusal] = ingest(tmp_path, "bank", "treasury")
    assert refusal.startswith(f"{other}: Rate of 2026-03-31 00:00:00 USD EUR is 0.95")
    assert "0.9 in bank/a.csv, which counts" in refusal
    assert "triptych withdraw run-" in refusal
    assert rates(tmp_path) == [Decimal("0.9"), Decimal(1)]


def test_a_corrected_file_replaces_what_it_said_before(tmp_path: Path) -> None:
    deliver(tmp_path, "bank/a.csv", "2026-03-31,USD,EUR,0.90,")
    assert ingest(tmp_path, "bank") == []
    deliver(tmp_path, "bank/a.csv", "2026-03-31,USD,EUR,0.95,")
    assert ingest(tmp_path, "bank") == []
    assert rates(tmp_path) == [Decimal("0.95")]


def test_two_files_corrected_together_are_held_against_each_other(
    tmp_path: Path,
) -> None:
    """Each agrees with the other as they are now, not with what they were."""
    for rate in ("0.90", "0.95"):
        deliver(tmp_path, "bank/a.csv", f"2026-03-31,USD,EUR,{rate},")
        deliver(
            tmp_path,
            "bank/b.csv",
            f"2026-03-31,USD,EUR,{rate},",
            "2026-04-30,USD,EUR,1,",
        )
        assert ingest(tmp_path, "bank") == []
    assert rates(tmp_path) == [Decimal("0.95"), Decimal("0.95"), Decimal(1)]


def test_the_same_rate_twice_and_one_of_each_origin_count(tmp_path: Path) -> None:
    deliver(tmp_path, "bank/a.csv", "2026-03-31,USD,EUR,0.90,")
    deliver(tmp_path, "bank/b.csv", "2026-03-31,USD,EUR,0.90,", "2026-04-30,USD,EUR,1,")
    deliver(tmp_path, "bank/c.csv", "2026-03-31,USD,EUR,0.91,market")
    assert ingest(tmp_path, "bank") == []
    assert rates(tmp_path) == [Decimal("0.9")] * 2 + [Decimal("0.91"), Decimal(1)]


def test_what_is_refused_stays_as_it_was_and_refuses_what_contradicts_it(
    tmp_path: Path,
) -> None:
    """A third file agrees with neither correction, so nothing of them counts."""
    for name in ("a", "b", "c"):
        deliver(
            tmp_path,
            f"bank/{name}.csv",
            "2026-03-31,USD,EUR,0.90,",
            f"2026-0{ord(name) - 96}-28,CHF,EUR,1,",
        )
    assert ingest(tmp_path, "bank") == []
    for name in ("a", "b"):
        deliver(tmp_path, f"bank/{name}.csv", "2026-03-31,USD,EUR,0.95,")
    refused = ingest(tmp_path, "bank")
    assert [text.partition(":")[0] for text in refused] == ["bank/a.csv", "bank/b.csv"]
    assert Decimal("0.95") not in rates(tmp_path)


def test_many_files_that_agree_are_asked_about_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of twelve files that land together, each pair has the rate of one day."""
    for month in range(1, 13):
        deliver(
            tmp_path,
            f"bank/{month}.csv",
            f"2026-{month:02d}-28,USD,EUR,0.{month},",
            f"2026-{month % 12 + 1:02d}-28,USD,EUR,0.{month % 12 + 1},",
        )
    questions: list[str] = []
    ask = Catalogue.ask

    def noting(catalogue: Catalogue, sql: str) -> list[tuple[object, ...]]:
        questions.append(sql)
        return ask(catalogue, sql)

    monkeypatch.setattr(Catalogue, "ask", noting)
    assert ingest(tmp_path, "bank") == []
    assert len(rates(tmp_path)) == 24
    assert len(questions) == 1
