"""Security and compliance controls are clear, or refused line by line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles

FULL = """\
platforms: [{id: eks}, {id: edge}]
controls:
  - platform: eks
    control: certification
    detail: ISO 27001
    source: https://eks.example/iso-27001.pdf
    evidenced_on: 2026-02-01
    expires_on: 2027-01-31
  - {platform: eks, control: sso}
  - {platform: edge, control: audit_log, holds: false}
"""


def test_controls_are_read_with_their_evidence(files: SettingsFiles) -> None:
    certified, declared, absent = files.load(catalog=FULL).catalog.controls
    assert certified.evidenced_on == date(2026, 2, 1)
    assert certified.expires_on == date(2027, 1, 31)
    assert (declared.holds, declared.source) == (True, None)
    assert absent.holds is False


@pytest.mark.parametrize(
    ("was", "is_now", "line", "message"),
    [
        ("control: sso", "control: soo", 9, "known controls: certification,"),
        ("eks, control", "ecs, control", 9, "known platforms: eks, edge"),
        ("    detail: ISO 27001\n", "", 3, "needs detail: which one, such as ISO"),
        (
            "    evidenced_on: 2026-02-01\n",
            "",
            6,
            "has a source without evidenced_on: add the day on which it was read.",
        ),
        (
            "    source: https://eks.example/iso-27001.pdf\n",
            "",
            6,
            "has evidenced_on without a source: add the document or URL.",
        ),
        ("2027-01-31", "2026-01-31", 8, "before its evidence of 2026-02-01"),
        ("holds: false", "holds: false, expires_on: 2027-01-31", 10, "does not hold"),
        ("2026-02-01", "soon", 7, "'soon' is not a date"),
        (
            "control: audit_log, holds: false",
            "control: audit_log}\n  - {platform: edge, control: audit_log",
            11,
            "control 'audit_log' of platform 'edge' is declared twice.",
        ),
    ],
)
def test_an_unclear_control_is_refused_with_its_line(
    files: SettingsFiles, was: str, is_now: str, line: int, message: str
) -> None:
    assert was in FULL
    lines = files.refused(catalog=FULL.replace(was, is_now))
    assert any(message in each and f"catalog.yml:{line}:" in each for each in lines), (
        lines
    )
