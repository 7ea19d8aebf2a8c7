"""Versions of numerical libraries: another may give other figures."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARIES = ("numpy", "scipy", "statsmodels", "pandas")


@cache
def version_by_library() -> Mapping[str, str]:
    """Return the version of each library; their files are read once."""
    return MappingProxyType({name: version(name) for name in LIBRARIES})


def library_versions() -> str:
    """Return the libraries with their versions, as a single text."""
    return ", ".join(f"{name} {own}" for name, own in version_by_library().items())
