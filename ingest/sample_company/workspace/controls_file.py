"""Platform security and compliance section of ``catalog.yml``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingest.sample_company.timeline import Timeline

#: Platform, control, its detail, its state, and the days before the end on which it was
#: evidenced and expired; controls that are missing here were declared by nobody.
_CONTROLS: Final = (
    ("aws-eks", "certification", "ISO 27001", True, 150, -210),
    ("aws-eks", "data_residency", "EU (Frankfurt)", True, 150, None),
    ("aws-eks", "encryption_at_rest", None, True, 150, None),
    ("aws-eks", "encryption_in_transit", None, True, 150, None),
    ("aws-eks", "sso", None, True, 150, None),
    ("aws-eks", "audit_log", None, True, 150, None),
    ("aws-eks", "dpa", None, True, 150, None),
    ("railway", "certification", "SOC 2 Type II", True, 400, 40),
    ("railway", "data_residency", "EU (Amsterdam)", True, 90, None),
    ("railway", "encryption_at_rest", None, True, None, None),
    ("railway", "encryption_in_transit", None, True, None, None),
    ("railway", "audit_log", None, False, 90, None),
    ("railway", "dpa", None, True, 90, None),
    ("tidewater", "certification", "ISO 27001", True, 120, -30),
    ("tidewater", "data_residency", "EU (Hamburg)", True, 120, None),
    ("tidewater", "sso", None, False, 120, None),
)


def controls_text(timeline: Timeline) -> str:
    """Return section ``controls``: one expired, several without evidence."""
    lines = [
        "# Security and compliance, as documents show it or somebody says.",
        "controls:",
    ]
    for platform, control, detail, holds, evidenced, expired in _CONTROLS:
        keys = [f"platform: {platform}", f"control: {control}"]
        if detail is not None:
            keys.append(f"detail: {detail}")
        if not holds:
            keys.append("holds: false")
        if evidenced is not None:
            keys.append(f"source: {platform}-trust-report.pdf")
            keys.append(f"evidenced_on: {timeline.end - timedelta(evidenced)}")
        if expired is not None:
            keys.append(f"expires_on: {timeline.end - timedelta(expired)}")
        lines.append(f"  - {{{', '.join(keys)}}}")
    return "\n".join(lines) + "\n"
