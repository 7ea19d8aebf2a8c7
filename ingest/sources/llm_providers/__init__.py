"""Providers of models as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "anthropic": "anthropic:Anthropic",
    "openai": "openai:OpenAi",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "anthropic": (
        "an Anthropic organisation's daily costs, and its usage by workspace, "
        "key and model"
    ),
    "openai": (
        "an OpenAI organisation's daily costs, and its usage by project, key and model"
    ),
}
