"""A simulator and a task as one environment."""

from __future__ import annotations

import time
from typing import Any, Mapping, Optional, Sequence

import torch
from torch import Tensor

from rlkit.env import checks
from rlkit.env.foreign import boundary
from rlkit.env.randomization import Randomization
from rlkit.env.spec import (
    EnvError,
    EnvSpec,
    Mirror,
    Observations,
    StepInfo,
    VecEnv,
    Watched,
    bad_actions,
)
from rlkit.sims.api import Simulator, SimulatorError
from rlkit.tasks.api import Task, TaskError, Term


class TaskEnv(VecEnv):
    """N copies of a task on a simulator.

    learning: whether the curriculum of `task.randomization` runs; where not, everything is at its end.
    Raises SimulatorError or TaskError for a randomisation that cannot be, or no actions. `reset` and `step` raise
    EnvError naming the term for a value of another shape or dtype than the task promises, when it is first asked for,
    and for any number that is not finite; and for whatever else the task's own code raises.
    """

    mend = "where physics fails, a smaller sim.dt, more sim.substeps or physics=accurate helps"

    def __init__(self, sim: Simulator, task: Task, *, learning: bool = False) -> None:
        self.sim, self.task = sim, task
        if not task.action_names:
            raise TaskError(
                f"task {task.name} has no actions: its action_names is empty. A robot without actuators needs some in"
                " its MJCF, as <actuator><motor joint=.../></actuator>, or a task whose controls() moves it otherwise"
            )
        self._steps_per_control = sim.physics.steps_per_control(task.control_period)
        self.random = Randomization(sim, task, learning=learning)
        n, device = sim.num_envs, sim.device
        terms = task.terms("observation")
        layout = tuple((name, terms[name]) for name in task.observation_terms)
        width = sum(size for _, size in layout)
        self.spec = EnvSpec(
            task=task.name,
            num_envs=n,
            device=device,
            obs_sizes={"policy": width, "critic": width},
            num_actions=len(task.action_names),
            action_names=task.action_names,
            max_episode_length=task.max_episode_length,
            control_period=task.control_period,
            observation_terms={"policy": layout, "critic": layout},
            reward_terms=tuple(task.reward_weights),
            success_criteria=tuple(task.success_terms),
            failure_criteria=tuple(task.failure_terms),
            mirror=_mirror(task, layout),
            noisy=self.random.noisy,
        )
        end_rewards = task.config["terminationRewards"]
        self._end_rewards = {name: float(end_rewards[name]) for name in ("success", "failure", "timeout")}
        self._episode_return = torch.zeros(n, device=device)
        self._term_returns = torch.zeros(len(task.reward_weights), n, device=device)
        self._weights = torch.tensor(list(task.reward_weights.values()), device=device)[:, None]
        self._terms = torch.zeros(len(task.reward_weights), n, device=device)
        self._obs = torch.zeros(n, width, device=device)
        self._fresh = torch.zeros((), device=device)  # sum of the first observations that were shown last
        self._head_start = torch.zeros(n, dtype=torch.int64, device=device)  # age that `stagger` made up
        self._unchecked = set(checks.DTYPES)  # kinds of terms whose values nobody has looked at yet
        self._num_steps = 0
        self.physics_time = 0.0
        self.mjcf, self.actuators = sim.spec.mjcf, sim.spec.actuators
        self._watched_ids: list[int] = []
        self._pushes: list[tuple[int, str, Sequence[float]]] = []  # those that the next step will feel
        self.contact_room = sim.contact_room
        self.curriculum = self.random.curriculum if self.random.curriculum.running else None
        self._can_overflow = type(sim).overflows is not Simulator.overflows

    def reset(self) -> Observations:
        """Start everywhere. Episodes begin staggered in nothing: all are new."""
        self.task.level = self.random.level
        with boundary(f"task {self.task.name} could not begin", SimulatorError, TaskError):
            self._reset_envs(torch.arange(self.sim.num_envs, device=self.sim.device))
            self._obs = self._observe()
        self._fresh = self._obs.sum()
        if self.random.noise is not None:
            self.random.noise.show(self._obs, self.random.level)
        return self.observe()

    def observe(self) -> Observations:
        """The current observation; with noise on it, the critic's is without."""
        noise = self.random.noise
        return {"policy": self._obs if noise is None else noise.shown, "critic": self._obs}

    @torch.no_grad()
    def step(self, actions: Tensor) -> tuple[Observations, Tensor, Tensor, Tensor, StepInfo]:
        """Advance one control period; see `VecEnv.step` for the shapes.

        The order inside a step, and what is fresh in it:
        1. actions become actuator commands, held for the whole period (with latency: a period that begins later);
        2. physics: `control_period / sim.dt` simulator steps of `sim.substeps` integrator steps each;
        3. the task refreshes what it derives from the new state (positions and velocities are those at the end of the
           period; contact forces those of its last integrator step) and runs its timers;
        4. endings: success before failure before time-out; an env whose physics failed ends as a failure "unstable";
           a success that does not end the task (`Task.success_ends`) is told of, and the time-out truncates;
        5. rewards, from the state that the action led to, plus the reward of the ending;
        6. the observation of that state: `info.final_obs` for the envs that ended;
        7. envs that ended are reset; the returned observation is computed after that, so theirs is the new first one.
        """
        self._num_steps += 1
        with boundary(f"task {self.task.name} failed in step {self._num_steps}", SimulatorError, TaskError):
            return self._step(actions)

    def _step(self, actions: Tensor) -> tuple[Observations, Tensor, Tensor, Tensor, StepInfo]:
        task, random, shown = self.task, self.random, self._obs
        if self.curriculum is not None:
            self.curriculum.progress += 1
            task.level = self.curriculum.level
        ctrl = task.controls(actions.clamp(-1.0, 1.0))
        started = time.perf_counter()
        unstable = self._move(ctrl)
        self.physics_time += time.perf_counter() - started

        task.episode_step += 1
        task.refresh()
        task.advance()
        success, failed, truncated, reached = self._endings(unstable)
        rewards = self._rewards(unstable, success, failed, truncated)
        task.remember()
        self._episode_return += rewards

        terminated = (success & ~truncated) | failed
        ended = terminated | truncated
        watched = self._watched(ctrl) if self._watched_ids else None
        self._obs = self._observe()
        self._obs.masked_fill_(unstable[:, None], 0.0)  # nothing bootstraps from it: the episode has failed
        if random.noise is not None:
            random.noise.show(self._obs, random.level)
        final_obs = self.observe()
        total = self._fresh + actions.sum() + rewards.sum() + self._obs.sum()
        ended_ids, finite = checks.ended_and(ended, total)
        if not finite:
            self._require_finite(shown, actions, rewards)
        episodes: dict[str, Tensor] = {}
        if len(ended_ids):
            episodes = self._episode_sums(ended_ids, success, truncated, reached)
            self._reset_envs(ended_ids)
            self._obs = self._observe()
            self._fresh = self._obs.sum()
            if random.noise is not None:
                random.noise.show_some(self._obs, ended_ids, random.level)
        info = StepInfo(final_obs, success, reached, episodes, watched)
        return self.observe(), rewards, terminated, truncated, info

    def _require_finite(self, shown: Tensor, actions: Tensor, rewards: Tensor) -> None:
        """Raise EnvError naming what is not finite, causes first; a sum may overflow where every number is finite."""
        layout = self.spec.observation_terms["policy"]
        found = checks.bad_columns(shown, layout)
        if not found and not actions.isfinite().all():
            raise EnvError(bad_actions(actions))
        found = found or checks.bad_rows(self._terms, self.task.reward_terms)
        found = found or checks.bad_columns(self._obs, layout)
        if not found and not rewards.isfinite().all():
            found = ["the reward, the sum of its terms, is not finite"]
        if found:
            raise EnvError(f"task {self.task.name}: {'; '.join(found)}, in step {self._num_steps}")

    def _move(self, ctrl: Tensor) -> Tensor:
        """Physics of one control period under `ctrl`; returns which envs failed in it, `[N]` bool."""
        sim, random = self.sim, self.random
        acting = [(ctrl, self._steps_per_control)]
        if random.latency is not None:
            acting = random.latency.schedule(ctrl)
        if random.pushes is not None:
            random.pushes.advance(random.level)
        unstable: Optional[Tensor] = None
        for commands, steps in acting:
            if unstable is not None:  # a force acts during one call of step: once more
                for push in self._pushes:
                    sim.push(*push)
            if random.pushes is not None:
                sim.apply_force(random.pushes.body, random.pushes.acting)
            sim.step(commands, steps)
            # A copy, because the simulator forgets with its next step and with a reset.
            unstable = sim.unstable.clone() if unstable is None else unstable | sim.unstable
        self._pushes.clear()
        assert unstable is not None
        return unstable

    def _watched(self, ctrl: Tensor) -> Watched:
        rows, pushes = self._watched_ids, self.random.pushes
        terms = self._terms[:, rows].T.cpu().numpy()
        forces = {} if pushes is None else {pushes.body: pushes.acting[rows].cpu().numpy()}
        return Watched(self.poses(rows), ctrl[rows].cpu().numpy(), terms, forces)

    def _endings(self, unstable: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        task = self.task
        reached = self._values("success", task.success_terms)
        reached = {f"success/{name}": value & ~unstable for name, value in reached.items()}
        missed = self._values("failure", task.failure_terms)
        missed = {f"failure/{name}": value for name, value in missed.items()}
        missed["failure/unstable"] = unstable
        none = torch.zeros_like(unstable)
        success = torch.stack([*reached.values(), none]).any(dim=0)
        failed = torch.stack(list(missed.values())).any(dim=0) & ~success
        final = failed | success if task.success_ends else failed
        truncated = (task.episode_step >= task.max_episode_length) & ~final
        return success, failed, truncated, {**reached, **missed}

    def _rewards(self, unstable: Tensor, success: Tensor, failed: Tensor, truncated: Tensor) -> Tensor:
        for row, value in zip(self._terms, self._values("reward", self.task.reward_terms).values()):
            row.copy_(value)
        self._terms *= self._weights
        # An exploded env's state says nothing: its last reward is that of the ending alone.
        self._terms.masked_fill_(unstable, 0.0)
        self._term_returns += self._terms
        ending = self._end_rewards
        return (
            self._terms.sum(dim=0)
            + ending["success"] * success
            + ending["failure"] * failed
            + ending["timeout"] * (truncated & ~success)
        )

    def _observe(self) -> Tensor:
        return torch.cat(list(self._values("observation", self.task.observation_terms).values()), dim=-1)

    def _values(self, kind: str, terms: Mapping[str, Term]) -> dict[str, Tensor]:
        """What the terms say now; the first time it is checked that this is what they promise."""
        values = {name: term() for name, term in terms.items()}
        if kind in self._unchecked:
            self._unchecked.discard(kind)
            sizes, n, device = (
                dict(self.spec.observation_terms["policy"]),
                self.spec.num_envs,
                self.sim.device,
            )
            for name, value in values.items():
                shape = (n, sizes[name]) if kind == "observation" else (n,)
                checks.check_value(self.task.name, kind, name, value, shape, device.type)
        return values

    def _episode_sums(
        self, ids: Tensor, success: Tensor, truncated: Tensor, reached: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Sums over the envs `ids`, whose episodes ended; none of what timed out early because its age was made up."""
        head_start = self._head_start[ids]
        whole = (~truncated[ids] | (head_start == 0)).float()
        sums = {
            "count": whole.sum(),
            "return": (whole * self._episode_return[ids]).sum(),
            "length": (whole * (self.task.episode_step[ids] - head_start)).sum(),
            "success": (whole * success[ids]).sum(),
            "timeout": (whole * truncated[ids]).sum(),
        }
        for name, flags in reached.items():
            sums[name] = (whole * flags[ids]).sum()
        for name, returns in zip(self.task.reward_terms, (whole * self._term_returns[:, ids]).sum(-1)):
            sums[f"reward/{name}"] = returns
        return sums

    def _reset_envs(self, ids: Tensor) -> None:
        self.task.episode_step[ids] = 0
        self._head_start[ids] = 0
        self._episode_return[ids] = 0.0
        self._term_returns[:, ids] = 0.0
        self.random.reset(ids)
        self.sim.reset(ids, self.task.reset(ids))
        self.task.refresh()

    def stagger(self) -> None:
        """Spread the episodes' ages evenly, so that envs do not all time out in the same step."""
        length, n = self.spec.max_episode_length, self.spec.num_envs
        self._head_start += torch.arange(n, device=self.spec.device) * length // n
        self.task.episode_step += self._head_start

    def watch(self, envs: Sequence[int]) -> None:
        """See `VecEnv.watch`."""
        self._watched_ids = list(envs)

    def poses(self, envs: Sequence[int]) -> dict[str, Any]:
        """See `VecEnv.poses`."""
        return {name: array for name, array in self.sim.render_states(envs).items() if name != "ctrl"}

    def episode_start(self, env: int) -> dict[str, Any]:
        """The simulator's whole state of one env, and its `delay` where commands are late, in simulator steps."""
        start = {name: value.numpy() for name, value in self.sim.state([env]).items()}
        latency = self.random.latency
        return start if latency is None else {**start, "delay": latency.delay[env].clone().cpu().numpy()}

    def push(self, env: int, body: str, force: Sequence[float]) -> None:
        """See `VecEnv.push`."""
        try:
            self.sim.push(env, body, force)
        except SimulatorError as error:
            raise EnvError(str(error)) from error
        self._pushes.append((env, body, force))

    def metrics(self) -> dict[str, float]:
        """See `VecEnv.metrics`: contacts that found no room, where a simulator has such limits; the curriculum."""
        found = {"physics/overflow": float(self.sim.overflows())} if self._can_overflow else {}
        if self.curriculum is not None:
            found["randomization/level"] = self.curriculum.level
        return found

    def snapshot(self) -> dict[str, Tensor]:
        """The simulator's poses of all envs, with the policy's observation."""
        poses = self.sim.render_states(range(self.spec.num_envs))
        return {"obs": self._obs.clone(), **{name: torch.as_tensor(value) for name, value in poses.items()}}

    def state(self) -> dict[str, Any]:
        """Simulator, task memory, counters, the task's random generator and what is randomised."""
        random = self.random.state()
        return {
            "sim": self.sim.state(),
            "task": {name: tensor.clone() for name, tensor in self.task.memory().items()},
            "episode_step": self.task.episode_step.clone(),
            "head_start": self._head_start.clone(),
            "episode_return": self._episode_return.clone(),
            "term_returns": self._term_returns.clone(),
            "obs": self._obs.clone(),
            "generator": self.task.generator.get_state(),
            **({"randomization": random} if random else {}),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue bit-exactly; raises EnvError when the state is of another number of envs, simulator or terms."""
        counters = {
            "episode_step": self.task.episode_step,
            "head_start": self._head_start,
            "episode_return": self._episode_return,
            "term_returns": self._term_returns,
            "obs": self._obs,
        }
        state = {"head_start": torch.zeros_like(self._head_start), **state}  # older states have none
        for name, tensor in {**counters, **{f"task.{k}": v for k, v in self.task.memory().items()}}.items():
            source = state["task"][name[5:]] if name.startswith("task.") else state[name]
            if source.shape != tensor.shape:
                raise EnvError(
                    f"the saved {name} has shape {tuple(source.shape)}, this env {tuple(tensor.shape)}:"
                    " the number of envs or the terms differ"
                )
            tensor.copy_(source)
        self.random.load_state(state.get("randomization", {}))
        self.task.level = self.random.level
        try:
            self.sim.load_state(state["sim"])
        except SimulatorError as error:
            raise EnvError(str(error)) from error
        self.task.generator.set_state(state["generator"])
        self.task.refresh()

    def close(self) -> None:
        """Release the simulator."""
        self.sim.close()


def _mirror(task: Task, layout: tuple[tuple[str, int], ...]) -> Optional[Mirror]:
    """The images that the task gives term by term, joined over the observation's `layout` of (term, size).

    Raises EnvError where a term of the observation has no image or one of another size.
    """
    images = task.mirror()
    if images is None:
        return None
    for name, size in (*layout, ("actions", len(task.action_names))):
        source, sign = images.get(name, ((), ()))
        if sorted(source) != list(range(size)) or len(sign) != size:
            raise EnvError(f"{task.name}.mirror: the image of {name} must rearrange its {size} numbers")
    sources: list[int] = []
    signs: list[float] = []
    for name, _ in layout:
        source, sign = images[name]
        sources += [len(signs) + index for index in source]
        signs += sign
    observation = (tuple(sources), tuple(signs))
    source, sign = images["actions"]
    return Mirror({"policy": observation, "critic": observation}, (tuple(source), tuple(sign)))
