"""What holds for every test: no time limit of its own, and nothing reaches the caches of whoever runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes tells of the machine, not of the code.
settings.register_profile("rollout", deadline=None)
settings.load_profile("rollout")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Indexes are made in a folder of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("ROLLOUT_INDEX", raising=False)
        yield
