"""Which of the contract suite each connector passes in which layer.

That a crash commits nothing, that what is not new counts once and that a bad row is
quarantined is kept by the runner, whatever it reads: a few connectors of each kind show
it in the fast layer, and all of them in the full one. A first ingest that is whole and
tells no secret is what the test of late data begins with, for every connector.
"""

from __future__ import annotations

import pytest

#: Files, a query, an API with tokens, one with numbered pages, a bucket, a meter.
REPRESENTATIVES = frozenset(
    {
        *("test_focus_files.py", "test_tables.py", "test_openai.py", "test_gitlab.py"),
        *("test_aws_data_exports.py", "test_prometheus.py"),
    }
)
LEFT_TO_THE_FULL_LAYER = frozenset(
    {
        # The test of late data begins with the same assertions.
        "test_the_first_ingest_holds_every_row_and_all_money",
        "test_what_is_not_new_commits_nothing_and_counts_once",
        "test_a_crash_while_reading_commits_nothing_of_the_delivery",
        "test_hostile_rows_go_to_quarantine_whole_and_with_a_reason",
    }
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the full layer what others show, or other tests begin with."""
    for item in items:
        is_left = getattr(item, "originalname", "") in LEFT_TO_THE_FULL_LAYER
        if is_left and item.path.name not in REPRESENTATIVES:
            item.add_marker(pytest.mark.full)
