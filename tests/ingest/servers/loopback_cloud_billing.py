"""A gRPC server on loopback that speaks google.cloud.billing.v1.

It serves ``CloudCatalog`` and ``CloudBilling`` over real HTTP/2 sockets with the
messages of the published API, in pages, and refuses what a test asks it to refuse.
Only the names, ids and prices in it are made up.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import turn_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.ingest.servers.http_server import PageFault


class CloudBillingState:
    """What the server knows, what it refuses, and what it was asked.

    ``failures`` holds, per method, the status codes of the next answers, which say
    ``message``; a method answers normally when its list is used up. ``page_size``
    cuts every list.
    """

    def __init__(self) -> None:
        self.services: list[Any] = []
        self.skus: dict[str, list[Any]] = {}
        self.accounts: list[Any] = []
        self.projects: dict[str, list[Any]] = {}
        self.failures: dict[str, list[Any]] = {}
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, Any]] = []
        self.page_size = 2
        self.page_fault: PageFault | None = None
        self.message = "refused on purpose"
        self.address = ""


@contextmanager
def running_cloud_billing(state: CloudBillingState) -> Iterator[str]:
    """Run the server on a free loopback port; yields ``host:port``."""
    import grpc

    server = grpc.server(ThreadPoolExecutor(4))
    for service, methods in _services(state).items():
        handler = grpc.method_handlers_generic_handler(
            f"google.cloud.billing.v1.{service}",
            {name: _handler(state, name, *method) for name, method in methods.items()},
        )
        server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    state.address = f"127.0.0.1:{port}"
    try:
        yield state.address
    finally:
        server.stop(0).wait()


def _services(state: CloudBillingState) -> dict[str, dict[str, tuple[Any, ...]]]:
    from google.cloud import billing_v1 as api

    return {
        "CloudCatalog": {
            "ListServices": (
                api.ListServicesRequest,
                lambda request: _page(
                    state,
                    request,
                    state.services,
                    lambda items, token: api.ListServicesResponse(
                        services=items, next_page_token=token
                    ),
                ),
            ),
            "ListSkus": (
                api.ListSkusRequest,
                lambda request: _page(
                    state,
                    request,
                    state.skus.get(request.parent),
                    lambda items, token: api.ListSkusResponse(
                        skus=items, next_page_token=token
                    ),
                ),
            ),
        },
        "CloudBilling": {
            "ListBillingAccounts": (
                api.ListBillingAccountsRequest,
                lambda request: _page(
                    state,
                    request,
                    state.accounts,
                    lambda items, token: api.ListBillingAccountsResponse(
                        billing_accounts=items, next_page_token=token
                    ),
                ),
            ),
            "GetBillingAccount": (
                api.GetBillingAccountRequest,
                lambda request: next(
                    (a for a in state.accounts if a.name == request.name), None
                ),
            ),
            "ListProjectBillingInfo": (
                api.ListProjectBillingInfoRequest,
                lambda request: _page(
                    state,
                    request,
                    state.projects.get(request.name),
                    lambda items, token: api.ListProjectBillingInfoResponse(
                        project_billing_info=items, next_page_token=token
                    ),
                ),
            ),
        },
    }


def _page(
    state: CloudBillingState,
    request: Any,
    items: Sequence[Any] | None,
    answer: Callable[[Sequence[Any], str], Any],
) -> Any:
    if items is None:
        return None
    size = state.page_size
    pages = [items[start : start + size] for start in range(0, len(items), size)]
    turned = turn_to(pages or [[]], request.page_token or None, state.page_fault)
    assert turned is not None
    return answer(turned[0], turned[1] or "")


def _handler(
    state: CloudBillingState,
    name: str,
    request_type: Any,
    answer: Callable[[Any], Any],
) -> Any:
    import grpc

    def serve(request: Any, context: Any) -> Any:
        state.calls[name] += 1
        state.requests.append((name, request))
        if state.failures.get(name):
            code = state.failures[name].pop(0)
            context.abort(code, f"{name}: {state.message}")
        found = answer(request)
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{name}: not found")
        return found

    return grpc.unary_unary_rpc_method_handler(
        serve,
        request_deserializer=request_type.deserialize,
        response_serializer=lambda message: type(message).serialize(message),
    )
