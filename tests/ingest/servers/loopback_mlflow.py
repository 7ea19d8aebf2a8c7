"""An MLflow tracking server on loopback, in the form in which the real one answers.

Shapes are those of MLflow 3.17.2: an empty list has no key, metrics that are no number
are texts, a version is a text, and aliases stand with registered models only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

TOKEN = "mlf_made_up_token_0123456789"
_API = "/api/2.0/mlflow"
_CONDITION = re.compile(r"attributes\.(end_time|status) (>=|=) '?(\w+)'?")


@dataclass
class LoopbackMlflow:
    """One server. A context manager; its state may be changed."""

    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    token: str = TOKEN
    server: ScriptedServer = field(default_factory=ScriptedServer)

    def __post_init__(self) -> None:
        route = self.server.route
        route("POST", f"{_API}/experiments/search", self._paged("experiments"))
        route("POST", f"{_API}/runs/search", self._paged("runs"))
        route("GET", f"{_API}/registered-models/search", self._paged("models"))
        route("GET", f"{_API}/model-versions/search", self._paged("versions"))

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    def questions(self) -> list[dict[str, Any]]:
        """Return the body of every search of runs."""
        return [one.json() for one in self.server.asked(f"{_API}/runs/search")]

    def _paged(self, kind: str) -> Any:
        key = {"models": "registered_models", "versions": "model_versions"}.get(
            kind, kind
        )

        def pages(request: Request) -> Sequence[Sequence[Any]]:
            listed = getattr(self, kind)
            if kind == "runs":
                listed = [one for one in listed if _is_asked(one, request.json())]
            size = self.page_size
            return [listed[i : i + size] for i in range(0, len(listed), size)]

        def render(page: Sequence[Any], token: str | None) -> object:
            told: dict[str, Any] = {key: list(page)} if page else {}
            return {**told, **({"next_page_token": token} if token else {})}

        def token_of(request: Request) -> str | None:
            if request.method == "GET":
                return request.one("page_token")
            token: str | None = request.json().get("page_token")
            return token

        route = paged(pages, render=render, token_of=token_of)

        def answer(request: Request) -> Answer:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return Answer(b"You are not authenticated. Please see the docs.", 401)
            return route(request, self.server.page_fault)

        return answer


def run(  # noqa: PLR0913  (each is said by keyword)
    run_id: str,
    start: int | None,
    end: int | None = None,
    *,
    status: str = "FINISHED",
    tags: dict[str, str] | None = None,
    metrics: Sequence[dict[str, Any]] = (),
    experiment_id: str = "1",
    stage: str = "active",
) -> dict[str, Any]:
    """Return a run; times are milliseconds since 1970."""
    info: dict[str, Any] = {
        "run_uuid": run_id,
        "experiment_id": experiment_id,
        "run_name": "brave-swan-1",
        "user_id": "somebody",
        "status": status,
        "artifact_uri": f"mlflow-artifacts:/1/{run_id}/artifacts",
        "lifecycle_stage": stage,
        "run_id": run_id,
    }
    info |= {"start_time": start} if start is not None else {}
    info |= {"end_time": end} if end is not None else {}
    told = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    data: dict[str, Any] = {"tags": told} if told else {}
    data |= {"metrics": list(metrics)} if metrics else {}
    return {"info": info, "data": data, "inputs": {}, "outputs": {}}


def version(name: str, number: int, created: int, run_id: str) -> dict[str, Any]:
    """Return a version of a registered model."""
    return {
        "name": name,
        "version": str(number),
        "creation_timestamp": created,
        "last_updated_timestamp": created,
        "current_stage": "None",
        "description": "",
        "source": "models:/m-0",
        "run_id": run_id,
        "status": "READY",
        "run_link": "",
    }


def model(name: str, aliases: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a registered model; without aliases, it has no such key."""
    listed = [{"alias": a, "version": v} for a, v in (aliases or {}).items()]
    return {
        "name": name,
        "creation_timestamp": 1795559266967,
        "last_updated_timestamp": 1795559306137,
        **({"aliases": listed} if listed else {}),
    }


def experiment(experiment_id: str, name: str) -> dict[str, Any]:
    """Return an experiment."""
    return {
        "experiment_id": experiment_id,
        "name": name,
        "artifact_location": f"mlflow-artifacts:/{experiment_id}",
        "lifecycle_stage": "active",
    }


def _is_asked(run_: dict[str, Any], question: dict[str, Any]) -> bool:
    info = run_["info"]
    views = {"ACTIVE_ONLY": {"active"}, "DELETED_ONLY": {"deleted"}}
    stages = views.get(question["run_view_type"], {"active", "deleted"})
    is_known = info["experiment_id"] in question["experiment_ids"]
    if info["lifecycle_stage"] not in stages or not is_known:
        return False
    if not question["filter"]:
        return True
    found = _CONDITION.fullmatch(question["filter"])
    assert found is not None, question["filter"]
    if found[1] == "status":
        return bool(info["status"] == found[3])
    return info.get("end_time") is not None and info["end_time"] >= int(found[3])
