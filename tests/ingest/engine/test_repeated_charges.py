"""Charges that another load has already are not counted again.

By hand: March's export of the 20th has 40 charges of 1.00; that of the 25th, a file of
its own, has these and ten more. Counted twice the ledger would be 90.00, not 50.00.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from ingest.engine import repeated_charges
from ingest.engine.overlapping_loads import LEAST_COMMON
from ingest.engine.repeated_charges import SketchesInForce, _ratio
from triptych.core.errors import SourceError, TransientSourceError
from triptych.core.lake.loads import SKETCH_SIZE, LoadTotal, NewLoad
from triptych.core.lake.manifests import read_manifest
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.load_lists import read_loads
from triptych.core.workspace import Workspace
from triptych.evidence.withdrawing import withdraw
from triptych.run import pipeline

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


def test_two_sources_on_one_folder_do_not_both_count(workspace: Workspace) -> None:
    settings = SETTINGS + "  - {name: twins, type: focus_files, path: bills}\n"
    (workspace.root / "triptych.yml").write_text(settings, "utf-8")
    with pytest.raises(SourceError, match="source 'bills'"):
        take_in(workspace)
    assert total(workspace) == 40


def test_a_short_bill_of_two_sources_counts_once(workspace: Workspace) -> None:
    """Four charges are too few for a sketch, but the bytes are the same."""
    deliver(workspace, "bills/few.csv", charges(range(25, 27)))
    take_in(workspace)
    deliver(workspace, "copies/copy.csv", charges(range(25, 27)))
    (workspace.root / "triptych.yml").write_text(SETTINGS + ANOTHER, "utf-8")
    with pytest.raises(SourceError) as refused:
        take_in(workspace)
    [few] = [load for load in read_loads(workspace.raw_database) if "few" in load.label]
    message = str(refused.value)
    assert "copy.csv" in message
    assert "byte for byte the same as bills/few.csv (source 'bills'" in message
    assert f"triptych withdraw {few.load_id}" in message
    assert "may_repeat: true on source 'copies'" in message
    assert total(workspace) == 40 + 4
    settings = SETTINGS + ANOTHER.replace("}\n", ", may_repeat: true}\n")
    (workspace.root / "triptych.yml").write_text(settings, "utf-8")
    take_in(workspace)
    assert total(workspace) == 40 + 4 + 4


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


def _without_invoice(text: str) -> str:
    """Return a bill with its columns in another order, and one fewer."""
    rows = [line.split(",") for line in (HEADER + text).splitlines()]
    return "".join(f"{','.join(reversed(row[:-1]))}\n" for row in rows)


@pytest.mark.parametrize("kind", ["rows", "columns", "parquet", "halves", "account"])
def test_a_copy_is_found_in_whatever_form_it_comes(
    workspace: Workspace, kind: str
) -> None:
    folder, text = workspace.root / "bills", charges(range(1, 21))
    if kind == "rows":
        lines = text.splitlines(keepends=True)
        deliver(workspace, "bills/copy.csv", "".join(reversed(lines)))
    elif kind == "columns":
        (folder / "copy.csv").write_text(_without_invoice(text), "utf-8")
    elif kind == "parquet":
        with duckdb.connect() as engine:
            bill = engine.read_csv(str(folder / "to_20.csv"))
            bill.write_parquet(str(folder / "copy.parquet"))
    elif kind == "halves":
        deliver(workspace, "bills/first.csv", charges(range(1, 11)))
        deliver(workspace, "bills/second.csv", charges(range(11, 21)))
    else:
        rows = (HEADER + text).splitlines()
        named = [f"{row},{'b-1' if n else 'BillingAccountId'}" for n, row in
                 enumerate(rows)]  # fmt: skip
        (folder / "copy.csv").write_text("\n".join(named), "utf-8")
    with pytest.raises(SourceError, match="100% of the charges of 2026-03"):
        take_in(workspace)
    assert total(workspace) == 40


def test_a_part_of_few_charges_is_found_from_twenty_of_them(
    workspace: Workspace,
) -> None:
    deliver(workspace, "bills/few.csv", charges(range(1, 10)))
    take_in(workspace)
    assert total(workspace) == 40 + 18
    deliver(workspace, "bills/more.csv", charges(range(1, 11)))
    with pytest.raises(SourceError, match=r"100% .* counts: 20.00 USD"):
        take_in(workspace)
    assert total(workspace) == 40 + 18


def sketched(workspace: Workspace) -> dict[str, bool]:
    """Return whether charges were hashed, by the label of each load that counts."""
    with duckdb.connect(str(workspace.raw_database), read_only=True) as raw:
        rows = raw.execute(
            "SELECT label, bool_or(sketch IS NOT NULL) FROM catalogue.load_totals"
            " JOIN catalogue.loads USING (load_id) WHERE status = 'current' GROUP BY 1"
        ).fetchall()
    return dict(rows)


def _of_account(text: str, account: str) -> str:
    header = HEADER.strip() + ",BillingAccountId\n"
    return header + "".join(f"{row},{account}\n" for row in text.splitlines())


def test_no_charge_is_hashed_where_no_other_load_may_have_it(
    workspace: Workspace,
) -> None:
    """A first landing, a restated month, other days, other accounts: nothing is."""
    folder = workspace.root / "bills"
    deliver(workspace, "bills/to_20.csv", charges(range(1, 22)))
    deliver(workspace, "bills/rest.csv", charges(range(22, 28)))
    deliver(workspace, "bills/april.csv", _april(charges(range(1, 21))))
    for account in ("b-1", "b-2"):
        text = _of_account(charges(range(1, 21)).replace("-03-", "-05-"), account)
        # Of one account each, with other charges than the other.
        text = text.replace("r-", f"{account}-").replace(",1.00", f",1.0{account[-1]}")
        (folder / f"{account}.csv").write_text(text, "utf-8")
    take_in(workspace)
    assert set(sketched(workspace).values()) == {False}
    assert len(sketched(workspace)) == 5


def test_two_sources_of_a_month_are_told_apart_without_hashing_their_charges(
    workspace: Workspace,
) -> None:
    """A charge a day of 3.00 and of 2.00: no moment and amount is in both."""
    (workspace.root / "triptych.yml").write_text(SETTINGS + ANOTHER, "utf-8")
    for name, cost in (("bills/april.csv", "3.00"), ("copies/april.csv", "2.00")):
        two_a_day = _april(charges(range(1, 21), cost=cost)).splitlines(keepends=True)
        deliver(workspace, name, "".join(two_a_day[::2]))
    take_in(workspace)
    assert set(sketched(workspace).values()) == {False}
    assert len(sketched(workspace)) == 3
    assert total(workspace) == 40 + 60 + 40
    # March stands alone, and nothing was taken of it.
    outlines = [
        set(read_manifest(path).totals[0].outline)
        for path in workspace.lake.rglob("manifest.json")
    ]
    assert sorted(map(len, outlines)) == [0, 20, 20]


@pytest.mark.parametrize(
    ("owner", "repeats"), [("b", False), ("a", True)], ids=["other", "the same"]
)
def test_seats_at_one_price_are_told_apart_by_who_has_them(
    workspace: Workspace, owner: str, *, repeats: bool
) -> None:
    """30 seats at 1.00, and of each source 14 charges of its own and 40 of nothing."""
    (workspace.root / "triptych.yml").write_text(SETTINGS + ANOTHER, "utf-8")
    for name, seat, cost in (("bills", "a", "3.00"), ("copies", owner, "2.00")):
        seats = charges(range(5, 6), resource=seat).splitlines(keepends=True)[0]
        lines = [
            *(seats.replace("-1,I", f"-{number},I") for number in range(30)),
            charges(range(1, 8), cost=cost),
            charges(range(1, 21), cost="0"),
        ]
        deliver(workspace, f"{name}/april.csv", _april("".join(lines)))
    if repeats:
        with pytest.raises(SourceError, match="68% of the charges of 2026-04"):
            take_in(workspace)
        assert total(workspace) == 40 + 30 + 14 * 3
    else:
        take_in(workspace)
        assert set(sketched(workspace).values()) == {False}
        assert total(workspace) == 40 + 30 + 14 * 3 + 30 + 14 * 2


def test_charges_are_hashed_of_the_loads_that_stand_side_by_side(
    workspace: Workspace,
) -> None:
    deliver(workspace, "bills/april.csv", _april(charges(range(1, 21))))
    take_in(workspace)
    # Too few are the same to be refused, and too many to be told apart by an outline.
    others = charges(range(1, 9)) + charges(range(9, 21), resource="other")
    deliver(workspace, "bills/others.csv", others)
    take_in(workspace)
    known = {name for name, is_known in sketched(workspace).items() if is_known}
    assert known == {"bills/to_20.csv", "bills/others.csv"}
    [load] = [
        each for each in read_loads(workspace.raw_database) if "to_" in each.label
    ]
    [path] = workspace.lake.rglob(f"{load.load_id}/manifest.json")
    [march] = read_manifest(path).totals
    assert len(march.sketch) == 40
    assert march.span[0] is not None


def test_sources_that_write_an_account_in_two_ways_do_not_both_count(
    workspace: Workspace,
) -> None:
    """The longer export names b-1 what the other calls /accounts/b-1."""
    path = workspace.root / "bills" / "to_20.csv"
    path.write_text(_of_account(charges(range(1, 21)), "b-1"), "utf-8")
    copies = workspace.root / "copies"
    copies.mkdir()
    longer = _of_account(charges(range(1, 26)), "/accounts/b-1")
    (copies / "march.csv").write_text(longer, "utf-8")
    (workspace.root / "triptych.yml").write_text(SETTINGS + ANOTHER, "utf-8")
    with pytest.raises(SourceError, match="100% of the charges of 2026-03"):
        take_in(workspace)
    assert total(workspace) == 40


@pytest.mark.parametrize("trouble", ["gone", "damaged"])
def test_what_cannot_be_compared_is_held_back_until_it_can(
    workspace: Workspace, trouble: str
) -> None:
    [file] = workspace.lake.rglob("part-*.parquet")
    content = file.read_bytes()
    if trouble == "gone":
        file.rename(file.with_name("part.moved"))
    else:
        file.write_bytes(content[:40])
    deliver(workspace, "bills/to_25.csv", charges(range(1, 26)))
    with pytest.raises(TransientSourceError, match="cannot be told") as refused:
        take_in(workspace)
    assert "to_25.csv" in str(refused.value)
    assert file.name in str(refused.value)
    assert "triptych withdraw" in refused.value.next_step
    assert total(workspace) == 40
    file.write_bytes(content)
    with pytest.raises(SourceError, match="100% of the charges"):
        take_in(workspace)


def test_a_replacement_that_is_refused_lets_nothing_by(workspace: Workspace) -> None:
    """What it would have replaced still counts, and its charges are not known."""
    [file] = workspace.lake.rglob("part-*.parquet")
    deliver(workspace, "bills/other.csv", charges(range(21, 31)))
    take_in(workspace)
    content = file.read_bytes()
    file.write_bytes(content[:40])
    deliver(workspace, "bills/to_20.csv", charges(range(21, 31)))
    deliver(workspace, "bills/to_25.csv", charges(range(1, 20)))
    with pytest.raises(SourceError):
        take_in(workspace)
    file.write_bytes(content)
    assert total(workspace) == 60


def test_a_load_that_an_earlier_version_sketched_is_compared_by_that(
    workspace: Workspace,
) -> None:
    """It knows neither when its charges began nor of which account they are."""
    [load] = read_loads(workspace.raw_database)
    deliver(workspace, "bills/to_25.csv", charges(range(1, 26)))
    with pytest.raises(SourceError):
        take_in(workspace)
    (workspace.root / "bills" / "to_25.csv").unlink()
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute(
            "UPDATE catalogue.load_totals SET first_charge_at = NULL,"
            " last_charge_at = NULL, first_account = NULL, last_account = NULL"
        )
    deliver(workspace, "bills/to_24.csv", charges(range(1, 25)))
    with pytest.raises(SourceError, match=load.load_id):
        take_in(workspace)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param("hash_function = 1, sketch = range(40)", id="another function"),
        pytest.param("charge_count = NULL", id="other columns"),
    ],
)
def test_what_was_hashed_otherwise_is_hashed_anew(
    workspace: Workspace, known: str
) -> None:
    """As after a release of the engine, or of an outline of time and money alone."""
    [load] = read_loads(workspace.raw_database)
    with duckdb.connect(str(workspace.raw_database)) as raw:
        raw.execute(f"UPDATE catalogue.load_totals SET outline = range(40), {known}")
    deliver(workspace, "bills/to_25.csv", charges(range(1, 26)))
    with pytest.raises(SourceError, match=load.load_id):
        take_in(workspace)
    [path] = workspace.lake.rglob(f"{load.load_id}/manifest.json")
    [march] = read_manifest(path).totals
    assert max(march.sketch) > 40
    assert march.hash_function != 1


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
