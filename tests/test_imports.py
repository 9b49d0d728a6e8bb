"""Who may import whom, read from the source: the table in docs/architecture.md."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1] / "rlkit"
HEAVY = {"torch", "numpy", "mujoco", "jax", "rl_games", "gymnasium", "tensorboard", "imageio", "PIL", "viser",
         "trimesh", "matplotlib", "onnx", "onnxruntime", "h5py", "warp", "mujoco_warp",
         "isaacgym", "genesis", "wandb", "mlflow", "trackio", "optuna"}  # fmt: skip

# simulator: the libraries that it alone may import; those of MuJoCo's family read its models with mujoco
ENGINES = {
    "mujoco": {"mujoco"},
    "mjmodel": {"mujoco"},
    "robots": {"mujoco"},
    "mjx": {"mujoco", "jax"},
    "warp": {"mujoco", "warp", "mujoco_warp"},
    "isaacgym": {"isaacgym", "mujoco"},
    "genesis": {"genesis", "mujoco"},
}

# What every room may use: errors, names, numbers, texts.
BASE = {
    f"rlkit.{name}"
    for name in (
        "console",
        "errors",
        "masking",
        "names",
        "nearest",
        "numbers",
        "packages",
        "settings",
        "torn",
        "untrusted",
        "yaml_text",
    )
} | {"rlkit.__version__", "rlkit.plugins", "rlkit.zoo"}

# What is known of simulators, learners and legged robots without importing them: a row each; the learners' settings.
FACTS = {
    "rlkit.sims.facts",
    "rlkit.env.cameras.settings",
    "rlkit.env.images",
    "rlkit.learners.cnn",
    "rlkit.learners.facts",
    "rlkit.tasks.motion.goals_file",
    "rlkit.tasks.robots.humanoids",
    "rlkit.tasks.robots.legged",
    "rlkit.terrain.settings",
    "rlkit.objects.settings",
    "rlkit.objects.mesh_file",
}

# What is known of motions without numpy: what each clip says of itself, and which a request names.
MOTION_FACTS = {f"rlkit.motion.{name}" for name in ("collection", "entry", "errors", "robots")}

# room: what it may import of rlkit, and which heavy libraries.
RULES = {
    "plugins": (BASE, set()),
    "zoo": (BASE, set()),
    "archives": ({"rlkit.archives"} | BASE, {"numpy"}),
    "config": ({"rlkit.config"} | BASE | FACTS | MOTION_FACTS, set()),
    "workspace": ({"rlkit.workspace"} | BASE | FACTS, set()),
    "motion": (
        {"rlkit.motion", "rlkit.rotations", "rlkit.sims.models", "rlkit.sims.mjcf", "rlkit.sims.mjcf_names",
         "rlkit.archives", "rlkit.workspace.write_atomic", *BASE},
        {"torch", "numpy", "mujoco", "matplotlib"},
    ),
    "terrain": ({"rlkit.terrain", "rlkit.sims.mjcf"} | BASE, {"torch", "numpy"}),
    "objects": ({"rlkit.objects"} | BASE, {"numpy"}),
    "tasks": (
        {f"rlkit.{name}" for name in ("tasks", "motion", "terrain", "objects", "sims.api", "sims.models", "rotations")}
        | BASE,
        {"torch"},
    ),
    "sims": ({"rlkit.sims", "rlkit.rotations"} | BASE, {"torch", "numpy"}),
    "env": ({"rlkit.env", "rlkit.sims.api", "rlkit.tasks.api"} | BASE, {"torch"}),
    "env/gym": (
        {"rlkit.env.gym", "rlkit.env.api", "rlkit.env.foreign", "rlkit.env.images", *BASE},
        {"torch", "numpy", "gymnasium"},
    ),
    "learners": (
        {"rlkit.learners", "rlkit.env.api", "rlkit.env.images"} | BASE,
        {"torch", "numpy", "rl_games", "gymnasium"},
    ),
    "soccer": ({"rlkit.soccer", "rlkit.env.api"} | BASE, {"numpy", "mujoco", "gymnasium"}),
    "media": (
        {"rlkit.media", "rlkit.workspace", *BASE, "rlkit.env.gym.rendering", "rlkit.env.api",
         "rlkit.env.cameras.settings",
         "rlkit.sims.mjcf", "rlkit.archives"},
        {"numpy", "mujoco", "imageio", "PIL", "viser", "trimesh", "h5py"},
    ),
    "report": ({"rlkit.report", "rlkit.workspace", "rlkit.config"} | BASE, {"numpy", "matplotlib"}),
    "commands": (
        {"rlkit.commands", "rlkit.workspace", "rlkit.media", "rlkit.report", "rlkit.runtime", "rlkit.config",
         "rlkit.export", "rlkit.crosscheck", "rlkit.tryout", "rlkit.sims.registry", "rlkit.sims.api",
         "rlkit.sims.robots", "rlkit.motion", "rlkit.clusters", "rlkit.sweeps", *BASE, *FACTS},
        set(),
    ),
    "sweeps": (
        {"rlkit.sweeps", "rlkit.config", "rlkit.workspace", "rlkit.runtime.process", "rlkit.report.metrics", *BASE},
        {"optuna"},
    ),
    "runtime": (
        {"rlkit.runtime", "rlkit.media", "rlkit.config", "rlkit.workspace", "rlkit.env", *BASE, *FACTS,
         "rlkit.learners.api", "rlkit.learners.registry", "rlkit.sims.api", "rlkit.sims.registry", "rlkit.tasks.api",
         "rlkit.tasks.registry", "rlkit.archives"},
        {"torch", "numpy", "tensorboard"},
    ),
    "runtime/trackers": (
        {"rlkit.runtime.trackers", "rlkit.runtime.progress.writer", "rlkit.config", "rlkit.workspace", *BASE},
        {"wandb", "mlflow", "trackio"},
    ),
    "export": (
        {"rlkit.export", "rlkit.runtime", "rlkit.config", "rlkit.workspace", "rlkit.env", "rlkit.learners.api",
         "rlkit.learners.acting", "rlkit.sims.api", "rlkit.tasks.api", *BASE, *FACTS},
        {"torch", "numpy", "onnx", "onnxruntime"},
    ),
    "crosscheck": (
        {"rlkit.crosscheck", "rlkit.export.request", "rlkit.runtime", "rlkit.config", "rlkit.workspace", "rlkit.env",
         "rlkit.media", "rlkit.learners.api", "rlkit.sims.api", "rlkit.sims.registry", "rlkit.tasks.api",
         "rlkit.tasks.registry", *BASE},
        {"torch", "numpy"},
    ),
    "tryout": (
        {"rlkit.tryout", "rlkit.runtime", "rlkit.config", "rlkit.env", "rlkit.media", "rlkit.sims.mjmodel.keyframes",
         "rlkit.workspace", "rlkit.learners.api", *BASE, *FACTS},
        {"torch"},
    ),
    "clusters": (
        {"rlkit.clusters", "rlkit.config", "rlkit.runtime", "rlkit.workspace", "rlkit.sweeps.score", *BASE},
        set(),
    ),
    "doors": (
        {"rlkit.doors", "rlkit.runtime", "rlkit.config", "rlkit.workspace", "rlkit.env", "rlkit.learners.api",
         "rlkit.learners.acting", "rlkit.learners.registry", "rlkit.report.metrics", *BASE, *FACTS},
        {"torch", "numpy", "gymnasium"},
    ),
}  # fmt: skip

# The folders of a room from the bottom up: each may import those before it, and the room's own files may import all.
FLOORS = {
    "config": ("schema", "facts", "files", "checks", "words"),
    "runtime": (
        "process",
        "checkpoints",
        "policies",
        "progress",
        "trackers",
        "watching",
        "playing",
        "training",
    ),
}


# The folders of learners/ that are no learner's own.
SHARED_BY_LEARNERS = ("networks", "off_policy")


@lru_cache(maxsize=None)
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
    engines = set().union(*ENGINES.values()) if room == "sims" else set()
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
                assert top not in HEAVY - heavy - engines, f"{path} imports {module}"


def test_a_backend_knows_its_own_engine_and_a_learner_its_own_library_alone() -> None:
    sims = ROOT / "sims"
    foreign = set().union(*ENGINES.values())
    for path in sims.rglob("*.py"):
        room = path.relative_to(sims).parts[0]
        assert not any(m.split(".")[0] in foreign - ENGINES.get(room, set()) for m in imports(path)), path
        others = {f"rlkit.sims.{other}" for other in ENGINES if other not in (room, "mjmodel", "robots")}
        assert not any(within(m, others) for m in imports(path)), path
    learners = [
        folder
        for folder in (ROOT / "learners").iterdir()
        if folder.is_dir() and folder.name[0] != "_" and folder.name not in SHARED_BY_LEARNERS
    ]
    for folder in learners:
        others = {f"rlkit.learners.{other.name}" for other in learners if other != folder}
        for path in folder.rglob("*.py"):
            assert not any(within(m, others) for m in imports(path)), path
    own = {f"rlkit.learners.{folder.name}" for folder in learners}
    for name in SHARED_BY_LEARNERS:
        for path in (ROOT / "learners" / name).rglob("*.py"):
            assert not any(within(m, own) for m in imports(path)), path


def test_nothing_imports_the_app_but_the_command() -> None:
    for path in {*ROOT.rglob("*.py")} - {ROOT / "cli.py"}:
        assert not within("rlkit.app", imports(path)), path
        assert not any(m.startswith("rlkit.app") for m in imports(path)), path


def test_what_every_room_may_use_imports_no_room() -> None:
    doors = {"__init__", "__main__", "app", "cli"}
    files = [path for path in ROOT.glob("*.py") if path.stem not in doors]
    known = BASE - {"rlkit.__version__", "rlkit.plugins", "rlkit.zoo"} | {"rlkit.rotations"}
    assert {f"rlkit.{path.stem}" for path in files} == known
    for path in files:
        heavy = HEAVY - ({"torch"} if path.stem == "rotations" else set())
        for module in imports(path):
            assert module.split(".")[0] not in heavy, f"{path} imports {module}"
            assert not within(module, {"rlkit"}) or within(module, BASE), f"{path} imports {module}"


@pytest.mark.parametrize("room", FLOORS)
def test_a_folder_of_a_room_imports_nothing_above_it(room: str) -> None:
    floors = FLOORS[room]
    assert set(floors) == {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
    for floor, name in enumerate(floors, start=1):
        below = {f"rlkit.{room}.{other}" for other in floors[:floor]}
        for path in (ROOT / room / name).rglob("*.py"):
            for module in imports(path):
                assert not within(module, {f"rlkit.{room}"}) or within(module, below), (
                    f"{path} imports {module}"
                )


def test_no_file_imports_itself_through_others() -> None:
    files = {_module(path): path for path in ROOT.rglob("*.py")}
    del files["rlkit"]  # __version__, and names that are imported when they are asked for
    graph = {name: {_file(m, files) for m in imports(path)} - {name, ""} for name, path in files.items()}
    while leaves := {name for name, needs in graph.items() if not needs}:
        graph = {name: needs - leaves for name, needs in graph.items() if name not in leaves}
    assert not graph, f"in a circle, or above one: {sorted(graph)}"


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _file(imported: str, files: dict[str, Path]) -> str:
    """The module that an imported name is of, empty where it is none of ours."""
    while imported and imported not in files:
        imported = imported.rpartition(".")[0]
    return imported


def test_files_and_folders_stay_one_room() -> None:
    tests = ROOT.parent / "tests"
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert not {path.name: length for path, length in lengths.items() if length > 420}
    assert median(lengths.values()) <= 100
    folders = {path.parent for path in (*lengths, *tests.rglob("*.py"))}
    sizes = {str(folder): len(list(folder.glob("*.py"))) for folder in folders}
    assert not {folder: size for folder, size in sizes.items() if size > 16}


@pytest.mark.slow
def test_functions_fit_on_a_screen() -> None:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_what_is_known_of_simulators_and_learners_needs_none_of_them() -> None:
    """config and workspace read these files: what they import imports the standard library alone."""
    files = [
        ROOT / "sims" / "facts.py",
        ROOT / "learners" / "facts.py",
        *ROOT.glob("learners/**/settings.py"),
        ROOT / "settings.py",
        *(
            ROOT / "tasks" / "robots" / f"{name}.py"
            for name in (
                *("humanoids", "humanoid_robot", "h1", "g1"),
                *("legged", "legged_robot", "quadruped_robot", "go2"),
            )
        ),
        ROOT / "terrain" / "settings.py",
        ROOT / "objects" / "settings.py",
        ROOT / "objects" / "mesh_file.py",
    ]
    standard = ("__future__", "ast", "dataclasses", "importlib", "typing")
    assert len(files) == 25
    for path in files:
        for module in imports(path):
            library = module.split(".")[0] in (*standard, "collections", "math", "pathlib", "re", "struct")
            ours = (
                "rlkit.learners.settings.",
                "rlkit.learners.ppo.settings.",
                "rlkit.learners.distill.settings.",
                "rlkit.learners.off_policy.settings.",
                "rlkit.learners.fast_sac.settings.",
                "rlkit.learners.ppo.style.settings.",
                "rlkit.settings.",
                "rlkit.plugins.",
                "rlkit.tasks.robots.",
                "rlkit.terrain.settings.",
                "rlkit.errors.",
                "rlkit.untrusted.",
            )
            light = module.startswith(ours)
            assert library or light or module == "rlkit.packages.how_to_install", f"{path} imports {module}"


def test_a_wrong_clip_is_refused_without_numpy() -> None:
    """config reads these files of motion/: what they import imports the standard library and yaml alone."""
    light = MOTION_FACTS | BASE | {"rlkit.sims.mjcf", "rlkit.sims.mjcf_names", "rlkit.sims.models"}
    for name in ("rlkit.motion.__init__", *MOTION_FACTS):
        path = ROOT.parent / (name.replace(".", "/") + ".py")
        for module in imports(path):
            assert module.split(".")[0] not in HEAVY, f"{path} imports {module}"
            assert not within(module, {"rlkit"}) or within(module, light), f"{path} imports {module}"


def test_motion_imports_mujoco_where_it_is_used_alone() -> None:
    """Trainings on a simulator that needs no MuJoCo read motions too."""
    for path in (ROOT / "motion").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert not any("mujoco" in ast.dump(node) for node in top), path


def test_every_row_of_a_simulator_and_learner_is_true_and_has_its_file_in_conf() -> None:
    from rlkit.learners.facts import LEARNERS
    from rlkit.learners.registry import learner_class
    from rlkit.sims.facts import SIMULATORS

    conf = ROOT.parent / "conf"
    assert {path.stem for path in (conf / "sim").glob("*.yaml")} == {*SIMULATORS, "auto"}
    for row in SIMULATORS.values():
        module, _, cls = row.backend.rpartition(".")
        file = ROOT.parent / (module.replace(".", "/") + ".py")
        assert not row.backend or f"class {cls}(Simulator):" in file.read_text(encoding="utf-8")
        module, _, function = row.check.rpartition(".")
        file = ROOT.parent / (module.replace(".", "/") + ".py")
        assert bool(row.check) == bool(row.backend)
        assert not row.check or f"def {function}(" in file.read_text(encoding="utf-8")
    for name, learner in LEARNERS.items():
        assert learner_class(name).__name__ == learner.label
        assert (conf / "train" / f"{learner.label}.yaml").is_file()
        assert set(learner.on_cpu) <= {setting.name for setting in learner.settings()}
