"""Convert MLflow answers: training runs, model versions and alias lists.

Only the identity, the times and the purpose of a run are taken. Metrics and parameters
are not, regardless of their content; of metrics only the time of the newest. No name is
taken, and a part of an experiment's name that is an address is left out.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ingest.engine.state_rows import (
    instant_of_milliseconds,
    objects,
    part_of,
    repository_name,
    row_of,
    text,
)
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from ingest.reading.text_rows import Row

SYSTEM = "mlflow"
_PARENT = "mlflow.parentRunId"
_STATUSES = {
    "RUNNING": "running",
    "SCHEDULED": "scheduled",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
}
_OPEN = frozenset({"running", "scheduled"})


class TagNames(Declared):
    """Tags of a run or a version by meaning; of several, the first set wins."""

    model: tuple[str, ...] = Field(
        default=("triptych.model", "model_id"), description="Model of the catalogue."
    )
    feature: tuple[str, ...] = Field(
        default=("triptych.feature", "feature"), description="Feature."
    )
    architecture: tuple[str, ...] = Field(
        default=("model.architecture", "architecture"), description="Architecture."
    )
    accelerator: tuple[str, ...] = Field(
        default=("accelerator", "gpu_type"), description="Hardware of the run."
    )
    instance_type: tuple[str, ...] = Field(
        default=("instance_type",), description="Machine that it was trained on."
    )
    gpu_count: tuple[str, ...] = Field(
        default=("gpu_count",), description="How many GPUs the run held."
    )
    registered_model: tuple[str, ...] = Field(
        default=("registered_model",), description="Registered model it is for."
    )
    commit: tuple[str, ...] = Field(
        default=("mlflow.source.git.commit",), description="Commit of its code."
    )
    repository: tuple[str, ...] = Field(
        default=("mlflow.source.git.repoURL",), description="Where its code is."
    )


def run_row(
    run: Mapping[str, Any],
    *,
    experiments: Mapping[str, str | None],
    names: TagNames,
    where: str,
) -> Row:
    """Return a run as a row of stream ``training_runs``, without ``observed_at``.

    A run that is not over has no end, regardless of the notes made before it was taken
    up again; an end before the start is delivered as it is.
    """
    info, data = run["info"], run.get("data")
    tags = _tags(part_of(data, "tags"), where)
    native_status = text(info.get("status"))
    status = _STATUSES.get(native_status or "", "unknown")
    return row_of(
        {
            "source_system": SYSTEM,
            "run_id": text(info.get("run_id")) or text(info.get("run_uuid")),
            "status": status,
            "native_status": native_status,
            "started_at": instant_of_milliseconds(info.get("start_time")),
            "ended_at": None
            if status in _OPEN
            else instant_of_milliseconds(info.get("end_time")),
            "last_metric_at": _last_metric(part_of(data, "metrics"), where),
            "experiment": experiments.get(text(info.get("experiment_id")) or ""),
            "parent_run_id": tags.get(_PARENT),
            "registered_model": _first(tags, names.registered_model),
            "model_id": _first(tags, names.model),
            "feature_id": _first(tags, names.feature),
            "architecture": _first(tags, names.architecture),
            "accelerator": _first(tags, names.accelerator),
            "instance_type": _first(tags, names.instance_type),
            "commit_sha": _first(tags, names.commit),
            "repository": repository_name(_first(tags, names.repository)),
            "is_deleted": info.get("lifecycle_stage") == "deleted",
            "gpu_count": _number(_first(tags, names.gpu_count)),
        }
    )


def ends_at_or_after(run: Mapping[str, Any], moment: datetime) -> bool:
    """Return True if a run is still open, or ended at a moment or later."""
    info = run["info"]
    if _STATUSES.get(str(info.get("status"))) in _OPEN:
        return True
    ended = instant_of_milliseconds(info.get("end_time"))
    return not isinstance(ended, str | None) and ended >= moment


def version_row(version: Mapping[str, Any], *, names: TagNames, where: str) -> Row:
    """Return a version as a row of ``model_versions``, without ``observed_at``."""
    tags = _tags(version.get("tags"), where)
    return row_of(
        {
            "source_system": SYSTEM,
            "registered_model": text(version.get("name")),
            "model_version": text(version.get("version")),
            "created_at": instant_of_milliseconds(version.get("creation_timestamp")),
            "updated_at": instant_of_milliseconds(
                version.get("last_updated_timestamp")
            ),
            "run_id": text(version.get("run_id")),
            "status": text(version.get("status")),
            "commit_sha": _first(tags, names.commit),
            "model_id": _first(tags, names.model),
            "feature_id": _first(tags, names.feature),
        }
    )


def alias_rows(models: Iterable[Mapping[str, Any]], *, where: str) -> Iterator[Row]:
    """Yield a line for each alias of each registered model, without times.

    A model that has no alias is a line without an alias: an earlier listing of it shows
    that an alias is gone.
    """
    for model in models:
        listed = model.get("aliases") or []
        aliases = objects(listed, "'aliases' of a model", where=where)
        for alias in aliases or [{}]:
            yield row_of(
                {
                    "source_system": SYSTEM,
                    "event": "alias_seen",
                    "registered_model": text(model.get("name")),
                    "alias": text(alias.get("alias")),
                    "model_version": text(alias.get("version")),
                }
            )


def experiment_name(name: object) -> str | None:
    """Return the name of an experiment without the addresses of people in it.

    Examples
    --------
    >>> experiment_name("/People/somebody@example.com/churn")
    '/People/-/churn'
    """
    told = text(name)
    if told is None or "@" not in told:
        return told
    return "/".join("-" if "@" in part else part for part in told.split("/"))


def _tags(listed: object, where: str) -> dict[str, str]:
    tags = objects(listed or [], "'tags'", where=where)
    pairs = ((text(tag.get("key")), text(tag.get("value"))) for tag in tags)
    return {key: value for key, value in pairs if key and value}


def _first(tags: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((tags[name] for name in names if name in tags), None)


def _last_metric(listed: object, where: str) -> datetime | str | None:
    metrics = objects(listed or [], "'metrics'", where=where)
    times = [
        metric["timestamp"]
        for metric in metrics
        if isinstance(metric.get("timestamp"), int)
    ]
    return instant_of_milliseconds(max(times, default=None))


def _number(value: str | None) -> str | None:
    """Return a text that is a number and not negative; ``None`` for any other."""
    try:
        number = Decimal(value or "")
    except InvalidOperation:
        return None
    return str(value) if number.is_finite() and number >= 0 else None
