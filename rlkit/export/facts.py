"""What whoever runs an exported policy must know: what its numbers mean, in order, with units and limits."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from importlib.metadata import version
from typing import Any, Dict, Mapping, Sequence

import torch

from rlkit import __version__
from rlkit.config import Experiment
from rlkit.env.api import EnvSpec, VecEnv
from rlkit.env.cameras.settings import Camera, cameras_of
from rlkit.env.task_env import TaskEnv
from rlkit.env.wrapper import innermost
from rlkit.export.formats import INPUT, OUTPUT, state_names
from rlkit.export.request import ExportRequest
from rlkit.learners.api import Memory
from rlkit.runtime.checkpoints.head import sha256_of
from rlkit.runtime.gym_request import recipe_of
from rlkit.sims.api import Simulator
from rlkit.workspace import read_entry

FORMAT = 1
Facts = Dict[str, Any]


def facts_of(request: ExportRequest, env: VecEnv, memory: Memory) -> Facts:
    """Everything about the policy but its weights, as JSON can hold it."""
    spec, experiment = env.spec, request.experiment
    facts: Facts = {
        "format": FORMAT,
        "task": spec.task,
        "learner": request.head.learner_name,
        "iteration": request.head.iteration,
        **_origin(request),
        "control_period": spec.control_period,
        "input": {
            "name": INPUT,
            "shape": ["batch", sum(size for _, size in spec.number_terms) or spec.obs_sizes["policy"]],
            "type": "uint8" if spec.images and not spec.vector_bytes else "float32",
        },
        "output": {"name": OUTPUT, "shape": ["batch", spec.num_actions], "type": "float32", "range": [-1, 1]},
        **_state(memory),
        "observations": _observations(spec, _meanings(env), cameras_of(experiment.task)),
        "actions": list(spec.action_names),
    }
    inner = innermost(env)
    if isinstance(inner, TaskEnv):
        facts.update(as_written(_of_simulator(inner.sim, dict(env.deployment()))))
    else:
        facts["environments"] = _environments(experiment)
    if spec.tasks:
        facts["one_hot"] = list(spec.tasks)  # what the observation's last numbers tell
    facts["settings"] = experiment.stored()["task"]
    return facts


def _origin(request: ExportRequest) -> Facts:
    """The file, and the run and code that it came from."""
    file, run = request.source.checkpoint, request.source.run_path
    record = None if run is None else read_entry(run).record  # none of a policy that was given to others
    git = {} if record is None else record.git
    return {
        "run": None if run is None else run.name,
        "checkpoint": {"file": file.name, "sha256": sha256_of(file)},
        "git": {key: git[key] for key in ("commit", "dirty") if key in git},
        "versions": {"rlkit": __version__, "torch": version("torch")},
    }


def _state(memory: Memory) -> Facts:
    """The further inputs and outputs of a policy with memory: an output is the same input of the next step."""
    if not memory:
        return {}
    return {
        "state": [
            {
                "input": before,
                "output": after,
                "shape": [layers, "batch", units],
                "type": "float32",
                "at_episode_start": 0,
            }
            for before, after, (layers, units) in zip(*state_names(memory), memory.values())
        ]
    }


def _observations(spec: EnvSpec, meanings: Mapping[str, str], cameras: Sequence[Camera]) -> list[Facts]:
    """The terms in the order of the input's columns; offset: the first column of a term; frames: its latest values."""
    terms, offset = [], 0
    described = {camera.name: camera.described() for camera in cameras}
    for name, size in spec.number_terms:
        term = {"name": name, "offset": offset, "size": size, "meaning": meanings.get(name, "")}
        frames = spec.frames.get(name, 1)
        image = spec.images.get(name)
        if image is not None:  # the network divides the pixels by their range itself
            term["image"] = {"shape": list(image.shape), "order": image.order, "range": [0, 255]}
        if name in described:
            term["camera"] = described[name]
        terms.append(term if frames == 1 else {**term, "frames": frames})
        offset += size
    return terms


def _meanings(env: VecEnv) -> dict[str, str]:
    """The first paragraph of what the task says about each of its observations, in one line."""
    inner = innermost(env)
    if not isinstance(inner, TaskEnv):
        return {}
    docs = {name: getattr(inner.task, name).__doc__ or "" for name in inner.task.observation_terms}
    return {name: " ".join(doc.strip().split("\n\n")[0].split()) for name, doc in docs.items()}


def _of_simulator(sim: Simulator, deployment: Facts) -> Facts:
    units: Mapping[str, str] = deployment.pop("units", {})
    joints = [
        {"name": name, "unit": units.get(name), "range": bounds}
        for name, bounds in zip(sim.spec.joints, sim.joint_range.tolist())
    ]
    return {"control": deployment, "actuators": _actuators(sim, units), "joints": joints}


def _actuators(sim: Simulator, units: Mapping[str, str]) -> list[Facts]:
    """Each actuator's range and gains: force = kp (target - position) - kv velocity, in N and N m.

    kp and kv are null for an actuator that is no such servo.
    """
    gains, bias = (sim.model_field(f"actuator_{name}prm")[0].tolist() for name in ("gain", "bias"))
    force = sim.model_field("actuator_forcerange")[0].tolist()
    # The model's own order, which is that of the fields.
    sections = ET.fromstring(sim.spec.mjcf).iter("actuator")
    names = [actuator.attrib["name"] for section in sections for actuator in section]
    places = {name: place for place, name in enumerate(names)}
    listed = []
    for name, bounds in zip(sim.spec.actuators, sim.ctrl_range.tolist()):
        (kp, *_), (_, stiffness, damping, *_) = gains[places[name]], bias[places[name]]
        servo = kp != 0.0 and math.isclose(stiffness, -kp)
        listed.append(
            {
                "name": name,
                "unit": units.get(name),
                "ctrl_range": bounds,
                "kp": kp if servo else None,
                "kv": -damping if servo else None,
                "force_range": force[places[name]],
            }
        )
    return listed


def _environments(experiment: Experiment) -> list[Facts]:
    """The bounds that actions of [-1, 1] are scaled to, linearly, by environment."""
    from rlkit.env.gym import making, member  # only here: no other task needs gymnasium

    listed = []
    for recipe in making.recipes(**recipe_of(experiment)):
        form = member.look(recipe)
        bounds = torch.from_numpy(form.middle), torch.from_numpy(form.half)
        low, high = (bounds[0] - bounds[1]).tolist(), (bounds[0] + bounds[1]).tolist()
        listed.append({"id": recipe.env_id, "action_low": low, "action_high": high})
    return listed


def as_written(value: Any) -> Any:
    """With every float32 as people write it (0.3, not 0.30000001), and null in place of infinite limits."""
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: as_written(item) for key, item in value.items()}
    return [as_written(item) for item in value] if isinstance(value, (list, tuple)) else value
