"""SQL that names doubtful figures, from the macros that the models use."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from triptych.core.marts.rendering import Renderer
from triptych.core.project_folder import dbt_project_dir

_MACRO: Final = re.compile(r"\{% macro (\w+)\(.*?\{%-? endmacro %\}", re.DOTALL)


def doubtful_sql(call: str) -> str:
    """Return the SQL of a macro's call, such as ``doubtful_meters('daily')``."""
    return _renderer().sql_of("{{ " + call + " }}")


@cache
def _renderer() -> Renderer:
    folder = dbt_project_dir() / "macros"
    files = (folder / "engine" / "money.sql", folder / "doubtful_inputs.sql")
    text = "".join(path.read_text("utf-8") for path in files)
    macros = {match[1]: match[0] for match in _MACRO.finditer(text)}
    return Renderer(macros, relations={}, rules={})
