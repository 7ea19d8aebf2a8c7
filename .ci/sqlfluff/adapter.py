"""Stands in for dbt's ``adapter`` and ``return`` while SQL is linted without dbt.

A Jinja macro gives back text. dbt's ``return`` ends the macro and hands its caller
any value, such as a list to loop over; loading this module teaches Jinja the same.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.runtime import Macro

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.runtime import Context


# A file's tree is a million objects that live until the file is done: for an eighth of
# the time the collector went through them again and again, and found nothing.
gc.set_threshold(100_000, 20, 20)


class _Returned(Exception):  # noqa: N818  (it is no error)
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


#: The one place that runs a macro. This module is loaded anew for each file that is
#: linted: what it replaces is Jinja's own, never what it put there before.
_invoke_as_text = getattr(Macro, "_invoke_as_text", Macro._invoke)  # noqa: SLF001


def _invoke(macro: Macro, arguments: list[Any], autoescape: bool) -> object:  # noqa: FBT001
    if macro.name == "return":
        raise _Returned(arguments[0])
    try:
        return _invoke_as_text(macro, arguments, autoescape)
    except _Returned as returned:
        return returned.value


Macro._invoke_as_text = _invoke_as_text  # type: ignore[attr-defined]  # noqa: SLF001
Macro._invoke = _invoke  # type: ignore[assignment]  # noqa: SLF001


@pass_context
def dispatch(context: Context, name: str, _package: str) -> Callable[..., str]:
    """Return the macro that the default engine uses."""
    macro: Callable[..., str] = context[f"default__{name}"]
    return macro
