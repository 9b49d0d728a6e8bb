"""A trained policy from its checkpoint, without its simulator; nothing in the run's folder runs code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Collection, Mapping

from rlkit.config import Experiment, compose, from_file
from rlkit.config.words.values import quote
from rlkit.learners.facts import on_cpu, train_file
from rlkit.runtime.checkpoints.head import CheckpointError, CheckpointHead, read_head, require_fit
from rlkit.runtime.process.engines import quiet_openmp
from rlkit.workspace import Resolved

if TYPE_CHECKING:
    from rlkit.env.api import EnvSpec
    from rlkit.learners.api import Learner

REMEMBERS = "remembers its episode (train.memory)"


@dataclass(frozen=True)
class Trained:
    """A learner that can act, for any number of rows.

    spec: what it acts in, of one env. control: what a robot does with its actions (`Task.deployment`).
    """

    learner: Learner
    spec: EnvSpec
    control: Mapping[str, Any]
    head: CheckpointHead


def settings_of(source: Resolved, head: CheckpointHead) -> Experiment:
    """The settings of the checkpoint's run, as it had them; of a file that lies in none those of conf/.

    Raises RlkitError where they cannot be read, or are of another task or learner.
    """
    if source.run_path is not None:
        experiment = from_file(source.run_path / "config.yaml")
    else:
        words = [*head.task_words, f"train={train_file(head.task, head.learner_name)}", "test=true"]
        experiment = compose([*words, f"checkpoint={quote(str(source.checkpoint), path=False)}"])
    require_fit(head, source.checkpoint, experiment.task, str(experiment.train["learner"]))
    return experiment


def load_trained(source: Resolved, device: str, *, trusted: Collection[str] = ()) -> Trained:
    """The policy of a checkpoint on `device`; raises RlkitError where it cannot be read.

    trusted: code that may be imported though it is not installed, see `rlkit.plugins.modules.load`.
    """
    head = read_head(source.checkpoint)
    train = {**settings_of(source, head).train, **on_cpu(head.learner_name)}
    quiet_openmp()
    import torch

    from rlkit.learners import registry
    from rlkit.runtime.checkpoints import checkpoint as checkpoints
    from rlkit.runtime.checkpoints.env_spec import spec_of

    saved = checkpoints.load(source.checkpoint, torch.device(device))
    if saved.env_spec is None:
        raise CheckpointError(
            f"{source.checkpoint} is of an older rlkit, which did not write down what its observations are:"
            f" export its policy instead (rlkit export), or train on for an iteration"
        )
    spec, control = spec_of(saved.env_spec, torch.device(device))
    learner = registry.make(head.learner_name, train, spec, seed=saved.seed, trusted=trusted, only_acts=True)
    learner.load(saved.learner, policy_only=True)
    return Trained(learner, spec, control, head)
