"""The versions of what computes: another one may give other figures."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

LIBRARIES = ("numpy", "scipy", "statsmodels", "pandas")


@cache
def library_versions() -> str:
    """Return the libraries with their versions, as one text."""
    return ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
