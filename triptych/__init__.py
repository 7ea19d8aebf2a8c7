"""The spine of triptych: settings, workspace, warehouse and the order of a run.

It knows no cloud, metric or page. It guarantees that evidence is never lost, that a
single run writes at a time, and that readers only ever see a run that passed every
check.
"""

__version__ = "0.3.0.dev0"
#: Format of the workspaces that this version writes (core/workspace_format.py).
WORKSPACE_FORMAT = 3

__all__ = ["WORKSPACE_FORMAT", "__version__"]
