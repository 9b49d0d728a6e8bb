"""Observation groups: which terms are in each, which of them somebody asked for, and how they look in a mirror."""

from __future__ import annotations

from typing import Mapping, Sequence, Tuple

import torch
from torch import Tensor

from rlkit.env.api import EnvError, Mirror, Observations
from rlkit.nearest import did_you_mean
from rlkit.tasks.api import MirrorImage, Task, Term

Layout = Tuple[Tuple[str, int], ...]
"""The terms of an observation group in their order, each with its size."""

USUAL = ("policy", "critic")  # what is computed where nobody said what is wanted


class Groups:
    """The observation groups of a task: "policy", "critic" (the same where `task.groups` has none), and others.

    layouts: by group. asked: those that observations hold. own: those of them that are tensors of their own, the
    policy's first: a group of the policy's very terms is its tensor. terms: what is computed for them, each once.
    """

    def __init__(self, task: Task) -> None:
        chosen = {"policy": task.observation_terms, "critic": task.observation_terms, **task.group_terms}
        sizes = task.observation_sizes()
        self.layouts: dict[str, Layout] = {
            group: tuple((name, sizes[name]) for name in terms) for group, terms in chosen.items()
        }
        self.sizes = {group: sum(size for _, size in layout) for group, layout in self.layouts.items()}
        self._chosen = chosen
        self.ask(USUAL)

    def ask(self, groups: Sequence[str]) -> None:
        """Compute these from now on, and the policy's; raises EnvError for one that there is not."""
        for group in groups:
            if group not in self.layouts:
                near = did_you_mean(group, self.layouts, f"; there are {', '.join(self.layouts)}")
                raise EnvError(
                    f"the learner asks for the observations {group!r}, which this task does not have{near};"
                    f" task.groups.{group} lists their terms"
                )
        self.asked = tuple(dict.fromkeys(("policy", *groups)))
        policy = self.layouts["policy"]
        self.own = [group for group in self.asked if group == "policy" or self.layouts[group] != policy]
        self.terms: dict[str, Term] = self._chosen["policy"]
        for group in self.own[1:]:
            self.terms = {**self.terms, **self._chosen[group]}

    def joined(self, values: Mapping[str, Tensor]) -> Observations:
        """The `own` groups `[N, size]` from the values of the terms `[N, size]`; new tensors."""
        return {
            group: torch.cat([values[name] for name, _ in self.layouts[group]], dim=-1) for group in self.own
        }

    def demonstrated(self, group: str, values: Mapping[str, Tensor]) -> Tensor:
        """A group `[count, size]` from what the task shows of its motions, `[count, size]` a term.

        Raises EnvError for a group that there is not, or with a term of which no motion tells.
        """
        missing = [name for name, _ in self.layouts.get(group, ((group, 0),)) if name not in values]
        if missing:
            raise EnvError(
                f"no motion shows the observation {missing[0]!r} of the group {group!r}: task.motion names clips, and"
                f" of these the task shows {', '.join(values) or 'nothing'}"
            )
        return torch.cat([values[name] for name, _ in self.layouts[group]], dim=-1)

    def zeros(self, num_envs: int, device: torch.device) -> Observations:
        """The `own` groups before there is anything to see, `[N, size]`."""
        return {group: torch.zeros(num_envs, self.sizes[group], device=device) for group in self.own}

    def shown(self, own: Observations, policy: Tensor) -> Observations:
        """All that was asked for: `policy` `[N, size]` is what the policy sees, the others see theirs without noise."""
        clean = own["policy"]
        return {group: policy if group == "policy" else own.get(group, clean) for group in self.asked}

    def mirror(self, task: Task) -> Mirror | None:
        """The images that the task gives term by term, joined over the layout of each group.

        A group has one where all its terms do: whoever needs it refuses the others. Raises EnvError for an image of
        another size.
        """
        images = task.mirror()
        if images is None:
            return None
        _require_image(task, images, "actions", len(task.action_names))
        joined: dict[str, MirrorImage] = {}
        for group, layout in self.layouts.items():
            if all(name in images for name, _ in layout):
                for name, size in layout:
                    _require_image(task, images, name, size)
                joined[group] = _over(layout, images)
        return Mirror(joined, images["actions"])


def _require_image(task: Task, images: Mapping[str, MirrorImage], name: str, size: int) -> None:
    source, sign = images.get(name, ((), ()))
    if sorted(source) != list(range(size)) or len(sign) != size:
        raise EnvError(f"{task.name}.mirror: the image of {name} must rearrange its {size} numbers")


def _over(layout: Layout, images: Mapping[str, MirrorImage]) -> MirrorImage:
    sources: list[int] = []
    signs: list[float] = []
    for name, _ in layout:
        source, sign = images[name]
        sources += [len(signs) + index for index in source]
        signs += sign
    return sources, signs


def total_of(obs: Observations) -> Tensor:
    """The sum of all numbers of all groups, 0-dim: not finite where one of them is not."""
    return torch.stack([group.sum() for group in obs.values()]).sum() if len(obs) > 1 else obs["policy"].sum()
