"""Charges that another load has already are not counted again.

By hand: March's export of the 20th has 40 charges of 1.00; that of the 25th, a file of
its own, has these and ten more. Counted twice the ledger would be 90.00, not 50.00.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from ingest import repeated_charges
from ingest.repeated_charges import LEAST_COMMON, SketchesInForce, _ratio
from triptych import pipeline
from triptych.errors import SourceError
from triptych.progress import SilentProgress
from triptych.settings import load_settings
from triptych.warehouse.load_lists import read_loads
from triptych.warehouse.loads import SKETCH_SIZE, LoadTotal, NewLoad
from triptych.withdrawing import withdraw
from triptych.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,ResourceId,InvoiceId\n"
)
SETTINGS = """\
organisation: Repeated
currency: USD
sources:
  - {name: bills, type: focus_files, path: bills}
"""
ANOTHER = "  - {name: copies, type: focus_files, path: copies}\n"


def charges(days: range, *, resource: str = "r", cost: str = "1.00") -> str:
    """Return two charges a day of March."""
    return "".join(
        f"{cost},{cost},USD,2026-03-01,2026-03-{day:02d},2026-03-{day + 1:02d},Usage,"
        f"API,{resource}-{number},I-3\n"
        for day in days
        for number in (1, 2)
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    (workspace.root / "bills").mkdir(parents=True)
    (workspace.root / "triptych.yml").write_text(SETTINGS, "utf-8")
    deliver(workspace, "bills/to_20.csv", charges(range(1, 21)))
    take_in(workspace)
    return workspace


def deliver(workspace: Workspace, name: str, text: str) -> None:
    path = workspace.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEADER + text, "utf-8")


def take_in(workspace: Workspace) -> None:
    report = pipeline.ingest(
        workspace, load_settings(workspace.root), progress=SilentProgress()
    )
    report.raise_first_failure()


def total(workspace: Workspace) -> Decimal:
    with duckdb.connect(str(workspace.raw_database), read_only=True) as raw:
        row = raw.execute(
            "SELECT sum(first_amount) FROM catalogue.load_totals"
            " JOIN catalogue.loads USING (load_id) WHERE status = 'current'"
        ).fetchone()
    assert row is not None
    amount: Decimal = row[0]
    return amount


def test_an_export_that_grows_under_new_names_is_refused_until_one_replaces_the_other(
    workspace: Workspace,
) -> None:
    deliver(workspace, "bills/to_25.csv", charges(range(1, 26)))
    with pytest.raises(SourceError) as refused:
        take_in(workspace)
    [first] = read_loads(workspace.raw_database)
    message = str(refused.value)
    assert "to_25.csv" in message
    assert "100% of the charges of 2026-03" in message
    assert "40.00 USD would count twice" in message
    assert f"triptych withdraw {first.load_id}" in message
    assert total(workspace) == 40
    withdraw(workspace, first.load_id, because="replaced")
    take_in(workspace)
    assert total(workspace) == 50


def test_a_renamed_source_does_not_count_its_bills_again(workspace: Workspace) -> None:
    settings = SETTINGS.replace("name: bills", "name: invoices")
    (workspace.root / "triptych.yml").write_text(settings, "utf-8")
    with pytest.raises(SourceError, match="source 'bills'"):
        take_in(workspace)
    withdraw(workspace, "bills", because="is called invoices now")
    take_in(workspace)
    assert total(workspace) == 40
    [current] = [
        load for load in read_loads(workspace.raw_database) if load.state == "current"
    ]
    assert current.source == "invoices"


def test_what_may_repeat_counts_and_so_does_what_only_looks_alike(
    workspace: Workspace,
) -> None:
    deliver(workspace, "bills/others.csv", charges(range(1, 21), resource="other"))
    deliver(workspace, "bills/some.csv", charges(range(12, 28)))  # 18 of 32 are new
    take_in(workspace)
    assert total(workspace) == 40 + 40 + 32
    deliver(workspace, "copies/to_20.csv", charges(range(1, 21)))
    settings = SETTINGS + ANOTHER.replace("}\n", ", may_repeat: true}\n")
    (workspace.root / "triptych.yml").write_text(settings, "utf-8")
    take_in(workspace)
    assert total(workspace) == 40 + 40 + 32 + 40


def test_charges_of_nothing_are_no_repetition(workspace: Workspace) -> None:
    deliver(workspace, "bills/free.csv", charges(range(1, 21), cost="0.00"))
    deliver(workspace, "bills/free_too.csv", charges(range(1, 22), cost="0.00"))
    take_in(workspace)
    assert total(workspace) == 40
    assert len(read_loads(workspace.raw_database)) == 3


def test_a_restated_file_replaces_its_own_scope_as_ever(workspace: Workspace) -> None:
    deliver(workspace, "bills/to_20.csv", charges(range(1, 26)))
    take_in(workspace)
    assert total(workspace) == 50


def test_two_files_of_one_ingest_are_compared_with_each_other(
    workspace: Workspace,
) -> None:
    deliver(workspace, "bills/april.csv", _april(charges(range(1, 21))))
    deliver(workspace, "bills/april_more.csv", _april(charges(range(1, 23))))
    with pytest.raises(SourceError, match=r"april_more\.csv"):
        take_in(workspace)
    assert total(workspace) == 80


def _april(text: str) -> str:
    return text.replace("2026-03", "2026-04")


def test_only_loads_that_have_charges_in_common_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 200 loads none has a charge of another; one more has half of the first's."""
    compared: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def counted(one: tuple[int, ...], other: tuple[int, ...]) -> float | None:
        compared.append((one, other))
        return _ratio(one, other)

    monkeypatch.setattr(repeated_charges, "_ratio", counted)
    in_force = SketchesInForce([])
    for day in range(200):
        load = _sketched(day, range(day * 100, day * 100 + 100))
        assert in_force.repetition(load) is None
        in_force.put(load)
    assert compared == []
    half = _sketched(200, [*range(50), *range(50_000, 50_050)])
    repetition = in_force.repetition(half)
    assert repetition is not None
    assert (repetition.other.scope, repetition.ratio) == ("0.csv", 0.5)
    assert len(compared) == 1
    in_force.put(_sketched(0, range(60_000, 60_100)))
    assert in_force.repetition(half) is None


def _sketched(day: int, hashes: Iterable[int]) -> NewLoad:
    money = (Decimal(100), None)
    return NewLoad(
        load_id=f"load-{day}",
        run_id="run",
        stream="focus",
        source="bills",
        scope=f"{day}.csv",
        period="all",
        fingerprint="",
        label=f"{day}.csv",
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
        totals=(LoadTotal("2026-03", "USD", 100, money, tuple(sorted(hashes))),),
    )


@pytest.mark.parametrize("size", [LEAST_COMMON, 200, 3_000])
@pytest.mark.parametrize("shared", [0.0, 0.3, 0.7, 1.0])
def test_the_part_that_is_shared_is_estimated_from_the_sketches(
    size: int, shared: float
) -> None:
    with duckdb.connect() as engine:
        sketches = [
            engine.execute(
                f"SELECT min(CAST(hash(i) >> 1 AS BIGINT), {SKETCH_SIZE})"
                " FROM range(?, ?) AS r(i)",
                [start, start + count],
            ).fetchone()
            for start, count in ((0, 2 * size), (int((2 - shared) * size), size))
        ]
    one, other = (tuple(row[0]) for row in sketches if row is not None)
    ratio = _ratio(one, other)
    if shared < 0.5 or size * shared < LEAST_COMMON:
        assert ratio is None
    else:
        # Of at least 128 small hashes, four standard errors.
        assert ratio == pytest.approx(shared, abs=0 if shared == 1 else 0.17)
