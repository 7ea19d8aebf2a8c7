"""Azure as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "azure_focus": "focus:AzureFocus",
    "azure_invoices": "invoices:AzureInvoices",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "azure_focus": (
        "Azure cost exports, FOCUS or native cost details, from Blob storage "
        "by their manifests, or from a copy on disk"
    ),
    "azure_invoices": "invoices and credit notes of an Azure billing account",
}
