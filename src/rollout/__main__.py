"""``python -m rollout``."""

from rollout.cli.main import entry

if __name__ == "__main__":
    entry()
