"""Model gateways as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "langfuse": "langfuse:Langfuse",
    "litellm": "litellm:Litellm",
    "opentelemetry": "opentelemetry:OpenTelemetry",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "langfuse": "tokens by feature tag and model that a Langfuse project traces",
    "litellm": (
        "tokens by feature, team and key that a LiteLLM proxy counts, from "
        "its spend API or its tables"
    ),
    "opentelemetry": (
        "tokens by model, agent, team, tenant and task, from OpenTelemetry spans "
        "that were posted to the receiver, or files of OTLP JSON lines"
    ),
}
