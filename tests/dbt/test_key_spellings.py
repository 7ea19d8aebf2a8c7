"""How the key of a tag may be spelled: dbt and Python say the same."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import jinja2
from hypothesis import given
from hypothesis import strategies as st

from triptych.core.project_folder import dbt_project_dir
from triptych.core.settings.tag_keys import spellings

KEYS = st.one_of(
    st.sampled_from(
        ["model", "user:CostCenter", "user_team", "aws:createdBy", "aws_x"]
    ),
    st.text(st.sampled_from("abcXYZ019_-:. "), min_size=1, max_size=12),
)


def macro() -> Any:
    """Return dbt's macro, rendered as dbt renders it."""
    returned: list[Any] = []

    def keep(value: Any) -> str:
        returned.append(value)
        return ""

    text = (dbt_project_dir() / "macros" / "rule_tags.sql").read_text("utf-8")
    start = text.index("{% macro key_spellings")
    end = text.index("{%- endmacro %}", start) + len("{%- endmacro %}")
    environment = jinja2.Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701
    modules = SimpleNamespace(re=re)
    template = environment.from_string(
        text[start:end], globals={"modules": modules, "return": keep}
    )

    def call(key: str) -> tuple[str, ...]:
        returned.clear()
        template.module.key_spellings(key)  # type: ignore[attr-defined]
        return tuple(returned[0])

    return call


SPELLED = macro()


@given(KEYS)
def test_dbt_looks_for_a_key_where_the_settings_say(key: str) -> None:
    assert SPELLED(key) == spellings(key)


def test_a_key_is_found_as_aws_writes_it() -> None:
    assert set(spellings("CostCenter")) >= {"CostCenter", "user_cost_center"}
    assert "user_team" in spellings("user:team")
