"""Space out the requests of a client in time."""

from __future__ import annotations

import threading
import time


class Pace:
    """Interval between requests, over all threads of a client."""

    def __init__(self, requests_per_second: float | None) -> None:
        self._gap_seconds = 1 / requests_per_second if requests_per_second else 0.0
        self._next_at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next_at)
            self._next_at = start + self._gap_seconds
        if start > now:
            time.sleep(start - now)
