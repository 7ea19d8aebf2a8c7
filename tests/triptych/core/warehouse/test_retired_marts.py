"""A mart's former name still answers, and whoever wrote it is told the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.warehouse.retired_marts import RETIRED_MARTS, warnings_about

if TYPE_CHECKING:
    from pathlib import Path


def test_both_names_of_a_renamed_mart_are_marts(repository: Path) -> None:
    marts = repository / "dbt_project" / "models" / "marts"
    for former, name in RETIRED_MARTS.items():
        [alias] = marts.rglob(f"{former.partition('.')[2]}.sql")
        assert f"ref('{name.partition('.')[2]}')" in alias.read_text("utf-8")


def test_sql_that_uses_a_former_name_is_warned_of() -> None:
    assert warnings_about(
        "select * from {{ source('cost', 'mart_cost_landings') }}"
    ) == [
        "cost.mart_cost_landings is called cost.mart_cost_outturns now."
        " The former name leaves with the next release."
    ]
    assert warnings_about("select * from cost.mart_cost_outturns") == []
