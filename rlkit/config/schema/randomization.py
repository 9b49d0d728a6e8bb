"""The settings of `task.randomization`: their lines of the schema, and what must hold between them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from rlkit.config.schema import types
from rlkit.config.schema.learner_keys import Key
from rlkit.config.schema.tree import flatten
from rlkit.nearest import did_you_mean, nearest, or_one_of

QUANTITIES = {
    "friction": "of bodies: sliding friction",
    "mass": "of bodies: mass, with the inertia",
    "stiffness": "of actuators: force per position error; of a motor, per control",
    "damping": "of actuators: force per velocity",
}
_SECTION = "task.randomization"


def _key(name: str, kind: str, unit: str, meaning: str) -> Key:
    return Key(f"{_SECTION}.{name}", kind, unit, meaning)


def _factor_keys(quantity: str, meaning: str) -> tuple[Key, ...]:
    return (
        _key(
            f"{quantity}.range", "list of 2 float > 0 or null", "", f"factor, uniform, {meaning}; null: off"
        ),
        _key(f"{quantity}.parts", "[] or list of text", "", "names of those that it is for; []: all"),
        _key(f"{quantity}.each", "bool", "", "a factor for each of them, or one for all of an environment"),
        _key(f"{quantity}.per", "episode|env", "", "drawn at every reset, or once for each environment"),
    )


KEYS: tuple[Key, ...] = (
    _key("enabled", "bool", "", "false turns off all that stands below"),
    *(key for quantity, meaning in QUANTITIES.items() for key in _factor_keys(quantity, meaning)),
    _key("latency.range", "list of 2 float >= 0 or null", "s", "how late commands act, uniform; null: off"),
    _key("latency.per", "episode|env", "", "drawn at every reset, or once for each environment"),
    _key(
        "observationNoise.*",
        "float >= 0",
        "",
        "standard deviation of Gaussian noise on one observation term, for the policy alone",
    ),
    _key("push.force", "list of 2 float >= 0 or null", "N", "horizontal pushes, uniform; null: off"),
    _key("push.interval", "list of 2 float > 0", "s", "from one push to the next, uniform"),
    _key("push.duration", "float > 0", "s", "how long one lasts; a multiple of task.controlPeriod"),
    _key("push.body", "text or null", "", "what is pushed; null: the first free body"),
    _key("curriculum.start", "float in [0, 1]", "", "share of all this at the start of a training"),
    _key("curriculum.end", "float in [0, 1]", "", "share at its end, and in tests and evaluations"),
    _key("curriculum.steps", "int >= 0", "control steps", "from the one to the other; 0: at the end at once"),
)


def own_first(names: Iterable[str]) -> list[str]:
    """Settings in their order, those of `task.randomization`, which every task has, behind a task's own."""
    return sorted(names, key=lambda name: name.startswith(f"{_SECTION}."))


def check(plain: Mapping[str, Any]) -> list[str]:
    """What cannot be in `task.randomization`; the types of single settings are already checked."""
    task = plain["task"]
    settings: Mapping[str, Any] | None = task.get("randomization")
    if settings is None:
        return []
    flat = flatten(settings)
    problems = _unknown(flat)
    if not problems:
        problems = _ranges(flat) + _noise(settings, task)
        problems += [] if problems else _latency(settings, plain["sim"]) + _push(settings, task)
    return problems


def _unknown(flat: Mapping[str, Any]) -> list[str]:
    """Names that only a YAML file can bring in: the command line's are checked before."""
    known = [key.name[len(_SECTION) + 1 :] for key in KEYS]
    problems = []
    for name in flat:
        if name in known or name.startswith("observationNoise."):
            continue
        near = [f"{_SECTION}.{other}" for other in nearest(name, known)]
        problems.append(f"{_SECTION}.{name}: no such setting{or_one_of(near)}")
    return problems


def _ranges(flat: Mapping[str, Any]) -> list[str]:
    return [
        f"{_SECTION}.{name}={types.show(value)}: the first number must not be above the second; write"
        f" {_SECTION}.{name}={types.show(value[::-1])}"
        for name, value in flat.items()
        if isinstance(value, (list, tuple)) and not name.endswith(".parts") and value[0] > value[1]
    ]


def _noise(settings: Mapping[str, Any], task: Mapping[str, Any]) -> list[str]:
    problems = []
    for name in settings.get("observationNoise", {}):
        if name not in task["observations"]:
            hint = did_you_mean(name, task["observations"], f"; they are {', '.join(task['observations'])}")
            problems.append(f"{_SECTION}.observationNoise.{name}: not among task.observations{hint}")
    return problems


def _latency(settings: Mapping[str, Any], sim: Mapping[str, Any]) -> list[str]:
    seconds, dt = settings.get("latency", {}).get("range"), float(sim["dt"])
    if seconds is None or seconds[1] == 0.0 or seconds[1] >= 0.5 * dt:
        return []
    return [
        f"{_SECTION}.latency.range={types.show(seconds)}: rounds to no simulator step of sim.dt={dt:g} s; write a"
        f" smaller step, as sim.dt={seconds[1]:g}"
    ]


def _push(settings: Mapping[str, Any], task: Mapping[str, Any]) -> list[str]:
    push = settings.get("push", {})
    if push.get("force") is None:
        return []
    duration, period = float(push["duration"]), float(task["controlPeriod"])
    steps = duration / period
    if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps:
        near = dict.fromkeys(
            f"{_SECTION}.push.duration={period * n:g}" for n in (int(steps) or 1, int(steps) + 1)
        )
        return [
            f"{_SECTION}.push.duration={duration:g}: is {steps:.4g} control steps of task.controlPeriod={period:g} s,"
            f" and must be a whole number of them; nearest: {' or '.join(near)}"
        ]
    if push["interval"][0] < duration:
        return [
            f"{_SECTION}.push.interval={types.show(push['interval'])}: the next push would begin before one of"
            f" push.duration={duration:g} s ends; write {_SECTION}.push.interval=[{duration:g},"
            f"{max(duration, push['interval'][1]):g}]"
        ]
    return []
