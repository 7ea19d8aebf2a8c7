"""The tables of ``estimates`` that hold returns, by table and column.

Estimated money is DOUBLE and has the ends of its intervals beside it. The reconciled
cost, which the mart knows exactly, is not among them: dbt joins it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.estimates.store import columns_of, insert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

_TEXT, _NUMBER, _COUNT, _FLAG = "VARCHAR", "DOUBLE", "INTEGER", "BOOLEAN"


def _interval(name: str, *levels: int) -> dict[str, str]:
    ends = [f"{name}_{end}_{level}" for level in levels for end in ("low", "high")]
    return dict.fromkeys([name, *ends], _NUMBER)


_WINDOW = {"roi_window": _TEXT, "first_month": _TEXT, "last_month": _TEXT}
_MONEY = {
    **_interval("benefit", 50, 90),
    **_interval("cash_benefit", 90),
    **_interval("other_cost", 90),
    **_interval("replaced_cost", 90),
    **_interval("net_value", 50, 90),
    **_interval("roi", 50, 90),
    "probability_net_positive": _NUMBER,
}
#: Spending outside the window, beside the columns of the mart of cost.
_APART = {
    "until_month": _TEXT,
    "since_month_count": _COUNT,
    **_interval("other_investment", 90),
    **_interval("other_cost_since", 90),
    **_interval("net_after_investment", 90),
    "probability_net_after_investment": _NUMBER,
    "to_date_month": _TEXT,
    **_interval("carried_benefit", 90),
    **_interval("replaced_cost_since", 90),
    **_interval("net_to_date", 90),
    "probability_net_to_date": _NUMBER,
}
#: Table → column → type.
RETURN_TABLES: Mapping[str, Mapping[str, str]] = {
    "roi_features": {
        "feature_id": _TEXT,
        **_WINDOW,
        "study_ids": _TEXT,
        "outcome_unit": _TEXT,
        "basis": _TEXT,
        "verdict": _TEXT,
        "lifecycle_stage": _TEXT,
        "grade": _TEXT,
        "baseline_source": _TEXT,
        "baseline_month": _TEXT,
        "baseline_cost": _NUMBER,
        **_MONEY,
        **_APART,
        **_interval("released_hours", 90),
        **_interval("npv", 90),
        "probability_npv_positive": _NUMBER,
        "probability_above_hurdle": _NUMBER,
        "payback_months_p50": _NUMBER,
        "payback_months_p90": _NUMBER,
        "probability_never_paid_back": _NUMBER,
        "payback_horizon_months": _NUMBER,
        "break_even_effect": _NUMBER,
        "break_even_ratio": _NUMBER,
        "experiment_value_ceiling": _NUMBER,
        "run_rate_month": _TEXT,
        "effect_status": _TEXT,
        **_interval("run_rate_net", 90),
        "counted": _FLAG,
        "reason_code": _TEXT,
        "reason": _TEXT,
        "not_counted_code": _TEXT,
        "not_counted_reason": _TEXT,
        "left_out": _TEXT,
    },
    "roi_models": {
        "model_id": _TEXT,
        "feature_id": _TEXT,
        **_WINDOW,
        "grade": _TEXT,
        **_MONEY,
        "counted": _FLAG,
        "reason_code": _TEXT,
        "reason": _TEXT,
    },
    "roi_portfolio": {
        **_WINDOW,
        **_MONEY,
        **_APART,
        "beside_first_month": _TEXT,
        "beside_last_month": _TEXT,
        **_interval("beside_benefit", 90),
        **_interval("beside_net_value", 90),
        **_interval("overlap_benefit", 90),
        **_interval("shrunk_net_value", 90),
        "counted_feature_count": _COUNT,
        "beside_feature_count": _COUNT,
        "not_computable_feature_count": _COUNT,
        "run_rate_month": _TEXT,
        **_interval("run_rate_net", 90),
        "run_rate_feature_count": _COUNT,
        "run_rate_unknown_feature_count": _COUNT,
        "tested_study_count": _COUNT,
        "found_study_count": _COUNT,
        "withdrawal_pending_study_count": _COUNT,
        "withdrawn_study_count": _COUNT,
        "interim_study_count": _COUNT,
    },
    "roi_studies": {
        "study_id": _TEXT,
        "feature_id": _TEXT,
        "outcome": _TEXT,
        "grade": _TEXT,
        "standing": _TEXT,
        "counted": _FLAG,
        "counted_ratio": _NUMBER,
        "counted_from": _TEXT,
        **_interval("benefit", 90),
        "probability_positive": _NUMBER,
        "p_value": _NUMBER,
        "adjusted_p_value": _NUMBER,
        "is_found": _FLAG,
    },
    "roi_overlaps": {
        "outcome": _TEXT,
        "feature_ids": _TEXT,
        "study_ids": _TEXT,
        **_interval("overlap_benefit", 90),
    },
    "roi_evidence": {
        "grade": _TEXT,
        "counted": _FLAG,
        "feature_count": _COUNT,
        "feature_ids": _TEXT,
        "not_computable_feature_count": _COUNT,
        **_interval("benefit", 90),
        **_interval("other_cost", 90),
        **_interval("replaced_cost", 90),
        **_interval("net_value", 90),
    },
    "roi_sensitivity": {
        "scope_type": _TEXT,
        "scope_id": _TEXT,
        "measure": _TEXT,
        "driver_order": _COUNT,
        "driver": _TEXT,
        "kind": _TEXT,
        "unit": _TEXT,
        "assumed": _NUMBER,
        "variance_share": _NUMBER,
        "measure_at_low": _NUMBER,
        "measure_at_high": _NUMBER,
        "break_even": _NUMBER,
        "is_approved": _FLAG,
    },
}
_SUBJECT = "returns"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create missing tables; a table of an earlier form is recreated, empty."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS estimates")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS estimates.digests (subject VARCHAR, digest VARCHAR)"
    )
    for table, columns in RETURN_TABLES.items():
        if columns_of(connection, table) != list(columns.items()):
            described = ", ".join(f"{n} {type_}" for n, type_ in columns.items())
            connection.execute(
                f"CREATE OR REPLACE TABLE estimates.{table} ({described})"
            )
            connection.execute(
                "DELETE FROM estimates.digests WHERE subject = ?", [_SUBJECT]
            )


def is_current(connection: duckdb.DuckDBPyConnection, digest: str) -> bool:
    """Return whether the stored returns were made of just this."""
    row = connection.execute(
        "SELECT digest FROM estimates.digests WHERE subject = ?", [_SUBJECT]
    ).fetchone()
    return row is not None and row[0] == digest


def replace(
    connection: duckdb.DuckDBPyConnection,
    digest: str,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """Replace all returns, in a single transaction.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database, after :func:`prepare`.
    digest : str
        Digest of their inputs.
    rows : mapping of str to sequence of mapping
        Rows by table, each with every column of :data:`RETURN_TABLES`.
    """
    connection.execute("BEGIN")
    for table, columns in RETURN_TABLES.items():
        connection.execute(f"DELETE FROM estimates.{table}")
        insert(connection, table, columns, rows[table])
    connection.execute("DELETE FROM estimates.digests WHERE subject = ?", [_SUBJECT])
    connection.execute(
        "INSERT INTO estimates.digests VALUES (?, ?)", [_SUBJECT, digest]
    )
    connection.execute("COMMIT")
