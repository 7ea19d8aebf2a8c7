"""Deliveries of a real MLflow server: signed ones become rows, others are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ingest.sources.mlflow.webhooks import promotion_row, verify_signature
from ingest.streams import STREAMS
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret"
# Sent by MLflow 3.17.2 on loopback: alias production of fraud-detector set to 3.
HEADERS = {
    "Content-Type": "application/json",
    "X-MLflow-Delivery-Id": "b911d940-2111-4e7d-bf70-f9cf670925a1",
    "X-MLflow-Timestamp": "1795559446",
    "X-MLflow-Signature": "v1,pXuD1dEeDgE0vujiEV1F0qfS2Jb0FZD1yXapB+OI2Uk=",
}
BODY = (
    b'{"entity": "model_version_alias", "action": "created", "timestamp":'
    b' "2026-11-24T22:30:46.448539+00:00", "data": {"name": "fraud-detector",'
    b' "alias": "production", "version": "3"}}'
)
SENT = datetime.fromtimestamp(1795559446, UTC)


def row(**changed: Any) -> dict[str, str | None]:
    body = {**json.loads(BODY), **changed}
    return promotion_row(body, delivery_id="d-1", observed_at=SENT)


def refusal(
    body: bytes = BODY,
    headers: dict[str, str] = HEADERS,
    *,
    secret: str = SECRET,
    now: datetime = SENT,
) -> str:
    with pytest.raises(SourceAccessError) as caught:
        verify_signature(body, headers, secret=secret, now=now)
    return str(caught.value)


def test_a_delivery_that_mlflow_signed_is_known_by_its_id() -> None:
    assert (
        verify_signature(BODY, HEADERS, secret=SECRET, now=SENT)
        == "b911d940-2111-4e7d-bf70-f9cf670925a1"
    )


def test_the_names_of_headers_are_in_any_case() -> None:
    lower = {name.lower(): value for name, value in HEADERS.items()}
    assert verify_signature(BODY, lower, secret=SECRET, now=SENT)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_delivery_of_five_minutes_ago_or_ahead_is_just_recent_enough(
    minutes: int,
) -> None:
    now = SENT + timedelta(minutes=minutes)
    assert verify_signature(BODY, HEADERS, secret=SECRET, now=now)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_older_delivery_is_refused_for_anybody_could_send_it_again(
    seconds: int,
) -> None:
    told = refusal(now=SENT + timedelta(seconds=seconds))
    assert "not sent within 5 minutes" in told


@pytest.mark.parametrize(
    "headers",
    [
        {**HEADERS, "X-MLflow-Delivery-Id": "another"},
        {**HEADERS, "X-MLflow-Timestamp": "1795559447"},
        {**HEADERS, "X-MLflow-Signature": "v1,AAAA"},
        {**HEADERS, "X-MLflow-Signature": "ünsigned"},
        {**HEADERS, "X-MLflow-Signature": HEADERS["X-MLflow-Signature"][3:]},
    ],
    ids=["id", "time", "signature", "no ASCII", "no version"],
)
def test_whatever_is_signed_cannot_be_changed(headers: dict[str, str]) -> None:
    told = refusal(headers=headers)
    assert "its signature is not made with the secret" in told
    assert SECRET not in told


def test_a_changed_body_and_another_secret_are_refused() -> None:
    assert "signature" in refusal(BODY.replace(b'"3"', b'"2"'))
    assert "signature" in refusal(secret="other")
    assert "signature" in refusal(secret="")


@pytest.mark.parametrize(
    "name", ["X-MLflow-Delivery-Id", "X-MLflow-Timestamp", "X-MLflow-Signature"]
)
def test_a_missing_header_is_named(name: str) -> None:
    headers = {key: value for key, value in HEADERS.items() if key != name}
    assert name.lower() in refusal(headers=headers)


def test_an_alias_that_was_set_is_a_row_with_the_time_of_sending() -> None:
    assert row() == {
        "source_system": "mlflow",
        "event_id": "d-1",
        "event": "alias_set",
        "registered_model": "fraud-detector",
        "alias": "production",
        "model_version": "3",
        "event_time": "2026-11-24T22:30:46.448539+00:00",
        "observed_at": "2026-11-24T22:30:46+00:00",
    }
    assert set(row()) <= {column.name for column in STREAMS["promotions"].columns}


def test_four_deliveries_of_a_real_server_are_two_settings_a_removal_and_another(
    shared_data: Path,
) -> None:
    folder = shared_data / "events" / "mlflow"
    found = []
    for number in range(1, 5):
        text = (folder / f"webhook_0{number}.json").read_text("utf-8")
        recorded = json.loads(text)
        sent = int(recorded["headers"]["X-MLflow-Timestamp"])
        delivery_id = verify_signature(
            recorded["raw_body"].encode(),
            recorded["headers"],
            secret=SECRET,
            now=datetime.fromtimestamp(sent, UTC),
        )
        body = json.loads(recorded["raw_body"])
        assert body == recorded["body"]
        found.append(promotion_row(body, delivery_id=delivery_id, observed_at=SENT))

    expected = json.loads((folder / "expected.json").read_text("utf-8"))["events"]
    assert [one["event_id"] for one in found] == [one["delivery"] for one in expected]
    assert [(one["event"], one["alias"], one["model_version"]) for one in found] == [
        ("alias_set", "production", "3"),
        ("alias_set", "production", "3"),
        ("alias_deleted", "challenger", None),
        ("other", None, "3"),
    ]
    times = [datetime.fromisoformat(str(one["event_time"])) for one in found]
    milliseconds = [round(one.timestamp() * 1000) for one in times]
    assert milliseconds[0] == expected[0]["promoted_at_ms"]
    assert milliseconds[1] == expected[1]["event_time_ms"]
    assert "gh-1234" not in repr(found)


def test_an_unknown_entity_is_kept_as_another_event_without_its_texts() -> None:
    told = row(
        entity="registered_model",
        action="created",
        data={"name": "eta", "description": "by somebody@example.com"},
    )
    assert told["event"] == "other"
    assert "example.com" not in repr(told)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"data": None}, "no object 'data'"),
        ({"data": {"alias": "production", "version": "3"}}, "no registered model"),
        ({"data": {"name": "m", "version": "3"}}, "no alias"),
        ({"data": {"name": "m", "alias": "production"}}, "no version"),
        ({"timestamp": "2026-11-24T22:30:46"}, "no time with a time zone"),
        ({"timestamp": 1795559446}, "no time with a time zone"),
    ],
)
def test_a_body_that_says_too_little_is_refused_with_what_is_missing(
    changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(MalformedDeliveryError, match=why):
        row(**changed)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(MalformedDeliveryError, match="no object 'data'"):
        promotion_row([], delivery_id="d-1", observed_at=SENT)


def test_a_time_in_another_zone_is_told_in_utc() -> None:
    told = row(timestamp="2026-11-25T00:30:46+02:00")
    assert told["event_time"] == "2026-11-24T22:30:46+00:00"
