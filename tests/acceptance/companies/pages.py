"""Read what first screens show, by the names of the truth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.dashboard.conftest import text_of, tiles

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.acceptance.companies.files import Truth
    from tests.dashboard.conftest import OpenApp

_NUMBER = re.compile(r"(?P<minus>[-−]?)(?:[A-Z]{3} )?(?P<digits>\d[\d,]*(?:\.\d+)?)")
#: What a page writes where a figure is unknown.
_UNKNOWN = "—"


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of a page.

    Parameters
    ----------
    page, period : str
        Where it is, and the period in the bar.
    place : str
        Label of its tile; or a pattern with one group, of the text of the page.
    names : tuple of str
        Figures of the truth that it is the sum of.
    scale : Decimal
        Units of the page in one unit of the truth, such as 100 for percent.
    """

    page: str
    period: str
    place: str
    names: tuple[str, ...]
    scale: Decimal = Decimal(1)

    def text(self, app: AppTest) -> str:
        """Return what the page says there."""
        if "(" in self.place:
            found = re.search(self.place, text_of(app).replace("**", ""))
            return found[1] if found else "not on the page"
        own = [text for label, text in tiles(app).items() if self.is_of(label)]
        return own[0] if own else "no such tile"

    def is_of(self, label: str) -> bool:
        """Decide whether a tile has the figure; its label may end in its state."""
        return label.split(" · ", maxsplit=1)[0] == self.place

    def agrees(self, text: str, truth: Truth) -> bool:
        """Compare what the page says with the truth, to the last digit it shows."""
        parts = [truth[name] for name in self.names]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return text.startswith(_UNKNOWN)
        found = _NUMBER.search(text.replace("\u00a0", " "))
        if found is None:
            return False
        digits = Decimal(found["digits"].replace(",", ""))
        value = sum(known) * self.scale
        step = Decimal(1).scaleb(int(digits.as_tuple().exponent))
        shown = -digits if found["minus"] else digits
        return abs(shown - value) <= step / 2


_PERCENT, _PER_HOUR = Decimal(100), Decimal(1) / 3_600
#: The scorecard is to date, and shown whole in the newest month that has charges.
SHOWN: dict[str, tuple[Shown, ...]] = {
    "api": (
        Shown(
            "summary", "2026-10", "AI cost, amortised", ("2026-10.ai_cost.effective",)
        ),
        Shown(
            "summary",
            "2026-10",
            "Per 1,000 inferences",
            ("2026-10.cost_per_thousand_requests.all",),
        ),
        Shown("summary", "2026-10", "Lead time by team", ("change_lead_time",)),
        Shown("summary", "2026-10", "Net value", ("net_value",)),
        Shown("cost_by_model", "2026-10", "Unallocated", ("2026-10.unallocated",)),
        Shown(
            "cost_by_model",
            "2026-10",
            "Cost of models, fully loaded",
            ("2026-10.model.support-bot", "2026-10.model.contract-reader"),
        ),
        Shown("cost_by_model", "2026-10", "Idle, charged to no model", ("idle.cost",)),
        Shown(
            "budget",
            "2026-10",
            "Against budget: everything",
            ("2026-10.budget.share",),
            _PERCENT,
        ),
    ),
    "gpu": (
        Shown(
            "summary", "2026-09", "AI cost, amortised", ("2026-09.ai_cost.effective",)
        ),
        Shown(
            "summary",
            "2026-09",
            "Per 1,000 inferences",
            ("2026-09.cost_per_thousand_requests.all",),
        ),
        Shown(
            "cost_by_model",
            "2026-09",
            "Cost of models, fully loaded",
            tuple(f"2026-09.model.{name}" for name in ("chat", "embed", "rerank")),
        ),
        Shown(
            "cost_by_model",
            "2026-09",
            "Idle, charged to no model",
            ("2026-09.idle.infrastructure",),
        ),
        Shown(
            "cost_by_model",
            "2026-09",
            "Unallocated",
            ("2026-09.unallocated.effective",),
        ),
        Shown(
            "gpu_idle",
            "2026-09",
            "Idle GPU money",
            ("2026-09.idle.requested", "2026-09.idle.infrastructure"),
        ),
        Shown("gpu_idle", "2026-09", "Used GPU money", ("2026-09.idle.used",)),
        Shown(
            "gpu_idle",
            "2026-09",
            "GPU hours available",
            ("2026-09.capacity_gpu_hours",),
        ),
        Shown(
            "gpu_idle", "2026-09", "Unused commitments", ("2026-09.unused_commitment",)
        ),
        Shown(
            "budget",
            "2026-09",
            "Against budget: everything",
            ("2026-09.budget.share",),
            _PERCENT,
        ),
    ),
    "migration": (
        Shown(
            "summary", "2025-12", "AI cost, amortised", ("2025-12.ai_cost.effective",)
        ),
        Shown(
            "summary",
            "2025-12",
            "Per 1,000 inferences",
            ("2025-12.cost_per_thousand_requests.eta",),
        ),
        Shown(
            "summary",
            "2025-12",
            "Lead time by team",
            ("2025-12.change_lead_time",),
            _PER_HOUR,
        ),
        Shown(
            "summary",
            "2025-12",
            r"monthly cost ([−\d.]+) %",
            ("story.monthly_cost_change",),
            _PERCENT,
        ),
        Shown(
            "summary",
            "2025-12",
            r"firefighting ([\d.]+) % of platform hours",
            ("story.firefighting_before",),
            _PERCENT,
        ),
        Shown(
            "budget",
            "2025-07",
            "Against budget: everything",
            ("2025-07.budget.share",),
            _PERCENT,
        ),
        Shown(
            "velocity",
            "2025-11",
            "Change lead time",
            ("2025-11.change_lead_time",),
            _PER_HOUR,
        ),
        Shown(
            "velocity",
            "2025-11",
            "Deployment frequency",
            ("2025-11.deployment_frequency",),
        ),
        Shown(
            "velocity",
            "2025-11",
            "Change fail rate",
            ("2025-11.change_fail_ratio",),
            _PERCENT,
        ),
        Shown(
            "scorecard",
            "2026-01",
            r"AI spend was ([\d.]+) % over budget",
            ("story.over_budget",),
            _PERCENT,
        ),
        Shown(
            "scorecard",
            "2026-01",
            r"over budget \(([\d.]+) ×\)",
            ("story.times_budget",),
        ),
        Shown("scorecard", "2026-01", r"The move cost (USD [\d,.]+\d)", ("move.cost",)),
        Shown(
            "scorecard",
            "2026-01",
            r"% \[.*?\], ([−\d.]+) % since",
            ("story.monthly_cost_change",),
            _PERCENT,
        ),
    ),
}


def look_at_pages(
    open_app: OpenApp, root: Path, company: str, truth: Truth
) -> dict[str, str]:
    """Return the figures of pages that differ from the truth, with what is shown."""
    opened: dict[tuple[str, str], AppTest] = {}
    differences = {}
    for shown in SHOWN[company]:
        place = (shown.page, shown.period)
        if place not in opened:
            opened[place] = open_app(root, page=shown.page, period=shown.period)
            assert not opened[place].exception
        text = shown.text(opened[place])
        if not shown.agrees(text, truth):
            names = " + ".join(shown.names)
            differences[f"{shown.page}: {names}"] = text
    return differences
