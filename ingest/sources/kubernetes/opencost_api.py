"""Asks a running OpenCost or Kubecost for whole hours.

Source: OpenCost API, ``/allocation``; Kubecost API, ``/model/allocation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.http.client import HttpClient, secret_from_environment
from ingest.source_kinds.calendar import midnight
from ingest.sources.kubernetes.opencost_answers import as_moment, sets_of, window_start
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

#: Idle per node, shared with nobody. Kubecost calls the first option ``idle``.
_OPTIONS = {
    "includeIdle": "true",
    "idle": "true",
    "idleByNode": "true",
    "shareIdle": "false",
    "accumulate": "false",
}

StepMap = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AllocationApi:
    """Allocation API of a single server.

    Parameters
    ----------
    base_url, path : str
        Address of the server.
    source : str
        Name of the source, for messages.
    token_variable : str, optional
        Environment variable with a bearer token, where a proxy asks for a token.
    resolution : str
        Resolution of OpenCost's Prometheus queries.
    hours_per_request : int
        Number of hours requested at once.
    """

    base_url: str
    path: str
    source: str
    token_variable: str | None
    timeout_seconds: float
    resolution: str
    hours_per_request: int

    def days(self, first: date, until: datetime) -> dict[date, StepMap]:
        """Return the totals of each day by cluster, for days with any."""
        with self._client() as client:
            steps = self._ask(client, midnight(first), until, step="1d", by="cluster")
        step_maps: dict[date, StepMap] = {}
        for step in steps:
            start = as_moment(window_start(step))
            if start is not None:
                step_maps[start.date()] = step
        return step_maps

    def hours(self, day: date, until: datetime) -> Iterator[StepMap]:
        """Yield the hours of a day, each a map of its allocations.

        Raises
        ------
        MalformedDeliveryError
            It answers with other hours than were asked for.
        """
        start = midnight(day)
        end = min(start + timedelta(days=1), until)
        with self._client() as client:
            while start < end:
                stop = min(start + timedelta(hours=self.hours_per_request), end)
                for step in self._ask(client, start, stop, step="1h"):
                    self._refuse_other_hours(step, start, stop)
                    yield step
                start = stop

    def newest(self, until: datetime) -> list[StepMap]:
        """Return the last whole hour by cluster; empty if there is nothing of it."""
        with self._client() as client:
            start = until - timedelta(hours=1)
            return self._ask(client, start, until, step="1h", by="cluster")

    def _ask(
        self,
        client: HttpClient,
        start: datetime,
        end: datetime,
        *,
        step: str,
        by: str | None = None,
    ) -> list[StepMap]:
        answer = client.get_json(
            self.path,
            params={
                "window": f"{start:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ}",
                "step": step,
                "resolution": self.resolution,
                "aggregate": by,
                **_OPTIONS,
            },
        )
        return sets_of(answer, where=f"{self.source} ({self.path})")

    def _client(self) -> HttpClient:
        variable = self.token_variable
        advice = (
            "OpenCost itself asks for no credential, so a proxy does: "
            + (f"set {variable} to" if variable else "name in 'token_variable'")
            + " a token that may read."
        )
        headers, secrets = {}, []
        if variable:
            token = secret_from_environment(variable, source=self.source, advice=advice)
            headers["Authorization"] = f"Bearer {token}"
            secrets.append(token)
        return HttpClient(
            base_url=self.base_url,
            source=self.source,
            headers=headers,
            secrets=secrets,
            denied_advice=advice,
            timeout_seconds=self.timeout_seconds,
        )

    def _refuse_other_hours(
        self, step: StepMap, start: datetime, stop: datetime
    ) -> None:
        for entry in step.values():
            found = as_moment(window_start({"": entry}))
            if found is not None and not start <= found < stop:
                raise MalformedDeliveryError(
                    f"It was asked for {start:%Y-%m-%d %H:%M} to {stop:%H:%M} and"
                    f" answers with {found:%Y-%m-%d %H:%M}.",
                    where=f"{self.source} ({self.path})",
                    next_step="Nothing of it was loaded. Look whether a cache is"
                    " in front of OpenCost.",
                )
