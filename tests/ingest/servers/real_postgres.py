"""Starts a real PostgreSQL on loopback, in a temporary folder, for one test module.

It is Debian's package ``postgresql``, whose programs lie outside the search path; tests
that need it skip where it is not installed. A server refuses to run as root, so it then
runs as ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING_REASON = "no initdb and pg_ctl here (Debian package postgresql)"
PASSWORD = "p@ss/w:rd"
ADDRESS_PASSWORD = "p%40ss%2Fw%3Ard"


def _program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(versions[-1]) if versions else None)


def is_installed() -> bool:
    """Tell whether a server can be started."""
    return _program("initdb") is not None and _program("pg_ctl") is not None


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server with a database and an owner; yields its address."""
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        password_file = folder / "password"
        password_file.write_text(PASSWORD, "utf-8")
        password_file.chmod(0o644)
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        port = _free_port()
        _initialise(folder, password_file, user)
        options = f"-p {port} -h 127.0.0.1 -k {folder} -F"
        log = str(folder / "log")
        _run("pg_ctl", "-D", f"{folder}/data", "-w", "-l", log, "-o", options, "start",
             folder=folder, user=user)  # fmt: skip
        try:
            yield f"postgresql://owner:{ADDRESS_PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop",
                 folder=folder, user=user)  # fmt: skip


def execute(address: str, *statements: str) -> None:
    """Execute statements as the owner, for the side that writes."""
    dbapi = import_module("adbc_driver_postgresql.dbapi")
    with (
        dbapi.connect(address, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)


def _initialise(folder: Path, password_file: Path, user: str | None) -> None:
    _run(
        *("initdb", "-D", f"{folder}/data", "-U", "owner", "--no-sync"),
        *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        *("--locale=C", "--encoding=UTF8"),
        folder=folder,
        user=user,
    )


def _run(name: str, *arguments: str, folder: Path, user: str | None) -> None:
    as_user: dict[str, Any] = {"user": user, "extra_groups": []} if user else {}
    program = _program(name)
    assert program is not None
    # A server keeps what it inherits: a pipe would never end.
    subprocess.run(
        [program, *arguments],
        check=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=60,
        **as_user,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
