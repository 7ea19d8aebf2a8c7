"""Records of old runs are removed, but for those of published runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.run_record import remember_begun, retire_records

if TYPE_CHECKING:
    from pathlib import Path


def test_the_newest_the_published_and_the_last_begun_are_kept(tmp_path: Path) -> None:
    names = [f"2026{month:02}01T000000000000Z-ab12" for month in range(1, 13)]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    others = {"LAST", "ended_logins", "acts"}
    for name in others - {"LAST"}:
        (tmp_path / name).mkdir()
    # The clock was set back: the run that began last has the oldest name but one.
    remember_begun(tmp_path, names[1])
    retire_records(tmp_path, 3, {names[4]})
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {*names[-3:], names[4], names[1], *others}
