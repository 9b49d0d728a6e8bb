"""Recorded commands through the engine again, and how far its states come out from the recorded ones."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Collection, Iterator, Mapping

import numpy as np
import torch

from rlkit.config import ConfigError, SimSettings
from rlkit.config.facts.code import problems
from rlkit.config.files.environment import read_back
from rlkit.config.schema.spelling import camel
from rlkit.config.schema.tree import flatten
from rlkit.config.words.imports import trusted_here
from rlkit.env.randomization.latency import acting_commands
from rlkit.media.recording import Recording, RecordingError, model_hash
from rlkit.runtime.build import physics_settings
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims import registry as sims
from rlkit.sims.api import SceneSpec, Simulator, SimulatorError
from rlkit.tasks.registry import class_of

_STATE = ("time", "qpos", "qvel", "act")


@dataclass(frozen=True)
class Replay:
    """What came out. Row i is of the i-th compared state.

    steps: [K] which states, time: [K] s since the episode began. deviation: [K] by the name of what is compared,
    the largest absolute difference from the recorded numbers; inf where only one of the two is a number.
    recording: the same episode with the states that came out: all, or where it shows a reference the recorded ones.
    """

    steps: np.ndarray
    time: np.ndarray
    deviation: Mapping[str, np.ndarray]
    recording: Recording

    @property
    def largest(self) -> float:
        """The largest deviation of all; 0 where nothing could be compared."""
        return max((float(values.max(initial=0.0)) for values in self.deviation.values()), default=0.0)

    def first_beyond(self, tolerance: float) -> int | None:
        """The row of the first state that deviates by more than `tolerance`; None where none does."""
        beyond = np.any([values > tolerance for values in self.deviation.values()], axis=0)
        rows = np.flatnonzero(beyond)
        return int(rows[0]) if len(rows) else None


def replay(recording: Recording, *, force: bool = False) -> Replay:
    """Do what was recorded once more, from the same start.

    force: with the model in the file where today's scene of the task is another one. Raises RlkitError for what
    cannot be repeated, saying why.
    """
    play = {"simulator": _replay_simulator, "gymnasium": _replay_gymnasium}.get(recording.header["engine"])
    if play is None:
        raise RecordingError(
            f"a recording of {recording.header['engine']} holds nothing that an engine could repeat; --states shows"
            " what is in it"
        )
    try:
        return play(_with_variables(recording), force)
    except ConfigError as error:
        raise RecordingError(f"the recording's settings: {error}") from error
    except KeyError as error:
        raise RecordingError(f"the recording cannot be replayed: it lacks {error}") from error


def _with_variables(recording: Recording) -> Recording:
    """The recording with the values of environment variables: its header holds `${oc.env:NAME}` in their place."""
    config = recording.header.get("config")
    if "${oc.env:" not in str(config) or not isinstance(config, dict):
        return recording
    values = read_back(config, frozenset(flatten(config)))[0]
    return replace(recording, header={**recording.header, "config": values})


def _require_all_commands(recording: Recording) -> None:
    """Refuse a recording of which a step is several control steps of a policy below it, with the last command alone."""
    task = recording.header["config"].get("task", {})  # what else it lacks is told when it is asked for
    period = task.get("controlPeriod", recording.period)
    if recording.period > float(period) + 1e-9:
        raise RecordingError(
            f"a step of the recording is {recording.period:g} s, and commands come every {period:g} s: it holds the"
            " last of each step alone, so nothing can repeat it. --states shows what is in it; test=true plays the"
            " policy"
        )


def _replay_simulator(recording: Recording, force: bool) -> Replay:
    _require_all_commands(recording)
    sim, steps_per_control = _simulator(recording, force)
    try:
        delay = _begin(sim, recording, force)
        rows = list(_simulated(sim, recording, steps_per_control, delay))
    finally:
        sim.close()
    states = {name: np.stack([row[name] for row in rows]) for name in _STATE}
    steps = np.asarray(recording.arrays["steps"], np.int64)
    again = _again(recording, states, steps)
    deviation = {
        name: _difference(recording.arrays[name], states[name][steps])
        for name in ("qpos", "qvel", "act")
        if recording.has_states and recording.arrays[name].size
    }
    return Replay(steps, steps * recording.period, deviation, again)


def _again(recording: Recording, states: Mapping[str, np.ndarray], steps: np.ndarray) -> Recording:
    """The episode with the `states` `[T + 1, ...]` that came out; beside a reference those of the recorded `steps`.

    Where the reference was is known of these alone.
    """
    arrays, stride = {**recording.arrays, **states, "steps": np.arange(recording.length + 1)}, 1
    if "ghost" in arrays and len(steps):
        arrays.update({name: values[steps] for name, values in states.items()}, steps=steps)
        stride = recording.header.get("stride", 1)
    else:
        arrays.pop("ghost", None)
    return Recording({**recording.header, "stride": stride, "content": "full"}, arrays, recording.trusted)


def _simulated(
    sim: Simulator, recording: Recording, steps_per_control: int, delay: int
) -> Iterator[dict[str, np.ndarray]]:
    """The state before the first command and after each, without the axis of envs.

    delay: simulator steps by which a command acts late.
    """
    pushes: dict[int, list[tuple[str, list[float]]]] = {}
    for step, body, *force in recording.header.get("pushes", ()):
        pushes.setdefault(int(step), []).append((body, force))
    yield {name: values[0] for name, values in sim.render_states([0]).items()}
    commands = torch.from_numpy(recording.arrays["ctrl"])
    for step in range(len(commands)):
        for command, sim_steps in acting_commands(step, delay, steps_per_control):
            for body, force in pushes.get(step, ()):
                sim.push(0, body, force)
            sim.step(commands[command : command + 1], sim_steps)
        yield {name: values[0] for name, values in sim.render_states([0]).items()}


def _simulator(recording: Recording, force: bool) -> tuple[Simulator, int]:
    """One env as the header says, and its simulator steps between two commands."""
    header = recording.header
    trusted = recording.trusted | trusted_here(header["config"])
    found = problems(header["config"], trusted, header.get("code"))
    if found:
        raise RecordingError(found[0])
    saved = header["config"]["sim"]
    names = {field.name: camel(field.name) for field in fields(SimSettings)}
    settings = {name: saved[key] for name, key in names.items() if key in saved}
    physics = replace(physics_settings(SimSettings(**settings), Ranks()), num_threads=1)
    scene = _scene(recording, force, trusted)
    if list(scene.actuators) != list(header["names"]["ctrl"]):
        raise RecordingError(
            f"the commands in the file are for {', '.join(header['names']['ctrl'])}, but {header['task']} now drives"
            f" {', '.join(scene.actuators)}"
        )
    sim = sims.make(settings["name"], scene, physics, 1, "cpu", trusted)
    return sim, physics.steps_per_control(recording.period)


def _scene(recording: Recording, force: bool, trusted: Collection[str]) -> SceneSpec:
    """Today's scene of the task, which must be the recorded one."""
    header = recording.header
    section = {**header["config"]["task"], "name": header["task"]}
    try:
        scene = class_of(section, trusted).scene(section)
    except (ModuleNotFoundError, AttributeError) as error:
        raise RecordingError(
            f"the recording is of the task {header['task']}, which is not here: {error}"
        ) from error
    except SimulatorError as error:  # a robot's files may have moved, or an object's
        raise RecordingError(
            f"{error}. --states shows the recorded states, with the model in the file"
        ) from error
    models = [model_hash(mjcf) for mjcf in scene.alternatives or (scene.mjcf,)]
    if header.get("model_sha256") in models:
        return scene
    if force:
        return replace(scene, mjcf=recording.mjcf, alternatives=())
    raise RecordingError(
        f"the model of {header['task']} has changed since the recording was made (its SHA-256 was"
        f" {str(header.get('model_sha256'))[:12]}, now it is {model_hash(scene.mjcf)[:12]}). With --force the model in"
        " the file is used; --states shows the recorded states as they are"
    )


def _begin(sim: Simulator, recording: Recording, force: bool) -> int:
    """Put the simulator where the episode began; returns by how many simulator steps its commands act late."""
    start = {name: torch.from_numpy(np.asarray(values)) for name, values in recording.start.items()}
    delay = int(start.pop("delay", 0))
    if not start:
        raise RecordingError(
            "the recording has no start state of the engine: it can be shown, but not replayed"
        )
    today = sim.state()
    for name in sorted(start.keys() & today.keys()):
        if start[name].shape != today[name].shape:
            raise RecordingError(
                f"the recorded start state does not fit: its {name} has {start[name].numel()} numbers, here it has"
                f" {today[name].numel()}; the engine or the scene is another one (versions in the file:"
                f" {recording.header.get('versions')})"
            )
    if force:  # the fingerprint is of the whole scene, and another model makes it another one
        start["scene"] = today["scene"]
    sim.load_state(start)
    return delay


def _replay_gymnasium(recording: Recording, force: bool) -> Replay:
    from rlkit.env.gym.rendering import observed, replayed  # only here: no other task needs gymnasium

    arrays, length = recording.arrays, recording.length
    moments = list(replayed(recording))
    rewards, obs = np.full(length + 1, np.nan), observed(recording)
    deviation = {"reward": np.zeros(length + 1)}
    if len(obs):
        deviation["obs"] = np.zeros(length + 1)
    for step, moment in enumerate(moments):
        rewards[step] = np.float32(moment.reward)
        if step < len(obs):
            seen = obs[step, : moment.obs.size]
            deviation["obs"][step] = _difference(seen[None], moment.obs[None])[0]
    finite = all(np.isfinite(moments[-1].obs)) and np.isfinite(moments[-1].reward)
    if len(moments) == length + 1 and not finite:
        rewards[length] = 0.0  # as GymEnv counts a step that explodes
    deviation["reward"][1:] = _difference(np.asarray(arrays["rewards"])[:, None], rewards[1:, None])
    steps = np.arange(length + 1)
    return Replay(steps, steps * recording.period, deviation, recording)


def _difference(recorded: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Row by row the largest absolute difference `[K]`: 0 where both are no number, inf where one of them is."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(np.asarray(recorded, np.float64) - np.asarray(now, np.float64))
    same = (recorded == now) | (np.isnan(recorded) & np.isnan(now))
    apart = np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
    return apart.max(axis=tuple(range(1, apart.ndim)), initial=0.0)


def differing_versions(header: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs between the recording's packages and platform and those of `here` (`workspace.provenance()`)."""
    then, now = header.get("versions", {}), here["versions"]
    lines = [
        f"{name} {then.get(name, 'absent')} then, {now.get(name, 'absent')} now"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    if header.get("platform") != here["platform"]:
        lines.append(f"{header.get('platform')} then, {here['platform']} now")
    return lines
