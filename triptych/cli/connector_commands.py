"""``connector``: a source that triptych does not know yet begins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from triptych.cli.options import (  # typer reads them when it runs
    JsonOption,  # noqa: TC001
    VerboseOption,  # noqa: TC001
)
from triptych.cli.printing import print_json

connector = typer.Typer(no_args_is_help=True, help="Sources of your own: new.")


@connector.callback()
def _group() -> None:
    """Keep ``new`` a separate command, beside those to come."""


@connector.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its type, such as acme_billing.")
    ],
    *,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", metavar="DIR", help="Folder to write; default: ./triptych-NAME."
        ),
    ] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write a connector that already passes the suite, to be filled in."""
    from ingest.engine.connector_project import write_connector_project

    folder = directory or Path(f"triptych-{name.replace('_', '-')}")
    written = write_connector_project(name, directory=folder)
    if as_json:
        print_json({"directory": folder, "files": written})
        return
    for path in written:
        print(path)
    print(f'Prove it: cd "{folder}" && python -m pytest')
    print(f"Then write the vendor's answers into {name}.py; see README.md.")
