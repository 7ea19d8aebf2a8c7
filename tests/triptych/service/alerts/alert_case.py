"""A workspace whose published run is made of rows that a test writes; a web hook."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from email.message import EmailMessage

    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
_MARTS = """
CREATE SCHEMA core; CREATE SCHEMA cost;
CREATE TABLE core.dim_models AS SELECT 'search' AS model_id, 'vision' AS team_id,
  CAST(NULL AS DATE) AS valid_from;
CREATE TABLE cost.fct_daily_model_costs AS SELECT DATE '2026-10-31' AS charge_date;
CREATE TABLE cost.mart_cost_anomalies (series VARCHAR, model_id VARCHAR,
  source VARCHAR, service_name VARCHAR, currency VARCHAR, first_day DATE,
  last_day DATE, excess_cost DOUBLE, status VARCHAR, driver VARCHAR,
  driver_subject VARCHAR);
CREATE TABLE cost.mart_period_reconciliation (billing_month VARCHAR, source VARCHAR,
  reason VARCHAR, state VARCHAR);
CREATE TABLE cost.mart_budget_variance (billing_month VARCHAR, scope_type VARCHAR,
  scope_id VARCHAR, currency VARCHAR, actual_cost DECIMAL(28, 10),
  budget_amount DECIMAL(28, 10));
"""
_CHANNELS = """\
organisation: Example
currency: EUR
notify:
  channels:
    - {name: all, url_variable: TRIPTYCH_NOTIFY_ALL}
    - {name: vision, url_variable: TRIPTYCH_NOTIFY_VISION, teams: [vision]}
"""
_RULES = """\
  rules:
    - {alert: anomaly, channels: [all, vision], min_amount: 100}
    - {alert: budget, channels: [all], thresholds: [0.8, 1]}
    - {alert: month_red, channels: [all]}
"""


@dataclass
class Inbox:
    """A mail server on loopback that keeps what arrives."""

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802  (aiosmtpd's name)
        self, server: object, session: object, envelope: Any
    ) -> str:
        """Keep a message."""
        del server, session
        mail = message_from_bytes(envelope.content, policy=default)
        self.mails.append(mail)
        return "250 OK"


@dataclass
class Endpoint:
    """A web hook on loopback that can be out of order."""

    is_up: bool = True
    #: Address that a POST is sent on to.
    moved_to: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def lines(self) -> list[str]:
        """Every alert that arrived."""
        return [line for body in self.bodies for line in body["message"].splitlines()]


@dataclass
class Case:
    """A workspace whose published run is made of rows that a test writes."""

    workspace: Workspace
    run_count: int = 0

    def publish(self, *statements: str) -> None:
        """Publish a run with these rows."""
        self.run_count += 1
        folder = self.workspace.published_dir
        folder.mkdir(parents=True, exist_ok=True)
        name = f"run-{self.run_count}.duckdb"
        with duckdb.connect(str(folder / name)) as connection:
            connection.execute(_MARTS)
            for statement in statements:
                connection.execute(statement)
        self.workspace.pointer.write_text(f"published/{name}\n")

    def settings(self, extra: str = "", rules: str = _RULES) -> Settings:
        """Return settings with the channels and rules of this module."""
        path = self.workspace.settings_file
        path.write_text(_CHANNELS + rules + extra, "utf-8")
        (self.workspace.root / "allocation.yml").write_text("assignments: []\n")
        return load_settings(self.workspace.root)


def anomaly(day: date, model: str = "search", excess: float = 1234.5) -> str:
    return (
        "INSERT INTO cost.mart_cost_anomalies VALUES ('model',"
        f" '{model}', NULL, NULL, 'EUR', '{day}', '{day}', {excess}, 'ended',"
        " 'volume', 'input tokens')"
    )


RED = (
    "INSERT INTO cost.mart_period_reconciliation VALUES"
    " ('2026-09', 'aws', 'An invoice is missing.', 'not_reconciled')"
)
