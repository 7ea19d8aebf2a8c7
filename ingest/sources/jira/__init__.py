"""Jira as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "jira_worklogs": "worklogs:JiraWorklogs",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "jira_worklogs": (
        "booked hours of a Jira site, by team and category, and those that were deleted"
    ),
}
