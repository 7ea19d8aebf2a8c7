"""``explain``: a figure's meaning, its origin, and its current validity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
)
from triptych.cli.printing import print_json, print_table, to_text
from triptych.core.errors import UsageError
from triptych.core.warehouse.figures import parse_figure
from triptych.core.warehouse.retired_marts import warnings_about

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from triptych.core.explanation import Explanation

_CHECKSUM_DIGITS = 12
_HOW_TO = 'See "docs/how_to/explain_a_figure.md" for what to do.'


def explain(
    figure: Annotated[
        str | None,
        typer.Argument(
            help="Address of a figure: cost.mart_cost_waterfall/billed_cost?"
            "billing_month=2026-03&step=ledger; with --list, how marts begin.",
            show_default=False,
        ),
    ] = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="List the figures that can be explained.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Explain a figure's origin, and recompute it from the evidence."""
    from triptych.core.explanation import NotRederivedError, explain

    root = existing_workspace(workspace).root
    if listed:
        _list(root, figure or "", as_json=as_json)
        return
    if figure is None:
        raise UsageError(
            "Which figure?",
            where="FIGURE",
            next_step="'triptych explain --list' shows what there is.",
        )
    explanation = explain(root, figure)
    if as_json:
        print_json(explanation)
    else:
        _print(explanation)
    if explanation.problem is not None:
        raise NotRederivedError(
            explanation.problem, where=explanation.figure, next_step=_HOW_TO
        )


def _list(root: Path, beginning: str, *, as_json: bool) -> None:
    from triptych.core.explanation import explainable_columns
    from triptych.core.warehouse.gate import open_published

    columns = explainable_columns(open_published(root), beginning)
    if beginning and not columns:
        raise UsageError(
            f"No figure begins with {beginning!r}.",
            where="FIGURE",
            next_step="'triptych explain --list' shows what there is.",
        )
    if as_json:
        print_json(columns)
        return
    print_table(
        ("figure", "formula", "one row is"),
        [
            (
                f"{column.mart}/{column.column}",
                column.formula or column.description,
                column.grain.removeprefix("one row per "),
            )
            for column in columns
        ],
    )


def _print(explanation: Explanation) -> None:
    for line in _lines(explanation):
        print(line)


def _lines(explanation: Explanation) -> Iterable[str]:
    if explanation.is_synthetic:
        yield "SYNTHETIC: simulated data, no figure is real"
    is_bound = bool(explanation.missing) and parse_figure(explanation.figure).is_cost
    at_least = "at least " if is_bound else ""
    yield f"{explanation.figure}"
    yield f"  {at_least}{_text(explanation.value)} {explanation.unit}"
    yield f"  {_again(explanation)}"
    yield ""
    yield f"formula     {explanation.formula}"
    for warning in warnings_about(explanation.mart):
        yield f"warning     {warning}"
    yield (
        f"mart        {explanation.mart}, {explanation.row_count} of its rows:"
        f" {explanation.grain}"
    )
    if explanation.sql is not None:
        yield f"sql         {explanation.sql}"
    estimated = ", estimated" if explanation.is_estimated else ""
    yield f"basis       {explanation.basis}{estimated}"
    for state in explanation.states:
        reason = f": {state.reason}" if state.reason else ""
        yield f"state       {state.billing_month} {state.state}{reason}"
    for missing in explanation.missing:
        yield f"lacks       {missing}"
    yield (
        f"run         {explanation.run_id}, triptych {explanation.triptych_version},"
        f" evidence as of {to_text(explanation.evidence_as_of)}"
    )
    yield from _nodes(explanation)
    yield from _versions(explanation)
    yield from _evidence(explanation)


def _again(explanation: Explanation) -> str:
    again = explanation.rederivation
    if again.is_equal is None:
        return again.verdict
    count = again.line_item_count
    by = f"{count} line items" if count is not None else again.method
    return f"re-derived from {by}: {to_text(again.value)}, {again.verdict}"


def _nodes(explanation: Explanation) -> Iterable[str]:
    """Yield the models that it is made of, a line for each layer, nearest first."""
    layers: dict[str, list[str]] = {}
    for node in explanation.nodes:
        schema, name = node.split(".", 1)
        layers.setdefault(schema, []).append(name)
    for schema, names in layers.items():
        yield f"{'models':12}{schema}: {', '.join(names)}"


def _versions(explanation: Explanation) -> Iterable[str]:
    for version in explanation.versions:
        yield f"version     {version.version[:_CHECKSUM_DIGITS]}  {version.name}"
    for rate in explanation.exchange_rates:
        found = "no rate" if rate.rate is None else f"{rate.rate.normalize():f}"
        source = f", {rate.rate_source} ({rate.rate_rule})" if rate.rate_source else ""
        yield (
            f"rate        {rate.billing_month} {rate.from_currency} to"
            f" {rate.to_currency}: {found}{source}"
        )


def _evidence(explanation: Explanation) -> Iterable[str]:
    for part in explanation.rederivation.parts:
        whole = f" of {to_text(part.share_of)}" if part.share_of is not None else ""
        equal = "equal" if part.is_equal else f"re-derived {_text(part.rederived)}"
        yield f"part        {part.name}: {_text(part.published)}{whole}, {equal}"
    for load in explanation.loads:
        checksum = load.checksums[0][:_CHECKSUM_DIGITS] if load.checksums else "no file"
        refused = load.quarantined_row_count
        yield (
            f"load        {load.source} {load.stream}: {load.label},"
            f" {load.row_count} rows{f', {refused} refused' if refused else ''},"
            f" loaded {to_text(load.loaded_at)}, {checksum}"
        )
    count = explanation.rederivation.line_item_count
    row_count = sum(load.row_count for load in explanation.loads)
    if count is not None and count < row_count:
        yield (
            f"            {count} line items of the ledger make the figure, of"
            f" {row_count} rows in these loads: the others are of other months, steps"
            " or owners"
        )
    for row in explanation.refused:
        yield (
            f"refused     {row.source} {row.stream}: {row.row_count} rows,"
            f" {row.reason}; triptych quarantine show {row.source}"
        )
    files = explanation.files
    unknown = f"; {files.unknown_count} cannot be" if files.unknown_count else ""
    yield f"files       {files.checked_count} compared with their checksums{unknown}"
    for changed in files.changed:
        yield f"changed     {changed}"


def _text(value: object) -> str:
    return "not known" if value is None else to_text(value)
