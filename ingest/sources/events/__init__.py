"""Events of delivery as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "event_inbox": "connector:EventInbox",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "event_inbox": (
        "events that were posted to the receiver, or files of CDEvents, "
        "CloudEvents and DevLake bodies: deployments, incidents, promotions, "
        "commits"
    ),
}
