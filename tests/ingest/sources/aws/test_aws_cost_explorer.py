"""Cost Explorer: with the real boto3 client, on moto and on a server of our own."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from pydantic import ValidationError

import ingest.http.client
from ingest.connector import Window
from ingest.source_kinds.calendar import month_start
from ingest.sources.aws.cost_explorer import (
    AwsCostExplorer,
    AwsCostExplorerConfig,
    _following,
)
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, ScriptedServer, paged, status
from tests.ingest.servers.loopback_s3 import (
    MISSING_REASON,
    REPOSITORY,
    SECRETS,
    checking_who_asks,
    is_available,
    set_environment,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.ingest.servers.http_server import Request

needs_moto = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)
TODAY = datetime.now(UTC).date()
THIS_MONTH = TODAY.replace(day=1)
LAST_MONTH = month_start(TODAY, 1)
TARGET = "AWSInsightsIndexService.GetCostAndUsage"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a group cost on a day."""

    day: date
    keys: tuple[str, ...]
    unblended: str
    amortized: str = ""
    quantity: str = "1.0"
    unit: str = "Hrs"
    currency: str = "USD"


@dataclass(slots=True)
class Account:
    """An account's costs; answers as Cost Explorer does, some groups per page."""

    costs: list[Cost] = field(default_factory=list)
    groups_per_page: int = 2
    estimated_from: date = THIS_MONTH

    def pages(self, request: Request) -> list[list[Cost]]:
        """Return the groups of each page that a request asks for."""
        asked = request.json()
        period = asked["TimePeriod"]
        chosen = [
            c for c in self.costs if period["Start"] <= f"{c.day}" < period["End"]
        ]
        if asked["Granularity"] == "MONTHLY":
            return [chosen]
        size = self.groups_per_page
        return [chosen[n : n + size] for n in range(0, len(chosen), size)]

    def answer(self, costs: Sequence[Cost], token: str | None) -> dict[str, object]:
        """Return one page of daily totals."""
        by_day: dict[date, list[Cost]] = defaultdict(list)
        for cost in costs:
            by_day[cost.day].append(cost)
        page: dict[str, object] = {
            "ResultsByTime": [
                {
                    "TimePeriod": {"Start": f"{day}", "End": f"{_day_after(day)}"},
                    "Total": {},
                    "Groups": [
                        {"Keys": list(c.keys), "Metrics": _metrics(c)} for c in found
                    ],
                    "Estimated": day >= self.estimated_from,
                }
                for day, found in by_day.items()
            ],
            "DimensionValueAttributes": [],
        }
        return page if token is None else {**page, "NextPageToken": token}

    def monthly(self, costs: Sequence[Cost]) -> dict[str, object]:
        """Return the totals of months."""
        by_month: dict[date, list[Cost]] = defaultdict(list)
        for cost in costs:
            by_month[cost.day.replace(day=1)].append(cost)
        return {
            "ResultsByTime": [
                {
                    "TimePeriod": {"Start": f"{m}", "End": f"{_following(m)}"},
                    "Total": _sums(found),
                    "Groups": [],
                    "Estimated": m >= self.estimated_from,
                }
                for m, found in by_month.items()
            ]
        }


def _day_after(day: date) -> date:
    return day + timedelta(days=1)


def _metrics(cost: Cost) -> dict[str, dict[str, str]]:
    return {
        "UnblendedCost": {"Amount": cost.unblended, "Unit": cost.currency},
        "AmortizedCost": {
            "Amount": cost.amortized or cost.unblended,
            "Unit": cost.currency,
        },
        "UsageQuantity": {"Amount": cost.quantity, "Unit": cost.unit},
    }


def _sums(costs: Sequence[Cost]) -> dict[str, dict[str, str]]:
    unblended = sum(Decimal(cost.unblended) for cost in costs)
    amortized = sum(Decimal(cost.amortized or cost.unblended) for cost in costs)
    quantity = sum(Decimal(cost.quantity) for cost in costs)
    return {
        "UnblendedCost": {"Amount": f"{unblended}", "Unit": "USD"},
        "AmortizedCost": {"Amount": f"{amortized}", "Unit": "USD"},
        "UsageQuantity": {"Amount": f"{quantity}", "Unit": "N/A"},
    }


def serve(server: ScriptedServer, account: Account) -> None:
    """Let a server answer for an account."""
    daily = paged(
        account.pages,
        render=account.answer,
        token_of=lambda request: request.json().get("NextPageToken"),
    )
    monthly = paged(
        account.pages,
        render=lambda costs, token: {
            **account.monthly(costs),
            **({} if token is None else {"NextPageToken": token}),
        },
        token_of=lambda request: request.json().get("NextPageToken"),
    )

    def answer(request: Request) -> Answer:
        assert request.headers["x-amz-target"] == TARGET
        is_monthly = request.json()["Granularity"] == "MONTHLY"
        return (monthly if is_monthly else daily)(request, server.page_fault)

    server.route("POST", "/", answer)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def account(server: ScriptedServer) -> Account:
    account = Account()
    serve(server, account)
    return account


def options_of(server: ScriptedServer, **options: Any) -> dict[str, Any]:
    return {"endpoint_url": server.url, "start_date": LAST_MONTH, **options}


def connect(server: ScriptedServer, root: Path, **options: Any) -> AwsCostExplorer:
    config = AwsCostExplorerConfig(
        name="aws", type="aws_cost_explorer", **options_of(server, **options)
    )
    return AwsCostExplorer(config, root=root)


def case_of(server: ScriptedServer, root: Path, **options: Any) -> ConnectorCase:
    return ConnectorCase(
        "aws_cost_explorer",
        options_of(server, **options),
        root,
        0,
        {},
        dict,
        dict,
        lambda: 0,
    )


def ec2(day: date, unblended: str, **other: str) -> Cost:
    return Cost(day, ("AmazonEC2", "BoxUsage:p5.48xlarge"), unblended, **other)


def test_each_total_is_a_row_with_its_groups_and_aws_own_word_on_estimates(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [
        ec2(LAST_MONTH, "55.0400000001", amortized="40.5", quantity="24.0"),
        Cost(LAST_MONTH, ("Tax", "NoUsageType"), "1.5", quantity="0", unit="N/A"),
        ec2(THIS_MONTH, "2"),
    ]
    case = case_of(server, tmp_path)
    assert case.ingest().failures == []
    rows = case.query(
        "SELECT usage_start::DATE, usage_end::DATE, billing_period_start::DATE,"
        " service, usage_type, unblended_cost, amortized_cost, usage_quantity,"
        " usage_unit, is_estimated, grouped_by FROM evidence.aws_cost_explorer"
        " ORDER BY usage_start, service"
    )
    last = (LAST_MONTH, _day_after(LAST_MONTH), LAST_MONTH)
    this = (THIS_MONTH, _day_after(THIS_MONTH), THIS_MONTH)
    kind, groups = "BoxUsage:p5.48xlarge", "service, usage_type"
    exact = Decimal("55.0400000001")
    half = Decimal("40.5")
    assert rows == [
        (*last, "AmazonEC2", kind, exact, half, 24, "Hrs", False, groups),
        (*last, "Tax", "NoUsageType", *[Decimal("1.5")] * 2, None, None, False, groups),
        (*this, "AmazonEC2", kind, 2, 2, 1, "Hrs", True, groups),
    ]


def test_totals_by_tag_carry_the_tag_and_what_has_none_carries_none(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [
        Cost(LAST_MONTH, ("AmazonEC2", "team$search"), "1", unit="N/A"),
        Cost(LAST_MONTH, ("AmazonEC2", "team$"), "2", unit="N/A"),
    ]
    options = {"group_by": ("service", "tag:team"), "accounts": ("000123456789",)}
    case = case_of(server, tmp_path, **options)
    assert case.ingest().failures == []
    assert case.query(
        "SELECT service, usage_type, linked_account, tags['team'], unblended_cost"
        " FROM evidence.aws_cost_explorer ORDER BY unblended_cost"
    ) == [
        ("AmazonEC2", None, "000123456789", "search", Decimal(1)),
        ("AmazonEC2", None, "000123456789", None, Decimal(2)),
    ]
    asked = server.requests[-1].json()
    assert asked["GroupBy"] == [
        {"Type": "DIMENSION", "Key": "SERVICE"},
        {"Type": "TAG", "Key": "team"},
    ]
    assert asked["Filter"] == {
        "Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["000123456789"]}
    }


def test_one_request_tells_that_nothing_moved_and_only_a_month_that_moved_is_read(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [ec2(LAST_MONTH, "1"), ec2(THIS_MONTH, "2")]
    case = case_of(server, tmp_path)
    assert case.ingest().failures == []
    assert len(server.requests) == 3
    server.requests.clear()
    assert case.ingest().committed == []
    assert [r.json()["Granularity"] for r in server.requests] == ["MONTHLY"]
    server.requests.clear()
    account.costs.append(Cost(LAST_MONTH, ("AmazonS3", "Refund"), "-0.25"))
    (load,) = case.ingest().committed
    assert load.label.endswith(f"{LAST_MONTH:%Y-%m}")
    assert server.requests[-1].json()["TimePeriod"] == {
        "Start": f"{LAST_MONTH}",
        "End": f"{THIS_MONTH}",
    }
    assert len(server.requests) == 2


def test_a_month_that_aws_closes_is_read_again_though_its_total_stays(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs, account.estimated_from = [ec2(LAST_MONTH, "1")], LAST_MONTH
    case = case_of(server, tmp_path)
    case.ingest()
    flag = "SELECT bool_or(is_estimated) FROM evidence.aws_cost_explorer"
    assert case.query(flag) == [(True,)]
    account.estimated_from = THIS_MONTH
    case.ingest()
    assert case.query(flag) == [(False,)]


def test_another_grouping_reads_every_month_anew(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [ec2(LAST_MONTH, "1"), ec2(THIS_MONTH, "2")]
    case = case_of(server, tmp_path)
    case.ingest()
    case.options["group_by"] = ("service", "region")
    account.costs = [
        Cost(c.day, ("AmazonEC2", "eu"), c.unblended) for c in account.costs
    ]
    assert len(case.ingest().committed) == 2
    assert case.query("SELECT DISTINCT region FROM evidence.aws_cost_explorer") == [
        ("eu",)
    ]


def test_only_the_months_asked_for_are_asked_for(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [ec2(LAST_MONTH, "1"), ec2(THIS_MONTH, "2")]
    window = Window(LAST_MONTH + timedelta(days=3), LAST_MONTH + timedelta(days=4))
    connector = connect(server, tmp_path, start_date=None)
    (delivery,) = connector.deliveries(window)
    assert delivery.period == f"{LAST_MONTH:%Y-%m}"
    (request,) = server.requests
    assert request.json()["TimePeriod"] == {
        "Start": f"{LAST_MONTH}",
        "End": f"{THIS_MONTH}",
    }
    before = Window(None, month_start(TODAY, 20))
    assert list(connector.deliveries(before)) == []
    assert len(server.requests) == 1


def test_thirteen_months_are_asked_for_unless_said_otherwise(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [ec2(LAST_MONTH, "1")]
    list(connect(server, tmp_path, start_date=None).deliveries(Window()))
    (request,) = server.requests
    assert request.json()["TimePeriod"] == {
        "Start": f"{month_start(TODAY + timedelta(days=1), 12)}",
        "End": f"{TODAY + timedelta(days=1)}",
    }


def test_pages_that_contradict_each_other_are_refused(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [ec2(LAST_MONTH, "1"), ec2(LAST_MONTH, "2")]
    (failure,) = case_of(server, tmp_path).ingest().failures
    assert isinstance(failure.error, MalformedDeliveryError)
    assert "two amounts of AmazonEC2" in str(failure.error)


@pytest.mark.parametrize("amount", ["", "twelve"])
def test_an_answer_in_another_form_is_malformed(
    server: ScriptedServer, account: Account, tmp_path: Path, amount: str
) -> None:
    account.costs = [ec2(LAST_MONTH, "1", quantity="1")]
    bad = {"Amount": amount, "Unit": "USD"} if amount else None

    def answer(request: Request) -> Answer:
        page = account.answer(account.costs, None)
        if request.json()["Granularity"] == "MONTHLY":
            return Answer(account.monthly(account.costs))
        group = page["ResultsByTime"][0]["Groups"][0]  # type: ignore[index]
        group["Metrics"]["UnblendedCost"] = bad
        return Answer(page)

    server.route("POST", "/", answer)
    (failure,) = case_of(server, tmp_path).ingest().failures
    assert isinstance(failure.error, MalformedDeliveryError)
    assert "Unexpected response format from AWS" in str(failure.error)


def coded(code: str) -> dict[str, str]:
    return {"__type": f"com.amazonaws.ce#{code}", "message": "hush-hush"}


@pytest.mark.parametrize(
    ("http_status", "code", "kind", "words"),
    [
        (400, "AccessDeniedException", SourceAccessError, "lack ce:GetCostAndUsage"),
        (400, "ExpiredTokenException", SourceAccessError, "expired"),
        (400, "UnrecognizedClientException", SourceAccessError, "credentials"),
        (400, "DataUnavailableException", FatalSourceError, "no data of these days"),
        (400, "ValidationException", FatalSourceError, "ValidationException"),
        (400, "LimitExceededException", TransientSourceError, "LimitExceeded"),
        (400, "ThrottlingException", TransientSourceError, "Throttling"),
        (500, "InternalFailure", TransientSourceError, "InternalFailure"),
    ],
)
def test_what_aws_refuses_is_said_without_repeating_its_words(
    server: ScriptedServer,
    account: Account,
    tmp_path: Path,
    http_status: int,
    code: str,
    kind: type[SourceError],
    words: str,
) -> None:
    account.costs = [ec2(LAST_MONTH, "1")]
    server.faults += [status(http_status, body=coded(code))] * 5
    with pytest.raises(kind, match=words) as caught:
        list(connect(server, tmp_path).deliveries(Window()))
    assert "hush-hush" not in str(caught.value)
    assert len(server.requests) == (5 if kind is TransientSourceError else 1)
    server.faults.clear()
    server.faults += [status(http_status, body=coded(code))] * 5
    (finding,) = connect(server, tmp_path).check()
    assert not finding.is_ok
    assert words in finding.message


def test_a_profile_that_does_not_exist_is_a_matter_of_credentials(
    server: ScriptedServer, account: Account, tmp_path: Path
) -> None:
    account.costs = [ec2(LAST_MONTH, "1")]
    connector = connect(server, tmp_path, profile="nobody")
    with pytest.raises(SourceAccessError, match="ProfileNotFound"):
        list(connector.deliveries(Window()))


@pytest.mark.parametrize(
    "options",
    [
        {"group_by": ()},
        {"group_by": ("service", "usage_type", "region")},
        {"group_by": ("service", "service")},
        {"group_by": ("resource",)},
        {"group_by": ("tag:",)},
        {"aws_secret_access_key": "hush-hush"},
        {"endpoint_url": "http://ce.example"},
        {"endpoint_url": "https://k:hush-hush@ce.example"},
    ],
)
def test_options_that_cannot_work_are_refused_without_repeating_a_secret(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as caught:
        AwsCostExplorerConfig(name="aws", type="aws_cost_explorer", **options)
    assert "hush-hush" not in str(caught.value)


# ------------------------------------------------------------------------- on moto


def queue(endpoint: str, *results: object) -> None:
    """Let moto answer the next new questions with these results."""
    post(f"{endpoint}/moto-api/reset", {})
    answers = f"{endpoint}/moto-api/static/ce/cost-and-usage-results"
    post(answers, {"results": list(results)})


def post(url: str, body: object) -> None:
    request = urllib.request.Request(  # noqa: S310
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request):  # noqa: S310
        pass


@needs_moto
def test_what_moto_answers_is_read_page_by_page(endpoint: str, tmp_path: Path) -> None:
    account = Account([ec2(LAST_MONTH, "1.25"), Cost(LAST_MONTH, ("S3", "Bytes"), "2")])
    first, second = account.costs
    queue(
        endpoint,
        account.monthly(account.costs),
        account.answer([first], "a-token"),
        account.answer([second], None),
    )
    options: dict[str, object] = {"endpoint_url": endpoint, "start_date": LAST_MONTH}
    case = ConnectorCase(
        "aws_cost_explorer", options, tmp_path, 0, {}, dict, dict, lambda: 0
    )
    assert case.ingest().failures == []
    assert case.query(
        "SELECT count(*), sum(unblended_cost) FROM evidence.aws_cost_explorer"
    ) == [(2, Decimal("3.25"))]


def documented_policy() -> list[dict[str, Any]]:
    guide = (REPOSITORY / "docs/how_to/connect_aws.md").read_text()
    (policy,) = re.findall(r'```json title="Cost Explorer"\n(.*?)```', guide, re.DOTALL)
    statements: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return statements


@needs_moto
@pytest.mark.parametrize("is_allowed", [True, False])
def test_the_documented_policy_is_enough_and_what_lacks_is_named(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_allowed: bool
) -> None:
    account = Account([ec2(TODAY - timedelta(days=1), "1")])
    queue(endpoint, account.answer(account.costs, None))
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    statements = documented_policy()
    if not is_allowed:
        statements[0] = {**statements[0], "Action": "ce:GetDimensionValues"}
    iam.put_user_policy(
        UserName="reader",
        PolicyName="reading",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    config = AwsCostExplorerConfig(
        name="aws", type="aws_cost_explorer", endpoint_url=endpoint
    )
    with checking_who_asks(endpoint) as check_every_request:
        check_every_request()
        (finding,) = AwsCostExplorer(config, root=tmp_path).check()
    assert finding.is_ok is is_allowed, finding
    if not is_allowed:
        assert "lack ce:GetCostAndUsage" in finding.message
        assert "Allow ce:GetCostAndUsage" in finding.next_step
    assert key["SecretAccessKey"] not in repr(finding)


# ---------------------------------------------------------------- contract and faults


@pytest.fixture
def case(server: ScriptedServer, account: Account, tmp_path: Path) -> ConnectorCase:
    """Return two months whose sums are plain to see, on several pages."""
    first = [
        ec2(LAST_MONTH, "10.25"),
        Cost(LAST_MONTH, ("AmazonS3", "Bytes"), "0.5"),
        Cost(LAST_MONTH, ("Credits", "NoUsageType"), "-1"),
        ec2(_day_after(LAST_MONTH), "4"),
        ec2(THIS_MONTH, "5"),
    ]
    account.costs = list(first)

    def deliver_again() -> None:
        account.costs = list(first)

    def deliver_late() -> dict[str, Decimal]:
        late = [ec2(_day_after(LAST_MONTH) + timedelta(days=1), "0.125")]
        account.costs = [*first, *late, Cost(THIS_MONTH, ("AmazonS3", "B"), "100")]
        return {"USD": Decimal("118.875")}

    def deliver_hostile() -> int:
        bad = [Cost(LAST_MONTH, ("X", "1"), "7", currency="DOUBLOON")]
        bad += [Cost(LAST_MONTH, ("X", "2"), "8", currency="")]
        account.costs = [*first, *bad]
        return 2

    return ConnectorCase(
        connector_type="aws_cost_explorer",
        options=options_of(server, timeout_seconds=1),
        root=tmp_path,
        expected_rows=5,
        expected_money={"USD": Decimal("18.75")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=SECRETS,
    )


class TestAwsCostExplorerContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestAwsCostExplorerMisbehaviour(SurvivesMisbehaviour):
    """The service misbehaves, the data does not."""
