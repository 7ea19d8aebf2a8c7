"""Price list: services, meters and list prices at three providers."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Sku:
    """Meter of a service.

    Parameters
    ----------
    key : str
        Name within this package.
    service, category, subcategory : str
        As FOCUS names them; ``service`` is the provider's own name.
    meter, description : str
        Counted unit, short and long.
    price : float
        List price of a pricing unit, in the currency of the contract.
    unit : str
        Pricing unit.
    consumed_unit : str
        Unit of consumption.
    consumed_per_unit : int
        Consumed units in a pricing unit.
    resource_type : str
        Type of the resource; empty where a meter has none.
    service_id : str
        Google's id of the service, or the operation at AWS.
    """

    key: str
    service: str
    category: str
    subcategory: str
    meter: str
    description: str
    price: float
    unit: str = "Hours"
    consumed_unit: str = "Hours"
    consumed_per_unit: int = 1
    resource_type: str = ""
    service_id: str = ""

    @property
    def sku_id(self) -> str:
        """Return a made-up id that stays the same for the same key."""
        digest = hashlib.sha256(self.key.encode()).digest()
        return base64.b32encode(digest)[:16].decode()


def _compute(key: str, meter: str, description: str, price: float) -> Sku:
    return Sku(
        key,
        "Amazon Elastic Compute Cloud",
        "Compute",
        "Virtual Machines",
        meter,
        description,
        price,
        resource_type="Instance",
        service_id="RunInstances",
    )


_AWS: Final = (
    _compute("aws-gpu", "BoxUsage:g5.12xlarge", "g5.12xlarge Linux instance", 5.672),
    _compute("aws-gpu-batch", "BoxUsage:g4dn.12xl", "g4dn.12xlarge Linux", 4.89),
    _compute("aws-gpu-slices", "BoxUsage:p5.4xlarge", "p5.4xlarge Linux", 6.88),
    _compute("aws-cpu", "BoxUsage:m6i.2xlarge", "m6i.2xlarge Linux instance", 0.384),
    Sku(
        "aws-eks", "Amazon Elastic Kubernetes Service", "Compute", "Containers",
        "AmazonEKS-Hours:perCluster", "Amazon EKS cluster usage", 0.10,
        resource_type="Cluster", service_id="CreateOperation",
    ),
    Sku(
        "aws-ebs", "Amazon Elastic Block Store", "Storage", "Block Storage",
        "EBS:VolumeUsage.gp3", "General purpose provisioned storage", 0.0952,
        "GB-Months", "GB-Months", resource_type="Volume",
        service_id="CreateVolume-Gp3",
    ),
    Sku(
        "aws-s3", "Amazon Simple Storage Service", "Storage", "Object Storage",
        "TimedStorage-ByteHrs", "Standard storage", 0.0245, "GB-Months", "GB-Months",
        resource_type="Bucket", service_id="StandardStorage",
    ),
    Sku(
        "aws-opensearch", "Amazon OpenSearch Service", "Databases", "NoSQL Databases",
        "ESInstance:r6g.2xlarge", "r6g.2xlarge search instance", 0.803,
        resource_type="Domain", service_id="ESDomain",
    ),
    Sku(
        "aws-cloudwatch", "AmazonCloudWatch", "Management and Governance",
        "Observability", "DataProcessing-Bytes", "Log data ingested", 0.57, "GB",
        "GB", resource_type="Log Group", service_id="PutLogEvents",
    ),
    Sku(
        "aws-transfer", "AWS Data Transfer", "Networking", "Content Delivery",
        "DataTransfer-Out-Bytes", "Data transfer out", 0.09, "GB", "GB",
        service_id="DataTransfer",
    ),
    Sku(
        "aws-sagemaker", "Amazon SageMaker", "AI and Machine Learning",
        "Machine Learning", "Train:ml.g5.2xlarge", "Training on ml.g5.2xlarge", 1.515,
        resource_type="Training Job", service_id="CreateTrainingJob",
    ),
    Sku(
        "aws-labelling", "Amazon SageMaker", "AI and Machine Learning",
        "Machine Learning", "GroundTruth:LabeledObjects", "Objects labelled", 0.08,
        "Objects", "Objects", resource_type="Labelling Job", service_id="GroundTruth",
    ),
    Sku(
        "aws-bedrock", "Amazon Bedrock", "AI and Machine Learning", "Generative AI",
        "InputTokenCount", "Input tokens", 3.0, "1000000 Tokens", "Tokens", 1_000_000,
        service_id="InvokeModelInference",
    ),
    Sku(
        "aws-rds", "Amazon Relational Database Service", "Databases",
        "Relational Databases", "InstanceUsage:db.r6g.2xl",
        "db.r6g.2xlarge PostgreSQL", 1.035, resource_type="Database",
        service_id="CreateDBInstance",
    ),
    Sku(
        "aws-support", "AWS Support (Business)", "Management and Governance",
        "Support", "Dollar", "Business support plan", 1.0, "Months", "Months",
    ),
    Sku(
        "aws-plan", "Savings Plans for AWS Compute usage", "Compute",
        "Virtual Machines", "ComputeSP:1yrNoUpfront",
        "1 year No Upfront Compute Savings Plan", 1.0, "Hours", "Hours",
        resource_type="Savings Plan",
    ),
)  # fmt: skip

_GCP: Final = (
    Sku(
        "gcp-tokens-in", "Vertex AI", "AI and Machine Learning", "Generative AI",
        "input", "Text input tokens", 2.40, "1000000 tokens", "tokens", 1_000_000,
        "Endpoint", "C7E2-9256-1C43",
    ),
    Sku(
        "gcp-tokens-out", "Vertex AI", "AI and Machine Learning", "Generative AI",
        "output", "Text output tokens", 9.60, "1000000 tokens", "tokens", 1_000_000,
        "Endpoint", "C7E2-9256-1C43",
    ),
    Sku(
        "gcp-training", "Vertex AI", "AI and Machine Learning", "Machine Learning",
        "training", "Training on n1-highmem-8 with L4", 1.31, "hour", "seconds",
        3_600, "CustomJob", "C7E2-9256-1C43",
    ),
    Sku(
        "gcp-bigquery", "BigQuery", "Analytics", "Data Warehouses", "analysis",
        "Analysis (europe-west3)", 7.5, "tebibyte", "bytes", 2**40, "Dataset",
        "24E6-581D-38E5",
    ),
    Sku(
        "gcp-gpu", "Compute Engine", "Compute", "Virtual Machines", "L4",
        "Nvidia L4 GPU running in Frankfurt", 0.72, "hour", "seconds", 3_600,
        "Instance", "6F81-5844-456A",
    ),
    Sku(
        "gcp-sql", "Cloud SQL", "Databases", "Relational Databases", "vCPU",
        "Cloud SQL for PostgreSQL: vCPU in Frankfurt", 0.0492, "hour", "seconds",
        3_600, "Instance", "9662-B51E-5089",
    ),
    Sku(
        "gcp-tax", "Invoice", "Other", "Other", "tax", "Tax", 1.0, "", "",
        service_id="",
    ),
    Sku(
        "gcp-rounding", "Invoice", "Other", "Other", "rounding", "Rounding error",
        1.0, "", "", service_id="",
    ),
)  # fmt: skip

_HYBRID: Final = (
    Sku(
        "hybrid-gpu", "GPU Nodes", "Compute", "Virtual Machines", "gpu-node-l40s-4",
        "Node with 4 L40S", 4.40, resource_type="GPU Node",
    ),
    Sku(
        "hybrid-metrics", "Metrics and Traces", "Management and Governance",
        "Observability", "active-series", "Active series", 0.004, "Series", "Series",
    ),
    Sku(
        "hybrid-migration", "Migration Services", "Other", "Other", "engineer-day",
        "Migration engineer", 1_150.0, "Days", "Days",
    ),
    Sku(
        "hybrid-plan", "Platform Plan", "Other", "Other", "plan-month", "Team plan",
        990.0, "Months", "Months",
    ),
)  # fmt: skip

#: Railway's documented prices: a month is 43,200 minutes.
_RAILWAY: Final = tuple(
    Sku(
        f"railway-{key}", service, category, "Other", measurement, description, price,
        unit, unit, resource_type="Service",
    )
    for key, service, category, measurement, description, price, unit in (
        ("cpu", "Railway Compute", "Compute", "CPU_USAGE", "vCPU", 20.0, "minutes"),
        ("memory", "Railway Compute", "Compute", "MEMORY_USAGE_GB", "Memory", 10.0,
         "minutes"),
        ("disk", "Railway Storage", "Storage", "DISK_USAGE_GB", "Volumes", 0.15,
         "minutes"),
        ("network", "Railway Network", "Networking", "NETWORK_TX_GB", "Egress", 0.05,
         "GB"),
        ("plan", "Railway Plan", "Other", "plan_fee", "Pro plan", 20.0, "Months"),
        ("seats", "Railway Plan", "Other", "seats", "Seats", 20.0, "Seats"),
        ("credit", "Railway", "Other", "credit", "Credit", 1.0, ""),
    )
)  # fmt: skip


def _tokens(key: str, service: str, meter: str, price: float) -> Sku:
    return Sku(
        key, service, "AI and Machine Learning", "Generative AI", meter, meter, price,
        "1000000 tokens", "tokens", 1_000_000, "API key",
    )  # fmt: skip


#: Dollars for a million tokens; ``meter`` is the line item.
_MODEL_APIS: Final = (
    _tokens("openai-in", "OpenAI API", "gpt-4o-2024-08-06, input", 2.50),
    _tokens("openai-cached", "OpenAI API", "gpt-4o-2024-08-06, cached input", 1.25),
    _tokens("openai-out", "OpenAI API", "gpt-4o-2024-08-06, output", 10.00),
    _tokens("anthropic-in", "Anthropic API", "uncached_input_tokens", 3.00),
    _tokens("anthropic-cached", "Anthropic API", "cache_read_input_tokens", 0.30),
    _tokens("anthropic-out", "Anthropic API", "output_tokens", 15.00),
)

SKUS: Final = {
    sku.key: sku for sku in (*_AWS, *_GCP, *_HYBRID, *_RAILWAY, *_MODEL_APIS)
}


def per_thousand(sku: Sku) -> Sku:
    """Return a token SKU as it was priced before: per 1K instead of per 1M."""
    return replace(
        sku, price=sku.price / 1_000, unit="1000 tokens", consumed_per_unit=1_000
    )
