"""MLflow: training runs, versions of registered models, and which alias is on which.

Runs have no time of change. On each run of triptych those are read that ended since the
last time, with an overlap, those that are still open, and those that were deleted; all
of them once in ``reread_days``, because a run may be noted long after it ended.

MLflow keeps no time at which an alias was moved. The list of all aliases is read each
time, and loaded when it differs from the list before, with the time at which that list
was last read: the alias moved between the two. Webhooks report it to the second
(:mod:`ingest.sources.mlflow.webhooks`), but they get lost when the server restarts.

Source: MLflow REST API 2.0 as MLflow 3.17 answers it.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ingest.connector import (
    Delivery,
    Finding,
    SourceConfig,
    Window,
)
from ingest.engine.remembered_loads import Seen, digest_of, memo_of, scope_of
from ingest.engine.state_rows import text
from ingest.http.addresses import bare_address
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import EnvironmentVariable, RequestsPerSecond, TimeoutSeconds
from ingest.source_kinds.calendar import midnight
from ingest.source_kinds.polled import PolledSource
from ingest.sources.mlflow.api import MlflowApi
from ingest.sources.mlflow.rows import (
    TagNames,
    alias_rows,
    ends_at_or_after,
    experiment_name,
    run_row,
    version_row,
)
from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.reading.text_rows import Row

RUNS, VERSIONS, PROMOTIONS = "training_runs", "model_versions", "promotions"

#: Changing how an answer becomes rows makes every run new again.
_READING_VERSION = 1


class MlflowConfig(SourceConfig):
    """Options of an ``mlflow`` source: a tracking server with its registry."""

    base_url: Annotated[str, AfterValidator(bare_address)] = Field(
        description="Address of the server."
    )
    auth: Literal["none", "bearer", "basic"] = Field(
        default="none", description="How the server knows who asks."
    )
    token_variable: EnvironmentVariable = Field(
        default="MLFLOW_TRACKING_TOKEN",
        description="Environment variable that holds the token, with auth: bearer.",
    )
    username_variable: EnvironmentVariable = Field(
        default="MLFLOW_TRACKING_USERNAME",
        description="Environment variable that holds the user, with auth: basic.",
    )
    password_variable: EnvironmentVariable = Field(
        default="MLFLOW_TRACKING_PASSWORD",
        description="Environment variable that holds the password, with auth: basic.",
    )
    experiments: tuple[str, ...] = Field(
        default=(), description="Names of the experiments to read; all if not set."
    )
    tags: TagNames = Field(default_factory=TagNames, description="Tags by meaning.")
    runs: bool = Field(default=True, description="Read training runs.")
    registry: bool = Field(
        default=True, description="Read registered models, versions and aliases."
    )
    start_date: date | None = Field(
        default=None, description="Runs that ended before this day are not read."
    )
    overlap_hours: int = Field(
        default=24,
        ge=1,
        le=24 * 31,
        description="How long after its end a run is still read again.",
    )
    reread_days: int = Field(
        default=7, ge=1, le=366, description="How often all runs are read again."
    )
    page_size: int = Field(
        default=1000, ge=1, le=10_000, description="Entries per page."
    )
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None


class Mlflow(PolledSource[MlflowConfig]):
    """Source of an MLflow server."""

    type: ClassVar[str] = "mlflow"

    def streams(self) -> Sequence[str]:
        """Return the streams of runs and of the registry, as far as requested."""
        runs = (RUNS,) if self._config.runs else ()
        registry = (VERSIONS, PROMOTIONS) if self._config.registry else ()
        return (*runs, *registry)

    def probe(self) -> Iterator[Finding]:
        """Probe the server, the user's access, and the data visible to the user."""
        with self._client() as client:
            api = self._api(client)
            experiments = self._experiments(api) if self._config.runs else {}
            models = api.registered_models() if self._config.registry else []
        count = len(list(alias_rows(models, where=self._where)))
        seen = f"{len(experiments)} experiments, {len(models)} registered models"
        if self._config.runs and not experiments:
            advice = f"{_LEAST_RIGHTS} A user without READ sees an empty list."
            yield Finding(False, "No experiment can be seen.", advice)
        else:
            yield Finding(True, f"Can be read: {seen}, {count} lines of aliases.")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer runs, versions by the month of their creation, and the aliases."""
        with self._client() as client:
            api = self._api(client)
            if self._config.runs:
                yield from self._run_deliveries(api, window, self._now())
            if self._config.registry:
                yield from self._version_deliveries(api, self._now())
                yield from self._alias_deliveries(api, self._now())

    def _origin(self, delivery: Delivery) -> str:
        return f"{self._config.base_url}#{delivery.scope}"

    def _run_deliveries(
        self, api: MlflowApi, window: Window, now: datetime
    ) -> Iterator[Delivery]:
        experiments = self._experiments(api)
        seen = self._loads.latest(RUNS, "runs")
        since, read_whole_at = self._since(seen, window, now)
        runs = api.runs(
            sorted(experiments),
            ended_since=None if since is None else _milliseconds(since),
        )
        following = _to_milliseconds(now - timedelta(hours=self._config.overlap_hours))
        rows = [
            (
                run,
                run_row(
                    run,
                    experiments=experiments,
                    names=self._config.tags,
                    where=self._where,
                ),
            )
            for run in runs
        ]
        listed_again = [
            row
            for run, row in rows
            if row["is_deleted"] == "true" or ends_at_or_after(run, following)
        ]
        if rows:
            yield self._loads.offer(
                RUNS,
                "runs",
                [row for _, row in rows],
                now=now,
                label=f"MLflow runs at {self._config.base_url}",
                notes={
                    "since": following.isoformat(),
                    "whole": read_whole_at.isoformat(),
                    "reading": self._reading,
                },
                next_rows=listed_again,
            )

    def _since(
        self, seen: Seen | None, window: Window, now: datetime
    ) -> tuple[datetime | None, datetime]:
        """Return from when on runs are read, and when all of them were last."""
        first = self._config.start_date
        start = None if first is None else midnight(first)
        if seen is None or seen.notes.get("reading") != self._reading:
            return start, now
        since = datetime.fromisoformat(seen.notes["since"])
        read_whole_at = datetime.fromisoformat(seen.notes["whole"])
        if now - read_whole_at >= timedelta(days=self._config.reread_days):
            return start, now
        if window.start is not None:
            since = min(since, midnight(window.start))
        return since, read_whole_at

    def _version_deliveries(self, api: MlflowApi, now: datetime) -> Iterator[Delivery]:
        by_month: dict[str, list[Row]] = {}
        for version in api.model_versions():
            row = version_row(version, names=self._config.tags, where=self._where)
            month = (row["created_at"] or "")[: len("2026-11")]
            by_month.setdefault(month, []).append(row)
        for month, rows in sorted(by_month.items()):
            yield self._loads.offer(
                VERSIONS,
                f"versions/{month}",
                rows,
                now=now,
                label=f"MLflow model versions of {month}",
            )

    def _alias_deliveries(self, api: MlflowApi, now: datetime) -> Iterator[Delivery]:
        """Yield the list of aliases, as of its first reading in this state.

        Its memo records until when it held; that is where the next different list
        begins.
        """
        rows = list(alias_rows(api.registered_models(), where=self._where))
        digest, seen = digest_of(rows), self._loads.latest(PROMOTIONS, "aliases")
        if seen is not None and seen.notes["digest"] == digest:
            moment, before = seen.moment, seen.notes["before"]
        else:
            moment, before = now, seen.notes["until"] if seen else ""
        scope, told = scope_of("aliases", moment), moment.isoformat()
        times = {
            "event_time": told,
            "observed_at": told,
            "previously_observed_at": before or None,
        }
        if rows:
            yield Delivery(
                stream=PROMOTIONS,
                scope=scope,
                period="all",
                fingerprint=scope,
                label=f"MLflow aliases at {self._config.base_url}",
                detail=[{**row, **times} for row in rows],
                memo=memo_of(
                    {"digest": digest, "before": before, "until": now.isoformat()}
                ),
            )

    def _experiments(self, api: MlflowApi) -> dict[str, str | None]:
        """Return the names of the experiments to read, by their ids.

        Raises
        ------
        SettingsError
            A requested experiment cannot be seen.
        """
        asked = set(self._config.experiments)
        listed = [
            (str(experiment.get("experiment_id")), text(experiment.get("name")))
            for experiment in api.experiments()
        ]
        missing = asked - {name for _, name in listed}
        if missing:
            raise SettingsError(
                f"There is no experiment {', '.join(sorted(map(repr, missing)))}.",
                where=self._where,
                next_step=f"Correct 'experiments'. {_LEAST_RIGHTS}",
            )
        return {
            id_: experiment_name(name)
            for id_, name in listed
            if not asked or name in asked
        }

    @property
    def _reading(self) -> str:
        """Changes whenever the same answers would become other rows."""
        names = self._config.tags.model_dump_json()
        parts = [_READING_VERSION, names, self._config.experiments]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def _api(self, client: HttpClient) -> MlflowApi:
        size = self._config.page_size
        return MlflowApi(client, source=self._where, page_size=size)

    def _client(self) -> HttpClient:
        headers, secrets = self._credentials()
        return HttpClient(
            base_url=self._config.base_url,
            source=self._where,
            headers=headers,
            secrets=secrets,
            denied_advice=self._advice,
            timeout_seconds=self._config.timeout_seconds,
            requests_per_second=self._config.requests_per_second,
        )

    def _credentials(self) -> tuple[dict[str, str], list[str]]:
        config = self._config
        if config.auth == "none":
            return {}, []
        if config.auth == "bearer":
            token = self._secret(config.token_variable)
            return {"Authorization": f"Bearer {token}"}, [token]
        user = self._secret(config.username_variable)
        password = self._secret(config.password_variable)
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, [password, pair]

    def _secret(self, variable: str) -> str:
        return secret_from_environment(
            variable, source=self._where, advice=self._advice
        )

    @property
    def _advice(self) -> str:
        config = self._config
        variables = {
            "none": "Set 'auth: bearer' or 'auth: basic', as the server asks.",
            "bearer": f"Let {config.token_variable} hold a token of the server.",
            "basic": f"Let {config.username_variable} and {config.password_variable}"
            " hold a user of the server and the password.",
        }
        return (
            f"{variables[config.auth]} {_LEAST_RIGHTS} 'Invalid Host header' means that"
            " the server does not go by this address: start it with --allowed-hosts."
        )


_LEAST_RIGHTS = (
    "It needs READ on the experiments and registered models, and nothing more."
)


def _to_milliseconds(moment: datetime) -> datetime:
    """Return a moment at MLflow's resolution."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
