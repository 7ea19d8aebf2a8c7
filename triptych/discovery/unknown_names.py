"""Names in rules that no bill has: tags, columns and services."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from ingest.streams import STREAMS, TAGS
from triptych.core.control.named_columns import delivered_columns
from triptych.core.settings.columns import TAG_PREFIX
from triptych.core.settings.match import template_columns
from triptych.core.settings.tag_keys import folded_key
from triptych.discovery.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from triptych.core.settings import Settings
    from triptych.discovery.file_report import FileReport

#: Columns of maps, whose entries rules may name.
_MAP_COLUMNS: Final = frozenset(
    column.name
    for stream in STREAMS.values()
    for column in stream.columns
    if column.type == TAGS
)
_SERVICES: Final = ("service_name", "service_provider_name")
#: A value may be of a bill yet to come, unless it is nearly one that bills have.
_NEARLY: Final = 0.8


def unknown_names(
    connection: duckdb.DuckDBPyConnection,
    bills: Sequence[FileReport],
    settings: Settings,
) -> Iterator[Observation]:
    """Name tags, columns and services of rules that no bill has."""
    if not bills:
        return
    yield from _tags(bills, settings)
    yield from _columns(bills, settings)
    yield from _services(connection, bills, settings)


def _tags(bills: Sequence[FileReport], settings: Settings) -> Iterator[Observation]:
    delivered = {tag.key for bill in bills for tag in bill.tags}
    known = {folded_key(key): key for key in delivered}
    for rule in settings.allocation.assignments:
        looked_at = [each.column for each in rule.match]
        for column in dict.fromkeys([*looked_at, *template_columns(rule.target)]):
            key = column.removeprefix(TAG_PREFIX)
            if not column.startswith(TAG_PREFIX) or folded_key(key) in known:
                continue
            near = difflib.get_close_matches(folded_key(key), known, n=1)
            nearest = f"; the nearest is {known[near[0]]!r}" if near else ""
            keys = ", ".join(sorted(delivered)[:8]) or "none"
            yield Observation(
                "note",
                f"Rule {rule.name!r} of allocation.yml looks for the tag {key!r}, which"
                f" no bill carries{nearest}.",
                f"Tags on the bills: {keys}.",
            )


def _columns(bills: Sequence[FileReport], settings: Settings) -> Iterator[Observation]:
    delivered = {name.casefold(): name for bill in bills for name in bill.columns}
    for name in sorted(delivered_columns(settings)):
        # An entry of a column of maps, such as cost_category.Team.
        if name.casefold() in delivered or name.partition(".")[0] in _MAP_COLUMNS:
            continue
        near = difflib.get_close_matches(name.casefold(), delivered, n=1)
        nearest = f"; the nearest is {delivered[near[0]]!r}" if near else ""
        yield Observation(
            "note",
            f"Rules look at the column {name!r}, which no bill has{nearest}.",
            "Correct the name in allocation.yml or catalog.yml.",
        )


def _services(
    connection: duckdb.DuckDBPyConnection,
    bills: Sequence[FileReport],
    settings: Settings,
) -> Iterator[Observation]:
    """Name services and vendors that are nearly spelt as on the bills."""
    if any(bill.is_sampled for bill in bills):
        return
    rules = (*settings.allocation.scope, *settings.allocation.assignments)
    for column in _SERVICES:
        looked_for = {
            value: rule.name
            for rule in rules
            for condition in rule.match
            if condition.column == column and condition.operator in {"equals", "in"}
            for value in condition.values
        }
        if not looked_for:
            continue
        tables = " UNION ".join(f"SELECT {column} FROM {b.table}" for b in bills)
        delivered = {str(value) for (value,) in connection.execute(tables).fetchall()}
        for value in sorted(looked_for.keys() - delivered):
            near = difflib.get_close_matches(value, delivered, n=1, cutoff=_NEARLY)
            if near:
                yield Observation(
                    "note",
                    f"Rule {looked_for[value]!r} of allocation.yml looks for"
                    f" {value!r}, which no bill has; the nearest is {near[0]!r}.",
                    f"Write {near[0]!r} there, unless such a bill is yet to come.",
                )
