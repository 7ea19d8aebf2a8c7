"""Providers of models and of coding assistants."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "anthropic": "anthropic:Anthropic",
    "github_copilot": "github_copilot:GithubCopilot",
    "openai": "openai:OpenAi",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "anthropic": (
        "an Anthropic organisation's daily costs, and its usage by workspace, "
        "key and model"
    ),
    "github_copilot": (
        "an organisation's daily GitHub Copilot charges by SKU and model, and its"
        " seats by team"
    ),
    "openai": (
        "an OpenAI organisation's daily costs, and its usage by project, key and model"
    ),
}
