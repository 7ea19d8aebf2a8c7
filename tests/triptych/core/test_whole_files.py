"""A file that takes the place of another is for the same readers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_keeps_who_may_read_and_write_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "triptych.yml"
    path.write_text("currency: EUR\n")
    path.chmod(mode)
    write_whole(path, "currency: USD\n")
    assert path.read_text() == "currency: USD\n"
    assert path.stat().st_mode & 0o777 == mode
    assert list(tmp_path.iterdir()) == [path]
