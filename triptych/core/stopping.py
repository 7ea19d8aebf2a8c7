"""Stopping a command from outside: it releases resources and reports it.

Ctrl-C and the signal with which services are stopped end a command in the same way. A
second signal ends it at once.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)
#: Default handlers of every process.
_UNTOUCHED = (signal.SIG_DFL, signal.default_int_handler)
#: The signal that stopped the current command. A library that is interrupted may raise
#: a different error.
_received: list[signal.Signals] = []


class StoppedError(TriptychError):
    """Somebody stopped the command before it was done.

    It ends with 128 and the number of the signal, as shells have it.
    """

    exit_code = 128 + signal.SIGINT

    def __init__(self, signal_name: str) -> None:
        self.signal = signal.Signals[signal_name]
        by = "Ctrl-C" if self.signal is signal.SIGINT else signal_name
        super().__init__(
            f"Stopped by {by} before it was done.",
            next_step="What is published stays, and nothing is counted twice: run the"
            " same command again.",
        )


@contextmanager
def stoppable() -> Iterator[None]:
    """Let the signals that stop a command end it as Ctrl-C does, while it runs."""
    _received.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {
        number: signal.signal(number, _stop)
        for number in _STOPPING
        if signal.getsignal(number) in _UNTOUCHED
    }
    try:
        yield
    finally:
        # Python remembers an interrupt of text that it executed, such as a method of a
        # dataclass, and ends by that, caught or not, until it executes another text.
        exec("")  # noqa: S102
        for number, handler in former.items():
            if signal.getsignal(number) is _stop:
                signal.signal(number, handler)


def stopped_by(error: BaseException) -> str | None:
    """Return the name of the signal that caused an error, if any did."""
    if _received:
        return _received[0].name
    return signal.SIGINT.name if isinstance(error, KeyboardInterrupt) else None


def _stop(number: int, _frame: FrameType | None) -> None:
    if _received:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    _received.append(signal.Signals(number))
    raise KeyboardInterrupt
