"""``dashboard`` and ``demo``."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    MemoryLimitOption,
    ThreadsOption,
    VerboseOption,
    WorkspaceOption,
    find_workspace,
    open_workspace,
)
from triptych.cli.printing import print_table
from triptych.core.child_processes import isolated_environment
from triptych.core.errors import SettingsError, UsageError
from triptych.core.progress import progress_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from triptych.cli.options import OpenWorkspace
    from triptych.core.settings import AccessSettings, DashboardSettings
    from triptych.core.workspace import Workspace

PortOption = Annotated[
    str | None, typer.Option("--port", metavar="N", help="Port to listen on.")
]
HeadlessOption = Annotated[
    bool, typer.Option("--headless", help="Open no browser; only print the address.")
]

LikeOption = Annotated[
    Path | None,
    typer.Option(
        "--like",
        metavar="MINE",
        help="Copy this workspace with its bills, and simulate only the rest.",
    ),
]
RemoveOption = Annotated[
    bool, typer.Option("--remove", help="Remove a copy that --like made.")
]

_DEMO_FOLDER = Path("triptych-demo")
_DEMO_RECORD = ".demo.json"
_SHOWN_MODELS = 5
_SECONDS_BETWEEN_KNOCKS = 0.1
_TERMINATED = 143
_SHORTEST_COOKIE_SECRET = 32


def dashboard(
    *,
    port: PortOption = None,
    headless: HeadlessOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Serve the dashboard on this machine until Ctrl-C."""
    opened = open_workspace(workspace, is_verbose=verbose, port=port)
    with _serving(opened, is_headless=headless) as server:
        _wait_for(server, opened.settings.dashboard)


def demo(  # noqa: PLR0913  (one parameter for each option)
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help=f"Default: {_DEMO_FOLDER}."),
    ] = None,
    *,
    months: Annotated[
        int, typer.Option(min=6, max=36, help="Months to simulate.")
    ] = 18,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same company.")] = 7,
    scale: Annotated[float, typer.Option(min=0.01, help="Times the line items.")] = 1.0,
    headless: HeadlessOption = False,
    no_dashboard: Annotated[
        bool, typer.Option("--no-dashboard", help="Stop after the run.")
    ] = False,
    port: PortOption = None,
    threads: ThreadsOption = None,
    memory_limit: MemoryLimitOption = None,
    workspace: WorkspaceOption = None,
    like: LikeOption = None,
    remove: RemoveOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Simulate a company, run everything on it, and show the results."""
    default = like.with_name(f"{like.resolve().name}-demo") if like else _DEMO_FOLDER
    target = find_workspace(directory or workspace or default)
    if remove:
        _remove(target)
        return
    if like is None:
        _simulate(target, months=months, seed=seed, scale=scale)
    else:
        _simulate_rest(like, target, seed=seed)
    opened = open_workspace(
        target.root,
        is_verbose=verbose,
        threads=threads,
        memory_limit=memory_limit,
        port=port,
    )
    is_bill_real = like is not None
    _run_simulated(opened, is_bill_real=is_bill_real)
    if no_dashboard:
        _show_more(opened, is_bill_real=is_bill_real)
        print(f'To look at it: triptych dashboard --workspace "{target.root}"')
        return
    # Scenarios have a separate page; the first page is shown while they are run.
    with _serving(opened, is_headless=headless) as server:
        _show_more(opened, is_bill_real=is_bill_real)
        _wait_for(server, opened.settings.dashboard)


def _simulate(target: Workspace, *, months: int, seed: int, scale: float) -> None:
    """Write the sample company, unless the same company is there already."""
    from triptych.run.first_start import begin_first_start

    parameters = {"months": months, "seed": seed, "scale": scale}
    record = target.root / _DEMO_RECORD
    if record.is_file() and json.loads(record.read_text("utf-8")) == parameters:
        return
    if target.root.exists() and (
        not target.root.is_dir() or any(target.root.iterdir())
    ):
        raise UsageError(
            "The folder is not empty, and holds no sample company of these options.",
            where=str(target.root),
            next_step="Name a new folder, or remove this one.",
        )
    begin_first_start()
    from triptych.sample_company import write_sample_company

    with progress_for().task("simulate the sample company"):
        write_sample_company(target.root, months=months, seed=seed, scale=scale)
    record.write_text(json.dumps(parameters), encoding="utf-8")


def _simulate_rest(like: Path, target: Workspace, *, seed: int) -> None:
    """Copy a workspace, and simulate the data that its bills leave out."""
    from triptych.discovery.like_mine import write_like_mine

    with progress_for().task("copy the workspace and simulate the rest") as task:
        made = write_like_mine(find_workspace(like), target.root, seed=seed)
        task.note(f"{made.model_count} models")


def _run_simulated(opened: OpenWorkspace, *, is_bill_real: bool) -> None:
    """Run the simulated data; of a copy nothing but that is asked for."""
    from triptych.discovery.like_mine import SOURCES
    from triptych.run import pipeline

    names = [entry.name for entry in opened.settings.sources if entry.name in SOURCES]
    pipeline.run(
        opened.workspace,
        opened.settings,
        sources=names if is_bill_real else (),
        progress=opened.progress,
    )


def _show_more(opened: OpenWorkspace, *, is_bill_real: bool) -> None:
    """Print the results, and run the plans of the sample company."""
    _print_found(opened.workspace, is_bill_real=is_bill_real)
    if not is_bill_real:
        _run_scenarios(opened)


def _remove(target: Workspace) -> None:
    from triptych.discovery.like_mine import remove_like_mine

    remove_like_mine(target.root)
    print(f"Removed {target.root}; the workspace that it was a copy of stays.")


def _run_scenarios(opened: OpenWorkspace) -> None:
    from triptych.sample_company import run_scenarios

    with opened.progress.task("run scenarios") as task:
        task.note(f"{len(run_scenarios(opened.workspace))} saved")


def _print_found(workspace: Workspace, *, is_bill_real: bool) -> None:
    from triptych.core.measures.answer import table
    from triptych.core.measures.query import query
    from triptych.core.warehouse.figures import ANY
    from triptych.core.warehouse.gate import open_published

    snapshot = open_published(workspace.root)
    ledger = {"step": "ledger"}
    totals = table(
        snapshot,
        query(
            "step_billed_cost",
            by=("currency",),
            where=ledger,
            order="step_billed_cost DESC",
        ),
    ).to_pylist()
    by_month = query("step_billed_cost", by=("currency", "billing_month"), where=ledger)
    months = table(snapshot, by_month).to_pylist()
    models = table(
        snapshot,
        query(
            "fully_loaded_cost",
            by=("model_id", "currency"),
            where={"model_id": ANY},
            order="fully_loaded_cost DESC",
            limit=_SHOWN_MODELS,
        ),
    ).to_pylist()
    print(
        "SYNTHETIC: bills are yours; meters, deliveries and outcomes are simulated."
        if is_bill_real
        else "SYNTHETIC: everything below is simulated."
    )
    for total in totals:
        currency, cost = total["currency"], total["step_billed_cost"]
        billed = [m["billing_month"] for m in months if m["currency"] == currency]
        print(f"Billed {min(billed)} to {max(billed)}: {cost:,.2f} {currency}")
    print("Most expensive models, fully loaded:")
    print_table(
        ("model", "cost", "currency"),
        [
            (row["model_id"], f"{row['fully_loaded_cost']:,.2f}", row["currency"])
            for row in models
        ],
    )


@contextmanager
def _serving(
    opened: OpenWorkspace, *, is_headless: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the dashboard in a subprocess while this is open."""
    from dashboard.app.server import command, environment

    root, access = opened.workspace.root, opened.settings.access
    host, port = opened.settings.dashboard.host, opened.settings.dashboard.port
    _refuse_a_taken_port(host, port)
    package_parent = Path(sys.modules["dashboard.app.server"].__file__ or "").parents[2]
    variables = isolated_environment()
    paths = [str(package_parent), variables.get("PYTHONPATH", "")]
    with (
        _sign_in_secrets(access) as secrets,
        _started(
            command(
                root,
                host=host,
                port=port,
                headless=is_headless,
                mode=access.mode,
                secrets=secrets,
                acts="triptych.acts.door",
            ),
            {
                **environment(access),
                **variables,
                "FORWARDED_ALLOW_IPS": "",
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "TRIPTYCH_WORKSPACE": str(root),
            },
        ) as server,
    ):
        yield server


def _wait_for(server: subprocess.Popen[bytes], place: DashboardSettings) -> None:
    """Print the address once a server listens; wait until it ends or is asked to.

    Raises
    ------
    UsageError
        It ended by itself, and not well.
    """
    if _is_listening(server, place):
        address = f"http://{place.host}:{place.port}"
        print(f"Dashboard: {address} (stop with Ctrl-C)", flush=True)
    if code := server.wait():
        raise UsageError(
            f"The dashboard's server ended with code {code}.",
            next_step="Its own message is above.",
        )


def _is_listening(server: subprocess.Popen[bytes], place: DashboardSettings) -> bool:
    """Wait until a server takes connections; return false where it ended before."""
    # What listens on all addresses of a machine is reached by its own.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.host, place.host)  # noqa: S104
    while server.poll() is None:
        try:
            socket.create_connection((host, place.port), timeout=1).close()
        except OSError:
            time.sleep(_SECONDS_BETWEEN_KNOCKS)
        else:
            return True
    return False


@contextmanager
def _started(
    command: list[str], variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, which ends with this block or when this process is asked to.

    It starts in a folder of ours: Streamlit reads settings where it was started.
    """
    from dashboard.app.server import APP

    with subprocess.Popen(
        command, cwd=APP.parent, env=variables, stdout=sys.stderr
    ) as server:
        previous = signal.signal(signal.SIGTERM, _stop)
        try:
            yield server
        finally:
            signal.signal(signal.SIGTERM, previous)
            server.terminate()


@contextmanager
def _sign_in_secrets(access: AccessSettings) -> Iterator[Path | None]:
    """Keep Streamlit's sign-in secrets in a file while the server runs.

    Streamlit takes such secrets from files only: this file is in a private folder,
    readable by nobody else, and gone when the server has ended.
    """
    if access.mode != "oidc" or access.oidc is None:
        yield None
        return
    from dashboard.app.server import sign_in_secrets

    text = sign_in_secrets(
        access.oidc,
        client_secret=_secret(access.oidc.client_secret_variable),
        cookie_secret=_cookie_secret(access.oidc.cookie_secret_variable),
    )
    with TemporaryDirectory(prefix="triptych-") as folder:
        path = Path(folder) / "secrets.toml"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        yield path


def _secret(variable: str) -> str:
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise SettingsError(
            f"The variable {variable} has no secret, so nobody could sign in.",
            where="access.oidc",
            next_step="Set it to the secret that the provider gave for this client.",
        )
    return secret


def _cookie_secret(variable: str) -> str:
    """Return the cookie secret; if unset, a new secret, which ends logins."""
    secret = os.environ.get(variable, "").strip() or token_hex(32)
    if len(secret) < _SHORTEST_COOKIE_SECRET:
        raise SettingsError(
            f"The secret in {variable} has fewer than {_SHORTEST_COOKIE_SECRET}"
            " characters, and whoever guesses it has every role.",
            where="environment",
            next_step="Make one with 'openssl rand -hex 32'.",
        )
    return secret


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(_TERMINATED)


def _refuse_a_taken_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise UsageError(
            f"The dashboard cannot listen on {host}:{port}: {error.strerror}.",
            next_step="Stop what listens there, or name another port with --port.",
        ) from error
