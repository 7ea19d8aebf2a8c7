"""Sends a message through Apprise: e-mail, Slack, Teams, PagerDuty and many more.

``apprise`` is an extra, imported only where a message is sent. An address may hold a
password, so it is in the environment and in no error.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from triptych.core.errors import SettingsError, TriptychError

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings.notify import ChannelSettings


class ChannelError(TriptychError):
    """A channel did not take a message; it is tried again with the next run."""


def send(
    channel: ChannelSettings, *, title: str, body: str, attached: Path | None = None
) -> None:
    """Send a plain text message, with a file if a channel takes any.

    Raises
    ------
    SettingsError
        The address is missing or unknown to Apprise, or it is not installed.
    ChannelError
        The channel did not take the message.
    """
    where = f"notify.channels, {channel.name}"
    address = os.environ.get(channel.url_variable, "")
    if not address:
        raise SettingsError(
            f"The variable {channel.url_variable} has no address.",
            where=where,
            next_step="Set it to an Apprise address, such as mailtos://… or slack://….",
        )
    try:
        import apprise  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        raise SettingsError(
            "The library apprise is not installed.",
            where=where,
            next_step="Install it as triptych[notify]: the quick start says how.",
        ) from error
    # A redirect is followed by a GET without the message.
    asset = apprise.AppriseAsset(app_id="triptych", http_redirects=False)
    notifier = apprise.Apprise(asset=asset)
    if not notifier.add(address):
        raise SettingsError(
            f"Apprise does not understand the address in {channel.url_variable}.",
            where=where,
            next_step="Look at the form of the service in Apprise's documentation.",
        )
    # An address given twice is a single place, and gets a single message.
    services = {service.url(): service for service in notifier}
    notifier = apprise.Apprise(list(services.values()), asset=asset)
    if not notifier.notify(
        title=title,
        body=body,
        body_format=apprise.NotifyFormat.TEXT,
        attach=None if attached is None else str(attached),
    ):
        raise ChannelError(
            f"Channel {channel.name} did not take the message.",
            where=where,
            next_step=f"Look at the address in {channel.url_variable} and at the"
            " service; alerts wait and are tried again with the next run.",
        )
