"""Style: move as clips of motion data do, whatever of it and whenever. What counts as such, a learner finds out.

The task of adversarial motion priors (AMP, Peng et al. 2021, arXiv 2104.02180) without a task beside the style.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import Fact, HoldTimer, MirrorImage, fact, failure, metric, observation, success
from rlkit.tasks.motion.latents import Latents
from rlkit.tasks.motion.loading import around_clips, load_library
from rlkit.tasks.motion.style import StyleWindow, with_ends
from rlkit.tasks.robots.humanoid_task import HumanoidTask
from rlkit.tasks.robots.humanoids import sizes_of


class Style(HumanoidTask):
    """A humanoid that moves like the data: its own reward is smoothness alone, `train=AMP` adds that of the style.

    An action of 0 is the middle of the clips' poses; 1 and -1 are half of the clips' range from there and as much
    farther as makes the servo's spring pull with `task.action.reach` of the torque limit.
    Solved: upright to the end, on average no farther from the clips than `task.style.near`.

    latents: where the term `latent` is observed, as `train=ASE` wants it.
    """

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The humanoid on flat ground, with its feet and hands."""
        return with_ends(super().scene(config), config)

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        library = load_library(config, self.robot, self.device)
        self.centre, reach = around_clips(library, self.servos, float(config["action"]["reach"]))
        self.up = self.down = reach
        self.style_size, self.latent_size = (sizes_of(config)[name] for name in ("style_size", "latent_size"))
        self.window = StyleWindow(self, library)
        self.strays = HoldTimer(self, "stray_time")
        observed = {*self.observation_terms, *(name for terms in self.group_terms.values() for name in terms)}
        self.latents = Latents(self) if "latent" in observed else None
        if self.latents is not None:
            self.held_latents = self.latent_size
            self.fact_terms.update(self.window.shares())

    def advance(self) -> None:
        """Take in how it moves."""
        self.window.advance()
        if self.latents is not None:
            self.latents.advance()
        self.strays.run(self.window.distance > float(self.config["style"]["tolerance"]))

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Task.reset`: any moment of a clip."""
        state = self.window.begin(env_ids)
        self.targets[env_ids] = state.joint_pos
        if self.latents is not None:
            self.latents.begin(env_ids)
        return state

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As every humanoid's; none with latents, whose mirror images nobody knows."""
        return super().mirror() if self.latents is None else None

    def hold_latent(self, env: int, latent: Sequence[float]) -> None:
        """See `Task.hold_latent`."""
        if self.latents is None:
            super().hold_latent(env, latent)
        else:
            self.latents.hold(env, latent)

    def told_facts(self) -> dict[str, Fact]:
        """With latents also how much of an episode was nearest to which clip: all in one clip is a collapse."""
        more = {name: Fact(more_is_better=True) for name in self.fact_terms if name.startswith("share/")}
        return {**super().told_facts(), **more}

    def demonstrations(self, count: int) -> dict[str, Tensor]:
        """See `Task.demonstrations`: the style of the clips."""
        return {"style": self.window.demonstrations(count)}

    @observation("style_size")
    def style(self) -> Tensor:
        """How it has just moved, at `task.style.moments`: root, joints, hands and feet, in the root's heading."""
        return self.window.seen()

    @observation("latent_size")
    def latent(self) -> Tensor:
        """Which skill to show: a unit vector, drawn anew after each `task.latent.time`."""
        if self.latents is None:
            return torch.zeros(self.num_envs, self.latent_size, device=self.device)
        return self.latents.now

    @metric
    def style_distance(self) -> Tensor:
        """`[N]`: how far it is from the nearest frame of the clips, in spreads of theirs; standing is 1 from a walk."""
        return self.window.distance

    @fact()
    def near(self) -> Tensor:
        """`[N]`: `style_distance`, the mean over the episode."""
        return self.window.near()

    @fact()
    def cover(self) -> Tensor:
        """`[N]`: the mean distance from the clips' frames to the nearest of the episode."""
        return self.window.cover()

    def success_words(self) -> str:
        """For the heads of tables."""
        return f"upright to the end, near at most {float(self.config['style']['near']):g}"

    @success
    def in_style(self) -> Tensor:
        """The last step, and the mean distance from the clips was at most `style.near`."""
        return self.out_of_time() & (self.window.near() <= float(self.config["style"]["near"]))

    @failure
    def out_of_style(self) -> Tensor:
        """Farther than `style.tolerance` from every frame of the clips for `style.patience` without a break."""
        return self.strays.reached(float(self.config["style"]["patience"]))
