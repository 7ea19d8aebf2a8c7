"""SageMaker as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "sagemaker": "connector:Sagemaker",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "sagemaker": (
        "versions of Amazon SageMaker's registry and which of them endpoints "
        "serve, from its API or from EventBridge events"
    ),
}
