"""Acts on scenarios: save, change, clone with other values, and run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML

from attribution.scenarios.dials import dials_of, edits_of, turned
from attribution.scenarios.running import run_scenario, trial_of
from attribution.scenarios.scenario_file import read_scenario
from triptych.acts.deed import Deed, Draft
from triptych.acts.file_edits import edit
from triptych.acts.roles import PLANNING
from triptych.acts.yaml_values import with_value
from triptych.core.acts import Act, ActField
from triptych.core.errors import TriptychError, UsageError
from triptych.core.signatories import named_signatory

if TYPE_CHECKING:
    from attribution.scenarios.scenario_file import Scenario
    from triptych.acts.deed import Filling, Site
    from triptych.acts.yaml_values import Path
    from triptych.core.acts import Dial

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")


def _draft_save(site: Site, filling: Filling) -> Draft:
    return _saved(site, filling.text("file"), filling.text("text").rstrip("\n") + "\n")


def _draft_propose(site: Site, filling: Filling) -> Draft:
    draft = _draft_save(site, filling)
    if any(each.before not in {None, each.after} for each in draft.edits):
        raise UsageError(
            f"There is another scenario {filling.text('file')!r} already.",
            where="scenarios",
            next_step="Propose it under another name.",
        )
    return draft


def _draft_change(site: Site, filling: Filling) -> Draft:
    start, name = filling.text("start"), filling.text("file")
    path = _file(site, start)
    if name != start and name in scenario_names(site):
        raise UsageError(
            f"There is a scenario {name!r} already.",
            where="scenarios",
            next_step=f"Save it as {start}, which it starts from, or under a new name.",
        )
    text = path.read_text(encoding="utf-8")
    edits = edits_of(read_scenario(path), turned(filling.text("values")))
    if filling.text("name"):
        edits["name",] = filling.text("name")
    for place, value in edits.items():
        text = with_value(text, _in_file(text, place), value, where=path.name)
    return _saved(site, name, text)


def _in_file(text: str, place: Path) -> Path:
    """Return the path of a value: a number, or a mapping with ``value``."""
    stands = YAML(typ="safe", pure=True).load(text)
    for step in place:
        stands = stands[step]
    return (*place, "value") if isinstance(stands, dict) else place


def _saved(site: Site, name: str, text: str) -> Draft:
    # A file that is there may be called as its author likes.
    if not _PLAIN.fullmatch(name) and name not in scenario_names(site):
        raise UsageError(
            f"{name!r} is not the name of a scenario.",
            next_step="Use lower-case letters, digits, - and _.",
        )
    with TemporaryDirectory(prefix="triptych-act-") as folder:
        trial = FilePath(folder) / "scenario.yml"
        trial.write_text(text, encoding="utf-8")
        scenario = read_scenario(trial)
    result, why_none = _worked_out(site, scenario)
    return Draft(
        says=f"Scenario “{scenario.name}” is saved.{why_none}",
        did=f"Scenario “{scenario.name}” is saved.",
        effect="Run it to see what it comes to; no run publishes it.",
        edits=(edit(site.workspace.root, f"scenarios/{name}.yml", text),),
        about=f"scenario:{name}",
        result=result,
    )


def _worked_out(site: Site, scenario: Scenario) -> tuple[dict[str, Any] | None, str]:
    """Return the result of a scenario on the published run, or the obstacle."""
    try:
        return trial_of(site.workspace, scenario), ""
    except TriptychError as error:
        return None, f" What it comes to is not known: {error}"


def _dials(site: Site, filling: Filling) -> tuple[Dial, ...]:
    return dials_of(read_scenario(_file(site, filling.text("start"))))


def _draft_run(site: Site, filling: Filling) -> Draft:
    scenario = read_scenario(_file(site, filling.text("file")))
    return Draft(
        says=f"“{scenario.name}” is worked out on the published run.",
        did=f"“{scenario.name}” is worked out and saved.",
        effect="Load the page again to see it among the saved ones.",
        entry={"scenario": scenario.name, "run by": site.name},
    )


def _run(site: Site, filling: Filling) -> None:
    run_scenario(
        site.workspace,
        read_scenario(_file(site, filling.text("file"))),
        by=named_signatory(site.name, "the name of the login"),
        at=datetime.now(tz=UTC),
    )


def _file(site: Site, name: str) -> FilePath:
    if name not in scenario_names(site):
        raise UsageError(
            f"There is no scenario {name!r}.",
            where="scenarios",
            next_step="Save it first.",
        )
    return site.workspace.scenarios_dir / f"{name}.yml"


def scenario_names(site: Site) -> tuple[str, ...]:
    """Return the scenarios that have a file."""
    return tuple(sorted(p.stem for p in site.workspace.scenarios_dir.glob("*.yml")))


DEEDS: Final = (
    Deed(
        Act(
            "save_scenario",
            "Save a scenario",
            (
                ActField("file", "File", help="Such as leave_eks."),
                ActField("text", "What changes", "prose"),
            ),
            PLANNING,
            can_be_undone=True,
        ),
        _draft_save,
    ),
    Deed(
        Act(
            "propose_scenario",
            "Propose a scenario",
            (ActField("file", "File"), ActField("text", "What changes", "prose")),
            PLANNING,
            can_be_undone=True,
        ),
        _draft_propose,
    ),
    Deed(
        Act(
            "change_scenario",
            "Change a scenario and save it",
            (
                ActField("start", "Start from"),
                ActField("file", "Save as", help="A file, such as leave_eks."),
                ActField("name", "Name", is_required=False),
                ActField("values", "Values", "prose", is_required=False),
            ),
            PLANNING,
            can_be_undone=True,
        ),
        _draft_change,
        choices={"start": scenario_names},
        dials=_dials,
    ),
    Deed(
        Act(
            "run_scenario", "Run a scenario", (ActField("file", "Scenario"),), PLANNING
        ),
        _draft_run,
        _run,
        choices={"file": scenario_names},
    ),
)
