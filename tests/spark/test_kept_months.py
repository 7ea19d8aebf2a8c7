"""What a session of Apache Spark goes on with after a run that was lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark.servers import JAVA_MISSING, has_java
from triptych.errors import SettingsError
from triptych.spark.kept_months import MonthsInFolder, MonthsOnServer
from triptych.spark.schemas import KEPT_SCHEMA, Schemas
from triptych.spark.session import SessionPlace, open_session
from triptych.warehouse.build import INCREMENTAL_TABLES, BuildPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not has_java(), reason=JAVA_MISSING),
    # pyspark warns of every pandas that it has not been released with.
    pytest.mark.filterwarnings("ignore"),
]

MONTHS = ("2026-01", "2026-02", "2026-03")
SIGNATURES = {month: f"loads of {month}" for month in MONTHS}
PLAN = BuildPlan(MONTHS, is_full=True, signatures=SIGNATURES, recipe_hash="recipe")
SUMS, *EMPTY_TABLES = (table for _, table in INCREMENTAL_TABLES)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    place = SessionPlace("local[2]", None, tmp_path_factory.mktemp("tables"))
    variables = dict(os.environ)
    opened = open_session(place, {"spark.driver.memory": "1g"})
    yield opened
    opened.stop()
    os.environ.clear()
    os.environ.update(variables)


@pytest.fixture
def kept(session: SparkSession) -> MonthsInFolder:
    """Return tables as a run leaves them, in a catalogue that knows none of them."""
    schemas = Schemas(session, "t_")
    schemas.make_anew()
    schemas.empty(KEPT_SCHEMA)
    kept = MonthsInFolder(session, _tables_dir(session), "t_kept")
    for table in (SUMS, *EMPTY_TABLES):
        rows = ", ".join(f"(CAST(1.5 AS DECIMAL(28, 10)), '{m}')" for m in MONTHS)
        session.sql(
            f"CREATE TABLE t_kept.{table} USING parquet PARTITIONED BY (billing_month)"
            f" AS SELECT * FROM VALUES {rows} AS rows (cost, billing_month)"
            f" WHERE {str(table == SUMS).lower()}"
        )
    kept.remember(PLAN)
    _forget_the_catalogue(session)
    return kept


def _tables_dir(session: SparkSession) -> Path:
    return Path(str(session.conf.get("spark.sql.warehouse.dir")).removeprefix("file:"))


def _forget_the_catalogue(session: SparkSession) -> None:
    """Let the catalogue know of nothing, as that of a new session does."""
    for table in (SUMS, *EMPTY_TABLES):
        aside = _tables_dir(session) / "t_kept.db" / table
        moved = aside.rename(aside.with_name(f"_{table}"))
        session.sql(f"DROP TABLE IF EXISTS t_kept.{table}")
        moved.rename(aside)


def _sums(session: SparkSession) -> dict[str, str]:
    rows = session.sql(
        f"SELECT billing_month, sum(cost) AS cost FROM t_kept.{SUMS} GROUP BY 1"
    ).collect()
    return {row["billing_month"]: str(row["cost"]) for row in rows}


def test_a_new_session_goes_on_with_every_month(
    kept: MonthsInFolder, session: SparkSession
) -> None:
    state = kept.state()
    assert (state.recipe_hash, state.has_tables) == ("recipe", True)
    assert state.signatures == SIGNATURES
    assert _sums(session) == dict.fromkeys(MONTHS, "1.5000000000")
    for table in EMPTY_TABLES:
        assert session.table(f"t_kept.{table}").count() == 0
    cost = session.table(f"t_kept.{SUMS}").schema["cost"]
    assert cost.dataType.simpleString() == "decimal(28,10)"


def test_months_that_are_not_whole_are_not_held(
    kept: MonthsInFolder, session: SparkSession
) -> None:
    table = kept.tables_dir / "t_kept.db" / SUMS
    january = next((table / "billing_month=2026-01").glob("*.parquet"))
    january.write_bytes(january.read_bytes()[:-40])
    february = table / "billing_month=2026-02"
    (february / "part-of-a-lost-run.parquet").write_bytes(
        next(february.glob("*.parquet")).read_bytes()
    )
    (table / "_temporary").mkdir()
    assert kept.state().signatures == {"2026-03": SIGNATURES["2026-03"]}
    assert _sums(session) == {"2026-03": "1.5000000000"}
    assert {folder.name for folder in table.glob("billing_month=*")} == {
        "billing_month=2026-03"
    }


def test_a_month_of_the_right_size_that_cannot_be_read_is_not_held(
    kept: MonthsInFolder,
) -> None:
    table = kept.tables_dir / "t_kept.db" / SUMS
    march = next((table / "billing_month=2026-03").glob("*.parquet"))
    march.write_bytes(bytes(march.stat().st_size))
    assert "2026-03" not in kept.state().signatures


def test_a_month_is_replaced_with_what_a_lost_run_left_in_it(
    kept: MonthsInFolder, session: SparkSession
) -> None:
    assert kept.state().has_tables
    assert kept.forget(["2026-02", "2026-04"])
    assert set(_sums(session)) == {"2026-01", "2026-03"}
    session.sql(f"INSERT INTO t_kept.{SUMS} SELECT 2.5, '2026-02'")
    assert _sums(session)["2026-02"] == "2.5000000000"


def test_without_what_was_written_down_nothing_is_held(kept: MonthsInFolder) -> None:
    (kept.tables_dir / "built.json").write_text('{"months": {"2026', "utf-8")
    state = kept.state()
    assert (state.recipe_hash, state.has_tables, state.signatures) == (None, False, {})


def test_a_folder_that_no_catalogue_knows_does_not_stand_in_the_way(
    session: SparkSession,
) -> None:
    schemas = Schemas(session, "t_")
    schemas.make_anew()
    (_tables_dir(session) / "t_cost.db" / "half_made" / "_temporary").mkdir(
        parents=True
    )
    schemas.make_anew()
    session.sql("CREATE TABLE t_cost.half_made USING parquet AS SELECT 1 AS one")
    assert schemas.tables_of("cost") == {"half_made"}


def test_a_server_that_forgot_its_tables_begins_anew_where_their_folders_are(
    kept: MonthsInFolder, session: SparkSession
) -> None:
    on_server = MonthsOnServer(Schemas(session, "t_"))
    assert not on_server.state().has_tables
    assert (kept.tables_dir / "t_kept.db" / SUMS).is_dir()
    on_server.forget_all()
    for table in (SUMS, *EMPTY_TABLES):
        session.sql(
            f"CREATE TABLE t_kept.{table} USING parquet PARTITIONED BY (billing_month)"
            " AS SELECT CAST(2 AS DECIMAL(28, 10)) AS cost, '2026-03' AS billing_month"
        )
    on_server.remember(PLAN)
    assert on_server.state().signatures == SIGNATURES
    assert _sums(session) == {"2026-03": "2.0000000000"}


def test_a_schema_of_somebody_else_is_never_emptied(session: SparkSession) -> None:
    session.sql("CREATE SCHEMA IF NOT EXISTS theirs_cost COMMENT 'of finance'")
    session.sql("CREATE TABLE theirs_cost.plan USING parquet AS SELECT 1 AS one")
    with pytest.raises(SettingsError, match="theirs_cost is there already, and is not"):
        Schemas(session, "theirs_").make_anew()
    assert session.table("theirs_cost.plan").count() == 1
