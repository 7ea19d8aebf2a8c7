"""Renders the few models that read rules, from dbt's manifest.

dbt compiles the project, once for all rules. Only rules differ between workspaces, and
starting dbt takes forty times as long as rendering the models that read them. Models
that cannot be rendered here are compiled by dbt.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Name of the project, as dbt has it.
PACKAGE: Final = "triptych"
_ENGINES: Final = ("duckdb", "default")


class _ReturnedError(Exception):
    """Raised by ``return`` in a macro, to hand on a value that is no text."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401  (whatever a macro returns)
        super().__init__()
        self.value = value


@dataclass(slots=True)
class Renderer:
    """Macros of the project, for a single set of rules.

    Parameters
    ----------
    macros : mapping of str to str
        Macro of the project → its text.
    relations : mapping of str to str
        Name of a model, or ``group.table`` of a source → its relation.
    rules : mapping of str to sequence
        Rules by the name under which models look them up.
    """

    macros: Mapping[str, str]
    relations: Mapping[str, str]
    rules: Mapping[str, Sequence[Any]]
    _environment: SandboxedEnvironment = field(init=False)

    def __post_init__(self) -> None:
        """Make every macro callable from every other, as dbt does."""
        self._environment = SandboxedEnvironment(
            extensions=["jinja2.ext.do"], undefined=StrictUndefined
        )
        known: dict[str, Any] = self._environment.globals
        known.update(self._context())
        for name, text in self.macros.items():
            known[name] = self._callable(name, text)
        known["rules"] = lambda name: self.rules.get(name, [])

    def sql_of(self, raw_code: str) -> str:
        """Return the SQL of a model.

        Raises
        ------
        jinja2.TemplateError
            It uses something that only dbt knows.
        """
        return self._environment.from_string(raw_code).render()

    def _context(self) -> dict[str, Any]:
        return {
            "return": _return,
            "adapter": _Adapter(self._environment.globals),
            "ref": lambda name: self.relations[name],
            "source": lambda group, table: self.relations[f"{group}.{table}"],
            "config": lambda **_: "",
            "var": lambda _, default=None: default,
            "is_incremental": lambda: False,
            "fromjson": json.loads,
            "modules": {"re": re},
            "execute": True,
        }

    def _callable(self, name: str, text: str) -> Callable[..., Any]:
        made: list[Callable[..., Any]] = []

        def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401
            if not made:
                module = self._environment.from_string(text).module
                made.append(getattr(module, name))
            try:
                return made[0](*values, **named)
            except _ReturnedError as returned:
                return returned.value

        return call


@dataclass(frozen=True, slots=True)
class _Adapter:
    macros: Mapping[str, Any]

    def dispatch(self, name: str, package: str = PACKAGE) -> Callable[..., Any]:
        """Return the macro of the embedded engine, or that of all engines."""
        del package
        found: Callable[..., Any] = next(
            self.macros[f"{engine}__{name}"]
            for engine in _ENGINES
            if f"{engine}__{name}" in self.macros
        )
        return found


def _return(value: Any) -> None:  # noqa: ANN401
    raise _ReturnedError(value)
