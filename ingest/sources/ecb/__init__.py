"""European Central Bank as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "ecb_rates": "rates:EcbRates",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "ecb_rates": "the ECB's euro reference rates, from its address or a file",
}
