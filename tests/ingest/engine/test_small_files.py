"""Small files of one form are read by one query, and come to rest as if alone."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ingest.connector import FilePart, LandingOptions
from ingest.engine.landing import LandedPart, Lander
from ingest.engine.parquet_at_rest import ParquetAtRest
from ingest.engine.small_files import SmallFile, SmallFiles
from ingest.streams import STREAMS
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,SkuId,Tags,team\n"
)
ROW = '{cost},1,EUR,{month}-01,{month}-02,{month}-03,Usage,{sku},"{{""a"": ""b""}}",x\n'


def bill(*costs: str, month: str = "2026-03", sku: str = "s") -> str:
    return HEADER + "".join(ROW.format(cost=c, month=month, sku=sku) for c in costs)


def parts(folder: Path, *texts: str) -> list[FilePart]:
    folder.mkdir(exist_ok=True)
    found = []
    for number, text in enumerate(texts):
        path = folder / f"bill [{number}].csv"
        path.write_text(text)
        found.append(FilePart(path, "csv", path.name, is_owned=False))
    return found


def together(
    folder: Path, alike: Sequence[FilePart], options: LandingOptions | None = None
) -> dict[str, LandedPart]:
    folder.mkdir()
    files = [SmallFile(p, folder / f"{p.path.name}.parquet") for p in alike]
    with duckdb.connect() as connection:
        small = SmallFiles(connection, STREAMS["focus"], options or LandingOptions())
        landed = small.land(files)
        assert connection.execute("SELECT * FROM duckdb_tables()").fetchall() == []
    return {part.origin: part for part in landed.values()}


def alone(
    folder: Path, part: FilePart, options: LandingOptions | None = None
) -> LandedPart:
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        lander = Lander(
            connection, stream=STREAMS["focus"], options=options or LandingOptions()
        )
        return lander.land(part, folder / f"{part.path.name}.parquet")


def known(landed: LandedPart) -> tuple[object, ...]:
    """Everything of a part but where it rests and how it is packed.

    A column that is never empty may be said to be so.
    """
    table = pq.read_table(landed.path)
    columns = [(column.name, str(column.type)) for column in table.schema]
    return (
        *(columns, table.to_pylist(), landed.origin, landed.checksum),
        *(landed.physical, landed.signature, landed.projection),
        *(landed.rejected, landed.totals),
    )


def test_files_that_land_together_come_to_rest_as_if_alone(tmp_path: Path) -> None:
    texts = (
        bill("1.5", "-2"),
        bill("3", month="2026-04", sku=""),
        bill("0.000000000000000001", "7e2"),
        bill("4").replace("SkuId", "SkuPriceId"),
        bill("5", "6").replace("SkuId", "SkuPriceId"),
    )
    alike = parts(tmp_path / "bills", *texts)
    options = LandingOptions(mapping={"ResourceId": "team"}, defaults={"RegionId": "r"})
    found = together(tmp_path / "together", alike, options)
    assert len(found) == len(texts)
    for part in alike:
        by_itself = alone(tmp_path / "alone", part, options)
        assert known(found[part.uri]) == known(by_itself)


@pytest.mark.parametrize(
    "text",
    [
        bill("twelve", "1"),
        bill("1").replace("EUR", "XYZ"),
        bill("1").replace("2026-03-02", "2126-03-02"),
        bill("1,5", "2"),
        bill("1") + "2,1,EUR\n",
        bill("1") + '"open\n',
        HEADER,
        "",
        bill("1").replace("BilledCost", "Cost"),
        bill("1").replace("team", "SkuId"),
    ],
    ids=[
        *("amount", "currency", "date", "comma", "short line", "open quote"),
        *("no row", "nothing", "no money", "column twice"),
    ],
)
def test_a_file_in_which_something_is_wrong_is_left_to_land_alone(
    tmp_path: Path, text: str
) -> None:
    alike = parts(tmp_path / "bills", bill("1"), text, bill("2"), bill("3"))
    found = together(tmp_path / "together", alike)
    assert set(found) == {"bill [0].csv", "bill [2].csv", "bill [3].csv"}


def test_an_open_quote_is_seen_among_however_many_files(tmp_path: Path) -> None:
    """The engine notes no such line once a thread reads several files."""
    for number in (3, 6, 30):
        texts = [bill(*"12345", sku=f"s{file}") for file in range(number)]
        whole, *rest = texts[1].partition("3,1,EUR")
        texts[1] = whole + "".join(rest).replace('"', "").replace(",s1,", ',"s1,', 1)
        alike = parts(tmp_path / f"bills-{number}", *texts)
        found = together(tmp_path / f"together-{number}", alike)
        assert set(found) == {part.uri for part in alike} - {"bill [1].csv"}
        with pytest.raises(MalformedDeliveryError, match="never closed"):
            alone(tmp_path / f"alone-{number}", alike[1])


def test_a_file_that_grows_while_others_are_read_with_it_lands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = parts(tmp_path / "bills", bill("1"), bill("2"), bill("3"))
    assess = ParquetAtRest.assess_files

    def growing(self: ParquetAtRest, *given: Any) -> Any:
        answer = assess(self, *given)
        with alike[1].path.open("a") as file:
            file.write(bill("4").removeprefix(HEADER))
        return answer

    monkeypatch.setattr(ParquetAtRest, "assess_files", growing)
    found = together(tmp_path / "together", alike)
    assert set(found) == {"bill [0].csv", "bill [2].csv"}


def test_a_file_that_is_gone_while_others_are_read_with_it_stops_no_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = parts(tmp_path / "bills", bill("1"), bill("2"), bill("3"))
    assess = ParquetAtRest.assess_files

    def going(self: ParquetAtRest, *given: Any) -> Any:
        alike[1].path.unlink()
        return assess(self, *given)

    monkeypatch.setattr(ParquetAtRest, "assess_files", going)
    assert together(tmp_path / "together", alike) == {}


def test_a_packed_file_that_is_damaged_stops_no_other(tmp_path: Path) -> None:
    texts = (bill("1"), bill("2"), bill("3"))
    packed = []
    for part, text in zip(parts(tmp_path / "bills", *texts), texts, strict=True):
        path = part.path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(text.encode()))
        packed.append(FilePart(path, "csv", path.name, is_owned=False))
    packed[1].path.write_bytes(packed[1].path.read_bytes()[:-9])
    found = together(tmp_path / "together", packed)
    assert set(found) == {"bill [0].csv.gz", "bill [2].csv.gz"}
    with pytest.raises(MalformedDeliveryError, match="ends before its end"):
        alone(tmp_path / "alone", packed[1])


def test_sixty_small_files_of_one_form_are_read_by_one_query(tmp_path: Path) -> None:
    texts = [bill(f"{number}.25", sku=f"s{number}") for number in range(60)]
    alike = parts(tmp_path / "bills", *texts)
    (tmp_path / "lake").mkdir()
    with duckdb.connect() as connection:
        connection.execute("CALL enable_logging('QueryLog')")
        small = SmallFiles(connection, STREAMS["focus"], LandingOptions())
        files = [
            SmallFile(p, tmp_path / "lake" / f"{n}.parquet")
            for n, p in enumerate(alike)
        ]
        assert len(small.land(files)) == 60
        asked = connection.execute(
            "SELECT count(*) FILTER (contains(message, 'read_csv(')),"
            " count(*) FILTER (starts_with(message, 'COPY')), count(*)"
            " FROM duckdb_logs WHERE type = 'QueryLog'"
            " AND NOT contains(message, 'duckdb_logs')"
        ).fetchone()
    assert asked is not None
    # One scan, one file written for each delivery, and few questions beside them.
    assert asked[:2] == (1, 60)
    assert asked[2] <= 70
