"""What a policy acts in, as a checkpoint holds it: so that it can be used where nothing of the task is there."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Mapping

import torch

from rlkit.env.api import EnvError, EnvSpec, Mirror, VecEnv
from rlkit.env.images import Image
from rlkit.runtime.checkpoints.head import CheckpointError
from rlkit.untrusted import all_printable

_MOST = 4_000_000  # numbers in an observation, or an action


def as_plain(env: VecEnv) -> dict[str, Any]:
    """The env's spec and `deployment`, as plain values. Raises EnvError where that is not as JSON can hold it."""
    spec, mirror = env.spec, env.spec.mirror
    plain = {
        "task": spec.task,
        "obs_sizes": dict(spec.obs_sizes),
        "observation_terms": {group: list(terms) for group, terms in spec.observation_terms.items()},
        "action_names": spec.action_names,
        "max_episode_length": spec.max_episode_length,
        "control_period": spec.control_period,
        "tasks": spec.tasks,
        "noisy": spec.noisy,
        "frames": dict(spec.frames),
        "images": {name: asdict(image) for name, image in spec.images.items()},
        "mirror": None
        if mirror is None
        else {"observations": dict(mirror.observations), "actions": mirror.actions},
        "deployment": dict(env.deployment()),
    }
    try:
        return json.loads(json.dumps(plain))
    except TypeError as error:
        raise EnvError(f"task {spec.task}: deployment() holds what JSON cannot: {error}") from error


def spec_of(plain: Mapping[str, Any], device: torch.device) -> tuple[EnvSpec, dict[str, Any]]:
    """The spec of one such env on `device`, and its `deployment`. Raises CheckpointError where it is neither."""
    try:
        plain = all_printable(dict(plain))
        sizes = {str(group): int(size) for group, size in plain["obs_sizes"].items()}
        terms = {
            group: tuple((str(name), int(size)) for name, size in named)
            for group, named in plain["observation_terms"].items()
        }
        names, mirror = tuple(map(str, plain["action_names"])), plain["mirror"]
        images = {
            str(name): Image(
                int(image["height"]),
                int(image["width"]),
                int(image["channels"]),
                bool(image["channels_first"]),
            )
            for name, image in plain.get("images", {}).items()
        }
        frames = {str(name): int(count) for name, count in plain.get("frames", {}).items()}
        _require_images(images, frames, dict(terms.get("policy", ())))
        numbers = [*sizes.values(), len(names), *(size for named in terms.values() for _, size in named)]
        if not all(0 < number <= _MOST for number in numbers) or not {"policy", "critic"} <= set(sizes):
            raise ValueError("sizes")
        spec = EnvSpec(
            task=str(plain["task"]),
            num_envs=1,
            device=device,
            obs_sizes=sizes,
            num_actions=len(names),
            action_names=names,
            max_episode_length=int(plain["max_episode_length"]),
            control_period=float(plain["control_period"]),
            observation_terms=terms,
            tasks=tuple(map(str, plain["tasks"])),
            noisy=bool(plain["noisy"]),
            frames=frames,
            images=images,
            mirror=None if mirror is None else Mirror(mirror["observations"], mirror["actions"]),
        )
        return spec, dict(plain["deployment"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"what the checkpoint says of its env cannot be read: {error!r}") from error


def _require_images(images: Mapping[str, Image], frames: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Raise ValueError or KeyError where images are not of the sizes that their terms have."""
    for name, image in images.items():
        if min(image.shape) < 1 or image.size * frames.get(name, 1) != sizes[name]:
            raise ValueError("images")
