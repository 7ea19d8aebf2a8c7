"""The files of an export: their names, their bytes, and those of closed months.

A closed month returns the bytes that were stored when it was closed. The files stored
then cover every request: every cost centre, both bases, every format.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import quote

from dashboard.exports.board_pack import (
    read_pack,
    render_pack_pdf,
    render_pack_xlsx,
)
from dashboard.exports.focus import FOCUS_FORMATS, FOCUS_VERSIONS, render_focus
from dashboard.exports.named_file import NamedFile
from dashboard.exports.provenance import check_month
from dashboard.exports.statement_csv import render_csv
from dashboard.exports.statement_pdf import render_pdf
from dashboard.exports.statement_xlsx import render_xlsx
from dashboard.exports.statements import (
    check_cost_center,
    cost_centers,
    read_statement,
)
from dashboard.shared import selection_queries
from triptych.core.errors import UsageError
from triptych.core.warehouse.locks import RenderedFile, read_history, read_locked_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dashboard.exports.board_pack.parts import BoardPack
    from dashboard.exports.focus import FocusFormat, FocusVersion
    from dashboard.exports.statements import Statement
    from triptych.core.warehouse.locks import ClosingMonth
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

StatementFormat = Literal["csv", "xlsx", "pdf"]
#: The bases as a command line writes them.
BASES: dict[str, selection_queries.Basis] = {
    basis.lower(): basis for basis in get_args(selection_queries.Basis)
}
STATEMENT_FORMATS: tuple[StatementFormat, ...] = get_args(StatementFormat)
_RENDER: dict[StatementFormat, Callable[[Statement], bytes]] = {
    "csv": render_csv,
    "xlsx": render_xlsx,
    "pdf": render_pdf,
}
PackFormat = Literal["pdf", "xlsx"]
PACK_FORMATS: tuple[PackFormat, ...] = get_args(PackFormat)
_RENDER_PACK: dict[PackFormat, Callable[[BoardPack], bytes]] = {
    "pdf": render_pack_pdf,
    "xlsx": render_pack_xlsx,
}
_LONGEST_NAME = 120


def statement_name(
    billing_month: str,
    basis: selection_queries.Basis,
    cost_center: str | None,
    form: StatementFormat,
) -> str:
    """Return the file name of a statement: unique, and safe everywhere."""
    begin = f"statement_{billing_month}_{basis.lower()}"
    if cost_center is None:
        return f"{begin}_no_cost_centre.{form}"
    safe = quote(cost_center, safe="")
    if len(safe) > _LONGEST_NAME:
        digest = hashlib.sha256(cost_center.encode()).hexdigest()[:16]
        safe = f"{safe[:_LONGEST_NAME]}~{digest}"
    return f"{begin}_cost_centre_{safe}.{form}"


def statement_files(
    workspace: Workspace,
    snapshot: Snapshot,
    billing_month: str,
    basis: selection_queries.Basis,
    *,
    centers: Sequence[str | None] | None = None,
    formats: Sequence[StatementFormat] = STATEMENT_FORMATS,
) -> Iterator[NamedFile]:
    """Return statements of a month, as they were stored if it is closed.

    Parameters
    ----------
    workspace : Workspace
        Workspace with the locks.
    snapshot : Snapshot
        The published run.
    billing_month : str
        ``YYYY-MM``.
    basis : {'Amortised', 'Billed'}
        Cost basis of the amounts.
    centers : sequence of str or None, optional
        Cost centres, None among them for no cost centre; by default all with charges.
    formats : sequence of {'csv', 'xlsx', 'pdf'}
        In this order for each cost centre.

    Raises
    ------
    UsageError
        The month, or a cost centre in it, has no charges.
    LockedFileError
        A stored file is missing or differs from its stored content.
    """
    _refuse_who_sees_less(snapshot)
    check_month(snapshot, billing_month)
    known = cost_centers(snapshot, billing_month)
    lock = read_history(workspace).lock_of(billing_month)
    for center in known if centers is None else centers:
        check_cost_center(center, known, billing_month)
        statement = (
            read_statement(snapshot, billing_month, basis, center)
            if lock is None
            else None
        )
        for form in formats:
            name = statement_name(billing_month, basis, center, form)
            if statement is not None:
                yield NamedFile(name, _RENDER[form](statement))
            elif lock is not None:
                content = read_locked_file(workspace, lock, name)
                yield NamedFile(name, content, is_stored=True)


def focus_name(billing_month: str, version: FocusVersion, form: FocusFormat) -> str:
    """Return the name of the file of a month's allocated cost in FOCUS shape."""
    return f"focus_{version}_{billing_month}_allocated.{form}"


def focus_file(
    workspace: Workspace,
    snapshot: Snapshot,
    billing_month: str,
    version: FocusVersion,
    form: FocusFormat,
) -> NamedFile:
    """Return a month's allocated cost in FOCUS shape, as stored if it is closed."""
    _refuse_who_sees_less(snapshot)
    name = focus_name(billing_month, version, form)
    lock = read_history(workspace).lock_of(billing_month)
    if lock is None:
        return NamedFile(name, render_focus(snapshot, billing_month, version, form))
    return NamedFile(name, read_locked_file(workspace, lock, name), is_stored=True)


def board_pack_name(
    billing_month: str, basis: selection_queries.Basis, form: PackFormat
) -> str:
    """Return the name of the file of a month's board pack."""
    return f"board_pack_{billing_month}_{basis.lower()}.{form}"


def board_pack_files(
    workspace: Workspace,
    snapshot: Snapshot,
    billing_month: str,
    basis: selection_queries.Basis,
    *,
    formats: Sequence[PackFormat] = PACK_FORMATS,
) -> Iterator[NamedFile]:
    """Return a month for the board, as it was stored if the month is closed.

    A month that was closed before there were packs has none in its lock: then it is
    rendered from the published run.

    Parameters
    ----------
    workspace : Workspace
        Workspace with the locks.
    snapshot : Snapshot
        The published run.
    billing_month : str
        ``YYYY-MM``.
    basis : {'Amortised', 'Billed'}
        Cost basis of the amounts.
    formats : sequence of {'pdf', 'xlsx'}
        In this order.

    Raises
    ------
    UsageError
        The month has no charges, or the run may not be seen whole.
    LockedFileError
        A stored file is missing or differs from its stored content.
    """
    _refuse_who_sees_less(snapshot)
    check_month(snapshot, billing_month)
    lock = read_history(workspace).lock_of(billing_month)
    pack: BoardPack | None = None
    for form in formats:
        name = board_pack_name(billing_month, basis, form)
        if lock is not None and name in lock.files:
            content = read_locked_file(workspace, lock, name)
            yield NamedFile(name, content, is_stored=True)
        else:
            pack = pack or read_pack(snapshot, billing_month, basis)
            yield NamedFile(name, _RENDER_PACK[form](pack))


def _refuse_who_sees_less(snapshot: Snapshot) -> None:
    """Refuse viewers of a part of a run: stored files have the whole month."""
    if snapshot.viewed_as:
        raise UsageError(
            "Statements and data sets are not for this role.",
            next_step="Ask somebody in finance for them.",
        )


def stored_with_a_close(month: ClosingMonth) -> Iterator[RenderedFile]:
    """Render the files kept with a month's lock: all exports of the month."""
    snapshot, period = month.figures, month.billing_month
    for basis in get_args(selection_queries.Basis):
        for center in cost_centers(snapshot, period):
            statement = read_statement(snapshot, period, basis, center, closing=month)
            for form in STATEMENT_FORMATS:
                name = statement_name(period, basis, center, form)
                yield RenderedFile(name, _RENDER[form](statement))
        pack = read_pack(snapshot, period, basis, closing=month)
        for kind_of_pack in PACK_FORMATS:
            name = board_pack_name(period, basis, kind_of_pack)
            yield RenderedFile(name, _RENDER_PACK[kind_of_pack](pack))
    for version in FOCUS_VERSIONS:
        for kind in FOCUS_FORMATS:
            content = render_focus(snapshot, period, version, kind, closing=month)
            yield RenderedFile(focus_name(period, version, kind), content)
