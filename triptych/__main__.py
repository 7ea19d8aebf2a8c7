"""``python -m triptych`` is ``triptych``."""

from __future__ import annotations

import sys
from pathlib import Path


def _forget_the_folder() -> None:
    """Look for no modules in the folder of the call: it may be a workspace.

    ``-m`` puts it first. Only where this package itself is found there it stays.
    """
    if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[1]:
        del sys.path[0]


if __name__ == "__main__":
    _forget_the_folder()
    from triptych.cli import main

    main()
