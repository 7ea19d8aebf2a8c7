"""SageMaker's API on loopback, as boto3 asks it: one address, a target an operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from datetime import datetime
    from typing import Self

REGION = "eu-west-1"
_ARN = f"arn:aws:sagemaker:{REGION}:000123456789"


@dataclass
class LoopbackSagemaker:
    """An account. A context manager; its state may be changed.

    ``denied`` are operations that the credentials may not use.
    """

    #: Group → its packages.
    packages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    endpoints: list[dict[str, Any]] = field(default_factory=list)
    #: Configuration → models; model → ARN of a package.
    configurations: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, str | None] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    #: Endpoints that are listed, and deleted before they are looked at.
    deleted: set[str] = field(default_factory=set)
    page_size: int = 2
    server: ScriptedServer = field(default_factory=ScriptedServer)

    def __post_init__(self) -> None:
        self.server.route("POST", "/", self._answer)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Return the bodies of every request of an operation."""
        target = f"SageMaker.{operation}"
        found = self.server.requests
        return [r.json() for r in found if r.headers.get("x-amz-target") == target]

    def _answer(self, request: Request) -> Answer:  # noqa: PLR0911  (a table of routes)
        operation = request.headers["x-amz-target"].removeprefix("SageMaker.")
        if operation in self.denied:
            return Answer({"__type": "AccessDeniedException", "Message": "no"}, 400)
        asked = request.json()
        if self._is_gone(operation, asked):
            message = 'Could not find what is named "x".'
            return Answer({"__type": "ValidationException", "message": message}, 400)
        match operation:
            case "ListModelPackageGroups":
                groups = [{"ModelPackageGroupName": name} for name in self.packages]
                return self._list("ModelPackageGroupSummaryList", groups, request)
            case "ListModelPackages":
                packages = self.packages[asked["ModelPackageGroupName"]]
                return self._list("ModelPackageSummaryList", packages, request)
            case "ListEndpoints":
                return self._list("Endpoints", self.endpoints, request)
            case "DescribeEndpoint":
                name = asked["EndpointName"]
                return Answer(
                    next(e for e in self.endpoints if e["EndpointName"] == name)
                )
            case "DescribeEndpointConfig":
                name = asked["EndpointConfigName"]
                variants = [{"ModelName": one} for one in self.configurations[name]]
                return Answer(
                    {"EndpointConfigName": name, "ProductionVariants": variants}
                )
            case "DescribeModel":
                name = asked["ModelName"]
                container = {"ModelPackageName": self.models[name]}
                return Answer({"ModelName": name, "PrimaryContainer": container})
        return Answer({"__type": "UnknownOperationException"}, 400)

    def _is_gone(self, operation: str, asked: dict[str, Any]) -> bool:
        """Tell it as SageMaker does, which knows no error of its own for that."""
        names: dict[str, tuple[str, Container[str]]] = {
            "DescribeEndpoint": ("EndpointName", self.described),
            "DescribeEndpointConfig": ("EndpointConfigName", self.configurations),
            "DescribeModel": ("ModelName", self.models),
        }
        name, known = names.get(operation, ("", ()))
        return bool(name) and asked[name] not in known

    @property
    def described(self) -> set[str]:
        """Return the endpoints that are there when they are looked at."""
        names = {endpoint["EndpointName"] for endpoint in self.endpoints}
        return names - self.deleted

    def _list(self, key: str, items: Sequence[Any], request: Request) -> Answer:
        size = self.page_size
        pages = [items[i : i + size] for i in range(0, len(items), size)]

        def render(page: Sequence[Any], token: str | None) -> object:
            told: dict[str, Any] = {key: list(page)}
            return told if token is None else {**told, "NextToken": token}

        route = paged(
            lambda _: pages,
            render=render,
            token_of=lambda request: request.json().get("NextToken"),
        )
        return route(request, self.server.page_fault)


def package_arn(group: str, version: int) -> str:
    """Return the ARN of a version."""
    return f"{_ARN}:model-package/{group}/{version}"


def package(group: str, version: int, created: datetime, **more: Any) -> dict[str, Any]:
    """Return a summary of a package; its time is in seconds."""
    return {
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": package_arn(group, version),
        "ModelPackageDescription": "by somebody",
        "CreationTime": created.timestamp(),
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "PendingManualApproval",
        **more,
    }


def endpoint(
    name: str, configuration: str, status: str, changed: datetime
) -> dict[str, Any]:
    """Return what the API tells of an endpoint; its times are in seconds."""
    return {
        "EndpointName": name,
        "EndpointArn": f"{_ARN}:endpoint/{name}",
        "EndpointConfigName": configuration,
        "EndpointStatus": status,
        "CreationTime": changed.timestamp() - 3600,
        "LastModifiedTime": changed.timestamp(),
    }
