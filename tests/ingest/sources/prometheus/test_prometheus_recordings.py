"""Recorded samples: answers and exposition text, whole or refused."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.sources.prometheus.answer import read_answer
from ingest.sources.prometheus.options import AcceleratorOptions
from ingest.sources.prometheus.recordings import Recordings, read_exposition
from ingest.sources.prometheus.series import Series
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
)

EVENTS = Path(__file__).resolve().parents[5] / "shared/data/events"
SAMPLE = EVENTS / "dcgm/standin_metrics_after_rename.txt"
needs_samples = pytest.mark.skipif(
    not SAMPLE.is_file(), reason="the shared samples are not here"
)
MOMENT = int(datetime(2026, 11, 24, 22, 38, 30, tzinfo=UTC).timestamp()) * 1_000


def recordings(root: Path, pattern: str = ".") -> Recordings:
    return Recordings(pattern, root=root, source="metrics")


def answer(*series: tuple[dict[str, str], list[list[object]]], **more: object) -> str:
    result = [{"metric": labels, "values": values} for labels, values in series]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data, **more})


def read(text: str, label: str = "x.prom") -> list[Series]:
    return list(read_exposition(text, label=label))


def test_openmetrics_has_seconds_and_prometheus_text_milliseconds() -> None:
    [metrics] = read('m{a="1"} 2.5 1795559910.25\n# EOF\n')
    [text] = read('m{a="1"} 2.5 1795559910250\n')
    assert metrics == text
    assert metrics == Series(
        {"__name__": "m", "a": "1"}, [(1_795_559_910_250, Decimal("2.5"))]
    )


@needs_samples
def test_each_recorded_answer_has_the_points_that_stand_in_it() -> None:
    """Read beside from the JSON itself; DCGM's blank and NaN are no values.

    Answers of functions have no name, so they are named for this.
    """
    counts = {}
    for path in sorted((EVENTS / "prometheus").glob("range_*.json")):
        body = json.loads(path.read_text("utf-8"))
        expected = []
        for one in body["data"]["result"]:
            one["metric"]["__name__"] = name = one["metric"].get("__name__", path.stem)
            points = [
                (round(moment * 1_000), None if _is_blank(value) else Decimal(value))
                for moment, value in one["values"]
            ]
            expected.append((name, points))
        answered = read_answer(body, where=path.name).series
        found = [(one.metric, one.points) for one in answered]
        assert found == expected
        counts[path.stem.removeprefix("range_")] = sum(len(p) for _, p in expected)
    assert counts == {
        "empty": 0,
        "energy_rate": 28,
        "gpu_util_step1": 56,
        "gpu_util_step5": 10,
        "gr_engine_active": 56,
        "nan": 5,
        "sentinel": 5,
        "up": 35,
    }


def _is_blank(value: str) -> bool:
    return value == "NaN" or float(value) >= 2**63 - 16


@needs_samples
def test_what_is_asked_of_gpus_is_published_by_the_exporter_as_it_comes() -> None:
    lines = (EVENTS / "dcgm/default-counters.csv").read_text("utf-8").splitlines()
    told = [line.split(",") for line in lines if line and not line.startswith("#")]
    published = {name.strip(): text for name, _, text in (t[:3] for t in told)}
    asked = AcceleratorOptions(pool="gpu").activity
    assert [one.selector in published for one in asked] == [True, True]
    units = {"ratio": "Ratio of time", "percent": "(in %)"}
    assert all(units[one.unit] in published[one.selector] for one in asked)


@needs_samples
def test_a_sample_without_a_time_has_that_of_the_files_name() -> None:
    series = read(SAMPLE.read_text("utf-8"), "node_20261124T223830Z.prom")
    values = {
        (one.metric, one.labels["UUID"]): one.points
        for one in series
        if one.metric.startswith("DCGM_FI_PROF") or "TEMP" in one.metric
    }
    assert values == {
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "GPU-aaaa"): [(MOMENT, Decimal("0.037200"))],
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "GPU-bbbb"): [(MOMENT, Decimal("0.008246"))],
        ("DCGM_FI_DEV_MEMORY_TEMP", "GPU-bbbb"): [(MOMENT, None)],
    }


def test_an_exemplar_is_not_part_of_the_sample() -> None:
    line = 'm_bucket{le="1"} 5 10.5 # {trace_id="a # b"} 0.7 10.1\n# EOF\n'
    assert read(line)[0].points == [(10_500, Decimal(5))]
    [odd] = read('m{text="a # b {c}"} 5 10\n')
    assert odd.labels["text"] == "a # b {c}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("m 1\n", "x.prom:1: Nothing says of which time"),
        ("# HELP m\nm{a=1} 1 5\n", "x.prom:2"),
        ("m one 5\n", "no number"),
        ("hello there, world\n", "is no sample"),
        ("m 1 1e\n", "is no time"),
    ],
)
def test_a_line_that_is_no_sample_is_named(text: str, complaint: str) -> None:
    with pytest.raises(MalformedDeliveryError, match=complaint):
        read(text)


def test_files_of_a_folder_are_read_together_compressed_or_not(tmp_path: Path) -> None:
    labels = {"__name__": "m"}
    (tmp_path / "a.json").write_text(answer((labels, [[1, "1"], [2, "2"]])))
    with gzip.open(tmp_path / "b.json.gz", "wt") as file:
        file.write(answer((labels, [[2, "2"], [3, "3"]])))
    (tmp_path / "c.om").write_text("m 4 4\n# EOF\n")
    (tmp_path / "notes.md").write_text("not read")
    series, notes = recordings(tmp_path).series()
    [one] = series
    assert [value for _, value in one.points] == [1, 2, 3, 4]
    assert notes == []
    assert len(recordings(tmp_path, "*.json").found()) == 1
    assert [one.label for one in recordings(tmp_path, "a.json").found()] == ["a.json"]


def test_two_recordings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(answer(({"__name__": "m"}, [[1, "1"]])))
    (tmp_path / "b.json").write_text(answer(({"__name__": "m"}, [[1, "2"]])))
    with pytest.raises(MalformedDeliveryError, match="two values at one moment"):
        recordings(tmp_path).series()


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    error = {"status": "error", "errorType": "bad_data", "error": "parse error"}
    (tmp_path / "a.json").write_text(json.dumps(error))
    (tmp_path / "b.json").write_text(answer(({"le": "1"}, [[1, "1"]])))
    series, notes = recordings(tmp_path).series()
    assert series == []
    assert notes == [
        "a.json: Prometheus refuses the query (bad_data: parse error).",
        "b.json: 1 series without the name of a metric;"
        " record plain selectors, not functions",
    ]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", answer()[:40].encode(), "no JSON"),
        ("a.json.gz", gzip.compress(answer().encode(), mtime=0)[:30], "cannot be read"),
        ("a.om", b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_was_cut_short_is_refused(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MalformedDeliveryError, match=complaint):
        recordings(tmp_path).series()


def test_a_recorded_answer_with_a_part_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(answer(warnings=["store-2 timed out"]))
    with pytest.raises(IncompleteDeliveryError, match="store-2 timed out"):
        recordings(tmp_path).series()


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FatalSourceError, match="'nowhere' does not exist"):
        recordings(tmp_path, "nowhere").found()


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.om").write_text("m 1 1\n# EOF\n")
    before = recordings(tmp_path).fingerprint()
    (tmp_path / "a.om").write_text("m 1 1\n# EOF\n")
    assert recordings(tmp_path).fingerprint() == before
    (tmp_path / "a.om").write_text("m 2 1\n# EOF\n")
    assert recordings(tmp_path).fingerprint() != before
