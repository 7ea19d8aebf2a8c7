"""``triptych.yml``, ``delivery``: what is production, and how long one waits."""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from triptych.settings.names import Name

#: Fewer people than this are never shown; a convention of workplace surveys.
LEAST_GROUP_SIZE: Final = 5


def _is_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        text = f"{name!r} is no time zone; write it as Europe/Berlin or UTC"
        raise ValueError(text) from error
    return name


class DeliverySettings(BaseModel):
    """Rules of the delivery metrics.

    ``time_zone`` cuts days, weeks and months of events, and nothing else.
    ``maturity_days`` is how long a deployment may turn out to have failed;
    ``incident_window_hours`` how long after a deployment an incident that names no
    cause is put down to it. ``smallest_group`` is how few people may be shown
    together, five or more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: Annotated[str, AfterValidator(_is_time_zone)] = "UTC"
    production_environments: tuple[Name, ...] = ("production", "prod", "live")
    production_aliases: tuple[Name, ...] = ("production", "champion")
    maturity_days: Annotated[int, Field(ge=1, le=90)] = 7
    incident_window_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24
    smallest_group: Annotated[int, Field(ge=LEAST_GROUP_SIZE)] = LEAST_GROUP_SIZE


__all__ = ["LEAST_GROUP_SIZE", "DeliverySettings"]
