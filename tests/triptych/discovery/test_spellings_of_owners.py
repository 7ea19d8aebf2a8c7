"""Spellings of a team or feature become one owner, by a rule that a person sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from triptych.cli import app
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,"
    "ChargeDescription,Tags\n"
)
#: Cost, team, feature.
CHARGES = (
    ("60", "vision", "quality"),
    ("40", "Vision", "quality"),
    ("30", "Legal Ops", "contracts"),
    ("20", "legal-ops", "Contracts"),
    ("10", "platform", "search"),
)


def charge(cost: str, team: str, feature: str) -> str:
    return (
        f"{cost},{cost},EUR,2026-05-01,2026-06-01,2026-05-02,2026-05-03,Usage,"
        "Amazon EC2,AWS,p5.48xlarge instance hour,"
        f'"{{""team"": ""{team}"", ""app"": ""{feature}""}}"\n'
    )


def test_spellings_of_a_team_are_one_team_that_owns_its_features(
    tmp_path: Path,
) -> None:
    bill = tmp_path / "may.csv"
    bill.write_text(HEADER + "".join(charge(*each) for each in CHARGES))
    root = tmp_path / "w"
    command = ["init", str(root), "--from", str(bill), "--yes"]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.stderr
    settings = load_settings(root)
    assert {team.id for team in settings.catalog.teams} == {
        *("vision", "Legal Ops", "platform")
    }
    assert {each.id: each.team for each in settings.catalog.features} == {
        "quality": "vision",
        "contracts": "Legal Ops",
        "search": "platform",
    }
    rules = {rule.name: rule for rule in settings.allocation.assignments}
    [condition] = rules["app contracts"].match
    assert condition.values == ("Contracts", "contracts")
    assert rules["app contracts"].target == "contracts"
    names = list(rules)
    assert names.index("app contracts") < names.index("app tag")
