"""AWS as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "aws_cost_explorer": "cost_explorer:AwsCostExplorer",
    "aws_cur_legacy": "cur_legacy:AwsCurLegacy",
    "aws_data_exports": "data_exports:AwsDataExports",
    "aws_invoices": "invoices:AwsInvoices",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "aws_cost_explorer": (
        "daily totals of AWS Cost Explorer, for accounts without an export"
    ),
    "aws_cur_legacy": (
        "legacy AWS Cost and Usage Reports on S3 by their manifests, or a "
        "copy of the bucket on disk"
    ),
    "aws_data_exports": (
        "FOCUS and CUR 2.0 exports on S3 by their manifests, or a copy of the "
        "bucket on disk"
    ),
    "aws_invoices": "invoices and credit memos of an AWS account",
}
