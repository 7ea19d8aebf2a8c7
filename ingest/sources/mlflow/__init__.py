"""MLflow as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "mlflow": "connector:Mlflow",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "mlflow": "training runs, model versions and alias moves from an MLflow server",
}
