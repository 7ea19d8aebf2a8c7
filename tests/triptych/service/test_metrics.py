"""Metrics as Prometheus' own parser reads them, with figures added up by hand."""

from __future__ import annotations

import os
import socket
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.triptych.service.test_health import PUBLISHED, holder, record
from triptych.cli import app
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.service.metrics import Metric, collect, render, write

if TYPE_CHECKING:
    from pathlib import Path

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

#: A process id above any that this machine gives.
NOBODY = 2**22 + 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    return tmp_path


def parsed(text: str) -> Samples:
    """Return every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def samples(root: Path, *, age: timedelta = timedelta(hours=1)) -> Samples:
    found = collect(Workspace(root), load_settings(root), now=PUBLISHED + age)
    return parsed(render(found))


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"triptych_{name}", frozenset(labels.items())]


def test_a_run_that_went_well_says_when_how_long_and_what_warned(root: Path) -> None:
    publish(root)
    record(root, "published", warnings=["assert_a", "assert_b"], failures=[])
    found = samples(root)
    assert value(found, "last_run_success") == 1
    assert value(found, "last_run_duration_seconds") == 90
    assert value(found, "last_run_start_timestamp_seconds") == PUBLISHED.timestamp()
    assert value(found, "last_run_failed_tests", severity="warn") == 2
    assert value(found, "last_run_failed_tests", severity="error") == 0
    assert value(found, "last_run_failed_sources") == 0
    # 2026-09-30 05:30 UTC, by another way than the one that wrote it
    assert value(found, "published_timestamp_seconds") == 1_790_746_200
    assert value(found, "published_age_seconds") == 3600


def test_a_failed_run_counts_the_tests_that_failed(root: Path) -> None:
    publish(root)
    record(root, "failed", error="no", failed_nodes=["assert_ledger"])
    found = samples(root)
    assert value(found, "last_run_success") == 0
    assert value(found, "last_run_failed_tests", severity="error") == 1
    assert value(found, "health", state="failed") == 1
    assert value(found, "health", state="fresh") == 0


def test_a_run_under_way_has_neither_failed_nor_succeeded(root: Path) -> None:
    publish(root)
    record(root, "building")
    holder(root, os.getpid(), socket.gethostname())
    assert not [name for name, _ in samples(root) if name.endswith("_success")]
    holder(root, NOBODY, socket.gethostname())
    assert value(samples(root), "last_run_success") == 0


def test_a_source_that_failed_is_no_success_though_the_run_was_published(
    root: Path,
) -> None:
    publish(root)
    record(root, "published", failures=["aws: expired"])
    found = samples(root)
    assert value(found, "last_run_success") == 0
    assert value(found, "last_run_failed_sources") == 1


def test_what_does_not_tie_is_added_up_both_ways(root: Path) -> None:
    publish(root)
    found = samples(root)
    # 5.50 of Google's invoice, 120 charged by Railway without an invoice, 15 invoiced
    # by Mailer without a charge; one too high does not make up for one too low.
    amount = value(
        found, "unreconciled_amount", billing_month="2026-09", currency="EUR"
    )
    assert amount == pytest.approx(140.5)
    assert len([key for key in found if "unreconciled" in key[0]]) == 1


def test_freshness_is_told_of_each_source_and_stream(root: Path) -> None:
    publish(root, "stale")
    found = samples(root)
    assert value(found, "source_stale", source="aws", stream="focus") == 1
    assert value(found, "source_stale", source="usage", stream="model_usage") == 0
    lag = value(found, "source_expected_lag_seconds", source="aws", stream="focus")
    assert lag == 48 * 3600
    assert value(found, "source_quarantined_rows", source="aws", stream="focus") == 1
    newest = {
        dict(labels)["source"]: value
        for (name, labels), value in found.items()
        if name == "triptych_source_newest_evidence_timestamp_seconds"
        and dict(labels)["stream"] == "focus"
    }
    # 2026-09-16 00:00 UTC. What never delivered has none: unknown is not zero.
    assert newest == {"aws": 1_789_516_800}


def test_a_workspace_that_never_ran_says_that_it_is_stale_and_no_more(
    root: Path,
) -> None:
    found = samples(root)
    assert {name for name, _ in found} == {"triptych_health"}
    assert value(found, "health", state="stale") == 1


def test_labels_that_hold_quotes_and_line_breaks_survive() -> None:
    odd = 'a "quoted"\nback\\slash'
    text = render((Metric("triptych_odd", "Odd\nhelp.", (({"source": odd}, 1.5),)),))
    assert parsed(text) == {("triptych_odd", frozenset({("source", odd)})): 1.5}


def test_the_file_is_replaced_whole_and_others_may_read_it(root: Path) -> None:
    target = root / "triptych.prom"
    target.write_text("old")
    before = target.stat().st_ino
    write(collect(Workspace(root), load_settings(root)), target)
    assert parsed(target.read_text())
    assert target.stat().st_ino != before
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert sorted(path.name for path in root.iterdir()) == [
        "triptych.prom",
        "triptych.yml",
    ]


def test_the_command_prints_what_it_would_write(root: Path) -> None:
    publish(root)
    record(root, "published")
    printed = CliRunner().invoke(app, ["metrics", "-w", str(root)])
    assert printed.exit_code == 0
    target = root / "out.prom"
    told = CliRunner().invoke(
        app, ["metrics", "-w", str(root), "--output", str(target)]
    )
    assert (told.exit_code, told.stdout) == (0, "")
    written, shown = parsed(target.read_text()), parsed(printed.stdout)
    aged = ("triptych_published_age_seconds", frozenset[tuple[str, str]]())
    assert written.pop(aged) >= shown.pop(aged)
    assert written == shown


def test_a_file_that_cannot_be_written_is_told_in_one_sentence(root: Path) -> None:
    target = root / "nowhere" / "out.prom"
    told = CliRunner().invoke(
        app, ["metrics", "-w", str(root), "--output", str(target)]
    )
    assert told.exit_code == 2
    assert "The metrics cannot be written: No such file or directory." in told.stderr
