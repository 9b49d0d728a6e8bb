"""What a learner saves and takes back: copies, and whether they fit."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError
from rlkit.learners.networks.weights import require_finite


def copied(value: Any) -> Any:
    """Nested dicts and lists with every tensor cloned, so that later training cannot change them."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, (list, tuple)) else value


def sizes_of(spec: EnvSpec, groups: Sequence[str] = ("policy", "critic")) -> dict[str, int]:
    """What networks are made for: the numbers in each observation group that they see, and in an action."""
    return {**{group: spec.obs_sizes[group] for group in groups}, "actions": spec.num_actions}


def require_parts(learner: str, state: Mapping[str, Any], *parts: str) -> None:
    """Raise LearnerError unless the state has these entries: that of another learner has not."""
    if not all(part in state for part in parts):
        raise LearnerError(f"This is not a state of {learner}: it has no {' and '.join(map(repr, parts))}")


def require_fit(
    sizes: Mapping[str, int],
    spec: EnvSpec,
    parts: Mapping[str, tuple[nn.Module, Mapping[str, Tensor]]],
    *,
    policy_only: bool,
    misfits: Sequence[str] = (),
) -> None:
    """Raise LearnerError unless all that was saved has its place here, and is finite.

    sizes: as `sizes_of` gave them. parts: by name, the module here and its saved tensors `[...]`, each to have the
    shape that it has here. policy_only: the critic's observations may differ. misfits: what else was found not to fit.
    """
    wrong = [
        f"{name}: {sizes.get(name)} in it, {size} here"
        for name, size in sizes_of(spec).items()
        if sizes.get(name) != size and not (policy_only and name == "critic")
    ]
    for part, (module, saved) in parts.items():
        ours = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        theirs = {name: tuple(tensor.shape) for name, tensor in saved.items()}
        wrong += [
            f"{part}.{name}: {theirs.get(name, 'absent')} in it, {ours.get(name, 'absent')} here"
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]
    wrong += misfits
    if wrong:
        shown = "\n  ".join(wrong[:8])
        raise LearnerError(f"The checkpoint does not fit this task and these train settings:\n  {shown}")
    for part, (_, saved) in parts.items():
        require_finite(part, saved)
