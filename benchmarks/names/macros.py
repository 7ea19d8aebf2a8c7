"""Macros of the dbt project rendered for DuckDB, without a workspace."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2

from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Callable


class _DuckDbAdapter:
    """Dispatches to what is rendered for DuckDB."""

    def __init__(self) -> None:
        self.macros: Any = None

    def dispatch(self, name: str, _project: str) -> Callable[..., str]:
        found: Callable[..., str] = getattr(self.macros, f"default__{name}")
        return found


@cache
def token_macros() -> Any:  # noqa: ANN401
    """Return the macros on kinds; ``return`` prints what it is given."""
    folder = dbt_project_dir() / "macros"
    sources = [folder / "engine" / "text.sql", folder / "charged_kinds.sql"]
    adapter = _DuckDbAdapter()
    environment = jinja2.Environment(  # noqa: S701  (renders SQL)
        extensions=["jinja2.ext.do"]
    )
    known: dict[str, Any] = environment.globals
    known |= {"adapter": adapter, "return": lambda text: text}
    text = "\n".join(path.read_text("utf-8") for path in sources)
    adapter.macros = environment.from_string(text).module
    return adapter.macros
