"""Reports of OpenShift's metrics operator: pods, GPUs, MIG instances and nodes."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from ingest.connector import Window
from ingest.sources.kubernetes.openshift_metrics import OpenshiftMetricsConfig
from ingest.testing import ConnectorCase, ConnectorContract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START = datetime(2026, 6, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
GIBIBYTE_HOUR = 2**30 * 3600
MAPPING = [
    {"match": {"labels.model": "*"}, "model": "${labels.model}"},
    {"match": {"cluster": "ocp"}, "pool": "ocp-cluster"},
]
HOURS = (
    "SELECT model_id, sum(requested_gpu_hours), sum(requested_cpu_core_hours),"
    " sum(used_cpu_core_hours), sum(capacity_gpu_hours), sum(capacity_cpu_core_hours)"
    " FROM evidence.opencost_allocation GROUP BY ALL ORDER BY ALL"
)


def interval(start: datetime) -> dict[str, str]:
    """Return the common fields, as the operator writes times."""

    def written(moment: datetime) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC"

    month = start.replace(day=1, hour=0)
    return {
        "report_period_start": written(month),
        "report_period_end": written((month + timedelta(days=31)).replace(day=1)),
        "interval_start": written(start),
        "interval_end": written(start + HOUR - timedelta(seconds=1)),
    }


def pod(start: datetime, name: str, *, cores: float, labels: str) -> dict[str, object]:
    """Return a pod that requests its cores and uses half of them, on 16 cores."""
    return {
        **interval(start),
        "pod": name,
        "namespace": "serving",
        "node": "n1",
        "resource_id": "i-1",
        "pod_usage_cpu_core_seconds": cores * 1800,
        "pod_request_cpu_core_seconds": cores * 3600,
        "pod_usage_memory_byte_seconds": GIBIBYTE_HOUR,
        "pod_request_memory_byte_seconds": 2 * GIBIBYTE_HOUR,
        "node_capacity_cpu_core_seconds": 16 * 3600,
        "node_capacity_memory_byte_seconds": 64 * GIBIBYTE_HOUR,
        "pod_labels": labels,
    }


def gpu(
    start: datetime, name: str, *, device: str, profile: str = "", model: str = "A100"
) -> dict[str, object]:
    return {
        **interval(start),
        "node": "n1",
        "namespace": "serving",
        "pod": name,
        "gpu_uuid": device,
        "gpu_model_name": model,
        "gpu_pod_uptime": 3600,
        "mig_instance_id": f"MIG-{name}" if profile else "None",
        "mig_profile": profile or "None",
    }


@dataclass
class Cluster:
    """The operator's folder."""

    folder: Path
    pods: list[dict[str, object]] = field(default_factory=list)
    gpus: list[dict[str, object]] = field(default_factory=list)
    node_labels: str = "label_nvidia_com_gpu_count:2|label_nvidia_com_gpu_product:A100"

    def add_hour(self, start: datetime) -> None:
        """Eta holds three slices and a whole GPU, vision one slice; 2 GPUs there."""
        self.pods += [
            pod(start, "eta-0", cores=4, labels="label_model:eta|label_team:ml"),
            pod(start, "vision-0", cores=2, labels="label_model:vision"),
        ]
        self.gpus += [
            gpu(start, "eta-0", device="GPU-1", profile="3g.20gb"),
            gpu(start, "eta-0", device="GPU-2"),
            gpu(start, "vision-0", device="GPU-1", profile="1g.5gb"),
        ]

    def deliver(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self._write("cm-pod-usage.csv", self.pods)
        self._write("cm-gpu-usage.csv", self.gpus)
        nodes = [{**interval(START), "node": "n1", "node_labels": self.node_labels}]
        self._write("cm-node-labels.csv", nodes)
        labels = {"namespace": "serving", "namespace_labels": "label_stage:live"}
        self._write("cm-namespaces.csv", [{**interval(START), **labels}])

    def _write(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    cluster = Cluster(tmp_path / "reports")
    cluster.add_hour(START)
    cluster.add_hour(START + HOUR)
    cluster.deliver()
    return cluster


@pytest.fixture
def case(cluster: Cluster, tmp_path: Path) -> ConnectorCase:
    """Two hours of two pods, three GPU rows and one row of the node's rest."""

    def deliver_late() -> dict[str, Decimal]:
        cluster.add_hour(START + 2 * HOUR)
        cluster.deliver()
        return {}

    def deliver_hostile() -> int:
        cluster.pods += [
            {**pod(START, "bad-0", cores=1, labels=""), "pod_usage_cpu_core_seconds": 1}
            | {"pod_request_cpu_core_seconds": -1},
            {**pod(START, "bad-1", cores=1, labels="")}
            | {"pod_usage_memory_byte_seconds": "much"},
        ]
        cluster.gpus.append(
            gpu(START, "bad-2", device="G", profile="1g.5gb", model="T4")
        )
        cluster.deliver()
        return 3

    return ConnectorCase(
        connector_type="openshift_metrics",
        options={"path": "reports", "cluster": "ocp", "mapping": MAPPING},
        root=tmp_path,
        expected_rows=12,
        expected_money={},
        deliver_again=(cluster.folder / "cm-pod-usage.csv").touch,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
    )


class TestOpenshiftMetricsContract(ConnectorContract):
    """The fixture above is its case."""


def test_slices_whole_gpus_and_cores_are_read_with_what_the_node_had(
    case: ConnectorCase,
) -> None:
    """Two hours: eta (3 + 7) / 7 of a GPU each, vision 1/7; 2 GPUs, 16 cores there."""
    case.ingest()
    found = [
        (model, None if held is None else round(Decimal(str(held)) * 7, 9), *rest)
        for model, held, *rest in case.query(HOURS)
    ]
    assert found == [
        ("eta", 20, 8, 4, None, None),
        ("vision", 2, 4, 2, None, None),
        (None, None, None, None, 4, 32),
    ]


def test_reports_that_were_written_again_count_once(
    case: ConnectorCase, cluster: Cluster
) -> None:
    """The operator collects hours again when it is set up again.

    Two pods hold 10 of 16 cores, and eta one GPU and 3 / 7 of another.
    """
    cluster.pods.clear()
    cluster.gpus.clear()
    cluster.add_hour(START)
    cluster.pods.append(pod(START, "eta-1", cores=4, labels="label_model:eta"))
    cluster.deliver()
    shutil.copytree(cluster.folder, cluster.folder / "again")
    case.ingest()
    found = [
        (model, None if held is None else round(Decimal(str(held)) * 7, 9), *rest)
        for model, held, *rest in case.query(HOURS)
    ]
    assert found == [
        ("eta", 10, 8, 4, None, None),
        ("vision", 1, 2, 1, None, None),
        (None, None, None, None, 2, 16),
    ]


def test_an_interval_ends_with_its_hour_and_a_node_has_its_id(
    case: ConnectorCase,
) -> None:
    case.ingest()
    rows = case.query(
        "SELECT DISTINCT period_end - period_start, provider_id, pool_id, cluster"
        " FROM evidence.opencost_allocation"
    )
    assert rows == [(HOUR, "i-1", "ocp-cluster", "ocp")]


def test_labels_of_pods_and_namespaces_can_be_matched(case: ConnectorCase) -> None:
    rule = {"match": {"labels.stage": "live", "labels.team": "ml"}, "model": "ml"}
    case.options["mapping"] = [rule]
    case.ingest()
    models = "SELECT DISTINCT model_id FROM evidence.opencost_allocation ORDER BY ALL"
    assert case.query(models) == [("ml",), (None,)]


def test_a_device_held_by_two_pods_is_shared_evenly_and_it_is_said(
    case: ConnectorCase, cluster: Cluster
) -> None:
    cluster.gpus = [gpu(START, name, device="GPU-1") for name in ("eta-0", "vision-0")]
    cluster.deliver()
    case.ingest()
    rows = case.query(
        "SELECT pod, requested_gpu_hours, gpu_basis FROM evidence.opencost_allocation"
        " WHERE gpu_basis IS NOT NULL ORDER BY ALL"
    )
    half = Decimal("0.5")
    assert rows == [
        ("eta-0", half, "shared_evenly"),
        ("vision-0", half, "shared_evenly"),
    ]


def test_with_one_profile_for_all_the_label_counts_instances_and_is_not_taken(
    case: ConnectorCase, cluster: Cluster
) -> None:
    cluster.node_labels = (
        "label_nvidia_com_gpu_count:14|label_nvidia_com_mig_strategy:single"
    )
    cluster.deliver()
    case.ingest()
    had = "SELECT sum(capacity_gpu_hours) FROM evidence.opencost_allocation"
    assert case.query(had) == [(None,)]
    case.options["gpus"] = [{"match": {"node": "n1"}, "per_node": 2}]
    case.ingest()
    assert case.query(had) == [(4,)]


def test_files_of_something_else_are_passed_over_and_said(
    case: ConnectorCase, cluster: Cluster
) -> None:
    (cluster.folder / "storage.csv").write_text("persistentvolume,node\npv-1,n1\n")
    report = case.ingest()
    [note] = report.notes
    assert note.startswith("reports/storage.csv: no report")


def test_a_window_picks_the_months(case: ConnectorCase) -> None:
    july = Window(datetime(2026, 7, 1, tzinfo=UTC).date(), None)
    assert list(case.connector().deliveries(july)) == []
    [delivery] = case.connector().deliveries(Window())
    assert delivery.scope == delivery.period == "2026-06"


def test_a_rule_about_what_no_workload_has_is_refused() -> None:
    rule = {"match": {"team": "ml"}, "model": "x"}
    with pytest.raises(ValidationError, match="known labels: cluster, node"):
        OpenshiftMetricsConfig(
            name="o", type="openshift_metrics", path="a", cluster="c", mapping=[rule]
        )


def test_the_generated_reports_say_what_they_say(
    tmp_path: Path, shared_data: Path
) -> None:
    """72 hours of one node with 96 cores and 1152 GiB, worked out from one hour.

    Requested: 16 + 2 + 2 cores, 128 + 8 + 8 GiB. ranker-7b used 9 cores and held two
    GPUs, embed-small used 1; what prometheus used is summed from the file.
    """
    reports = shared_data / "nise" / "ocp"
    with next(reports.glob("*pod_usage.csv")).open(encoding="utf-8") as file:
        seconds = [
            Decimal(row["pod_usage_cpu_core_seconds"])
            for row in csv.DictReader(file)
            if row["pod"] == "prometheus-0"
        ]
    for path in reports.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    case = ConnectorCase(
        "openshift_metrics",
        {
            "path": "*.csv",
            "cluster": "gpu-cluster-1",
            "mapping": [MAPPING[0]],
            "gpus": [{"match": {"node": "gpu-a100-0"}, "per_node": 8}],
        },
        tmp_path,
        3 * 72 + 2 * 72 + 72,
        {},
        lambda: None,
        dict,
        lambda: 0,
    )
    report = case.ingest()
    assert report.failures == []
    assert [load.quarantined_row_count for load in report.committed] == [0]
    totals = {row[0]: row[1:] for row in case.query(HOURS)}
    assert totals["ranker-7b"] == (144, 16 * 72, 9 * 72, None, None)
    assert totals["embed-small"] == (None, 2 * 72, 72, None, None)
    [gpus, requested, core_hours, had, cores] = totals[None]
    assert (gpus, requested, had, cores) == (None, 2 * 72, 8 * 72, 96 * 72)
    assert abs(Decimal(str(core_hours)) - sum(seconds, Decimal(0)) / 3600) < Decimal(
        "1e-12"
    )
    memory = case.query(
        "SELECT sum(requested_memory_gibibyte_hours),"
        " sum(capacity_memory_gibibyte_hours), max(gpu_model), max(provider_id)"
        " FROM evidence.opencost_allocation"
    )
    assert memory == [(144 * 72, 1152 * 72, "A100", "i-10000001")]
