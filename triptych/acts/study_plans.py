"""Act that writes a study plan, with its expected findings from history."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from attribution.studies.history import history_of
from attribution.studies.planning import planned_lengths
from attribution.studies.study_files import read_plan
from triptych.acts.deed import Deed, Draft
from triptych.acts.file_edits import edit
from triptych.acts.roles import INSIDE
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.discovery.yaml_insertion import flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.causal.plan import Plan
    from attribution.studies.planning import PlannedLength
    from triptych.acts.deed import Filling, Site
    from triptych.core.acts import FieldKind

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}", re.ASCII)
_PERIODS: Final = ("day", "week", "month")
_TEXTS: Final = ("id", "feature", "outcome", "outcome_unit")
_ECONOMICS: Final = ("cost_amount", "value_amount_per_unit")
_HEAD: Final = "# Lock it before the launch: then nobody has seen its figures yet.\n"


def _draft_plan(site: Site, filling: Filling) -> Draft:
    name = filling.text("id")
    if not _ID.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a study id.",
            next_step="Use lower-case letters, digits, - and _.",
        )
    text = _HEAD + "".join(f"{line}\n" for line in _lines(filling))
    change = edit(site.workspace.root, f"studies/{name}.yml", text)
    if change.before is not None:
        raise UsageError(
            f"There is a plan studies/{name}.yml.",
            where="studies",
            next_step="Give the study another id, or change that file.",
        )
    with TemporaryDirectory(prefix="triptych-act-") as folder:
        trial = Path(folder) / "plan.yml"
        trial.write_text(text, encoding="utf-8")
        plan = read_plan(trial)
    rehearsed = _rehearsed(plan, filling.files.get("history", b""))
    return Draft(
        says=f"The plan of study {plan.id} is written.{rehearsed}",
        did=f"The plan of study {plan.id} is written.",
        effect="Lock it before the launch; from then on runs estimate it.",
        edits=(change,),
        about=f"study:{plan.id}",
    )


def _lines(filling: Filling) -> Iterator[str]:
    for name in _TEXTS:
        yield f"{name}: {flow(filling.text(name))}"
    yield f"launch: {filling.text('launch')}"
    yield f"window: {{start: {filling.text('start')}, end: {filling.text('end')}}}"
    yield f"period: {filling.text('period')}"
    treated = [unit.strip() for unit in filling.text("treated").split(",")]
    if any(treated):
        yield f"treated: {flow([unit for unit in treated if unit])}"
    for name in ("better", "minimum_effect"):
        if filling.text(name):
            yield f"{name}: {filling.text(name)}"
    if filling.text("decision"):
        yield f"decision_rule: {{text: {flow(filling.text('decision'))}}}"
    worth = [f"{name}: {filling.text(name)}" for name in _ECONOMICS]
    if any(filling.text(name) for name in _ECONOMICS):
        yield f"economics: {{{', '.join(worth)}}}"


def _rehearsed(plan: Plan, history: bytes) -> str:
    """Describe findings by study length; empty without a history."""
    if not history:
        return ""
    lengths = planned_lengths(history_of(history, where="the history"), plan)
    return "".join(f"\n- {_finding(plan, length)}" for length in lengths)


def _finding(plan: Plan, length: PlannedLength) -> str:
    until = f"{length.periods} {plan.period}s, until {length.end}"
    if length.detectable is None:
        return f"{until}: cannot tell. {length.reason}"
    unit = plan.outcome_unit
    text = f"{until}: 80 % power to detect {length.detectable:.3g} {unit}"
    if length.power is None:
        return text
    return f"{text}, {length.power:.0%} for the smallest effect that matters"


def features(site: Site) -> tuple[str, ...]:
    """Return the features that the catalogue has."""
    return tuple(dict.fromkeys(each.id for each in site.settings.catalog.features))


def _optional(
    name: str, label: str, kind: FieldKind = "text", text: str = ""
) -> ActField:
    return ActField(name, label, kind, text, is_required=False)


DEEDS: Final = (
    Deed(
        Act(
            "plan_study",
            "Plan a study",
            (
                ActField("id", "Study", help="Lower-case letters, such as eta-pilot."),
                ActField("feature", "Feature"),
                ActField("outcome", "Outcome", help="What the feature should move."),
                ActField("outcome_unit", "Its unit", help="Such as minutes or EUR."),
                ActField("start", "History from", "day"),
                ActField("launch", "Launch", "day"),
                ActField("end", "Ends before", "day"),
                ActField("period", "Period", choices=_PERIODS),
                _optional(
                    *("treated", "Units with the feature"),
                    text="By comma; none named means the whole series.",
                ),
                ActField(
                    *("better", "Better"),
                    choices=("higher", "lower"),
                    is_required=False,
                ),
                _optional("minimum_effect", "Smallest effect that matters", "number"),
                _optional("cost_amount", "Cost over the window", "number"),
                _optional("value_amount_per_unit", "Worth of a unit", "number"),
                _optional("decision", "What will be decided", "prose"),
                _optional(
                    *("history", "History", "file"),
                    text="CSV or Parquet of unit, date, outcome: what would it find?",
                ),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft_plan,
        choices={"feature": features},
    ),
)
