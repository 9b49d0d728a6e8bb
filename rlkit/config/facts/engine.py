"""What steps a task: a simulator, or Gymnasium environments that bring their own physics."""

from __future__ import annotations

from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain
from rlkit.packages import how_to_install_package


def engine_of(plain: Plain) -> str:
    """`simulator` or `gymnasium`, as the task's file says."""
    return str(plain["task"].get("engine", "simulator"))


def check(plain: Plain, machine: Machine) -> list[str]:
    """The task, its engine, its environments and the packages that it needs belong together."""
    task = plain["task"]["name"]
    problems = _gymnasium(plain, task) if engine_of(plain) == "gymnasium" else _simulator(plain, task)
    for package in plain["task"].get("packages", []):
        if not machine.has_package(package):
            install = plain["task"].get("install") or how_to_install_package(package)
            problems.append(
                f"task={task} needs the package {package}, which is not installed here; install it with: {install}"
            )
    return problems


def _gymnasium(plain: Plain, task: str) -> list[str]:
    problems: list[str] = []
    sim, one, several = plain["sim"]["name"], plain["env"]["id"], plain["env"]["ids"]
    if sim != "gymnasium":
        problems.append(
            f"sim={sim}: task={task} is made of Gymnasium environments, which bring their own physics; "
            f"write task={task} sim=gymnasium"
        )
    if one is None and not several:
        problems.append(
            f"env.id: task={task} needs the id of a Gymnasium environment; write task={task} env.id=HalfCheetah-v5, "
            "or env.ids=[A,B] for several"
        )
    if one is not None and several:
        problems.append(
            f"env.id={one} and env.ids=[{','.join(several)}] are both given; keep one: write env.ids=[] or env.id=null"
        )
    unique = list(dict.fromkeys(several))
    if len(unique) < len(several):
        twice = [name for name in unique if several.count(name) > 1]
        problems.append(
            f"env.ids: {', '.join(twice)} is there more than once; write env.ids=[{','.join(unique)}]"
        )
    return problems


def _simulator(plain: Plain, task: str) -> list[str]:
    problems: list[str] = []
    env = plain["env"]
    if plain["sim"]["name"] == "gymnasium":
        problems.append(
            f"sim=gymnasium: task={task} runs on a simulator; write task={task} sim=auto, "
            "or task=Gym env.id=HalfCheetah-v5 for a Gymnasium environment"
        )
    for name in ("id", "ids", "kwargs"):
        if env[name]:
            example = f"env.id={env['id'] or 'HalfCheetah-v5'}"
            problems.append(
                f"env.{name}: task={task} has no Gymnasium environment; write task=Gym {example}, or leave it out"
            )
    if plain["task"]["episodeLength"] == "auto":
        problems.append(
            f"task.episodeLength=auto: only Gymnasium environments have a length of their own, and task={task} "
            "is none; write task.episodeLength=300"
        )
    return problems
