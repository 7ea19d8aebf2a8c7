"""dbt, in a process that ends as soon as the run that started it is gone.

A run can be killed at any moment. An orphaned dbt would go on writing the build
database while the next run opens it, so this process listens on its standard input,
whose other end the run holds: when that closes, nobody waits for dbt any more.

Loading dbt and reading its project takes longer than building a small company's
marts, so one process runs every command of a run: each is a line of standard input,
the JSON list of its arguments, and ends with a line that says how it ended.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Name of the line after the last event of a command; its message is the exit code.
COMMAND_ENDED = "CommandEnded"
#: Events that are told: how far it is, and what went wrong.
TOLD_EVENTS = frozenset({"LogModelResult", "LogTestResult"})

_EXIT_CODE_OF_AN_ORPHAN = 70
#: Objects that are made before those are looked for that nobody holds. dbt makes many
#: and lets most of them go by itself; looking was a tenth of a small build.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run the commands of standard input, one after the other, until it closes."""
    listener = _Listener()
    threading.Thread(target=listener.listen, daemon=True).start()
    # Paths in the profile are relative to the workspace: what dbt has read of the
    # project is then the same for every workspace, and is kept for the next.
    os.chdir(os.environ["TRIPTYCH_ROOT"])
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    for arguments in listener.commands():
        _tell(COMMAND_ENDED, "info", str(_Dbt.invoke(arguments)))
        listener.is_busy = False


class _Dbt:
    """dbt within this process, and the project as it was read for the first command."""

    manifest: Any = None

    @classmethod
    def invoke(cls, arguments: Sequence[str]) -> int:
        from dbt.adapters.duckdb.connections import (  # noqa: PLC0415
            DuckDBConnectionManager,
        )
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        from triptych.dbt_events import make_only_heard_events  # noqa: PLC0415

        make_only_heard_events()
        runner = dbtRunner(manifest=cls.manifest, callbacks=[_tell_what_counts])
        result = runner.invoke(list(arguments))
        # The run looks at the build database between two commands.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        if result.exception is not None:
            _tell("Exception", "error", str(result.exception))
        elif arguments[0] == "parse":
            cls.manifest = result.result
            # What was read of the project is there until the end.
            gc.freeze()
        return 0 if result.success else 1


def _tell_what_counts(event: Any) -> None:  # noqa: ANN401  (dbt's own type)
    info = event.info
    if info.name in TOLD_EVENTS or info.level == "error":
        _tell(info.name, info.level, info.msg)


def _tell(name: str, level: str, message: str) -> None:
    line = {"info": {"name": name, "level": level, "msg": message}}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class _Listener:
    """Reads commands; the end of the run ends this process, whatever it is doing."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[list[str] | None] = SimpleQueue()
        self.is_busy = False

    def listen(self) -> None:
        received = b""
        # Read without the interpreter's buffer, which a daemon thread may not hold
        # while the process ends by itself.
        while chunk := os.read(sys.stdin.fileno(), 65536):
            *lines, received = (received + chunk).split(b"\n")
            for line in lines:
                # Busy from here on: who sent it may be gone before it is begun.
                self.is_busy = True
                self._queue.put(json.loads(line))
        if self.is_busy:
            os._exit(_EXIT_CODE_OF_AN_ORPHAN)
        self._queue.put(None)

    def commands(self) -> Iterator[list[str]]:
        while (arguments := self._queue.get()) is not None:
            yield arguments


def end_with_the_run(say_farewell: Callable[[], None] | None = None) -> None:
    """Wait until nobody holds standard input any more, and end this process.

    Parameters
    ----------
    say_farewell : callable, optional
        Called before the end, for what goes on elsewhere.
    """
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if say_farewell is not None:
        say_farewell()
    os._exit(_EXIT_CODE_OF_AN_ORPHAN)


if __name__ == "__main__":
    main()
