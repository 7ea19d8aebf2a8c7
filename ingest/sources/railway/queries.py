"""The questions put to Railway's public GraphQL API, in full.

Only used fields are requested: no log, no commit message and nobody's name. Deleted
projects and services are always included, or their cost would vanish with them.
``railway_schema.graphql`` among the tests holds the types they are validated against.
"""

from __future__ import annotations

WORKSPACE = """
query Workspace($workspaceId: String!) {
  workspace(workspaceId: $workspaceId) {
    id
    name
    apiTokenRateLimit { remainingPoints resetsAt }
    customer {
      billingPeriod { start end }
      currentUsage
      invoices {
        invoiceId
        periodStart
        periodEnd
        total
        amountDue
        amountPaid
        status
        items { itemId productId priceId priceDollars quantity }
      }
    }
  }
}
"""

PROJECTS = """
query Projects($workspaceId: String!, $first: Int!, $after: String) {
  projects(
    workspaceId: $workspaceId
    first: $first
    after: $after
    includeDeleted: true
  ) {
    edges {
      node {
        id
        name
        environments { edges { node { id name } } }
        services { edges { node { id name } } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

USAGE = """
query Usage(
  $workspaceId: String!
  $measurements: [MetricMeasurement!]!
  $startDate: DateTime!
  $endDate: DateTime!
) {
  usage(
    workspaceId: $workspaceId
    measurements: $measurements
    groupBy: [PROJECT_ID, ENVIRONMENT_ID, SERVICE_ID, REGION]
    startDate: $startDate
    endDate: $endDate
    includeDeleted: true
  ) {
    measurement
    value
    tags { projectId environmentId serviceId region }
  }
}
"""

DEPLOYMENTS = """
query Deployments($projectId: String!, $first: Int!, $after: String) {
  deployments(
    input: { projectId: $projectId, includeDeleted: true }
    first: $first
    after: $after
  ) {
    edges {
      node {
        id
        status
        createdAt
        updatedAt
        statusUpdatedAt
        projectId
        environmentId
        serviceId
        url
        staticUrl
        meta
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

REQUESTS = """
query Requests(
  $serviceId: String!
  $environmentId: String!
  $startDate: DateTime!
  $endDate: DateTime!
  $stepSeconds: Int!
) {
  httpMetricsGroupedByStatus(
    serviceId: $serviceId
    environmentId: $environmentId
    startDate: $startDate
    endDate: $endDate
    stepSeconds: $stepSeconds
  ) {
    statusCode
    samples { ts value }
  }
}
"""

LATENCY = """
query Latency(
  $serviceId: String!
  $environmentId: String!
  $startDate: DateTime!
  $endDate: DateTime!
  $stepSeconds: Int!
) {
  httpDurationMetrics(
    serviceId: $serviceId
    environmentId: $environmentId
    startDate: $startDate
    endDate: $endDate
    stepSeconds: $stepSeconds
  ) {
    samples { ts p50 p90 p95 p99 }
  }
  httpMetricsGroupedByStatus(
    serviceId: $serviceId
    environmentId: $environmentId
    startDate: $startDate
    endDate: $endDate
    stepSeconds: $stepSeconds
  ) {
    statusCode
    samples { ts value }
  }
}
"""

ALL = {
    "Workspace": WORKSPACE,
    "Projects": PROJECTS,
    "Usage": USAGE,
    "Deployments": DEPLOYMENTS,
    "Requests": REQUESTS,
    "Latency": LATENCY,
}
