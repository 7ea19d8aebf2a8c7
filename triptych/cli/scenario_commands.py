"""``scenario``: write from a template, run, list, show and compare."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
)
from triptych.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from triptych.core.warehouse.scenario_results import ScenarioStore

    Row = dict[str, Any]

scenario = typer.Typer(
    no_args_is_help=True,
    help="What if: write a scenario from a template, run, list, show and compare.",
)
_SHOWN_DRIVERS: Final = 8
_LISTED: Final = (
    *("scenario_id", "name", "horizon_months", "npv_difference"),
    *("probability_difference_positive", "author", "created_at"),
)
_ALMOST_SURE, _HARDLY = 0.999, 0.001


class Template(StrEnum):
    """Question of a new scenario."""

    MOVE_PLATFORM = "move-platform"
    SWAP_MODEL = "swap-model"
    RAISE_UTILISATION = "raise-utilisation"
    COMMIT_FOR_A_YEAR = "commit-for-a-year"
    DOUBLE_VOLUME = "double-volume"
    BUILD_OR_BUY = "build-or-buy"
    STOP_FEATURE = "stop-feature"


@scenario.command()
def new(
    template: Annotated[Template, typer.Argument(help="Question of the scenario.")],
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to; without it, scenarios/TEMPLATE.yml."),
    ] = None,
    *,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write a commented scenario; a file that is there is left alone."""
    from triptych.core.workspace import write_scenario_template

    name = f"{template.value.replace('-', '_')}.yml"
    path = file or existing_workspace(workspace).scenarios_dir / name
    write_scenario_template(template.value, path)
    print(path)
    print(f"Put in your own names and values, then: triptych scenario run {path}")


@scenario.command()
def run(
    file: Annotated[Path, typer.Argument(help="Such as scenarios/move_platform.yml.")],
    *,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who runs it, in place of its author."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Work a scenario out and save it under its id; the same id, the same numbers."""
    from datetime import UTC, datetime

    from attribution.scenarios.running import run_scenario
    from attribution.scenarios.scenario_file import read_scenario
    from triptych.core.errors import UsageError
    from triptych.core.signatories import named_signatory

    asked = read_scenario(file)
    name = by or asked.author
    if name is None:
        raise UsageError(
            "Nobody is named who runs the scenario.",
            where=str(file),
            next_step="Add --by NAME, or 'author' to the file.",
        )
    person = named_signatory(name, "--by")
    found = run_scenario(
        existing_workspace(workspace), asked, by=person, at=datetime.now(tz=UTC)
    )
    if as_json:
        print_json(found)
    else:
        _print_result(found)


@scenario.command("list")
def list_scenarios(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """List saved results, the newest first."""
    saved = [_head(one) for one in _store(workspace).all()]
    if as_json:
        print_json(saved)
    elif not saved:
        print('No scenario has been run. "triptych scenario new" writes a first one.')
    else:
        print_table(_LISTED, [[_told(k, one[k]) for k in _LISTED] for one in saved])


@scenario.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id, or its name.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Show a saved result again; nothing is worked out."""
    found = _store(workspace).get(name)
    if as_json:
        print_json(found)
    else:
        _print_result(found)


@scenario.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Two to four: ids, or names.")
    ],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Compare the differing assumptions and the outcomes of saved results."""
    from triptych.core.warehouse.scenario_results import differences

    store = _store(workspace)
    results = [store.get(name) for name in names]
    different = differences(results)
    outcomes = [_head(result) for result in results]
    if as_json:
        print_json({"assumptions": different, "outcomes": outcomes})
        return
    titles = [f"{result['name']} ({result['scenario_id']})" for result in results]
    print_table(
        ["assumed differently", *titles],
        [[cell or "" for cell in row.values()] for row in different],
    )
    keys = [key for key in outcomes[0] if key not in {"scenario_id", "name"}]
    print_table(
        ["comes to", *titles],
        [[key, *(_told(key, outcome[key]) for outcome in outcomes)] for key in keys],
    )


def _store(workspace: Path | None) -> ScenarioStore:
    from triptych.core.warehouse.scenario_results import ScenarioStore

    return ScenarioStore(existing_workspace(workspace).scenario_results)


def _head(found: Row) -> Row:
    """Return the list entry of a result, in its own words and units."""
    summary = found["summary"]
    currency = found["currency"]
    return {
        "scenario_id": found["scenario_id"],
        "name": found["name"],
        "base_run_id": found["base_run_id"],
        "horizon_months": found["horizon_months"],
        "npv": _money(summary, "npv", currency) or summary["npv_reason"],
        "probability_npv_positive": summary["probability_npv_positive"],
        "npv_difference": _money(summary, "npv_difference", currency)
        or summary["difference_reason"],
        "probability_difference_positive": summary["probability_difference_positive"],
        "difference_payback_months_p50": summary["difference_payback_months_p50"],
        "probability_difference_never_paid_back": summary[
            "difference_probability_never_paid_back"
        ],
        "cost_difference": _money(summary, "cost_difference", currency),
        "author": found["author"],
        "created_at": found["created_at"],
    }


def _money(row: Row, name: str, currency: str) -> str | None:
    if row[name] is None:
        return None
    ends = [row[f"{name}_{end}_90"] for end in ("low", "high")]
    low, high = ("no bound" if end is None else f"{end:,.0f}" for end in ends)
    return f"{currency} {row[name]:,.0f} [{low}, {high}]"


def _print_result(found: Row) -> None:
    """Print the head and the main drivers; intervals are of 90 %."""
    for key, value in _head(found).items():
        if value is not None:
            print(f"{key.replace('_', ' '):<40}{_told(key, value)}")
    if found["is_synthetic"]:
        print("SYNTHETIC: a simulated company.")
    for note in found["notes"]:
        print(f"note: {note}")
    rows = found["tornado"][:_SHOWN_DRIVERS]
    measure = "difference" if found["summary"]["npv"] is None else "npv"
    parts = ("at_low", "at_high", "variance_share")
    columns = ["driver", "assumed", *(f"{measure}_{part}" for part in parts)]
    if rows:
        print_table(
            [*columns, "breaks_even_at"],
            [[*(_rounded(row[c]) for c in columns), _break_even(row)] for row in rows],
        )


def _told(key: str, value: object) -> object:
    """Write a figure of the head; a probability from draws is never certain."""
    if not isinstance(value, float):
        return value
    if key.startswith("probability") and not _HARDLY <= value <= _ALMOST_SURE:
        return f"over {_ALMOST_SURE}" if value > _ALMOST_SURE else f"under {_HARDLY}"
    return f"{value:.3g}"


def _rounded(value: object) -> object:
    if not isinstance(value, float):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


def _break_even(row: Row) -> object:
    """Return where the difference to the base is nothing, else the value itself."""
    for name in ("difference", "npv"):
        if row[f"break_even_{name}_status"] == "found":
            return f"{_rounded(row[f'break_even_{name}'])} ({name})"
    statuses = {row[f"break_even_{name}_status"] for name in ("difference", "npv")}
    is_far = "not_plausible" in statuses
    return "not within a plausible range" if is_far else "no effect"
