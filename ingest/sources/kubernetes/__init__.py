"""Kubernetes as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "opencost": "opencost:Opencost",
    "openshift_metrics": "openshift_metrics:OpenshiftMetrics",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "opencost": (
        "requests, usage, GPUs and idle of Kubernetes clusters from OpenCost "
        "or Kubecost, or from recorded answers; costs from its CSV export"
    ),
    "openshift_metrics": "the same from the reports of OpenShift's metrics operator",
}
