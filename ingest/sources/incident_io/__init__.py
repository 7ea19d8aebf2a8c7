"""incident.io as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "incident_io": "connector:IncidentIo",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "incident_io": (
        "incidents of an incident.io organisation, with the time that people "
        "worked on them"
    ),
}
