"""What a campaign of kills does to a company, and what it looks at afterwards."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.campaigns.failing_disk import Changes, Disk, set_clock
from tests.e2e.cases.closing_case import CLOSED, HEADER, MARCH, SETTINGS, charge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

#: Published figures that are compared, without what names the run or the moment.
_FIGURES = {
    "ledger": "SELECT * FROM cost.mart_cost_waterfall",
    "models": "SELECT * FROM cost.fct_daily_model_costs",
    "months": "SELECT * FROM core.mart_month_completeness",
    "states": "SELECT billing_month, state FROM cost.mart_period_states",
    "adjusted": "SELECT locked_month, source, sum(billed_cost)"
    " FROM cost.mart_period_adjustments GROUP BY ALL",
}
_DIGITS = re.compile(r"[0-9a-fTZ:+.-]*\d[0-9a-fTZ:+.-]*")


@dataclass(frozen=True, slots=True)
class Act:
    """A command, what is done to the workspace before it, and whether it builds."""

    name: str
    command: tuple[str, ...]
    prepare: Callable[[Path], None]
    builds: bool = False


def deliver(root: Path) -> None:
    """Restate March and bring May."""
    bills = {
        "2026-03": (*MARCH, charge("900.00", "API", model="eta")),
        "2026-05": (charge("4.00", "API", day="2026-05-05", bill="2026-05"),),
    }
    for month, charges in bills.items():
        (root / "bills" / f"{month}.csv").write_text(HEADER + "".join(charges))


def lose_the_catalogue(root: Path) -> None:
    """Lose ``raw.duckdb``."""
    (root / "raw.duckdb").unlink()


def rename_in_settings(root: Path) -> None:
    """Give a source another name in the settings."""
    settings = SETTINGS.replace("name: bills,", "name: cloud,")
    (root / "triptych.yml").write_text(settings)


def nothing(_root: Path) -> None:
    """Change nothing."""


_SIGNED = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
ACTS = (
    Act("ingest", ("ingest",), deliver),
    Act("run", ("run",), deliver, builds=True),
    Act("close", ("close", "--period", CLOSED, *_SIGNED), nothing, builds=True),
    Act("withdraw", ("withdraw", "bills", "--because", "wrong"), nothing),
    Act("recover", ("recover",), lose_the_catalogue),
    Act(
        "rename",
        ("source", "rename", "bills", "cloud", "--because", "moved"),
        rename_in_settings,
    ),
)


@cache
def command_line() -> Callable[[list[str]], Any]:
    """Return the command line; a campaign makes it once, for all of its processes."""
    from typer.main import get_command

    from triptych.cli import app

    return get_command(app)


def commanded(
    root: Path, command: Sequence[str], disk: Disk | None = None, days: int = 0
) -> dict[str, int]:
    """Run a command of the command line; return its exit code and count of changes."""
    changes = Changes(disk or Disk("count"))
    changes.install()
    if days:
        set_clock(days)
    arguments = [*command, "--workspace", str(root)]
    try:
        command_line()(arguments)
    except SystemExit as end:
        return {"code": int(end.code or 0), "changes": changes.count}
    return {"code": 0, "changes": changes.count}


def looked_at(root: Path) -> dict[str, Any]:
    """Return what readers see and what health says."""
    from triptych.core.run_record import read_last_run
    from triptych.core.settings import load_settings
    from triptych.core.workspace import Workspace
    from triptych.service.health import judge

    workspace = Workspace(root)
    health = judge(workspace, load_settings(root))
    last = read_last_run(workspace.runs_dir)
    return {
        "figures": _figures(root),
        "health": health.state,
        "reasons": [_DIGITS.sub("#", reason) for reason in health.reasons],
        "is_cut_off": last is not None and not last.is_over,
    }


def _figures(root: Path) -> str:
    from triptych.core.warehouse.reader import (
        NothingPublishedError,
        PublishedFileError,
        PublishedReader,
    )

    try:
        snapshot = PublishedReader(root).snapshot()
        rows = {
            name: sorted(map(str, snapshot.query(sql).to_pylist()))
            for name, sql in _FIGURES.items()
        }
    except NothingPublishedError:
        return "nothing published"
    except PublishedFileError:
        return "damaged"
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def facts(root: Path) -> dict[str, Any]:
    """Return the loads, the money that counts, what is logged, and what readers see."""
    from triptych.core.lake.catalogue_file import connect

    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        loads = raw.execute(
            "SELECT source, stream, scope, superseded_by = 'withdrawn', status,"
            " row_count, checksums::VARCHAR FROM catalogue.loads"
            " WHERE stream NOT LIKE 'locked%' ORDER BY ALL"
        ).fetchall()
        money = raw.execute(
            'SELECT _source, "BillingCurrency", sum("BilledCost")::VARCHAR'
            " FROM evidence.focus GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        logged = raw.execute(
            "SELECT event, count(*) FROM catalogue.audit_log GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    return {"loads": loads, "money": money, "logged": logged, **looked_at(root)}
