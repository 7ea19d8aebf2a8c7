"""What one of the two engines spells its own way, or does not know.

Read from the text of the project, so that a branch which no test runs is seen too.
"""

from __future__ import annotations

import re

#: Functions of one engine only, or with another meaning or type in the other.
_FUNCTIONS = r"""
    strftime | strptime | date_diff | datediff | date_sub | date_add | date_part
    | date_format | to_date | to_timestamp | unix_timestamp | from_unixtime
    | months_between | add_months | last_day | epoch\w* | age | make_date
    | unnest | explode\w* | posexplode\w* | generate_series | sequence | range
    | struct_pack | struct_extract | named_struct | struct | row | array
    | quantile\w* | approx_quantile | percentile | percentile_approx | avg | mean
    | arg_max | arg_min | any_value | first | last | mode
    | list(_\w+)? | array_\w+ | collect_list | collect_set | element_at | size | len
    | map(_\w+)? | string_agg | group_concat | listagg
    | read_\w+ | parse_path | regexp_\w+ | starts_with | startswith
    | ends_with | endswith | contains | json_\w+ | get_json_object | from_json
    | hash | md5_number\w* | xxhash64 | try_cast | greatest_common_divisor | gcd
    | fdiv | divide | pmod | nvl2 | iff | ifnull | isnull
"""
_WORDS = r"""
    exclude | hugeint | uhugeint | asof | pivot | unpivot | rlike | div | lateral
    | positional
"""
_MOMENT = r"\w*(?:_date|_day|_at|_start|_end)"

_ENGINE_SPECIFIC = re.compile(
    rf"""
    \b(?:{_FUNCTIONS})\s*\(
    | \b(?:{_WORDS})\b
    | \bmap\s*\{{                               # a map literal
    | //  | ->>? | :: | <=> | ` | \[(?!\^)          # operators, subscripts and lambdas
    | (?<![/*])/(?![/*])                        # a quotient: DOUBLE or DECIMAL
    | \b{_MOMENT}\s*-(?!\s*interval)            # days: a number or an interval
    | \bas\s+(?:date|timestamp)\s*\)\s*-(?!\s*interval)
    | "\w+"                                     # a name or a text
    """,
    re.VERBOSE | re.IGNORECASE,
)
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")
_TEXT = re.compile(r"'[^'\n]*'")


def sql_of(template: str) -> str:
    """Return the SQL of a template: outside Jinja, and quoted inside it."""
    pieces = [_JINJA.sub(" ", template)]
    for match in _JINJA.finditer(template):
        if not match.group().startswith("{#"):
            pieces += ["".join(quoted) for quoted in _QUOTED.findall(match.group())]
    return "\n".join(re.sub(r"--.*", "", piece) for piece in pieces)


def engine_specific(template: str) -> list[str]:
    """Return what a template says in the dialect of one engine."""
    sql = _TEXT.sub("''", sql_of(template))
    return [match.group().strip() for match in _ENGINE_SPECIFIC.finditer(sql)]
