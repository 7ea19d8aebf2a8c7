"""Asks the published warehouse, and remembers small answers for their run."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from triptych.warehouse.reader import Snapshot


P = ParamSpec("P")
R = TypeVar("R")


def per_run(
    query: Callable[Concatenate[Snapshot, P], R],
) -> Callable[Concatenate[Snapshot, P], R]:
    """Remember a small answer for the run it came from, and only for that run."""

    @wraps(query)
    def ask(snapshot: Snapshot, /, *args: P.args, **kwargs: P.kwargs) -> R:
        def answer() -> R:
            return query(snapshot, *args, **kwargs)

        key = (query.__module__, query.__name__, str(snapshot.path))
        result: R = _remembered(key, args, kwargs, answer)
        return result

    return ask


@st.cache_data(max_entries=512, show_spinner=False)
def _remembered(
    key: tuple[str, str, str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    _answer: Callable[[], Any],
) -> Any:
    del key, args, kwargs  # only parts of the cache key
    return _answer()


def table(snapshot: Snapshot, sql: str, **parameters: Any) -> pa.Table:
    return snapshot.query(sql, parameters or None)


def rows(snapshot: Snapshot, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table(snapshot, sql, **parameters).to_pylist()
    return rows


def one(snapshot: Snapshot, sql: str, **parameters: Any) -> dict[str, Any]:
    return rows(snapshot, sql, **parameters)[0]


def ratio(numerator: str, denominator: str) -> str:
    return f"cast({numerator} as double) / nullif(cast({denominator} as double), 0)"
