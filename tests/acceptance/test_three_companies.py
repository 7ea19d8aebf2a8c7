"""Three invented companies, from providers' files to each figure of the first screens.

The truth of each is worked out from its plan, was frozen before anything was run, and
is compared with what is published and what pages and assistants are told.
"""

from __future__ import annotations

import pytest

from tests.acceptance.companies import api_company, gpu_company, migration_company
from tests.acceptance.companies.files import fingerprint

COMPANIES = {
    "api": api_company,
    "gpu": gpu_company,
    "migration": migration_company,
}
#: The truth as it was before the first run. It changes only with the plan.
FROZEN = {
    "api": "c3f684d3e9af6bd0829c4acb15b8fd32789da9cd8d1d4d43f3b8b4a7081d4ab2",
    "gpu": "f2100b1bfa62ecf7c20bd34298333cd8d4a8b780bad8e78151035b0a6c6dd1b0",
    "migration": "1b1fd10abeb42598c0b928f6194cbd63cf43d26a50bf2908d2e1bdd0f5358531",
}


@pytest.mark.parametrize("name", COMPANIES)
def test_the_truth_is_what_was_worked_out_before_the_first_run(name: str) -> None:
    assert fingerprint(COMPANIES[name].truth()) == FROZEN[name]
