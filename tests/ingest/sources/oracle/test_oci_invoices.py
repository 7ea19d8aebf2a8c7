"""Oracle Cloud's OSP Gateway, on a server that verifies each request's signature."""

from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import ValidationError

import ingest.http.client
from ingest.connector import Window
from ingest.source_kinds.calendar import month_start
from ingest.sources.oracle.invoices import OciInvoicesConfig
from ingest.sources.oracle.invoices_api import PERMISSION
from ingest.sources.oracle.signature import (
    CONFIG_VARIABLE,
    read_profile,
    signing_string,
)
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, ScriptedServer, paged, status
from tests.ingest.servers.oci_profile import (
    FINGERPRINT,
    KEY,
    PHRASE,
    TENANCY,
    USER,
    pem,
    write_profile,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, first_failure
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.ingest.servers.http_server import Request

PEM = pem(KEY, PHRASE)
PATH = "/20191001/invoices"
THIS_MONTH = datetime.now(UTC).date().replace(day=1)
LAST_MONTH = month_start(THIS_MONTH, 1)
Invoice = dict[str, Any]


def assert_signed(request: Request, key_id: str | None = None) -> None:
    """Verify a signature as *draft-cavage-http-signatures-08* says, section 2.5."""
    scheme, _, told = request.headers["authorization"].partition(" ")
    signature = dict(re.findall(r'(\w+)="([^"]*)"', told))
    assert scheme == "Signature"
    assert (signature["version"], signature["algorithm"]) == ("1", "rsa-sha256")
    assert signature["keyId"] == (key_id or f"{TENANCY}/{USER}/{FINGERPRINT}")
    names = signature["headers"].split()
    assert {"(request-target)", "host", "date"} == set(names)
    values = {
        **request.headers,
        "(request-target)": f"{request.method.lower()} {request.target}",
    }
    KEY.public_key().verify(
        base64.b64decode(signature["signature"]),
        "\n".join(f"{name}: {values[name]}" for name in names).encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    age = datetime.now(UTC) - parsedate_to_datetime(request.headers["date"])
    assert abs(age) < timedelta(minutes=5)


def invoice(number: str, issued: date, amount: object, **more: Any) -> Invoice:
    """Return an invoice in the form of the API; ``tax`` and ``lines`` are its own."""
    return {
        "invoiceId": f"id-{number}",
        "invoiceNumber": number,
        "internalInvoiceId": f"internal/{number}",
        "invoiceStatus": "OPEN",
        "invoiceType": "USAGE",
        "invoiceAmount": amount,
        "timeInvoice": f"{issued}T00:00:00.000Z",
        "currency": {"currencyCode": "USD", "currencySymbol": "$"},
        "lines": [{"product": "B1", "timeStart": f"{issued}T00:00:00.000Z"}],
        **more,
    }


class Tenancy:
    """The invoices of a tenancy, two on a page, and their lines, one on a page."""

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []

    def listed(self, request: Request) -> list[list[Invoice]]:
        self._verify(request)
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT00:00:00\.000Z", str(request.one("timeInvoiceStart"))
        )
        shown = [self._without(i, "tax", "lines") for i in self.invoices]
        return [shown[n : n + 2] for n in range(0, len(shown), 2)]

    def lines(self, request: Request) -> list[list[Invoice]]:
        self._verify(request)
        return [[line] for line in self._one(request.target)["lines"]]

    def details(self, request: Request) -> Answer:
        self._verify(request)
        return Answer(self._without(self._one(request.target), "lines"))

    def _one(self, target: str) -> Invoice:
        # The id has a slash of its own, which has to come as %2F.
        (number,) = re.findall(rf"^{PATH}/internal%2F([^/?]+)", target)
        return next(i for i in self.invoices if i["invoiceNumber"] == number)

    @staticmethod
    def _without(told: Invoice, *names: str) -> Invoice:
        return {name: value for name, value in told.items() if name not in names}

    @staticmethod
    def _verify(request: Request) -> None:
        assert_signed(request)
        assert request.one("ospHomeRegion") == "eu-frankfurt-1"
        assert request.one("compartmentId") == TENANCY


def rendered(items: Sequence[Invoice], token: str | None) -> Answer:
    return Answer(
        {"items": list(items)},
        headers={} if token is None else {"opc-next-page": token},
    )


@pytest.fixture
def folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    folder = tmp_path_factory.mktemp("oci")
    monkeypatch.setenv(CONFIG_VARIABLE, str(write_profile(folder)))
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
    return folder


@pytest.fixture
def tenancy(server: ScriptedServer) -> Tenancy:
    tenancy = Tenancy()
    server.route("GET", PATH, paged(tenancy.listed, render=rendered))
    lines = paged(tenancy.lines, render=rendered)
    server.route(
        "GET",
        f"{PATH}/*",
        lambda request: (
            lines(request, None)
            if request.path.endswith("/invoiceLines")
            else tenancy.details(request)
        ),
    )
    return tenancy


@pytest.fixture
def case(
    server: ScriptedServer, tenancy: Tenancy, folder: Path, tmp_path: Path
) -> ConnectorCase:
    """Return two months: three invoices, and one, on two pages."""
    del folder
    first = [
        invoice("1001", LAST_MONTH, Decimal("119.00")),
        invoice("1002", LAST_MONTH, Decimal("0.125")),
        invoice("1003", LAST_MONTH, -19),
        invoice("1004", THIS_MONTH, 7),
    ]
    tenancy.invoices = list(first)

    def deliver_again() -> None:
        tenancy.invoices = list(reversed(first))

    def deliver_late() -> dict[str, Decimal]:
        tenancy.invoices = [*first, invoice("1005", LAST_MONTH, 1000)]
        return {"USD": Decimal("1107.125")}

    def deliver_hostile() -> int:
        bad = [
            invoice("X1", LAST_MONTH, "much"),
            invoice("X2", LAST_MONTH, 5, currency={"currencyCode": "DOUBLOON"}),
            {
                **invoice("", LAST_MONTH, 5, invoiceId=""),
                "internalInvoiceId": None,
            },
        ]
        tenancy.invoices = [*first, *bad]
        return len(bad)

    return ConnectorCase(
        connector_type="oci_invoices",
        options={"base_url": server.url, "months_back": 1, "timeout_seconds": 1},
        root=tmp_path,
        expected_rows=4,
        expected_money={"USD": Decimal("107.125")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(PHRASE, PEM),
    )


class TestOciInvoicesContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestOciInvoicesMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = CONFIG_VARIABLE


def read(case: ConnectorCase, columns: str) -> list[tuple[object, ...]]:
    assert case.ingest().failures == []
    return case.query(f"SELECT {columns} FROM evidence.invoices ORDER BY invoice_id")


def test_the_text_that_is_signed_is_the_one_of_oracles_published_signature() -> None:
    """The example of *Request Signatures*: its signature holds under its public key."""
    key = load_der_public_key(
        base64.b64decode(
            "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+Cv"
            "fSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9H"
            "f3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB"
        )
    )
    published = (
        "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3s"
        "UzaFj34XE6YZAHc9r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJI"
        "JQHJjNvxFWeHQjMaR7M="
    )
    text = signing_string(
        date="Thu, 05 Jan 2014 21:31:40 GMT",
        method="GET",
        target="/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId="
        "ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfe"
        "yjxa&displayName=TeamXInstances&volumeId=ocid1.volume.oc1.phx.abyhqljrgvttnlx73"
        "nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q",
        host="iaas.us-phoenix-1.oraclecloud.com",
    )
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(published)
    key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_an_invoice_is_its_total_with_its_tax_in_the_month_that_it_is_for(
    case: ConnectorCase, tenancy: Tenancy
) -> None:
    two, three = (
        month_start(THIS_MONTH, 2),
        month_start(THIS_MONTH, 3),
    )
    tenancy.invoices = [
        invoice(
            "1001",
            LAST_MONTH,
            Decimal("119.00"),
            tax=Decimal("19.00"),
            timeInvoiceDue=f"{THIS_MONTH}T00:00:00.000Z",
            lines=[
                {"product": "B1", "timeStart": f"{two}T00:00:00.000Z"},
                {"product": "B2"},
                {"product": "B3", "timeStart": f"{three.replace(day=9)}T00:00:00Z"},
            ],
        )
    ]
    [found] = read(
        case,
        "invoice_id, invoice_issuer_name, billing_period_start::DATE, currency,"
        " invoiced_amount, tax_amount, credit_amount, status, description,"
        " issued_at::DATE, due_at::DATE",
    )
    amounts = (Decimal(119), Decimal(19), None)
    dates = (LAST_MONTH, THIS_MONTH)
    assert found == (
        *("1001", "Oracle", three, "USD"),
        *amounts,
        *("issued", "USAGE"),
        *dates,
    )


def test_without_dated_lines_usage_is_of_the_month_before_and_all_else_of_its_own(
    case: ConnectorCase, tenancy: Tenancy
) -> None:
    tenancy.invoices = [
        invoice("1001", LAST_MONTH, 1, lines=[{"product": "B1"}]),
        invoice("1002", LAST_MONTH, 1, lines=[], invoiceType="SUBSCRIPTION"),
    ]
    assert read(case, "billing_period_start::DATE, tax_amount") == [
        (month_start(LAST_MONTH, 1), None),
        (LAST_MONTH, None),
    ]


def test_usage_that_is_invoiced_in_january_is_of_december(
    case: ConnectorCase, tenancy: Tenancy
) -> None:
    tenancy.invoices = [invoice("1001", date(2026, 1, 3), 1, lines=[])]
    assert read(case, "billing_period_start::DATE") == [(date(2025, 12, 1),)]


def test_states_are_those_of_an_invoice(case: ConnectorCase, tenancy: Tenancy) -> None:
    states = ("1-OPEN", "2-PAST_DUE", "3-PAYMENT_SUBMITTED", "4-CLOSED", "5-DISPUTED")
    tenancy.invoices = [
        invoice(state, LAST_MONTH, 1, invoiceStatus=state[2:]) for state in states
    ]
    assert [status for (status,) in read(case, "status")] == [
        *("issued", "issued", "issued", "paid", "DISPUTED"),
    ]


def test_an_invoice_without_a_number_has_its_identifier(
    case: ConnectorCase, tenancy: Tenancy
) -> None:
    told = invoice("", LAST_MONTH, 1, invoiceId="77", internalInvoiceId=None)
    tenancy.invoices = [told]
    assert read(case, "invoice_id, tax_amount") == [("77", None)]


def test_one_question_tells_all_months_and_a_window_picks_of_them(
    case: ConnectorCase, server: ScriptedServer
) -> None:
    offered = list(case.connector().deliveries(Window(THIS_MONTH)))
    assert [one.period for one in offered] == [f"{THIS_MONTH:%Y-%m}"]
    assert [request.path for request in server.requests] == [PATH, PATH]
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    asked = server.requests[0]
    assert asked.one("timeInvoiceStart") == f"{LAST_MONTH}T00:00:00.000Z"
    assert asked.one("timeInvoiceEnd") == f"{tomorrow}T00:00:00.000Z"


def test_details_of_a_month_that_is_known_are_not_asked_for_again(
    case: ConnectorCase, server: ScriptedServer
) -> None:
    case.ingest()
    server.requests.clear()
    case.ingest()
    assert {request.path for request in server.requests} == {PATH}


def test_each_try_is_signed_anew(case: ConnectorCase, server: ScriptedServer) -> None:
    # The route verifies every signature; a second must pass between the tries.
    server.faults += [status(503, retry_after="1.1")]
    assert case.ingest().failures == []
    first, second = server.requests[:2]
    assert first.question() == second.question()
    assert first.headers["date"] != second.headers["date"]
    assert first.headers["authorization"] != second.headers["authorization"]


def test_compartment_and_home_region_are_asked_for_where_they_are_set(
    case: ConnectorCase, server: ScriptedServer
) -> None:
    server.route("GET", PATH, lambda _: Answer({"items": []}))
    case.options |= {
        "compartment": "ocid1.compartment.x",
        "home_region": "us-ashburn-1",
    }
    assert case.ingest().failures == []
    (asked,) = server.requests
    assert asked.one("compartmentId") == "ocid1.compartment.x"
    assert asked.one("ospHomeRegion") == "us-ashburn-1"


def test_pages_that_contradict_each_other_are_refused(
    case: ConnectorCase, tenancy: Tenancy
) -> None:
    tenancy.invoices.append(invoice("1001", LAST_MONTH, 120))
    error = first_failure(case)
    assert isinstance(error, MalformedDeliveryError)
    assert "two things about invoice 1001" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"hello": "there"},
        {"items": ["1001"]},
        {"items": [{"invoiceId": "1001"}]},
        {"items": [invoice("1001", LAST_MONTH, 1, timeInvoice="soon")]},
        {"items": [invoice("1001", LAST_MONTH, 1, currency="USD")]},
    ],
)
def test_an_answer_of_another_form_is_refused(
    case: ConnectorCase, server: ScriptedServer, body: object
) -> None:
    server.route("GET", PATH, lambda _: Answer(body))
    assert isinstance(first_failure(case), MalformedDeliveryError)


def test_an_invoice_that_is_no_object_is_refused(
    case: ConnectorCase, tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "details", lambda _: Answer(["119.00"]))
    assert isinstance(first_failure(case), MalformedDeliveryError)


def test_whoever_may_not_read_is_told_the_policy_though_oracle_says_not_found(
    case: ConnectorCase, server: ScriptedServer
) -> None:
    said = "Authorization failed or requested resource not found."
    body = {"code": "NotAuthorizedOrNotFound", "message": said}
    server.faults += [status(404, body=body)]
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert said in str(error)
    assert PERMISSION in str(error)


def test_a_session_token_stands_for_the_user(
    case: ConnectorCase, server: ScriptedServer, folder: Path
) -> None:
    token = "made-up-session-token"
    (folder / "token").write_text(f"{token}\n", "utf-8")
    write_profile(
        folder,
        security_token_file=str(folder / "token"),
        user=None,
        fingerprint=None,
    )
    profile = read_profile("DEFAULT", source="oracle")
    assert token in profile.secrets
    assert token not in repr(profile)
    server.route("GET", PATH, lambda _: Answer({"items": []}))
    assert case.ingest().failures == []
    assert f'keyId="ST${token}"' in server.requests[0].headers["authorization"]
    assert_signed(server.requests[0], f"ST${token}")


def test_another_profile_has_what_it_does_not_say_from_the_default(
    folder: Path,
) -> None:
    config = folder / "config"
    config.write_text(f"{config.read_text('utf-8')}[PROD]\nregion=us-ashburn-1\n")
    profile = read_profile("PROD", source="oracle")
    assert (profile.tenancy, profile.region) == (TENANCY, "us-ashburn-1")


@pytest.mark.parametrize(
    ("key", "phrase"),
    [
        pytest.param(pem(KEY), None, id="open"),
        pytest.param(pem(KEY), PHRASE, id="a phrase that another profile needs"),
        pytest.param(f"{PEM}\nOCI_API_KEY\n", PHRASE, id="with Oracle's label"),
    ],
)
def test_a_key_is_read_as_oracle_hands_it_out(
    folder: Path, key: str, phrase: str | None
) -> None:
    write_profile(folder, key, pass_phrase=phrase)
    found = read_profile("DEFAULT", source="oracle").key
    assert found.private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize(
    ("key", "phrase"),
    [
        pytest.param(PEM, "another-phrase", id="wrong phrase"),
        pytest.param(PEM, None, id="no phrase"),
        pytest.param("no key", PHRASE, id="no key"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), None, id="not RSA"),
    ],
)
def test_a_key_that_cannot_sign_is_said_to_be_so(
    case: ConnectorCase, folder: Path, key: str, phrase: str | None
) -> None:
    write_profile(folder, key, pass_phrase=phrase)
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert "holds no private RSA key that 'pass_phrase' opens" in str(error)
    assert key not in str(error)


def test_a_profile_says_which_entries_it_lacks(
    case: ConnectorCase, folder: Path
) -> None:
    write_profile(folder, user=None, tenancy=None)
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert "The profile has no tenancy and no user." in str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "cannot be read (FileNotFoundError)", id="no file"),
        pytest.param(f"pass_phrase={PHRASE}", "not of the form", id="no section"),
        pytest.param("[OTHER]\nuser=u\n", "no tenancy", id="no default"),
    ],
)
def test_a_file_that_does_not_serve_is_named(
    case: ConnectorCase, folder: Path, text: str | None, said: str
) -> None:
    config = folder / "config"
    config.unlink()
    if text is not None:
        config.write_text(text, "utf-8")
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert said in str(error)
    assert str(config) in str(error)
    assert PHRASE not in str(error)


def test_a_profile_that_is_not_there_is_named(case: ConnectorCase) -> None:
    case.options["profile"] = "PROD"
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert "There is no such profile" in str(error)
    assert "profile PROD" in str(error)


def test_without_a_region_it_says_which_option_tells_it(
    case: ConnectorCase, folder: Path
) -> None:
    write_profile(folder, region=None)
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert "Set 'home_region'" in str(error)


def test_an_unsafe_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be https"):
        OciInvoicesConfig(
            name="oracle", type="oci_invoices", base_url="http://a.example"
        )
