"""Google Cloud as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "gcp_billing": "connector:GcpBilling",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "gcp_billing": (
        "Google Cloud's billing export in BigQuery or as files, list prices "
        "and project links"
    ),
}
