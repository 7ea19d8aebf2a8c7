"""Who may sign for the value of a feature, and that it stays signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.fixtures.warehouse_fixture import published_workspace
from triptych.core.control.tables import control_tables
from triptych.core.errors import UsageError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.signatures import Signature, signing
from triptych.core.warehouse.locks import read_history
from triptych.core.warehouse.reader import PublishedReader
from triptych.month.validating import validate

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace
    from triptych.month.validating import ValidationReport

RETURNS = """
CREATE SCHEMA roi;
CREATE SCHEMA IF NOT EXISTS attribution;
CREATE TABLE roi.mart_feature_roi ("window" VARCHAR, feature_id VARCHAR, basis VARCHAR,
    net_value DOUBLE, currency VARCHAR, study_ids VARCHAR, reason VARCHAR);
INSERT INTO roi.mart_feature_roi VALUES
    ('to_date', 'care', 'b1', 50.0, 'EUR', 'care-pilot', NULL),
    ('2026-09', 'care', 'b1', 5.0, 'EUR', 'care-pilot', NULL),
    ('to_date', 'route', NULL, NULL, 'EUR', NULL, 'not computable: no study');
CREATE OR REPLACE TABLE attribution.studies (feature_id VARCHAR, registered_by VARCHAR);
INSERT INTO attribution.studies VALUES ('care', 'Ana Lima'), ('route', 'Eva Roth');
CREATE OR REPLACE TABLE core.mart_assumptions (assumption_id VARCHAR, owner VARCHAR);
INSERT INTO core.mart_assumptions VALUES ('minute', 'Head of care'), ('x', 'Treasury');
CREATE TABLE roi.mart_roi_sensitivity (scope_type VARCHAR, scope_id VARCHAR,
    driver VARCHAR);
INSERT INTO roi.mart_roi_sensitivity VALUES
    ('feature', 'care', 'minute'), ('feature', 'route', 'x');
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace whose published run knows the value of one feature."""
    made = published_workspace(tmp_path)
    path = PublishedReader(made.root).current_path()
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute(RETURNS)
    return made


def sign(workspace: Workspace, feature: str = "care", *, by: str) -> ValidationReport:
    settings = load_settings(workspace.root)
    return validate(workspace, settings, feature, by=by, progress=SilentProgress())


def test_a_second_person_validates_a_value_and_the_log_keeps_it(
    workspace: Workspace,
) -> None:
    report = sign(workspace, by="  Ben   Okafor ")
    assert (report.validated_by, report.net_value) == ("Ben Okafor", 50.0)
    history = read_history(workspace)
    [entry] = history.validations
    assert entry.detail["basis"] == "b1"
    assert history.head_hash == report.audit_log_hash
    assert (history.events, history.comments) == ((), ())
    tables = control_tables(
        load_settings(workspace.root),
        run_id="r",
        started_at=entry.occurred_at,
        history=history,
    )
    [told] = [table for table in tables if table.name == "value_validations"]
    [row] = told.rows
    found = dict(zip(told.columns, row, strict=True))
    assert (found["feature_id"], found["validated_by"]) == ("care", "Ben Okafor")


@pytest.mark.parametrize(
    ("by", "part"),
    [("ana lima", "registered its study"), ("Head of  Care", "owns minute")],
)
@pytest.mark.peer_defect("self-validation")
def test_nobody_validates_what_is_their_own(
    workspace: Workspace, by: str, part: str
) -> None:
    """Peers' defect: one person enters, approves and validates."""
    with pytest.raises(UsageError, match=part):
        sign(workspace, by=by)
    assert read_history(workspace).validations == ()


def test_a_name_that_is_shown_hides_no_author(workspace: Workspace) -> None:
    author = Signature("ana lima", "operating_system", "ana lima")
    with signing(author), pytest.raises(UsageError, match="registered its study"):
        sign(workspace, by="Ben Okafor")
    with signing(Signature("ben", "operating_system", "ben")):
        sign(workspace, by="Ben Okafor")

    [entry] = read_history(workspace).validations
    assert entry.detail["validated_by"] == "Ben Okafor"
    assert entry.detail["signed"] == {"subject": "ben", "authority": "operating_system"}


def test_only_what_concerns_the_feature_stops_a_person(workspace: Workspace) -> None:
    """Treasury owns an assumption of another feature, Eva Roth another study."""
    assert sign(workspace, by="Treasury").feature_id == "care"
    assert sign(workspace, by="Eva Roth").feature_id == "care"


@pytest.mark.parametrize(
    ("feature", "by", "told"),
    [
        ("route", "Ben Okafor", "not computable: no study"),
        ("care-2", "Ben Okafor", "no feature 'care-2'"),
        ("care", "ben@example.com", "e-mail"),
        ("care", " - ", "nobody"),
    ],
)
def test_what_cannot_be_signed_is_refused(
    workspace: Workspace, feature: str, by: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        sign(workspace, feature, by=by)
