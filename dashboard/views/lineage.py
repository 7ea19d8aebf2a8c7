"""Assumptions & lineage: what figures rest on, and what they are made of."""

from __future__ import annotations

from dashboard import figure_section, page, register_section


def main() -> None:
    """Draw the page."""
    here = page.current(__file__)
    figure_section.show(here)
    register_section.show_assumptions(here)
    register_section.show_versions(here)


main()
