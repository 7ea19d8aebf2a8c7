"""``attribute``: estimate studies and publish their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from triptych.core.workspace import Workspace
    from triptych.run.pipeline import BuildReport

_RESULTS = """
SELECT studies.study_id, studies.status, studies.grade, studies.state, studies.verdict,
    studies.design, estimates.effect, estimates.effect_low_90, estimates.effect_high_90,
    estimates.unit, studies.refusal_code, studies.refusal_message,
    studies.what_would_fix_it, studies.break_even_effect, studies.plan_hash,
    studies.data_hash, studies.seed
FROM attribution.studies
LEFT JOIN attribution.estimates
    ON studies.study_id = estimates.study_id AND estimates.estimand = 'average'
ORDER BY studies.study_id
"""


def attribute(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Studies by name; default: all."),
    ] = None,
    *,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="In place of the setting attribution.seed."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Estimate studies with a changed plan or data, and publish them."""
    from triptych.run import pipeline
    from triptych.run.after_run import reported

    opened = open_workspace(workspace, is_verbose=verbose)
    with reported(opened.workspace, opened.settings):
        report = pipeline.attribute(
            opened.workspace,
            opened.settings,
            studies=tuple(studies or ()),
            seed=seed,
            progress=opened.progress,
        )
    results = [
        result | {"is_new": result["study_id"] in report.studies.fitted}
        for result in _results(opened.workspace)
        if not studies or result["study_id"] in studies
    ]
    if as_json:
        print_json({"run_id": report.run_id, "studies": results})
    else:
        _print_results(results, report)
    if studies is not None and len(studies) == 1:
        _raise_without_answer(results)


def _results(workspace: Workspace) -> list[dict[str, Any]]:
    from triptych.core.warehouse.gate import open_published

    snapshot = open_published(workspace.root)
    rows: list[dict[str, Any]] = snapshot.query(_RESULTS).to_pylist()
    return rows


def _print_results(results: list[dict[str, Any]], report: BuildReport) -> None:
    if not results:
        print("No study has a plan: add one to studies/.")
    else:
        columns = ("study", "status", "grade", "verdict", "effect", "90 %", "unit")
        print_table(columns, [_cells(result) for result in results])
    for result in results:
        if result["status"] != "estimated":
            code = result["refusal_code"] or result["status"]
            print(f"{result['study_id']}: {result['refusal_message']} ({code})")
            print(f"  {result['what_would_fix_it']}")
    fitted = len(report.studies.fitted)
    print(f"{fitted:,} estimated anew, {len(results) - fitted:,} as before")
    print(f"Published run {report.run_id}")


def _cells(result: dict[str, Any]) -> tuple[object, ...]:
    shown = ("study_id", "status", "grade", "verdict")
    head = tuple(result[name] for name in shown)
    if result["effect"] is None:
        return (*head, None, None, None)
    low, high = result["effect_low_90"], result["effect_high_90"]
    return (
        *head,
        f"{result['effect']:,.4g}",
        f"{low:,.4g} to {high:,.4g}",
        result["unit"],
    )


def _raise_without_answer(results: list[dict[str, Any]]) -> None:
    """End as a failure where just that study was asked for and has no answer."""
    from triptych.core.errors import RefusedEstimateError, TriptychError

    for result in results:
        if result["status"] != "estimated":
            is_refused = result["status"] == "refused"
            kind = RefusedEstimateError if is_refused else TriptychError
            raise kind(
                f"{result['refusal_message']} ({result['refusal_code'] or 'failed'})",
                where=result["study_id"],
                next_step=result["what_would_fix_it"],
            )
