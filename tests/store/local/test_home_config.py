"""Which home, and what its configuration says."""

from __future__ import annotations

from pathlib import Path

from rollout.store.local.config import Config, read_config
from rollout.store.local.home import find_home, home_of_path


def test_the_order_of_homes() -> None:
    """The given home wins over ROLLOUT_HOME, that over CODEX_HOME, that over the default; empty means absent."""
    both = {"ROLLOUT_HOME": "/ours", "CODEX_HOME": "/theirs"}
    default = str(Path("~/.codex").expanduser())

    assert find_home("/given", both) == "/given"
    assert find_home(None, both) == "/ours"
    assert find_home("", {"ROLLOUT_HOME": "", "CODEX_HOME": "/theirs"}) == "/theirs"
    assert find_home(None, {}) == default
    assert find_home("~/x", {}) == str(Path("~/x").expanduser())


def test_the_home_of_a_path() -> None:
    """A rollout's home is the folder around ``sessions`` or the archive; elsewhere its own folder."""
    assert home_of_path("/h/sessions/2026/01/02/rollout-x.jsonl") == "/h"
    assert home_of_path("/h/archived_sessions/rollout-x.jsonl") == "/h"
    assert home_of_path("/elsewhere/rollout-x.jsonl") == "/elsewhere"


def test_a_configuration(tmp_path: Path) -> None:
    """The provider, the providers that are set up, and the place of the databases are read."""
    text = 'model_provider = "mine"\nsqlite_home = "/db"\n[model_providers.mine]\nname = "Mine"\n'
    (tmp_path / "config.toml").write_text(text)

    assert read_config(str(tmp_path)) == Config("mine", ("mine",), "/db")


def test_no_configuration(tmp_path: Path) -> None:
    """Without a file, or with other types in it, Codex's defaults hold, without a word."""
    missing = read_config(str(tmp_path))
    (tmp_path / "config.toml").write_text("model_provider = 3\nmodel_providers = []\n")

    assert (missing, read_config(str(tmp_path))) == (Config(), Config())


def test_an_unreadable_configuration(tmp_path: Path) -> None:
    """A broken file means the defaults and one line that says so."""
    (tmp_path / "config.toml").write_bytes(b"model_provider = \xff")
    config = read_config(str(tmp_path))

    assert config._replace(warning=None) == Config()
    assert "config.toml cannot be read" in (config.warning or "")
    assert "\n" not in (config.warning or "")
