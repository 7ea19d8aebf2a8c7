"""Classified charges of a sample, summed by the basis of proposals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.core.file_names import literal
from triptych.core.knowledge.model_names import find_model
from triptych.core.knowledge.name_grammar import slug
from triptych.discovery.tag_roles import combinations, tag_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import duckdb

    from triptych.core.knowledge.knowledge_base import Role
    from triptych.discovery.tag_roles import TagRole

_NOTHING = Decimal(0)
#: ``Legal Ops`` and ``legal-ops`` are the same owner.
_FOLDED: frozenset[Role] = frozenset({"team", "feature", "cost_center"})


@dataclass(frozen=True, slots=True)
class SpendGroup:
    """Charges that proposals do not distinguish.

    Attributes
    ----------
    rule_id, kind : str, optional
        Their knowledge base entry.
    is_ai : bool
        True if it classifies them as AI, or a tag names a model that AI charges carry,
        too, or that is known: the key of a tag alone makes nothing AI.
    named_model, named_in, spelling : str, optional
        The foundation model that they name, in which column, and how.
    tags : dict of role to str
        Values of the tags that have a role, of the first key that is there.
    has_scope, has_owner : bool
        True if existing rules already decide their scope and their owner.
    cost : Decimal
        Effective, before tax and credits, as AI cost is [currency].
    amortised_cost : Decimal
        Effective, with tax and credits [currency].
    """

    rule_id: str | None
    kind: str | None
    is_ai: bool
    named_model: str | None
    named_in: str | None
    spelling: str | None
    tags: dict[Role, str]
    sub_account_id: str | None
    service_name: str | None
    has_scope: bool
    has_owner: bool
    currency: str
    cost: Decimal
    amortised_cost: Decimal
    line_count: int


@dataclass(frozen=True, slots=True)
class Spend:
    """Contents of a sample, and the tag keys with a role in it.

    ``spellings`` are those of each owner, by the spelling that has most of the money.
    """

    groups: tuple[SpendGroup, ...]
    roles: tuple[TagRole, ...]
    spellings: dict[Role, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        """Return the currency of most of the money; empty where there is none."""
        return currency_of(self.groups)

    @property
    def bill(self) -> Decimal:
        """Return the amortised cost of all charges in that currency."""
        mine = (each for each in self.groups if each.currency == self.currency)
        return sum((each.amortised_cost for each in mine), _NOTHING)

    @property
    def ai(self) -> list[SpendGroup]:
        """Return the groups that are AI."""
        return [group for group in self.groups if group.is_ai]

    def where(self, keep: Callable[[SpendGroup], bool]) -> list[SpendGroup]:
        """Return the groups of which ``keep`` holds."""
        return [group for group in self.groups if keep(group)]


def currency_of(groups: Iterable[SpendGroup]) -> str:
    """Return the currency in which groups have most of their money; empty for none."""
    by_currency: dict[str, Decimal] = {}
    for group in groups:
        so_far = by_currency.get(group.currency, _NOTHING)
        by_currency[group.currency] = so_far + abs(group.cost)
    return max(by_currency, key=lambda code: (by_currency[code], code), default="")


def total(groups: Iterable[SpendGroup], currency: str) -> Decimal:
    """Return the cost of groups in a currency: two are never added."""
    return sum((g.cost for g in groups if g.currency == currency), _NOTHING)


def line_count(groups: Iterable[SpendGroup]) -> int:
    """Return how many charges several groups have."""
    return sum(group.line_count for group in groups)


def read_spend(
    connection: duckdb.DuckDBPyConnection,
    *,
    has_scope: str = "false",
    has_owner: str = "false",
) -> Spend:
    """Add up the table ``classified``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In which :func:`triptych.discovery.charges.classify` made the table.
    has_scope, has_owner : str
        SQL conditions: does a rule that is there decide a charge's scope, its owner?
    """
    roles = tuple(tag_roles(combinations(connection)))
    groups, spellings = _folded(_groups(connection, roles, has_scope, has_owner))
    return Spend(groups, roles, spellings)


def _folded(
    groups: Sequence[SpendGroup],
) -> tuple[tuple[SpendGroup, ...], dict[Role, dict[str, list[str]]]]:
    """Return groups with a single spelling per owner, and all spellings.

    Groups come by cost, so the first spelling is that of most money.
    """
    spellings: dict[Role, dict[str, list[str]]] = {}
    folded = []
    for group in groups:
        tags = dict(group.tags)
        for role in _FOLDED & tags.keys():
            known = spellings.setdefault(role, defaultdict(list))
            same = known[_owner_key(tags[role]) or tags[role]]
            if tags[role] not in same:
                same.append(tags[role])
            tags[role] = same[0]
        folded.append(replace(group, tags=tags))
    return tuple(folded), {
        role: {same[0]: same for same in known.values()}
        for role, known in spellings.items()
    }


def _owner_key(value: str) -> str:
    """Return the letters of an owner without *team*: ``LegalOps`` is ``legal-ops``.

    Examples
    --------
    >>> _owner_key("team-legal-ops") == _owner_key("LegalOps")
    True
    """
    words = [word for word in slug(value).split("-") if word != "team"]
    return "".join(words)


def _groups(
    connection: duckdb.DuckDBPyConnection,
    roles: Sequence[TagRole],
    has_scope: str,
    has_owner: str,
) -> tuple[SpendGroup, ...]:
    keys: dict[Role, list[str]] = {}
    for role in roles:
        keys.setdefault(role.role, []).append(role.key)
    values = "".join(f", {first_tag(keys[name])} AS {name}" for name in keys)
    models = _models_with_evidence(connection, keys.get("model", []))
    rows = connection.execute(
        "SELECT rule_id, kind, is_ai, named_model, named_in, spelling, sub_account_id,"
        f" service_name, coalesce({has_scope}, false) AS has_scope,"
        f" coalesce({has_owner}, false) AS has_owner, billing_currency,"
        " sum(effective_spend) AS cost, sum(effective_cost) AS amortised_cost,"
        f" count(*) AS line_count{values}"
        " FROM classified GROUP BY ALL"
        " ORDER BY abs(cost) DESC, service_name, named_model, sub_account_id, spelling"
    ).fetchall()
    return tuple(_group(row, list(keys), models) for row in rows)


def first_tag(keys: Sequence[str]) -> str:
    """Return SQL of the first of several tags that a charge has."""
    texts = (f"nullif(tags[{literal(key)}], '')" for key in keys)
    return f"coalesce({', '.join(texts)})"


def _models_with_evidence(
    connection: duckdb.DuckDBPyConnection, keys: Sequence[str]
) -> frozenset[str]:
    """Return model tag values found on AI charges or known as model names."""
    if not keys:
        return frozenset()
    rows = connection.execute(
        f"SELECT {first_tag(keys)} AS model, bool_or(is_ai) FROM classified"
        " GROUP BY ALL HAVING model IS NOT NULL"
    ).fetchall()
    return frozenset(
        value for value, is_on_ai in rows if is_on_ai or find_model(value) is not None
    )


def _group(
    row: Sequence[object], roles: Sequence[Role], models: frozenset[str]
) -> SpendGroup:
    *fixed, currency, cost, amortised, lines = row[:14]
    rule, kind, is_ai, model, column, spelling, account, service, scope, owner = fixed
    values = zip(roles, row[14:], strict=True)
    tags = {role: str(value) for role, value in values if value is not None}
    return SpendGroup(
        rule_id=_text(rule),
        kind=_text(kind),
        is_ai=bool(is_ai) or tags.get("model") in models,
        named_model=_text(model),
        named_in=_text(column),
        spelling=_text(spelling),
        tags=tags,
        sub_account_id=_text(account),
        service_name=_text(service),
        has_scope=bool(scope),
        has_owner=bool(owner),
        currency=str(currency or ""),
        cost=Decimal(str(cost)),
        amortised_cost=Decimal(str(amortised)),
        line_count=int(str(lines)),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
