"""What `rlkit.make` returns: a `VecEnv` that closes its simulator, and the views of other libraries on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlkit.config import Experiment
from rlkit.doors.seeds import as_seed
from rlkit.env.api import EnvError, Observations, Step, VecEnv
from rlkit.env.wrapper import EnvWrapper

if TYPE_CHECKING:
    import gymnasium
    from torch import Tensor

    from rlkit.doors.views.rsl_rl import RslRlView
    from rlkit.doors.views.sb3 import Sb3View
    from rlkit.doors.views.skrl import SkrlView
    from rlkit.doors.views.vector import VectorView


class Envs(EnvWrapper):
    """The environments, with torch tensors on `spec.device`: `reset` and `step` as `VecEnv` describes them.

    experiment: every setting, resolved. A view steps these same envs: use one of them at a time, and close any.
    """

    def __init__(self, env: VecEnv, experiment: Experiment) -> None:
        super().__init__(env)
        self.experiment = experiment
        self._closed = False

    def as_gymnasium(self, *, torch: bool = False) -> VectorView:
        """A `gymnasium.vector.VectorEnv` with numpy arrays, or torch tensors on the envs' device."""
        from rlkit.doors.views.vector import VectorView

        return VectorView(self, torch=torch)

    def as_gymnasium_env(self) -> gymnasium.Env:
        """A single `gymnasium.Env` with numpy arrays. Raises EnvError unless there is one env."""
        from rlkit.doors.views.single import SingleView

        return SingleView(self)

    def as_sb3(self) -> Sb3View:
        """A `VecEnv` of Stable-Baselines3. Raises EnvError where that is not installed."""
        from rlkit.doors.views.sb3 import Sb3View

        return Sb3View(self)

    def as_rsl_rl(self) -> RslRlView:
        """What rsl_rl's `OnPolicyRunner` takes as its env. Raises EnvError where tensordict is not installed."""
        from rlkit.doors.views.rsl_rl import RslRlView

        return RslRlView(self, self.experiment.stored())

    def as_skrl(self) -> SkrlView:
        """What skrl's agents and trainers take as a wrapped env."""
        from rlkit.doors.views.skrl import SkrlView

        return SkrlView(self)

    def reset(self) -> Observations:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Start a new episode everywhere, `[N, size]` a group; raises EnvError once they are closed."""
        self._require_open()
        return self.env.reset()

    def step(self, actions: Tensor) -> Step:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As `VecEnv.step`; actions: `[N, num_actions]`, else an EnvError is raised, as it is once they are closed."""
        self._require_open()
        names, wanted = ", ".join(self.spec.action_names), (self.spec.num_envs, self.spec.num_actions)
        if not hasattr(actions, "clamp"):
            raise EnvError(
                f"actions are a {type(actions).__name__}, not a torch tensor; as_gymnasium() takes numpy arrays"
            )
        if tuple(actions.shape) != wanted:
            raise EnvError(
                f"actions have shape {list(actions.shape)}, wanted {list(wanted)}: a row for each env, in it {names}"
            )
        return self.env.step(actions)

    def reseed(self, seed: int) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As `VecEnv.reseed`; an EnvError for what is no seed, and once they are closed."""
        self._require_open()
        self.env.reseed(as_seed(seed))

    def _require_open(self) -> None:
        if self._closed:
            raise EnvError("these environments are closed; rlkit.make makes new ones")

    def __repr__(self) -> str:
        spec, sim = self.env.spec, self.experiment.sim.name
        return f"Envs({spec.task}, {spec.num_envs} on {sim}, {spec.num_actions} actions)"

    def close(self) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Release the simulator; once is enough."""
        if not self._closed:
            self._closed = True
            self.env.close()

    def __enter__(self) -> Envs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
