"""What is known of each simulator without importing it: a row each; importing this costs nothing.

Of a simulator that is not rlkit's the row is read from the source of its module: what it has of the simulator of ours
that its class is built on, and what a line `FACTS = SimulatorFacts(cpu_only=True)` beside the class says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rlkit.packages import how_to_install
from rlkit.plugins import modules
from rlkit.plugins.source import keywords, lineage


@dataclass(frozen=True)
class SimulatorFacts:
    """A simulator as the rest of rlkit knows it; a row need only say what is not as usual.

    backend: its `Simulator` as module.Class, as module:Class where it is not rlkit's own; empty where the environments
    bring their own physics. check: the function of ours, as module.function, that raises what it refuses of a scene;
    check_needs: the modules that it takes. modules: what must be importable. packages: whose versions are told, by the
    names on PyPI.
    install: the command that installs it. before_torch: the module that must be imported before torch.
    cpu_only: its tensors live on the CPU. jax: on a GPU it needs JAX's packages for CUDA. first_gpu_alone: it runs on
    no other device of CUDA than the first visible. implicit: it has the integrator `implicit`. one_at_a_time: there is
    room for one simulation in a process, so none beside the training's. slow_to_build: it compiles for a while for each
    number of envs. terrain: what lies on a height field rests there, alternatives: each env may have another of a
    scene's models; tests/contract shows both. cameras: a policy may see pictures of its scenes. auto: sim=auto may take
    it. unavailable: why it has a name here and cannot be used.
    """

    backend: str = ""
    check: str = ""
    check_needs: tuple[str, ...] = ("mujoco",)
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    install: str = "see docs/simulators.md"
    before_torch: str = ""
    cpu_only: bool = False
    jax: bool = False
    first_gpu_alone: bool = False
    implicit: bool = True
    one_at_a_time: bool = False
    slow_to_build: bool = False
    terrain: bool = False
    alternatives: bool = False
    cameras: bool = False
    auto: bool = True
    unavailable: str = ""


# `sim.name` -> its row; sim=auto takes the first that is here and can run the task.
SIMULATORS = {
    "mujoco": SimulatorFacts(
        backend="rlkit.sims.mujoco.simulator.MujocoSimulator",
        check="rlkit.sims.mujoco.check.check_scene",
        modules=("mujoco.batch",),  # which older versions lack; only Isaac Gym is content with those
        packages=("mujoco",),
        install=how_to_install("mujoco"),
        cpu_only=True,
        terrain=True,
        alternatives=True,
        cameras=True,
    ),
    "warp": SimulatorFacts(
        backend="rlkit.sims.warp.simulator.WarpSimulator",
        check="rlkit.sims.warp.check.check_scene",
        check_needs=("mujoco_warp", "warp"),
        modules=("mujoco.batch", "mujoco_warp", "warp"),
        packages=("mujoco-warp", "warp-lang"),
        install=how_to_install("warp"),
        terrain=True,
    ),
    "mjx": SimulatorFacts(
        backend="rlkit.sims.mjx.simulator.MjxSimulator",
        check="rlkit.sims.mjx.check.check_scene",
        check_needs=("mujoco.mjx", "jax"),
        modules=("mujoco.batch", "mujoco.mjx", "jax"),
        packages=("mujoco-mjx", "jax"),
        install=how_to_install("mjx"),
        jax=True,
        implicit=False,
        slow_to_build=True,
    ),
    "isaacgym": SimulatorFacts(
        backend="rlkit.sims.isaacgym.simulator.IsaacGymSimulator",
        check="rlkit.sims.isaacgym.check.check_scene",
        modules=("isaacgym", "mujoco"),
        packages=("isaacgym",),
        install="download Isaac Gym Preview 4 from developer.nvidia.com/isaac-gym, and in an environment of "
        "Python 3.8: pip install -e isaacgym/python",
        before_torch="isaacgym.gymapi",
        one_at_a_time=True,
        auto=False,
    ),
    "genesis": SimulatorFacts(
        backend="rlkit.sims.genesis.simulator.GenesisSimulator",
        check="rlkit.sims.genesis.model.check_scene",
        modules=("genesis", "mujoco.batch"),
        packages=("genesis-world",),
        install=how_to_install("genesis"),
        first_gpu_alone=True,
        implicit=False,
        slow_to_build=True,
        auto=False,
    ),
    "gymnasium": SimulatorFacts(
        modules=("gymnasium",), packages=("gymnasium",), install=how_to_install("gymnasium"), cpu_only=True
    ),
    "isaaclab": SimulatorFacts(
        unavailable="Isaac Lab runs on Isaac Sim, whose packages on PyPI are stubs that fetch the wheels from NVIDIA's "
        "own index (pypi.nvidia.com), so no adapter of it could be tested; docs/simulators.md tells what was looked at"
    ),
}
USABLE = tuple(name for name, row in SIMULATORS.items() if not row.unavailable)
STEPPING = tuple(name for name, row in SIMULATORS.items() if row.backend)
"""The simulators that step rlkit's own tasks."""


def simulator_facts(name: str) -> SimulatorFacts | None:
    """The row of a simulator, of ours or of others by module:Class or entry point; None where it is not here."""
    return SIMULATORS.get(name) or _of_others(name)


def able(fact: str) -> str:
    """The words that choose a simulator of which a fact is true, as "sim=mujoco or sim=warp"."""
    return " or ".join(f"sim={name}" for name, row in SIMULATORS.items() if getattr(row, fact))


def steps_on_cpu(name: str) -> bool:
    """Whether its tensors live on the CPU, whatever the machine has."""
    row = simulator_facts(name)
    return row is not None and row.cpu_only


def _of_others(name: str) -> SimulatorFacts | None:
    code = modules.resolved("rlkit.sims", name)
    module, _, cls = (code or "").partition(":")
    classes = list(lineage(module, cls)) if code else []
    if code is None or not classes:
        return None
    ours = {row.backend: row for row in SIMULATORS.values()}
    row = next(
        (ours[key] for key in (f"{c.name}.{c.definition.name}" for c in classes) if key in ours),
        SimulatorFacts(),
    )
    return replace(row, **modules.known(SimulatorFacts, keywords(module, "FACTS")), backend=code)
