"""The application: failure messages and their exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from triptych import __version__
from triptych.core.machine_errors import as_expected
from triptych.core.stopping import StoppedError, stoppable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from triptych.core.errors import TriptychError
    from triptych.core.progress import JsonProgress

_UNEXPECTED = 1
#: Shell exit code of a command that a signal ended: this plus the signal's number.
_BY_A_SIGNAL = 128
_VERBOSE = "triptych.verbose"
#: Destination of the current command's lines of JSON; None: it writes text.
_LINES: ContextVar[JsonProgress | None] = ContextVar("lines", default=None)


class Commands(Mapping[str, Any]):
    """Commands by their names, each made when it is first asked for.

    To make all of them takes sixty milliseconds of a processor: as long as most
    questions take to be answered.

    Parameters
    ----------
    offered : mapping
        Name → function of a command, or application with subcommands.
    """

    def __init__(
        self, offered: Mapping[str, Callable[..., object] | typer.Typer]
    ) -> None:
        self._offered = offered
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  (typer's own types are private)
        """Return the command of a name."""
        if name not in self._made:
            self._made[name] = _made(name, self._offered[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names, in the order in which help has them."""
        return iter(self._offered)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._offered)


def _made(name: str, of: Callable[..., object] | typer.Typer) -> Any:  # noqa: ANN401
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    if isinstance(of, typer.Typer):
        alone.add_typer(of, name=name)
        group: Any = get_command(alone)
        return group.commands[name]
    alone.command(name)(of)
    return get_command(alone)


class CommandGroup(TyperGroup):
    """Command group that reports failures in the reader's words."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  (typer's own types are private)
        """Run the command; a failure ends with the exit code of its kind."""
        _LINES.set(None)
        try:
            with stoppable():
                return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the last one)
            failure: BaseException = error
        command = f"triptych {ctx.invoked_subcommand or ''}".strip()
        expected = as_expected(failure)
        code = _UNEXPECTED if expected is None else _exit_code(expected)
        text = _unexpected(failure) if expected is None else _located(expected, command)
        _tell(failure, text, code, is_verbose=bool(ctx.meta.get(_VERBOSE)))
        raise typer.Exit(code)


def _exit_code(failure: TriptychError) -> int:
    if isinstance(failure, StoppedError):
        return _BY_A_SIGNAL + failure.signal
    return failure.exit_code


def _located(failure: TriptychError, command: str) -> str:
    """Return a failure as text; its place is the command where it names none."""
    is_located = failure.where or "\n" in failure.what
    return str(failure) if is_located else f"{command}: {failure}"


def _tell(failure: BaseException, text: str, code: int, *, is_verbose: bool) -> None:
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
    """Report a failure of the current command as a line of JSON."""
    _LINES.set(lines)


def remember_verbosity(ctx: typer.Context, is_verbose: bool) -> bool:  # noqa: FBT001
    """Keep ``-v`` where the group finds it when the command has failed."""
    ctx.meta[_VERBOSE] = is_verbose
    return is_verbose


def new_application(
    offered: Mapping[str, Callable[..., object] | typer.Typer],
) -> typer.Typer:
    """Return the application with its commands by name."""
    commands = Commands(offered)

    class Group(CommandGroup):
        def __init__(self, **options: Any) -> None:  # noqa: ANN401  (typer's)
            super().__init__(**options | {"commands": commands})

    application = typer.Typer(
        cls=Group,
        name="triptych",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="What AI costs, how fast it is delivered, and what it returns.",
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


def _unexpected(error: BaseException) -> str:
    reason = " ".join(str(error).split()).rstrip(".!")
    kind = type(error).__name__
    told = f"{kind}: {reason}" if reason else kind
    return (
        f"Something unexpected went wrong: {told}."
        " Run the command again with -v for details."
    )
