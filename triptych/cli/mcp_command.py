"""``mcp``: a server for assistants, over standard streams or HTTP; and its tokens."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
)
from triptych.cli.printing import print_json, print_table
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from triptych.core.settings.access import Role
    from triptych.core.workspace import Workspace


def mcp(  # noqa: PLR0913  (one parameter for each option)
    *,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="Answer only what this role sees: finance, engineering, analyst,"
            " viewer. Everything where not given.",
            show_default=False,
        ),
    ] = None,
    cost_centers: Annotated[
        list[str] | None,
        typer.Option(
            "--cost-center",
            metavar="ID",
            help="Only rows of this cost centre; may be repeated. Needs --role.",
            show_default=False,
        ),
    ] = None,
    http: Annotated[
        bool,
        typer.Option(
            "--http", help="Over HTTP: each request has a token, and its role holds."
        ),
    ] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Address of this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=1, max=65535, help="Port to listen on."
        ),
    ] = 8610,
    public_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--public-host",
            metavar="NAME",
            help="Name under which a proxy with TLS is asked; may be repeated.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Answer an assistant's questions (Model Context Protocol), or REST clients."""
    if http and (role or cost_centers):
        raise UsageError(
            "Over HTTP a token says what its bearer sees.",
            where="--role",
            next_step='Leave it out, and make tokens with "triptych mcp-tokens add".',
        )
    opened = existing_workspace(workspace)
    if http:
        _serve_http(opened, host, port, tuple(public_hosts or ()))
        return
    _serve_streams(opened.root, role, cost_centers)


def _serve_streams(
    root: Path, role: str | None, cost_centers: list[str] | None
) -> None:
    from triptych.acts.door import open_door
    from triptych.service.assistant.desk import Desk

    if role is not None:
        _check_role(role)
    if cost_centers and role is None:
        raise UsageError(
            "Cost centres narrow what a role sees.",
            where="--cost-center",
            next_step="Add --role.",
        )
    with _needing_the_extra():
        from triptych.service.assistant.server import build_server
    narrowed = tuple(cost_centers) if cost_centers else None
    desk = Desk(
        root,
        cast("Role | None", role),
        narrowed,
        dashboard=_dashboard_of(root),
        door=open_door(root),
    )
    build_server(desk).run("stdio")


def _dashboard_of(root: Path) -> str:
    """Return the prefix of links; empty if the settings have none."""
    from triptych.core.errors import SettingsError
    from triptych.core.settings import load_settings

    try:
        return load_settings(root).dashboard.address
    except SettingsError:
        return ""  # answers are of the published run, whatever the files say by now


def _serve_http(
    workspace: Workspace, host: str, port: int, public_hosts: tuple[str, ...]
) -> None:
    from triptych.acts.door import open_door
    from triptych.service.assistant.tokens import TokenFile

    with _needing_the_extra():
        from triptych.service.assistant.http_server import (
            PATH,
            DeskOfToken,
            resource_address,
            serve,
        )
        from triptych.service.assistant.rest import PREFIX
        from triptych.service.assistant.sign_in import SignIn
    tokens = TokenFile(workspace.runs_dir)
    now = datetime.now(UTC)
    count = sum(not each.is_expired(now) for each in tokens.read())
    resource = resource_address(port, public_hosts)
    issuer = SignIn(workspace.root, resource).issuer
    if not count and issuer is None:
        raise UsageError(
            "No token is valid, so no request would be answered.",
            where="mcp --http",
            next_step='Make one with "triptych mcp-tokens add NAME --role ROLE".',
        )
    print(
        f"Assistants: http://{host}:{port}{PATH}\n"
        f"REST: http://{host}:{port}{PREFIX}/openapi.json\n"
        + (f"Sign-in: {issuer}, for {resource}\n" if issuer else "")
        + f"Valid tokens: {count} (stop with Ctrl-C)",
        flush=True,
    )
    root = workspace.root
    desk = DeskOfToken(root, _dashboard_of(root), open_door(root))
    serve(desk, tokens, host=host, port=port, public_hosts=public_hosts)


@contextmanager
def _needing_the_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The library {error.name!r} is not installed.",
            where="mcp",
            next_step="Install it as triptych[mcp]: the quick start says how.",
        ) from error


def _check_role(role: str) -> None:
    from triptych.core.settings import access

    known = get_args(access.Role)
    if role not in known:
        raise UsageError(
            f"There is no role {role!r}.",
            where="--role",
            next_step=f"Roles are {', '.join(known)}.",
        )


tokens_app = typer.Typer(
    no_args_is_help=True,
    help="Tokens for assistants that ask over HTTP: add, list and revoke them.",
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Owner.")]


@tokens_app.command()
def add(
    name: NameArgument,
    *,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="Role of its bearer.")
    ],
    cost_centers: Annotated[
        list[str] | None,
        typer.Option(
            "--cost-center",
            metavar="ID",
            help="Only rows of this cost centre; may be repeated.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="How long it lets in.")] = 90,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Make a token and print it; it cannot be shown again."""
    from triptych.service.assistant.tokens import TokenFile

    _check_role(role)
    text = TokenFile(existing_workspace(workspace).runs_dir).add(
        name,
        cast("Role", role),
        days=days,
        cost_centers=tuple(cost_centers) if cost_centers else None,
    )
    print(text)


@tokens_app.command("list")
def list_(
    *,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """List the tokens: owner, role, expiry."""
    from triptych.service.assistant.tokens import TokenFile

    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "role": each.role,
            "cost_centers": each.cost_centers,
            "expires_at": each.expires_at,
            "is_expired": each.is_expired(datetime.now(UTC)),
        }
        for each in TokenFile(existing_workspace(workspace).runs_dir).read()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("name", "role", "cost centres", "lets in until"),
        [
            (
                row["name"],
                row["role"],
                "all"
                if row["cost_centers"] is None
                else ", ".join(row["cost_centers"]),
                f"{row['expires_at']}{' (expired)' if row['is_expired'] else ''}",
            )
            for row in rows
        ],
    )


@tokens_app.command()
def revoke(
    name: NameArgument,
    *,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Let nobody in with a token from now on."""
    from triptych.service.assistant.tokens import TokenFile

    TokenFile(existing_workspace(workspace).runs_dir).revoke(name)
    print(f"The token of {name} is revoked.")
