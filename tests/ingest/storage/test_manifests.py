"""A manifest that cannot be read is named, whatever is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.storage.manifests import ManifestReader
from ingest.storage.objects import LocalObjects
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"a":' * 50_000, "", "7", "[]", "null", "{", "\x00", "{NaN: 1}"],
    ids=lambda content: content[:6],
)
def test_a_manifest_that_is_no_object_of_json_is_refused_by_name(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "focus-Manifest.json").write_text(content)
    store = LocalObjects(tmp_path)
    [manifest] = store.list_objects("")
    with pytest.raises(MalformedDeliveryError) as refused:
        ManifestReader(store, vendor="AWS").parsed(manifest)
    assert "focus-Manifest.json" in str(refused.value)
    assert refused.value.next_step
