"""Rules, catalogue and version that a month was closed with.

The entry that closes a month keeps digests of ``allocation.yml`` and ``catalog.yml``
and the version of triptych. Differences from today's are the causes of adjustments
that neither a bill nor an exchange rate explains. Digests are of the content as YAML
reads it: comments and the order of keys do not count, and no version changes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triptych import __version__
from triptych.core.warehouse.build import hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.settings import Settings

_RULES: Final = "rules_digest"
_CATALOGUE: Final = "catalogue_digest"
_VERSION: Final = "version"
#: Cause where neither rules nor catalogue nor version differ.
_OTHERS: Final = "deliveries of meters, or settings"


def closing_inputs(settings: Settings) -> dict[str, str]:
    """Return digests of rules and catalogue, and the version of triptych."""
    return {
        _RULES: hash_of(settings.rules_content),
        _CATALOGUE: hash_of(settings.catalog_content),
        _VERSION: __version__,
    }


def cause_of_changes(
    closed_with: Mapping[str, Any], now: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return why lines of a closed month differ that no bill and no rate explains.

    Parameters
    ----------
    closed_with, now : mapping
        As :func:`closing_inputs` gives them, at the close and now; empty for a close
        of a version that kept none.

    Returns
    -------
    tuple of str, or None
        Kind of the adjustment and everything that changed, in words. Of several the
        first of rules, catalogue and version is the kind. None where the close kept no
        digests.
    """
    if not closed_with:
        return None
    versions = f"{closed_with.get(_VERSION)}, now {now.get(_VERSION)}"
    words_of = {
        _RULES: ("rule_change", "rules"),
        _CATALOGUE: ("catalogue_change", "catalogue"),
        _VERSION: ("version_change", f"version of triptych ({versions})"),
    }
    causes = [
        cause for key, cause in words_of.items() if closed_with.get(key) != now.get(key)
    ]
    kind = causes[0][0] if causes else "input_change"
    return kind, ", ".join(words for _, words in causes) or _OTHERS
