"""Entries of ``allocation.yml`` and ``catalog.yml`` derived from a bill.

Each proposal is a single entry, with its evidence. Nothing is proposed for charges that
a rule takes already, so a second look proposes only new entries.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from triptych.core.knowledge.knowledge_base import service_rules
from triptych.core.knowledge.name_grammar import slug
from triptych.discovery.owners import Owners, owners_of
from triptych.discovery.spend import currency_of, line_count, total
from triptych.discovery.tag_roles import key_of_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from triptych.core.knowledge.knowledge_base import Role
    from triptych.discovery.spend import Spend, SpendGroup
    from triptych.discovery.tag_roles import TagRole

Section = Literal[
    "scope", "assignments", "pools", "models", "features", "teams", "cost_centers"
]
Group = Literal["scope", "models", "owners", "pools"]

_LIKELY = 0.8
#: Nothing but the name of a key speaks for it: low.
_DOUBT = 0.5
_MOST_EXAMPLES = 3
#: Below this share of AI cost a separate pool is not worth a question.
_LEAST_POOL_SHARE = 0.01
_SPECIAL = frozenset(r".+*?()|[]{}^$\\")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for a proposal.

    Attributes
    ----------
    cost : Decimal
        Of the charges it is about [currency], those in other currencies apart.
    line_count : int
        Number of them.
    share_of_ai : float
        Of the sample's AI cost in that currency.
    confidence : float
        From 0 to 1.
    examples, reasons : tuple of str
        Values met, and phrases for a person.
    """

    cost: Decimal
    currency: str
    line_count: int
    share_of_ai: float
    confidence: float
    examples: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """An entry that a workspace could have.

    ``rule_id`` names the entry of the knowledge base that classifies charges as AI;
    empty for all else.
    """

    section: Section
    group: Group
    entry: dict[str, Any]
    title: str
    evidence: Evidence
    rule_id: str = ""

    @property
    def name(self) -> str:
        """Return the name of the entry in its section."""
        return str(self.entry.get("name") or self.entry.get("id"))

    def renamed(self, name: str) -> Proposal:
        """Return the same entry under another name, for the model or owner it makes."""
        entry = dict(self.entry)
        key = "id" if "id" in entry else "name"
        for field in ("model", "feature", "team", "pool"):
            if entry.get(field) == self.name:
                entry[field] = name
        entry[key] = name
        return replace(self, entry=entry)


class Proposer:
    """Makes the proposals for a single sample."""

    def __init__(self, spend: Spend) -> None:
        self._spend = spend

    def proposals(self) -> list[Proposal]:
        """Return all proposals, in the order in which rules must stand."""
        owners = owners_of(self._spend)
        return [
            *self._scope(),
            *self._scope_of_tagged(),
            *self._tag_rule("model"),
            *self._named_models(),
            *self._merged_owners("feature"),
            *self._tag_rule("feature"),
            *self._merged_owners("team"),
            *self._tag_rule("team"),
            *self._pools(),
            *self._catalog(owners),
        ]

    def _scope(self) -> Iterator[Proposal]:
        # A charge that is not AI is worth a rule only where another would take it.
        for rule in service_rules():
            caught = self._spend.where(
                lambda group, rule=rule: (  # type: ignore[misc]
                    group.rule_id == rule.id and not group.has_scope
                )
            )
            if not caught:
                continue
            is_ai = rule.kind != "not_ai"
            match = {column: {"regex": text} for column, text in rule.match.items()}
            entry: dict[str, Any] = {"name": rule.title, "match": match}
            if not is_ai:
                entry["in_scope"] = False
            verb = "is AI" if is_ai else "is not AI"
            yield Proposal(
                "scope",
                "scope",
                entry,
                f"{rule.title} {verb}",
                self._evidence(
                    caught,
                    1.0,
                    _names(group.service_name for group in caught),
                    (f"knowledge base of {rule.reviewed}, rule {rule.id}",),
                ),
                rule.id if is_ai else "",
            )

    def _scope_of_tagged(self) -> Iterator[Proposal]:
        """Propose model-tagged charges as AI, where more evidence supports it.

        Of values that only the key calls models a person is asked.
        """
        caught = self._spend.where(
            lambda group: (
                "model" in group.tags
                and group.kind in {None, "not_ai"}
                and not group.has_scope
            )
        )
        believed = [group for group in caught if group.is_ai]
        doubted = [group for group in caught if not group.is_ai]
        for groups, suffix, most, reason in (
            (believed, "", 1.0, "a tag names their model"),
            (doubted, ", unknown models", _DOUBT, "only the key speaks for it"),
        ):
            for role in self._roles("model") if groups else ():
                key = key_of_rules(role.key)
                models = self._models(groups) if doubted else "*"
                yield Proposal(
                    "scope",
                    "scope",
                    {
                        "name": f"tagged with {key}{suffix}",
                        "match": {"tags": {key: models}},
                    },
                    f"What carries the tag {key} is AI{suffix}",
                    self._evidence(
                        groups,
                        min(role.confidence, most),
                        _names(group.service_name for group in groups),
                        (reason,),
                    ),
                )

    def _merged_owners(self, role: Role) -> Iterator[Proposal]:
        """Propose a single owner for spellings that differ in case and signs."""
        unowned = [group for group in self._unowned() if not _has_model(group)]
        for owner, spellings in self._spend.spellings.get(role, {}).items():
            caught = [group for group in unowned if group.tags.get(role) == owner]
            if len(spellings) == 1 or not caught:
                continue
            for tag_role in self._roles(role):
                key = key_of_rules(tag_role.key)
                yield Proposal(
                    "assignments",
                    "owners",
                    {
                        "name": f"{key} {owner}",
                        "match": {"tags": {key: {"in": sorted(spellings)}}},
                        role: owner,
                    },
                    f"{' and '.join(spellings)} are one {role}",
                    self._evidence(
                        caught, _LIKELY, tuple(spellings), ("spellings of one name",)
                    ),
                )

    def _models(self, groups: Iterable[SpendGroup]) -> dict[str, list[str]]:
        """Return a match of the values of the model's tag that groups have."""
        values = {group.tags["model"] for group in groups if "model" in group.tags}
        return {"in": sorted(values)}

    def _tag_rule(self, role: Role) -> Iterator[Proposal]:
        caught = [group for group in self._unowned() if role in group.tags]
        if role != "model":
            caught = [group for group in caught if not _has_model(group)]
        if role == "team":
            caught = [group for group in caught if "feature" not in group.tags]
        values: str | dict[str, list[str]] = "*"
        if role == "model" and self._spend.where(_has_doubted_model):
            values = self._models(self._spend.ai)
        for tag_role in self._roles(role) if caught else ():
            key = key_of_rules(tag_role.key)
            yield Proposal(
                "assignments",
                "models" if role == "model" else "owners",
                {
                    "name": f"{key} tag",
                    "match": {"tags": {key: values}},
                    role: f"${{tags.{key}}}",
                },
                f"The tag {key} names the {role}",
                self._evidence(
                    caught, tag_role.confidence, tag_role.examples, tag_role.reasons
                ),
            )

    def _roles(self, role: Role) -> list[TagRole]:
        """Return keys of a role; the likeliest of spellings a rule finds."""
        by_key: dict[str, TagRole] = {}
        for each in self._spend.roles:
            if each.role == role:
                by_key.setdefault(key_of_rules(each.key), each)
        return list(by_key.values())

    def _named_models(self) -> Iterator[Proposal]:
        by_model: dict[str, list[SpendGroup]] = defaultdict(list)
        for group in self._unowned():
            if group.named_model and "model" not in group.tags:
                by_model[group.named_model].append(group)
        rules = [
            proposal
            for model, groups in by_model.items()
            for proposal in self._rules_of_model(model, groups)
        ]
        # A longer spelling may begin with a shorter spelling, which would take its
        # charges.
        yield from sorted(rules, key=lambda rule: (-_spelled_length(rule), rule.name))

    def _rules_of_model(
        self, model: str, groups: Sequence[SpendGroup]
    ) -> Iterator[Proposal]:
        by_column: dict[str, list[SpendGroup]] = defaultdict(list)
        for group in groups:
            by_column[group.named_in or ""].append(group)
        for column, named in by_column.items():
            spellings = sorted({group.spelling or "" for group in named})
            name = model if len(by_column) == 1 else f"{model} in {column}"
            patterns = [pattern_of(spelling) for spelling in spellings]
            yield Proposal(
                "assignments",
                "models",
                {
                    "name": name,
                    "match": {column: {"regex": patterns}},
                    "model": model,
                },
                f"{model} is named in {column}",
                self._evidence(named, 0.9, tuple(spellings), ("named on the bill",)),
            )

    def _pools(self) -> Iterator[Proposal]:
        rules = {rule.id: rule for rule in service_rules()}
        shared: dict[tuple[str, str], list[SpendGroup]] = defaultdict(list)
        for group in self._unowned():
            is_shared = group.kind == "accelerator" and not group.tags.keys() & {
                "model",
                "feature",
                "team",
            }
            if is_shared and group.sub_account_id and group.rule_id:
                shared[group.sub_account_id, group.rule_id].append(group)
        for (account, rule_id), groups in shared.items():
            if self._evidence(groups, 0.0).share_of_ai < _LEAST_POOL_SHARE:
                continue
            pool = f"gpu-{slug(account)}"
            match: dict[str, Any] = {"sub_account_id": account}
            for column, text in rules[rule_id].match.items():
                match[column] = {"regex": text}
            evidence = self._evidence(
                groups,
                0.5,
                _names(group.service_name for group in groups),
                ("accelerators without a tag of an owner",),
            )
            title = f"Accelerators of account {account} are shared"
            yield Proposal(
                "pools",
                "pools",
                {"name": pool, "driver": "gpu_hours"},
                f"{title}; a meter of GPU hours divides them",
                evidence,
            )
            yield Proposal(
                "assignments",
                "pools",
                {"name": f"{pool} {rule_id}", "match": match, "pool": pool},
                title,
                evidence,
            )

    def _catalog(self, owners: Owners) -> Iterator[Proposal]:
        sections: tuple[tuple[Section, Group, Iterable[dict[str, Any]]], ...] = (
            ("cost_centers", "owners", owners.cost_centers()),
            ("teams", "owners", owners.teams()),
            ("features", "owners", owners.features()),
            ("models", "models", owners.models()),
        )
        for section, group, entries in sections:
            for entry in entries:
                spent = owners.groups_of(section, entry["id"])
                title = f"{entry['id']} is one of the {section.replace('_', ' ')}"
                yield Proposal(
                    section, group, entry, title, self._evidence(spent, _LIKELY)
                )

    def _unowned(self) -> list[SpendGroup]:
        return [group for group in self._spend.ai if not group.has_owner]

    def _evidence(
        self,
        groups: Sequence[SpendGroup],
        confidence: float,
        examples: tuple[str, ...] = (),
        reasons: tuple[str, ...] = (),
    ) -> Evidence:
        currency = currency_of(groups)
        cost, of_ai = total(groups, currency), total(self._spend.ai, currency)
        share = float(cost / of_ai) if of_ai else 0.0
        return Evidence(
            cost,
            currency,
            line_count(groups),
            share,
            confidence,
            examples[:_MOST_EXAMPLES],
            reasons,
        )


def pattern_of(spelling: str) -> str:
    r"""Return a pattern (RE2) that finds a spelling as a whole word.

    Examples
    --------
    >>> pattern_of("gpt-4.1")
    '(?i)gpt-4\\.1([^a-z0-9]|$)'
    """
    escaped = "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in spelling)
    return f"(?i){escaped}([^a-z0-9]|$)"


def _has_model(group: SpendGroup) -> bool:
    return group.named_model is not None or "model" in group.tags


def _has_doubted_model(group: SpendGroup) -> bool:
    return "model" in group.tags and not group.is_ai


def _spelled_length(proposal: Proposal) -> int:
    [condition] = proposal.entry["match"].values()
    return max(len(pattern) for pattern in condition["regex"])


def _names(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
