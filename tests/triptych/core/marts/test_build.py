from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from triptych.core.marts.build import EngineSettings, MartBuild
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


def test_a_build_that_has_spilled_goes_on_with_its_second_half(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.warehouse_dir.mkdir()
    duckdb.connect(str(workspace.raw_database)).close()
    marts = MartBuild(workspace, EngineSettings("40MB", 2), {}, [])
    with marts.held_open():
        with marts._connected() as first:
            first.execute(
                "CREATE TEMP TABLE many AS SELECT hash(range) FROM range(19_000_000)"
            )
            assert first.execute("FROM duckdb_temporary_files()").fetchall()
        with marts._connected() as second:
            setting = "SELECT current_setting('temp_directory')"
            folder = str(workspace.warehouse_dir / ".spill")
            assert second.execute(setting).fetchone() == (folder,)
