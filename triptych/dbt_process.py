"""dbt, in a process that ends as soon as the run that started it is gone.

A run can be killed at any moment. An orphaned dbt would go on writing the build
database while the next run opens it, so this process listens on its standard input,
whose other end the run holds: when that closes, nobody waits for dbt any more.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from dbt.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Callable

_EXIT_CODE_OF_AN_ORPHAN = 70


def main() -> None:
    """Run dbt with the arguments of this process."""
    threading.Thread(target=end_with_the_run, daemon=True).start()
    cli()


def end_with_the_run(say_farewell: Callable[[], None] | None = None) -> None:
    """Wait until nobody holds standard input any more, and end this process.

    Parameters
    ----------
    say_farewell : callable, optional
        Called before the end, for what goes on elsewhere.
    """
    # Read without the interpreter's buffer, which a daemon thread may not hold while
    # the process ends by itself.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if say_farewell is not None:
        say_farewell()
    os._exit(_EXIT_CODE_OF_AN_ORPHAN)


if __name__ == "__main__":
    main()
