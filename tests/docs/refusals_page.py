"""The page of why a study may have no estimate, with the modules that decide it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parents[2]
#: Modules that list codes and decide none.
_LISTS: Final = frozenset({"refusal.py", "grade.py"})


def refusals_page(generated: str) -> Iterator[str]:
    """Yield the page: each code, what would help, and where it is decided."""
    from attribution.causal.refusal import REMEDIES

    yield "# Refusals\n"
    yield generated
    yield (
        "Why a study has no estimate: `refusal_code` of `attribution.studies`, in words"
        " in `triptych attribute` and on the page *Impact*. The message of a refusal"
        " names the number that failed and the one that was needed; the modules of the"
        " last column decide it and word it.\n"
    )
    yield "| code | what would help | decided in |\n|---|---|---|"
    for code, remedy in sorted(REMEDIES.items()):
        places = ", ".join(f"`{place}`" for place in _places_of(code))
        yield f"| `{code}` | {remedy.replace('|', '/')} | {places} |"


def _places_of(code: str) -> list[str]:
    """Return the modules that raise a code, or the check whose failure does."""
    from attribution.causal.grade import REFUSAL_OF_CHECK

    checks = [name for name, refusal in REFUSAL_OF_CHECK.items() if refusal == code]
    decided = [f"attribution/causal/checks/{check}.py" for check in checks]
    raised = [
        path.relative_to(_ROOT).as_posix()
        for path in sorted((_ROOT / "attribution").rglob("*.py"))
        if path.name not in _LISTS and f'"{code}"' in path.read_text("utf-8")
    ]
    return decided + [place for place in raised if place not in decided]
