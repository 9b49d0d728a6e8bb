"""Who may import whom, read from the source: the table in docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "rlkit"
HEAVY = {"torch", "numpy", "mujoco", "jax", "rl_games", "gymnasium", "tensorboard", "imageio", "PIL", "viser",
         "trimesh", "matplotlib", "onnx", "onnxruntime", "h5py", "warp", "mujoco_warp",
         "isaacgym", "genesis"}  # fmt: skip

# simulator: the libraries that it alone may import; those of MuJoCo's family read its models with mujoco
ENGINES = {
    "mujoco": {"mujoco"},
    "mjx": {"mujoco", "jax"},
    "warp": {"mujoco", "warp", "mujoco_warp"},
    "isaacgym": {"isaacgym", "mujoco"},
    "genesis": {"genesis", "mujoco"},
}

# room: what it may import of rlkit, and which heavy libraries.
RULES = {
    "config": ({"rlkit.config", "rlkit.names", "rlkit.masking", "rlkit.untrusted"}, set()),
    "workspace": ({"rlkit.workspace", "rlkit.names", "rlkit.masking", "rlkit.untrusted"}, set()),
    "tasks": ({"rlkit.tasks", "rlkit.sims.api", "rlkit.sims.models"}, {"torch"}),
    "sims": ({"rlkit.sims"}, {"torch", "numpy", "mujoco", "jax", "warp", "mujoco_warp", "isaacgym", "genesis"}),
    "env": ({"rlkit.env", "rlkit.sims.api", "rlkit.tasks.api"}, {"torch"}),
    "env/gym": (
        {"rlkit.env.gym", "rlkit.env.spec", "rlkit.env.foreign", "rlkit.runtime.console"},
        {"torch", "numpy", "gymnasium"},
    ),
    "learners": ({"rlkit.learners", "rlkit.env.spec"}, {"torch", "numpy", "rl_games", "gymnasium"}),
    "soccer": ({"rlkit.soccer", "rlkit.env.spec"}, {"numpy", "mujoco", "gymnasium"}),
    "media": (
        {"rlkit.media", "rlkit.untrusted", "rlkit.workspace", "rlkit.env.gym.rendering", "rlkit.env.spec",
         "rlkit.sims.mjcf"},
        {"numpy", "mujoco", "imageio", "PIL", "viser", "trimesh", "h5py"},
    ),
    "report": ({"rlkit.report", "rlkit.workspace", "rlkit.untrusted", "rlkit.config"}, {"numpy", "matplotlib"}),
    "commands": (
        {"rlkit.commands", "rlkit.workspace", "rlkit.media", "rlkit.report", "rlkit.runtime", "rlkit.config",
         "rlkit.untrusted"},
        set(),
    ),
    "runtime": (
        {"rlkit.runtime", "rlkit.media", "rlkit.masking", "rlkit.untrusted", "rlkit.config", "rlkit.workspace",
         "rlkit.env",
         "rlkit.learners.api", "rlkit.learners.registry", "rlkit.sims.api", "rlkit.sims.registry", "rlkit.tasks.api",
         "rlkit.tasks.registry"},
        {"torch", "numpy", "tensorboard", "onnx", "onnxruntime"},
    ),
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions; relative imports are not used in rlkit."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in allowed)


@pytest.mark.parametrize("room", RULES)
def test_a_room_imports_only_its_neighbours(room: str) -> None:
    ours, heavy = RULES[room]
    inner = [
        ROOT / other for other in RULES if other.startswith(f"{room}/")
    ]  # rooms with a rule of their own
    files = [path for path in (ROOT / room).rglob("*.py") if not set(inner) & set(path.parents)]
    assert files
    for path in files:
        for module in imports(path):
            top = module.split(".")[0]
            if top == "rlkit":
                assert within(module, ours), f"{path} imports {module}"
            else:
                assert top not in HEAVY - heavy, f"{path} imports {module}"


def test_a_backend_knows_its_own_engine_and_a_learner_its_own_library_alone() -> None:
    for path in (ROOT / "sims").rglob("*.py"):
        room = path.parent.name if path.parent.parent == ROOT / "sims" else path.stem.partition("_")[0]
        foreign = {engine for engines in ENGINES.values() for engine in engines} - ENGINES.get(room, set())
        assert not any(m.split(".")[0] in foreign for m in imports(path)), path
        others = {f"rlkit.sims.{other}" for other in ENGINES if other not in (room, "mujoco")}
        assert not any(within(m, others) for m in imports(path)), path
    learners = [
        folder for folder in (ROOT / "learners").iterdir() if folder.is_dir() and folder.name[0] != "_"
    ]
    for folder in learners:
        others = {f"rlkit.learners.{other.name}" for other in learners if other != folder}
        for path in folder.rglob("*.py"):
            assert not any(within(m, others) for m in imports(path)), path


def test_nothing_imports_the_app() -> None:
    for path in ROOT.rglob("*.py"):
        assert not within("rlkit.app", imports(path)), path
        assert not any(m.startswith("rlkit.app") for m in imports(path)), path


def test_files_stay_one_room() -> None:
    long = {path.name: n for path in ROOT.rglob("*.py") if (n := len(path.read_text().splitlines())) > 420}
    assert not long


def test_the_names_of_simulators_and_learners_agree_wherever_they_are_listed() -> None:
    """config may not import the rooms that hold them, so each keeps a list."""
    from rlkit.config import keys, machine
    from rlkit.learners.registry import LEARNERS
    from rlkit.sims.registry import SIMULATORS

    choices = next(key.type for key in keys.COMMON_KEYS if key.name == "sim.name")
    # Gymnasium's environments bring their own physics: no Simulator steps them.
    engines = {*SIMULATORS, "gymnasium"}
    assert engines == set(machine.SIMULATORS)
    assert engines | set(machine.UNAVAILABLE) == set(choices.split("|")) - {"auto"}
    assert set(LEARNERS) == set(keys.LEARNER_KEYS)
    groups = ROOT.parent / "conf" / "sim"
    assert {path.stem for path in groups.glob("*.yaml")} == {*engines, *machine.UNAVAILABLE, "auto"}
