"""``notify`` and ``alerts``: send alerts and record responses to them."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (for typer)
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table
from triptych.core.errors import TriptychError, UsageError

if TYPE_CHECKING:
    from triptych.core.alert_responses import AlertStanding
    from triptych.core.settings import Settings

alerts = typer.Typer(
    no_args_is_help=True,
    help="Alerts that were raised: list, acknowledge, assign and snooze them.",
)
AlertArgument = Annotated[
    str, typer.Argument(metavar="ALERT", help="Its id, as the list has it.")
]


@alerts.command("list")
def list_(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Acknowledged and snoozed ones, too.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """List the alerts that nobody has acknowledged or snoozed."""
    from triptych.core.alert_responses import read_alerts

    opened = open_workspace(workspace, is_verbose=verbose)
    found = read_alerts(opened.workspace.runs_dir)
    shown = [each for each in found if every or each.status == "open"]
    if as_json:
        print_json(shown)
        return
    print_table(
        ("id", "since", "status", "owner", "by", "alert"),
        [_row(each) for each in shown],
    )


@alerts.command()
def acknowledge(
    alert: AlertArgument,
    *,
    note: Annotated[str, typer.Option("--note", help="Your action.")] = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Acknowledge an alert; your user name is kept."""
    from triptych.service.alerts import responding

    opened = open_workspace(workspace, is_verbose=verbose)
    _print(responding.acknowledge(opened.workspace, alert, note=note), as_json)


@alerts.command()
def assign(
    alert: AlertArgument,
    *,
    to: Annotated[
        str, typer.Option("--to", help="Team of the catalogue, or a person.")
    ],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Give an alert to somebody; channels of a team get it with the next message."""
    from triptych.service.alerts import responding

    opened = open_workspace(workspace, is_verbose=verbose)
    found = responding.assign(opened.workspace, opened.settings, alert, to=to)
    _print(found, as_json)


@alerts.command()
def snooze(
    alert: AlertArgument,
    *,
    until: Annotated[
        datetime,
        typer.Option("--until", formats=["%Y-%m-%d"], help="Day it comes back, UTC."),
    ],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Let an alert rest until a day; then it is sent again if it is still true."""
    from triptych.service.alerts import responding

    opened = open_workspace(workspace, is_verbose=verbose)
    found = responding.snooze(opened.workspace, alert, until=until.date())
    _print(found, as_json)


def _print(standing: AlertStanding, as_json: bool) -> None:  # noqa: FBT001
    if as_json:
        print_json(standing)
        return
    print(f"{standing.id} {_status(standing)}: {standing.text}")


def _row(each: AlertStanding) -> tuple[str, ...]:
    since = each.since[:16].replace("T", " ")
    return (each.id, since, _status(each), each.assigned_to, each.by, each.text)


def _status(each: AlertStanding) -> str:
    return f"{each.status} until {each.until}" if each.until else each.status


def notify(
    *,
    test: Annotated[
        bool,
        typer.Option("--test", help="Send each channel a test message and no alert."),
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Send alerts of the published run that were not sent yet, as each run does."""
    from triptych.service.alerts.channels import ChannelError
    from triptych.service.alerts.notifying import notify as send_alerts

    opened = open_workspace(workspace, is_verbose=verbose)
    if not opened.settings.notify.channels:
        raise UsageError(
            "There is no channel to send to.",
            where="notify",
            next_step="Name channels and rules in triptych.yml; see"
            ' "docs/how_to/get_alerts.md".',
        )
    if test:
        _test(opened.settings, as_json=as_json)
        return
    report = send_alerts(opened.workspace, opened.settings)
    if as_json:
        print_json(report)
    else:
        quiet = "; quiet hours" if report.is_quiet else ""
        print(f"{report.sent_count} sent, {report.waiting_count} wait{quiet}")
    if report.failures:
        raise ChannelError(
            " ".join(report.failures),
            next_step='Send a test message with "triptych notify --test".',
        )


def _test(settings: Settings, *, as_json: bool) -> None:
    from triptych.service.alerts.notifying import try_channels

    channels = try_channels(settings)
    if as_json:
        print_json(channels)
    else:
        for channel, failure in channels.items():
            print(f"{channel}: {failure or 'the test message was taken'}")
    failures = [failure for failure in channels.values() if failure]
    if failures:
        raise TriptychError(
            f"{len(failures)} of {len(channels)} channels failed.",
            where="notify",
            next_step="Look at the addresses that are named.",
        )
