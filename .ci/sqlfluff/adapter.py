"""Stands in for dbt's ``adapter`` while SQL is linted without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import pass_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str, _package: str) -> Callable[..., str]:
    """Return the macro that the default engine uses."""
    macro: Callable[..., str] = context[f"default__{name}"]
    return macro
