"""GitHub as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "github": "connector:Github",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "github": (
        "deployments of GitHub repositories in every state, and the commits "
        "that each brought"
    ),
}
