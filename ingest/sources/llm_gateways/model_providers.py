"""Find the provider of a model, where a meter names only the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Beginning of a model's name → provider. The vendor of the weights; who sells them
#: through a cloud is named in the source's own ``providers``.
KNOWN_BEGINNINGS = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "text-embedding-": "openai",
    "whisper-": "openai",
    "dall-e-": "openai",
    "claude-": "anthropic",
    "gemini-": "gemini",
    "mistral-": "mistral",
    "codestral-": "mistral",
    "command-": "cohere",
    "deepseek-": "deepseek",
    "grok-": "xai",
}


def provider_of(model: str | None, providers: Mapping[str, str]) -> str | None:
    """Return the provider of a model by the longest beginning that fits its name.

    Parameters
    ----------
    model : str, optional
        Name of the model as in the meter.
    providers : mapping of str to str
        Beginning → provider, as configured; they come before those that are known.

    Examples
    --------
    >>> provider_of("gpt-4o-mini", {}), provider_of("gpt-4o", {"gpt-": "azure"})
    ('openai', 'azure')
    >>> provider_of("eta-v2", {}) is None
    True
    """
    name = (model or "").lower()
    for table in (providers, KNOWN_BEGINNINGS):
        fitting = [start for start in table if name.startswith(start.lower())]
        if fitting and name:
            return table[max(fitting, key=len)]
    return None
