"""Words of the tests that have clients of others start our server."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def program() -> str:
    """The console script beside this interpreter."""
    found = shutil.which("rollout", path=str(Path(sys.executable).parent))
    assert found is not None
    return found
