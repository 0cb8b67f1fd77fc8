"""Start ``rollout app-server`` from the sources, whatever the environment is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "src"))

from rollout.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["app-server", *sys.argv[1:]]))
