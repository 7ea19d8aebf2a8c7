"""GitLab as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "gitlab": "connector:Gitlab",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "gitlab": (
        "deployments of GitLab projects, and the commits of the merge "
        "requests that each shipped"
    ),
}
