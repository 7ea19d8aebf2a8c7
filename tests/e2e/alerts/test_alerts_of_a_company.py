"""Alerts of the sample company: each kind finds its marts, and recent days call."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from triptych.core.settings.notify import RuleSettings
from triptych.service.alerts.conditions import CONDITIONS, find_alerts

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot

TODAY = date(2026, 11, 1)


def rule(kind: str) -> RuleSettings:
    return RuleSettings.model_validate({"alert": kind, "channels": ["finance"]})


@pytest.mark.parametrize("kind", CONDITIONS)
def test_each_kind_asks_marts_that_a_run_has(published: Snapshot, kind: str) -> None:
    # Without parameters a query is bound and not answered: a mart or column that is
    # not there is an error of the catalogue.
    sql = CONDITIONS[kind].sql
    for name, value in {
        "$min_amount": "0",
        "$thresholds": "[1]",
        "$today": f"'{TODAY}'",
        "$within_days": "30",
    }.items():
        sql = sql.replace(name, value)
    described = published.query(f"DESCRIBE {sql}").to_pylist()
    assert {"key", "team_id"} <= {row["column_name"] for row in described}

    alerts = find_alerts(published, rule(kind), TODAY)
    assert len({alert.key for alert in alerts}) == len(alerts)
    assert not [a.text for a in alerts if re.search(r"\{\w+\}", a.text)]


def test_recent_anomalies_call_and_old_or_provisional_ones_do_not(
    published: Snapshot,
) -> None:
    [row] = published.query(
        "SELECT count(*) AS total, count(*) FILTER (last_day >= newest - 14"
        " AND status <> 'provisional' AND excess_cost >= 0) AS recent"
        " FROM cost.mart_cost_anomalies, (SELECT max(charge_date) AS newest"
        " FROM cost.fct_daily_model_costs)"
    ).to_pylist()
    alerts = find_alerts(published, rule("anomaly"), TODAY)
    assert row["total"] > row["recent"]
    assert len(alerts) == row["recent"]
