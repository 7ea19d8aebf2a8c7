"""The weekly digest of each audience: a message and its PDF, weekly.

It is due on its day of the week and is made of the run that is published then; a run
that comes later in the week sends it if none did. It waits and is tried again like any
alert.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, get_args

from triptych.core.alert_outbox import Delivery
from triptych.core.settings.notify import Weekday
from triptych.core.warehouse.gate import Viewer, open_published
from triptych.core.warehouse.reader import NothingPublishedError
from triptych.core.whole_files import write_whole
from triptych.service.alerts.conditions import written
from triptych.service.alerts.digest_parts import Section, read_sections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from triptych.core.alert_outbox import Outbox
    from triptych.core.alert_responses import AlertStanding
    from triptych.core.settings import Settings
    from triptych.core.settings.notify import DigestSettings
    from triptych.core.workspace import Workspace

#: Below the folder of runs.
_FOLDER: Final = "digests"
_DAYS: Final = 7
_MOST_ALERTS: Final = 20
#: Alerts on parts of a run that only finance sees.
_OF_FINANCE: Final = frozenset({"month_red"})


def collect_digests(
    workspace: Workspace,
    settings: Settings,
    outbox: Outbox,
    alerts: Sequence[AlertStanding],
    moment: datetime,
) -> list[str]:
    """Let each digest that is due wait for its channels, unless it did before.

    Parameters
    ----------
    workspace, settings
        Workspace, and settings of the digests.
    outbox : Outbox
        Waiting deliveries.
    alerts : sequence of AlertStanding
        Alerts and the responses to them.
    moment : datetime
        Now, UTC.

    Returns
    -------
    list of str
        Digests that could not be made, and the reasons; they are tried again.
    """
    failures = []
    for digest in settings.notify.digests:
        due_on = last_due(digest, moment.date())
        key = f"digest/{digest.name}/{due_on}"
        names = {name: f"{name}|{key}" for name in digest.channels}
        fresh = [c for c, name in names.items() if name not in outbox.deliveries]
        if not fresh:
            continue
        try:
            title, body, attached = _make(workspace, settings, digest, alerts, due_on)
        except NothingPublishedError:
            break
        except Exception as error:  # noqa: BLE001  (alerts go out all the same)
            failures.append(f"The digest of {digest.name} was not made: {error}")
            continue
        for channel in fresh:
            since = moment.isoformat()
            outbox.deliveries[names[channel]] = Delivery(
                channel,
                key,
                body,
                since,
                raised_at=since,
                title=title,
                attached=attached,
            )
    return failures


def last_due(digest: DigestSettings, today: date) -> date:
    """Return the newest day, today included, on which a digest is due."""
    weekday = get_args(Weekday).index(digest.weekday)
    return today - timedelta(days=(today.weekday() - weekday) % _DAYS)


def _make(
    workspace: Workspace,
    settings: Settings,
    digest: DigestSettings,
    alerts: Sequence[AlertStanding],
    due_on: date,
) -> tuple[str, str, str]:
    """Write the PDF; return title, message, and the name of the file in ``runs/``."""
    # Typst, and tables of the pages: only where a digest is due.
    from dashboard.exports.digest import digest_pdf  # noqa: PLC0415

    viewer = Viewer("finance" if digest.audience == "finance" else "engineering")
    snapshot = open_published(workspace.root, viewer)
    is_first = due_on.day <= _DAYS
    sections = read_sections(snapshot, digest.audience, digest.team, is_first=is_first)
    sections.append(_open_alerts(digest, alerts, due_on))
    title = f"Weekly digest of {due_on}, {written(digest.name)}"
    pairs = [(section.heading, section.lines) for section in sections]
    content = digest_pdf(snapshot, title, pairs)
    name = f"{_FOLDER}/{due_on}_{_in_file_name(digest)}.pdf"
    target = workspace.runs_dir / name
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, content)
    body = "\n\n".join(
        "\n".join([heading, *(f"- {line}" for line in lines)])
        for heading, lines in pairs
    )
    body = "\n\n".join([body, *audit_head_lines(workspace)])
    return f"triptych, {settings.organisation}: {title}", body, name


def audit_head_lines(workspace: Workspace) -> list[str]:
    """Return the head of the audit log as a line of a message; none where unknown."""
    try:
        head = open_published(workspace.root).journal_head
    except NothingPublishedError:
        return []
    return [f"Audit log head {head}"] if head else []


def _in_file_name(digest: DigestSettings) -> str:
    """Return a digest's name in plain letters; no other has the same."""
    if digest.team is None:
        return digest.audience
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", digest.team)
    if plain != digest.team:
        plain = f"{plain}-{hashlib.sha256(digest.team.encode()).hexdigest()[:8]}"
    return f"{digest.audience}_{plain}"


def _open_alerts(
    digest: DigestSettings, alerts: Sequence[AlertStanding], due_on: date
) -> Section:
    """Return the alerts of the week, and who has them."""
    first = (due_on - timedelta(days=_DAYS)).isoformat()
    mine = [
        each
        for each in alerts
        if each.since >= first or each.status == "open"
        if digest.team is None or digest.team in (each.team, each.assigned_to)
        if digest.audience == "finance" or each.kind not in _OF_FINANCE
    ]
    lines = [_alert_line(each) for each in mine[-_MOST_ALERTS:]]
    if len(mine) > _MOST_ALERTS:
        lines.append(f"{len(mine) - _MOST_ALERTS} older ones: triptych alerts list.")
    return Section("Alerts", tuple(lines or ["No alert was raised or is open."]))


def _alert_line(each: AlertStanding) -> str:
    said = [each.status + (f" until {each.until}" if each.until else "")]
    if each.assigned_to:
        said.append(f"assigned to {written(each.assigned_to)}")
    if each.by:
        said.append(f"by {written(each.by)}")
    return f"{each.text} ({', '.join(said)})"
