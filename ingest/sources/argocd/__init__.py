"""Argo CD as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "argocd": "connector:Argocd",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "argocd": (
        "deployments of Argo CD applications, from their history and their "
        "newest operation"
    ),
}
