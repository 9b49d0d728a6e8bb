"""Distill: a student learns what a trained policy would do in the states that the student comes to."""

from __future__ import annotations

import logging
import math
import time
from typing import Any, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec, Observations, VecEnv
from rlkit.learners import ranks
from rlkit.learners.acting import detached, noise_generator
from rlkit.learners.api import Act, Fit, Iteration, Learner, LearnerError, Policy
from rlkit.learners.distill.samples import Replay, Rows, joined, minibatches
from rlkit.learners.distill.settings import Settings, StudentSettings
from rlkit.learners.distill.student import Imitator, Student
from rlkit.learners.networks.weights import transfer
from rlkit.learners.optimizers import Adam, go_on
from rlkit.learners.saved import copied, require_fit, require_parts, sizes_of
from rlkit.learners.settings import read_settings

log = logging.getLogger("rlkit")

TEACHER = "teacher"
"""The observation group that the teacher acts by."""


class Distill(Learner):
    """DAgger (Ross et al. 2011, arXiv 1011.0686): the student acts, the teacher says what it would have done; see
    docs/distill.md.

    train: the `train` section, flat. seed: of everything random in here, which has its own generator. A training needs
    `imitate` before its first iteration; acting, saving and loading do not. Raises LearnerError for settings that do
    not fit the env. With several ranks, building and iterating are collective; each has a generator and a replay of
    its own, and env_steps counts the envs of all.
    """

    groups: tuple[str, ...] = ("policy", "teacher")
    settings_class: type[StudentSettings] = Settings

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        self.spec, self.settings = spec, read_settings(self.settings_class, train)
        self.groups = ("policy",)  # until there is a teacher, whose observations cost something
        rank, self._num_ranks = ranks.place()
        self.generator = torch.Generator(device=spec.device).manual_seed(seed + rank)
        with torch.random.fork_rng([spec.device] if spec.device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.student = self._make_student().to(spec.device)
        ranks.begin_alike(self.student)
        self._gradients = ranks.Gradients(self.student.parameters())
        self.optimizer = Adam(self.student.parameters(), lr=self.settings.learning_rate)
        self.replay: Replay | None = None  # made with the first rollout: a test needs none
        self.iteration = 0
        self._teacher: Act | None = None
        self._taught_by = ""

    def _make_student(self) -> Student:
        assert isinstance(self.settings, Settings)
        return Imitator(self.spec, self.settings)

    def imitate(self, teacher: Act, digest: str) -> None:
        """See `Learner.imitate`."""
        self._teacher, self._taught_by = teacher, digest
        self.groups = type(self).groups

    # Learning.

    @property
    def teacher_share(self) -> float:
        """The share of this iteration's steps in which the teacher acts."""
        most, length = self.settings.teacher_share, self.settings.teacher_iterations
        return most * max(0.0, 1.0 - self.iteration / length) if length else 0.0

    def iterate(self, env: VecEnv) -> Iteration:
        """`horizon_length` steps of every env, then the passes over them.

        The env has been reset (or restored) by the caller. Raises LearnerError on a non-finite loss.
        """
        started = time.perf_counter()
        rollout, metrics = self._collect(env)
        collected = time.perf_counter()
        metrics.update(self._learn(rollout))
        self.iteration += 1
        return Iteration(
            env_steps=len(rollout["label"]) * self._num_ranks,
            metrics=metrics,
            collect_time=collected - started,
            update_time=time.perf_counter() - collected,
        )

    @torch.no_grad()
    def _collect(self, env: VecEnv) -> tuple[Rows, dict[str, float]]:
        """The rows of a rollout `[B, size]`, and how far the student was from the teacher in it."""
        if self._teacher is None:
            raise LearnerError("a student without a teacher cannot learn: Learner.imitate gives it one")
        settings, share, generator = self.settings, self.teacher_share, self.generator
        obs, steps = env.observe(), []
        squares = torch.zeros((), device=self.spec.device)
        for _ in range(settings.horizon_length):
            label = self._teacher({"policy": obs[TEACHER]})
            seen = {group: obs[group] for group in self.student.seen}
            own = self.student.acting(seen, generator)
            squares += (own - label).square().mean()
            action = self._noisy(own, generator)
            if share > 0.0:
                chance = torch.rand(len(own), 1, generator=generator, device=own.device)
                action = torch.where(chance < share, label, action)
            steps.append({**seen, "label": label})
            obs = env.step(action).obs
        rollout = {name: torch.cat([step[name] for step in steps]) for name in steps[0]}
        error = float((squares / settings.horizon_length).sqrt())
        return rollout, {"imitation/error": error, "imitation/teacher_share": share}

    def _noisy(self, action: Tensor, generator: torch.Generator) -> Tensor:
        if not self.settings.noise:
            return action
        noise = torch.randn(action.shape, generator=generator, device=action.device)
        return (action + self.settings.noise * noise).clamp(-1.0, 1.0)

    def _learn(self, rollout: Rows) -> dict[str, float]:
        """Gradient steps on a rollout `[B, size]` and as many rows of the replay; means of their losses."""
        settings, replay = self.settings, self._room_for(rollout)
        self.student.observe(rollout)
        series: dict[str, list[Tensor]] = {}
        for batch in minibatches(rollout, settings.minibatch_size, settings.mini_epochs, self.generator):
            if replay.count:
                batch = joined(batch, replay.draw(len(batch["label"]), self.generator))
            for name, value in self._step(batch).items():
                series.setdefault(name, []).append(value)
        replay.add(rollout)
        means = torch.stack([torch.stack(values).mean() for values in series.values()]).tolist()
        metrics = dict(zip(series, means))
        bad = [name for name, value in metrics.items() if not math.isfinite(value)]
        if bad:
            raise LearnerError(
                f"{type(self).__name__} diverged in iteration {self.iteration}: NaN or Inf in {', '.join(bad)}."
                " A smaller train.learning_rate or train.max_grad_norm=1 usually helps."
            )
        if settings.replay_size:
            metrics["replay/fill"] = replay.count / replay.capacity
        return metrics

    def _step(self, batch: Rows) -> dict[str, Tensor]:
        losses = self.student.losses(batch, self.generator, self.iteration)
        self.optimizer.zero_grad()
        losses["loss"].backward()
        self._gradients.average()
        most = self.settings.max_grad_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.student.parameters(), most)
        self.optimizer.step()
        told = {name: value.detach() for name, value in losses.items() if name != "loss"}
        return {**told, "policy/grad_norm": norm}

    def _room_for(self, rollout: Rows) -> Replay:
        if self.replay is None:
            sizes = {name: rows.shape[1] for name, rows in rollout.items()}
            self.replay = Replay(self.settings.replay_size, sizes, self.spec.device)
        return self.replay

    # Acting.

    def policy(self, *, stochastic: bool = False) -> Policy:
        """The student's actions for any number of rows; stochastic: with what it draws, and `train.noise`."""
        generator = noise_generator(self.spec.device)

        @Policy
        @torch.no_grad()
        def act(obs: Observations) -> Tensor:
            if not stochastic:
                return self.student(obs["policy"])
            return self._noisy(self.student.drawn(obs["policy"], generator), generator)

        return act

    def network(self) -> nn.Module:
        return detached(self.student)

    def describe(self) -> list[str]:
        count = sum(parameter.numel() for parameter in self.student.parameters())
        batch = self.settings.horizon_length * self.spec.num_envs
        return [
            f"{type(self).__name__}: {count:,} parameters, {batch:,} samples an iteration in minibatches of"
            f" {self.settings.minibatch_size:,}, {self.settings.mini_epochs} times over",
            *(
                f"  {name} {tuple(tensor.shape)}"
                for name, tensor in self.student.state_dict().items()
                if tensor.dim()
            ),
        ]

    # Saving.

    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """A snapshot of tensors (copies) and plain values: all of the student, nothing of the teacher but its digest.
        The replay only with train.save_buffer=true."""
        state = copied(
            {
                "sizes": sizes_of(self.spec),
                "iteration": self.iteration,
                "student": self.student.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "generator": self.generator.get_state(),
                "teacher": self._taught_by,
            }
        )
        if experience and self.settings.save_buffer and self.replay is not None:
            state["replay"] = self.replay.state()
        return state

    def policy_state(self) -> dict[str, Any]:
        """See `Learner.policy_state`: the student's network."""
        return copied({"sizes": sizes_of(self.spec), "student": self.student.state_dict()})

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """Continue from `state()`; with `policy_only` take the student's network alone.

        Raises LearnerError, before anything is changed, when sizes or networks differ.
        """
        require_parts(type(self).__name__, state, "sizes", "student")
        require_fit(
            state["sizes"], self.spec, {"student": (self.student, state["student"])}, policy_only=policy_only
        )
        state = copied(dict(state))
        self.student.load_state_dict(state["student"])
        if policy_only:
            return
        go_on(self.optimizer, state["optimizer"], self.settings.learning_rate)
        self.iteration = state["iteration"]
        ranks.go_on_drawing(self.generator, state["generator"])
        self.complete = self._load_replay(state) and self._same_teacher(state["teacher"])

    def _load_replay(self, state: Mapping[str, Any]) -> bool:
        """Whether the replay goes on as it was."""
        if not self.settings.replay_size:
            return True
        if "replay" in state:
            sizes = {name: rows.shape[1] for name, rows in state["replay"]["rows"].items()}
            self.replay = Replay(self.settings.replay_size, sizes, self.spec.device)
            if self.replay.load(state["replay"]):
                return True
        log.info("the student's replay was not saved (train.save_buffer=true does that); it fills anew")
        return False

    def _same_teacher(self, digest: str) -> bool:
        if digest == self._taught_by:
            return True
        log.warning("the teacher is another than the one that the student has learnt from until now")
        return False

    def initialize(self, weights: Mapping[str, Tensor]) -> Fit:
        """See `Learner.initialize`: a checkpoint's student, or layers of a policy from elsewhere.

        The optimiser and all counters begin anew.
        """
        own = {f"student.{name}": tensor for name, tensor in self.student.state_dict().items()}
        return transfer(own, weights, actor=("student.trunk.", "student.head."))
