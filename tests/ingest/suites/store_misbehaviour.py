"""The suite for connectors that read files from a store: it misbehaves, they do not.

A connector's test module subclasses one of :class:`SurvivesS3Misbehaviour` and
:class:`SurvivesBlobMisbehaviour`, and gives a fixture ``case`` whose source reads
through the fixture ``store`` (``store.url``)::

    class TestAcmeMisbehaviour(SurvivesS3Misbehaviour):
        @pytest.fixture
        def store(self, proxy): return proxy
        @pytest.fixture
        def case(self, store, …): return ConnectorCase(…)   # as for the contract suite

What is read is spread over several pages of its listings and several files.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest

import ingest.storage.azure_blobs
import ingest.storage.s3_objects
from ingest.testing import ConnectorCase, _captured_logs, _money, _row_count
from tests.ingest.servers import loopback_blobs, loopback_s3
from tests.ingest.suites.misbehaviour import assert_whole, first_failure
from tests.layers import in_full
from triptych.core.errors import (
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

ASKED = ["listing", "file"]


class _SurvivesStoreMisbehaviour:
    fault: staticmethod[..., Any]
    throttled: str
    expired: tuple[int, str]
    #: What the message about an expired credential has to name.
    names_credential: str

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ("listing", 429),
            ("file", 503),
            pytest.param("listing", 503, marks=pytest.mark.full),
            pytest.param("file", 429, marks=pytest.mark.full),
        ],
    )
    def test_a_store_that_asks_to_wait_is_given_the_time(
        self, case: ConnectorCase, store: Any, asked: str, status: int
    ) -> None:
        refuse = self.fault(status, self.throttled, retry_after="1")
        assert break_next(store, asked, [refuse])
        times = arrivals(store)
        assert_whole(case)
        first, again, *_ = times[store.refused]
        assert again - first >= 1

    @pytest.mark.parametrize("asked", ASKED)
    def test_what_passes_is_tried_again_and_nothing_is_lost(
        self, case: ConnectorCase, store: Any, asked: str
    ) -> None:
        faults = [
            self.fault(500, "InternalError"),
            self.fault(500, "InternalError"),
            self.fault(keep_bytes=9),
        ]
        broken = break_next(store, asked, faults)
        assert_whole(case)
        assert broken == []

    @pytest.mark.parametrize("asked", ["file", *in_full("listing")])
    def test_an_answer_that_takes_too_long_is_asked_for_again(
        self, case: ConnectorCase, store: Any, asked: str
    ) -> None:
        broken = break_next(store, asked, [self.fault(wait_seconds=1.2)])
        assert_whole(case)
        assert broken == []

    @pytest.mark.parametrize("asked", ["listing", *in_full("file")])
    def test_a_store_that_stays_down_is_said_to_be_so(
        self, case: ConnectorCase, store: Any, asked: str
    ) -> None:
        broken = break_next(store, asked, [self.fault(503, self.throttled)] * 500)
        error = first_failure(case)
        assert isinstance(error, TransientSourceError)
        assert _row_count(case) == 0
        broken.clear()
        assert_whole(case)

    @pytest.mark.parametrize("asked", ["file", *in_full("listing")])
    def test_an_expired_credential_is_named_and_the_old_load_stays_current(
        self, case: ConnectorCase, store: Any, asked: str
    ) -> None:
        assert_whole(case)
        case.deliver_late()
        break_next(store, asked, [self.fault(*self.expired)] * 500)
        error = first_failure(case)
        assert isinstance(error, SourceAccessError)
        assert self.names_credential in str(error)
        assert _row_count(case) == case.expected_rows
        assert _money(case) == case.expected_money

    def test_a_listing_that_goes_in_a_circle_ends_with_a_clear_message(
        self, case: ConnectorCase, store: Any
    ) -> None:
        store.page_size, store.page_fault = 1, "loop"
        error = first_failure(case)
        assert isinstance(error, MalformedDeliveryError)
        assert "loops" in str(error)
        assert _row_count(case) == 0
        store.page_fault = None
        assert_whole(case)

    def test_a_page_of_a_listing_that_comes_twice_counts_once(
        self, case: ConnectorCase, store: Any
    ) -> None:
        store.page_size, store.page_fault = 1, "duplicate"
        assert_whole(case)

    def test_pages_of_a_listing_out_of_order_lose_and_double_nothing(
        self, case: ConnectorCase, store: Any
    ) -> None:
        store.page_size, store.page_fault = 1, "disorder"
        assert_whole(case)

    def test_no_secret_is_told_whatever_the_store_says(
        self, case: ConnectorCase, store: Any
    ) -> None:
        assert case.secrets
        text = ""
        for asked, status, code in (
            ("listing", *self.expired),
            ("listing", 500, "Down"),
            ("file", 403, "AccessDenied"),
        ):
            broken = break_next(store, asked, [self.fault(status, code)] * 500)
            with _captured_logs() as captured:
                error = first_failure(case)
                findings = case.connector().check()
            text += captured.getvalue() + repr(error) + str(error) + repr(findings)
            broken.clear()
        for table in ("loads", "quarantine", "sources", "audit_log"):
            text += repr(case.query(f"SELECT * FROM catalogue.{table}"))
        for path in case.root.rglob("*"):
            if path.is_file():
                text += path.read_bytes().decode("latin-1")
        for secret in case.secrets:
            assert secret not in text


class SurvivesS3Misbehaviour(_SurvivesStoreMisbehaviour):
    """Subclass it where the source is a bucket behind a ``FaultyProxy``."""

    fault = staticmethod(
        lambda status=0, code="", **how: loopback_s3.Fault(
            status,
            code,
            message=" ".join(loopback_s3.ENVIRONMENT.values()),
            **how,
        )
    )
    throttled = "SlowDown"
    expired = (400, "ExpiredToken")
    names_credential = "AWS credential chain"

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ingest.storage.s3_objects, "_FIRST_PAUSE_SECONDS", 0.01)
        monkeypatch.setattr(ingest.storage.s3_objects, "_READ_TIMEOUT_SECONDS", 0.6)
        monkeypatch.setattr(
            "botocore.retries.standard.ExponentialBackoff.delay_amount",
            lambda *_: 0.01,
        )


class SurvivesBlobMisbehaviour(_SurvivesStoreMisbehaviour):
    """Subclass it where the source is a container of ``LoopbackBlobs``."""

    fault = staticmethod(loopback_blobs.Fault)
    throttled = "ServerBusy"
    expired = (403, "AuthenticationFailed")
    names_credential = "AZURE_STORAGE_SAS_TOKEN"

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ingest.storage.azure_blobs, "FIRST_WAIT_SECONDS", 0)
        monkeypatch.setattr(ingest.storage.azure_blobs, "READ_TIMEOUT_SECONDS", 0.6)


def arrivals(store: Any) -> dict[object, list[float]]:
    """Return a record of when each question arrives from now on.

    ``store.refused`` is the first question that something went wrong with.
    """
    times: dict[object, list[float]] = defaultdict(list)
    fault_of = store.on_request
    store.refused = None

    def noting(request: Any) -> Any:
        question = replace(request, headers={})
        times[repr(question)].append(time.monotonic())
        fault = fault_of(request)
        if fault is not None and store.refused is None:
            store.refused = repr(question)
        return fault

    store.on_request = noting
    return times


def break_next(store: Any, asked: str, faults: list[Any]) -> list[Any]:
    """Let the next listings, or reads of files, go wrong; returns those to come."""
    remaining = list(faults)

    def fault_of(request: Any) -> Any:
        is_asked = request.method == "GET" and bool(request.key) == (asked == "file")
        return remaining.pop(0) if is_asked and remaining else None

    store.on_request = fault_of
    return remaining


__all__ = ["SurvivesBlobMisbehaviour", "SurvivesS3Misbehaviour"]
