"""A tag whose key alone says *model* makes nothing AI, and what is unsure is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from triptych.cli import app
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.discovery.discover import discover
from triptych.run.pipeline import bound_connectors

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.discovery.discover import Discovery

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,"
    "ChargeDescription,Tags\n"
)
#: Cost, service, description, tag. Latitude is a laptop, t640 a thin client.
DESKTOPS = (
    ("300", "Amazon WorkSpaces", "desktop", "model=latitude-7440"),
    ("200", "Amazon WorkSpaces", "desktop", "model=t640"),
)
OWN_MODELS = (
    ("90", "Amazon EC2", "p5.48xlarge instance hour", "model=eta"),
    ("60", "Amazon EC2", "p5.48xlarge instance hour", "model=network"),
    ("10", "Amazon EC2", "m7i.large instance hour", "model=eta"),
    ("5", "Amazon S3", "storage", "model=claude-sonnet-4-5"),
)
CLUSTER = (("50", "Amazon EC2", "g5.xlarge", "kubernetes.io/cluster/ml=owned"),)


def charge(cost: str, service: str, description: str, tag: str) -> str:
    key, _, value = tag.partition("=")
    return (
        f"{cost},{cost},EUR,2026-05-01,2026-06-01,2026-05-02,2026-05-03,Usage,"
        f'{service},AWS,{description},"{{""{key}"": ""{value}""}}"\n'
    )


def discovered(root: Path, *charges: tuple[str, ...]) -> Discovery:
    """Make a workspace of a bill and return what is proposed; nothing is accepted."""
    bill = root.with_name("may.csv")
    text = HEADER + "".join(charge(*each) for each in charges)
    bill.write_text(text, encoding="utf-8")
    answer = CliRunner().invoke(app, ["init", str(root), "--from", str(bill)])
    assert answer.exit_code == 0, answer.stderr
    settings = load_settings(root)
    return discover(bound_connectors(Workspace(root), settings), settings)


def named(found: Discovery, section: str) -> dict[str, dict[str, Any]]:
    return {
        each.name: each.entry for each in found.proposals if each.section == section
    }


def test_laptops_with_a_tag_called_model_are_no_ai(tmp_path: Path) -> None:
    """165 of 665 is AI: what has a value that AI carries, or a known model's name."""
    found = discovered(tmp_path / "w", *DESKTOPS, *OWN_MODELS)
    assert found.coverage.ai == 165
    assert set(named(found, "models")) == {"eta", "network", "claude-sonnet-4-5"}
    listed = {"tags": {"model": {"in": ["claude-sonnet-4-5", "eta", "network"]}}}
    assert named(found, "assignments")["model tag"]["match"] == listed
    # What is known as AI needs no rule of scope.
    listed = {"tags": {"model": {"in": ["claude-sonnet-4-5", "eta"]}}}
    assert named(found, "scope")["tagged with model"]["match"] == listed


def test_what_is_listed_can_be_accepted(tmp_path: Path) -> None:
    discovered(tmp_path / "w", *DESKTOPS, *OWN_MODELS)
    answer = CliRunner().invoke(app, ["discover", "-w", str(tmp_path / "w"), "--yes"])
    assert answer.exit_code == 0, answer.stderr
    allocation = load_settings(tmp_path / "w").allocation
    assert [rule.name for rule in allocation.scope][-1] == "tagged with model"
    assert "Left for you to decide" in answer.stdout


def test_where_no_charge_is_known_as_ai_the_tag_is_asked_about(
    tmp_path: Path,
) -> None:
    found = discovered(tmp_path / "w", *DESKTOPS)
    assert found.coverage.ai == 0
    assert named(found, "models") == {}
    [asked] = [each for each in found.proposals if each.section == "scope"]
    assert asked.entry["match"] == {
        "tags": {"model": {"in": ["latitude-7440", "t640"]}}
    }
    assert asked.evidence.confidence < 0.65
    answer = CliRunner().invoke(app, ["discover", "-w", str(tmp_path / "w"), "--yes"])
    assert answer.exit_code == 0, answer.stderr
    assert "Left for you to decide, confidence low: tagged with model" in answer.stdout
    assert load_settings(tmp_path / "w").allocation.scope == ()


def test_a_tag_of_a_cluster_names_no_model(tmp_path: Path) -> None:
    found = discovered(tmp_path / "w", *CLUSTER)
    assert found.coverage.ai == 50
    assert found.roles == ()
    assert named(found, "models") == {}
