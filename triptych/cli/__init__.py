"""The command line: parse, call a function, print, exit code.

Exit codes: 0 fine · 1 unexpected · 2 usage or settings · 3 a source failed · 4 a dbt
model or test failed · 5 an estimate was refused · 6 not reconciled · 7 another run
holds the lock · 8 stale · 9 the last run failed · 130 stopped with Ctrl-C.

Heavy modules are imported inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import gc
import os

from triptych.cli.accrue_command import accrue
from triptych.cli.alert_commands import alerts, notify
from triptych.cli.application import new_application
from triptych.cli.attribute_command import attribute
from triptych.cli.audit_commands import audit, verify
from triptych.cli.close_commands import close, reopen
from triptych.cli.comment_command import comment
from triptych.cli.connector_commands import connector
from triptych.cli.dashboard_commands import dashboard, demo
from triptych.cli.discover_command import discover
from triptych.cli.explain_command import explain
from triptych.cli.export_commands import export
from triptych.cli.load_commands import loads, withdraw
from triptych.cli.mcp_command import mcp, tokens_app
from triptych.cli.prune_command import prune
from triptych.cli.quarantine_commands import quarantine
from triptych.cli.receive_command import receive
from triptych.cli.reconcile_command import reconcile
from triptych.cli.recover_command import recover, upgrade
from triptych.cli.run_commands import build, ingest, own_models, run
from triptych.cli.scenario_commands import scenario
from triptych.cli.service_commands import health, metrics
from triptych.cli.source_commands import source
from triptych.cli.sql_command import sql
from triptych.cli.study_commands import study
from triptych.cli.value_commands import assumption, value
from triptych.cli.workspace_commands import check, init, status

#: Permissions of the group and of others.
_OTHERS = 0o077
#: New objects between two collections of garbage. Reading makes many and frees most
#: by reference counts; the collector took a sixth of its time.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000

app = new_application(
    {
        "init": init,
        "demo": demo,
        "check": check,
        "discover": discover,
        "ingest": ingest,
        "build": build,
        "run": run,
        "attribute": attribute,
        "reconcile": reconcile,
        "accrue": accrue,
        "close": close,
        "reopen": reopen,
        "comment": comment,
        "explain": explain,
        "sql": sql,
        "status": status,
        "prune": prune,
        "recover": recover,
        "upgrade": upgrade,
        "withdraw": withdraw,
        "health": health,
        "metrics": metrics,
        "dashboard": dashboard,
        "receive": receive,
        "mcp": mcp,
        "notify": notify,
        "export": export,
        "audit": audit,
        "verify": verify,
        "loads": loads,
        "source": source,
        "quarantine": quarantine,
        "connector": connector,
        "study": study,
        "value": value,
        "assumption": assumption,
        "scenario": scenario,
        "own-models": own_models,
        "mcp-tokens": tokens_app,
        "alerts": alerts,
    }
)


def main() -> None:
    """Run the command line; only the user can read the files it writes."""
    os.umask(os.umask(_OTHERS) | _OTHERS)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    app()


__all__ = ["app", "main"]
