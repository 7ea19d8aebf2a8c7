"""``export``: statements, board packs, tables and FOCUS data sets as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triptych.cli.options import (
    JsonOption,
    PeriodOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
)
from triptych.cli.printing import print_json
from triptych.core.errors import UsageError
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.exports import NamedFile

export = typer.Typer(
    no_args_is_help=True,
    help="Write files that leave triptych: statements, a board pack, tables, FOCUS.",
)


class StatementForm(StrEnum):
    """Output format of a statement."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"
    ALL = "all"


class PackForm(StrEnum):
    """Output format of a board pack."""

    PDF = "pdf"
    XLSX = "xlsx"
    ALL = "all"


class TableForm(StrEnum):
    """Output format of a mart."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class FocusForm(StrEnum):
    """Output format of a FOCUS data set."""

    PARQUET = "parquet"
    CSV = "csv"


class CostBasis(StrEnum):
    """Cost basis of the amounts of a statement."""

    AMORTISED = "amortised"
    BILLED = "billed"


class FocusVersion(StrEnum):
    """FOCUS version that determines the columns of a data set."""

    V1_2 = "1.2"
    V1_4 = "1.4"


OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", help="Folder for the files."),
]


@export.command()
def statement(  # noqa: PLR0913  (each is an option)
    *,
    period: PeriodOption,
    cost_center: Annotated[
        list[str] | None,
        typer.Option("--cost-center", metavar="NAME", help="Only of it; repeatable."),
    ] = None,
    without_cost_center: Annotated[
        bool,
        typer.Option("--without-cost-center", help="Only cost without a cost centre."),
    ] = False,
    every: Annotated[
        bool,
        typer.Option("--all", help="One for each cost centre and one for the rest."),
    ] = False,
    form: Annotated[
        StatementForm, typer.Option("--format", help="Form to write.")
    ] = StatementForm.ALL,
    basis: Annotated[
        CostBasis, typer.Option("--basis", help="Which cost the amounts are.")
    ] = CostBasis.AMORTISED,
    output: OutputOption = Path(),
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write the amount that each cost centre owes for a month.

    Together the statements are the AI cost of the month with tax and credits. Those
    of a closed month are handed out as they were stored when it was closed.
    """
    from dashboard import exports

    named: list[str | None] = [*(cost_center or [])]
    if without_cost_center:
        named.append(None)
    if every == bool(named):
        raise UsageError(
            "Whose statements are wanted is not clear.",
            where="triptych export statement",
            next_step="Give --cost-center NAME, --without-cost-center or --all.",
        )
    opened, snapshot = _published(workspace)
    forms = [
        statement_format
        for statement_format in exports.STATEMENT_FORMATS
        if form.value in (statement_format, "all")
    ]
    files = exports.statement_files(
        opened,
        snapshot,
        period,
        exports.BASES[basis.value],
        centers=None if every else named,
        formats=forms,
    )
    _write(files, output, as_json=as_json)


@export.command(name="board-pack")
def board_pack(
    *,
    period: PeriodOption,
    form: Annotated[
        PackForm, typer.Option("--format", help="Form to write.")
    ] = PackForm.ALL,
    basis: Annotated[
        CostBasis, typer.Option("--basis", help="Which cost the amounts are.")
    ] = CostBasis.AMORTISED,
    output: OutputOption = Path(),
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write a month for the board: two pages and an annex, and a workbook.

    The message, then its evidence; the annex has cost, budget and forecast, idle money,
    delivery, return, and the basis of all this, with the figures of the pages. The pack
    of a closed month is returned as it was stored when it was closed.
    """
    from dashboard import exports

    opened, snapshot = _published(workspace)
    files = exports.board_pack_files(
        opened,
        snapshot,
        period,
        exports.BASES[basis.value],
        formats=[
            pack_format
            for pack_format in exports.PACK_FORMATS
            if form.value in (pack_format, "all")
        ],
    )
    _write(files, output, as_json=as_json)


@export.command()
def table(
    mart: Annotated[
        str, typer.Argument(metavar="MART", help="For example cost.mart_cost_bridge.")
    ],
    *,
    form: Annotated[
        TableForm, typer.Option("--format", help="Form to write.")
    ] = TableForm.CSV,
    output: OutputOption = Path(),
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write every row of a mart."""
    from dashboard import exports

    _, snapshot = _published(workspace)
    file = exports.table_file(snapshot, mart, form.value)
    _write([file], output, as_json=as_json)


@export.command()
def focus(
    *,
    period: PeriodOption,
    version: Annotated[
        FocusVersion, typer.Option("--version", help="1.4 has the Allocated* columns.")
    ] = FocusVersion.V1_4,
    form: Annotated[
        FocusForm, typer.Option("--format", help="Form to write.")
    ] = FocusForm.PARQUET,
    output: OutputOption = Path(),
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write a month's allocated cost as a FOCUS data set."""
    from dashboard import exports

    opened, snapshot = _published(workspace)
    file = exports.focus_file(opened, snapshot, period, version.value, form.value)
    _write([file], output, as_json=as_json)


def _published(workspace: Path | None) -> tuple[Any, Any]:
    """Return the workspace and the run that is published in it."""
    from triptych.core.warehouse.gate import open_published

    opened = existing_workspace(workspace)
    return opened, open_published(opened.root)


def _write(files: Iterable[NamedFile], folder: Path, *, as_json: bool) -> None:
    """Write files, each whole or not at all, and print their paths."""
    written = []
    for file in files:
        path = write_export(file, folder)
        written.append({"file": str(path), "is_stored": file.is_stored})
        if not as_json:
            kept = " (as stored when the month was closed)" if file.is_stored else ""
            print(f"{path}{kept}")
    if as_json:
        print_json(written)


def write_export(file: NamedFile, folder: Path) -> Path:
    """Write a file, whole or not at all, and return where it is.

    Raises
    ------
    UsageError
        The folder cannot be written to.
    """
    path = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.content)
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror}.",
            where=str(path),
            next_step="Name another folder with --output.",
        ) from error
    return path
