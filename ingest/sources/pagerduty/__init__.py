"""PagerDuty as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "pagerduty": "connector:Pagerduty",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "pagerduty": (
        "incidents of a PagerDuty account, with the time that responders were engaged"
    ),
}
