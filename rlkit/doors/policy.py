"""`rlkit.load_policy`: a trained policy as a function, without its simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, TypeVar

from rlkit.errors import RlkitError
from rlkit.runtime.checkpoints.head import CheckpointHead
from rlkit.runtime.policies.trained import load_trained
from rlkit.workspace import Resolved, resolve

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from rlkit.doors.runs import Run
    from rlkit.learners.api import Learner
    from rlkit.learners.api import Policy as Acting

Array = TypeVar("Array", "np.ndarray", "Tensor")


class PolicyError(RlkitError):
    """An observation is not what the policy takes."""


class Part(NamedTuple):
    """A term of the observation: its columns are `offset` to `offset + size`."""

    name: str
    offset: int
    size: int


class Policy:
    """Observations to actions in [-1, 1], normalisation included; the best action known, without exploration.

    observations: the parts of an observation, in order. actions: the name of each number of an action. control: how
    a robot carries out an action, as the task says it (`Task.deployment`); its "units" maps joints to "m" or "rad".
    control_period: seconds between two actions. task, learner, iteration, checkpoint, run: where it comes from.
    """

    def __init__(
        self, act: Acting, spec: Any, control: Mapping[str, Any], head: CheckpointHead, source: Resolved
    ) -> None:
        self._act, self.device = act, spec.device
        parts, offset = [], 0
        for name, size in spec.number_terms:
            parts.append(Part(name, offset, size))
            offset += size
        self.observations, self.num_observations = tuple(parts), offset or spec.obs_sizes["policy"]
        self.actions, self.num_actions = spec.action_names, spec.num_actions
        self.control, self.control_period = control, spec.control_period
        self.task, self.learner, self.iteration = head.task, head.learner_name, head.iteration
        self.checkpoint = source.checkpoint
        self.run = None if source.run_path is None else source.run_path.name

    def __call__(self, obs: Array | Mapping[str, Array]) -> Array:
        """Actions `[num_actions]` of one observation `[num_observations]`, or `[N, num_actions]` of `[N, ...]`.

        obs: numpy or torch, and so are the actions; or the parts by name, `[size]` or `[N, size]` each. Of an image
        the pixels from 0 to 255, in the order of its array. Raises
        PolicyError for another shape, for parts that are missing or unknown, and for what is not finite.
        """
        import torch

        given: Any = self.joined(obs) if isinstance(obs, Mapping) else obs
        tensor = torch.as_tensor(given, dtype=torch.float32, device=self.device)
        if tensor.dim() not in (1, 2) or tensor.shape[-1] != self.num_observations:
            parts = ", ".join(f"{part.name} ({part.size})" for part in self.observations)
            raise PolicyError(
                f"an observation of {self.task} has {self.num_observations} numbers, in one row or several; this one"
                f" has shape {list(tensor.shape)}. It is made of {parts}"
            )
        if not tensor.isfinite().all():
            raise PolicyError(f"an observation is not finite: NaN or Inf in {', '.join(self._bad(tensor))}")
        rows = tensor if tensor.dim() == 2 else tensor[None]
        with torch.inference_mode():
            actions = self._act({"policy": rows, "critic": rows})
        actions = (actions if tensor.dim() == 2 else actions[0]).clone()
        return actions if isinstance(given, torch.Tensor) else actions.cpu().numpy()  # type: ignore[return-value]

    def reset(self, ended: Any = None) -> None:
        """An episode ended, or where several are played those of `ended` `[N]` bool: what a policy with memory has
        seen of them is forgotten. Of one without there is nothing to forget.
        """
        import torch

        mask = None if ended is None else torch.as_tensor(ended, dtype=torch.bool, device=self.device)
        self._act.forget(mask)

    def _bad(self, obs: Tensor) -> list[str]:
        """The parts of `[..., num_observations]` with a number that is not finite."""
        bad = (~obs.isfinite()).reshape(-1, self.num_observations).any(dim=0).tolist()
        parts = self.observations or (Part("the observation", 0, self.num_observations),)
        return [part.name for part in parts if any(bad[part.offset : part.offset + part.size])]

    def joined(self, parts: Mapping[str, Array]) -> Array:
        """The observation `[..., num_observations]` of its parts by name, `[..., size]` each.

        Raises PolicyError where one is missing or unknown.
        """
        import numpy as np
        import torch

        names = [part.name for part in self.observations]
        if set(names) != set(parts):
            missing, unknown = sorted(set(names) - set(parts)), sorted(set(parts) - set(names))
            said = [
                f"{word} {', '.join(some)}"
                for word, some in (("missing:", missing), ("unknown:", unknown))
                if some
            ]
            raise PolicyError(
                f"the parts of an observation of {self.task} are {', '.join(names)}; {'; '.join(said)}"
            )
        ordered = [parts[name] for name in names]
        if all(isinstance(part, torch.Tensor) for part in ordered):
            return torch.cat(ordered, dim=-1)  # type: ignore[arg-type,return-value]
        return np.concatenate([np.asarray(part, np.float32) for part in ordered], axis=-1)  # type: ignore[return-value]

    def __repr__(self) -> str:
        return (
            f"Policy({self.task}, {self.learner}, iteration {self.iteration}: {self.num_observations} numbers ->"
            f" {self.num_actions} actions every {self.control_period:g} s)"
        )


def load_policy(
    checkpoint: str | Path | Run, *, device: str = "cpu", root: str | Path = ".", stochastic: bool = False
) -> Policy:
    """The policy of a checkpoint, ready to act; no simulator starts, and nothing in the run's folder runs code.

    checkpoint: latest, a run or its name (its best policy), `<run>:last`, a file; looked for in the workspace `root`.
    stochastic: explore as in training. Raises RlkitError where there is no such checkpoint, or it cannot be read.
    """
    ref = checkpoint if isinstance(checkpoint, (str, Path)) else checkpoint.path
    source = resolve(str(ref), root=Path(root), default="best")
    trained = load_trained(source, device)
    act = _act(trained.learner, trained.spec.device, stochastic)
    return Policy(act, trained.spec, trained.control, trained.head, source)


def _act(learner: Learner, device: torch.device, stochastic: bool) -> Acting:
    """The policy alone: what else a learner has, as a replay buffer, is let go."""
    from rlkit.learners import acting, api

    if stochastic:
        return learner.policy(stochastic=True)
    network = learner.network().to(device)
    if learner.memory:
        return acting.Remembering(network, learner.memory)
    return api.Policy(lambda obs: network(obs["policy"]))
