"""dbt's events, of which only those are made that somebody hears.

For each node dbt tells twenty times at level debug what it is doing. It builds each
message, and only then finds that the log is at level info: a seventh of the time that
a build of small marts takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager

if TYPE_CHECKING:
    from dbt_common.events.base_types import BaseEvent

_UNHEARD = (EventLevel.DEBUG, EventLevel.TEST)


class HeardEvents(EventManager):
    """dbt's manager of events, which passes over those that no log would write.

    Callbacks get no event of level debug either, unless a log is at that level.
    """

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,  # noqa: ANN401  (dbt's own signature)
        force_warn_or_error_handling: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Pass an event on to logs and callbacks if one of them may want it."""
        if force_warn_or_error_handling or self._is_heard(level or e.level_tag()):
            super().fire_event(e, level, node, force_warn_or_error_handling)

    def _is_heard(self, level: EventLevel) -> bool:
        return level not in _UNHEARD or any(
            logger.level in _UNHEARD for logger in self.loggers
        )


def make_only_heard_events() -> None:
    """Let this process's dbt make only events that a log or a callback hears."""
    ctx_set_event_manager(HeardEvents())


__all__ = ["HeardEvents", "make_only_heard_events"]
