"""dbt, in a process that ends as soon as the run that started it is gone.

A run can be killed at any moment. An orphaned dbt would go on writing the build
database while the next run opens it, so this process listens on its standard input; the
run holds the other end: when that closes, nobody waits for dbt any more.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Events that are reported: progress, and errors.
TOLD_EVENTS = frozenset({"LogModelResult", "LogTestResult"})

_EXIT_CODE_OF_AN_ORPHAN = 70
#: Objects that are made before those are looked for that nobody holds. dbt makes many
#: and lets most of them go by itself; looking was a tenth of a small build.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run the given command, and end with the holder of standard input."""
    threading.Thread(target=end_with_the_run, daemon=True).start()
    # Paths in the profile are relative to the workspace: dbt's parsed project is then
    # the same for every workspace, and is kept for the next.
    os.chdir(os.environ["TRIPTYCH_ROOT"])
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    sys.exit(_invoke(sys.argv[1:]))


def _invoke(arguments: Sequence[str]) -> int:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    result = dbtRunner(callbacks=[_tell_what_counts]).invoke(list(arguments))
    if result.exception is not None:
        _tell("Exception", "error", str(result.exception))
    return 0 if result.success else 1


def _tell_what_counts(event: Any) -> None:  # noqa: ANN401  (dbt's own type)
    info = event.info
    if info.name in TOLD_EVENTS or info.level == "error":
        _tell(info.name, info.level, info.msg)


def _tell(name: str, level: str, message: str) -> None:
    line = {"info": {"name": name, "level": level, "msg": message}}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def end_with_the_run(say_farewell: Callable[[], None] | None = None) -> None:
    """Wait until nobody holds standard input any more, and end this process.

    Parameters
    ----------
    say_farewell : callable, optional
        Called before the end, for work that goes on elsewhere.
    """
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if say_farewell is not None:
        say_farewell()
    os._exit(_EXIT_CODE_OF_AN_ORPHAN)


if __name__ == "__main__":
    main()
