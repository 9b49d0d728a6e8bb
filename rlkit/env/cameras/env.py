"""An env whose policy sees pictures of cameras beside its observation: `task.cameras`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Mapping, Protocol, Sequence

import torch
from torch import Tensor

from rlkit.env.api import FLOAT, EnvError, EnvSpec, Mirror, Observations, Step
from rlkit.env.cameras.settings import Camera
from rlkit.env.task_env import TaskEnv
from rlkit.env.wrapper import ObservationWrapper

_BOTH = ("policy", "critic")  # the critic's where it is the policy's observation


class Painter(Protocol):
    """What draws, in threads of its own; see `rlkit.media.cameras.painter.CameraPainter`."""

    pictures: Any

    def paint(self, envs: Any, qpos: Any, models: Any, due: Any) -> None:
        """Begin to draw some envs' states."""
        ...

    def wait(self) -> None:
        """Return when all that was begun is drawn."""
        ...

    def close(self) -> None:
        """Release what draws."""
        ...


class CameraEnv(ObservationWrapper):
    """A `TaskEnv` with `images`: rows of bytes, the numbers in front, the cameras' pictures behind them.

    Pictures show the state that a step led to: they are begun when physics is over, and drawn while the task computes
    endings, rewards and resets. What an env that begins anew sees first is drawn after its reset. A camera that looks
    `every` few control steps counts from an episode's start, and shows its latest picture meanwhile, in
    `info.final_obs` too. Of an env whose physics failed the picture is black.

    A critic that sees something else than the policy (`task.groups.critic`) sees no pictures.
    """

    env: TaskEnv

    def __init__(self, env: TaskEnv, cameras: Sequence[Camera], painter: Painter) -> None:
        super().__init__(env)
        self._painter, self._cameras = painter, cameras
        self._models = {mjcf: number for number, mjcf in enumerate(env.sim.spec.alternatives)}
        self._pictures = torch.from_numpy(painter.pictures)  # [N, bytes], the painter's own
        self._every = torch.tensor([camera.every for camera in cameras])
        self._age = torch.zeros(env.spec.num_envs, dtype=torch.int64)  # control steps of the running episode
        self._groups = _BOTH[:1] if env.spec.asymmetric else _BOTH
        env.after_physics = self._look

    @cached_property
    def spec(self) -> EnvSpec:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the env, with rows of bytes."""
        spec = self.env.spec
        numbers = tuple((name, FLOAT * size) for name, size in spec.observation_terms["policy"])
        images = {camera.name: camera.image for camera in self._cameras}
        terms = (*numbers, *((name, image.size) for name, image in images.items()))
        total = sum(size for _, size in terms)
        return replace(
            spec,
            obs_sizes={**spec.obs_sizes, **dict.fromkeys(self._groups, total)},
            observation_terms={**spec.observation_terms, **dict.fromkeys(self._groups, terms)},
            mirror=None if spec.mirror is None else self._mirror(spec.mirror),
            images=images,
        )

    def _mirror(self, mirror: Mirror) -> Mirror:
        others = {group: image for group, image in mirror.observations.items() if group not in self._groups}
        return Mirror(others, mirror.actions)  # no picture is the image of another

    def step(self, actions: Tensor) -> Step:
        step = self.env.step(actions)
        info = step.info
        self._painter.wait()
        self._pictures.masked_fill_(info.reached["failure/unstable"][:, None], 0)
        final = info.final_obs
        self._shown = self._rows(final)
        info.final_obs = {**final, **self._shown}
        if info.episodes:  # some have ended
            self._paint_first(step.ended.nonzero().squeeze(-1))
            self._shown = self._rows(step.obs)
        return step._replace(obs={**step.obs, **self._shown})

    def state(self) -> dict[str, Any]:
        """That of the env, and of `cameras` the pictures shown `[N, bytes]` and the age of episodes `[N]`."""
        return {
            **self.env.state(),
            "cameras": {"pictures": self._pictures.clone(), "age": self._age.clone()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `VecEnv.load_state`; a state without pictures, of a run that had no cameras, begins with those of now."""
        self.env.load_state(state)
        saved = state.get("cameras")
        if saved is None:
            self._paint_first(torch.arange(self.env.spec.num_envs))
        elif saved["pictures"].shape != self._pictures.shape:
            raise EnvError(
                f"the saved pictures have shape {tuple(saved['pictures'].shape)}, this env's"
                f" {tuple(self._pictures.shape)}: task.cameras or the number of envs differ"
            )
        else:
            self._pictures.copy_(saved["pictures"])
            self._age.copy_(saved["age"])
        self._shown = self._rows(self.env.observe())

    def close(self) -> None:
        """Release what draws, and the simulator."""
        self._painter.close()
        self.env.close()

    # Pictures.

    def _begin(self, obs: Observations) -> Observations:
        """All episodes are new."""
        self._paint_first(torch.arange(self.env.spec.num_envs))
        self._shown = self._rows(obs)
        return {**obs, **self._shown}

    def _look(self) -> None:
        """Begin the pictures of the state that physics has reached, where it is time for one."""
        self._age += 1
        due = self._age[:, None] % self._every == 0
        self._paint(due.any(dim=1).nonzero().squeeze(-1), due)

    def _paint_first(self, ids: Tensor) -> None:
        """The pictures of new episodes in the envs `ids` `[k]`."""
        self._age[ids] = 0
        self._paint(ids, torch.ones(len(self._age), len(self._every), dtype=torch.bool))
        self._painter.wait()

    def _paint(self, ids: Tensor, due: Tensor) -> None:
        """Begin pictures in the envs `ids` `[k]`, of those cameras that are `due` `[N, cameras]`."""
        sim, envs = self.env.sim, ids.tolist()
        if envs:
            models = [self._models[sim.model_of(env)] for env in envs] if self._models else [0] * len(envs)
            self._painter.paint(envs, sim.render_states(envs)["qpos"], models, due[ids].numpy())

    def _rows(self, obs: Observations) -> Observations:
        """The groups of `obs` that have pictures, `[N, bytes]`: one new tensor."""
        rows = torch.cat((obs["policy"].contiguous().view(torch.uint8), self._pictures), dim=1)
        return {group: rows for group in self._groups if group in obs}
