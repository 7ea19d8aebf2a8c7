"""Data health lists the alerts that nobody has acknowledged, with who has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.alert_outbox import FILE, Alert, Outbox
from triptych.core.alert_responses import Response, add_response

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp

RAISED_AT = "2026-10-31T06:00:00+00:00"
LATER = "2026-10-31T09:00:00+00:00"


def raise_alerts(root: Path) -> None:
    """Raise three alerts: one is acknowledged, one assigned, one has no owner."""
    runs = root / "runs"
    runs.mkdir(exist_ok=True)
    outbox = Outbox(runs / FILE)
    for name in ("seen", "given", "new_one"):
        alert = Alert("anomaly", f"anomaly/{name}", f"{name} cost 12 EUR more.", None)
        outbox.add(alert, "finance", since=RAISED_AT)
    outbox.failing_since["finance"] = RAISED_AT
    outbox.write()
    add_response(runs, Response("anomaly/seen", "acknowledged", "ana", LATER))
    add_response(runs, Response("anomaly/given", "assigned", "ana", LATER, to="vision"))


def test_what_nobody_acknowledged_is_listed_with_its_owner(
    open_app: OpenApp, tmp_path: Path
) -> None:
    publish(tmp_path, "normal")
    raise_alerts(tmp_path)
    app = open_app(tmp_path, page="data_health")
    assert not app.exception
    text = text_of(app)
    assert "2 alerts not acknowledged" in [each.label for each in app.expander]
    assert "new_one cost 12 EUR more." in text
    assert "owner vision, last act by ana" in text
    assert "seen cost" not in text
    assert "triptych alerts acknowledge" in text
    assert "Channel finance has taken no message since 2026-10-31T06:00 UTC" in text


def test_a_damaged_record_of_acts_is_told_and_the_page_stands(
    open_app: OpenApp, tmp_path: Path
) -> None:
    publish(tmp_path, "normal")
    raise_alerts(tmp_path)
    (tmp_path / "runs" / "alert_responses.jsonl").write_text("{", "utf-8")
    app = open_app(tmp_path, page="data_health")
    assert not app.exception
    assert "This is no act about an alert." in text_of(app)
