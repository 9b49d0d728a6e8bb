"""An env whose actions are latents: a frozen policy turns each into the robot's actions for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rlkit.env.api import EnvError, EnvSpec, Observations, Step, StepInfo, VecEnv, Watched
from rlkit.env.wrapper import EnvWrapper

GROUP = "skill"  # the observation group that holds what the frozen policy sees, but for the latent


@dataclass(frozen=True)
class Skills:
    """A frozen policy that a latent tells what to do.

    act: its observations `[N, size]`, with the latent in `latent`, to actions. control: how these are carried out
    (`Task.deployment`). fingerprint: of its weights. name: the run that it is from.
    """

    act: Callable[[Tensor], Tensor]
    latent: slice
    control: Mapping[str, Any]
    fingerprint: str
    name: str

    @property
    def size(self) -> int:
        """Numbers of a latent."""
        return self.latent.stop - self.latent.start


class SkillEnv(EnvWrapper):
    """The env of a task with the group `skill`; an action's direction is the latent for `steps` control steps.

    Rewards of these are added up; an episode that ends among them ends the step, and what comes of the next one until
    the step is over belongs to no step: its first observation is the one then.
    """

    def __init__(self, env: VecEnv, skills: Skills, steps: int) -> None:
        super().__init__(env)
        self.skills, self.steps = skills, steps
        inner = env.spec
        self._spec = replace(
            inner,
            num_actions=skills.size,
            action_names=tuple(f"latent_{number}" for number in range(skills.size)),
            control_period=steps * inner.control_period,
            max_episode_length=-(-inner.max_episode_length // steps),
            mirror=None,
        )
        digest = list(skills.fingerprint.encode())
        self._fingerprint = torch.tensor(digest, dtype=torch.uint8)
        self._rows: list[int] = []
        env.ask(("policy", "critic", GROUP))

    @property
    def spec(self) -> EnvSpec:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the task, with actions and times as they are here."""
        return self._spec

    def ask(self, groups: Sequence[str]) -> None:
        """See `VecEnv.ask`; what the frozen policy sees is always there."""
        self.env.ask((*groups, GROUP))

    @torch.no_grad()
    def step(self, actions: Tensor) -> Step:
        """See `VecEnv.step`; actions: `[N, latent]` in [-1, 1], whose direction alone counts."""
        latents = directions(actions.clamp(-1.0, 1.0))
        taken = _Taken(self.spec.num_envs, actions.device, self._rows)
        obs = self.env.observe()
        for _ in range(self.steps):
            step = self.env.step(self.skills.act(self._seen(obs, latents)))
            taken.add(step)
            obs = step.obs
        return taken.as_one(obs, self.steps)

    def _seen(self, obs: Observations, latents: Tensor) -> Tensor:
        """What the frozen policy sees, `[N, size]`."""
        before, own = self.skills.latent.start, obs[GROUP]
        return torch.cat((own[:, :before], latents, own[:, before:]), dim=-1)

    def watch(self, envs: Sequence[int]) -> None:
        """See `VecEnv.watch`."""
        self._rows = list(envs)
        self.env.watch(envs)

    def shared_state(self) -> dict[str, Tensor]:
        """As the task's, with which skills these are, `[64]` uint8; see `VecEnv.shared_state`."""
        return {**self.env.shared_state(), "skills": self._fingerprint.clone()}

    def load_shared_state(self, state: Mapping[str, Tensor]) -> None:
        """See `VecEnv.load_shared_state`; raises EnvError where it was saved with other skills."""
        state = dict(state)
        saved = state.pop("skills", self._fingerprint)
        if not torch.equal(saved.cpu(), self._fingerprint):
            raise EnvError(
                f"the skills of {self.skills.name} are others than those that this was trained with"
            )
        self.env.load_shared_state(state)

    def deployment(self) -> Mapping[str, Any]:
        """As the task's, with how a latent becomes actions."""
        skills = {"run": self.skills.name, "fingerprint": self.skills.fingerprint, "steps": self.steps}
        return {**self.env.deployment(), "skills": skills}


def directions(actions: Tensor) -> Tensor:
    """Unit vectors `[N, L]` along actions `[N, L]`; the first axis where an action is 0."""
    lengths = actions.norm(dim=-1, keepdim=True)
    first = torch.zeros_like(actions)
    first[:, 0] = 1.0
    return torch.where(lengths > 1e-6, normalize(actions, dim=-1), first)


class _Taken:
    """What the steps of a frozen policy came to, of each env until its episode ended."""

    def __init__(self, num_envs: int, device: torch.device, rows: Sequence[int]) -> None:
        self._reward = torch.zeros(num_envs, device=device)
        self._terminated, self._truncated, self._success = (
            torch.zeros(num_envs, dtype=torch.bool, device=device) for _ in range(3)
        )
        self._reached: dict[str, Tensor] = {}
        self._episodes: dict[str, Tensor] = {}
        self._facts: dict[str, Tensor] = {}
        self._final: Observations = {}
        self._rows, self._watched = list(rows), None

    def add(self, step: Step) -> None:
        """Take one of them."""
        info, over = step.info, self._terminated | self._truncated
        self._final = _kept(over, self._final, info.final_obs)
        self._facts = _kept(over, self._facts, info.facts) if info.facts else self._facts
        self._reward += step.reward * ~over
        self._success |= info.success & ~over
        for name, flag in info.reached.items():
            now = flag & ~over
            self._reached[name] = self._reached[name] | now if name in self._reached else now
        for name, total in info.episodes.items():
            self._episodes[name] = self._episodes[name] + total if name in self._episodes else total
        if info.watched is not None:
            self._watched = _seen(over[self._rows].cpu().numpy(), self._watched, info.watched)
        self._terminated |= step.terminated & ~over
        self._truncated |= step.truncated & ~over

    def as_one(self, obs: Observations, steps: int) -> Step:
        """The step that they are; lengths of episodes are in such steps."""
        if "length" in self._episodes:
            self._episodes["length"] = self._episodes["length"] / steps
        ended = (self._terminated | self._truncated)[:, None]
        final = {name: torch.where(ended, self._final[name], now) for name, now in obs.items()}
        info = StepInfo(final, self._success, self._reached, self._episodes, self._watched, self._facts)
        return Step(obs, self._reward, self._terminated, self._truncated, info)


def _kept(over: Tensor, old: Mapping[str, Tensor], new: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By name `[N, ...]`: the old where an episode is `over` `[N]`, else the new."""
    return {
        name: torch.where(over.view(-1, *[1] * (value.dim() - 1)), old.get(name, value), value)
        for name, value in new.items()
    }


def _seen(over: Any, old: Watched | None, new: Watched) -> Watched:
    """The watched envs at the end of their episode where it is `over`, an array `[k]`, with all terms added up."""
    if old is None:
        return new

    def kept(before: Any, now: Any) -> Any:
        now = now.copy()
        now[over] = before[over]
        return now

    state = {name: kept(old.state[name], value) for name, value in new.state.items()}
    terms = kept(old.terms, old.terms + new.terms)
    return Watched(state, kept(old.ctrl, new.ctrl), terms, kept(old.metrics, new.metrics), new.pushes)
