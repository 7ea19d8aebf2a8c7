"""What local files hold is known by their content: no copy and no touch is news."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

import ingest.sources.events.connector
from ingest.engine.delivery_landing import DeliveryLanding
from ingest.engine.registry import connector_class
from ingest.sources.prometheus.recordings import Recordings
from ingest.storage.file_contents import FileContents
from tests.ingest.engine.test_runner import ask, ingest_all, write_rates
from triptych.core.lake.in_place import file_checksum

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.connector import Connector

FOCUS = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory\n"
    "12.50,12.50,EUR,2026-03-01,2026-03-01,2026-03-02,Usage\n"
)
CONTEXT = {
    "version": "0.4.1",
    "id": "1",
    "source": "/ci",
    "type": "dev.cdevents.service.deployed.0.1.1",
    "timestamp": "2026-03-05T10:00:00Z",
}
DEPLOYED = {
    "specversion": "0.4.1",
    "context": CONTEXT,
    "subject": {
        "id": "search",
        "type": "service",
        "content": {
            "environment": {"id": "production"},
            "artifactId": "pkg:oci/search@1",
        },
    },
}
SAMPLES = """\
# TYPE requests counter
requests_total{model="eta"} 10 1772668800
requests_total{model="eta"} 30 1772672400
# EOF
"""
SOURCES: dict[str, dict[str, Any]] = {
    "rates": {"type": "tables", "stream": "fx_rates", "path": "rates"},
    "bills": {"type": "focus_files", "path": "bills"},
    "events": {"type": "event_inbox", "path": "events"},
    "samples": {
        "type": "prometheus",
        "path": "samples",
        "usage": {"requests": ["requests_total"]},
        "mapping": [{"match": {"model": "*"}, "model": "${model}"}],
    },
}


def sources(root: Path, names: Iterable[str] = SOURCES) -> list[Connector]:
    bound = []
    for name in names:
        class_ = connector_class(SOURCES[name]["type"])
        bound.append(class_(class_.Config(name=name, **SOURCES[name]), root=root))
    return bound


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    for folder in ("bills", "events", "samples"):
        (root / folder).mkdir(parents=True)
    write_rates(root / "rates", 3)
    (root / "bills/march.csv").write_text(FOCUS)
    (root / "events/ci.jsonl").write_text(json.dumps(DEPLOYED) + "\n")
    (root / "samples/requests.om").write_text(SAMPLES)
    return root


@pytest.fixture
def landed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the labels of the deliveries that are read."""
    labels: list[str] = []
    land_together = DeliveryLanding.land_together

    def noting_land(self: Any, connector: Any, new: Any) -> Any:
        labels.extend(each.delivery.label for each in new)
        return land_together(self, connector, new)

    monkeypatch.setattr(DeliveryLanding, "land_together", noting_land)
    return labels


def test_a_copied_workspace_lands_nothing_again(
    workspace: Path, tmp_path: Path, landed: list[str]
) -> None:
    first = ingest_all(workspace, sources(workspace), "run-1")
    assert first.failures == []
    assert len(landed) == len(first.committed)
    assert {load.source for load in first.committed} == set(SOURCES)
    copy = tmp_path / "copy"
    # As "cp -r" does: all files have the time of the copy.
    shutil.copytree(workspace, copy, copy_function=shutil.copy)
    landed.clear()
    report = ingest_all(copy, sources(copy), "run-2")
    assert landed == []
    assert report.committed == []
    assert report.skipped_count == len(first.committed)


def test_a_file_that_was_touched_is_not_read_again_and_one_that_was_changed_is(
    workspace: Path, landed: list[str]
) -> None:
    ingest_all(workspace, sources(workspace), "run-1")
    (workspace / "bills/march.csv").touch()
    changed = workspace / "rates/rate-0001.csv"
    status = changed.stat()
    changed.write_text(changed.read_text().replace("2.5", "9.5"))
    # Size and time of modification are as before.
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    landed.clear()
    report = ingest_all(workspace, sources(workspace), "run-2")
    assert landed == ["rates/rate-0001.csv"]
    assert len(report.committed) == 1
    assert ask(workspace, "SELECT sum(rate) FROM evidence.fx_rates") == [(14.5,)]


def test_events_and_recordings_that_are_loaded_are_not_parsed_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = {**CONTEXT, "id": "2", "type": "dev.cdevents.testcaserun.started.0.2.0"}
    unread = {**DEPLOYED, "context": context}
    with (workspace / "events/ci.jsonl").open("a") as file:
        file.write(json.dumps(unread) + "\n")
    first = ingest_all(workspace, sources(workspace), "run-1")

    def never(*_: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(ingest.sources.events.connector, "read_events", never)
    monkeypatch.setattr(Recordings, "series", never)
    report = ingest_all(workspace, sources(workspace), "run-2")
    assert report.committed == []
    assert report.notes == first.notes
    assert any("testcaserun" in note for note in report.notes)


def test_a_checksum_is_remembered_only_of_a_file_that_has_settled(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("fresh")
    contents = FileContents()
    assert contents.checksum(path) == file_checksum(path)
    assert contents.unsaved(tmp_path) == []
    past = time.time() - 60
    os.utime(path, (past, past))
    assert contents.checksum(path) == file_checksum(path)
    [kept] = contents.unsaved(tmp_path)
    assert (kept.path, kept.byte_count) == ("bill.csv", 5)
    assert contents.unsaved(tmp_path) == []
    again = FileContents()
    again.learn([kept], tmp_path)
    assert again.checksum(path) == kept.checksum
    assert again.unsaved(tmp_path) == []


def test_a_file_that_cannot_be_read_has_a_fingerprint_all_the_same(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests may run as root, who may read everything."""
    refused = workspace / "bills/march.csv"

    def refusing(path: Path) -> str:
        if path == refused:
            raise PermissionError(path)
        return file_checksum(path)

    monkeypatch.setattr("ingest.storage.file_contents.file_checksum", refusing)
    assert FileContents().fingerprint(refused)
    with pytest.raises(PermissionError):
        FileContents().checksum(refused)
