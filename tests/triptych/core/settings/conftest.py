"""Workspaces of which only the settings files matter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from triptych.core.errors import SettingsError
from triptych.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MINIMAL = "organisation: Example GmbH\ncurrency: EUR\n"


class SettingsFiles:
    """Writes settings files and reads them back as a run would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def load(
        self,
        *,
        triptych: str = MINIMAL,
        catalog: str | None = None,
        allocation: str | None = None,
        assumptions: str | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Settings:
        """Write the files that are given, and load all."""
        texts = {
            "triptych": triptych,
            "catalog": catalog,
            "allocation": allocation,
            "assumptions": assumptions,
        }
        for name, text in texts.items():
            if text is not None:
                (self.root / f"{name}.yml").write_text(text, encoding="utf-8")
        return load_settings(self.root, overrides=overrides)

    def refused(
        self,
        *,
        triptych: str = MINIMAL,
        catalog: str | None = None,
        allocation: str | None = None,
        assumptions: str | None = None,
    ) -> list[str]:
        """Return the lines of the message with which the files are refused."""
        with pytest.raises(SettingsError) as caught:
            self.load(
                triptych=triptych,
                catalog=catalog,
                allocation=allocation,
                assumptions=assumptions,
            )
        assert caught.value.exit_code == 2
        return caught.value.located.splitlines()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingsFiles:
    """Return a writer of settings files, deaf to variables of the machine."""
    for name in [name for name in os.environ if name.startswith("TRIPTYCH_")]:
        monkeypatch.delenv(name)
    return SettingsFiles(tmp_path)
