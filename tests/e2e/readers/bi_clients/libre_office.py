"""LibreOffice Calc: opens the CSV files as text columns, and saves what it holds."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Rows = list[tuple[Any, ...]]

PROGRAM = shutil.which("soffice") or shutil.which("libreoffice")
_MOST_COLUMNS = 200
#: Comma, double quote, UTF-8, from the first line on, each column as text (2).
_OPENS = "CSV:44,34,76,1,{},0,false,false".format(
    "/".join(f"{column}/2" for column in range(1, _MOST_COLUMNS + 1))
)
_SAVES = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"
_NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT")


class LibreOfficeClient:
    """Starts the office for each question."""

    def __init__(self, current: str) -> None:
        self._current = current
        self._scratch = Path(tempfile.mkdtemp())

    def ask(self) -> tuple[object, ...]:
        # By the stable name a file is there at any time, of whichever run.
        [_] = self._opened([f"{self._current}/core/mart_run.csv"])
        folder = os.path.realpath(self._current)
        names = ("core/mart_run", "cost/fct_daily_model_costs")
        paths = [
            f"{folder}/{name}.csv" for name in (*names, "cost/mart_cost_waterfall")
        ]
        run, daily, waterfall = self._opened(paths)
        ledger = (row for row in waterfall if row["step"] == "ledger")
        return run[0]["run_id"], _billed(daily), _billed(ledger)

    def marts(self) -> Iterator[tuple[str, Rows]]:
        folder = Path(os.path.realpath(self._current))
        described = json.loads((folder / "tables.json").read_text("utf-8"))["marts"]
        for schema in {name.partition(".")[0] for name in described}:
            names = sorted(name for name in described if name.startswith(f"{schema}."))
            paths = [str(folder / name.replace(".", "/")) + ".csv" for name in names]
            for name, rows in zip(names, self._opened(paths), strict=True):
                types = {c["name"]: c["type"] for c in described[name]["columns"]}
                yield (
                    name,
                    [
                        tuple(
                            _value(row[column], type_)
                            for column, type_ in types.items()
                        )
                        for row in rows
                    ],
                )

    def _opened(self, paths: list[str]) -> list[list[dict[str, str]]]:
        """Return the rows of each file as the office holds them."""
        out = self._scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        profile = f"-env:UserInstallation=file://{self._scratch}/profile"
        assert PROGRAM is not None
        subprocess.run(
            [
                *(PROGRAM, profile, "--headless", f"--infilter={_OPENS}"),
                *("--convert-to", _SAVES, "--outdir", str(out), *paths),
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )
        return [_rows_of(out / Path(path).name) for path in paths]


def _rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _billed(rows: Iterable[dict[str, str]]) -> Decimal:
    return sum((Decimal(row["billed_cost"] or 0) for row in rows), Decimal())


def _value(cell: str, type_: str) -> object:
    """Return what a cell says, by the type that ``tables.json`` gives its column."""
    if cell == "":
        return None
    if type_.endswith("[]"):
        return json.loads(cell)
    if type_.startswith(_NUMBERS):
        return Decimal(cell)
    if type_.startswith("TIMESTAMP"):
        return datetime.fromisoformat(cell)
    # What a spreadsheet would take for a formula has an apostrophe before it.
    return cell.removeprefix("'")
