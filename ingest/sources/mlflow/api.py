"""Asks an MLflow server: experiments, runs, registered models and their versions.

Page tokens are opaque. An empty answer is ``{}``: the key of the list is missing. Items
that shift while they are paged come twice, and count once.

Source: MLflow REST API 2.0 as MLflow 3.17 answers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import objects, text, unexpected
from ingest.http.pages import each_once, follow_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.http.client import HttpClient

_BASE = "/api/2.0/mlflow"
#: Maximum number of experiments in a single query; more make a very long query of its
#: database.
_EXPERIMENTS_PER_QUESTION = 100
#: The most registered models that a page holds.
_MODELS_PER_PAGE = 1000
_OPEN = ("RUNNING", "SCHEDULED")


class MlflowApi:
    """API of requests that triptych sends to an MLflow server.

    Parameters
    ----------
    client : HttpClient
        Client that asks.
    source : str
        Name of the source, for messages.
    page_size : int
        Entries per page.
    """

    def __init__(self, client: HttpClient, *, source: str, page_size: int) -> None:
        self._client = client
        self._source = source
        self._page_size = page_size

    def experiments(self) -> list[dict[str, Any]]:
        """Return all experiments, including deleted experiments."""
        body = {"view_type": "ALL"}
        found = self._listed("experiments/search", body, key="experiments")
        return list(each_once(found, key=lambda one: one.get("experiment_id")))

    def runs(
        self, experiment_ids: Sequence[str], *, ended_since: int | None
    ) -> list[dict[str, Any]]:
        """Return runs ended at or after a time, open runs, and all deleted runs.

        Parameters
        ----------
        experiment_ids : sequence of str
            Experiments of the runs.
        ended_since : int, optional
            Milliseconds since 1970; all runs without.
        """
        filters = [""]
        if ended_since is not None:
            filters = [f"attributes.end_time >= {ended_since}"]
            filters += [f"attributes.status = '{status}'" for status in _OPEN]
        found = [
            run
            for ids in _chunks(experiment_ids)
            for view, filter_ in [
                *(("ACTIVE_ONLY", one) for one in filters),
                ("DELETED_ONLY", ""),
            ]
            for run in self._runs(ids, view, filter_)
        ]
        return list(each_once(found, key=_run_id))

    def registered_models(self) -> list[dict[str, Any]]:
        """Return all registered models, each with its aliases."""
        return self._got("registered-models/search", "registered_models", ("name",))

    def model_versions(self) -> list[dict[str, Any]]:
        """Return all versions of all registered models."""
        identity = ("name", "version")
        return self._got("model-versions/search", "model_versions", identity)

    def _runs(
        self, ids: Sequence[str], view: str, filter_: str
    ) -> Iterator[dict[str, Any]]:
        body = {
            "experiment_ids": list(ids),
            "filter": filter_,
            "run_view_type": view,
            # Runs that end while they are paged come last.
            "order_by": ["attributes.end_time ASC", "attributes.run_id ASC"],
        }
        return self._listed("runs/search", body, key="runs")

    def _listed(
        self, path: str, body: dict[str, Any], *, key: str
    ) -> Iterator[dict[str, Any]]:
        def fetch(token: str | None) -> Any:  # noqa: ANN401
            asked = {**body, "max_results": self._page_size}
            asked |= {} if token is None else {"page_token": token}
            return self._client.post_json(f"{_BASE}/{path}", body=asked)

        return self._items(fetch, path, key)

    def _got(
        self, path: str, key: str, identity: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        size = min(self._page_size, _MODELS_PER_PAGE)

        def fetch(token: str | None) -> Any:  # noqa: ANN401
            params = {"max_results": size, "page_token": token}
            return self._client.get_json(f"{_BASE}/{path}", params=params)

        found = self._items(fetch, path, key)
        return list(
            each_once(found, key=lambda one: tuple(one.get(name) for name in identity))
        )

    def _items(
        self, fetch: Callable[[str | None], Any], path: str, key: str
    ) -> Iterator[dict[str, Any]]:
        where = f"{self._source} ({path})"
        for page in follow_pages(fetch, _next_token, source=where):
            if not isinstance(page, dict):
                raise unexpected("it is no object", where=where)
            yield from objects(page.get(key, []), repr(key), where=where)


def _next_token(page: object) -> str | None:
    token = page.get("next_page_token") if isinstance(page, dict) else None
    return text(token)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _EXPERIMENTS_PER_QUESTION):
        yield ids[start : start + _EXPERIMENTS_PER_QUESTION]


def _run_id(run: dict[str, Any]) -> object:
    info = run.get("info")
    if not isinstance(info, dict):
        raise unexpected("a run has no object 'info'", where="MLflow (runs/search)")
    return info.get("run_id") or info.get("run_uuid")
