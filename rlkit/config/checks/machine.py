"""Whether this machine has the simulator and the device that are asked for."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.config.facts import code, support
from rlkit.config.facts.machine import Machine
from rlkit.nearest import nearest
from rlkit.sims.facts import SIMULATORS, STEPPING, SimulatorFacts, simulator_facts


def name_problem(simulator: str) -> str | None:
    """Why this is no name of a simulator that steps our tasks, None where it is one; installed or not."""
    if simulator in STEPPING or (simulator not in SIMULATORS and simulator_facts(simulator) is not None):
        return None
    if simulator in SIMULATORS and SIMULATORS[simulator].unavailable:
        return f"sim={simulator}: {SIMULATORS[simulator].unavailable}"
    near = nearest(simulator, STEPPING)
    hint = f"did you mean sim={near[0]}?" if near else f"there are {', '.join(STEPPING)}"
    return f"sim={simulator}: there is no such simulator; {hint}"


def _is_here(sim: str, row: SimulatorFacts, machine: Machine) -> bool:
    """Whether a simulator is installed; of one of others, what it is built on."""
    return sim in machine.simulators or (sim not in SIMULATORS and all(map(machine.has_package, row.modules)))


def check(plain: Mapping[str, Any], machine: Machine) -> list[str]:
    """The device and the simulator exist here, and the simulator has what is asked; `auto` is already resolved."""
    problems: list[str] = []
    sim, device = plain["sim"]["name"], plain["env"]["device"]
    row = simulator_facts(sim)
    if row is None:
        return code.missing(plain, None)
    if row.unavailable:
        problems.append(f"sim.name={sim}: {row.unavailable}; write sim=auto")
    elif not _is_here(sim, row, machine) and not support.is_impossible(plain):
        problems.append(f"sim.name={sim}: {machine.not_installed(row.modules, row.install)}")
    if row.jax and device.startswith("cuda") and not machine.jax_cuda:
        problems.append(
            f"env.device={device}: the installed jax has no CUDA; write device=cpu, or install it with: "
            "pip install 'jax[cuda12]'"
        )
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        if machine.cuda_devices == 0:
            problems.append(f"env.device={device}: {machine.cuda_missing}; run on the CPU with device=cpu")
        elif index >= machine.cuda_devices:
            last = f"cuda:{machine.cuda_devices - 1}"
            problems.append(f"env.device={device}: the last device here is {last}; write device={last}")
        elif index and row.first_gpu_alone:
            problems.append(
                f"env.device={device}: sim={sim} runs on the first GPU that it sees; write device=cuda:0, with "
                f"CUDA_VISIBLE_DEVICES={index} before the command"
            )
    if not row.implicit and plain["sim"]["integrator"] == "implicit":
        problems.append(
            f"sim.integrator=implicit: sim={sim} has euler and implicitfast; write sim.integrator=implicitfast, or "
            "sim=mujoco or sim=warp"
        )
    return problems
