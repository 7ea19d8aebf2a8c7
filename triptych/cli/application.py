"""The application: how failures are told and which exit code they end with."""

from __future__ import annotations

import sys
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from triptych import __version__
from triptych.errors import TriptychError

if TYPE_CHECKING:
    from triptych.progress import JsonProgress

_UNEXPECTED = 1
_VERBOSE = "triptych.verbose"
#: Where the command that runs now writes its lines of JSON; None: it writes text.
_LINES: ContextVar[JsonProgress | None] = ContextVar("lines", default=None)


class CommandGroup(TyperGroup):
    """Runs a command and tells its failure in the reader's words."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  (typer's own types are private)
        """Run the command; a failure ends with the exit code of its kind."""
        _LINES.set(None)
        try:
            return super().invoke(ctx)
        except TriptychError as error:
            code, text = error.exit_code, str(error)
            failure: Exception = error
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001  (the last to catch it)
            code, text = _UNEXPECTED, _unexpected(error)
            failure = error
        _tell(failure, text, code, is_verbose=bool(ctx.meta.get(_VERBOSE)))
        raise typer.Exit(code)


def _tell(failure: Exception, text: str, code: int, *, is_verbose: bool) -> None:
    lines = _LINES.get()
    if lines is None:
        if is_verbose:
            traceback.print_exception(failure)
        print(text, file=sys.stderr)
        return
    trace = {"traceback": "".join(traceback.format_exception(failure))}
    lines.record(
        "failure",
        level="error",
        error=text,
        exit_code=code,
        **(trace if is_verbose else {}),
    )


def tell_as_json(lines: JsonProgress) -> None:
    """Tell a failure of the command that runs now as a line of JSON."""
    _LINES.set(lines)


def remember_verbosity(ctx: typer.Context, is_verbose: bool) -> bool:  # noqa: FBT001
    """Keep ``-v`` where the group finds it when the command has failed."""
    ctx.meta[_VERBOSE] = is_verbose
    return is_verbose


def new_application() -> typer.Typer:
    """Return the application without commands."""
    application = typer.Typer(
        cls=CommandGroup,
        name="triptych",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="What AI costs, how fast it is delivered, and what it earns.",
    )
    application.callback()(_options)
    return application


def _print_version(is_asked: bool) -> None:  # noqa: FBT001  (a flag's callback)
    if is_asked:
        print(f"triptych {__version__}")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _unexpected(error: Exception) -> str:
    reason = " ".join(str(error).split()).rstrip(".!")
    kind = type(error).__name__
    told = f"{kind}: {reason}" if reason else kind
    return (
        f"Something unexpected went wrong: {told}."
        " Run the command again with -v for details."
    )


__all__ = [
    "CommandGroup",
    "new_application",
    "remember_verbosity",
    "tell_as_json",
]
