"""Rules about split cost rows, as SQL, against the same rules in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.reading.label_mapping import LabelMapping, MappingRule, Target
from ingest.sources.aws.data_exports import AwsDataExportsConfig
from ingest.sources.aws.split_usage import LABELS, split_mapping
from tests.layers import examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAGS = ("user_model", "aws_eks_namespace", "aws_eks_cluster_name")
COLUMNS = (
    "line_item_operation",
    "line_item_resource_id",
    "line_item_usage_account_id",
    "split_line_item_parent_resource_id",
)
WORDS = ("chat", "chat-70b", "model-a", "model-", "it's", "x/y")


def targets(
    rules: Sequence[MappingRule], rows: Sequence[Mapping[str, str | None]]
) -> list[Target]:
    """Return what the SQL says for each row, over columns and a map of tags."""
    mapping = split_mapping(
        rules,
        column=lambda name: f'"{name}"',
        tag=lambda key: f"nullif(tags['{key}'], '')",
    )
    with duckdb.connect() as connection:
        columns = ", ".join(f'"{name}" VARCHAR' for name in COLUMNS)
        connection.execute(f"CREATE TABLE r ({columns}, tags MAP(VARCHAR, VARCHAR))")
        for row in rows:
            tags = {key: row[key] for key in TAGS if row.get(key) is not None}
            values = [row.get(name) for name in COLUMNS]
            connection.execute("INSERT INTO r VALUES (?, ?, ?, ?, ?)", [*values, tags])
        model = mapping.get("x_split_model_id", "NULL")
        pool = mapping.get("x_split_pool_id", "NULL")
        found = connection.execute(f"SELECT {model}, {pool} FROM r").fetchall()
    return [Target(*pair) for pair in found]


def pod(**other: str | None) -> dict[str, str | None]:
    return {
        "line_item_operation": "EKSPod-EC2",
        "line_item_resource_id": "arn:aws:eks:eu-central-1:1:pod/prod/chat/pod-1/u",
        "line_item_usage_account_id": "1",
        "split_line_item_parent_resource_id": "i-1",
        **other,
    }


def test_a_pod_without_tags_is_known_by_its_resource_id() -> None:
    rules = [
        MappingRule(match={"namespace": "chat"}, model="chat-70b"),
        MappingRule(match={"cluster": "*"}, pool="${cluster}"),
    ]
    task = pod(
        line_item_operation="ECSTask-EC2",
        line_item_resource_id="arn:aws:ecs:eu-central-1:1:task/batch/0af",
    )
    assert targets(rules, [pod(), task]) == [("chat-70b", "prod"), (None, "batch")]


def test_a_tag_of_aws_comes_before_the_resource_id() -> None:
    rules = [MappingRule(match={"namespace": "*"}, model="${namespace}")]
    (found,) = targets(rules, [pod(aws_eks_namespace="rank")])
    assert found.model_id == "rank"


def test_only_split_rows_are_mapped() -> None:
    rules = [MappingRule(match={}, model="all", pool="all")]
    rows = [pod(), pod(line_item_operation="RunInstances"), pod(line_item_operation="")]
    assert targets(rules, rows) == [("all", "all"), (None, None), (None, None)]


def test_a_prefix_is_cut_off_and_rules_go_on_where_nothing_is_left() -> None:
    rules = [
        MappingRule(
            match={"tag:user_model": {"prefix": "model-"}}, model="${tag:user_model}"
        ),
        MappingRule(match={"node": {"regex": "^i-"}}, model="rest"),
    ]
    rows = [pod(user_model="model-a"), pod(user_model="model-"), pod()]
    assert [found.model_id for found in targets(rules, rows)] == ["a", "rest", "rest"]


CONDITIONS = st.one_of(
    st.just("*"),
    st.sampled_from(WORDS),
    st.fixed_dictionaries({"in": st.lists(st.sampled_from(WORDS), min_size=1)}),
    st.fixed_dictionaries({"not": st.lists(st.sampled_from(WORDS), min_size=1)}),
    st.fixed_dictionaries(
        {"prefix": st.lists(st.sampled_from(("chat", "model-", "m", "x/")), min_size=1)}
    ),
    st.fixed_dictionaries({"regex": st.sampled_from(("^chat", "a$", "[0-9]+b", "'"))}),
)
LABEL_NAMES = ("account", "node", "tag:user_model")


@st.composite
def rules_of_a_source(draw: st.DrawFn) -> list[MappingRule]:
    rules = []
    for _ in range(draw(st.integers(1, 4))):
        names = draw(st.sets(st.sampled_from(LABEL_NAMES), max_size=2))
        match: dict[str, Any] = {name: draw(CONDITIONS) for name in sorted(names)}
        texts = ["fixed", *(f"pre-${{{name}}}" for name in match)]
        texts += [f"${{{name}}}" for name in match]
        model = draw(st.none() | st.sampled_from(texts))
        pool = draw(st.sampled_from(texts)) if model is None else None
        rules.append(MappingRule(match=match, model=model, pool=pool))
    return rules


VALUES = st.none() | st.sampled_from(("", *WORDS))


@settings(max_examples=examples(400), deadline=None)
@given(
    rules=rules_of_a_source(),
    values=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=4),
)
def test_the_sql_says_what_the_rules_say(
    rules: list[MappingRule], values: list[tuple[str | None, ...]]
) -> None:
    rows = [
        pod(
            line_item_usage_account_id=account,
            split_line_item_parent_resource_id=node,
            user_model=model,
        )
        for account, node, model in values
    ]
    expected = [
        LabelMapping(rules).target(
            {
                name: [value]
                for name, value in zip(LABEL_NAMES, given_, strict=True)
                if value
            }
        )
        for given_ in values
    ]
    assert targets(rules, rows) == expected


@pytest.mark.parametrize("label", ["pod", "tag:", "user_model"])
def test_a_label_that_split_rows_do_not_have_is_refused_with_those_they_have(
    label: str,
) -> None:
    rules = [{"match": {label: "x"}, "model": "m"}]
    with pytest.raises(ValidationError, match=", ".join(LABELS)):
        AwsDataExportsConfig(
            name="aws",
            type="aws_data_exports",
            path="p",
            export="e",
            split_usage=rules,
        )


def test_a_pattern_that_only_python_knows_is_refused() -> None:
    rules = [{"match": {"namespace": {"regex": "^(?!dev)"}}, "model": "m"}]
    with pytest.raises(ValidationError, match="cannot read the pattern"):
        AwsDataExportsConfig(
            name="aws",
            type="aws_data_exports",
            path="p",
            export="e",
            split_usage=rules,
        )
