"""Convert SageMaker model packages and endpoints into rows.

An endpoint serves a configuration; a deployment is an endpoint with a configuration,
and it succeeded when the endpoint is first in service with it. Approval of a package is
not serving: it is a separate row, under the alias ``approved``. The API writes states
as ``InService`` and events as ``IN_SERVICE``; both are given as the API does.

Source: Amazon SageMaker API reference; *Events that SageMaker sends to EventBridge*.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from ingest.engine.state_rows import instant, instant_of_milliseconds, row_of, text
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.reading.text_rows import Row

SYSTEM = "sagemaker"
APPROVED = "approved"
_PACKAGE = ":model-package/"
_STATUSES = {
    "InService": "success",
    "Failed": "failure",
    "UpdateRollbackFailed": "failure",
    "Creating": "open",
    "Updating": "open",
    "RollingBack": "open",
    "SystemUpdating": "inactive",
    "OutOfService": "inactive",
    "Deleting": "inactive",
    "Deleted": "inactive",
}
_AS_IN_THE_API = {name.lower(): name for name in _STATUSES}
_ENDED = frozenset({"success", "failure"})


class SagemakerEnvironment(Declared):
    """Rule that gives the environment of an endpoint."""

    endpoint: str = Field(description="Pattern of its name.")
    environment: str = Field(description="Name of the environment.")


class ModelVersion(NamedTuple):
    """Version of a registered model; both unknown where none is given."""

    registered_model: str | None = None
    version: str | None = None


def version_of(arn: object) -> ModelVersion:
    """Return the version that the ARN of a model package names.

    Examples
    --------
    >>> version_of("arn:aws:sagemaker:eu-west-1:0123:model-package/eta/3")
    ModelVersion(registered_model='eta', version='3')
    >>> version_of("arn:aws:sagemaker:eu-west-1:0123:model-package/unversioned")
    ModelVersion(registered_model=None, version=None)
    """
    name, _, version = (text(arn) or "").partition(_PACKAGE)[2].partition("/")
    return ModelVersion(name, version) if version else ModelVersion()


def package_row(package: Mapping[str, Any]) -> Row:
    """Return a package as a row of ``model_versions``, without ``observed_at``."""
    named = version_of(package.get("ModelPackageArn"))
    return row_of(
        {
            "source_system": SYSTEM,
            "registered_model": text(package.get("ModelPackageGroupName"))
            or named.registered_model,
            "model_version": text(package.get("ModelPackageVersion")) or named.version,
            "created_at": moment(package.get("CreationTime")),
            "status": text(package.get("ModelPackageStatus")),
        }
    )


def approval_row(package: Mapping[str, Any], *, sent_at: object) -> Row:
    """Return a package's approval in an event, as a row of ``promotions``.

    SageMaker may send several events for a single change, so the row is identified by
    the change and its time, and not by the event.
    """
    arn, row = text(package.get("ModelPackageArn")), package_row(package)
    approval = text(package.get("ModelApprovalStatus"))
    is_approved = approval == "Approved"
    changed_at = moment(package.get("LastModifiedTime")) or moment(sent_at)
    told = changed_at.isoformat() if isinstance(changed_at, datetime) else changed_at
    return row_of(
        {
            "source_system": SYSTEM,
            "event_id": f"{arn}/{approval}/{told}",
            "event": "alias_set" if is_approved else "other",
            "registered_model": row["registered_model"],
            "alias": APPROVED if is_approved else None,
            "model_version": row["model_version"],
            "event_time": changed_at,
        }
    )


def endpoint_row(
    endpoint: Mapping[str, Any],
    *,
    served: ModelVersion = ModelVersion(),  # noqa: B008  (it cannot be changed)
    environments: Sequence[SagemakerEnvironment],
    environment_tag: str,
    sent_at: object = None,
) -> Row:
    """Return the state of an endpoint with its configuration.

    Parameters
    ----------
    endpoint : mapping
        Endpoint as returned by *DescribeEndpoint* or in the detail of an event.
    served : ModelVersion
        Version that it serves, where that is known.
    environments : sequence of SagemakerEnvironment
        Rules; the first that holds decides.
    environment_tag : str
        Tag that names the environment where no rule holds.
    sent_at : object
        Time of the event, where the endpoint gives no time of its change.
    """
    given = text(endpoint.get("EndpointStatus")) or ""
    native = _AS_IN_THE_API.get(given.replace("_", "").lower(), given or None)
    status = _STATUSES.get(native or "", "unknown")
    changed_at = moment(endpoint.get("LastModifiedTime")) or moment(sent_at)
    name = text(endpoint.get("EndpointName"))
    configuration = text(endpoint.get("EndpointConfigName"))
    return row_of(
        {
            "source_system": SYSTEM,
            "deployment_id": f"{text(endpoint.get('EndpointArn'))}/{configuration}",
            "attempt": 1,
            "status": status,
            "native_status": native,
            "event_time": changed_at,
            "finished_at": changed_at if status in _ENDED else None,
            "service": name,
            "service_id": text(endpoint.get("EndpointArn")),
            "artifact_id": configuration,
            "environment": _environment(name or "", environments)
            or _tag(endpoint.get("Tags"), environment_tag),
            "registered_model": served.registered_model,
            "model_version": served.version,
        }
    )


def moment(value: object) -> datetime | str | None:
    """Return a time as boto3 gives it, in milliseconds, or in a text with a zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, int) and not isinstance(value, bool):
        return instant_of_milliseconds(value)
    return instant(value)


def _environment(name: str, rules: Sequence[SagemakerEnvironment]) -> str | None:
    return next(
        (rule.environment for rule in rules if fnmatchcase(name, rule.endpoint)), None
    )


def _tag(tags: object, wanted: str) -> str | None:
    """Return a tag; they come as an object, or as a list of keys and values."""
    if isinstance(tags, Mapping):
        return text(tags.get(wanted))
    for tag in tags if isinstance(tags, list) else []:
        if isinstance(tag, Mapping) and (tag.get("Key") or tag.get("key")) == wanted:
            return text(tag.get("Value") or tag.get("value"))
    return None
