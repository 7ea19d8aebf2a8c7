"""Railway: metered usage and its price, invoices, deployments, requests and latency.

Each billing period is a delivery. Its days are requested singly, because the API gives
a single value per group for a whole range. The running period, and a period that ended
less than ``lag_days`` ago, is requested again on every run; after that only when an
invoice or a price changed, and never once Railway has forgotten its usage. A recording
is read by the same code; its present is the time of recording, and it forgets nothing.

Source: Railway's public GraphQL API, by the schema that railwayapp/cli ships.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from ingest.connector import Delivery, Finding, Part, Source, Window
from ingest.http.client import secret_from_environment
from ingest.reading.label_mapping import LabelMapping
from ingest.sources.railway.account import Account, read_account
from ingest.sources.railway.api import PATH, PointBudget, RailwayApi, understood
from ingest.sources.railway.charges import Bill, charge_rows, invoice_row, read_usage
from ingest.sources.railway.delivery import (
    Served,
    deployment_row,
    find_served,
    latency_rows,
    request_rows,
)
from ingest.sources.railway.periods import Period, week_of, weeks
from ingest.sources.railway.prices import PriceTable
from ingest.sources.railway.recordings import RailwayRecordings
from ingest.sources.railway.rows import rows_part
from ingest.sources.railway.settings import RailwayConfig
from ingest.sources.railway.units import Convention
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

USAGE, INVOICES, DEPLOYMENTS = "railway_usage", "invoices", "deployments"
REQUESTS, LATENCY = "model_usage", "serving_latency"

#: Changing how an answer becomes rows makes every delivery new again.
_READING_VERSION = 1


class Railway(Source[RailwayConfig]):
    """Source of a workspace of Railway."""

    type: ClassVar[str] = "railway"

    def __init__(self, config: RailwayConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._recordings = (
            None
            if config.path is None
            else RailwayRecordings(config.path, root=root, source=config.name)
        )
        self._prices = PriceTable(config.prices)
        self._mapping = LabelMapping(config.mapping)
        self._budget = PointBudget()

    def streams(self) -> Sequence[str]:
        """Return the bill, its invoices, and the meters that are asked for."""
        deployments = (DEPLOYMENTS,) if self._config.deployments else ()
        requests = (REQUESTS, LATENCY) if self._has_requests else ()
        return (USAGE, INVOICES, *deployments, *requests)

    @property
    def _has_requests(self) -> bool:
        # Without a rule, every request would be nobody's.
        return self._config.requests and bool(self._config.mapping)

    def probe(self) -> Iterator[Finding]:
        """Read the workspace, and report the missing settings of its invoices."""
        recorded = self._recordings.check() if self._recordings else []
        if any(not finding.is_ok for finding in recorded):
            yield from recorded
            return
        with self._api() as api:
            account = read_account(api, self._config, with_projects=False)
        current = account.current
        yield Finding(
            True,
            f"Workspace {account.name!r}: billing period {current.start:%Y-%m-%d} to"
            f" {current.end:%Y-%m-%d}, {account.reported_usage:.2f} USD of usage so"
            f" far, {len(account.invoices)} invoices.",
        )
        yield from _invoice_findings(account)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer billing periods, invoices, deployments and weeks of requests."""
        now = self._present()
        with self._api() as api:
            account = read_account(api, self._config, with_projects=True)
            yield from _unused_invoices(account)
            yield from self._bill_deliveries(account, window, now)
            yield from self._invoice_deliveries(account)
            if self._config.deployments:
                yield from self._deployment_deliveries(api, account, window, now)
            if self._has_requests:
                yield from self._week_deliveries(api, account, window, now)

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:  # noqa: ARG002
        """Yield a delivery as rows."""
        origin = self._config.path or f"{self._config.base_url}{PATH}"
        uri = f"{origin}#{delivery.scope}"
        extra = ("delivered_value",) if delivery.stream == USAGE else ()
        with understood(delivery.label):
            rows = self._rows(delivery)
            part = rows_part(delivery.stream, rows, uri=uri, extra=extra)
        yield part

    def _rows(self, delivery: Delivery) -> Iterator[dict[str, Any]]:
        detail: Any = delivery.detail
        if delivery.stream == USAGE:
            yield from self._charge_rows(detail, delivery.label)
        elif isinstance(detail, MalformedDeliveryError):
            raise detail
        elif delivery.stream in (INVOICES, DEPLOYMENTS):
            yield from detail
        else:
            rows = request_rows if delivery.stream == REQUESTS else latency_rows
            step = self._config.window_seconds
            with self._api() as api:
                for served in detail:
                    yield from rows(api, served, step_seconds=step)

    def _bill_deliveries(
        self, account: Account, window: Window, now: datetime
    ) -> Iterator[Delivery]:
        since = self._recordings.since if self._recordings else None
        for bill in account.bills(now, since=since):
            period = bill.period
            if not period.overlaps(window.start, window.end):
                continue
            yield Delivery(
                stream=USAGE,
                # No two periods start in the same month, and when an invoice reveals
                # the first day of a period, that period replaces its earlier guess.
                scope=f"usage/{period.start:%Y-%m}",
                period=f"{period.start:%Y-%m}",
                fingerprint=_digest(
                    self._prices.digest_text(),
                    repr([settled.lines for settled in bill.invoices]),
                    self._moving(period.end, now),
                ),
                label=f"Railway usage from {period.start:%Y-%m-%d} to"
                f" {period.end:%Y-%m-%d}",
                detail=bill,
            )

    def _moving(self, end: datetime, now: datetime) -> str:
        """Return a text that is another at each run while a period may still change.

        It is read again then, and equal rows are found to be nothing new.
        """
        if self._recordings is not None:
            return self._recordings.fingerprint()
        is_moving = now < end + timedelta(days=self._config.lag_days)
        return now.isoformat() if is_moving else "settled"

    def _charge_rows(self, bill: Bill, where: str) -> Iterator[dict[str, Any]]:
        now = self._present()
        with self._api() as api:
            usage = read_usage(api, bill, self._prices, now=now, where=where)
        yield from charge_rows(bill, usage, now=now)

    def _invoice_deliveries(self, account: Account) -> Iterator[Delivery]:
        if not isinstance(account.units, Convention):
            # Refused once for all of them, when it is read.
            yield Delivery(
                stream=INVOICES,
                scope="invoices",
                period="all",
                fingerprint=_digest(repr(account.invoices)),
                label="Railway invoices",
                detail=account.units,
            )
            return
        for invoice in account.invoices:
            if not (invoice.is_final or invoice.is_void):
                continue
            row = invoice_row(invoice, account.units)
            yield Delivery(
                stream=INVOICES,
                scope=f"invoice/{invoice.invoice_id}",
                period=f"{invoice.period.start:%Y-%m}",
                fingerprint=_digest(repr(row)),
                label=f"Railway invoice {invoice.invoice_id}",
                detail=[row],
            )

    def _deployment_deliveries(
        self, api: RailwayApi, account: Account, window: Window, now: datetime
    ) -> Iterator[Delivery]:
        """Offer deployments by the week they began in, as they are now.

        A week that changed is offered beside its earlier loads, never instead: a state
        that was seen stays seen.
        """
        if self._recordings is not None:
            yield from self._recorded_deployments(api, account, now)
            return
        since = now - timedelta(days=self._config.history_days)
        for monday, rows in sorted(self._deployments_by_week(api, account).items()):
            week = week_of(monday)
            if week.end <= since or not week.overlaps(window.start, window.end):
                continue
            digest = _digest(repr(rows))
            yield Delivery(
                stream=DEPLOYMENTS,
                scope=f"deployments/{monday}/{digest}",
                period="all",
                fingerprint=digest,
                label=f"Railway deployments of the week of {monday}",
                detail=[{**row, "observed_at": now} for row in rows],
            )

    def _recorded_deployments(
        self, api: RailwayApi, account: Account, now: datetime
    ) -> Iterator[Delivery]:
        """Yield all recorded deployments at once, beside earlier loads."""
        by_week = sorted(self._deployments_by_week(api, account).items())
        rows = [row for _, found in by_week for row in found]
        digest = _digest(repr(rows))
        if rows:
            yield Delivery(
                stream=DEPLOYMENTS,
                scope=f"deployments/{digest}",
                period="all",
                fingerprint=digest,
                label="Railway deployments, recorded",
                detail=[{**row, "observed_at": now} for row in rows],
            )

    def _deployments_by_week(
        self, api: RailwayApi, account: Account
    ) -> dict[date, list[dict[str, Any]]]:
        where = f"{self._config.name} (Deployments)"
        by_week: dict[date, list[dict[str, Any]]] = defaultdict(list)
        with understood(where):
            for project_id in account.project_ids:
                for node in api.deployments(project_id):
                    row = deployment_row(
                        node,
                        names=account.names,
                        mapping=self._mapping,
                        tiers=self._config.environment_tiers,
                        where=where,
                    )
                    started = row["started_at"].date()
                    by_week[started - timedelta(days=started.weekday())].append(row)
        for rows in by_week.values():
            rows.sort(key=lambda row: str(row["deployment_id"]))
        return by_week

    def _week_deliveries(
        self, api: RailwayApi, account: Account, window: Window, now: datetime
    ) -> Iterator[Delivery]:
        """Offer the weeks in which anything ran that the mapping names.

        Those of a recording are a single delivery.
        """
        recorded = self._recordings
        since = now - timedelta(days=self._config.metrics_days)
        asked = weeks(since=recorded.since if recorded else since, until=now)
        found = [
            self._served(api, account, week)
            for week in asked
            if week.overlaps(window.start, window.end)
            and (recorded is None or recorded.has_usage_of(week))
        ]
        served = tuple(week for week in found if week.places)
        if recorded is not None:
            if served:
                yield from self._request_deliveries("recording", served, now)
            return
        for each in served:
            name = f"{each.week.start:%Y-%m-%d}"
            yield from self._request_deliveries(name, (each,), now)

    def _request_deliveries(
        self, name: str, served: tuple[Served, ...], now: datetime
    ) -> Iterator[Delivery]:
        fingerprint = _digest(
            *(repr(each.places) for each in served),
            str(self._config.window_seconds),
            self._moving(served[-1].week.end, now),
        )
        for stream, kind in ((REQUESTS, "requests"), (LATENCY, "latency")):
            yield Delivery(
                stream=stream,
                scope=f"{kind}/{name}",
                period="all",
                fingerprint=fingerprint,
                label=f"Railway {kind} from {served[0].week.start:%Y-%m-%d}"
                f" to {served[-1].week.end:%Y-%m-%d}",
                detail=served,
            )

    def _present(self) -> datetime:
        return self._recordings.answered_at if self._recordings else _now()

    def _served(self, api: RailwayApi, account: Account, week: Period) -> Served:
        with understood(f"{self._config.name} (Usage)"):
            return find_served(api, week, names=account.names, mapping=self._mapping)

    def _api(self) -> RailwayApi:
        config = self._config
        advice = (
            f"Put a workspace token of Railway into {config.key_variable}; it has to be"
            " allowed to read the workspace and its billing."
        )
        token = ""
        if self._recordings is None:
            token = secret_from_environment(
                config.key_variable, source=config.name, advice=advice
            )
        return RailwayApi(
            token=token,
            workspace_id=config.workspace_id,
            source=config.name,
            base_url=config.base_url,
            denied_advice=advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
            budget=self._budget,
            recordings=self._recordings,
        )


def _unused_invoices(account: Account) -> Iterator[Delivery]:
    for invoice, reason in account.unusable_invoices():
        yield Delivery(
            stream=USAGE,
            scope=f"unused/{invoice.invoice_id}",
            period="all",
            fingerprint="",
            label=f"Railway invoice {invoice.invoice_id}",
            skip_reason=f"not used, so its month stays estimated: {reason}.",
        )


def _invoice_findings(account: Account) -> Iterator[Finding]:
    for invoice, reason in account.unusable_invoices():
        yield Finding(
            False,
            f"Invoice {invoice.invoice_id} is not used: {reason}.",
            "Describe its products under 'invoice_items'; its month stays estimated"
            " until then.",
        )
    if isinstance(account.units, MalformedDeliveryError):
        yield Finding(False, account.units.what, account.units.next_step)


def _digest(*texts: str) -> str:
    content = json.dumps([_READING_VERSION, *texts])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _now() -> datetime:
    return datetime.now(UTC)


__all__ = ["Railway", "RailwayConfig"]
