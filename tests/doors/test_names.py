"""`import rlkit`: nothing comes with it, and what it names is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rlkit
from rlkit.packages import python


def modules_after(code: str) -> set[str]:
    """What a fresh Python has imported beyond its start, by top-level name and rlkit's by full name."""
    script = f"before = set(sys.modules)\n{code}\nprint(' '.join(set(sys.modules) - before))"
    done = subprocess.run(python(script), capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_rlkit_imports_nothing_else() -> None:
    found = modules_after("import rlkit")
    assert {name for name in found if name.startswith("rlkit")} == {"rlkit"}
    others = {name.partition(".")[0] for name in found} - {"rlkit"}
    assert not others - sys.stdlib_module_names


@pytest.mark.parametrize("name", ["runs", "RlkitError", "Callback", "Run", "make", "train", "load_policy"])
def test_a_name_needs_no_torch_until_it_is_called(name: str) -> None:
    found = {module.partition(".")[0] for module in modules_after(f"import rlkit; rlkit.{name}")}
    assert not found & {"torch", "numpy", "hydra", "mujoco", "gymnasium"}


def test_every_public_name_is_there_once_and_no_other() -> None:
    assert sorted(rlkit.__all__) == sorted(dir(rlkit)) == sorted({*rlkit._MODULES, "__version__"})
    for name in rlkit.__all__:
        assert getattr(rlkit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'mke'"):
        rlkit.mke  # type: ignore[attr-defined]  # noqa: B018
