"""Acts that ingest and build: a run in a subprocess, refused rows again."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import INSIDE
from triptych.core.acts import Act, ActField
from triptych.core.child_processes import isolated_environment, python_module
from triptych.core.errors import UsageError
from triptych.core.lock import holder_of
from triptych.core.warehouse.inspection import read_quarantine_reasons
from triptych.run.pipeline import retry_quarantine

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.acts.deed import Filling, Site

_LOG: Final = "started_from_a_page.log"
#: Maximum time until the command holds the workspace [s].
_PATIENCE: Final = 30.0
_LOOK: Final = 0.05


def _draft_run(site: Site, _filling: Filling) -> Draft:
    names = ", ".join(source.name for source in site.settings.sources) or "no source"
    return Draft(
        says=f"A run reads {names}, builds what differs and publishes it.",
        did=f"{site.name} asked for a run.",
        effect="The menu says how far it is; its figures show once it is published.",
        entry={"asked for by": site.name},
    )


def _start_run(site: Site, _filling: Filling) -> None:
    """Start the command; it records itself and outlives the page.

    Until it holds the workspace, the next act waits: it would start a second run.
    """
    root = site.workspace.root.resolve()
    log = site.workspace.runs_dir / _LOG
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        process = subprocess.Popen(
            [*python_module("triptych"), "run", "--workspace", str(root)],
            cwd=root,
            env=isolated_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_until_it_holds(site.workspace.lock_file, process, log)
    # A process that has ended stays in the table until it is waited for.
    threading.Thread(target=process.wait, daemon=True).start()


def _wait_until_it_holds(
    lock_file: Path, process: subprocess.Popen[bytes], log: Path
) -> None:
    until = time.monotonic() + _PATIENCE
    while holder_of(lock_file) != process.pid and time.monotonic() < until:
        if process.poll() is None:
            time.sleep(_LOOK)
        elif process.returncode == 0:
            return
        else:
            written = log.read_text(encoding="utf-8", errors="replace").strip()
            raise UsageError(
                f"The run ended before it began: {written}",
                next_step="Correct that, then start it again.",
            )


def _draft_retry(site: Site, filling: Filling) -> Draft:
    source = filling.text("source")
    refused = read_quarantine_reasons(site.workspace.raw_database, source=source)
    if not refused:
        waiting = ", ".join(refused_sources(site)) or "none"
        raise UsageError(
            f"No row of {source!r} is in quarantine.",
            next_step=f"Sources with refused rows: {waiting}.",
        )
    count = sum(each.row_count for each in refused)
    return Draft(
        says=f"The deliveries of {source} that have refused rows are read again.",
        did=f"{site.name} had {source} read again.",
        effect="A run counts what can be read now; start one.",
        entry={
            "source": source,
            "refused now": count,
            **{f"{each.stream}, {each.reason}": each.row_count for each in refused},
        },
    )


def _retry(site: Site, filling: Filling) -> str:
    source = filling.text("source")
    before = _refused_count(site, source)
    report = retry_quarantine(
        site.workspace, site.settings, source=source, progress=site.progress
    )
    report.raise_first_failure()
    return (
        f"{site.name} had {source} read again: {before:,} refused before,"
        f" {_refused_count(site, source):,} now."
    )


def _refused_count(site: Site, source: str) -> int:
    reasons = read_quarantine_reasons(site.workspace.raw_database, source=source)
    return sum(each.row_count for each in reasons)


def refused_sources(site: Site) -> tuple[str, ...]:
    """Return the sources that have refused rows in their current loads."""
    refused = read_quarantine_reasons(site.workspace.raw_database)
    return tuple(dict.fromkeys(each.source for each in refused))


DEEDS: Final = (
    Deed(
        Act(
            "retry_quarantine",
            "Read refused rows again",
            (ActField("source", "Source"),),
            INSIDE,
        ),
        _draft_retry,
        _retry,
        choices={"source": refused_sources},
    ),
    Deed(
        Act("start_run", "Start a run", (), INSIDE),
        _draft_run,
        _start_run,
        is_logged_first=True,
    ),
)
