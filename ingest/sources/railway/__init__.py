"""Railway as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "railway": "connector:Railway",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "railway": (
        "a Railway workspace: priced usage, invoices, deployments, request "
        "counts and latency; or recorded answers"
    ),
}
