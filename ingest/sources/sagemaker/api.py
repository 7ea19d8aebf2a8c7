"""SageMaker client: model packages, endpoints, and versions served.

An endpoint names a configuration, that its models, and a model the package that it was
made from. A configuration never changes, so it is requested once. It and its models may
be deleted while the endpoint serves them; the served version is not known then.

Source: Amazon SageMaker API reference, *ListModelPackages*, *ListEndpoints*,
*DescribeEndpoint*, *DescribeEndpointConfig*, *DescribeModel*.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ingest.http.pages import each_once
from ingest.http.refusals import NotThereError
from ingest.sources.sagemaker.rows import ModelVersion, version_of
from ingest.storage.aws_service import AwsService, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WHERE = "Amazon SageMaker"
_PAGE_SIZE = 100
#: Method of boto3 → name of its permission, and the fields that every answer has.
_OPERATIONS = {
    "list_model_package_groups": (
        "ListModelPackageGroups",
        "ModelPackageGroupSummaryList",
    ),
    "list_model_packages": ("ListModelPackages", "ModelPackageSummaryList"),
    "list_endpoints": ("ListEndpoints", "Endpoints"),
    "describe_endpoint": ("DescribeEndpoint", "EndpointName"),
    "describe_endpoint_config": ("DescribeEndpointConfig", "EndpointConfigName"),
    "describe_model": ("DescribeModel", "ModelName"),
}


class SagemakerApi:
    """API operations used, of a single account and region.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    endpoint_url, region, profile, timeout_seconds
        As for :class:`ingest.storage.aws_service.AwsService`.
    """

    def __init__(
        self,
        *,
        source: str,
        endpoint_url: str | None,
        region: str,
        profile: str | None,
        timeout_seconds: float,
    ) -> None:
        self._source = source
        self._versions: dict[str, ModelVersion] = {}
        operations = [_operation(method) for method in _OPERATIONS]
        first = AwsService(
            operations[0],
            endpoint_url=endpoint_url,
            region=region,
            profile=profile,
            timeout_seconds=timeout_seconds,
        )
        self._services = {
            operation.method: first.for_operation(operation) for operation in operations
        }

    def model_packages(self) -> list[Mapping[str, Any]]:
        """Return the versions of all model package groups."""
        packages = [
            package
            for group in self._listed("list_model_package_groups")
            for package in self._listed(
                "list_model_packages",
                ModelPackageGroupName=group.get("ModelPackageGroupName"),
            )
        ]
        return list(each_once(packages, key=lambda one: one.get("ModelPackageArn")))

    def endpoints(self) -> list[Mapping[str, Any]]:
        """Return all endpoints, each with its configuration."""
        listed = each_once(
            self._listed("list_endpoints"), key=lambda one: one.get("EndpointArn")
        )
        return [
            endpoint
            for one in listed
            for endpoint in self._described(one.get("EndpointName"))
        ]

    def served_by(self, configuration: str) -> ModelVersion:
        """Return the version that a configuration serves.

        It is unknown where there are several, or where a part was deleted.
        """
        if configuration not in self._versions:
            try:
                version = self._version_in(configuration)
            except NotThereError:
                version = ModelVersion()
            self._versions[configuration] = version
        return self._versions[configuration]

    def probe(self) -> tuple[int, int]:
        """Return how many packages and endpoints there are; asks all that is needed."""
        endpoints = self.endpoints()
        for endpoint in endpoints:
            self.served_by(str(endpoint.get("EndpointConfigName")))
        return len(self.model_packages()), len(endpoints)

    def _described(self, endpoint: object) -> Iterator[Mapping[str, Any]]:
        """Yield an endpoint, unless it was deleted since it was listed."""
        with contextlib.suppress(NotThereError):
            yield self._ask("describe_endpoint", EndpointName=endpoint)

    def _version_in(self, configuration: str) -> ModelVersion:
        told = self._ask("describe_endpoint_config", EndpointConfigName=configuration)
        names = {
            str(variant["ModelName"])
            for variant in told.get("ProductionVariants") or []
            if variant.get("ModelName")
        }
        found = {version for name in names for version in self._versions_in_model(name)}
        return found.pop() if len(found) == 1 else ModelVersion()

    def _versions_in_model(self, name: str) -> Iterator[ModelVersion]:
        model = self._ask("describe_model", ModelName=name)
        containers = [*(model.get("Containers") or []), model.get("PrimaryContainer")]
        for container in containers:
            version = version_of((container or {}).get("ModelPackageName"))
            if version.version:
                yield version

    def _listed(self, method: str, **asked: object) -> Iterator[Mapping[str, Any]]:
        request = {**asked, "MaxResults": _PAGE_SIZE}
        return self._services[method].items(request, source=self._source)

    def _ask(self, method: str, **asked: object) -> Mapping[str, Any]:
        return self._services[method].ask(asked)


def _operation(method: str) -> Operation:
    action, answer_key = _OPERATIONS[method]
    return Operation(
        service="sagemaker",
        method=method,
        action=f"sagemaker:{action}",
        where=f"{WHERE} ({action})",
        answer_key=answer_key,
        content="what it documents",
        settings="'region', 'profile' and 'endpoint_url'",
        missing="Could not find",
    )
