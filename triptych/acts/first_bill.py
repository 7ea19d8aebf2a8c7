"""Take the currency of the first bill for that of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.storage.files import is_data_file
from triptych.acts.roles import FINANCE
from triptych.acts.settings_files import GENERAL
from triptych.acts.yaml_values import with_value
from triptych.discovery.inspection import folder_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from triptych.acts.deed import Site


def with_currency(
    site: Site, text: str, costs: Mapping[str, Decimal]
) -> tuple[str, str]:
    """Return the settings with the currency of a first bill, and what is said of it.

    Parameters
    ----------
    site : Site
        Where, and who acts: only finance sets a currency.
    text : str
        The settings as they are.
    costs : mapping
        Currency → billed cost of the bill.
    """
    code = max(costs, key=lambda each: (abs(costs[each]), each), default="")
    own = site.settings.currency
    if code in {"", own} or not _is_first(site):
        return text, ""
    if site.actor.role not in {None, *FINANCE}:
        return text, f" Figures stay in {own} until finance sets the currency {code}."
    says = f" Figures are reported in {code}, in place of {own}."
    return with_value(text, ("currency",), code, where=GENERAL), says


def _is_first(site: Site) -> bool:
    """Tell whether nothing is published and no other bill waits for a run."""
    if site.workspace.pointer.exists():
        return False
    paths = (
        str(dict(source.options).get("path") or "") for source in site.settings.sources
    )
    folders = [
        site.workspace.root / name for path in paths if (name := folder_of(path))
    ]
    files = (path for folder in folders for path in folder.rglob("*"))
    return not any(path.is_file() and is_data_file(path.name) for path in files)
