"""``triptych check`` names the exact permission that a source lacks.

Each connector asks a real server on loopback, which denies in the vendor's own form.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from ingest.engine.registry import BUILT_IN
from tests.ingest.servers.http_server import Answer, Fault, ScriptedServer
from tests.ingest.servers.loopback_bigquery import refusing_bigquery
from tests.ingest.servers.loopback_s3 import ENVIRONMENT, FaultyProxy
from tests.ingest.servers.loopback_s3 import Fault as S3Fault
from tests.ingest.servers.oci_profile import write_profile
from triptych.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

SECRET = "made-up-secret-that-no-message-may-show"
#: Every variable in which a connector of these cases looks for a credential.
CREDENTIALS = (
    *("OPENAI_ADMIN_KEY", "ANTHROPIC_ADMIN_KEY", "RAILWAY_API_TOKEN"),
    *("GITHUB_COPILOT_TOKEN",),
    *("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LITELLM_API_KEY"),
    *("PROMETHEUS_TOKEN", "OPENCOST_TOKEN", "AZURE_MANAGEMENT_TOKEN"),
    *("MLFLOW_TRACKING_TOKEN", "PAGERDUTY_API_KEY", "GITHUB_TOKEN"),
    *("GITLAB_TOKEN", "ARGOCD_AUTH_TOKEN"),
    *("INCIDENT_IO_API_KEY", "JIRA_API_TOKEN"),
)
AZURE_TOKEN = f"sv=2024-11-04&sr=c&sp=rl&sig={SECRET}"
#: Sources that are files of the workspace, whose path is all there is to lack.
ONLY_FILES = {
    *("event_inbox", "focus_files", "openshift_metrics", "opentelemetry"),
    *("surveys", "tables"),
}


@contextmanager
def http(message: str, *, status: int = 403) -> Iterator[str]:
    """Deny every request with the message of a JSON API."""
    with ScriptedServer() as server:
        body = {"error": {"message": message}}
        server.faults += [Fault(Answer(body, status))] * 50
        yield server.url


@contextmanager
def azure(code: str) -> Iterator[str]:
    """Deny every request as Azure Storage does."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{SECRET}</Message>"
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
    with ScriptedServer() as server:
        answer = Answer(f"{text}</Error>".encode(), 403, headers)
        server.faults += [Fault(answer)] * 50
        yield server.url


@contextmanager
def s3() -> Iterator[str]:
    """Deny every request as Amazon S3 does."""
    with FaultyProxy("http://127.0.0.1:9") as proxy:
        proxy.on_request = lambda _: S3Fault(403, "AccessDenied", f"echo {SECRET}")
        yield proxy.url


@contextmanager
def aws(service: str) -> Iterator[str]:
    """Deny every request as the JSON services of AWS do."""
    with ScriptedServer() as server:
        body = {
            "__type": f"com.amazonaws.{service}#AccessDeniedException",
            "message": f"echo {SECRET}",
        }
        server.faults += [Fault(Answer(body, 400))] * 50
        yield server.url


@contextmanager
def oci() -> Iterator[str]:
    """Deny every request as Oracle Cloud does: as if there were nothing."""
    with ScriptedServer() as server:
        body = {
            "code": "NotAuthorizedOrNotFound",
            "message": "Authorization failed or requested resource not found."
            f" echo {SECRET}",
        }
        server.faults += [Fault(Answer(body, 404))] * 50
        yield server.url


@contextmanager
def bigquery(message: str) -> Iterator[str]:
    """Deny every request as BigQuery does."""
    with refusing_bigquery(403, reason="accessDenied", message=message) as (url, _):
        yield url


@dataclass(frozen=True)
class Case:
    """A source, how its server denies, and what the check must say."""

    type: str
    deny: Callable[[], AbstractContextManager[str]]
    address: str
    options: dict[str, object]
    says: tuple[str, ...]

    def source(self, url: str) -> dict[str, object]:
        named = {"name": "denied", "type": self.type, self.address: url}
        return {**named, **self.options}


CASES = (
    Case(
        "aws_data_exports",
        s3,
        "endpoint_url",
        {"bucket": "example-billing", "prefix": "exports", "export": "focus"},
        (
            "lack s3:ListBucket on arn:aws:s3:::example-billing (prefix exports/focus/",
            "Allow s3:ListBucket on arn:aws:s3:::example-billing in the reader's IAM",
        ),
    ),
    Case(
        "aws_cost_explorer",
        lambda: aws("ce"),
        "endpoint_url",
        {},
        ("lack ce:GetCostAndUsage", "Allow ce:GetCostAndUsage"),
    ),
    Case(
        "aws_invoices",
        lambda: aws("invoicing"),
        "endpoint_url",
        {"account": "000123456789"},
        (
            "the credentials lack invoicing:ListInvoiceSummaries",
            "Allow invoicing:ListInvoiceSummaries on resource * in the reader's IAM",
        ),
    ),
    Case(
        "aws_cur_legacy",
        s3,
        "endpoint_url",
        {"bucket": "example-billing", "prefix": "reports", "report": "cur"},
        ("lack s3:ListBucket on arn:aws:s3:::example-billing (prefix reports/cur/",),
    ),
    Case(
        "oci_focus",
        s3,
        "endpoint_url",
        {"bucket": "ocid1.tenancy.oc1..example", "region": "eu-frankfurt-1"},
        ("lack s3:ListBucket on", "ocid1.tenancy.oc1..example"),
    ),
    Case(
        "oci_invoices",
        oci,
        "base_url",
        {},
        (
            "Authorization failed or requested resource not found",
            "needs the policy 'Allow group <group_name> to read invoices in tenancy'",
        ),
    ),
    Case(
        "azure_focus",
        lambda: azure("AuthorizationPermissionMismatch"),
        "account_url",
        {"container": "exports", "export": "focus"},
        (
            "It lacks Microsoft.Storage/storageAccounts/blobServices/containers/blobs",
            "Give it the role 'Storage Blob Data Reader' on the container",
        ),
    ),
    Case(
        "azure_invoices",
        lambda: http("AuthorizationFailed: does not have authorization"),
        "base_url",
        {"billing_account": "12345678"},
        (
            "needs Microsoft.Billing/billingAccounts/invoices/read",
            "the role 'Billing account reader' on the billing account",
        ),
    ),
    Case(
        "gcp_billing",
        lambda: bigquery(
            "Access Denied: Project example-finance: User does not have"
            " bigquery.jobs.create permission in project example-finance."
        ),
        "api_endpoint",
        {"project": "example-finance", "dataset": "billing", "table": "export"},
        (
            "the credentials lack bigquery.jobs.create on project example-finance.",
            "Grant roles/bigquery.jobUser in project example-finance.",
        ),
    ),
    Case(
        "openai",
        lambda: http(f"Missing scopes: api.usage.read. Key {SECRET}"),
        "base_url",
        {},
        ("Missing scopes: api.usage.read", "Let OPENAI_ADMIN_KEY hold an admin key"),
    ),
    Case(
        "anthropic",
        lambda: http(f"invalid x-api-key {SECRET}", status=401),
        "base_url",
        {},
        ("Let ANTHROPIC_ADMIN_KEY hold an Admin API key",),
    ),
    Case(
        "github_copilot",
        lambda: http(f"Resource not accessible by personal access token {SECRET}"),
        "base_url",
        {"organisation": "acme"},
        ("organisation permissions Administration (read) and GitHub Copilot",),
    ),
    Case(
        "litellm",
        lambda: http("Only proxy admin can be used"),
        "base_url",
        {},
        ("LITELLM_API_KEY to a key of a user with the role proxy_admin_viewer",),
    ),
    Case(
        "langfuse",
        lambda: http("Invalid credentials", status=401),
        "base_url",
        {},
        ("Set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY to the API keys",),
    ),
    Case(
        "prometheus",
        lambda: http("forbidden"),
        "base_url",
        {"usage": {"requests": "requests_total"}},
        ("Set the environment variable PROMETHEUS_TOKEN",),
    ),
    Case(
        "opencost",
        lambda: http("forbidden"),
        "base_url",
        {"token_variable": "OPENCOST_TOKEN"},
        ("OPENCOST_TOKEN",),
    ),
    Case(
        "railway",
        lambda: http("Not Authorized"),
        "base_url",
        {"workspace_id": "0f0f0f0f"},
        ("Put a workspace token of Railway into RAILWAY_API_TOKEN",),
    ),
    Case(
        "argocd",
        lambda: http("permission denied: applications, get"),
        "base_url",
        {},
        ("permission denied: applications, get", "ARGOCD_AUTH_TOKEN hold a token"),
    ),
    Case(
        "github",
        lambda: http("Resource not accessible by personal access token"),
        "base_url",
        {"repositories": ["acme/eta"]},
        ("Resource not accessible by personal access token", "GITHUB_TOKEN"),
    ),
    Case(
        "gitlab",
        lambda: http("insufficient_scope"),
        "base_url",
        {"projects": ["acme/eta"]},
        ("insufficient_scope", "GITLAB_TOKEN"),
    ),
    Case(
        "jira_worklogs",
        lambda: http("scope does not match"),
        "base_url",
        {"auth": "bearer"},
        (
            "scope does not match",
            "Let JIRA_API_TOKEN hold an API token with the scope read:jira-work",
            "Browse projects",
        ),
    ),
    Case(
        "mlflow",
        lambda: http("Permission denied", status=403),
        "base_url",
        {"auth": "bearer"},
        ("MLFLOW_TRACKING_TOKEN",),
    ),
    Case(
        "pagerduty",
        lambda: http("Access Denied"),
        "base_url",
        {},
        (
            "Let PAGERDUTY_API_KEY hold a read-only REST API key",
            "the scopes incidents.read and analytics.read",
        ),
    ),
    Case(
        "incident_io",
        lambda: http("missing scope: viewer"),
        "base_url",
        {"impact_start": "Impact started at"},
        (
            "missing scope: viewer",
            "Let INCIDENT_IO_API_KEY hold an API key that may only view data",
        ),
    ),
    Case(
        "sagemaker",
        lambda: aws("sagemaker"),
        "endpoint_url",
        {},
        ("sagemaker:List",),
    ),
    Case(
        "ecb_rates",
        lambda: http("blocked by policy"),
        "url",
        {},
        ("blocked by policy", "No credential is needed for it: look at the proxy"),
    ),
)


@pytest.fixture(autouse=True)
def _credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give every connector a credential that its server denies."""
    for name in CREDENTIALS:
        monkeypatch.setenv(name, SECRET)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, SECRET if "SECRET" in name else value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", AZURE_TOKEN)
    config = write_profile(tmp_path_factory.mktemp("oci"), pass_phrase=SECRET)
    monkeypatch.setenv("OCI_CONFIG_FILE", str(config))


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.type in BUILT_IN],
    ids=lambda case: str(case.type),
)
def test_a_source_that_is_denied_says_what_to_allow(tmp_path: Path, case: Case) -> None:
    if case.type == "azure_focus":
        pytest.importorskip("azure.storage.blob")
    with case.deny() as url:
        settings = {"organisation": "Example", "currency": "EUR"}
        settings_file = yaml.safe_dump({**settings, "sources": [case.source(url)]})
        (tmp_path / "triptych.yml").write_text(settings_file, "utf-8")
        result = CliRunner().invoke(app, ["check", "-w", str(tmp_path)])

    assert result.exit_code == 3, result.stderr
    assert f"denied ({case.type})\n  missing " in result.stdout
    for text in case.says:
        assert text in result.stdout
    assert SECRET not in result.stdout + result.stderr
    assert "Not ready: denied." in result.stderr


def test_every_connector_that_asks_somebody_is_denied_here() -> None:
    """A new connector shows here what its check says when it may not read."""
    assert set(BUILT_IN) <= {case.type for case in CASES} | ONLY_FILES
