"""Prometheus as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "prometheus": "connector:Prometheus",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "prometheus": (
        "GPU hours, requests, tokens and latency from a Prometheus server, or "
        "from recorded samples"
    ),
}
