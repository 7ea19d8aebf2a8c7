"""The key of a tag, with and without a provider's prefix.

AWS writes ``user:team`` in a legacy report, ``user_team`` in CUR 2.0 and ``team`` in
FOCUS; the user's name for it is ``team``.
"""

from __future__ import annotations

import re

#: Prefixes that a provider adds to a key that its users chose.
PREFIXES = ("user:", "user_", "resourceTags/user:", "aws:", "aws_")


def bare_key(key: str) -> str:
    """Return a key without the provider's prefix.

    Examples
    --------
    >>> bare_key("user:CostCenter"), bare_key("user_team"), bare_key("users")
    ('CostCenter', 'team', 'users')
    """
    for prefix in PREFIXES:
        if key.startswith(prefix) and len(key) > len(prefix):
            return key.removeprefix(prefix)
    return key


def folded_key(key: str) -> str:
    """Return a key as it is compared to ask whether two mean the same.

    Examples
    --------
    >>> folded_key("user:CostCenter") == folded_key("user_cost_center")
    True
    """
    return "".join(sign for sign in bare_key(key).casefold() if sign.isalnum())


def spellings(key: str) -> tuple[str, ...]:
    """Return how the key of a rule may be spelled on a bill, its own way first.

    ``dbt_project/macros/rule_tags.sql`` is the same for dbt; a test compares them.

    Examples
    --------
    >>> spellings("CostCenter")
    ('CostCenter', 'user_cost_center', 'user:CostCenter')
    """
    bare = re.sub(r"^(user:|user_|aws:|aws_)", "", key)
    spaced = re.sub(r"(?=[^\W_a-z0-9])", "_", bare).casefold()
    snake = re.sub(r"[^a-z0-9]+", "_", spaced).strip("_")
    prefix = "aws" if key.startswith("aws") else "user"
    return tuple(dict.fromkeys((key, bare, f"{prefix}_{snake}", f"{prefix}:{bare}")))
