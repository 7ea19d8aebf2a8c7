"""Everything that can be done, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.acts import (
    alert_rules,
    alerts,
    assumptions,
    budgets,
    deliveries,
    differences,
    invoices,
    months,
    names,
    proposals,
    runs,
    scenarios,
    studies,
    study_plans,
    uploads,
    vendor_bills,
)

if TYPE_CHECKING:
    from triptych.acts.deed import Deed

_ALL: Final[tuple[Deed, ...]] = (
    *months.DEEDS,
    *differences.DEEDS,
    *assumptions.DEEDS,
    *names.DEEDS,
    *proposals.DEEDS,
    *budgets.DEEDS,
    *study_plans.DEEDS,
    *studies.DEEDS,
    *scenarios.DEEDS,
    *uploads.DEEDS,
    *vendor_bills.DEEDS,
    *runs.DEEDS,
    *deliveries.DEEDS,
    *invoices.DEEDS,
    *alerts.DEEDS,
    *alert_rules.DEEDS,
)
DEEDS: Final[dict[str, Deed]] = {deed.act.name: deed for deed in _ALL}
