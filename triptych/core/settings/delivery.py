"""``triptych.yml``, ``delivery``: production names, and waiting periods."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.validity import (
    Day,
    ends_before_it_starts,
    overlapping_pairs,
)

#: Fewer people than this are never shown; a convention of workplace surveys.
LEAST_GROUP_SIZE: Final = 5


def _is_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        text = f"{name!r} is no time zone; write it as Europe/Berlin or UTC"
        raise ValueError(text) from error
    return name


class LoadedHourlyRate(Declared):
    """Fully loaded cost of an hour of work, in the workspace's currency.

    Without ``team`` it holds for all teams without a specific rate.
    """

    amount: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=4)]
    team: Name | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None


class DeliverySettings(Declared):
    """Rules of the delivery metrics.

    ``time_zone`` cuts days, weeks and months of events, and nothing else.
    ``maturity_days`` is the period in which a deployment may turn out to have failed;
    ``incident_window_hours`` the period after a deployment in which an incident that
    names no cause is put down to it. ``smallest_group`` is the minimum of people that
    may be shown together, five or more. ``loaded_hourly_rates`` turn hours of incidents
    into money; without a rate, nobody knows the cost of an incident.
    """

    time_zone: Annotated[str, AfterValidator(_is_time_zone)] = "UTC"
    production_environments: tuple[Name, ...] = ("production", "prod", "live")
    production_aliases: tuple[Name, ...] = ("production", "champion")
    maturity_days: Annotated[int, Field(ge=1, le=90)] = 7
    incident_window_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24
    smallest_group: Annotated[int, Field(ge=LEAST_GROUP_SIZE)] = LEAST_GROUP_SIZE
    loaded_hourly_rates: tuple[LoadedHourlyRate, ...] = ()

    @model_validator(mode="after")
    def _has_one_rate_for_a_day(self) -> Self:
        rates = self.loaded_hourly_rates
        path = "loaded_hourly_rates"
        complaints = [
            Complaint((path, position, "valid_to"), "the rate ends before it starts.")
            for position, rate in enumerate(rates)
            if ends_before_it_starts(rate)
        ]
        teams = [rate.team or "all teams" for rate in rates]
        complaints += [
            Complaint((path, second), f"{teams[second]} has two rates for a day.")
            for _, second in overlapping_pairs(rates, teams)
        ]
        if complaints:
            raise complaints_error(complaints)
        return self
