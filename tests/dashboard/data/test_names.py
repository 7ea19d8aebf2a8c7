"""Names in the place of ids: the newest, and none that could be taken for another."""

from __future__ import annotations

import duckdb

from dashboard.shared.names import named_sql

TEAMS = [
    # Two teams of one name, one whose name is the id of another, and one by itself.
    ("ml", "Machine learning"),
    ("dl", "Machine learning"),
    ("eyes", "vision"),
    ("vision", "Vision research"),
    ("care", "care"),
]


def test_an_id_is_beside_a_name_that_another_has_for_a_name_or_an_id() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core")
        connection.execute("CREATE TABLE core.dim_teams (team_id text, team_name text)")
        connection.executemany("INSERT INTO core.dim_teams VALUES (?, ?)", TEAMS)
        rows = connection.execute(f"SELECT * FROM {named_sql('team')}").fetchall()
    assert dict(rows) == {
        "ml": "Machine learning (ml)",
        "dl": "Machine learning (dl)",
        "eyes": "vision (eyes)",
        "vision": "Vision research",
        "care": "care",
    }
