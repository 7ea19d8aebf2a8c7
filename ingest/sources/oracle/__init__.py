"""Oracle Cloud as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "oci_focus": "focus:OciFocus",
    "oci_invoices": "invoices:OciInvoices",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "oci_focus": (
        "Oracle Cloud's FOCUS reports, from an S3-compatible bucket or a copy on disk"
    ),
    "oci_invoices": "invoices of an Oracle Cloud tenancy",
}
