"""OpenCost and Kubecost: whole hours of a running one, recorded answers, prices."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.connector import Window
from ingest.sources.kubernetes.opencost import OpencostConfig
from ingest.sources.kubernetes.opencost_answers import allocations_of
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, ScriptedServer, status
from tests.ingest.servers.opencost_cluster import (
    HOUR,
    OpencostCluster,
    answer,
    idle,
    mig,
    whole_gpu,
    workload,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, assert_whole
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
)

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "very-secret-token-of-the-proxy"
YESTERDAY = datetime.now(UTC).replace(
    hour=0, minute=0, second=0, microsecond=0
) - timedelta(days=1)
MORNING = datetime(2026, 6, 28, 6, tzinfo=UTC)
MAPPING = [
    {"match": {"labels.model": "*"}, "model": "${labels.model}"},
    {"match": {"cluster": "gpu"}, "pool": "gpu-cluster"},
]
HOURS = (
    "SELECT model_id, pool_id, kind, sum(requested_gpu_hours), sum(used_gpu_hours),"
    " sum(capacity_gpu_hours) FROM evidence.opencost_allocation"
    " GROUP BY ALL ORDER BY ALL"
)


def an_hour(start: datetime) -> list[dict[str, Any]]:
    """Return an hour of a node with 8 GPUs: eta holds 2, vision 1, and 5 are idle."""
    return [
        workload(start, "eta-0", labels={"model": "eta"}, gpus=2, gpu=whole_gpu(0.75)),
        workload(
            start, "vision-0", labels={"model": "vision"}, gpus=1, gpu=whole_gpu(0.5)
        ),
        workload(start, "logs-0", namespace="platform"),
        idle(start, gpus=5, cores=10),
    ]


def hostile(start: datetime) -> list[Any]:
    """Return entries of which no reading can be made."""
    bad = workload(start, "bad-0", gpus=1)
    return [
        {**bad, "name": "negative", "gpuHours": -1},
        {**bad, "name": "unreadable", "ramByteHours": "much"},
        {**bad, "name": "unknown", "gpuAllocation": mig("1g.5gb", "NVIDIA X900")},
        {**bad, "name": "percent", "gpuAllocation": whole_gpu(55.0)},
        {**bad, "name": "timeless", "window": {}, "start": "", "end": ""},
    ]


HOSTILE_REASONS = {
    "negative_quantity",
    "unreadable_quantity",
    "unknown_gpu_model_with_mig",
    "gpu_usage_is_no_ratio",
    "period_start_missing",
}


@pytest.fixture
def cluster(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> OpencostCluster:
    """Two hours of yesterday: eight allocations."""
    monkeypatch.setenv("OPENCOST_TOKEN", TOKEN)
    entries = [*an_hour(YESTERDAY + 9 * HOUR), *an_hour(YESTERDAY + 20 * HOUR)]
    return OpencostCluster(server, entries)


def live_case(cluster: OpencostCluster, root: Path, **options: object) -> ConnectorCase:
    def deliver_late() -> dict[str, Decimal]:
        cluster.entries += an_hour(YESTERDAY + 10 * HOUR)
        return {}

    def deliver_hostile() -> int:
        bad = [each for each in hostile(YESTERDAY + 9 * HOUR) if each["window"]]
        cluster.entries += bad
        return len(bad)

    return ConnectorCase(
        connector_type="opencost",
        options={
            "base_url": cluster.server.url,
            "token_variable": "OPENCOST_TOKEN",
            "mapping": MAPPING,
            "hours_per_request": 12,
            "timeout_seconds": 1,
            "look_back_days": 2,
            **options,
        },
        root=root,
        expected_rows=8,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


def recorded(folder: Path, name: str, *steps: list[Any]) -> Path:
    """Record an answer; entries of a step are keyed by their names."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(answer(steps)), encoding="utf-8")
    return path


def folder_case(root: Path, **options: object) -> ConnectorCase:
    folder = root / "answers"
    first = recorded(folder, "28.json", an_hour(MORNING), an_hour(MORNING + HOUR))

    def deliver_late() -> dict[str, Decimal]:
        recorded(folder, "28.json", an_hour(MORNING), [*an_hour(MORNING + 2 * HOUR)])
        return {}

    def deliver_hostile() -> int:
        good = [e for n in range(3, 6) for e in an_hour(MORNING + n * HOUR)]
        bad = hostile(MORNING)
        recorded(folder, "hostile.json", [*good[:4], *bad], good[4:8], good[8:])
        return len(bad)

    return ConnectorCase(
        connector_type="opencost",
        options={"path": "answers", "mapping": MAPPING, **options},
        root=root,
        expected_rows=8,
        expected_money={},
        deliver_again=lambda: first.rename(folder / "again.json"),
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
    )


class TestOpencostContract(ConnectorContract):
    @pytest.fixture
    def case(self, cluster: OpencostCluster, tmp_path: Path) -> ConnectorCase:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        cluster.entries += an_hour(now - HOUR)
        case = live_case(cluster, tmp_path)
        case.expected_rows += 4
        return case


@pytest.mark.full
class TestOpencostFolderContract(ConnectorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        return folder_case(tmp_path)


@pytest.mark.full
class TestOpencostMisbehaviour(SurvivesMisbehaviour):
    names_credential = "OPENCOST_TOKEN"

    @pytest.fixture
    def case(self, cluster: OpencostCluster, tmp_path: Path) -> ConnectorCase:
        return live_case(cluster, tmp_path)

    def test_pages_that_go_in_a_circle_end_with_a_clear_message(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        """Windows take the place of pages: each is asked for once, whatever comes."""
        assert_whole(case)
        hours = [r.one("window") for r in server.requests if r.one("step") == "1h"]
        assert len(hours) == len(set(hours)) == 2


def test_each_reading_has_its_model_its_pool_and_its_gpus(tmp_path: Path) -> None:
    """Two hours: eta 2 x 2 requested and 75 % of it used; 8 GPUs there each hour."""
    case = folder_case(tmp_path)
    case.ingest()
    assert case.query(HOURS) == [
        ("eta", "gpu-cluster", "workload", 4, 3, None),
        ("vision", "gpu-cluster", "workload", 2, 1, None),
        (None, "gpu-cluster", "idle", None, None, 16),
        (None, "gpu-cluster", "workload", 0, None, None),
    ]


def test_a_workload_without_a_pool_belongs_to_the_one_named_like_its_cluster(
    tmp_path: Path,
) -> None:
    case = folder_case(tmp_path, mapping=MAPPING[:1])
    case.ingest()
    pools = "SELECT DISTINCT pool_id FROM evidence.opencost_allocation"
    assert case.query(pools) == [("gpu",)]


def test_unknown_keys_stay_with_the_row(tmp_path: Path) -> None:
    case = folder_case(tmp_path)
    entry = {**workload(MORNING, "eta-0"), "carbonGrams": 12.5, "pvs": {"a": 1}}
    recorded(tmp_path / "answers", "28.json", [entry])
    case.ingest()
    [[raw]] = case.query("SELECT raw FROM evidence.opencost_allocation")
    assert json.loads(str(raw)) == entry


def test_hostile_entries_are_told_apart_by_their_reason(tmp_path: Path) -> None:
    case = folder_case(tmp_path)
    case.deliver_hostile()
    case.ingest()
    reasons = case.query("SELECT DISTINCT reason FROM catalogue.quarantine")
    assert {row[0] for row in reasons} == HOSTILE_REASONS


def test_an_answer_that_is_mostly_refused_is_not_loaded(tmp_path: Path) -> None:
    case = folder_case(tmp_path)
    recorded(tmp_path / "answers", "28.json", [*hostile(MORNING), idle(MORNING)])
    [failure] = case.ingest().failures
    assert isinstance(failure.error, MalformedDeliveryError)
    assert "5 of 6 rows cannot count" in str(failure.error)


def test_an_entry_that_is_no_allocation_at_all_is_kept_and_refused(
    tmp_path: Path,
) -> None:
    case = folder_case(tmp_path)
    body = answer([an_hour(MORNING)])
    body["data"][0]["odd"] = "not an object"
    (tmp_path / "answers" / "28.json").write_text(json.dumps(body), encoding="utf-8")
    report = case.ingest()
    assert report.failures == []
    [[content]] = case.query("SELECT row_content FROM catalogue.quarantine")
    assert "not an object" in str(content)


def test_compressed_answers_are_read(tmp_path: Path) -> None:
    case = folder_case(tmp_path)
    plain = tmp_path / "answers" / "28.json"
    packed = plain.with_name("28.json.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert_whole(case)


def test_a_changed_rule_reads_what_is_there_again(tmp_path: Path) -> None:
    folder_case(tmp_path).ingest()
    changed = [{"match": {"namespace": "serving"}, "model": "all"}, *MAPPING[1:]]
    case = folder_case(tmp_path, mapping=changed)
    case.run_count = 1
    case.ingest()
    models = "SELECT DISTINCT model_id FROM evidence.opencost_allocation ORDER BY ALL"
    assert case.query(models) == [("all",), (None,)]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"{", "cannot be read"),
        (b'{"code": 200, "data": {"a": 1}}', "no answer of the allocation API"),
        (b'{"items": []}', "no answer of the allocation API"),
        (b'{"code": 500, "message": "no Prometheus", "data": null}', "no Prometheus"),
    ],
)
def test_a_file_that_holds_something_else_says_so(
    tmp_path: Path, content: bytes, part: str
) -> None:
    case = folder_case(tmp_path)
    (tmp_path / "answers" / "28.json").write_bytes(content)
    [failure] = case.ingest().failures
    assert isinstance(failure.error, FatalSourceError)
    assert part in str(failure.error)
    assert "28.json" in str(failure.error)


def test_no_recorded_answer_is_a_finding(tmp_path: Path) -> None:
    case = folder_case(tmp_path)
    (tmp_path / "answers" / "28.json").unlink()
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert ".json" in finding.next_step


def test_whole_hours_are_asked_for_with_idle_by_node(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    live_case(cluster, tmp_path, resolution="30s").ingest()
    by_day, *by_hour = cluster.server.requests
    assert by_day.one("aggregate") == "cluster"
    assert by_day.one("step") == "1d"
    windows = [request.one("window") for request in by_hour]
    assert windows == [
        f"{start:%Y-%m-%dT%H:%M:%SZ},{start + 12 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
        for start in (YESTERDAY, YESTERDAY + 12 * HOUR)
    ]
    for request in by_hour:
        assert request.one("step") == "1h"
        assert request.one("resolution") == "30s"
        assert request.one("includeIdle") == request.one("idleByNode") == "true"
        assert request.one("shareIdle") == "false"
        assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_only_days_that_have_anything_are_read(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    offered = list(live_case(cluster, tmp_path).connector().deliveries(Window()))
    assert [delivery.scope for delivery in offered] == [f"{YESTERDAY:%Y-%m-%d}"]


def test_a_day_that_did_not_change_is_asked_for_once_by_day_and_no_more(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    case = live_case(cluster, tmp_path)
    case.ingest()
    count = len(cluster.server.requests)
    report = case.ingest()
    assert report.committed == []
    assert len(cluster.server.requests) == count + 1


def test_a_window_bounds_what_is_asked(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    connector = live_case(cluster, tmp_path).connector()
    day = YESTERDAY.date()
    before = Window(day - timedelta(days=3), day)
    assert list(connector.deliveries(before)) == []
    [asked] = cluster.server.requests
    assert asked.one("window") == (
        f"{day - timedelta(days=3)}T00:00:00Z,{day}T00:00:00Z"
    )
    future = Window(day + timedelta(days=5), day + timedelta(days=6))
    assert list(connector.deliveries(future)) == []


def test_a_first_day_is_never_passed(cluster: OpencostCluster, tmp_path: Path) -> None:
    case = live_case(cluster, tmp_path, start_date=datetime.now(UTC).date())
    assert list(case.connector().deliveries(Window())) == []


def test_hours_that_were_not_asked_for_are_not_taken(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    case = live_case(cluster, tmp_path)
    misplaced = [an_hour(YESTERDAY - timedelta(days=9))] * 2
    whole_day = cluster._answer

    def stale(request: Any) -> Answer:
        if request.one("step") == "1d":
            return whole_day(request)
        return Answer(answer(misplaced))

    cluster.server.route("GET", "/allocation", stale)
    [failure] = case.ingest().failures
    assert isinstance(failure.error, MalformedDeliveryError)
    assert "answers with" in str(failure.error)
    assert case.query("SELECT count(*) FROM evidence.opencost_allocation") == [(0,)]


def test_kubecost_is_asked_below_its_own_path(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCOST_TOKEN", TOKEN)
    entries = [*an_hour(YESTERDAY + 9 * HOUR), *an_hour(YESTERDAY + 20 * HOUR)]
    kubecost = OpencostCluster(server, entries, path="/model/allocation")
    assert_whole(live_case(kubecost, tmp_path, api_path="/model/allocation"))


def test_a_cluster_without_a_name_gets_the_configured_one(tmp_path: Path) -> None:
    case = folder_case(tmp_path, cluster="basement", mapping=[])
    entry = workload(MORNING, "eta-0")
    del entry["properties"]["cluster"]
    recorded(tmp_path / "answers", "28.json", [entry])
    case.ingest()
    rows = case.query("SELECT cluster, pool_id FROM evidence.opencost_allocation")
    assert rows == [("basement", "basement")]


def test_what_nodes_have_can_be_declared(tmp_path: Path) -> None:
    """Two instances of 1g.5gb on an A100: 2/7 of the one GPU that is declared."""
    gpus = [
        {
            "match": {"node": {"prefix": "node-"}},
            "model": "A100",
            "mig_profile": "1g.5gb",
            "per_node": 1,
        }
    ]
    case = folder_case(tmp_path, gpus=gpus)
    entry = workload(MORNING, "eta-0", gpus=2)
    recorded(tmp_path / "answers", "28.json", [entry, idle(MORNING)])
    case.ingest()
    [[held, had, basis]] = case.query(
        "SELECT round(sum(requested_gpu_hours) * 7, 9), sum(capacity_gpu_hours),"
        " max(capacity_basis) FROM evidence.opencost_allocation"
    )
    assert (held, had, basis) == (2, 1, "declared")


def test_the_probe_tells_which_clusters_answer(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    cluster.entries += an_hour(now - HOUR)
    [finding] = live_case(cluster, tmp_path).connector().check()
    assert finding.is_ok
    assert finding.message.endswith("answers for gpu")


def test_the_probe_tells_that_an_empty_answer_means_no_prometheus(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    cluster.entries.clear()
    [finding] = live_case(cluster, tmp_path).connector().check()
    assert not finding.is_ok
    assert "Prometheus" in finding.next_step


def test_the_probe_names_the_variable_that_a_proxy_needs(
    cluster: OpencostCluster, tmp_path: Path
) -> None:
    cluster.server.faults.append(status(401))
    case = live_case(cluster, tmp_path, token_variable=None)
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert "token_variable" in finding.next_step


def test_a_missing_token_is_named(
    cluster: OpencostCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENCOST_TOKEN")
    [failure] = live_case(cluster, tmp_path).ingest().failures
    assert isinstance(failure.error, SourceAccessError)
    assert "OPENCOST_TOKEN" in str(failure.error)


class TestPricesContract(ConnectorContract):
    """OpenCost's prices as a bill: nothing is billed, all of it is estimated."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        case = folder_case(tmp_path, use_prices=True, currency="EUR")
        case.expected_money = {"EUR": Decimal(0)}
        late, hostile_ = case.deliver_late, case.deliver_hostile
        case.deliver_late = lambda: {**late(), "EUR": Decimal(0)}

        def deliver_hostile() -> int:
            # Without a window neither stream has a row; four more are no readings,
            # but their costs are costs all the same.
            hostile_()
            return len(hostile(MORNING)) + 1

        case.deliver_hostile = deliver_hostile
        return case


def test_prices_are_taken_whole_and_only_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    """Each hour costs 3 x 8 GPUs, and cores and memory at OpenCost's list prices."""
    assert folder_case(tmp_path).connector().streams() == ("opencost_allocation",)
    case = folder_case(tmp_path, use_prices=True, provider="Basement")
    case.ingest()
    [[billed, estimated, provider]] = case.query(
        "SELECT sum(billed_cost), sum(effective_cost), max(provider)"
        " FROM evidence.opencost_costs"
    )
    # 3 pods of 2 cores and 4 GiB, and 10 idle cores, over two hours.
    expected = 2 * (24 + 16 * Decimal("0.031611") + 12 * Decimal("0.004237"))
    assert billed == 0
    assert abs(Decimal(str(estimated)) - expected) < Decimal("0.0002")
    assert provider == "Basement"
    tags = case.query(
        "SELECT DISTINCT tags['cluster'], tags['model'] FROM evidence.opencost_costs"
        " WHERE pod = 'eta-0'"
    )
    assert tags == [("gpu", "eta")]


def test_what_comes_from_outside_the_cluster_is_no_cost_of_it(tmp_path: Path) -> None:
    """Its bill is elsewhere: 10 in all, of which 4 are OpenCost's copy of a bill."""
    case = folder_case(tmp_path, use_prices=True)
    entry = {**workload(MORNING, "a-0"), "totalCost": 10, "externalCost": 4}
    recorded(tmp_path / "answers", "28.json", [entry])
    case.ingest()
    costs = "SELECT sum(effective_cost) FROM evidence.opencost_costs"
    assert case.query(costs) == [(6,)]


def test_the_published_sample_says_what_it_says(
    tmp_path: Path, shared_data: Path
) -> None:
    """A week of three namespaces; the totals are summed from the file's own text."""
    sample = shared_data / "opencost" / "allocation-example-output.json"
    [step] = json.loads(sample.read_text("utf-8"), parse_float=Decimal)["data"]
    cores, byte_hours = (
        sum((Decimal(entry[key]) for entry in step.values()), Decimal(0))
        for key in ("cpuCoreHours", "ramByteHours")
    )
    assert (cores, byte_hours) == (Decimal("80.06821"), Decimal("110803796232.74686"))
    (tmp_path / "answers").mkdir()
    for name in ("allocation-example-output", "cloudCost-example-output"):
        copied = tmp_path / "answers" / f"{name}.json"
        copied.write_bytes((shared_data / "opencost" / f"{name}.json").read_bytes())
    case = ConnectorCase(
        "opencost",
        {"path": "answers", "use_prices": True},
        tmp_path,
        3,
        {"USD": Decimal(0)},
        lambda: None,
        dict,
        lambda: 0,
    )
    report = case.ingest()
    assert report.failures == []
    [note] = report.notes
    assert "/cloudCost" in note
    [[rows, core_hours, gibibyte_hours, used, node]] = case.query(
        "SELECT count(*), sum(cpu_core_hours), sum(memory_gibibyte_hours),"
        " sum(used_cpu_core_hours), max(provider_id) FROM evidence.opencost_allocation"
    )
    assert rows == 3
    assert core_hours == cores
    assert abs(Decimal(str(gibibyte_hours)) - byte_hours / 2**30) < Decimal("1e-15")
    # 10079.22199 minutes at 0.00938 + 0.00107 + 0.00794 cores.
    assert abs(Decimal(str(used)) - Decimal("3.0892815399")) < Decimal("1e-9")
    assert node == "i-123458f89b9d35c11"
    # The namespace opencost adds up to 0.10936 and says 0.10937: what it says counts.
    costs = "SELECT sum(effective_cost) FROM evidence.opencost_costs"
    assert case.query(costs) == [(Decimal("1.77816"),)]


EXPORT_HEADER = (
    "Date,Namespace,ControllerKind,ControllerName,Pod,Container,TotalCost,Labels"
)


def export_case(root: Path, *lines: str, **options: object) -> ConnectorCase:
    (root / "answers").mkdir(exist_ok=True)
    text = "\n".join([EXPORT_HEADER, *lines, ""])
    (root / "answers" / "cloud.csv").write_text(text, "utf-8")
    everything = {"path": "answers", "use_prices": True, **options}
    return ConnectorCase("opencost", everything, root, 0, {}, dict, dict, int)


def export_line(day: str, pod: str, cost: str, labels: str = "{}") -> str:
    return f'{day},ml,deployment,eta,{pod},main,{cost},"{labels}"'


def test_a_published_csv_export_costs_what_its_rows_say(
    tmp_path: Path, shared_data: Path
) -> None:
    sample = shared_data / "opencost" / "export-sample.csv"
    with sample.open(encoding="utf-8", newline="") as file:
        total = sum(Decimal(row["TotalCost"]) for row in csv.DictReader(file))
    assert total == 2 * Decimal("0.010493746736011505")
    case = export_case(tmp_path, cluster="home")
    (tmp_path / "answers" / "cloud.csv").write_bytes(sample.read_bytes())
    report = case.ingest()
    assert (report.failures, [load.stream for load in report.committed]) == (
        [],
        ["opencost_costs"],
    )
    rows = case.query(
        "SELECT sum(effective_cost), sum(billed_cost), count(*),"
        " min(period_start)::VARCHAR, max(period_end)::VARCHAR, max(cluster),"
        " max(pod), max(tags['team']) FROM evidence.opencost_costs"
    )
    times = ("2023-01-01 00:00:00", "2023-01-03 00:00:00")
    pod = "opencost-8fd7f8778-s7flr"
    assert rows == [(total, 0, 2, *times, "home", pod, "my-team")]


def test_without_its_prices_a_csv_export_says_nothing(tmp_path: Path) -> None:
    """It has costs and averages, and never how long a container ran."""
    case = export_case(tmp_path, export_line("2026-06-28", "eta-0", "1"))
    case.options["use_prices"] = False
    [note] = case.ingest().notes
    assert "has costs and no hours" in note


def test_an_exported_day_counts_once_and_what_cannot_be_read_is_kept_apart(
    tmp_path: Path,
) -> None:
    good = [export_line("2026-06-28", f"eta-{n}", "0.5") for n in range(9)]
    again = export_line("2026-06-28", "eta-0", "1.5", "no labels")
    bad = export_line("2026-06-28", "eta-9", "much")
    case = export_case(tmp_path, *good, again, bad)
    report = case.ingest()
    assert [load.quarantined_row_count for load in report.committed] == [1]
    costs = "SELECT sum(effective_cost), count(*) FROM evidence.opencost_costs"
    assert case.query(costs) == [(Decimal("5.5"), 9)]


def test_a_csv_file_of_something_else_is_refused(tmp_path: Path) -> None:
    case = export_case(tmp_path)
    (tmp_path / "answers" / "cloud.csv").write_text("a,b\n1,2\n", "utf-8")
    [failure] = case.ingest().failures
    assert "no CSV export of OpenCost: it has no column Date" in str(failure.error)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({}, "give either 'base_url' or 'path'"),
        ({"path": "a", "base_url": "https://a.example"}, "give either"),
        ({"base_url": "ftp://a.example"}, "base_url must be https"),
        ({"base_url": "http://user:pw@a.example"}, "base_url must be https"),
        (
            {"base_url": "http://opencost.example:9003", "token_variable": "TOKEN"},
            "base_url must be https",
        ),
        (
            {"path": "a", "mapping": [{"match": {"team": "x"}, "model": "m"}]},
            "known labels: cluster, node",
        ),
        ({"path": "a", "gpus": [{"match": {"labels.x": 5}}]}, "is text"),
        ({"path": "a", "gpus": [{"match": {"pool": "x"}}]}, "known labels"),
        ({"path": "a", "resolution": "fine"}, "resolution"),
        ({"path": "a", "hours_per_request": 48}, "hours_per_request"),
    ],
)
def test_options_that_cannot_work_are_refused(
    options: dict[str, Any], part: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        OpencostConfig(name="oc", type="opencost", **options)
    assert part in str(caught.value)


def test_an_address_within_a_cluster_needs_no_encryption_without_a_token() -> None:
    address = "http://opencost.opencost.svc:9003"
    config = OpencostConfig(name="oc", type="opencost", base_url=address)
    assert config.base_url == address


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.decimals(-1000, 1000, places=3)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    key=st.sampled_from(sorted(workload(MORNING, "a-0", gpus=1, gpu=mig("1g.5gb")))),
    value=JSON_VALUES,
    place=st.sampled_from(["entry", "properties", "gpuAllocation"]),
)
def test_whatever_stands_in_an_entry_is_a_reading_or_a_refusal(
    key: str, value: object, place: str
) -> None:
    entry = workload(MORNING, "a-0", gpus=1, gpu=mig("1g.5gb"))
    target = entry if place == "entry" else entry[place]
    target[key] = value
    [allocation] = allocations_of({"a-0": entry})
    assert allocation.refusal in {"", "unreadable_quantity"}
    assert allocation.raw


def test_a_reserved_name_is_a_pool_of_opencosts_and_an_ordinary_one_is_not() -> None:
    def kinds(*names: str) -> list[str]:
        return [a.kind for a in allocations_of({name: {} for name in names})]

    assert kinds("__idle__", "gpu/__idle__", "gpu/n/__unmounted__/__unmounted__") == [
        "idle",
        "idle",
        "unmounted",
    ]
    assert kinds("__shared__", "__external__", "gpu/__unallocated__", "idle") == [
        "shared",
        "external",
        "workload",
        "workload",
    ]


def spelled(provider_id: str) -> str:
    entry = {"properties": {"providerID": provider_id}}
    [allocation] = allocations_of({"a": entry})
    return allocation.place.provider_id


def test_a_nodes_id_is_spelled_as_its_bill_spells_it() -> None:
    assert spelled("aws:///eu-central-1a/i-0abc") == "i-0abc"
    assert spelled("gce://project/zone-a/node-1") == "node-1"
    assert spelled("i-0abc") == "i-0abc"
    azure = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/vm/0"
    assert spelled(f"azure://{azure}") == azure
