"""Checks on the composed configuration: names and types, then what must hold between settings."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from rlkit.config.checks import (
    best,
    cameras,
    env_memory,
    learners,
    motion,
    objects,
    tasks,
    terrain,
    trackers,
    until,
)
from rlkit.config.facts import engine, support
from rlkit.config.facts.machine import Machine
from rlkit.config.schema import keys, types
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.tree import flatten
from rlkit.config.schema.types import Plain
from rlkit.masking import masked_places
from rlkit.names import problem_of_name, shortened
from rlkit.nearest import nearest, or_one_of
from rlkit.sims.facts import SimulatorFacts, simulator_facts
from rlkit.untrusted import expanded

_REQUIRED_OF_TASK = {
    "gymnasium": ("task.name", "task.episodeLength", "task.cpuNumEnvs"),
    "simulator": (
        "task.name",
        "task.episodeLength",
        "task.controlPeriod",
        "task.cpuNumEnvs",
        "task.observations",
        "task.terminationRewards.success",
        "task.terminationRewards.failure",
        "task.terminationRewards.timeout",
    ),
}
_SECTIONS_OF_TASK = ("task.rewardWeights", "task.termination.success", "task.termination.failure")


def check_types(plain: Plain, schema: Schema) -> list[str]:
    """Every setting that is unknown, missing or of the wrong type."""
    problems: list[str] = []
    for section in plain:
        if section not in keys.SECTIONS:
            problems.append(f"{section}: no such section; there are {', '.join(keys.SECTIONS)}")
        elif not isinstance(plain[section], Mapping):
            problems.append(f"{section}: is a section, got {types.echo(types.show(plain[section]))}")
    flat = flatten(plain)
    for name, value in flat.items():
        if name.partition(".")[0] in keys.SECTIONS:
            problem = _type_problem(name, value, schema)
            if problem is not None:
                problems.append(problem)
    missing = [
        n for n in schema.names if not n.startswith("task.") and not n.endswith(".*") and n not in flat
    ]
    kind = "gymnasium" if flat.get("task.engine") == "gymnasium" else "simulator"
    missing += [name for name in _REQUIRED_OF_TASK[kind] if name not in flat]
    problems += [f"{name}: is missing; {_where_to_write(name, plain)}" for name in missing]
    if kind == "simulator":
        absent = [name for name in _SECTIONS_OF_TASK if not isinstance(_look_up(plain, name), Mapping)]
        problems += [f"{name}: is missing; {_section_to_write(name, plain)}" for name in absent]
    return problems


def _section_to_write(name: str, plain: Plain) -> str:
    """What to do about a section of the task that is not there: a key that is nearly called so may be meant."""
    above, _, key = name.rpartition(".")
    beside = _look_up(plain, above)
    near = nearest(key, [str(other) for other in beside]) if isinstance(beside, Mapping) else []
    return f"is {near[0]} meant to be it?" if near else f"write `{key}: {{}}` for none"


def schema_of_run(plain: Plain, learner: str) -> Schema:
    """The schema that a run's own file is read by: in a user's task, names are the user's; see files.own_settings."""
    task = plain.get("task")
    if not isinstance(task, Mapping) or support.is_ours(str(task.get("name"))):
        return Schema([learner], {})
    own = [name for name in flatten(task, "task.") if name.split(".")[1] not in keys.EVERY_TASK]
    return Schema([learner], {}, own)


def _where_to_write(name: str, plain: Plain) -> str:
    section, _, leaf = name.partition(".")
    inside = plain.get(section)
    near = nearest(leaf, [str(key) for key in inside]) if isinstance(inside, Mapping) else []
    hint = f"; is {near[0]} meant to be it?" if near else ""
    return ("write it below `task:` in its file" if section == "task" else "it needs a value in conf/") + hint


def _look_up(plain: Plain, name: str) -> Any:
    """The value of a full name, None where there is none."""
    value: Any = plain
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _type_problem(name: str, value: Any, schema: Schema) -> str | None:
    key = schema.key(name)
    if key is None and not name.startswith("task."):
        if name == "train.seed":
            return "train.seed: the seed is training.seed; take it out of the train file"
        return f"{name}: no such setting{or_one_of(schema.suggest(name))}"
    spec = key.type if key is not None else schema.type_of(name)
    problem = None if spec is None else types.problem(spec, value)
    return None if problem is None else f"{name}: {problem}"


def coerce_numbers(plain: dict[str, Any], schema: Schema, prefix: str = "") -> None:
    """Make whole numbers floats where a float is meant, in place; the types are already checked."""
    for key, value in plain.items():
        if isinstance(value, dict):
            coerce_numbers(value, schema, f"{prefix}{key}.")
        else:
            line = schema.key(prefix + key)
            spec = line.type if line is not None else schema.type_of(prefix + key)
            plain[key] = value if spec is None else types.coerce(spec, value)


def check_combinations(plain: Plain, machine: Machine) -> list[str]:
    """What must hold between settings, `auto` values already resolved."""
    problems = engine.check(plain, machine) + support.check(plain)
    problems += _timing(plain) if engine.engine_of(plain) == "simulator" else []
    problems += learners.check(plain, machine)
    problems += tasks.groups(plain)
    problems += tasks.history(plain)
    problems += tasks.robot(plain["task"])
    problems += env_memory.check(plain, machine)
    problems += _initial_weights(plain["training"])
    problems += _viewing(plain)
    problems += until.check(plain)
    problems += motion.check(plain["task"])
    problems += terrain.check(plain)
    problems += objects.check(plain)
    problems += cameras.check(plain, machine)
    problems += best.check(plain)
    problems += trackers.check(plain, machine)
    training, task = plain["training"], plain["task"]
    if training["test"] and training["checkpoint"] is None:
        problems.append("training.test=true: a policy to test is missing; add checkpoint=latest")
    if training["test"] and training["resume"] is not None:
        problems.append(
            f"training.resume={training['resume']}: only training is resumed; leave it out, or write test=false"
        )
    if not task.get("policyControlsHandBase", True) and not task.get("policyControlsFingers", True):
        problems.append(
            "task.policyControlsFingers=false: nor is the hand's base controlled, so no action is left; "
            "write task.policyControlsFingers=true"
        )
    problems += [
        f"{'.'.join(map(str, place))}: looked like a secret and was masked when its run was stored; type it again, or "
        f"better: {'.'.join(map(str, place))}='${{oc.env:NAME}}'"
        for place in masked_places(plain)
    ]
    name = plain["logging"]["experimentName"]
    problem = None if name is None else problem_of_name(name)
    if name is not None and problem is not None:
        problems.append(
            f"logging.experimentName={shortened(name)}: {problem}; write logging.experimentName=my_run"
        )
    return problems


def one_of_each(plain: Plain, overrides: Sequence[str]) -> list[str]:
    """What is typed in iterations is not said in env-steps too; without a word of it, env-steps hold."""
    typed = {word.lstrip("+").partition("=")[0] for word in overrides}
    return [
        f"training.{iterations} and training.{steps}={plain['training'][steps]} say the same thing twice, in iterations"
        f" and in env-steps; leave one out, or write training.{steps}=null"
        for iterations, steps in keys.STEPS.items()
        if plain["training"][steps] is not None and f"training.{iterations}" in typed
    ]


def _initial_weights(training: Mapping[str, Any]) -> list[str]:
    """The run is a new training, and where training.initFrom is written as a file's path, it exists."""
    given = training["initFrom"]
    if given is None:
        return []
    start = f"training.initFrom={types.echo(given)}: "
    if training["test"]:
        return [f"{start}only a training begins with other weights; leave it out, or write test=false"]
    if training["checkpoint"] is not None:
        return [
            f"{start}training.checkpoint={types.echo(training['checkpoint'])} is resumed with its own weights; "
            "leave one of the two out"
        ]
    file = expanded(given)
    # Unlike Path's own, it takes names of any length.
    if os.path.exists(file) or file.suffix not in _WEIGHTS:  # noqa: PTH110
        return []  # or a run's: the workspace knows
    if not os.path.isdir(file.parent):  # noqa: PTH112
        return [f"{start}there is no folder {types.echo(str(file.parent))}"]
    names = sorted(path.name for path in file.parent.iterdir() if path.is_file())
    near = [str(file.parent / name) for name in nearest(file.name, names, 3)]
    return [f"{start}there is no such file{or_one_of(near)}"]


_WEIGHTS = (".pt", ".pth", ".ckpt", ".zip")  # what files of weights end in


def _viewing(plain: Plain) -> list[str]:
    """Viewers and videos that cannot be."""
    env, training, problems = plain["env"], plain["training"], []
    if env["viewer"] != "auto" and not env["render"]:
        problems.append(f"env.viewer={env['viewer']}: env.render=false shows none; leave one of the two out")
    if env["viewer"] != "auto" and engine.engine_of(plain) == "gymnasium":
        problems.append(
            f"env.viewer={env['viewer']}: Gymnasium environments show no states to a viewer; "
            "film them with env.recordVideo=true"
        )
    if (simulator_facts(plain["sim"]["name"]) or SimulatorFacts()).one_at_a_time and not training["test"]:
        return problems + _alone(plain)
    if env["recordVideo"] and not training["test"] and not training["evalInterval"]:
        problems.append(
            "env.recordVideo=true: films evaluations, and training.evalInterval=0 asks for none; "
            "write training.evalInterval=100"
        )
    if env["recordVideo"] and training["test"] and not plain["testing"]["recordEnvs"]:
        problems.append(
            "env.recordVideo=true: testing.recordEnvs=0 leaves nothing to film; write testing.recordEnvs=1"
        )
    return problems


def _alone(plain: Plain) -> list[str]:
    """Evaluations, and the films of them, that a simulator cannot have beside a training."""
    sim, interval = plain["sim"]["name"], plain["training"]["evalInterval"]
    why = f"sim={sim} has room for one simulation in a process, so nothing is evaluated beside a training"
    problems = []
    if interval:
        problems.append(f"training.evalInterval={interval}: {why}; write training.evalInterval=0")
    if plain["env"]["recordVideo"]:
        problems.append(f"env.recordVideo=true: {why}; film a test: test=true checkpoint=latest")
    return problems


def _timing(plain: Plain) -> list[str]:
    period, dt = float(plain["task"]["controlPeriod"]), float(plain["sim"]["dt"])
    steps = period / dt
    if round(steps) >= 1 and abs(steps - round(steps)) < 1e-6 * steps:
        return []
    below, above = max(int(steps), 1), int(steps) + 1
    near = list(dict.fromkeys(f"{period / n:.6g}" for n in (below, above)))
    return [
        f"sim.dt={dt:g}: the control period task.controlPeriod={period:g} s is {steps:.4g} steps, "
        f"and must be a whole number of them; nearest: sim.dt={' or sim.dt='.join(near)}"
    ]
