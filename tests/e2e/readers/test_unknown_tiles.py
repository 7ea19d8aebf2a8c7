"""Each tile of the sample company that has a dash says why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dashboard.shared.roles import AUDIENCES
from tests.acceptance.test_one_bill_figures import WAY_OUT
from tests.dashboard.conftest import unknown_tiles

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp


@pytest.mark.parametrize("page", AUDIENCES)
def test_every_dash_has_its_way_out(
    sample_company: Path, open_app: OpenApp, page: str
) -> None:
    app = open_app(sample_company, page=page)
    unknown = unknown_tiles(app)
    assert {k: v for k, v in unknown.items() if not WAY_OUT.search(v)} == {}
    assert [error.value for error in app.error] == []
