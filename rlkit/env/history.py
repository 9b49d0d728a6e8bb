"""The latest frames of an observation beside each other: `task.history`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env.api import EnvError, EnvSpec, Mirror, Observations, Step, VecEnv
from rlkit.env.wrapper import ObservationWrapper
from rlkit.nearest import did_you_mean
from rlkit.tasks.api import MirrorImage

_STACKED = ("policy", "critic")  # the critic's where it is of the policy's terms


class HistoryEnv(ObservationWrapper):
    """An env whose policy sees the latest `frames` of its observation terms, as it was shown them (with their noise).

    Each term becomes `frames` times as long, the oldest frame first, the newest last; before an episode is that old
    its first frame stands in. The critic's terms likewise where they are the policy's, other groups stay as they are.

    frames: at least 2. terms: of the policy's, none of them: all. Raises EnvError for one that the policy does not see.
    """

    def __init__(self, env: VecEnv, frames: int, terms: Sequence[str] = ()) -> None:
        super().__init__(env)
        spec = env.spec
        layout = spec.observation_terms.get("policy") or (("observation", spec.obs_sizes["policy"]),)
        known = [name for name, _ in layout]
        for name in terms:
            if name not in known:
                raise EnvError(
                    f"task.historyTerms: the policy does not see {name!r}{did_you_mean(name, known)};"
                    f" it sees {', '.join(known)}"
                )
        self.frames, self._layout = frames, layout
        self._terms = set(terms or known)
        alike = spec.observation_terms.get("critic") == spec.observation_terms.get("policy")
        self._groups = _STACKED if alike else _STACKED[:1]
        self._pieces = [_pieces(layout, self._terms, frames, head) for head in range(frames)]
        # Gathering copies many short pieces soonest; those of images are long
        total = spec.obs_sizes["policy"]
        self._columns = (
            [] if spec.images else [_columns(pieces, total).to(spec.device) for pieces in self._pieces]
        )
        self._rings: dict[str, Tensor] = {}  # [N, frames, size] by group, each frame in the place of its time
        self._head = 0  # the newest frame's place

    @cached_property
    def spec(self) -> EnvSpec:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the env, with longer terms."""
        spec = self.env.spec
        longer = tuple((name, size * self._count(name)) for name, size in self._layout)
        total = sum(size for _, size in longer)
        return replace(
            spec,
            obs_sizes={**spec.obs_sizes, **dict.fromkeys(self._groups, total)},
            observation_terms={**spec.observation_terms, **dict.fromkeys(self._groups, longer)},
            mirror=None if spec.mirror is None else self._mirror(spec.mirror),
            frames={name: self._count(name) for name, _ in longer},
        )

    def step(self, actions: Tensor) -> Step:
        step = self.env.step(actions)
        self._head = (self._head + 1) % self.frames
        final = step.info.final_obs
        self._each(final, lambda ring, frame: ring[:, self._head].copy_(frame))
        self._shown = self._stacked(final)
        step.info.final_obs = {**final, **self._shown}
        if step.info.episodes:  # some have ended
            new = step.ended.nonzero().squeeze(-1)
            self._each(step.obs, lambda ring, frame: ring.index_copy_(0, new, self._filled(frame[new])))
            self._shown = self._stacked(step.obs)
        return step._replace(obs={**step.obs, **self._shown})

    def state(self) -> dict[str, Any]:
        """That of the env, and of `history` the frames `[N, frames, size]` by group, the oldest first."""
        order = [(self._head + 1 + i) % self.frames for i in range(self.frames)]
        return {**self.env.state(), "history": {group: ring[:, order] for group, ring in self._rings.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `VecEnv.load_state`; a state that knows no older frames begins with the one it has."""
        self.env.load_state(state)
        obs = self.env.observe()
        self._begin(obs)
        for group, frames in state.get("history", {}).items():
            ring = self._rings.get(group)
            if ring is None:
                continue
            if frames.shape != ring.shape:
                raise EnvError(
                    f"the saved history of {group} has shape {tuple(frames.shape)}, this env {tuple(ring.shape)}:"
                    " task.history, the terms or the number of envs differ"
                )
            ring.copy_(frames)
        self._head = self.frames - 1
        self._shown = self._stacked(obs)

    # Rings.

    def _begin(self, obs: Observations) -> Observations:
        """All episodes are new, with the first frame `[N, size]` a group."""
        self._rings = {}
        self._each(obs, lambda ring, frame: ring.copy_(self._filled(frame)))
        self._shown = self._stacked(obs)
        return {**obs, **self._shown}

    def _filled(self, frame: Tensor) -> Tensor:
        return frame[:, None].expand(-1, self.frames, -1)

    def _each(self, obs: Observations, write: Any) -> None:
        """Write the frames `[N, size]` of `obs` into the rings; one ring serves groups that are one tensor."""
        for group in self._own(obs):
            frame = obs[group]
            if group not in self._rings:
                self._rings[group] = frame.new_empty(len(frame), self.frames, frame.shape[1])
            write(self._rings[group], frame)

    def _own(self, obs: Observations) -> list[str]:
        """The stacked groups that are tensors of their own."""
        asked = [group for group in self._groups if group in obs]
        return asked[:1] if len(asked) > 1 and obs["critic"] is obs["policy"] else asked

    def _stacked(self, obs: Observations) -> Observations:
        """The longer groups that `obs` has, `[N, size]`: new tensors, each of one copy."""
        stacked = {group: self._longer(self._rings[group]) for group in self._own(obs)}
        return {group: stacked.get(group, stacked["policy"]) for group in self._groups if group in obs}

    def _longer(self, ring: Tensor) -> Tensor:
        if self._columns:
            return ring.flatten(1).index_select(1, self._columns[self._head])
        pieces = self._pieces[self._head]
        return torch.cat([ring[:, place, begin : begin + size] for place, begin, size in pieces], dim=1)

    def _count(self, name: str) -> int:
        return self.frames if name in self._terms else 1

    def _mirror(self, mirror: Mirror) -> Mirror:
        """The image of the longer groups: each frame has that of its term."""
        images = dict(mirror.observations)
        for group in self._groups:
            if group in images:
                images[group] = self._image(images[group])
        return Mirror(images, mirror.actions)

    def _image(self, image: MirrorImage) -> MirrorImage:
        sources, signs = image
        begin, longer, found, flipped = 0, 0, [], []
        for name, size in self._layout:
            for frame in range(self._count(name)):
                start = longer + frame * size
                found += [source - begin + start for source in sources[begin : begin + size]]
                flipped += signs[begin : begin + size]
            begin, longer = begin + size, longer + size * self._count(name)
        return found, flipped


def _pieces(
    layout: Sequence[tuple[str, int]], terms: set[str], frames: int, head: int
) -> list[tuple[int, int, int]]:
    """What the longer observation is made of, in order, of a ring whose newest frame is at `head`: the place of a
    frame, the first number there, how many.
    """
    begin, found = 0, []
    for name, size in layout:
        ages = range(frames - 1, -1, -1) if name in terms else [0]
        found += [((head - age) % frames, begin, size) for age in ages]
        begin += size
    return found


def _columns(pieces: Sequence[tuple[int, int, int]], total: int) -> Tensor:
    """Where each of its numbers stands in a ring's row `[frames * total]`."""
    found: list[int] = []
    for place, begin, size in pieces:
        found += range(place * total + begin, place * total + begin + size)
    return torch.tensor(found)
