"""``receive``."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import VerboseOption, WorkspaceOption, open_workspace
from triptych.core.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from ingest.receiver.server import Receiver
    from ingest.sources.llm_gateways.otel_conventions import Conventions
    from triptych.core.settings.receive import ReceiveSettings


def receive(
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Address to listen on.")
    ] = None,
    port: Annotated[
        str | None, typer.Option("--port", metavar="N", help="Port to listen on.")
    ] = None,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Take events that other systems post into the inbox, until Ctrl-C."""
    from ingest.receiver.server import Limits, Receiver
    from ingest.sources.events.inbox import Inbox
    from ingest.sources.llm_gateways.telemetry_log import TelemetryLog

    opened = open_workspace(
        workspace, is_verbose=verbose, receive_host=host, receive_port=port
    )
    settings = opened.settings.receive
    secrets = _secrets(settings)
    limits = Limits(
        settings.max_body_bytes,
        settings.max_telemetry_bytes,
        settings.request_seconds,
        settings.max_connections,
    )
    with (
        Inbox(opened.workspace.inbox) as inbox,
        TelemetryLog(opened.workspace.telemetry) as telemetry,
    ):
        receiver = Receiver(
            inbox,
            telemetry,
            conventions=_conventions(settings),
            secrets=secrets,
            host=settings.host,
            port=settings.port,
            limits=limits,
        )
        print(
            f"Receiver: http://{settings.host}:{receiver.server_port},"
            f" {len(inbox)} events in {opened.workspace.inbox}"
            f" (open: {', '.join(secrets)}; stop with Ctrl-C)",
            flush=True,
        )
        _serve(receiver)


def _conventions(settings: ReceiveSettings) -> Conventions:
    """Return the names of attributes that are kept of spans."""
    from ingest.sources.llm_gateways.otel_conventions import conventions_with

    try:
        return conventions_with(settings.telemetry_attributes)
    except ValueError as error:
        raise SettingsError(
            f"{error}.",
            where="receive.telemetry_attributes",
            next_step="Correct the name of the field.",
        ) from error


def _secrets(settings: ReceiveSettings) -> dict[str, str]:
    from ingest.receiver.authentication import secret_of

    variables = settings.variables()
    found = {name: secret_of(variable) for name, variable in variables.items()}
    secrets = {name: secret for name, secret in found.items() if secret is not None}
    if not secrets:
        raise UsageError(
            "No secret is set, so every endpoint would refuse.",
            where="environment",
            next_step=f"Set one of {', '.join(variables.values())}.",
        )
    return secrets


def _serve(receiver: Receiver) -> None:
    """Serve until stopped, then finish the requests that are under way."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=receiver.shutdown, daemon=True).start()

    # They stay: a second signal must not cut off the requests being finished.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    receiver.serve()
    # Python lets go of its handlers before it ends, and the default would be a kill.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, signal.SIG_IGN)
