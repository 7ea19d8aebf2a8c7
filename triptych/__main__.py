"""``python -m triptych`` is ``triptych``."""

from __future__ import annotations

from triptych.cli import main

if __name__ == "__main__":
    main()
