"""Files of tables as a source."""

#: Type of a source → module of this folder and class of its connector.
CONNECTORS = {
    "focus_files": "focus_files:FocusFiles",
    "surveys": "surveys:Surveys",
    "tables": "connector:Tables",
}
#: Type of a source → data that it reads, for lists of sources.
READS = {
    "focus_files": (
        "FOCUS 1.0 to 1.4 of any vendor, from a file, a folder, a glob or a "
        "bucket; local bills of AWS, Azure and Google in their own columns"
    ),
    "surveys": (
        "answers of surveys from CSV files, with respondents hashed before "
        "anything is stored"
    ),
    "tables": (
        "any CSV, Parquet or JSON Lines file, or a SQL query over files or of "
        "a database, as one stream"
    ),
}
