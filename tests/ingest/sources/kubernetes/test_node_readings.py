"""What workloads held of GPUs and what nodes had, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reading.gpu_slices import max_slices, profile_in_name, profile_slices
from ingest.sources.kubernetes.exact_shares import divided, divided_up_to
from ingest.sources.kubernetes.node_readings import readings_of
from ingest.sources.kubernetes.opencost_answers import allocations_of
from ingest.sources.kubernetes.workload_readings import DeclaredGpus, Reading
from tests.ingest.servers.opencost_cluster import HOUR, idle, mig, whole_gpu, workload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.sources.kubernetes.opencost_answers import Allocation

NOON = datetime(2026, 6, 28, 12, tzinfo=UTC)
A100 = DeclaredGpus(model="A100")
NOTHING = DeclaredGpus()


def read(
    entries: Sequence[dict[str, Any]],
    declared: DeclaredGpus | Callable[[Allocation], DeclaredGpus] = NOTHING,
) -> list[Reading]:
    """Return the readings of one step, in its order."""
    allocations = allocations_of({entry["name"]: entry for entry in entries})
    if isinstance(declared, DeclaredGpus):
        constant = declared
        return readings_of(allocations, lambda _: constant)
    return readings_of(allocations, declared)


def requested(readings: Sequence[Reading]) -> list[Decimal | None]:
    return [reading.requested_gpu_hours for reading in readings]


def capacity(readings: Sequence[Reading]) -> Decimal | None:
    found = [r.capacity.gpu_hours for r in readings if r.capacity.gpu_hours is not None]
    assert len(found) <= 1
    return found[0] if found else None


def near(value: Decimal | None, expected: str) -> bool:
    return value is not None and abs(value - Decimal(expected)) < Decimal("1e-12")


@pytest.mark.parametrize(
    ("model", "slices"),
    [
        ("A100", 7),
        ("NVIDIA A100-SXM4-80GB", 7),
        ("NVIDIA-H100-80GB-HBM3", 7),
        ("NVIDIA H200", 7),
        ("nvidia_b200", 7),
        ("NVIDIA GB200", 7),
        ("NVIDIA A30", 4),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 4),
        ("NVIDIA RTX PRO 5000 Blackwell", 2),
        ("NVIDIA RTX A3000", None),
        ("NVIDIA RTX A1000", None),
        ("Tesla T4", None),
        ("", None),
    ],
)
def test_a_models_slices_are_known_by_whole_words_or_not_at_all(
    model: str, slices: int | None
) -> None:
    assert max_slices(model) == slices


@pytest.mark.parametrize(
    ("profile", "slices"),
    [
        ("1g.5gb", 1),
        ("2g.10gb", 2),
        ("1g.10gb+me", 1),
        ("7g.80gb", 7),
        ("1c.3g.20gb", 1),
        ("3g", None),
        ("all-balanced", None),
    ],
)
def test_the_first_number_of_a_profile_is_its_slices(
    profile: str, slices: int | None
) -> None:
    assert profile_slices(profile) == slices


def test_a_profile_is_found_in_the_name_of_a_device() -> None:
    assert profile_in_name("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb") == "3g.20gb"
    assert profile_in_name("MIG 1c.3g.20gb") == "1c.3g.20gb"
    assert profile_in_name("NVIDIA A100-SXM4-40GB") is None


def test_a_day_of_mig_instances_weighs_by_slices_as_published() -> None:
    """4 slices for 2 h, 1 for 6 h, 2 for 2 h of 24 h x 7 slices: 8 + 6 + 4 of 168."""
    midnight = NOON.replace(hour=0)
    day = timedelta(days=1)
    pods = [("train", "4g.20gb", 2), ("infer", "1g.5gb", 6), ("serve", "2g.10gb", 2)]
    entries = [
        workload(midnight, n, gpus=1, gpu=mig(p), minutes=60 * hours, window=day)
        for n, p, hours in pods
    ]
    readings = read(
        [*entries, idle(midnight, window=day)], DeclaredGpus(per_node=Decimal(1))
    )

    slice_hours = [(reading.requested_gpu_hours or 0) * 7 for reading in readings[:3]]
    assert [round(hours, 9) for hours in slice_hours] == [8, 6, 4]
    assert capacity(readings) == 24
    assert [r.gpu_basis for r in readings] == ["mig_slices"] * 3 + [""]


def test_a_whole_gpu_weighs_as_the_sum_of_its_slices() -> None:
    seven = [
        workload(NOON, f"small-{number}", gpus=1, gpu=mig("1g.5gb"))
        for number in range(7)
    ]
    whole = workload(NOON, "whole-0", node="node-2", gpus=1, gpu=whole_gpu(0.5))
    readings = read([*seven, whole])

    parts = sum((r.requested_gpu_hours or Decimal(0) for r in readings[:7]), Decimal(0))
    assert near(parts, "1")
    assert readings[7].requested_gpu_hours == 1
    assert readings[7].used_gpu_hours == Decimal("0.5")


def test_mig_on_an_unknown_model_is_refused_and_never_taken_for_seven() -> None:
    unknown = workload(NOON, "a-0", gpus=1, gpu=mig("1g.5gb", model="NVIDIA X900"))
    none = workload(NOON, "b-0", gpus=1, gpu=mig("1g.5gb", model=""))
    readings = read([unknown, none])

    assert [r.refusal for r in readings] == ["unknown_gpu_model_with_mig"] * 2
    assert requested(readings) == [None, None]
    known = read([unknown], DeclaredGpus(max_slices=4))
    assert requested(known) == [Decimal("0.25")]


@pytest.mark.parametrize("profile", ["balanced", "5g.20gb"])
def test_a_profile_that_its_model_does_not_have_is_refused(profile: str) -> None:
    [reading] = read([workload(NOON, "a-0", gpus=1, gpu=mig(profile, "NVIDIA A30"))])
    assert reading.refusal == "unknown_mig_profile"


def test_a_node_without_a_gpu_label_takes_what_is_declared() -> None:
    bare = workload(NOON, "a-0", gpus=2)
    assert requested(read([bare])) == [2]
    declared = DeclaredGpus(model="A100", mig_profile="2g.10gb")
    [reading] = read([bare], declared)
    assert near(reading.requested_gpu_hours, "0.571428571428571")
    assert reading.gpu_model == "A100"


def test_what_the_meter_says_of_a_gpu_comes_before_what_is_declared() -> None:
    [reading] = read(
        [workload(NOON, "a-0", gpus=1, gpu=mig("1g.5gb"))],
        DeclaredGpus(model="A30", mig_profile="2g.12gb"),
    )
    assert (reading.mig_slices, reading.max_slices) == (1, 7)


def test_used_without_a_request_is_used_and_not_requested() -> None:
    """No GPU asked for, one used a quarter of half an hour."""
    [reading] = read([workload(NOON, "a-0", minutes=30, gpu=whole_gpu(0.25))])
    assert reading.requested_gpu_hours == 0
    assert reading.used_gpu_hours == Decimal("0.125")


def test_an_activity_that_nobody_measured_is_unknown_not_zero() -> None:
    [reading] = read([workload(NOON, "a-0", gpus=1, gpu=whole_gpu(None))])
    assert reading.requested_gpu_hours == 1
    assert reading.used_gpu_hours is None


def test_an_activity_in_percent_is_refused() -> None:
    [reading] = read([workload(NOON, "a-0", gpus=1, gpu=whole_gpu(55.0))])
    assert reading.refusal == "gpu_usage_is_no_ratio"


def test_pods_that_take_turns_share_one_gpu_by_their_activity() -> None:
    """0.6 and 0.2 of an hour on one GPU: three quarters and one quarter of it."""
    readings = read(
        [
            workload(NOON, "a-0", gpus=1, gpu=whole_gpu(0.6, shared=True)),
            workload(NOON, "b-0", gpus=1, gpu=whole_gpu(0.2, shared=True)),
        ]
    )
    assert requested(readings) == [Decimal("0.75"), Decimal("0.25")]
    assert [r.used_gpu_hours for r in readings] == [Decimal("0.6"), Decimal("0.2")]
    assert {r.gpu_basis for r in readings} == {"shared_by_activity"}


def test_pods_without_activity_of_their_own_share_evenly_and_it_is_said() -> None:
    readings = read(
        [
            workload(NOON, "a-0", gpus=1, gpu=whole_gpu(0.6, shared=True)),
            workload(NOON, "b-0", gpus=1, gpu=whole_gpu(None, shared=True)),
            workload(NOON, "c-0", gpus=1, gpu=whole_gpu(None, shared=True)),
            workload(NOON, "d-0", gpus=1, gpu=whole_gpu(None, shared=True)),
        ]
    )
    assert requested(readings) == [Decimal("0.25")] * 4
    assert {r.gpu_basis for r in readings} == {"shared_evenly"}


def test_pods_that_are_all_asleep_share_evenly() -> None:
    pods = [workload(NOON, n, gpus=1, gpu=whole_gpu(0, shared=True)) for n in "ab"]
    readings = read(pods)
    assert requested(readings) == [Decimal("0.5")] * 2
    assert {r.gpu_basis for r in readings} == {"shared_evenly"}


def test_a_declared_node_tells_how_many_gpus_its_pods_share() -> None:
    """Three GPUs, one of them held whole: the pods share the other two."""
    readings = read(
        [
            workload(NOON, "whole-0", gpus=1, gpu=whole_gpu(1.0)),
            *(
                workload(NOON, n, gpus=1, gpu=whole_gpu(None, shared=True))
                for n in ("a-0", "b-0", "c-0", "d-0")
            ),
        ],
        DeclaredGpus(per_node=Decimal(3)),
    )
    assert requested(readings) == [1, *[Decimal("0.5")] * 4]
    assert capacity(readings) == 3


def test_one_device_held_by_two_for_the_whole_hour_is_shared_whatever_is_said() -> None:
    """Each counts a whole GPU, but it is the same: an hour of it, not two."""
    device = whole_gpu(0.5, device="GPU-1")
    both = [workload(NOON, name, gpus=1, gpu=device) for name in ("a-0", "b-0")]
    assert requested(read(both)) == [Decimal("0.5")] * 2


def test_a_device_named_beside_others_that_a_pod_holds_proves_no_sharing() -> None:
    device = whole_gpu(0.5, device="nvidia0")
    both = [
        workload(NOON, "a-0", gpus=2, gpu=device),
        workload(NOON, "b-0", gpus=1, gpu=device),
    ]
    assert requested(read(both)) == [2, 1]


def test_one_device_held_in_turn_is_not_shared() -> None:
    device = whole_gpu(0.5, device="GPU-1")
    turns = [
        workload(NOON, name, gpus=1, gpu=device, minutes=30) for name in ("a-0", "b-0")
    ]
    readings = read(turns)
    assert requested(readings) == [Decimal("0.5")] * 2
    assert {r.gpu_basis for r in readings} == {"whole_gpu"}


def test_idle_cost_becomes_hours_at_the_price_the_node_had() -> None:
    """8 GPUs, 3 held: 5 idle cost 15 at 3 an hour; cores 4 held and 12 idle."""
    readings = read(
        [
            workload(NOON, "a-0", gpus=3, gpu=whole_gpu(0.5), cores=(4, 1)),
            idle(NOON, gpus=5, cores=12, gibibytes=60),
        ]
    )
    assert capacity(readings) == 8
    assert readings[1].capacity.basis == "idle_cost"
    assert round(readings[1].capacity.cpu_core_hours or 0, 2) == 16
    assert round(readings[1].capacity.memory_gibibyte_hours or 0, 1) == 64


def test_idle_hours_count_where_they_are_given() -> None:
    row = {**idle(NOON), "gpuHours": 5}
    readings = read([workload(NOON, "a-0", gpus=3), row])
    assert capacity(readings) == 8
    assert readings[1].capacity.basis == "idle_hours"


def test_the_price_of_the_cluster_serves_a_node_that_nobody_used() -> None:
    readings = read(
        [
            workload(NOON, "a-0", gpus=1),
            idle(NOON, node="node-2", gpus=4),
        ]
    )
    assert readings[1].capacity.gpu_hours == 4


def test_without_any_price_idle_cost_means_no_known_capacity() -> None:
    readings = read([workload(NOON, "a-0"), idle(NOON, gpus=4)])
    assert capacity(readings) is None


def test_a_node_with_nothing_idle_had_what_was_held() -> None:
    readings = read([workload(NOON, "a-0", gpus=8), idle(NOON)])
    assert capacity(readings) == 8


def test_a_node_whose_gpus_have_no_price_has_an_unknown_capacity() -> None:
    """Without a GPU label OpenCost prices no GPU: that none idled is not said."""
    held = {**workload(NOON, "a-0", gpus=4), "gpuCost": 0}
    labelled = workload(NOON, "b-0", node="node-2", gpus=1)
    readings = read([held, idle(NOON, cores=2), labelled])
    assert readings[1].capacity.gpu_hours is None
    assert round(readings[1].capacity.cpu_core_hours or 0, 2) == 4


def test_without_an_idle_row_and_a_declaration_capacity_is_unknown() -> None:
    assert capacity(read([workload(NOON, "a-0", gpus=1)])) is None


def test_a_declared_capacity_stands_once_for_each_node_and_hour() -> None:
    readings = read(
        [
            workload(NOON, "b-0", gpus=1),
            workload(NOON, "a-0", gpus=1),
            workload(NOON + HOUR, "a-1", gpus=1),
            workload(NOON, "a-2", node="node-2", gpus=1),
            idle(NOON, node="node-2"),
        ],
        DeclaredGpus(per_node=Decimal(8)),
    )
    found = [reading.capacity.gpu_hours for reading in readings]
    assert found == [None, 8, 8, None, 8]


def test_idle_of_a_whole_cluster_counts_all_its_nodes() -> None:
    row = idle(NOON, gpus=5)
    del row["properties"]["node"]
    row["name"] = "gpu/__idle__"
    entries = [
        workload(NOON, "a-0", gpus=2),
        workload(NOON, "b-0", node="node-2", gpus=1),
        workload(NOON, "c-0", cluster="other", gpus=4),
        row,
    ]
    assert capacity(read(entries)) == 8
    declared = read(entries, lambda a: DeclaredGpus(per_node=Decimal(a.is_workload)))
    assert [r.capacity.gpu_hours for r in declared] == [1, 1, 1, None]


def test_a_negative_reading_is_refused_and_takes_nothing_from_others() -> None:
    readings = read(
        [
            workload(NOON, "a-0", gpus=1, gpu=whole_gpu(0.5, shared=True)),
            {**workload(NOON, "b-0", gpus=1, gpu=whole_gpu(0.5)), "gpuHours": -1},
        ]
    )
    assert [r.refusal for r in readings] == ["", "negative_quantity"]
    assert requested(readings) == [1, None]


@given(
    total=st.decimals(0, 1000, places=6),
    weights=st.lists(st.decimals(0, 10**6, places=5), min_size=1, max_size=9),
)
def test_what_is_divided_sums_to_the_whole_whatever_the_weights(
    total: Decimal, weights: list[Decimal]
) -> None:
    parts = divided(total, weights)
    assert sum(parts, Decimal(0)) == total
    assert all(part >= 0 for part in parts)


@given(
    parts=st.lists(
        st.tuples(st.decimals(0, 100, places=3), st.decimals(0, 100, places=3)),
        min_size=1,
        max_size=7,
    ),
    ratio=st.decimals(0, 1, places=2),
)
def test_no_part_exceeds_its_limit_and_nothing_is_lost(
    parts: list[tuple[Decimal, Decimal]], ratio: Decimal
) -> None:
    weights, limits = [w for w, _ in parts], [limit for _, limit in parts]
    total = sum(limits, Decimal(0)) * ratio
    result = divided_up_to(total, weights, limits)
    assert sum(result, Decimal(0)) == total
    assert all(0 <= part <= limit for part, limit in zip(result, limits, strict=True))


def test_a_busy_pod_is_given_no_more_of_a_shared_gpu_than_it_held() -> None:
    """A is all the activity, in a quarter of the hour; b held the GPU all the while."""
    readings = read(
        [
            workload(NOON, "a-0", gpus=1, gpu=whole_gpu(1, shared=True), minutes=15),
            workload(NOON, "b-0", gpus=1, gpu=whole_gpu(0, shared=True)),
        ]
    )
    assert requested(readings) == [Decimal("0.25"), Decimal("0.75")]


PODS = st.lists(
    st.tuples(
        st.sampled_from(["node-1", "node-2"]),
        st.integers(0, 2),
        st.sampled_from([0, 15, 30, 60]),
        st.sampled_from([None, 0, 0.25, 1]),
        st.sampled_from(["whole", "shared", "1g.5gb", "3g.20gb", "strange"]),
        st.sampled_from(["", "GPU-1"]),
    ),
    max_size=8,
)


def _pod(number: int, pod: tuple[Any, ...]) -> dict[str, Any]:
    node, gpus, minutes, usage, kind, device = pod
    if kind in {"whole", "shared"}:
        gpu = whole_gpu(usage, device=device, shared=kind == "shared")
    else:
        gpu = {**mig(kind), "gpuUsageAverage": usage}
    name = f"pod-{number}"
    return workload(NOON, name, node=node, gpus=gpus, gpu=gpu, minutes=minutes)


@given(pods=PODS, order=st.randoms(use_true_random=False))
def test_no_pod_holds_more_than_it_said_and_the_order_decides_nothing(
    pods: list[tuple[Any, ...]], order: Any
) -> None:
    entries = [_pod(number, pod) for number, pod in enumerate(pods)]
    entries += [idle(NOON, node=node, gpus=2) for node in ("node-1", "node-2")]
    by_name = {r.allocation.name: r for r in read(entries, A100)}
    order.shuffle(entries)
    assert {r.allocation.name: r for r in read(entries, A100)} == by_name
    for reading in by_name.values():
        held = reading.allocation.gpu.hours or Decimal(0)
        assert Decimal(0) <= (reading.requested_gpu_hours or Decimal(0)) <= held
        assert (reading.requested_gpu_hours is None) or not reading.refusal


@given(pods=PODS)
def test_a_known_capacity_holds_all_that_was_requested(
    pods: list[tuple[Any, ...]],
) -> None:
    entries = [_pod(number, pod) for number, pod in enumerate(pods)]
    entries += [idle(NOON, node=node, gpus=2) for node in ("node-1", "node-2")]
    readings = read(entries, A100)
    for node in ("node-1", "node-2"):
        own = [r for r in readings if r.allocation.place.node == node]
        held = sum((r.requested_gpu_hours or Decimal(0) for r in own), Decimal(0))
        had = [r.capacity.gpu_hours for r in own if r.capacity.gpu_hours is not None]
        assert len(had) <= 1
        assert not had or had[0] >= held * Decimal("0.99")
