"""Actions after a run: write metrics and send notifications.

None of it can make a run fail: errors here are a warning on standard error. A month is
reported once when it turns red, and again only after it was not, its budget separately
in each currency; the reported months are in ``runs/told_months.json``.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import RunLockedError, TriptychError, UsageError
from triptych.core.log_events import LogEvent
from triptych.core.run_record import read_last_run
from triptych.core.warehouse.reader import (
    NothingPublishedError,
    PublishedFileError,
    PublishedReader,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from triptych.core.run_record import LastRun
    from triptych.core.settings import Settings
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

log = logging.getLogger(__name__)

#: Months that ask for a person, by the event that a setting can leave out. A month with
#: invoices still to come is not red; a month that is over its budget is red from the
#: day on which it is.
_RED_MONTHS = {
    "month_not_reconciled": (
        "SELECT billing_month, string_agg(source || ': ' || reason, ' '"
        " ORDER BY source) AS reason FROM cost.mart_period_reconciliation"
        " WHERE state = 'not_reconciled' GROUP BY billing_month ORDER BY billing_month"
    ),
    "month_over_budget": (
        "SELECT billing_month, currency, budget_amount, actual_cost, variance_amount,"
        " variance_ratio FROM cost.mart_budget_variance"
        " WHERE scope_type = 'all' AND state = 'over'"
        " ORDER BY billing_month"
    ),
}


@contextmanager
def reported(workspace: Workspace, settings: Settings) -> Iterator[None]:
    """Perform the actions due after a run, however it ends inside.

    A run that did not begin, because another holds the lock or the command was used
    wrongly, is none.
    """
    before = read_last_run(workspace.runs_dir)
    try:
        yield
    except (RunLockedError, UsageError):
        raise
    except Exception as error:
        run = read_last_run(workspace.runs_dir)
        _tell_failure(settings, error, None if run == before else run)
        _write_metrics(workspace, settings)
        _tell_red_months(workspace, settings)
        _send_alerts(workspace, settings)
        raise
    _write_metrics(workspace, settings)
    _tell_red_months(workspace, settings)
    _send_alerts(workspace, settings)


def _send_alerts(workspace: Workspace, settings: Settings) -> None:
    if not (settings.notify.rules or settings.notify.digests):
        return
    # Only users with channels wait for the import of their client.
    from triptych.service.alerts import notifying  # noqa: PLC0415

    try:
        report = notifying.notify(workspace, settings)
    except Exception as error:  # noqa: BLE001  (nothing here may fail the run)
        log.warning(LogEvent("Alerts were not sent.", why=str(error)))
        return
    for failure in report.failures:
        log.warning(LogEvent("A channel of alerts failed.", why=failure))


def tell_close(settings: Settings, close: Mapping[str, object]) -> None:
    """Send out that a month was closed.

    Parameters
    ----------
    settings : Settings
        Settings with the recipient.
    close : mapping
        Month, lock, and the hashes that later prove the closed figures.
    """
    if "month_closed" in settings.webhook.events:
        data = {"organisation": settings.organisation, **close}
        _post(settings, kind="month.closed", data=data)


def metrics_file(workspace: Workspace, settings: Settings) -> Path | None:
    """Return where metrics are left after each run; None where nowhere."""
    named = settings.metrics.textfile
    return None if named is None else workspace.root / named


def _write_metrics(workspace: Workspace, settings: Settings) -> None:
    target = metrics_file(workspace, settings)
    if target is None:
        return
    from triptych.service import metrics  # noqa: PLC0415

    try:
        metrics.write(metrics.collect(workspace, settings), target)
    except Exception as error:  # noqa: BLE001  (nothing here may fail the run)
        log.warning(
            LogEvent("The metrics were not written.", file=str(target), why=str(error))
        )


def _tell_failure(settings: Settings, error: Exception, run: LastRun | None) -> None:
    if "run_failed" not in settings.webhook.events:
        return
    is_ours = isinstance(error, TriptychError)
    _post(
        settings,
        kind="run.failed",
        data={
            "organisation": settings.organisation,
            "run_id": run and run.run_id,
            "state": run and run.state,
            # An unexpected error may quote anything; its text stays in the log.
            "error": str(error) if is_ours else type(error).__name__,
            "exit_code": error.exit_code if isinstance(error, TriptychError) else 1,
            "failed_sources": len(run.failures) if run else 0,
            "failed_tests": list(run.failed_nodes) if run else [],
        },
    )


def _tell_red_months(workspace: Workspace, settings: Settings) -> None:
    if settings.webhook.url is None:
        return
    try:
        _tell_fresh_red_months(workspace, settings)
    except Exception as error:  # noqa: BLE001  (nothing here may fail the run)
        log.warning(LogEvent("Months were not looked at.", why=str(error)))


def _tell_fresh_red_months(workspace: Workspace, settings: Settings) -> None:
    told_file = workspace.runs_dir / "told_months.json"
    try:
        snapshot = PublishedReader(workspace.root).snapshot()
        red = _red_months(snapshot, settings.webhook.events)
    except (NothingPublishedError, PublishedFileError, duckdb.Error):
        return  # then there is no month to speak of, and the run itself said why
    told = _read_told(told_file)
    now = {_keys_of(month)[-1] for month in red}
    fresh = [month for month in red if told.isdisjoint(_keys_of(month))]
    data = {
        "organisation": settings.organisation,
        "run_id": snapshot.run_id,
        "months": fresh,
        "head_hash": snapshot.journal_head,
    }
    if fresh and not _post(settings, kind="month.red", data=data):
        return  # told with the next run
    if now != told:
        told_file.write_text(json.dumps(sorted(now)), encoding="utf-8")


def _red_months(snapshot: Snapshot, events: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the red months, each with why; a mart that is not there has none."""
    red_months: list[dict[str, Any]] = []
    for event, sql in _RED_MONTHS.items():
        if event not in events:
            continue
        try:
            rows = snapshot.query(sql).to_pylist()
        except duckdb.CatalogException:
            continue
        red_months += [{"event": event, **row} for row in rows]
    return red_months


def _keys_of(month: Mapping[str, Any]) -> tuple[str, str]:
    """Return the keys of a month: its former key and its current key."""
    of_all = f"{month['event']} {month['billing_month']}"
    currency = month.get("currency")
    return of_all, of_all if currency is None else f"{of_all} {currency}"


def _read_told(path: Path) -> set[str]:
    try:
        return set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return set()


def _post(settings: Settings, *, kind: str, data: dict[str, Any]) -> bool:
    """Send a message if there is an address; return True if delivered."""
    if settings.webhook.url is None:
        return False
    from triptych.service import webhook  # noqa: PLC0415

    try:
        webhook.post(settings.webhook, kind=kind, data=data)
    except Exception as error:  # noqa: BLE001  (nothing here may fail the run)
        log.warning(
            LogEvent("Webhook notification failed.", message=kind, why=str(error))
        )
        return False
    return True
