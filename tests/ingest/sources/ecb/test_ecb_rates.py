"""The ECB's reference rates, in each form in which they are published."""

from __future__ import annotations

import csv
import os
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

import ingest.http.client
from ingest.connector import Window
from ingest.sources.ecb.rate_files import first_publication, read_rates
from ingest.sources.ecb.rates import HISTORY_URL, EcbRates, EcbRatesConfig
from ingest.testing import ConnectorCase, ConnectorContract, _captured_logs
from tests.ingest.layouts.ecb_rates_layout import history_csv, history_zip, portal_csv
from tests.ingest.servers.http_server import (
    Answer,
    ScriptedServer,
    slow,
    status,
    truncated_body,
)
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Write = Callable[[dict[str, dict[str, str]]], str | bytes]

#: Two months; the 3rd and the 6th of April are Good Friday and Easter Monday.
DAYS = {
    "2026-03-02": {"USD": "1.10", "JPY": "170.5", "GBP": "0.8650", "IDR": "18950.5"},
    "2026-03-31": {"USD": "1.20", "JPY": "171.5", "GBP": "0.8750"},
    "2026-04-01": {"USD": "1.25", "JPY": "172", "GBP": "0.8700", "IDR": "19000"},
}
RATES = (
    "SELECT strftime(rate_date, '%Y-%m-%d'), from_currency, to_currency, rate,"
    " rate_origin FROM evidence.fx_rates ORDER BY ALL"
)


def case_of(root: Path, name: str, write: Write, **options: object) -> ConnectorCase:
    """Return a source that is a file, with ways to deliver it again."""
    path = root / name

    def deliver(days: dict[str, dict[str, str]]) -> None:
        content = write(days)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def deliver_again() -> None:
        deliver(dict(reversed(DAYS.items())))
        os.utime(path, (1, 1))

    def deliver_late() -> dict[str, Decimal]:
        deliver(DAYS | {"2026-04-02": {"USD": "1.26"}})
        return {}

    def deliver_hostile() -> int:
        hostile = {"USD": "1.1.0", "JPY": "-171.6", "GBP": "0.8660", "IDR": "19001"}
        deliver(DAYS | {"2026-03-03": hostile})
        return 2

    deliver(DAYS)
    return ConnectorCase(
        connector_type="ecb_rates",
        options={"path": name, **options},
        root=root,
        expected_rows=11,
        expected_money={},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
    )


class TestHistoryFileContract(ConnectorContract):
    """The shipped suite, over ``eurofxref-hist.csv``."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        return case_of(tmp_path, "eurofxref-hist.csv", history_csv)


@pytest.mark.full
class TestPortalFileContract(ConnectorContract):
    """The same over the CSV of the data portal."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        return case_of(tmp_path, "exr.csv", portal_csv)


@pytest.mark.full
class TestAddressContract(ConnectorContract):
    """The same over an address, which serves a ZIP archive."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ConnectorCase]:
        with ScriptedServer() as server:
            case = case_of(tmp_path, "hist.zip", history_zip)
            server.route(
                "GET",
                "/stats/hist.zip",
                lambda _: Answer((tmp_path / "hist.zip").read_bytes()),
            )
            case.options = {"url": f"{server.url}/stats/hist.zip"}
            yield case


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("hist.csv", history_csv),
        ("hist.zip", history_zip),
        ("exr.csv", portal_csv),
    ],
)
def test_every_form_gives_the_same_rates_as_published(
    tmp_path: Path, name: str, write: Write
) -> None:
    case = case_of(tmp_path, name, write, currencies=["usd", "IDR"])
    case.ingest().raise_first_failure()

    assert case.query(RATES) == [
        ("2026-03-02", "EUR", "IDR", Decimal("18950.5"), "market"),
        ("2026-03-02", "EUR", "USD", Decimal("1.10"), "market"),
        ("2026-03-31", "EUR", "USD", Decimal("1.20"), "market"),
        ("2026-04-01", "EUR", "IDR", Decimal(19000), "market"),
        ("2026-04-01", "EUR", "USD", Decimal("1.25"), "market"),
    ]


def test_a_new_day_is_a_new_load_of_its_month_only(tmp_path: Path) -> None:
    case = case_of(tmp_path, "hist.csv", history_csv)
    case.ingest()
    case.deliver_late()

    report = case.ingest()

    assert [load.label for load in report.committed] == ["hist.csv (2026-04)"]
    assert report.skipped_count == 1


def test_a_file_of_the_last_ninety_days_leaves_earlier_months_as_they_were(
    tmp_path: Path,
) -> None:
    case = case_of(tmp_path, "hist.csv", history_csv)
    case.ingest()
    before = case.query(RATES)
    recent = {day: rates for day, rates in DAYS.items() if day > "2026-03-02"}
    (tmp_path / "hist.csv").write_text(history_csv(recent))

    report = case.ingest()

    assert report.committed == []
    [note] = report.notes
    assert "begins on 2026-03-31, in the middle of 2026-03" in note
    assert case.query(RATES) == before


def test_the_first_month_counts_where_it_is_whole(tmp_path: Path) -> None:
    """The 1st of January is a holiday, and so are Easter's days and weekends."""
    assert first_publication(2026, 1) == date(2026, 1, 2)
    assert first_publication(2021, 5) == date(2021, 5, 3)
    assert first_publication(2018, 4) == date(2018, 4, 3)
    case = case_of(tmp_path, "hist.csv", history_csv)
    (tmp_path / "hist.csv").write_text(history_csv({"2026-01-02": {"USD": "1.1"}}))
    assert [load.row_count for load in case.ingest().committed] == [1]


def test_months_outside_the_window_or_before_the_start_are_not_offered(
    tmp_path: Path,
) -> None:
    connector = case_of(
        tmp_path, "hist.csv", history_csv, start_month="2026-04"
    ).connector()
    assert [d.scope for d in connector.deliveries(Window())] == ["2026-04"]
    march = Window(date(2026, 3, 1), date(2026, 4, 1))
    assert list(connector.deliveries(march)) == []


def test_a_daily_file_is_read_with_its_own_way_of_writing_a_day() -> None:
    rates = read_rates(
        b"Date, USD, JPY, \n01 April 2026, 1.25, 172.0, \n", where="eurofxref.csv"
    )
    assert rates.last_day == date(2026, 4, 1)
    assert [(q.currency, q.rate) for q in rates.months["2026-04"]] == [
        ("JPY", "172.0"),
        ("USD", "1.25"),
    ]


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>Please wait</html>", "not a file of the ECB's reference rates"),
        (b"", "not a file of the ECB's reference rates"),
        (b"Date,USD,Yen\n2026-03-02,1.1,170\n", "column 'Yen' is no currency"),
        (history_csv(DAYS)[:-10].encode(), "Line 4 has fewer columns"),
        (portal_csv(DAYS)[:-10].encode(), "fewer columns than the first"),
        (history_zip(DAYS)[:-30], "ZIP archive cannot be unpacked"),
        (b"Date,USD\nyesterday,1.1\n", "Line 2 has no date: 'yesterday'"),
        (b"Date,USD\n", "It holds no rate"),
        (
            b"Date,USD\n2026-03-02,1.1\n2026-03-02,1.2\n",
            "USD has two rates on 2026-03-02: 1.1 and 1.2",
        ),
        (
            portal_csv({"2026-03": {"USD": "1.1"}}, frequency="M").encode(),
            "FREQ 'M', not 'D'",
        ),
        (portal_csv(DAYS).replace(",EUR,", ",USD,").encode(), "CURRENCY_DENOM 'USD'"),
        (b"\xff\xfe\x00D", "It is no text"),
        (b"<html>" + b"x" * 200_000, "It is no CSV file"),
        (b"Date,USD\n\x00,1\n", "Line 2 has no date"),
    ],
)
def test_what_is_no_file_of_rates_is_refused_with_the_reason(
    content: bytes, says: str
) -> None:
    with pytest.raises(MalformedDeliveryError) as caught:
        read_rates(content, where="rates.csv")
    assert says in str(caught.value)
    assert str(caught.value).startswith("rates.csv: ")


def test_no_limit_that_others_set_makes_a_page_a_file_of_rates() -> None:
    """The largest cell of the csv module is one number for all of a process."""
    before = csv.field_size_limit(10_000_000)
    try:
        with pytest.raises(MalformedDeliveryError, match="It is no CSV file"):
            read_rates(b"<html>" + b"x" * 200_000, where="rates.csv")
    finally:
        csv.field_size_limit(before)


def test_a_file_that_is_cut_off_leaves_the_old_load_current(tmp_path: Path) -> None:
    case = case_of(tmp_path, "hist.csv", history_csv)
    case.ingest()
    (tmp_path / "hist.csv").write_text(history_csv(DAYS)[:-10])

    report = case.ingest()

    assert "cut off" in str(report.failures[0].error)
    assert len(case.query(RATES)) == case.expected_rows


def test_a_currency_that_is_not_quoted_is_named(tmp_path: Path) -> None:
    connector = case_of(
        tmp_path, "h.csv", history_csv, currencies=["USD", "XAU"]
    ).connector()
    with pytest.raises(FatalSourceError, match="no rate of XAU; the file quotes GBP"):
        list(connector.deliveries(Window()))
    [finding] = connector.check()
    assert not finding.is_ok
    assert "type that rate in" in finding.next_step


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    connector = EcbRates(
        EcbRatesConfig(name="ecb", type="ecb_rates", path="rates/none.csv"),
        root=tmp_path,
    )
    [finding] = connector.check()
    assert finding.message.startswith("rates/none.csv: The file cannot be read")


# ------------------------------------------------------------------ over the network


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
    with ScriptedServer() as running:
        running.route("GET", "/hist.zip", lambda _: Answer(history_zip(DAYS)))
        yield running


def over_http(server: ScriptedServer, root: Path) -> ConnectorCase:
    url = f"{server.url}/hist.zip"
    options: dict[str, object] = {"url": url, "timeout_seconds": 0.5}
    return ConnectorCase("ecb_rates", options, root, 11, {}, dict, dict, lambda: 0)


@pytest.mark.parametrize(
    "fault",
    [status(429, retry_after="1"), status(500), truncated_body(), slow(0.8)],
    ids=["429", "500", "truncated", "slow"],
)
def test_what_passes_is_asked_again_and_nothing_is_lost(
    server: ScriptedServer, tmp_path: Path, fault: object
) -> None:
    server.faults += [fault, fault]  # type: ignore[list-item]
    case = over_http(server, tmp_path)
    case.ingest().raise_first_failure()
    assert len(case.query(RATES)) == 11
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (503, TransientSourceError, "503"),
        (404, FatalSourceError, "404"),
        (403, SourceAccessError, "No credential is needed for it: look at the proxy"),
    ],
)
def test_an_address_that_does_not_answer_is_told_with_what_to_do(
    server: ScriptedServer, tmp_path: Path, code: int, kind: type, says: str
) -> None:
    server.faults += [status(code)] * 20
    case = over_http(server, tmp_path)

    with _captured_logs():
        error = case.ingest().failures[0].error

    assert isinstance(error, kind)
    assert says in str(error)
    [finding] = case.connector().check()
    assert not finding.is_ok


def test_the_query_of_an_address_is_sent_as_it_stands(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.route("GET", "/data/EXR/D.USD+GBP.EUR.SP00.A", lambda _: portal(server))
    case = over_http(server, tmp_path)
    case.options["url"] = (
        f"{server.url}/data/EXR/D.USD+GBP.EUR.SP00.A?format=csvdata&startPeriod=2026-03"
    )
    case.ingest().raise_first_failure()
    assert server.requests[0].query == {
        "format": ["csvdata"],
        "startPeriod": ["2026-03"],
    }


def portal(server: ScriptedServer) -> Answer:
    assert server.requests
    return Answer(portal_csv(DAYS).encode())


@pytest.mark.parametrize(
    "url",
    [
        "http://www.example.com/hist.zip",
        "https://name:word@www.example.com/hist.zip",
        "ftp://www.example.com/hist.zip",
        "https://www.example.com/hist.zip#part",
        "eurofxref-hist.zip",
    ],
)
def test_an_address_that_is_not_safe_is_refused_without_being_repeated(
    url: str,
) -> None:
    with pytest.raises(ValidationError, match="must be https") as caught:
        EcbRatesConfig(name="ecb", type="ecb_rates", url=url)
    assert "word" not in str(caught.value)


def test_without_options_the_whole_history_is_asked_of_the_ecb(tmp_path: Path) -> None:
    connector = EcbRates(EcbRatesConfig(name="ecb", type="ecb_rates"), root=tmp_path)
    assert connector._label == HISTORY_URL
    with pytest.raises(ValidationError, match="either 'path' or 'url'"):
        EcbRatesConfig(name="ecb", type="ecb_rates", path="a", url=HISTORY_URL)
