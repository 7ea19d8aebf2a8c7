"""What a run wrote down of itself, read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from triptych.core.run_record import read_rebuilt

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_rebuilt_says_why_in_the_words_of_who_changed_it(
    tmp_path: Path,
) -> None:
    nodes = [
        {
            "name": "sums",
            "months": ["", "2026-03"],
            "because": ["its SQL", "evidence.focus"],
        },
        {"name": "costs", "months": [], "because": ["sums", "evidence.focus"]},
        {"name": "run", "months": [], "because": ["control.run"]},
        {"name": "owned", "months": [], "because": ["control.catalog_models"]},
        {"name": "fresh", "months": [], "because": ["catalogue.loads"]},
        {"name": "sources", "months": [], "because": ["catalogue.sources"]},
    ]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rebuilt.json").write_text(json.dumps(nodes), "utf-8")
    rebuilt = read_rebuilt(tmp_path, "run")
    assert rebuilt is not None
    assert (rebuilt.count, rebuilt.months) == (6, ("2026-03",))
    assert rebuilt.because == (
        "day of the run",
        "deliveries",
        "evidence: focus",
        "rules or version",
        "settings: catalog models",
    )
