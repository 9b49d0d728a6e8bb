"""`rlkit.make`: the environments of a task, composed and checked as the command line does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from rlkit.config import Experiment, compose
from rlkit.doors.words import given, words
from rlkit.errors import ConfigError
from rlkit.untrusted import echo

if TYPE_CHECKING:
    from rlkit.doors.envs import Envs


def make(
    task: str,
    *,
    num_envs: int | None = None,
    sim: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Envs:
    """Environments of a task that step together, as a training would get them; what is None is as conf/ has it.

    task, sim: as `task=` and `sim=` take them. seed: of everything that the envs draw; without one it is drawn.
    device: where observations and actions live. settings: more of the command line's names, as `physics="fast"`;
    overrides: those with a dot in them, as `{"task.episodeLength": 40}`. Randomisation is as the task has it,
    at the end of its curriculum.

    Python's, numpy's and torch's own random numbers are left as they were. Raises RlkitError, with all
    mistakes, as the command line would tell them. The simulator is released by `close`, or at the end of a `with`.
    """
    _require_task(task)
    asked = {"sim": sim, "num_envs": num_envs, "seed": seed, "device": device, **settings, **given(overrides)}
    experiment = compose(words({"task": task, **asked}))
    from rlkit.runtime.preboot import require_makeable

    require_makeable(experiment)
    return _built(experiment)


def _require_task(task: object) -> None:
    if isinstance(task, str) and task:
        return
    named = "my_package.my_module:MyTask"
    # What a session itself defines, no run finds again
    if isinstance(task, type) and task.__module__ != "__main__":
        named = f"{task.__module__}:{task.__qualname__}"
    raise ConfigError(
        f'task={echo(repr(task))}: give the name of a task, as rlkit.make("Reach"), or of its class, as "{named}"'
    )


def _built(experiment: Experiment) -> Envs:
    """The envs, whose making draws nothing that anybody misses."""
    from rlkit.runtime.process.engines import quiet_openmp

    quiet_openmp()
    import torch

    from rlkit.doors.envs import Envs
    from rlkit.runtime.build import build_env
    from rlkit.runtime.process.ranks import Ranks
    from rlkit.runtime.process.seeding import preserved_rng, seed_everything

    with preserved_rng():
        seed_everything(experiment.training.seed, deterministic=torch.are_deterministic_algorithms_enabled())
        return Envs(build_env(experiment, Ranks()), experiment)
