"""A simulator and a task as one environment."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env import checks
from rlkit.env.api import (
    EnvError,
    EnvSpec,
    Observations,
    Step,
    StepInfo,
    VecEnv,
    Watched,
    bad_actions,
)
from rlkit.env.foreign import boundary
from rlkit.env.ghost import Ghost
from rlkit.env.groups import Groups, total_of
from rlkit.env.randomization.everything import Randomization
from rlkit.env.saving import Saving
from rlkit.env.sums import EpisodeSums
from rlkit.sims.api import Simulator
from rlkit.tasks.api import Chosen, Task, TaskError, Term


class TaskEnv(VecEnv):
    """N copies of a task on a simulator.

    learning: whether the curriculum of `task.randomization` runs; where not, everything is at its end, and episodes
    tell their facts.
    Raises SimulatorError or TaskError for a randomisation that cannot be, or no actions. `reset` and `step` raise
    EnvError naming the term for a value of another shape or dtype than the task promises, when it is first asked for,
    and for any number that is not finite; and for whatever else the task's own code raises.
    """

    unstable_hint = "where physics fails, a smaller sim.dt, more sim.substeps or physics=accurate helps"

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
        self.groups = Groups(task)
        self.spec = EnvSpec(
            task=task.name,
            num_envs=n,
            device=device,
            obs_sizes=self.groups.sizes,
            num_actions=len(task.action_names),
            action_names=task.action_names,
            max_episode_length=task.max_episode_length,
            control_period=task.control_period,
            observation_terms=self.groups.layouts,
            reward_terms=tuple(task.reward_weights),
            metrics=tuple(task.metric_terms),
            metric_units=task.metric_units(),
            success_criteria=tuple(task.success_terms),
            failure_criteria=tuple(task.failure_terms),
            mirror=self.groups.mirror(task),
            noisy=self.random.noisy,
            scenarios=task.scenarios,
            scenario_noun=task.scenario_noun,
            facts=task.told_facts(),
            success_words=task.success_words(),
        )
        checks.check_names(task.name, self.spec)
        task.learning = learning
        task.tells_facts = bool(task.fact_terms) and not learning
        end_rewards = task.config["terminationRewards"]
        self._end_rewards = {name: float(end_rewards[name]) for name in ("success", "failure", "timeout")}
        self._sums = EpisodeSums(task)
        self._weights = torch.tensor(list(task.reward_weights.values()), device=device)[:, None]
        self._terms = torch.zeros(len(task.reward_weights), n, device=device)
        self._obs = self.groups.zeros(n, device)  # the own groups, without noise
        self._fresh = torch.zeros((), device=device)  # sum of the first observations that were shown last
        self._unchecked = set(checks.DTYPES)  # kinds of terms whose values nobody has looked at yet
        self._num_steps, self.physics_time = 0, 0.0
        self.mjcf, self.actuators = sim.spec.mjcf, sim.spec.actuators
        self._watched_ids: list[int] = []
        self._ghost = Ghost(sim, task)
        self._pushes: list[tuple[int, str, Sequence[float]]] = []  # those that the next step will feel
        self.contact_room, self.latent_size, self.showing = sim.contact_room, task.held_latents, task.showing
        self.curriculum = self.random.curriculum if self.random.curriculum.running else None
        self._can_overflow = type(sim).overflows is not Simulator.overflows
        self._saving = Saving(sim, task, self.random, self._sums)
        self.after_physics: Callable[[], None] | None = None  # of whoever looks at states before any is reset

    def reset(self) -> Observations:
        """See `VecEnv.reset`. Episodes begin staggered in nothing: all are new."""
        self.random.rests = False
        return self._begin(None)

    def begin_scenarios(self, scenarios: Tensor) -> Observations:
        """See `VecEnv.begin_scenarios`."""
        if not self.spec.scenarios:
            return super().begin_scenarios(scenarios)
        self.random.rests = True
        return self._begin(scenarios)

    def _begin(self, scenarios: Tensor | None) -> Observations:
        self.task.level = self.random.curriculum.level
        with boundary(f"task {self.task.name} could not begin"):
            self._reset_envs(torch.arange(self.sim.num_envs, device=self.sim.device), scenarios)
            self._obs = self._observe()
        self._fresh = total_of(self._obs)
        if self.random.noise is not None:
            self.random.noise.show(self._obs["policy"], self.random.level)
        return self.observe()

    @torch.no_grad()
    def demonstrations(self, group: str, count: int) -> Tensor:
        """See `VecEnv.demonstrations`, `[count, size]`."""
        return self.groups.demonstrated(group, self.task.demonstrations(count))

    def observe(self) -> Observations:
        """See `VecEnv.observe`; with noise on it, all but the policy's are without."""
        noise = self.random.noise
        return self.groups.shown(self._obs, self._obs["policy"] if noise is None else noise.shown)

    def ask(self, groups: Sequence[str]) -> None:
        self.groups.ask(groups)

    @torch.no_grad()
    def step(self, actions: Tensor) -> Step:
        """Advance one control period; see `VecEnv.step` for the shapes.

        The order inside a step, and what is fresh in it:
        1. actions become actuator commands, held for the whole period (with latency: a period that begins later);
        2. physics: `control_period / sim.dt` simulator steps of `sim.substeps` integrator steps each;
        3. the task refreshes what it derives from the new state (positions and velocities are those at the end of the
           period; contact forces those of its last integrator step) and runs its timers;
        4. endings: success before failure before time-out; an env whose physics failed ends as a failure "unstable";
           a success that does not end the task (`Task.success_ends`) is told of, and the time-out truncates;
        5. rewards, from the state that the action led to, plus the reward of the ending; then the task's metrics;
        6. the observation of that state: `info.final_obs` for the envs that ended;
        7. envs that ended are reset; the returned observation is computed after that, so theirs is the new first one.
        """
        self._num_steps += 1
        with boundary(f"task {self.task.name} failed in step {self._num_steps}"):
            return self._step(actions)

    def _step(self, actions: Tensor) -> Step:
        task, random, shown = self.task, self.random, self._obs
        if self.curriculum is not None:
            self.curriculum.progress += 1
            task.level = self.curriculum.level
        ctrl = task.controls(actions.clamp(-1.0, 1.0))
        started = time.perf_counter()
        unstable = self._move(ctrl)
        self.physics_time += time.perf_counter() - started
        if self.after_physics is not None:
            self.after_physics()

        task.episode_step += 1
        task.refresh()
        task.advance()
        success, failed, truncated, reached = self._endings(unstable)
        rewards = self._rewards(unstable, success, failed, truncated)
        metrics = self._values("metric", task.metric_terms)
        self._sums.add(rewards, self._terms, metrics, unstable)
        task.remember()

        terminated = (success & ~truncated) | failed
        ended = terminated | truncated
        task.ending(failed, ended)
        watched = self._watched(ctrl, metrics) if self._watched_ids else None
        self._obs = self._observe()
        for obs in self._obs.values():
            obs.masked_fill_(unstable[:, None], 0.0)  # nothing bootstraps from it: the episode has failed
        if random.noise is not None:
            random.noise.show(self._obs["policy"], random.level)
        final_obs = self.observe()
        total = self._fresh + actions.sum() + rewards.sum() + total_of(self._obs)
        ended_ids, finite = checks.ended_and(ended, total)
        if not finite:
            self._require_finite(shown, actions, rewards)
        episodes: dict[str, Tensor] = {}
        facts: dict[str, Tensor] = {}
        if len(ended_ids):
            episodes = self._sums.over(ended_ids, success, truncated, reached)
            if task.tells_facts:
                facts = {name: value.clone() for name, value in self._values("fact", task.fact_terms).items()}
            self._reset_envs(ended_ids)
            self._obs = self._observe()
            self._fresh = total_of(self._obs)
            if random.noise is not None:
                random.noise.show_some(self._obs["policy"], ended_ids, random.level)
        info = StepInfo(final_obs, success, reached, episodes, watched, facts)
        return Step(self.observe(), rewards, terminated, truncated, info)

    def _require_finite(self, shown: Observations, actions: Tensor, rewards: Tensor) -> None:
        """Raise EnvError naming what is not finite, causes first; a sum may overflow where every number is finite."""
        found = checks.bad_groups(shown, self.groups.layouts)
        if not found and not actions.isfinite().all():
            raise EnvError(bad_actions(actions))
        found = found or checks.bad_rows(self._terms, self.task.reward_terms)
        found = found or checks.bad_groups(self._obs, self.groups.layouts)
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
        unstable: Tensor | None = None
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

    def _watched(self, ctrl: Tensor, metrics: Mapping[str, Tensor]) -> Watched:
        rows, pushes = self._watched_ids, self.random.pushes
        measured = torch.stack([*metrics.values()]) if metrics else self._terms[:0]
        terms, measured = (values[:, rows].T.cpu().numpy() for values in (self._terms, measured))
        forces = {} if pushes is None else {pushes.body: pushes.acting[rows].cpu().numpy()}
        return Watched(self.poses(rows), ctrl[rows].cpu().numpy(), terms, measured, forces)

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
        truncated = task.out_of_time() & ~final
        variants = {} if task.learning else {f"task/{name}": of for name, of in task.variants().items()}
        return success, failed, truncated, {**reached, **missed, **variants}

    def _rewards(self, unstable: Tensor, success: Tensor, failed: Tensor, truncated: Tensor) -> Tensor:
        for row, value in zip(self._terms, self._values("reward", self.task.reward_terms).values()):
            row.copy_(value)
        self._terms *= self._weights
        # An exploded env's state says nothing: its last reward is that of the ending alone.
        self._terms.masked_fill_(unstable, 0.0)
        ending = self._end_rewards
        return (
            self._terms.sum(dim=0)
            + ending["success"] * success
            + ending["failure"] * failed
            + ending["timeout"] * (truncated & ~success)
        )

    def _observe(self) -> Observations:
        return self.groups.joined(self._values("observation", self.groups.terms))

    def _values(self, kind: str, terms: Mapping[str, Term]) -> dict[str, Tensor]:
        """What the terms say now; the first time it is checked that this is what they promise."""
        values = {name: term() for name, term in terms.items()}
        if kind in self._unchecked:
            self._unchecked.discard(kind)
            sizes, n = self.task.observation_sizes(), self.spec.num_envs
            for name, value in values.items():
                shape = (n, sizes[name]) if kind == "observation" else (n,)
                checks.check_value(self.task.name, kind, name, value, shape, self.sim.device.type)
        return values

    def _reset_envs(self, ids: Tensor, scenarios: Tensor | None = None) -> None:
        self.task.head_start[ids] = 0
        self._sums.clear(ids)
        state = self.task.begin(ids, scenarios)  # may give envs other models, to be scaled
        self.random.reset(ids)
        self.sim.reset(ids, state)
        self.task.refresh()

    def stagger(self) -> None:
        """Spread the episodes' ages evenly, so that envs do not all time out in the same step."""
        length, n = self.spec.max_episode_length, self.spec.num_envs
        self.task.head_start += torch.arange(n, device=self.spec.device) * length // n
        self.task.episode_step += self.task.head_start

    def learn_from(self, success: Tensor, facts: Mapping[str, Tensor]) -> None:
        with boundary(f"task {self.task.name} could not learn from an evaluation"):
            self.task.evaluated(success, facts)

    def shared_state(self) -> dict[str, Tensor]:
        """See `VecEnv.shared_state`; copies."""
        return {name: tensor.clone() for name, tensor in self.task.shared_state().items()}

    def load_shared_state(self, state: Mapping[str, Tensor]) -> None:
        """See `VecEnv.load_shared_state`."""
        self.task.load_shared_state(state)

    def reseed(self, seed: int) -> None:
        """See `VecEnv.reseed`: the task's generator, and those of what is randomised."""
        self.task.generator.manual_seed(seed)
        self.random.reseed(seed)

    def deployment(self) -> Mapping[str, Any]:
        """See `VecEnv.deployment`."""
        return self.task.deployment()

    def watch(self, envs: Sequence[int]) -> None:
        self._watched_ids = list(envs)

    def poses(self, envs: Sequence[int]) -> dict[str, Any]:
        states = {name: array for name, array in self.sim.render_states(envs).items() if name != "ctrl"}
        return {**states, **self._ghost.beside(states["qpos"], envs)}

    def model_of(self, env: int) -> str:
        return self.sim.model_of(env)

    def playing(self, env: int) -> str:
        return self.task.playing(env)

    def episode_start(self, env: int) -> dict[str, Any]:
        """The simulator's whole state of one env, and its `delay` where commands are late, in simulator steps."""
        start = {name: value.numpy() for name, value in self.sim.state([env]).items()}
        latency = self.random.latency
        return start if latency is None else {**start, "delay": latency.delay[env].clone().cpu().numpy()}

    def push(self, env: int, body: str, force: Sequence[float]) -> None:
        self.sim.push(env, body, force)
        self._pushes.append((env, body, force))

    def hold_latent(self, env: int, latent: Sequence[float]) -> None:
        self.task.hold_latent(env, latent)

    def show_targets(self, env: int, chosen: Chosen) -> None:
        self.task.show_targets(env, chosen)

    def metrics(self) -> dict[str, float]:
        """See `VecEnv.metrics`: contacts that found no room, where a simulator has such limits; the curriculum."""
        found = {"physics/overflow": float(self.sim.overflows())} if self._can_overflow else {}
        if self.curriculum is not None:
            found["randomization/level"] = self.curriculum.level
        return found

    def snapshot(self) -> dict[str, Tensor]:
        """See `VecEnv.snapshot`: the simulator's `render_states`, with the policy's observation."""
        poses = self.sim.render_states(range(self.spec.num_envs))
        return {
            "obs": self._obs["policy"].clone(),
            **{name: torch.as_tensor(value) for name, value in poses.items()},
        }

    def state(self) -> dict[str, Any]:
        """Simulator, task memory, counters, the task's random generator and what is randomised."""
        return self._saving.state(self._obs)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue bit-exactly; raises EnvError when the state is of other envs, simulator, terms or kind of device."""
        self._saving.load(state, self._obs)
        if len(self.groups.own) > 1:
            self._load_groups(state.get("groups", {}))

    def _load_groups(self, saved: Mapping[str, Tensor]) -> None:
        """Other groups than the policy's as they were saved; what is new, or of other terms, as it is now."""
        for group, obs in self._observe().items():
            same = group in saved and saved[group].shape == obs.shape
            if group != "policy":
                self._obs[group] = saved[group].to(obs.device, copy=True) if same else obs

    def close(self) -> None:
        self.sim.close()
