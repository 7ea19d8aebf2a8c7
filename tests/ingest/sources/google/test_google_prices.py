from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ingest.connector import Window
from ingest.sources.google.connector import GcpBilling, GcpBillingConfig
from tests.ingest.layouts.gcp_export_layout import ACCOUNT, Workbench
from tests.ingest.servers.loopback_bigquery import dead_address
from tests.ingest.servers.loopback_cloud_billing import (
    CloudBillingState,
    running_cloud_billing,
)
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.cloud import billing_v1

    from tests.ingest.servers.http_server import PageFault

COMPUTE = "6F81-5844-456A"
STORAGE = "95FF-2EF5-5EA1"


@pytest.fixture
def state() -> Iterator[CloudBillingState]:
    known = CloudBillingState()
    _fill(known)
    with running_cloud_billing(known):
        yield known


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def _fill(state: CloudBillingState) -> None:
    from google.cloud import billing_v1 as api

    state.services = [
        api.Service(name=f"services/{id_}", service_id=id_, display_name=name)
        for id_, name in (
            (COMPUTE, "Compute Engine"),
            (STORAGE, "Cloud Storage"),
            ("0000-0000-0001", "Something Else"),
        )
    ]
    state.skus[f"services/{COMPUTE}"] = [
        _sku(f"GPU-{number}", "h", "s", 3600, [(0, (2, 933_908_000))])
        for number in range(1, 6)
    ]
    gibibyte_month = 1_073_741_824 * 2_592_000
    tiers = [(0, (0, 0)), (5, (0, 20_000_000)), (51_200.5, (0, 19_999_999))]
    state.skus[f"services/{STORAGE}"] = [
        _sku("STD", "GiBy.mo", "By.s", gibibyte_month, tiers)
    ]
    state.skus["services/0000-0000-0001"] = []
    state.accounts = [
        api.BillingAccount(
            name=f"billingAccounts/{ACCOUNT}",
            display_name="Main",
            open=True,
            currency_code="EUR",
        ),
        api.BillingAccount(
            name="billingAccounts/FFFFFF-000000-FFFFFF", display_name="Old", open=False
        ),
    ]
    state.projects[f"billingAccounts/{ACCOUNT}"] = [
        _project(name, enabled=name != "sandbox")
        for name in ("ml-prod", "ml-dev", "sandbox")
    ]
    state.projects["billingAccounts/FFFFFF-000000-FFFFFF"] = [
        _project("archive", enabled=False)
    ]


def _project(name: str, *, enabled: bool) -> billing_v1.ProjectBillingInfo:
    from google.cloud import billing_v1 as api

    return api.ProjectBillingInfo(
        name=f"projects/{name}/billingInfo", project_id=name, billing_enabled=enabled
    )


def _sku(
    id_: str,
    unit: str,
    base_unit: str,
    factor: float,
    tiers: list[tuple[float, tuple[int, int]]],
    currency: str = "EUR",
) -> billing_v1.Sku:
    from google.cloud import billing_v1 as api
    from google.type.money_pb2 import Money

    rates = [
        api.PricingExpression.TierRate(
            start_usage_amount=start,
            unit_price=Money(currency_code=currency, units=units, nanos=nanos),
        )
        for start, (units, nanos) in tiers
    ]
    return api.Sku(
        name=f"services/x/skus/{id_}",
        sku_id=id_,
        description=f"Price of {id_}",
        category=api.Category(
            service_display_name="x",
            resource_family="Compute",
            resource_group="GPU",
            usage_type="OnDemand",
        ),
        service_regions=["europe-west4", "us-central1"],
        service_provider_name="Google",
        pricing_info=[
            api.PricingInfo(
                pricing_expression=api.PricingExpression(
                    usage_unit=unit,
                    base_unit=base_unit,
                    base_unit_conversion_factor=factor,
                    tiered_rates=rates,
                ),
                currency_conversion_rate=0.92,
            )
        ],
    )


def prices(state: CloudBillingState, root: Path, **options: object) -> GcpBilling:
    settings = {
        "name": "google",
        "type": "gcp_billing",
        "prices": True,
        "price_currency": "EUR",
        "billing_api_endpoint": state.address,
        "timeout_seconds": 5,
        **options,
    }
    return GcpBilling(GcpBillingConfig.model_validate(settings), root=root)


def error_of(connector: GcpBilling) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(connector.deliveries(Window()))
    return caught.value


def test_all_pages_of_services_and_prices_are_read(
    state: CloudBillingState, bench: Workbench
) -> None:
    connector = prices(state, bench.root)

    bench.ingest(connector).raise_first_failure()

    # Three services in pages of two, five SKUs in pages of two.
    assert state.calls["ListServices"] == 2
    assert connector.streams() == ("billing_projects", "sku_prices")
    assert bench.query(
        "select service_name, count(distinct sku_id), count(*)"
        " from evidence.sku_prices group by all order by all"
    ) == [("Cloud Storage", 1, 3), ("Compute Engine", 5, 5)]


def test_prices_are_exact_and_keep_tiers_and_base_units(
    state: CloudBillingState, bench: Workbench
) -> None:
    bench.ingest(prices(state, bench.root)).raise_first_failure()

    assert bench.query(
        "select tier_start_quantity, list_unit_price, currency, pricing_unit,"
        " base_unit, base_units_per_pricing_unit, region_ids"
        " from evidence.sku_prices where sku_id = 'STD' order by all"
    ) == [
        (
            Decimal(start),
            Decimal(price),
            "EUR",
            "GiBy.mo",
            "By.s",
            Decimal(2_783_138_807_808_000),
            "europe-west4,us-central1",
        )
        for start, price in (
            ("0", "0"),
            ("5", "0.02"),
            ("51200.5", "0.019999999"),
        )
    ]
    assert bench.query(
        "select distinct list_unit_price, currency_conversion_rate"
        " from evidence.sku_prices where sku_id like 'GPU%'"
    ) == [(Decimal("2.933908"), Decimal("0.92"))]


def test_prices_come_in_the_currency_that_was_asked_for(
    state: CloudBillingState, bench: Workbench
) -> None:
    bench.ingest(prices(state, bench.root, price_currency="JPY"))

    asked = {r.currency_code for name, r in state.requests if name == "ListSkus"}
    assert asked == {"JPY"}


@pytest.mark.parametrize(
    "wanted", ["Cloud Storage", "cloud storage", STORAGE, f"services/{STORAGE}"]
)
def test_services_are_chosen_by_id_or_name(
    wanted: str, state: CloudBillingState, bench: Workbench
) -> None:
    bench.ingest(
        prices(state, bench.root, price_services=(wanted,))
    ).raise_first_failure()

    assert bench.query("select distinct service_id from evidence.sku_prices") == [
        (STORAGE,)
    ]


def test_a_service_that_is_not_in_the_catalogue_is_named(
    state: CloudBillingState, tmp_path: Path
) -> None:
    error = error_of(prices(state, tmp_path, price_services=("Vertex", COMPUTE)))

    assert isinstance(error, FatalSourceError)
    assert "'vertex'" in error.what
    assert "price_services" in error.next_step


def test_projects_are_listed_with_the_account_that_pays(
    state: CloudBillingState, bench: Workbench
) -> None:
    bench.ingest(prices(state, bench.root)).raise_first_failure()

    assert bench.query(
        "select billing_account_id, project_id, is_billing_enabled, is_account_open,"
        " account_currency from evidence.billing_projects order by all"
    ) == [
        (ACCOUNT, "ml-dev", True, True, "EUR"),
        (ACCOUNT, "ml-prod", True, True, "EUR"),
        (ACCOUNT, "sandbox", False, True, "EUR"),
        ("FFFFFF-000000-FFFFFF", "archive", False, False, None),
    ]


def test_only_the_named_account_is_asked_for_its_projects(
    state: CloudBillingState, bench: Workbench
) -> None:
    bench.ingest(
        prices(state, bench.root, billing_account=ACCOUNT)
    ).raise_first_failure()

    assert state.calls["ListBillingAccounts"] == 0
    assert bench.query("select count(*) from evidence.billing_projects") == [(3,)]


def test_an_account_that_does_not_exist_is_an_error_not_an_empty_list(
    state: CloudBillingState, tmp_path: Path
) -> None:
    error = error_of(prices(state, tmp_path, billing_account="AAAAAA-AAAAAA-AAAAAA"))

    assert isinstance(error, FatalSourceError)
    assert "billing_account" in error.next_step


def test_a_moved_project_is_noticed_and_unchanged_ones_are_not_loaded_twice(
    state: CloudBillingState, bench: Workbench
) -> None:
    bench.ingest(prices(state, bench.root))
    unchanged = bench.ingest(prices(state, bench.root))
    state.projects[f"billingAccounts/{ACCOUNT}"].pop()
    changed = bench.ingest(prices(state, bench.root))

    assert not unchanged.committed
    assert [load.stream for load in changed.committed] == ["billing_projects"]
    assert bench.query("select count(*) from evidence.billing_projects") == [(3,)]


def test_pages_that_loop_end_with_a_clear_message(
    state: CloudBillingState, tmp_path: Path
) -> None:
    state.page_fault = "loop"

    error = error_of(prices(state, tmp_path))

    assert isinstance(error, MalformedDeliveryError)
    assert "loops" in str(error)


@pytest.mark.parametrize("fault", ["duplicate", "disorder"])
def test_pages_that_repeat_or_come_in_another_order_change_nothing(
    state: CloudBillingState, bench: Workbench, tmp_path: Path, fault: PageFault
) -> None:
    state.page_fault = fault

    bench.ingest(prices(state, tmp_path)).raise_first_failure()

    assert bench.query(
        "select count(*), count(distinct (sku_id, tier_start_quantity))"
        " from evidence.sku_prices"
    ) == [(8, 8)]


def test_an_unavailable_service_is_asked_again(
    state: CloudBillingState, bench: Workbench
) -> None:
    import grpc

    state.failures["ListServices"] = [grpc.StatusCode.UNAVAILABLE] * 2
    state.failures["ListSkus"] = [grpc.StatusCode.UNAVAILABLE]

    bench.ingest(prices(state, bench.root)).raise_first_failure()

    assert state.calls["ListServices"] == 4
    assert bench.query("select count(*) from evidence.sku_prices") == [(8,)]


def test_a_service_that_stays_unavailable_is_given_up_in_time(
    state: CloudBillingState, tmp_path: Path
) -> None:
    import grpc

    state.failures["ListBillingAccounts"] = [grpc.StatusCode.UNAVAILABLE] * 1_000
    started = time.monotonic()

    error = error_of(prices(state, tmp_path, timeout_seconds=1))

    assert isinstance(error, TransientSourceError)
    assert time.monotonic() - started < 10


def test_a_server_that_is_not_there_is_given_up_in_time(
    state: CloudBillingState, tmp_path: Path
) -> None:
    started = time.monotonic()

    error = error_of(
        prices(state, tmp_path, billing_api_endpoint=dead_address(), timeout_seconds=1)
    )

    assert isinstance(error, TransientSourceError)
    assert time.monotonic() - started < 10


def test_denied_accounts_name_the_role_that_is_needed(
    state: CloudBillingState, tmp_path: Path
) -> None:
    import grpc

    state.failures["ListBillingAccounts"] = [grpc.StatusCode.PERMISSION_DENIED]

    error = error_of(prices(state, tmp_path))

    assert isinstance(error, SourceAccessError)
    assert "roles/billing.viewer" in error.next_step


@pytest.mark.parametrize(
    ("method", "options", "permission"),
    [
        (
            "ListBillingAccounts",
            {},
            "billing.accounts.list on the billing accounts",
        ),
        (
            "GetBillingAccount",
            {"billing_account": ACCOUNT},
            f"billing.accounts.get on billingAccounts/{ACCOUNT}",
        ),
        (
            "ListProjectBillingInfo",
            {},
            f"billing.resourceAssociations.list on billingAccounts/{ACCOUNT}",
        ),
    ],
)
def test_the_check_names_the_permission_on_accounts_that_is_missing(
    state: CloudBillingState,
    tmp_path: Path,
    method: str,
    options: dict[str, str],
    permission: str,
) -> None:
    import grpc

    state.message = "The caller does not have permission"
    state.failures[method] = [grpc.StatusCode.PERMISSION_DENIED]

    catalogue, accounts = prices(state, tmp_path, **options).check()

    assert catalogue.is_ok
    assert not accounts.is_ok
    assert f"the credentials lack {permission}." in accounts.message
    assert accounts.next_step == "Grant roles/billing.viewer on the billing account."


def test_a_denial_for_another_reason_keeps_googles_words(
    state: CloudBillingState, tmp_path: Path
) -> None:
    import grpc

    state.message = "Request is prohibited by organization's policy"
    state.failures["ListBillingAccounts"] = [grpc.StatusCode.PERMISSION_DENIED]

    _, accounts = prices(state, tmp_path).check()

    assert "prohibited by organization's policy" in accounts.message
    assert "It takes billing.accounts.list on the billing accounts." in accounts.message


def test_check_counts_the_services_or_says_what_to_do(
    state: CloudBillingState, tmp_path: Path
) -> None:
    import grpc

    fine, accounts = prices(state, tmp_path).check()
    state.failures["ListServices"] = [grpc.StatusCode.PERMISSION_DENIED]
    denied, _ = prices(state, tmp_path).check()

    assert fine.is_ok
    assert "3" in fine.message
    assert accounts.message.endswith("can be listed: 2.")
    assert not denied.is_ok
    assert "cloudbilling.googleapis.com" in denied.next_step
