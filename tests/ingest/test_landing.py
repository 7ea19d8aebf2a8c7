"""How one part of a delivery comes to rest, and when it is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.connector import FilePart, LandingOptions
from ingest.files import distinct_names
from ingest.landing import LandedPart, Lander
from ingest.streams import STREAMS
from triptych.errors import IncompleteDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,user:Team,user:team\n"
)
ROW = "{cost},1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,search,chat\n"


def text_part(folder: Path, *costs: str, **options: object) -> FilePart:
    path = folder / "bill.csv"
    path.write_text(HEADER + "".join(ROW.format(cost=cost) for cost in costs))
    return FilePart(path, "csv", "bill.csv", is_owned=False, **options)  # type: ignore[arg-type]


def land(
    part: FilePart, folder: Path, options: LandingOptions | None = None
) -> LandedPart:
    with duckdb.connect() as connection:
        lander = Lander(
            connection,
            stream=STREAMS["focus"],
            options=options or LandingOptions(),
        )
        return lander.land(part, folder / "part-00000.parquet")


def test_a_file_with_as_many_rows_as_its_manifest_announces_is_taken(
    tmp_path: Path,
) -> None:
    landed = land(text_part(tmp_path, "1", "twelve", "2", row_count=3), tmp_path)
    assert landed.totals[0].row_count == 2
    assert len(landed.rejected) == 1


@pytest.mark.parametrize("announced", [2, 4])
def test_a_file_with_another_number_of_rows_than_announced_is_refused(
    tmp_path: Path, announced: int
) -> None:
    part = text_part(tmp_path, "1", "2", "3", row_count=announced)
    with pytest.raises(IncompleteDeliveryError, match=f"3 rows.*{announced}"):
        land(part, tmp_path)


def test_the_rows_of_parquet_are_counted_like_those_of_text(tmp_path: Path) -> None:
    landed = land(text_part(tmp_path, "1", "2"), tmp_path)
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(landed.path.read_bytes())
    part = FilePart(copy, "parquet", "copy", is_owned=False, row_count=3)
    with pytest.raises(IncompleteDeliveryError, match=r"2 rows.*3"):
        land(part, tmp_path)


def test_a_file_may_bring_the_way_in_which_it_is_read(tmp_path: Path) -> None:
    own = LandingOptions(mapping={"BilledCost": '"BilledCost"::DECIMAL(9, 2) * 10'})
    part = text_part(tmp_path, "1.25", landing=own)
    landed = land(part, tmp_path, LandingOptions(mapping={"BilledCost": "'7'"}))
    assert landed.totals[0].amounts[0] == Decimal("12.5")


def test_text_read_in_another_way_is_other_content(tmp_path: Path) -> None:
    """Else a corrected mapping would be taken for a delivery of nothing new."""
    part = text_part(tmp_path, "1")
    mapped = LandingOptions(mapping={"BilledCost": "EffectiveCost"})
    checksums = [land(part, tmp_path, options).checksum for options in (None, mapped)]
    assert checksums[0] != checksums[1]
    assert land(part, tmp_path, mapped).checksum == checksums[1]


def test_columns_whose_names_differ_only_by_case_are_all_kept(tmp_path: Path) -> None:
    landed = land(text_part(tmp_path, "1"), tmp_path)
    kept: pa.Table = pq.read_table(landed.path)
    assert kept["user:Team"].to_pylist() == ["search"]
    assert kept["user:team_1"].to_pylist() == ["chat"]


def test_names_are_made_distinct_without_meeting_one_that_is_there() -> None:
    assert distinct_names(["a", "b"]) == ["a", "b"]
    assert distinct_names(["a", "A", "a_1", "a"]) == ["a", "A_1", "a_1_1", "a_2"]
