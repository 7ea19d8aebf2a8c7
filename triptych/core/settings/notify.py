"""``notify``: which alerts go to whom, and when not."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    Field,
    field_validator,
    model_validator,
)

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.service import Variable

AlertKind = Literal[
    "anomaly",
    "budget",
    "budget_forecast",
    "month_red",
    "counted_twice",
    "source_stale",
    "new_unallocated_service",
    "commitment_lapsing",
    "study_concluded",
    "assumption_expiring",
]
Weekday = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
#: Options of a rule, and the alerts that read them.
_READ_BY: dict[str, tuple[str, ...]] = {
    "min_amount": ("anomaly", "new_unallocated_service"),
    "thresholds": ("budget",),
    "within_days": ("commitment_lapsing", "assumption_expiring"),
}


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            f"{name!r} is not a time zone, such as Europe/Berlin"
        ) from None
    return name


class ChannelSettings(Declared):
    """A destination of alerts.

    ``url_variable`` names the environment variable with its Apprise address, which may
    hold a password. ``teams`` are those with alerts sent to it; all, and alerts without
    an owner, where none is named.
    """

    name: Name
    url_variable: Variable
    teams: tuple[Name, ...] = ()


class RuleSettings(Declared):
    """A kind of alert, and the channels that get it."""

    alert: AlertKind
    channels: Annotated[tuple[Name, ...], Field(min_length=1)]
    min_amount: Annotated[float, Field(ge=0)] = 0
    thresholds: Annotated[
        tuple[Annotated[float, Field(gt=0, le=10)], ...], Field(min_length=1)
    ] = (1.0,)
    within_days: Annotated[int, Field(ge=1, le=366)] = 30

    @model_validator(mode="after")
    def _options_are_read(self) -> Self:
        complaints = [
            Complaint((name,), f"{name} means nothing to {self.alert!r}.")
            for name, kinds in _READ_BY.items()
            if name in self.model_fields_set and self.alert not in kinds
        ]
        if complaints:
            raise complaints_error(complaints)
        return self


class QuietHours(Declared):
    """Hours in which nothing is sent; alerts due then are sent afterwards."""

    begin: time
    end: time
    timezone: Annotated[str, AfterValidator(_is_zone)] = "UTC"

    @field_validator("begin", "end", mode="before")
    @classmethod
    def _is_time_of_day(cls, value: object) -> time:
        try:
            return time.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"{value!r} is not a time, such as '20:00'") from None

    def hold(self, moment: datetime) -> bool:
        """Return True if nothing is sent at a moment, which is aware."""
        local_time = moment.astimezone(ZoneInfo(self.timezone)).time()
        if self.begin <= self.end:
            return self.begin <= local_time < self.end
        return local_time >= self.begin or local_time < self.end


class DigestSettings(Declared):
    """Weekly message with its PDF for an audience, on a weekday in UTC."""

    audience: Literal["finance", "engineering", "team"]
    channels: Annotated[tuple[Name, ...], Field(min_length=1)]
    team: Name | None = None
    weekday: Weekday = "monday"

    @property
    def name(self) -> str:
        """Audience of the digest: ``finance``, or ``team vision``."""
        return self.audience if self.team is None else f"team {self.team}"

    @model_validator(mode="after")
    def _names_a_team_where_it_is_of_one(self) -> Self:
        if (self.audience == "team") == (self.team is not None):
            return self
        text = (
            "a digest of a team names it: 'team: vision'."
            if self.team is None
            else f"team means nothing to the digest of {self.audience!r}."
        )
        raise complaints_error([Complaint(("team",), text)])


class NotifySettings(Declared):
    """Channels, rules, digests and quiet hours; without rules nothing is sent."""

    channels: tuple[ChannelSettings, ...] = ()
    rules: tuple[RuleSettings, ...] = ()
    digests: tuple[DigestSettings, ...] = ()
    quiet_hours: QuietHours | None = None

    @model_validator(mode="after")
    def _channels_are_known_and_named_once(self) -> Self:
        names = [channel.name for channel in self.channels]
        known = ", ".join(names) or "none"
        complaints = [
            Complaint(("channels", position), f"channel {name!r} appears twice.")
            for position, name in enumerate(names)
            if name in names[:position]
        ]
        complaints += [
            Complaint(
                (part, position, "channels"),
                f"there is no channel {name!r}; channels: {known}.",
            )
            for part in ("rules", "digests")
            for position, each in enumerate(getattr(self, part))
            for name in each.channels
            if name not in names
        ]
        if complaints:
            raise complaints_error(complaints)
        return self
