"""Models, features and teams inferred from tags that occur together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from triptych.core.knowledge.name_grammar import slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triptych.core.knowledge.knowledge_base import Role
    from triptych.discovery.spend import Spend, SpendGroup

#: The holder of this share of a thing's cost owns it; below it no owner is named.
_OWNS = Decimal("0.9")

_TAGGED: tuple[Role, ...] = ("cost_center", "team", "feature")
_ROLE_OF_SECTION: dict[str, Role] = {
    "cost_centers": "cost_center",
    "teams": "team",
    "features": "feature",
}


@dataclass(frozen=True, slots=True)
class Owners:
    """Entries of a catalogue that the AI charges of a sample speak of."""

    by_role: dict[Role, dict[str, list[SpendGroup]]]
    spellings_of_model: dict[str, list[str]]

    def cost_centers(self) -> Iterator[dict[str, Any]]:
        """Yield cost centres."""
        for value in self.by_role["cost_center"]:
            yield {"id": value}

    def teams(self) -> Iterator[dict[str, Any]]:
        """Yield teams, with the cost centre that nearly all of their cost has."""
        for value, groups in self.by_role["team"].items():
            yield _entry(value, cost_center=owner_of(groups, "cost_center"))

    def features(self) -> Iterator[dict[str, Any]]:
        """Yield features, with the team that nearly all of their cost has."""
        for value, groups in self.by_role["feature"].items():
            yield _entry(value, team=owner_of(groups, "team"))

    def models(self) -> Iterator[dict[str, Any]]:
        """Yield models with their feature, else their team, and other spellings."""
        for value, groups in self.by_role["model"].items():
            feature = owner_of(groups, "feature")
            team = None if feature else owner_of(groups, "team")
            aliases = [s for s in self.spellings_of_model[value] if s != value]
            yield _entry(value, feature=feature, team=team, aliases=aliases)

    def groups_of(self, section: str, entry_id: str) -> list[SpendGroup]:
        """Return the charges that speak of an entry."""
        return self.by_role[_ROLE_OF_SECTION.get(section, "model")][entry_id]


def owners_of(spend: Spend) -> Owners:
    """Return the catalogue entries inferred from the tags of AI charges."""
    by_role: dict[Role, dict[str, list[SpendGroup]]] = {
        "cost_center": defaultdict(list),
        "team": defaultdict(list),
        "feature": defaultdict(list),
        "model": defaultdict(list),
    }
    spellings: dict[str, list[str]] = {}
    canonical: dict[str, str] = {}
    for group in spend.ai:
        for role in _TAGGED:
            if role in group.tags:
                by_role[role][group.tags[role]].append(group)
        model = group.tags.get("model") or group.named_model
        if model is not None:
            # Groups come by cost, so the first spelling is that of most money.
            name = canonical.setdefault(slug(model), model)
            by_role["model"][name].append(group)
            known = spellings.setdefault(name, [])
            if model not in known:
                known.append(model)
    return Owners(by_role, spellings)


def owner_of(groups: Sequence[SpendGroup], role: Role) -> str | None:
    """Return the value of a role that nearly all of the cost has; else ``None``."""
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for group in groups:
        cost[group.tags.get(role, "")] += abs(group.cost)
    everything = sum(cost.values(), Decimal(0))
    value = max(cost, key=lambda key: (cost[key], key), default="")
    return value if value and cost[value] >= _OWNS * everything else None


def _entry(value: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"id": value, **{key: text for key, text in fields.items() if text}}
