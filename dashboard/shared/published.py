"""Asks the published warehouse, and remembers small answers for their run."""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

import duckdb
import pyarrow as pa
import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from triptych.core.warehouse.reader import Snapshot


# Without a server Streamlit caches just as well, but warns users who export a file.
logging.getLogger("streamlit.runtime.caching.cache_data_api").setLevel(logging.ERROR)

P = ParamSpec("P")
R = TypeVar("R")


def per_run(
    query: Callable[Concatenate[Snapshot, P], R],
) -> Callable[Concatenate[Snapshot, P], R]:
    """Remember a small answer for the run it came from, and only for that run.

    The visible part of a run is part of the key: nobody is handed an answer that was
    cached for somebody who may see more.
    """

    @wraps(query)
    def ask(snapshot: Snapshot, /, *args: P.args, **kwargs: P.kwargs) -> R:
        def answer() -> R:
            return query(snapshot, *args, **kwargs)

        # Streamlit takes half a millisecond to make a key of each argument, and a page
        # asks sixty times. A value that can be hashed writes itself whole; a table,
        # which would leave rows out, cannot be.
        named = (query.__module__, query.__name__, str(snapshot.path))
        asked = (*named, snapshot.viewed_as, args, tuple(sorted(kwargs.items())))
        hash(asked)
        return cast("R", _remembered(repr(asked), answer))

    return ask


# A reader of all pages asks some four hundred times, twenty readers not all alike.
@st.cache_data(max_entries=4096, show_spinner=False)
def _remembered(key: str, _answer: Callable[[], object]) -> object:
    del key  # only for the cache
    return _answer()


def table(snapshot: Snapshot, sql: str, **parameters: object) -> pa.Table:
    """Return the answer as a table."""
    return snapshot.query(sql, parameters or None)


def table_of(snapshot: Snapshot, mart: str, sql: str, **parameters: object) -> pa.Table:
    """Return the answer as a table without a row where a run lacks the mart."""
    if not has_mart(snapshot, mart):
        return pa.table({})
    return table(snapshot, sql, **parameters)


def rows(snapshot: Snapshot, sql: str, **parameters: object) -> list[dict[str, Any]]:
    """Return the answer as rows."""
    answer: list[dict[str, Any]] = table(snapshot, sql, **parameters).to_pylist()
    return answer


def one(snapshot: Snapshot, sql: str, **parameters: object) -> dict[str, Any]:
    """Return the only row of the answer."""
    return rows(snapshot, sql, **parameters)[0]


@per_run
def has_mart(snapshot: Snapshot, name: str) -> bool:
    """Return True if a run has a mart: an earlier version may lack it."""
    try:
        table(snapshot, f"SELECT 1 FROM {name} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True
