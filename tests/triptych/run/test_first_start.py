"""What a first start begins in the background, and where there is nothing to begin."""

from __future__ import annotations

import py_compile
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from triptych.run.first_start import is_compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_library_counts_as_compiled_once_its_first_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of its own for compiled files stands for a new environment."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    assert not is_compiled("streamlit")
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    py_compile.compile(spec.origin)
    assert is_compiled("streamlit")


def test_what_is_part_of_python_or_missing_is_not_compiled_ahead() -> None:
    assert is_compiled("sys")
    assert is_compiled("no_library_of_this_name")
