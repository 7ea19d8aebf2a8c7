"""Railway: the contract, a misbehaving server, and what its answers become."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import Connector, Window
from ingest.reading.label_mapping import LabelMapping
from ingest.sources.railway.connector import RailwayConfig
from ingest.sources.railway.delivery import deployment_row
from ingest.sources.railway.places import Names
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, Fault
from tests.ingest.servers.loopback_railway import (
    TOKEN,
    LoopbackRailway,
    Metered,
    invoice,
)
from tests.ingest.servers.railway_workspace import (
    AUGUST,
    ETA,
    NOW,
    OPTIONS,
    SEPTEMBER,
    deployment,
    september_invoice,
    set_the_clock,
    workspace,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
    TriptychError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer

USD = {"USD": Decimal("69.00")}
BILL_ONLY = {"deployments": False, "requests": False}
_LEDGER = (
    "select line_kind, billed_cost, effective_cost, is_estimated"
    " from evidence.railway_usage"
    " where billing_period_start = timestamp '{}' order by line_id"
)


@pytest.fixture(autouse=True)
def _known_time(monkeypatch: pytest.MonkeyPatch) -> None:
    set_the_clock(monkeypatch)


@pytest.fixture
def railway() -> Iterator[LoopbackRailway]:
    with workspace() as serving:
        yield serving


@pytest.fixture
def case(railway: LoopbackRailway, tmp_path: Path) -> ConnectorCase:
    """Return the whole workspace."""
    return case_of(railway, tmp_path)


@pytest.fixture
def bill(railway: LoopbackRailway, tmp_path: Path) -> ConnectorCase:
    """Return the workspace without its meters, which is quicker to read."""
    return case_of(railway, tmp_path, **BILL_ONLY)


def case_of(railway: LoopbackRailway, root: Path, **options: object) -> ConnectorCase:
    def deliver_late() -> dict[str, Decimal]:
        # Seven dollars more for usage: the factor becomes 0.75.
        railway.invoices[0] = september_invoice(21.0)
        return {"USD": Decimal("76.00")}

    def deliver_hostile() -> int:
        elsewhere = {**ETA, "region": "us-west1"}
        railway.usage += [
            Metered("2026-09-14T10:00Z", "CPU_USAGE", -5.0, elsewhere),
            Metered("2026-09-14T10:00Z", "MEMORY_USAGE_GB", 1e30, elsewhere),
        ]
        return 2

    return ConnectorCase(
        connector_type="railway",
        options={"base_url": railway.server.url, **OPTIONS, **options},
        root=root,
        expected_rows=11,
        expected_money=USD,
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestRailwayContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestRailwayMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = "RAILWAY_API_TOKEN"

    @pytest.fixture
    def server(self, railway: LoopbackRailway) -> ScriptedServer:
        return railway.server

    @pytest.fixture
    def case(self, railway: LoopbackRailway, tmp_path: Path) -> ConnectorCase:
        return case_of(railway, tmp_path, timeout_seconds=0.5, **BILL_ONLY)


def running_period(railway: LoopbackRailway, root: Path) -> ConnectorCase:
    """Return a case whose fourth question, after the listing, is the first day's."""
    railway.invoices = []
    return case_of(railway, root, start_date="2026-09-13", **BILL_ONLY)


def only_failure(case: ConnectorCase) -> TriptychError:
    """Ingest, and return the one thing that went wrong."""
    (failure,) = case.ingest().failures
    return failure.error


def ledger(case: ConnectorCase, period_start: str) -> list[tuple[object, ...]]:
    return case.query(_LEDGER.format(period_start))


def invalid(**options: object) -> str:
    values = {"name": "railway", "type": "railway", "workspace_id": "ws-1", **options}
    with pytest.raises(ValidationError) as caught:
        RailwayConfig.model_validate(values)
    return str(caught.value)


# --- estimated, then settled ---------------------------------------------------------


def test_the_connector_follows_the_protocol(case: ConnectorCase) -> None:
    assert isinstance(case.connector(), Connector)
    assert case.connector().streams() == (
        *("railway_usage", "invoices", "deployments"),
        *("model_usage", "serving_latency"),
    )


def test_a_running_period_bills_nothing_and_costs_its_estimate(
    bill: ConnectorCase,
) -> None:
    bill.ingest().raise_first_failure()

    assert ledger(bill, "2026-09-13") == [
        ("gap", Decimal(0), Decimal(0), True),
        ("usage", Decimal(0), Decimal("1.00"), True),
        ("usage", Decimal(0), Decimal("0.10"), True),
        ("usage", Decimal(0), Decimal("0.50"), True),
    ]


def test_one_factor_brings_the_usage_of_a_period_to_its_invoice(
    bill: ConnectorCase,
) -> None:
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select measurement, list_cost, billed_cost, effective_cost, invoice_factor,"
        " invoice_id, is_estimated from evidence.railway_usage"
        " where billing_period_start = timestamp '2026-08-13' and line_kind = 'usage'"
        " order by list_cost desc"
    ) == [
        (name, Decimal(listed), Decimal(cost), Decimal(cost), factor, "in_0913", False)
        for name, listed, cost, factor in (
            ("CPU_USAGE", "20", "10", Decimal("0.5")),
            ("MEMORY_USAGE_GB", "5", "2.5", Decimal("0.5")),
            ("NETWORK_TX_GB", "3", "1.5", Decimal("0.5")),
        )
    ]


def test_plan_seats_and_credits_are_lines_of_their_own_and_add_up_to_what_was_paid(
    bill: ConnectorCase,
) -> None:
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select line_kind, description, billed_cost from evidence.railway_usage"
        " where line_kind not in ('usage', 'gap') order by invoice_id, line_kind"
    ) == [
        ("plan_fee", "Pro plan", Decimal(20)),
        ("credit", "Credit applied to the invoice", Decimal(-5)),
        ("plan_fee", "Pro plan", Decimal(20)),
        ("seats", "Seats", Decimal(20)),
    ]
    assert bill.query(
        "select i.invoice_id, any_value(i.invoiced_amount),"
        " any_value(i.credit_amount), sum(u.billed_cost)"
        " from evidence.invoices as i join evidence.railway_usage as u"
        " using (invoice_id) group by 1 order by 1"
    ) == [
        ("in_0813", Decimal(20), None, Decimal(20)),
        ("in_0913", Decimal(49), Decimal(-5), Decimal(49)),
    ]


def test_an_invoice_that_arrives_settles_the_period_to_the_last_digit(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    settled = railway.invoices.pop(0)
    bill.ingest().raise_first_failure()
    before = bill.query(
        "select sum(billed_cost), sum(effective_cost), bool_and(is_estimated)"
        " from evidence.railway_usage where line_kind = 'usage'"
    )
    # A third of 28.00 has no end in decimals: 9.34 / 28 = 0.33357142857…
    railway.invoices.insert(0, {**settled, **september_invoice(9.34)})
    bill.ingest().raise_first_failure()

    assert before == [(Decimal(0), Decimal("29.60"), True)]
    assert bill.query(
        "select billed_cost from evidence.railway_usage where line_kind = 'usage'"
        " and not is_estimated order by list_cost desc"
    ) == [
        (Decimal("6.671428571428571429"),),
        (Decimal("1.667857142857142857"),),
        (Decimal("1.000714285714285714"),),
    ]
    assert bill.query(
        "select sum(billed_cost), sum(effective_cost), min(invoice_factor)"
        " from evidence.railway_usage where invoice_id = 'in_0913'"
        " and line_kind = 'usage'"
    ) == [
        (Decimal("9.34"), Decimal("9.34"), Decimal("0.333571428571428571")),
    ]


def test_an_invoice_of_the_first_day_does_not_settle_what_follows(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.invoices = [
        {**railway.invoices[1], "periodStart": SEPTEMBER[0], "periodEnd": SEPTEMBER[0]}
    ]
    bill.ingest().raise_first_failure()

    assert ledger(bill, "2026-09-13")[1] == (
        "plan_fee", Decimal(20), Decimal(20), False,
    )  # fmt: skip
    assert bill.query(
        "select bool_and(is_estimated), sum(effective_cost)"
        " from evidence.railway_usage where line_kind = 'usage'"
    ) == [(True, Decimal("29.60"))]


@pytest.mark.parametrize("status", ["draft", "void"])
def test_an_invoice_that_is_not_owed_settles_nothing(
    railway: LoopbackRailway, bill: ConnectorCase, status: str
) -> None:
    railway.invoices[0]["status"] = status
    report = bill.ingest()

    report.raise_first_failure()
    assert not report.notes
    assert bill.query(
        "select sum(billed_cost) from evidence.railway_usage where line_kind = 'usage'"
    ) == [(Decimal(0),)]
    amounts = bill.query(
        "select invoice_id, status, invoiced_amount from evidence.invoices order by 1"
    )
    void = [("in_0913", "void", Decimal(0))] if status == "void" else []
    assert amounts == [("in_0813", "paid", Decimal(20)), *void]


def test_usage_that_no_meter_explains_is_a_line_without_a_place(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.usage = [m for m in railway.usage if m.moment > "2026-09-13"]
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select billed_cost, service_id, is_estimated from evidence.railway_usage"
        " where line_kind = 'invoiced_usage'"
    ) == [(Decimal(14), None, False)]
    assert bill.query("select sum(billed_cost) from evidence.railway_usage") == [
        (Decimal(69),)
    ]


def test_a_part_of_the_invoice_that_no_item_states_is_a_line(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    taxed = september_invoice(14.0, credit=0.0)
    railway.invoices[0] = {**taxed, "total": 6426, "amountDue": 64.26}
    # Two seats of 10.00, or two for 10.00: with tax on top, the items cannot tell.
    bill.options["invoice_units"] = {"price_for": "one"}
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select line_kind, billed_cost from evidence.railway_usage"
        " where description like 'Part of the invoice%'"
    ) == [("other", Decimal("10.26"))]


def test_the_gap_to_railways_own_figure_is_told_and_holds_no_money(
    bill: ConnectorCase,
) -> None:
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select reported_usage_amount, priced_usage_amount, description, billed_cost,"
        " effective_cost from evidence.railway_usage where line_kind = 'gap'"
    ) == [
        (
            Decimal("1.85"),
            Decimal("1.60"),
            "Railway reports 1.85 USD of usage, the price table says 1.60 USD: a gap of"
            " 0.25 USD",
            Decimal(0),
            Decimal(0),
        )
    ]


def test_a_period_without_usage_has_no_line_and_opens_no_month(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    """The line of the gap would be a month of which AI cost reads as zero."""
    railway.usage, railway.current_usage = [], 0.0

    bill.ingest().raise_first_failure()

    assert ledger(bill, "2026-09-13") == []


def test_an_invoice_that_names_days_belongs_to_the_period_that_begins_at_noon(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.period = ("2026-09-13T12:00:00Z", "2026-10-13T12:00:00Z")
    for one in railway.invoices:
        for end in ("periodStart", "periodEnd"):
            one[end] = one[end][:10]
    bill.ingest().raise_first_failure()

    # The plan's invoice of the first day, and the one that settles the period.
    assert bill.query(
        "select billing_period_start, invoice_id, sum(billed_cost)"
        " from evidence.railway_usage where invoice_id is not null group by all"
        " order by invoice_id"
    ) == [
        (at(2026, 8, 13, 12), "in_0813", Decimal(20)),
        (at(2026, 8, 13, 12), "in_0913", Decimal(49)),
    ]


def test_a_period_whose_first_day_an_invoice_tells_later_counts_once(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.invoices = []
    railway.period = ("2026-09-28T00:00:00Z", "2026-10-31T00:00:00Z")
    railway.usage = [Metered("2026-08-30T10:00Z", "CPU_USAGE", 43_200.0, ETA)]
    bill.ingest().raise_first_failure()
    before = bill.query(
        "select billing_period_start from evidence.railway_usage"
        " where line_kind = 'usage'"
    )
    told = september_invoice(14.0, credit=0.0)
    railway.invoices = [
        {**told, "periodStart": "2026-08-29", "periodEnd": "2026-09-28"}
    ]
    bill.ingest().raise_first_failure()

    assert before == [(at(2026, 8, 28),)]
    assert bill.query(
        "select billing_period_start, count(*) from evidence.railway_usage"
        " where line_kind = 'usage' group by 1"
    ) == [(at(2026, 8, 29), 1)]


# --- invoices that cannot be used ----------------------------------------------------


def test_a_product_that_is_not_described_leaves_the_month_estimated_and_is_named(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    items = OPTIONS["invoice_items"][:2]
    case = case_of(railway, tmp_path, invoice_items=items, **BILL_ONLY)
    report = case.ingest()

    report.raise_first_failure()
    assert report.notes == [
        "Railway invoice in_0913: not used, so its month stays estimated:"
        " 'invoice_items' does not describe prod_usage."
    ]
    assert case.query(
        "select line_kind, sum(billed_cost), bool_and(is_estimated)"
        " from evidence.railway_usage group by 1 order by 1"
    ) == [
        ("gap", Decimal(0), True),
        ("plan_fee", Decimal(20), False),
        ("usage", Decimal(0), True),
    ]
    healthy, complaint = case.connector().check()
    assert healthy.is_ok
    assert not complaint.is_ok
    assert "prod_usage" in complaint.message
    assert "invoice_items" in complaint.next_step


def test_an_invoice_of_unknown_status_is_not_used_and_is_named(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.invoices[0]["status"] = "processing"
    report = bill.ingest()

    report.raise_first_failure()
    assert "'processing' does not tell whether it is owed" in report.notes[0]
    assert bill.query("select invoice_id from evidence.invoices") == [("in_0813",)]


def taxed_invoice() -> dict[str, Any]:
    """Return 5,900 for an item of 54.00: cents with tax, or dollars of what else."""
    items = [("prod_usage", 54.0, 1)]
    return invoice("in_0913", AUGUST, items, total=5900, due=5900.0)


def test_units_that_no_invoice_tells_refuse_the_invoices_and_keep_the_estimates(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.invoices = [taxed_invoice()]
    error = only_failure(bill)

    assert isinstance(error, MalformedDeliveryError)
    assert "whether 'total' is in dollars or cents" in str(error)
    assert "invoice_units" in str(error)
    assert bill.query(
        "select sum(billed_cost), sum(effective_cost) from evidence.railway_usage"
    ) == [(Decimal(0), Decimal("29.60"))]
    assert [f.is_ok for f in bill.connector().check()] == [True, False]


def test_units_that_the_settings_tell_are_believed(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    railway.invoices = [taxed_invoice()]
    units = {"total": "cents", "amount_due": "cents"}
    case = case_of(railway, tmp_path, invoice_units=units, **BILL_ONLY)
    case.ingest().raise_first_failure()

    assert case.query("select invoiced_amount from evidence.invoices") == [
        (Decimal(59),)
    ]
    assert case.query("select sum(billed_cost) from evidence.railway_usage") == [
        (Decimal(59),)
    ]


# --- what is asked -------------------------------------------------------------------


def test_every_day_is_asked_once_with_deleted_services_and_priced_measurements_only(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    bill.ingest().raise_first_failure()

    by_day = [v for v in railway.asked("Usage") if len(v["measurements"]) > 1]
    starts = sorted(v["startDate"] for v in by_day)
    assert len(starts) == 31 + 3
    assert len(set(starts)) == len(starts)
    assert starts[0] == "2026-08-13T00:00:00Z"
    assert starts[-1] == "2026-09-15T00:00:00Z"
    assert {tuple(v["measurements"]) for v in by_day} == {
        (
            "BACKUP_USAGE_GB",
            "CPU_USAGE",
            "DISK_USAGE_GB",
            "MEMORY_USAGE_GB",
            "NETWORK_TX_GB",
        )
    }
    assert bill.query(
        "select project_name, service_name, region from evidence.railway_usage"
        " where measurement = 'NETWORK_TX_GB'"
    ) == [("old", "s-gone", None)]


def test_a_period_that_begins_at_noon_is_cut_at_midnights(
    railway: LoopbackRailway, bill: ConnectorCase
) -> None:
    railway.period = ("2026-09-13T06:21:00.000Z", "2026-10-13T06:21:00.000Z")
    railway.invoices = []
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select distinct charge_period_start, charge_period_end"
        " from evidence.railway_usage where line_kind = 'usage'"
        " and billing_period_start >= timestamp '2026-09-01' order by 1"
    ) == [
        (at(2026, 9, 13, 6, 21), at(2026, 9, 14)),
        (at(2026, 9, 14), at(2026, 9, 15)),
        (at(2026, 9, 15), at(2026, 9, 16)),
    ]


def test_usage_is_kept_by_project_environment_service_and_region(
    bill: ConnectorCase,
) -> None:
    bill.ingest().raise_first_failure()

    assert bill.query(
        "select project_id, project_name, environment_name, service_name, region,"
        " quantity, quantity_unit, list_unit_price, price_valid_from,"
        " tags['service'], tags['environment'] from evidence.railway_usage"
        " where measurement = 'MEMORY_USAGE_GB'"
    ) == [
        (
            *("p-search", "search", "production", "eta-api", "europe-west4"),
            *(Decimal(21_600), "GB-minute", Decimal("0.000231481481481481")),
            at(2026, 8, 1),
            *("eta-api", "production"),
        )
    ]


def test_a_settled_period_is_not_asked_again(
    railway: LoopbackRailway, bill: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill.ingest().raise_first_failure()
    set_the_clock(monkeypatch, NOW + timedelta(days=2))
    bill.ingest().raise_first_failure()
    railway.server.requests.clear()
    bill.ingest().raise_first_failure()

    starts = {v["startDate"] for v in railway.asked("Usage")}
    assert "2026-08-20T00:00:00Z" not in starts
    assert "2026-09-14T00:00:00Z" in starts


def test_a_changed_price_prices_what_is_still_known_anew(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    case = case_of(railway, tmp_path, **BILL_ONLY)
    case.ingest().raise_first_failure()
    dearer = {"measurement": "CPU_USAGE", "valid_from": "2026-09-14", "dollars": "40"}
    case.options["prices"] = [dearer]
    case.ingest().raise_first_failure()

    assert case.query(
        "select charge_period_start, effective_cost from evidence.railway_usage"
        " where measurement = 'CPU_USAGE' and is_estimated order by 1"
    ) == [(at(2026, 9, 13), Decimal("1.00")), (at(2026, 9, 15), Decimal("1.00"))]


def test_what_railway_has_forgotten_is_left_as_it_was_loaded(
    railway: LoopbackRailway, bill: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill.ingest().raise_first_failure()
    later = datetime(2026, 12, 14, tzinfo=UTC)
    set_the_clock(monkeypatch, later)
    railway.period = ("2026-12-13T00:00:00Z", "2027-01-13T00:00:00Z")
    railway.usage, railway.current_usage = [], 0.0
    railway.usage = [Metered("2026-12-13T10:00Z", "CPU_USAGE", 2160.0, ETA)]
    bill.ingest()

    assert bill.query(
        "select count(*), sum(billed_cost) from evidence.railway_usage"
        " where billing_period_start = timestamp '2026-08-13'"
    ) == [(7, Decimal(69))]


def test_a_window_reads_only_the_periods_that_it_touches(bill: ConnectorCase) -> None:
    def scopes(window: Window) -> list[str]:
        found = bill.connector().deliveries(window)
        return [d.scope for d in found if d.stream == "railway_usage"]

    assert scopes(Window()) == ["usage/2026-08", "usage/2026-09"]
    assert scopes(Window(start=date(2026, 9, 13))) == ["usage/2026-09"]
    assert scopes(Window(end=date(2026, 9, 13))) == ["usage/2026-08"]


def test_a_day_without_a_price_refuses_its_period_and_says_what_is_missing(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    railway.invoices = []
    railway.usage.append(Metered("2026-07-20T10:00Z", "CPU_USAGE", 1.0, ETA))
    case = case_of(railway, tmp_path, start_date="2026-07-01", **BILL_ONLY)
    error = only_failure(case)

    assert isinstance(error, FatalSourceError)
    assert "There is no price of BACKUP_USAGE_GB, CPU_USAGE" in str(error)
    assert "for 2026-07-13" in str(error)
    assert case.query(
        "select count(distinct billing_period_start) from evidence.railway_usage"
    ) == [(2,)]


def test_a_value_that_comes_twice_for_one_day_refuses_the_period(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    case = running_period(railway, tmp_path)
    usage = {
        "measurement": "CPU_USAGE",
        "value": 1.0,
        "tags": dict(ETA),
    }
    railway.server.faults += [Fault()] * 3
    railway.server.faults += [Fault(Answer({"data": {"usage": [usage, usage]}}))]
    error = only_failure(case)

    assert isinstance(error, MalformedDeliveryError)
    assert "it comes twice" in str(error)
    assert ledger(case, "2026-09-13") == []


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({}, "Unexpected response format"),
        ({"usage": [{"measurement": "CPU_USAGE"}]}, "Unexpected response format"),
        (
            {"usage": [{"measurement": "CPU_LIMIT", "value": 1, "tags": {}}]},
            "nobody asked for it",
        ),
    ],
)
def test_an_answer_of_another_form_is_refused_whole(
    railway: LoopbackRailway, tmp_path: Path, data: object, complaint: str
) -> None:
    case = running_period(railway, tmp_path)
    railway.server.faults += [Fault()] * 3 + [Fault(Answer({"data": data}))]
    error = only_failure(case)

    assert isinstance(error, MalformedDeliveryError)
    assert complaint in str(error)
    assert ledger(case, "2026-09-13") == []


# --- errors and limits ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "kind", "said"),
    [
        ("Not Authorized", SourceAccessError, "RAILWAY_API_TOKEN"),
        ("Rate limit exceeded", TransientSourceError, "limits how often"),
        ("Problem processing request", FatalSourceError, "could not answer"),
    ],
)
def test_an_error_that_comes_with_status_200_is_an_error(
    railway: LoopbackRailway,
    bill: ConnectorCase,
    message: str,
    kind: type[SourceError],
    said: str,
) -> None:
    body = {"errors": [{"message": f"{message} {TOKEN}"}], "data": {"workspace": None}}
    railway.server.faults += [Fault(Answer(body))]
    error = only_failure(bill)

    assert isinstance(error, kind)
    assert said in str(error)
    assert TOKEN not in str(error)


def test_half_of_an_answer_does_not_pass_for_the_whole(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    case = running_period(railway, tmp_path)
    half = {"data": {"usage": []}, "errors": [{"message": "usage timed out"}]}
    railway.server.faults += [Fault()] * 3 + [Fault(Answer(half))]

    assert "usage timed out" in str(only_failure(case))
    assert ledger(case, "2026-09-13") == []


def test_a_token_that_may_not_see_the_workspace_is_told_so(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    case = case_of(railway, tmp_path, workspace_id="ws-2")

    assert "Workspace not found" in str(only_failure(case))


def test_without_a_token_the_variable_is_named(
    bill: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAILWAY_API_TOKEN")
    error = only_failure(bill)

    assert isinstance(error, SourceAccessError)
    assert "RAILWAY_API_TOKEN is not set" in str(error)
    assert "workspace token" in str(error)
    (finding,) = bill.connector().check()
    assert not finding.is_ok


def test_a_used_up_rate_limit_ends_the_run_and_says_until_when(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    case = running_period(railway, tmp_path)
    railway.remaining_points = 4
    railway.resets_at = "2999-01-01T00:00:00Z"
    error = only_failure(case)

    assert isinstance(error, TransientSourceError)
    assert "2999-01-01" in str(error)
    # The workspace, which tells the limit; two pages of projects; two of three days.
    assert len(railway.server.requests) == 1 + 4
    assert case.query("select count(*) from catalogue.loads") == [(0,)]

    railway.remaining_points = 10_000
    case.ingest().raise_first_failure()
    assert case.query("select sum(effective_cost) from evidence.railway_usage") == [
        (Decimal("1.60"),)
    ]


# --- deployments ---------------------------------------------------------------------


def test_deployments_have_states_with_their_times_and_no_names_of_people(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    assert case.query(
        "select deployment_id, status, native_status, event_time, started_at,"
        " finished_at, service, project, environment, environment_tier, commit_sha,"
        " repository, model_id, url, change_hint, is_rollback, source_system, attempt"
        " from evidence.deployments order by deployment_id"
    ) == [
        (
            *("d-1", "inactive", "REMOVED", at(2026, 9, 1, 8, 10), at(2026, 9, 1, 8)),
            *(None, "eta-api", "search", "production", "production", "a" * 40),
            *("example/eta", "eta-v2", "eta-api.example.com", "deploy", False),
            *("railway", 1),
        ),
        (
            *("d-2", "success", "SUCCESS", at(2026, 9, 14, 8, 10), at(2026, 9, 14, 8)),
            *(at(2026, 9, 14, 8, 10), "eta-api", "search", "production", "production"),
            *("b" * 40, "example/eta", "eta-v2", "eta-api.example.com", "deploy"),
            *(False, "railway", 1),
        ),
    ]
    landed = case.query("select * from evidence.deployments")
    assert "nobody needs" not in repr(landed)
    assert "somebody" not in repr(landed)


def test_a_state_that_was_seen_stays_seen_when_the_deployment_is_replaced(
    railway: LoopbackRailway, case: ConnectorCase
) -> None:
    case.ingest().raise_first_failure()
    removed = deployment("d-2", "REMOVED", "2026-09-14T08:00:00Z", commit="b" * 40)
    removed |= {"statusUpdatedAt": "2026-09-15T09:00:00Z"}
    rollback = deployment("d-3", "SUCCESS", "2026-09-15T08:00:00Z", commit="a" * 40)
    rollback["meta"]["reason"] = "rollback"
    railway.deployments["p-search"][1:] = [removed, rollback]
    case.ingest().raise_first_failure()
    unchanged = case.ingest()

    assert case.query(
        "select distinct deployment_id, status, event_time, is_rollback"
        " from evidence.deployments order by 1, 3"
    ) == [
        ("d-1", "inactive", at(2026, 9, 1, 8, 10), False),
        ("d-2", "success", at(2026, 9, 14, 8, 10), False),
        ("d-2", "inactive", at(2026, 9, 15, 9), False),
        ("d-3", "success", at(2026, 9, 15, 8, 10), True),
    ]
    assert not [c for c in unchanged.committed if c.stream == "deployments"]


def test_a_state_that_is_not_known_is_kept_as_unknown() -> None:
    node = deployment("d-9", "TELEPORTING", "2026-09-14T08:00:00Z", commit="c" * 40)
    node |= {"meta": None, "statusUpdatedAt": None}
    row = deployment_row(
        node, names=Names(), mapping=LabelMapping(()), tiers={}, where="here"
    )

    assert (row["status"], row["native_status"]) == ("unknown", "TELEPORTING")
    assert row["event_time"] == datetime(2026, 9, 14, 8, 11, tzinfo=UTC)
    assert (row["finished_at"], row["is_rollback"]) == (None, None)
    # A thing without a name goes by its id.
    assert (row["service"], row["environment_tier"]) == ("s-eta", None)


@pytest.mark.parametrize(
    ("native", "status", "is_ended"),
    [
        ("SUCCESS", "success", True),
        ("FAILED", "failure", True),
        ("CRASHED", "failure", True),
        ("SKIPPED", "cancelled", True),
        ("BUILDING", "open", False),
        ("NEEDS_APPROVAL", "open", False),
        ("SLEEPING", "inactive", False),
        ("REMOVING", "inactive", False),
    ],
)
def test_only_a_state_that_ends_a_rollout_has_a_finish(
    native: str, status: str, is_ended: bool
) -> None:
    node = deployment("d-9", native, "2026-09-14T08:00:00Z", commit="c" * 40)
    row = deployment_row(
        node, names=Names(), mapping=LabelMapping(()), tiers={}, where="here"
    )

    assert row["status"] == status
    assert (row["finished_at"] is not None) == is_ended


# --- requests and latency ------------------------------------------------------------


def test_requests_are_counted_by_day_for_the_model_that_a_service_serves(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    assert case.query(
        "select period_start, period_end, model_id, pool_id, requests,"
        " successful_requests from evidence.model_usage"
    ) == [
        (
            *(at(2026, 9, 14), at(2026, 9, 15), "eta-v2", "search-platform"),
            *(Decimal(100), Decimal(95)),
        )
    ]


def test_percentiles_are_kept_by_window_in_seconds_and_never_merged(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    assert case.query(
        "select period_start, period_end, service, model_id, latency_p50_seconds,"
        " latency_p90_seconds, latency_p95_seconds, latency_p99_seconds, requests"
        " from evidence.serving_latency order by 1"
    ) == [
        (
            *(at(2026, 9, 14, 10), at(2026, 9, 14, 11), "eta-api", "eta-v2"),
            *(0.12, 0.25, 0.4005, 0.9, Decimal(93)),
        ),
        (
            *(at(2026, 9, 14, 11), at(2026, 9, 14, 12), "eta-api", "eta-v2"),
            *(0.1, 0.2, 0.3, 0.8, Decimal(7)),
        ),
    ]


def test_two_services_of_a_model_count_together_and_an_unnamed_one_is_not_asked(
    railway: LoopbackRailway, case: ConnectorCase
) -> None:
    second, other = {**ETA, "serviceId": "s-x"}, {**ETA, "projectId": "p-new"}
    other |= {"serviceId": "s-other", "environmentId": "e-other"}
    railway.usage += [
        Metered("2026-09-14T10:00Z", "CPU_USAGE", 0.0, second),
        Metered("2026-09-14T10:00Z", "CPU_USAGE", 0.0, other),
    ]
    counts = railway.requests["s-eta", "p-search-prod"]
    railway.requests["s-x", "p-search-prod"] = counts
    mapping = [{"match": {"project": "search"}, "model": "eta-v2"}]
    case.options["mapping"] = mapping
    case.ingest().raise_first_failure()

    assert case.query(
        "select model_id, pool_id, requests from evidence.model_usage"
    ) == [("eta-v2", "", Decimal(200))]
    asked = {v["serviceId"] for v in railway.asked("Requests")}
    assert asked == {"s-eta", "s-x"}


def test_a_window_on_the_edge_of_a_week_counts_once(
    railway: LoopbackRailway, case: ConnectorCase
) -> None:
    monday = int(datetime(2026, 9, 14, tzinfo=UTC).timestamp())
    railway.usage.append(Metered("2026-09-10T10:00Z", "CPU_USAGE", 0.0, ETA))
    railway.requests["s-eta", "p-search-prod"] = {200: [(monday, 7.0)]}
    case.ingest().raise_first_failure()

    assert case.query("select sum(requests) from evidence.model_usage") == [
        (Decimal(7),)
    ]


def test_without_a_mapping_no_request_is_asked_for(
    railway: LoopbackRailway, tmp_path: Path
) -> None:
    case = case_of(railway, tmp_path, mapping=[])
    case.ingest().raise_first_failure()

    assert case.connector().streams() == ("railway_usage", "invoices", "deployments")
    assert not railway.asked("Requests")
    assert not railway.asked("Latency")


# --- options -------------------------------------------------------------------------


def test_a_probe_tells_the_period_and_what_railway_reports(case: ConnectorCase) -> None:
    (finding,) = case.connector().check()

    assert finding.is_ok
    assert finding.message == (
        "Workspace 'Example': billing period 2026-09-13 to 2026-10-13, 1.85 USD of"
        " usage so far, 2 invoices."
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"base_url": "http://example.com"}, "must be https"),
        ({"window_seconds": 7000}, "must divide a day"),
        ({"invoice_items": [{"kind": "usage"}]}, "needs 'product_id' or 'price_id'"),
        ({"mapping": [{"match": {"pod": "x"}, "model": "y"}]}, "known labels"),
        (
            {
                "prices": [
                    {"measurement": name, "valid_from": "2026-08-01", "dollars": 20}
                    for name in ("CPU_USAGE", "CPU_USAGE_2")
                ]
            },
            "count the same twice",
        ),
        (
            {"prices": [{"measurement": "CPU_LIMIT", "valid_from": "2026-08-01"}]},
            "CPU_USAGE",
        ),
    ],
)
def test_a_wrong_option_says_what_is_wrong(
    options: dict[str, Any], complaint: str
) -> None:
    assert complaint in invalid(**options)


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001  (UTC, as all evidence)
