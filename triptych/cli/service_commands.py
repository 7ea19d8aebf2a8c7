"""``health`` and ``metrics``: endpoints for monitoring."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json
from triptych.core.errors import FailedRunError, StaleError, UsageError

if TYPE_CHECKING:
    from triptych.service.health import Health


def health(
    *,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Check if published data is fresh: 0 fresh, 8 stale, 9 failed."""
    from triptych.service.health import judge

    opened = open_workspace(workspace, is_verbose=verbose)
    found = judge(opened.workspace, opened.settings)
    if as_json:
        print_json(found)
    else:
        print(_told(found))
    if found.state != "fresh":
        kind = FailedRunError if found.state == "failed" else StaleError
        next_step = (
            'Mend what is named and run "triptych run".'
            if found.state == "failed"
            else 'Deliver what is due, then "triptych run".'
        )
        raise kind(" ".join(found.reasons), where=found.state, next_step=next_step)


def _told(found: Health) -> str:
    run = found.published_run_id or "nothing"
    busy = "; a run is under way" if found.is_run_under_way else ""
    return f"{found.state}: {run} is published{busy}"


def metrics(
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write there, replaced in one step, instead of printing.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Print metrics of the last run in the text format of Prometheus."""
    from triptych.service.metrics import collect, render, write

    opened = open_workspace(workspace, is_verbose=verbose)
    found = collect(opened.workspace, opened.settings)
    if output is None:
        print(render(found), end="")
        return
    try:
        write(found, output)
    except OSError as error:
        raise UsageError(
            f"The metrics cannot be written: {error.strerror or error}.",
            where=str(output),
            next_step="Name a file in a folder that is there and may be written.",
        ) from error
