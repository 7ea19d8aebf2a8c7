"""Read LiteLLM lines: a request's spend log, or a day's spend by key.

Columns are those of the tables ``LiteLLM_SpendLogs`` and ``LiteLLM_Daily*Spend`` and
of the answers of ``/spend/logs/v2`` and ``/user/daily/activity``. The texts of requests
and answers (``messages``, ``response``, ``proxy_server_request``) and who asked
(``user``, ``end_user``, addresses) are not looked at.

``prompt_tokens`` may or may not hold the tokens of the provider's prompt cache: that
depends on the version, the provider and the route. Unless the source settles it, it is
taken as the line itself proves, see :func:`whole_input`.

``cache_hit`` is the gateway's own cache: nothing was sent to the provider, so such a
request counts as a request and its tokens do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ingest.sources.llm_gateways.gateway_usage import (
    Origin,
    Reading,
    as_text,
    feature_in,
    to_cost,
    to_count,
    to_moment,
)
from ingest.sources.llm_gateways.model_providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.reading.text_rows import Row
    from ingest.sources.llm_gateways.gateway_usage import Line

PromptTokens = Literal["auto", "whole", "without_cache"]

#: Columns read from a spend log; nothing else leaves the file.
LOG_COLUMNS = (
    "request_id",
    "startTime",
    "api_key",
    "model",
    "model_group",
    "custom_llm_provider",
    "team_id",
    "organization_id",
    "request_tags",
    "metadata",
    "cache_hit",
    "status",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
)
#: Columns read from a daily table.
DAY_COLUMNS = (
    "id",
    "date",
    "api_key",
    "model",
    "model_group",
    "custom_llm_provider",
    "team_id",
    "organization_id",
    "tag",
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "api_requests",
    "successful_requests",
)
#: Labels that a rule of the mapping may match.
LABELS = ("key", "model", "organization", "provider", "tag", "team")

_YES = frozenset({"true", "1", "t", "yes"})


@dataclass(frozen=True, slots=True)
class LineReader:
    """Converter of lines into readings, by a source's settings.

    Parameters
    ----------
    prompt_tokens : str
        Treatment of cached tokens in ``prompt_tokens``: ``whole`` if it holds them,
        ``without_cache`` if it does not, ``auto`` as the line proves.
    feature_tag_prefix : str
        Beginning of the tag that names the feature; empty: the first tag.
    providers : mapping of str to str
        Beginning of a model's name → provider, for lines that state none.
    """

    prompt_tokens: PromptTokens = "auto"
    feature_tag_prefix: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)

    def of_log(self, line: Line) -> Reading:
        """Return the reading of a spend log.

        Raises
        ------
        UnreadableError
            A value cannot count.
        """
        metadata = _mapping(line.get("metadata"))
        tags = _texts(line.get("request_tags"))
        started_at = to_moment(line.get("startTime"), "startTime")
        cost = to_cost(line.get("spend"), "spend")
        prompt = to_count(line.get("prompt_tokens"), "prompt_tokens")
        output = to_count(line.get("completion_tokens"), "completion_tokens")
        stated = to_count(line.get("total_tokens"), "total_tokens")
        read, write = _cached(metadata)
        whole = self._whole(prompt, output, stated, read, write)
        is_answered_here = str(line.get("cache_hit") or "").lower() in _YES
        reasoning = _reasoning(metadata)
        if is_answered_here:
            whole = read = write = output = reasoning = None
        return Reading(
            started_at,
            self._origin(line, tags),
            self._labels(line, tags, metadata),
            requests=1,
            successful_requests=int(str(line.get("status") or "success") == "success"),
            input_tokens=whole,
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=output,
            reasoning_tokens=reasoning,
            cost=cost,
        )

    def of_day(self, line: Line) -> Reading:
        """Return the reading of a row of a daily table.

        Raises
        ------
        UnreadableError
            A value cannot count.
        """
        tags = _texts(line.get("tag"))
        prompt = to_count(line.get("prompt_tokens"), "prompt_tokens")
        output = to_count(line.get("completion_tokens"), "completion_tokens")
        read = to_count(line.get("cache_read_input_tokens"), "cache_read_input_tokens")
        write = to_count(
            line.get("cache_creation_input_tokens"), "cache_creation_input_tokens"
        )
        requests = to_count(line.get("api_requests"), "api_requests") or 0
        successes = to_count(line.get("successful_requests"), "successful_requests")
        return Reading(
            to_moment(line.get("date"), "date"),
            self._origin(line, tags),
            self._labels(line, tags, {}),
            requests=requests,
            successful_requests=requests if successes is None else successes,
            input_tokens=self._whole(prompt, output, None, read, write),
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=output,
            cost=to_cost(line.get("spend"), "spend"),
        )

    def _whole(
        self,
        prompt: int | None,
        output: int | None,
        stated: int | None,
        read: int | None,
        write: int | None,
    ) -> int | None:
        if prompt is None or self.prompt_tokens == "whole":
            return prompt
        if self.prompt_tokens == "without_cache":
            return prompt + (read or 0) + (write or 0)
        beyond = None if stated is None else stated - prompt - (output or 0)
        return whole_input(prompt, read or 0, write or 0, stated_beyond=beyond)

    def _labels(
        self, line: Line, tags: Sequence[str], metadata: Line
    ) -> dict[str, tuple[str, ...]]:
        provider, model = _provider_and_model(line, self.providers)
        alias = metadata.get("user_api_key_alias") or line.get("key_alias")
        team = metadata.get("user_api_key_team_alias")
        return {
            "key": _present(alias, line.get("api_key")),
            "model": _present(line.get("model_group"), model, line.get("model")),
            "organization": _present(line.get("organization_id")),
            "provider": _present(provider),
            "tag": tuple(tags),
            "team": _present(team, line.get("team_id")),
        }

    def _origin(self, line: Line, tags: Sequence[str]) -> Origin:
        provider, model = _provider_and_model(line, self.providers)
        return Origin(
            provider=provider,
            provider_model=model,
            api_key_id=line.get("api_key") or None,
            project_id=line.get("team_id") or None,
            feature_tag=feature_in(tags, self.feature_tag_prefix),
        )


def whole_input(
    prompt: int, read: int, write: int, *, stated_beyond: int | None = None
) -> int:
    """Return the whole input, where ``prompt`` may leave out cached tokens.

    Parameters
    ----------
    prompt, read, write : int
        Tokens of the prompt, read from and written to the provider's cache.
    stated_beyond : int, optional
        By how much the stated total exceeds prompt and output.

    Notes
    -----
    A stated total decides. Else a part that is larger than the whole is not in it:
    reads above the prompt are outside, with the writes; writes that do not fit beside
    the reads are outside. Parts that may be inside are taken as inside, so that no
    token is counted that the line does not prove.

    Examples
    --------
    >>> whole_input(1000, 800, 0), whole_input(31, 0, 1253), whole_input(12, 2495, 0)
    (1000, 1284, 2507)
    >>> whole_input(1000, 800, 0, stated_beyond=800)
    1800
    """
    if stated_beyond is not None and stated_beyond in {read, write, read + write}:
        return prompt + max(stated_beyond, _outside(prompt, read, write))
    return prompt + _outside(prompt, read, write)


def _outside(prompt: int, read: int, write: int) -> int:
    if read > prompt:
        return read + write
    return write if read + write > prompt else 0


def refused_log(line: Line) -> Row:
    """Return the kept fields of a refused log, by the stream's names."""
    return _refused(line, period_start="startTime")


def refused_day(line: Line) -> Row:
    """Return the kept fields of a daily row that cannot count."""
    row = _refused(line, period_start="date")
    return row | {
        "requests": as_text(line.get("api_requests")),
        "successful_requests": as_text(line.get("successful_requests")),
        "cached_input_tokens": as_text(line.get("cache_read_input_tokens")),
        "cache_write_input_tokens": as_text(line.get("cache_creation_input_tokens")),
    }


def _refused(line: Line, *, period_start: str) -> Row:
    provider, model = _provider_and_model(line, {})
    return {
        "period_start": as_text(line.get(period_start)),
        "provider": provider,
        "provider_model": model,
        "input_tokens": as_text(line.get("prompt_tokens")),
        "output_tokens": as_text(line.get("completion_tokens")),
        "estimated_spend_amount": as_text(line.get("spend")),
        "currency": "USD",
    }


def _provider_and_model(
    line: Line, providers: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Return both; ``openai/gpt-4o`` names its provider in front."""
    name = as_text(line.get("model") or line.get("model_group")) or None
    provider = as_text(line.get("custom_llm_provider")) or None
    before, slash, after = (name or "").partition("/")
    if slash and provider in {None, before}:
        return before, after
    return provider or provider_of(name, providers), name


def _present(*values: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values if value))


def _cached(metadata: Line) -> tuple[int | None, int | None]:
    """Return tokens read from and written to the provider's cache, where stated."""
    for name in ("additional_usage_values", "usage_object"):
        usage = _mapping(metadata.get(name))
        details = _mapping(usage.get("prompt_tokens_details"))
        read = usage.get("cache_read_input_tokens")
        read = details.get("cached_tokens") if read is None else read
        write = usage.get("cache_creation_input_tokens")
        write = details.get("cache_creation_tokens") if write is None else write
        if read is not None or write is not None:
            return to_count(read, "cached_tokens"), to_count(write, "cached_tokens")
    return None, None


def _reasoning(metadata: Line) -> int | None:
    """Return the tokens of the output that were reasoning, where stated."""
    usage = _mapping(metadata.get("usage_object"))
    details = _mapping(usage.get("completion_tokens_details"))
    return to_count(details.get("reasoning_tokens"), "reasoning_tokens")


def _mapping(value: object) -> Line:
    """Return an object of JSON, also where an export wrote it as text."""
    found = _parsed(value)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    found = _parsed(value)
    if isinstance(found, str):
        return (found,) if found else ()
    if isinstance(found, (list, tuple)):
        return tuple(str(each) for each in found if each)
    return ()


def _parsed(value: object) -> object:
    if not isinstance(value, str) or value[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None  # tokens count even where the tags beside them are damaged
