from __future__ import annotations

from typing import Iterator

import pytest
from workspace_helper import Workspace


@pytest.fixture
def workspace(tmp_path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "project")
    yield made
    made.close()
